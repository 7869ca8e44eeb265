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


SMALL = ("at n = 64 a product takes some tens of microseconds, little more than what torch needs to call it and to record it for "
         "backward; without fused kernels or a compiled loop that share stays")
GOALS = (
    Goal("orthogonal flow, n = 64, 32 steps: `parametrizations.orthogonal` over odenet",
         ratio("orthogonal 64 x 32", "parametrizations.orthogonal"), 6,
         "its matrix exponentials are most of its time, but our products are not free: the loop, which both share, bounds the ratio"),
    Goal("free matrices, n = 64, 32 steps: the plain loop over odenet", ratio("free 64 x 32", "plain loop"), 1.5,
         "what indexing costs is a write of the whole stack for each step in backward, which grows with the square of the steps and is "
         "small at 32"),
    Goal("free matrices, n = 64, 32 steps: share of the time that its matrix products take alone",
         ratio("free 64 x 32", "matrix products alone"), 0.8, SMALL),
    Goal("100 Euler steps of one field: torchdiffeq `odeint` over odenet", ratio("neural", "torchdiffeq odeint"), 3,
         "backward, which is most of the time, is the same graph of torch for both"),
    Goal("100 Euler steps of one field: torchdiffeq `odeint_adjoint` over odenet with `backprop=\"invert\"`",
         ratio("neural", "torchdiffeq odeint_adjoint", "odenet, invert"), 5,
         "an explicit Euler step is undone by iteration, which evaluates the field several times where the adjoint evaluates it once"),
    Goal("autonomous Hamiltonian flow, `invert`: bytes kept at 1,000 steps over those at 10",
         kept_growth("odenet, invert", "undoing x 10", "undoing x 1000"), 1.05, "something is kept for each step", True),
    Goal("autonomous Hamiltonian flow, 100 steps: time of `invert` over `store`", ratio("undoing x 100", "odenet, invert"), 1.6,
         "undoing evaluates each part once more, and its gradients are a graph for each step", True),
    Goal("autonomous Hamiltonian flow, 1,000 steps: time of `invert` over `store`", ratio("undoing x 1000", "odenet, invert"), 1.6,
         "undoing evaluates each part once more, and its gradients are a graph for each step", True),
    Goal("convolution block: the unconstrained block of the paper over odenet", ratio("convolution", "plain block of the paper (U)"), 1,
         "the bound of the operator norm is computed in each call, and circular padding copies the image; the row of the plain loop, "
         "which has the kernels given, shows how much is which"),
)
