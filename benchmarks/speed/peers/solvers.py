"""ODE solvers: torchdiffeq, torchdyn and torchode, with Euler's method and our number of steps.

Their field holds the orthogonal matrix itself, without a chart, so their time has none. Gradients are pulled back through
the chart afterwards, to be compared.
"""
from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.speed.peers.plain import cayley, shear
from benchmarks.speed.subject import Data, Trained, leaves, trained

STEP = 0.1


class Field(nn.Module):
    """x' = -A' tanh(A x + b), the field of specs.NEURAL."""

    def __init__(self, data: Data) -> None:
        super().__init__()
        self.A = nn.Parameter(cayley(data.parameters["A"]))
        self.b = nn.Parameter(data.parameters["b"].clone())

    def forward(self, t: Tensor, x: Tensor, args: object = None) -> Tensor:
        return -(torch.tanh(nn.functional.linear(x, self.A, self.b)) @ self.A)


def torchdiffeq(data: Data, steps: int, is_adjoint: bool = False) -> Trained:
    """`odeint`, or `odeint_adjoint`, which integrates backwards instead of keeping states."""
    from torchdiffeq import odeint, odeint_adjoint

    field, ends = Field(data), torch.tensor([0.0, STEP * steps], dtype=data.states[0].dtype)
    options = {"step_size": STEP}
    solve = odeint_adjoint if is_adjoint else odeint
    return _solved(data, field, lambda x: solve(field, x, ends, method="euler", options=options)[-1])


def hamiltonian_adjoint(data: Data, steps: int) -> Trained:
    """`odeint_adjoint` on the Hamiltonian field that specs.AUTONOMOUS has, by explicit Euler: it has no splitting."""
    from torchdiffeq import odeint_adjoint

    named, h = leaves(data), 1 / steps
    ends = torch.tensor([0.0, 1.0], dtype=data.states[0].dtype)

    def field(t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        q, p = state
        return shear(named["M"], named["c"], p), -shear(named["K"], named["a"], q)

    def call(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        found = odeint_adjoint(field, (q, p), ends, method="euler", options={"step_size": h}, adjoint_params=tuple(named.values()))
        return found[0][-1], found[1][-1]

    return trained(call, data, named)


def torchdyn(data: Data, steps: int, sensitivity: str = "autograd") -> Trained:
    """`NeuralODE`; its fixed steps are those of the times that it is given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchdyn.core import NeuralODE

    field = Field(data)
    flow = NeuralODE(field, solver="euler", sensitivity=sensitivity, solver_adjoint="euler", return_t_eval=False)
    times = torch.linspace(0.0, STEP * steps, steps + 1, dtype=data.states[0].dtype)
    return _solved(data, field, lambda x: flow(x, times)[-1])


def torchode(data: Data, steps: int) -> Trained:
    """`AutoDiffAdjoint`, which keeps a time and a step for each sample."""
    import torchode

    field, x = Field(data), data.states[0]
    term = torchode.ODETerm(field)
    solver = torchode.AutoDiffAdjoint(torchode.Euler(term), torchode.FixedStepController())
    start, h = x.new_zeros(len(x)), x.new_full((len(x),), STEP)

    def call(state: Tensor) -> Tensor:
        problem = torchode.InitialValueProblem(y0=state, t_start=start, t_end=start + STEP * steps)
        return solver.solve(problem, term, dt0=h).ys[:, -1]

    return _solved(data, field, call)


def _solved(data: Data, field: Field, call: Callable[[Tensor], Tensor]) -> Trained:
    raw = data.parameters["A"].clone().requires_grad_()

    def gradients() -> dict[str, Tensor]:
        pulled = torch.autograd.grad(cayley(raw), raw, field.A.grad)[0]
        return {"A": pulled, "b": field.b.grad}

    return trained(call, data, {}, tuple(field.parameters()), gradients)
