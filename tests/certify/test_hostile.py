"""Weights and data that are not what they seem are refused by what they say of themselves, before they take memory."""
from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from odenet.certify.analysis import certificate
from odenet.certify.files import Unreadable, read_data, read_weights
from odenet.cli import commands
from odenet.driver import loads

SPEC = "model M\ndim n = 4\nstate x : R[n]\nparam A : R[n, n], norm <= 1\nfield f { x' = -A.T @ relu(A @ x) }\n" \
       "flow g = lie(f: euler) over [0, 1] steps 1\nclaim g : lipschitz(1)\n"
WEIGHTS = {
    "meta": (torch.zeros(4, 4, device="meta"), "holds no numbers"),
    "expanded": (torch.zeros(1).expand(10**6, 10**6), "fewer numbers"),
    "sparse": (torch.eye(4).to_sparse(), "no plain tensor"),
    "half": (torch.zeros(4, 4).half(), "float16 numbers"),
    "int": (torch.zeros(4, 4, dtype=torch.int64), "int64 numbers"),
    "complex": (torch.zeros(4, 4, dtype=torch.complex64), "complex64 numbers"),
    "huge": (torch.full((4, 4), 1e300, dtype=torch.float64), ""),
    "not finite": (torch.full((4, 4), float("nan")), "not finite"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.ode").write_text(SPEC)
    return tmp_path


@pytest.mark.parametrize("command", ["prune", "graph", "certify"])
@pytest.mark.parametrize("name", WEIGHTS)
def test_odd_weights(folder, command, name):
    value, reason = WEIGHTS[name]
    torch.save({"A": value}, folder / "w.pt")
    result = CliRunner().invoke(commands, [command, "m.ode", "w.pt"])
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code == 2 or not reason
    assert reason in result.output


def test_strided_weights_are_weights(folder):
    torch.save({"A": torch.arange(16.0).reshape(4, 4).T / 100}, folder / "w.pt")
    assert CliRunner().invoke(commands, ["graph", "m.ode", "w.pt"]).exit_code == 0


@pytest.mark.parametrize("command", ["prune", "graph", "certify"])
def test_keys_are_spelled_out(folder, command):
    torch.save({"A": torch.eye(4), "evil\x1b[31m\n\u202e": torch.eye(4)}, folder / "w.pt")
    output = CliRunner().invoke(commands, [command, "m.ode", "w.pt"]).output
    assert "unknown evil\\x1b[31m\\x0a\\u{202e}" in output and "\x1b" not in output


def test_packed_weights(folder):
    torch.save({"A": torch.zeros(1000, 1000)}, folder / "w.pt")
    with zipfile.ZipFile("w.pt") as plain, zipfile.ZipFile("packed.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        for item in plain.infolist():
            packed.writestr(item.filename, plain.read(item.filename))
    with pytest.raises(Unreadable, match="is packed"):
        read_weights("packed.pt")
    with pytest.raises(Unreadable, match="it is no regular file"):
        read_weights("/dev/null")


def _arrays(path, **arrays):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array)
            archive.writestr(f"{name}.npy", content.getvalue())


def test_data_are_looked_at_by_names_and_shapes(folder, monkeypatch):
    x, y = np.arange(12.0).reshape(3, 4), np.arange(3)
    _arrays("fine.npz", x=x, y=y, bomb=np.zeros(10))
    read, open_ = [], zipfile.ZipFile.open

    def opened(self, name, *arguments, **more):
        read.append(str(name))
        return open_(self, name, *arguments, **more)

    monkeypatch.setattr(zipfile.ZipFile, "open", opened)
    found, labels = read_data("fine.npz", (4,), 2)
    assert found.tolist() == x[:2].tolist() and labels.tolist() == [0, 1]
    assert read and not any("bomb" in name for name in read)
    _arrays("wide.npz", x=np.zeros((3, 5)), y=y)
    with pytest.raises(Unreadable, match=r"`x` has shape \[3, 5\]"):
        read_data("wide.npz", (4,), None)
    monkeypatch.setattr("odenet.certify.files._LARGEST_DATA", 50)
    with pytest.raises(Unreadable, match="more than 50 bytes"):
        read_data("fine.npz", (4,), None)


def test_arrays_by_columns(folder):
    x = np.arange(12.0).reshape(3, 4)
    np.savez("fortran.npz", x=np.asfortranarray(x), y=np.arange(3))
    assert read_data("fortran.npz", (4,), 2)[0].tolist() == x[:2].tolist()
    assert read_data("fortran.npz", (4,), None)[0].tolist() == x.tolist()


def test_nothing_is_proved_of_a_module_of_another_spec():
    loaded = loads(SPEC)
    own = certificate(loaded, loaded.module()())
    assert own.proved == 1
    foreign = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    with torch.no_grad():
        foreign[0].weight.mul_(9)
    other = certificate(loaded, foreign)
    assert other.proved is None and other.residuals == ()
    with pytest.raises(ValueError, match="another text"):
        certificate(loads(SPEC.replace("steps 1", "steps 2")), loaded.module()())
