"""`odenet certify` from the command line: files of all kinds, exit statuses, what it prints."""

from __future__ import annotations

import functools
import json
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from odenet.cli import commands
from odenet.driver import load

SPEC = """model Small
dim n = 5, L = 2
state x : R[n]
param A(t) : R[n, n], orthogonal
param b(t) : R[n]
param h(t) : R, in [0.11, 1.89]
field contract { x' = -h * A.T @ leaky_relu(A @ x + b, 1/2) }
flow layers = lie(contract: euler) over [0, L] steps L
net classifier : R[4] -> R[3] = embed(n) -> layers -> linear(norm <= 1)
claim contract   : nonexpansive
claim classifier : lipschitz(1)
"""
REFUTED = "model M\nstate x : R\nfield f { x' = x }\nflow g = lie(f: euler) over [0, 1] steps 1\nclaim g : nonexpansive\n"


class RunsCode:
    def __reduce__(self):
        return (print, ("code ran",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certify")
    (folder / "small.ode").write_text(SPEC)
    (folder / "refuted.ode").write_text(REFUTED)
    torch.manual_seed(0)
    state = load(folder / "small.ode").module()().state_dict()
    torch.save(state, folder / "good.pt")
    save_file(state, folder / "good.safetensors")
    draw = np.random.default_rng(0)
    x = draw.normal(size=(12, 4)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=draw.integers(0, 3, 12))
    save_file({"x": torch.from_numpy(x), "y": torch.zeros(12, dtype=torch.int64)}, folder / "data.safetensors")
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def call(*arguments, spec="small.ode", weights="good.pt"):
        result = CliRunner().invoke(commands, ["certify", spec, weights, *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    return call


def test_bounds_are_printed(run) -> None:
    result = run()
    assert result.exit_code == 0
    for text in ("A", "orthogonal", "proved by the compiler): <= 1", "all layers together", "rounding:"):
        assert text in result.output


def test_both_kinds_of_files_give_the_same(run) -> None:
    one, two = (json.loads(run("--format", "json", weights=w).stdout) for w in ("good.pt", "good.safetensors"))
    assert one == two


def test_json_has_its_keys(run) -> None:
    found = json.loads(run("--format", "json", "--data", "data.npz", "--radii", "0,0.1,1").stdout)
    keys = "model digest dtype proved residuals gap layers norms product constant measured rounding data"
    assert set(found) == set(keys.split())
    assert found["model"] == "Small" and found["dtype"] == "float32" and found["proved"] == 1.0 and found["gap"] is None
    assert found["measured"] <= found["constant"] <= found["product"] * (1 + 1e-9) <= found["norms"] * (1 + 1e-9)
    assert {"parameter", "set", "measure", "distance", "outside", "values"} == set(found["residuals"][0])
    assert {"shapes", "operations", "norms", "constant"} == set(found["layers"][0])
    assert set(found["data"]) == {"count", "rounding", "attack", "broken", "accuracy"} and found["data"]["count"] == 12
    certified = [row["certified"] for row in found["data"]["accuracy"]]
    assert certified == sorted(certified, reverse=True)


def test_wide_weights_are_bounded_in_their_precision(run, folder) -> None:
    torch.save({k: v.double() for k, v in torch.load(folder / "good.pt").items()}, folder / "wide.pt")
    found = json.loads(run("--format", "json", weights="wide.pt").stdout)
    assert found["dtype"] == "float64" and found["rounding"]["at_centre"] < 1e-12


def test_missing_files(run) -> None:
    for arguments in ({"weights": "none.pt"}, {"weights": "none.safetensors"}, {"spec": "none.ode"}, {"weights": "."}):
        result = run(**arguments)
        assert result.exit_code == 2 and "cannot read" in result.output
    for data in ("none.npz", "none.safetensors", "."):
        result = run("--data", data)
        assert result.exit_code == 2 and "cannot read" in result.output


def test_wrong_shapes_name_the_option(run) -> None:
    result = run("--set", "n=6")
    assert result.exit_code == 2 and "--set" in result.output and "`A` has shape [2, 5, 5]" in result.output


def test_code_in_a_pickle_is_not_run(run, folder) -> None:
    (folder / "code.pt").write_bytes(pickle.dumps({"A": RunsCode()}))
    torch.save({"A": RunsCode()}, folder / "code2.pt")
    np.savez(folder / "code.npz", x=np.array([RunsCode()], object), y=np.zeros(1, int))
    for arguments, keywords in (((), {"weights": "code.pt"}), ((), {"weights": "code2.pt"}), (("--data", "code.npz"), {})):
        result = run(*arguments, **keywords)
        assert result.exit_code == 2 and "code ran" not in result.output


def other(folder, name, **changes):
    state = torch.load(folder / "good.pt")
    state.update(changes)
    torch.save({k: v for k, v in state.items() if v is not None}, folder / name)


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"h": None}, "missing h"),
        ({"more": torch.zeros(1)}, "unknown more"),
        ({"h": torch.full((2,), float("nan"))}, "not finite"),
        ({"h": torch.zeros(2, dtype=torch.int64)}, "int64"),
        ({"h": torch.zeros(2, dtype=torch.complex64)}, "complex64"),
        ({"h": torch.zeros(2, dtype=torch.float16)}, "float16"),
        ({"h": torch.zeros(2, dtype=torch.bfloat16)}, "bfloat16"),
        ({"h": torch.zeros(2, dtype=torch.float64)}, "float64"),
        ({"h": torch.zeros(2).to_sparse()}, "plain tensors"),
        ({"h": torch.zeros(0)}, "shape"),
    ],
)
def test_weights_that_do_not_fit_say_why(run, folder, changes, text) -> None:
    other(folder, "other.pt", **changes)
    result = run(weights="other.pt")
    assert result.exit_code == 2 and text in result.output


