"""`odenet prune`: steps of length zero leave the module and the weights together."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from safetensors.torch import load_file, save_file

from odenet.driver import loads

SPEC = """model Small
dim n = 5, m = 4, L = 6
state x : R[n]
param A(t) : R[m, n], norm <= 1
param b(t) : R[m]
param c : R[n]
param h(t) : R, in [0, 2], clamped = 1
param g(t) : R, nonnegative, clamped = 1
field down { x' = -h * A.T @ relu(A @ x + b) }
field slow { x' = -g * (x - c) }
flow net = lie(down: euler, slow) over [0, L] steps L
net scores : R[n] -> R[3] = net -> linear(norm <= 1)
claim scores : lipschitz(1)
"""


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = loads(SPEC).module()()
    with torch.no_grad():
        made.h[torch.tensor([0, 3, 4])] = torch.tensor([-0.2, 0.0, 1e-4])
        made.g[torch.tensor([0, 2, 3, 4])] = torch.tensor([-1.0, 0.0, -0.1, 0.0])
    return made


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_steps_that_do_nothing_are_taken_out(run, tmp_path, network, ending):
    save = torch.save if ending == "pt" else save_file
    save(network.state_dict(), tmp_path / f"w.{ending}")
    result = run("prune", "small.ode", f"w.{ending}", "-o", "out", small=SPEC)
    assert result.exit_code == 0, result.output
    assert "L = 4 of 6, without steps 0, 3 (from 0); the next step size is 0.0001" in result.output
    assert "inputs: 0.0e+00" in result.output and "wrote out/small.py" in result.output
    path = tmp_path / "out" / f"small.{ending}"
    weights = torch.load(path, weights_only=True) if ending == "pt" else load_file(path)
    small = imported(tmp_path / "out" / "small.py").Small()
    small.load_state_dict(weights)
    x = torch.randn(7, 5)
    assert small.L == 4 and small.A.shape[0] == 4 and torch.allclose(small(x), network(x), atol=1e-6)


def test_below_a_size_the_change_is_measured(run, tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "w.pt")
    result = run("prune", "small.ode", "w.pt", "-o", "s.py", "--below", "1e-3", small=SPEC)
    assert result.exit_code == 0 and "L = 3 of 6, without steps 0, 3, 4" in result.output
    change = float(result.output.split("random inputs: ")[1].split(",")[0])
    assert 1e-7 < change < 1e-3
    assert "L: int = 3" in (tmp_path / "s.py").read_text() and (tmp_path / "s.pt").exists()


def test_one_step_stays(run, tmp_path, network):
    with torch.no_grad():
        network.h.zero_(), network.g.zero_()
    torch.save(network.state_dict(), tmp_path / "w.pt")
    assert "L = 1 of 6" in run("prune", "small.ode", "w.pt", small=SPEC).output


def test_nothing_to_take_out(run, tmp_path):
    torch.save(loads(SPEC).module()(L=2).state_dict(), tmp_path / "w.pt")  # the dims follow from the weights
    result = run("prune", "small.ode", "w.pt", small=SPEC)
    assert result.exit_code == 0 and "no step of 2 does nothing; the next step size is 1" in result.output


LAYER = (
    "model M\ndim n = 3, L = 4\nstate x : R[n]\nparam h(t) : R, in [0, 1], clamped\nparam A(t) : R[n, n]\n"
    "field f { x' = %s }\nflow net = lie(f: euler) over [0, %s] steps %s\n"
)


@pytest.mark.parametrize(
    "spec, why",
    [
        (LAYER % ("h * A @ x", "L", "4"), "is not a dim of its own"),
        (LAYER % ("h * A @ x", "1", "L"), "over [0, L] steps L"),
        (LAYER % ("h * A @ (t * x)", "L", "L"), "depends on t"),
        (LAYER % ("h * x", "n", "n"), "also a size in state x"),
        (LAYER % ("A @ tanh(x) + h * x - x", "L", "L"), "no multiple of a `param(t)`"),
        (LAYER.replace("clamped", "clamped, linear(3)") % ("h * x", "L", "L"), "is `linear` in time"),
    ],
)
def test_what_cannot_lose_steps_says_why(run, tmp_path, spec, why):
    torch.save(loads(spec).module()().state_dict(), tmp_path / "w.pt")
    result = run("prune", "m.ode", "w.pt", m=spec)
    assert result.exit_code == 2 and why in result.output, result.output
    assert not (tmp_path / "m_pruned.py").exists()


@pytest.mark.parametrize(
    "weights, why",
    [
        (None, "No such file"),
        (b"no weights", "no state dict"),
        ({"A": torch.zeros(2)}, "missing b"),
        ([1, 2], "not a state dict"),
    ],
)
def test_weights_that_cannot_be_used(run, tmp_path, weights, why):
    path = tmp_path / "w.pt"
    if isinstance(weights, bytes):
        path.write_bytes(weights)
    elif weights is not None:
        torch.save(weights, path)
    result = run("prune", "small.ode", "w.pt", small=SPEC)
    assert result.exit_code == 2 and why in result.output, result.output
