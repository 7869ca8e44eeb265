"""The image experiments: data is read as it lies, what is certified is not broken, evaluation starts from saved weights."""
from __future__ import annotations

import gzip
import io
import json
import math
import runpy
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

SCRIPTS = Path(__file__).parents[2] / "docs" / "experiments"


@pytest.fixture(name="scripts")
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.fixture(name="images")
def shared(scripts):
    import images

    return images


def call(script, monkeypatch, *words):
    """The exit status of a script that is run in this process."""
    monkeypatch.setattr(sys, "argv", [script, *map(str, words)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(SCRIPTS / f"{script}.py"), run_name="__main__")
    return end.value.code


@pytest.mark.parametrize("script", ["fashion", "cifar"])
def test_a_quick_run(script, scripts, monkeypatch, tmp_path, capsys):
    words = ("--quick", "--seeds", 1, "--runs", tmp_path, "--attacked", 8)
    only = ("--only", "flexible", "--only", "flexible evaluated")
    assert call(script, monkeypatch, *words, *only) == 0
    path = tmp_path / "flexible-evaluated-0.json"
    first = json.loads(path.read_text())["results"]
    assert first["images"] == 8 and 0 < first["constant"] < first["proved"] == 1 and first["contradicted"] == 0
    assert len(first["steps"]) == 2 and len(first["certified"]) == len(first["attacked"]) == 9
    assert first["attacked"] == sorted(first["attacked"], reverse=True)
    trained = (tmp_path / "weights" / "flexible-0.safetensors").stat().st_mtime_ns
    assert call(script, monkeypatch, *words, *only, "--again") == 0
    again = json.loads(path.read_text())["results"]
    assert {**again, "seconds": 0} == {**first, "seconds": 0}
    assert (tmp_path / "weights" / "flexible-0.safetensors").stat().st_mtime_ns == trained


def test_tables_and_picture(images):
    from matplotlib.figure import Figure

    rows = [0.9 - 0.05 * i for i in range(9)]
    run = {"parameters": 1234, "seconds": 60.0, "certified": rows, "attacked": rows, "images": 8,
           "same": rows, "proved": 1.0, "contradicted": 0, "constant": 0.9,
           "curve": [0.9 - 0.01 * i for i in range(51)], "steps": [[0.5, 0.1], [1.2, -0.3]]}
    results = {name: [run, run] for base in ("residual", "flexible") for name in (base, base + images.EVALUATED)}
    tables = images.tables(results)
    assert "| flexible | 90.0 ± 0.0 | 85.0 ± 0.0 |" in tables["certified"]
    assert "| flexible | 1 | (0.500, 0.100) | (1.200, -0.300) |" in tables["steps"]
    assert "| flexible | 90.0 ± 0.0 (90.0) | 85.0 ± 0.0 (85.0) |" in tables["attacked"]
    assert "| residual | 1,234 | 60" in tables["networks"]
    for page in ("fashion", "cifar"):
        text = (SCRIPTS / f"{page}.md").read_text(encoding="utf-8")
        assert all(f"<!-- table: {name} -->\n" in text for name in tables)
    figure = Figure()
    images.draw(figure, results)
    assert len(figure.axes) == 2


def test_no_data(scripts, monkeypatch, tmp_path, capsys):
    assert call("fashion", monkeypatch, "--data", tmp_path, "--runs", tmp_path / "runs") == 1
    assert "apt install dataset-fashion-mnist" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert call("cifar", monkeypatch, "--runs", tmp_path / "runs") == 1
    assert "--data FOLDER" in capsys.readouterr().err


def test_fashion_is_read(scripts, tmp_path):
    import fashion

    pixels = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + pixels.tobytes()))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes([3, 9])))
    _, test = fashion.read(tmp_path)
    assert test.pixels.shape == (2, 4, 14, 14) and test.labels.tolist() == [3, 9]
    assert torch.nn.PixelShuffle(2)(test.pixels)[1, 0].flatten().tolist() == pixels[784:].tolist()