@pytest.mark.parametrize("value", [1e10, 1e20, 3e38, -3e38, 1e-40])
def test_huge_weights_give_bounds_or_say_why(run, folder, value: float) -> None:
    state = torch.load(folder / "good.pt")
    torch.save({k: torch.full_like(v, value) for k, v in state.items()}, folder / "huge.pt")
    result = run("--format", "json", "--data", "data.npz", weights="huge.pt")
    found = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert result.exit_code in (0, 1)
    assert run(weights="huge.pt").exit_code in (0, 1)
    assert found["gap"] or found["constant"] is None or found["measured"] <= found["constant"] * (1 + 1e-6)


@pytest.mark.parametrize(
    "arrays, text",
    [
        ({"x": np.zeros((3, 5)), "y": np.zeros(3, int)}, "the model takes [count, 4]"),
        ({"x": np.zeros((3, 2, 2)), "y": np.zeros(3, int)}, "the model takes [count, 4]"),
        ({"x": np.zeros((3, 4)), "y": np.zeros(2, int)}, "one whole number for each"),
        ({"x": np.zeros((3, 4)), "y": np.zeros(3)}, "one whole number for each"),
        ({"x": np.zeros((3, 4), complex), "y": np.zeros(3, int)}, "must hold numbers"),
        ({"x": np.zeros((0, 4)), "y": np.zeros(0, int)}, "must hold numbers"),
        ({"x": np.array(1.0), "y": np.array(1)}, "must hold numbers"),
        ({"x": np.full((3, 4), np.nan), "y": np.zeros(3, int)}, "not finite"),
        ({"x": np.full((3, 4), 1e300), "y": np.zeros(3, int)}, "too large"),
        ({"x": np.zeros((3, 4)), "y": np.full(3, 3)}, "3 score(s)"),
        ({"x": np.zeros((3, 4)), "y": np.full(3, -1)}, "3 score(s)"),
        ({"x": np.zeros((3, 4)), "y": np.full(3, 2**64 - 1, np.uint64)}, "3 score(s)"),
        ({"z": np.zeros((3, 4))}, "are needed"),
        ({"x": np.array(["a"] * 3), "y": np.zeros(3, int)}, "must hold numbers"),
    ],
)
def test_data_that_do_not_fit_say_why(run, folder, arrays, text) -> None:
    np.savez(folder / "other.npz", **arrays)
    result = run("--data", "other.npz")
    assert result.exit_code == 2 and text in " ".join(result.output.split())


def test_one_array_is_not_enough(run, folder) -> None:
    np.save(folder / "one.npy", np.zeros((3, 4)))
    result = run("--data", "one.npy")
    assert result.exit_code == 2 and "holds one array" in result.output


