"""`torch.export` and `torch.compile`: one graph for every batch size, saved, loaded, with the constraints folded away."""
from __future__ import annotations

import io

import pytest
import torch

from .networks import SMALL, batched, exported, flat, folded, inputs, network, written

pytestmark = pytest.mark.filterwarnings("ignore:.*(get_attr|Failed to fetch|treespec)")  # of torch about its own folding
NAMES = sorted(set(SMALL) - {"driven_duffing"})  # 400 steps make long graphs; pendulum is of its kind
BATCHES = (1, 2, 9)
CHARTS = ("linalg", "matrix_exp", "softplus", "sigmoid", "fft", "softmax")
LINEAR = """model Turning
state x, y : R
param w : R, positive
field turn { x' = w * y  y' = -w * x - 1/10 * y }
flow net = lie(turn) over [0, 1] steps 2
"""


def operations(graph):
    return {str(node.target) for node in graph.graph.nodes if node.op == "call_function"}


@pytest.mark.parametrize("name", NAMES)
def test_a_program_is_saved_and_loaded(name):
    file = io.BytesIO()
    torch.export.save(exported(name), file)
    file.seek(0)
    loaded, own = torch.export.load(file).module(), network(name)
    for batch in BATCHES:
        x = inputs(name, batch, seed=batch)
        assert torch.allclose(flat(loaded(*x)), flat(own(*x)), atol=1e-5)  # a traced chart takes its other way


@pytest.mark.parametrize("name", NAMES)
def test_constraints_fold_away(name):
    """What a chart computes becomes a constant: the same numbers to rounding, and none of the charts' operations is left."""
    constant, own = folded(exported(name)), network(name)
    assert not [found for found in operations(constant) if any(word in found for word in CHARTS)]
    for batch in BATCHES:
        x = inputs(name, batch, seed=batch)
        assert torch.allclose(flat(constant(*x)), flat(own(*x)), atol=1e-5)


def test_constants_of_linear_parts_fold_when_decomposed():
    """The entries of a linear part take their type from the state, until `run_decompositions` writes it down."""
    own, x = written(LINEAR, "turning")(), (torch.randn(5), torch.randn(5))
    program = torch.export.export(own, x, dynamic_shapes=batched(x))
    assert any("matrix_exp" in found for found in operations(folded(program)))
    constant = folded(program.run_decompositions())
    assert not any("matrix_exp" in found for found in operations(constant))
    assert all(torch.equal(a, b) for a, b in zip(constant(*x), own(*x), strict=True))


def test_a_program_trains():
    """The parameters of a program are the raw ones, with the keys of the state dict."""
    program, own = exported("switching").module(), network("switching")
    x = inputs("switching", 4)
    program(*x).square().sum().backward()
    own(*x).square().sum().backward()
    assert [key for key, _ in program.named_parameters()] == list(own.state_dict())
    for (_, ours), theirs in zip(program.named_parameters(), own.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


@pytest.mark.parametrize("name", ["switching", "hamiltonian_net", "mass_preserving_sir"])
def test_compiled_once_for_all_batch_sizes(name):
    """Forward and backward as one graph each, and no second compilation for another batch."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    own, fast = network(name), network(name)
    fast.compile(mode="default", backend="aot_eager", dynamic=True, fullgraph=True)
    for batch in (5, 7, 11):  # a batch as large as a block would be taken for the same size
        x = inputs(name, batch, seed=batch)
        ours, theirs = flat(fast(*x)), flat(own(*x))
        assert torch.allclose(ours, theirs, atol=1e-6)
        ours.square().sum().backward()
        theirs.square().sum().backward()
    for a, b in zip(fast.parameters(), own.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-5, rtol=1e-4)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