def test_cifar_is_read_once(scripts, tmp_path):
    import cifar
    from PIL import Image

    for part in ("train", "test"):
        with zipfile.ZipFile(tmp_path / f"{part}.zip", "w") as files:
            for number, name in enumerate(("cat", "airplane")):
                file = io.BytesIO()
                Image.new("RGB", (32, 32), (200 * number, 0, 0)).save(file, "JPEG")
                files.writestr(f"{name}/0000.jpg", file.getvalue())
    train, _ = cifar.read(tmp_path, tmp_path / "cache.npz")
    assert sorted(train.labels.tolist()) == [0, 1] and train.pixels.shape == (2, 12, 16, 16)
    airplane = train.pixels[train.labels.tolist().index(0)].float()
    assert abs(airplane[:4].mean() - 200) < 10 and airplane[4:].mean() < 10
    again, _ = cifar.read(None, tmp_path / "cache.npz")
    assert torch.equal(again.pixels, train.pixels)


def test_mirrored(images):
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(images.mirror(torch.nn.PixelUnshuffle(2)(x)), torch.nn.PixelUnshuffle(2)(x.flip(-1)))


def test_the_constants_hold(images):
    dims = {"m": 2, "d": 4, "c": 4, "L": 1}  # of the quick run, so that the modules are emitted once
    torch.manual_seed(0)
    for regime in images.REGIMES:
        network = images.network(regime, dims).double()
        constant = images.proved_constant(network, images.spec(regime), 2)
        assert constant == 1 or regime == "residual"
        x = torch.rand(8, 4, 4, 4, dtype=torch.float64)
        y = x + 0.1 * torch.randn_like(x)
        stretch = (network(x) - network(y)).norm(dim=1) / (x - y).flatten(1).norm(dim=1)
        assert stretch.max() <= constant * (1 + 1e-12) < math.inf


def test_the_peer(images):
    pytest.importorskip("deel.torchlip")
    network = images.peer(4, 2, 4, 2)
    x = torch.rand(8, 4, 4, 4)
    assert network(x).shape == (8, 10)
    network.eval()
    assert 0 < images.proved_constant(network, None, 2) < 1.01


def test_norms(images):
    kernel, x = torch.randn(3, 2, 3, 3, dtype=torch.float64), torch.eye(2 * 16, dtype=torch.float64).reshape(-1, 2, 4, 4)
    columns = torch.nn.functional.conv2d(torch.nn.functional.pad(x, (1, 1, 1, 1), mode="circular"), kernel).flatten(1)
    assert images._norm(kernel, 4) == pytest.approx(float(torch.linalg.matrix_norm(columns, ord=2)))
    small = torch.nn.functional.conv2d(torch.nn.functional.pad(x[..., :2, :2], (1, 1, 1, 1), mode="circular"), kernel).flatten(1)
    basis = torch.linalg.matrix_norm(small[[0, 1, 4, 5, 16, 17, 20, 21]], ord=2)
    assert images._norm(kernel, 2) == pytest.approx(float(basis))


def test_the_curves_of_the_steps(images):
    assert images.paper_step(0.5) == pytest.approx(0.1547, abs=1e-4)
    assert images.prescribed_step(1.0) == pytest.approx(0.3094, abs=1e-4)
    assert images.halved_step(1.0) == pytest.approx(1 / 3) and images.sharp_single(4 / 3) == pytest.approx(2)
    h = np.linspace(0.01, 1.89, 50)
    assert (images.sharp_step(h) > images.halved_step(h)).all()


def test_the_attack_finds_what_is_near(images):
    torch.manual_seed(0)

    class Threshold(torch.nn.Module):  # a step of more than 0.3 along the first pixel changes the answer
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()))

        def forward(self, x):
            first = self.scale * x.flatten(1)[:, 0]
            return torch.stack([first - 0.3, -first + 0.3, *[first - 9] * 8], 1)

    x = torch.zeros(4, 4, 2, 2)
    x[:, 0, 0, 0] = 0.6
    labels = torch.zeros(4, dtype=torch.int64)
    assert images.survives(Threshold(), x, labels, 0.25, 0).all()
    assert not images.survives(Threshold(), x, labels, 0.35, 0).any()
