"""Under `torch.compile` a flow is one graph, whose size does not depend on the number of steps."""
from __future__ import annotations

import pytest
import torch
from compiling import SMALL, SPECS, as_tuple, compile_text, compiled

NAMES = sorted(path.stem for path in SPECS.glob("*.ode"))
LOOKS_AT_VALUES = ("implicit", "discrete", "turning")  # solvers that know from values when to stop
UNROLLED = ("driven_duffing", "schedules")  # explicit time


def traced(made, states):
    """Outputs, gradients and the number of nodes of the graphs when the module is compiled."""
    sizes = []

    def backend(graph, _):
        sizes.append(sum(len(m.graph.nodes) for m in graph.modules() if isinstance(m, torch.fx.GraphModule)))
        return graph.forward

    torch._dynamo.reset()
    done = as_tuple(torch.compile(made, fullgraph=True, backend=backend)(*states))
    return done, sizes


def with_steps(name, count):
    text = (SPECS / f"{name}.ode").read_text()
    for given in ("L = 16", "L = 9", "L = 6", "N = 3"):
        text = text.replace(given, given.split("=")[0] + f"= {count}")
    return compile_text(text.replace("steps 8", f"steps {count}").replace("steps 100", f"steps {count}"), proved=True)


@pytest.mark.parametrize("name", ["switching", "hamiltonian_net", "pendulum", "mass_preserving", "presnov"])
def test_the_graph_does_not_grow_with_the_steps(name):
    sizes = set()
    for count in (5, 40):
        found = with_steps(name, count)
        made = found.make(seed=41)
        states = found.states(found.model.flows[-1], {}, (3,))
        done, nodes = traced(made, states)
        assert len(nodes) == 1
        for a, b in zip(done, as_tuple(made(*states)), strict=True):
            assert torch.allclose(a, b, atol=1e-9 * float(1 + b.detach().abs().max()))
        sizes.add(nodes[0])
    assert len(sizes) == 1


@pytest.mark.parametrize("name", ["switching", "hamiltonian_net", "merged_schedule"])
def test_gradients_of_a_compiled_flow(name):
    found, dims = compiled(name), SMALL.get(name, {})
    made = found.make(seed=42, **dims)
    states = [s.requires_grad_() for s in found.states(found.model.flows[-1], dims, (3,))]
    torch._dynamo.reset()
    fast = torch.compile(made, fullgraph=True, backend="aot_eager")
    gradients = []
    for run in (made, fast):
        total = sum(y.square().sum() for y in as_tuple(run(*states)))
        gradients.append(torch.autograd.grad(total, (*made.parameters(), *states)))
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, atol=1e-11 * float(1 + a.abs().max()))


@pytest.mark.parametrize(("name", "dims", "dynamic"), [("pendulum", {}, None), ("switching", {"n": 4, "L": 3}, True)])
def test_inductor_compiles_it_as_documented(name, dims, dynamic):
    """`torch.compile(model)` and `model.compile(dynamic=True)`, without a word more: values and gradients."""
    found = compiled(name)
    made = found.make(seed=43, **dims)
    torch._dynamo.reset()
    fast = found.make(seed=43, **dims)
    if dynamic is None:
        fast = torch.compile(fast)
    else:
        fast.compile(dynamic=dynamic)
    for batch in (3, 5) if dynamic else (3,):
        states = [(s / 4).requires_grad_() for s in found.states(found.model.flows[-1], dims, (batch,))]
        rows = []
        for run in (made, fast):
            done = as_tuple(run(*states))
            total = sum(y.square().sum() for y in done)
            rows.append([*done, *torch.autograd.grad(total, (*run.parameters(), *states))])
        for a, b in zip(*rows, strict=True):
            assert torch.allclose(a, b, atol=1e-9 * float(1 + a.detach().abs().max()))
    with torch.no_grad():
        for a, b in zip(as_tuple(made(*states)), as_tuple(fast(*states)), strict=True):
            assert torch.allclose(a, b, atol=1e-9 * float(1 + a.abs().max()))
    torch._dynamo.reset()
