"""The ratios that are aimed at, and what is known about those that are missed."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.speed.measure import Table

Tables = Mapping[str, Table]


@dataclass(frozen=True)
class Goal:
    """`value` should be at least `bound` (or at most, when `is_most`). `why`: what is known when it is not."""

    text: str
    value: Callable[[Tables], float | None]
    bound: float
    why: str
    is_most: bool = False

    def is_met(self, found: float) -> bool:
        return found <= self.bound if self.is_most else found >= self.bound


def ratio(case: str, row: str, over: str = "odenet") -> Callable[[Tables], float | None]:
    """Median time of forward and backward of a row over another's; None where one was not measured."""

    def value(tables: Tables) -> float | None:
        found = tables[case].ratio(row, over) if case in tables else None
        return None if found is None else found.median

    return value


def kept_growth(row: str, few: str, many: str) -> Callable[[Tables], float | None]:
    """Bytes kept by a row in the case `many` over those in the case `few`."""

    def value(tables: Tables) -> float | None:
        rows = [tables[case].row(row) if case in tables else None for case in (few, many)]
        found = [r.bytes.kept for r in rows if r is not None and r.bytes is not None]
        return found[1] / found[0] if len(found) == 2 else None

    return value


ORTHOGONAL, FREE = "orthogonal flow, n = 64, 32 steps", "free matrices, n = 64, 32 steps"
NEURAL, UNDOING = "100 Euler steps of one field", "autonomous Hamiltonian flow"
UNDONE = "undoing evaluates each part once more before its gradient is taken"
GOALS = (
    Goal(f"{ORTHOGONAL}: `parametrizations.orthogonal` over odenet", ratio("orthogonal 64 x 32", "parametrizations.orthogonal"), 6,
         "the matrix products alone are a third of our time and the batched chart, whose factorisations torch computes one by one, "
         "another; both leave room for a ratio of about 7"),
    Goal(f"{FREE}: the plain loop over odenet", ratio("free 64 x 32", "plain loop"), 1.5,
         "indexing writes the whole stack once for each step of backward, which grows with the square of the steps; 32 are few"),
    Goal(f"{FREE}: share of the time that its matrix products take alone", ratio("free 64 x 32", "matrix products alone"), 0.8,
         "at n = 64 a product takes some ten microseconds, little more than torch needs to call it; a profile of the rest shows "
         "elementwise functions and sums, copies (a product that adds copies what it adds to), views and the sweep itself, each "
         "about an eighth of the whole"),
    Goal(f"{NEURAL}: torchdiffeq `odeint` over odenet", ratio("neural", "torchdiffeq odeint"), 3,
         "both have the activation to compute"),
    Goal(f"{NEURAL}: torchdiffeq `odeint_adjoint` over odenet, checkpoint",
         ratio("neural", "torchdiffeq odeint_adjoint", "odenet, checkpoint"), 5, "the steps are run once more"),
    Goal(f"{NEURAL}: torchdiffeq `odeint_adjoint` over odenet, invert",
         ratio("neural", "torchdiffeq odeint_adjoint", "odenet, invert"), 5,
         "an explicit Euler step is undone by an iteration that evaluates its field several times, to get exact gradients; shears "
         "are undone in one evaluation (next line). `checkpoint` needs as little at its peak, and is the better choice here"),
    Goal(f"{UNDOING}, 100 steps: torchdiffeq `odeint_adjoint` over odenet, invert",
         ratio("undoing x 100", "torchdiffeq odeint_adjoint", "odenet, invert"), 5,
         "both have as many products to compute, which are much of our time"),
    Goal(f"{UNDOING}: bytes kept by `invert` at 1,000 steps over those at 10",
         kept_growth("odenet, invert", "undoing x 10", "undoing x 1000"), 1.05, "something is kept for each step", True),
    Goal(f"{UNDOING}, 100 steps: time of `invert` over `store`", ratio("undoing x 100", "odenet, invert"), 1.6, UNDONE, True),
    Goal(f"{UNDOING}, 1,000 steps: time of `invert` over `store`", ratio("undoing x 1000", "odenet, invert"), 1.6, UNDONE, True),
    Goal("convolution block, circular padding: the unconstrained block of the paper over odenet",
         ratio("convolution", "plain block of the paper (U)"), 1,
         "the bound of the operator norm is computed in each call, and circular padding copies the image six times a step; the row "
         "that has its kernels given shows how much is which"),
    Goal("convolution block, zero padding: the unconstrained block of the paper over odenet",
         ratio("convolution", "plain block of the paper (U)", "odenet, zero padding"), 1,
         "with its kernels given the block takes as long as the plain one, within 2 in 100; the bound of the operator norm takes "
         "some 15 ms a call whatever the batch, a ninth of a batch of 32 images"),
)
