"""`field` with torchdiffeq: the same method on the same steps is the module, others come near, adjoints give its gradients."""
from __future__ import annotations

import pytest
import torch
from torchdiffeq import odeint, odeint_adjoint

from .networks import inputs, network, written

# One part, with each method that both have; torchdiffeq's `rk4` is Kutta's 3/8 rule.
HEAD = """model {model}
dim n = 3, N = 7
state x : R[n]
method three_eighths = table([0, 1/3, 2/3, 1], [[0, 0, 0, 0], [1/3, 0, 0, 0], [-1/3, 1, 0, 0], [1, -1, 1, 0]],
                             [1/8, 3/8, 3/8, 1/8])
"""
RATES = {
    "plain": "param A : R[n, n]\nfield f { x' = tanh(A @ x) }\n",
    "timed": "param A : R[n, n]\nfield f { x' = tanh(A @ x) * cos(3 * t) }\n",
    "piecewise": "param A(t) : R[n, n], skew\nparam b(t) : R[n]\nfield f { x' = tanh(A @ x + b) }\n",
    "knots": "param A(t) : R[n, n], linear(3)\nfield f { x' = tanh(A @ x) }\n",
}
METHODS = {"euler": "euler", "midpoint": "midpoint", "heun": "heun2", "three_eighths": "rk4"}


def made(rates, method, end):
    """A flow of one part from 0 to `end` in seven steps, in float64."""
    flow = f"flow net = lie(f: {method}) over [0, {end}] steps N\n"
    torch.manual_seed(0)
    return written(HEAD.format(model="Flow") + RATES[rates] + flow, f"{rates}_{method}_{end}")(dtype=torch.float64)


def start(batch=4):
    torch.manual_seed(1)
    return torch.randn(batch, 3, dtype=torch.float64)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rates", RATES)
def test_the_same_method_on_the_same_steps_is_the_module(rates, method):
    """`perturb` keeps the ends of a step inside it: there the field of a piecewise parameter jumps, at whole numbers here."""
    model, x, times = made(rates, method, 7), start(), torch.arange(8, dtype=torch.float64)
    states = odeint(model.field, x, times, method=METHODS[method], options={"perturb": rates == "piecewise"})
    assert torch.allclose(states, model.trajectory(x), atol=1e-13)
    assert torch.allclose(states[-1], model(x), atol=1e-13)


def at(model, moment):
    """The right-hand side as it is at one moment."""
    return lambda t, y: model.field(moment, y)


@pytest.mark.parametrize("method", METHODS)
def test_steps_that_end_anywhere(method):
    """Seven steps to 2: their ends are rounded, so each step is solved with the field as it is in its middle."""
    model, x = made("piecewise", method, 2), start()
    ends = torch.linspace(0, 2, 8, dtype=torch.float64)
    states = [x]
    for span in ends.unfold(0, 2, 1):
        states.append(odeint(at(model, span.mean()), states[-1], span, method=METHODS[method])[-1])
    assert torch.allclose(torch.stack(states), model.trajectory(x), atol=1e-13)


def test_float32_falls_into_the_same_steps():
    model, x = made("piecewise", "three_eighths", 7).float(), start().float()
    states = odeint(model.field, x, torch.arange(8.0), method="rk4", options={"perturb": True})
    assert torch.allclose(states, model.trajectory(x), atol=1e-5)


@pytest.mark.parametrize("rates", ["plain", "piecewise"])
def test_adjoints_give_the_gradients_of_the_solution(rates):
    """The adjoint equation of a fine grid against automatic differentiation through the same grid."""
    model, x, grid = made(rates, "three_eighths", 7), start(), torch.arange(7 * 20 + 1, dtype=torch.float64) / 20
    found = []
    for solve in (odeint_adjoint, odeint):
        model.zero_grad()
        extra = {"adjoint_params": tuple(model.parameters())} if solve is odeint_adjoint else {}
        end = solve(model.field, x, grid, method="rk4", options={"perturb": True}, **extra)[-1]
        end.square().sum().backward()
        found.append([p.grad.clone() for p in model.parameters()])
    for adjoint, through in zip(*found, strict=True):
        assert torch.allclose(adjoint, through, atol=1e-5, rtol=1e-5)
        assert adjoint.abs().max() > 1e-2


def test_a_splitting_comes_near_the_solution_of_its_field():
    """Several blocks: a tuple goes in and comes out. Strang splitting is off by O(h^2), a solver in control of its error is not."""
    model = network("pendulum", dtype=torch.float64)
    q, p = inputs("pendulum", 4, dtype=torch.float64)
    times = torch.linspace(0, 10, 2, dtype=torch.float64)
    exact = odeint(lambda t, y: model.field(t, *y), (q, p), times, method="dopri8", rtol=1e-10, atol=1e-10)
    with torch.no_grad():
        found = model(q, p)
    error = max((block[-1] - own).abs().max() for block, own in zip(exact, found, strict=True))
    assert 1e-6 < error < 0.1


def test_explicit_time():
    """The field of a driven oscillator, its clock included, against the symplectic flow of 400 steps."""
    model = network("driven_duffing", dtype=torch.float64)
    q, p = inputs("driven_duffing", 4, dtype=torch.float64)
    times = torch.linspace(0, 20, 401, dtype=torch.float64)
    exact = odeint(lambda t, y: model.field(t, *y), (0.1 * q, 0.1 * p), times, method="dopri5", rtol=1e-9, atol=1e-9)[0]
    states = model.trajectory(0.1 * q, 0.1 * p)[0]
    assert (exact[:41] - states[:41]).abs().max() < 5e-3