@pytest.mark.parametrize("name", ["good.pt", "good.safetensors", "data.npz", "data.safetensors"])
def test_broken_files_end_in_a_message(run, folder, monkeypatch, name: str) -> None:
    from odenet.certify import files

    whole = (folder / name).read_bytes()
    draw = random.Random(name)
    kind = "." + name.rsplit(".", maxsplit=1)[1]
    cases = [b"", b"\0" * 100, whole[:-1], whole[: len(whole) // 2], whole[:10]]
    cases += [b"PK\3\4" + bytes(30), b"\x80\x04.", b"\x93NUMPY\x01\x00"]
    for _ in range(60):
        part = bytearray(whole)
        for _ in range(draw.choice((1, 3, 30))):
            part[draw.randrange(len(part))] = draw.randrange(256)
        cases.append(bytes(part))
    for case in cases:
        path = folder / f"broken{kind}"
        path.write_bytes(case)
        try:
            found = files.read_data(str(path), (4,), None) if name.startswith("data") else files.read_weights(str(path))
        except files.Unreadable as error:
            assert str(path) in str(error) or "`x`" in str(error)
            continue
        assert found  # what was changed does not matter


WRONG = (
    "--radii a",
    "--radii -1",
    "--radii nan",
    "--radii=",
    "--radii inf",
    "--limit 0",
    "--attack pgd",
    "--plot p.png",
    "--seed -1",
)


@pytest.mark.parametrize("arguments", [*WRONG, "--format xml"])
def test_wrong_calls_end_with_status_2(run, arguments: str) -> None:
    assert run(*arguments.split()).exit_code == 2


def test_a_refuted_claim_ends_with_status_1(run) -> None:
    result = run(spec="refuted.ode")
    assert result.exit_code == 1 and "refuted" in result.output


def test_a_parameter_out_of_its_set_ends_with_status_1(run, monkeypatch) -> None:
    from odenet.certify import files

    def bypassed(module, weights):
        filled = whole(module, weights)
        monkeypatch.setattr(sys.modules[type(filled).__module__], "orthogonal", lambda raw: 3 * torch.eye(5).expand(2, 5, 5))
        return filled

    whole = files.fill
    monkeypatch.setattr(files, "fill", bypassed)
    result = run()
    assert result.exit_code == 1 and "not in the set" in result.output
    found = json.loads(run("--format", "json").stdout)
    assert found["constant"] > 1 and found["residuals"][0]["outside"]


def test_a_spec_without_a_map_says_so(run, folder) -> None:
    (folder / "field.ode").write_text("model M\nstate x : R\nfield f { x' = -x }\nclaim f : nonexpansive\n")
    torch.save({}, folder / "empty.pt")
    result = run(spec="field.ode", weights="empty.pt")
    assert result.exit_code == 0 and "no map to bound" in result.output
    assert run("--data", "data.npz", spec="field.ode", weights="empty.pt").exit_code == 2


def test_data_need_scores(run, folder) -> None:
    lines = "model M", "state x : R[2, 4, 4]", "field f { x' = -x }", "flow g = lie(f: euler) over [0, 1] steps 1"
    (folder / "image.ode").write_text("\n".join(lines) + "\n")
    torch.save({}, folder / "empty.pt")
    np.savez(folder / "images.npz", x=np.zeros((3, 2, 4, 4)), y=np.zeros(3, int))
    result = run("--data", "images.npz", spec="image.ode", weights="empty.pt")
    assert result.exit_code == 2 and "one vector of scores" in result.output


def test_a_picture_is_written_whole_or_not_at_all(run, folder, monkeypatch) -> None:
    target = folder / "p.png"
    assert run("--data", "data.npz", "--plot", "p.png").exit_code == 0
    before = target.read_bytes()
    assert before.startswith(b"\x89PNG")

    def fails(self, file, **_):
        with open(file, "wb") as stream:
            stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fails)
    result = run("--data", "data.npz", "--plot", "p.png")
    assert result.exit_code == 2 and "No space left" in result.output
    assert target.read_bytes() == before
    assert not list(folder.glob(".p.png*"))
    monkeypatch.undo()


@pytest.mark.parametrize("target", ["none/p.png", "p.strange", "."])
def test_a_picture_that_cannot_be_written_says_so(run, target: str) -> None:
    result = run("--data", "data.npz", "--plot", target)
    assert result.exit_code == 2 and "cannot write" in result.output


def test_interrupted(folder) -> None:
    spec = SPEC.replace("L = 2", "L = 4000").replace("n = 5", "n = 40")
    (folder / "long.ode").write_text(spec)
    (folder / "long.pt").write_bytes(b"")
    torch.save(load(folder / "long.ode").module()().state_dict(), folder / "long.pt")
    command = [sys.executable, "-m", "odenet", "certify", "long.ode", "long.pt"]
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # background shells make their children deaf
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard)  # noqa: PLW1509
    try:
        for _ in range(600):  # until torch is there: then bounds are on their way, and they take minutes
            if "libtorch_cpu" in Path(f"/proc/{process.pid}/maps").read_text():
                break
            time.sleep(0.1)
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode not in (0, 70)
    assert b"Traceback" not in errors and b"error" not in errors
