"""The plan of a flow: which part moves, for how long, in which order, and how each is computed."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from odenet.ir.model import Flow, Table
from odenet.ir.node import Node
from odenet.schemes.numbers import Exact

DURATION = "h"  # `variable("h")` in the nodes of a `Closed` advance is the duration of the substep


@dataclass(frozen=True)
class Closed:
    """An exact flow in closed form.

    `rows` give each moved block's NEW value as a node over the states before the substep, parameters, `time` (the clock at the
    start of the substep) and `variable("h")` (its duration, a scalar, may be negative). All rows read the old state.
    `reason` names why it is exact: `shear`, `diagonal`, `scalar`.
    """

    rows: tuple[tuple[str, Node], ...]
    reason: str


@dataclass(frozen=True)
class Linear:
    """The exact flow of x' = M x + b over the moved blocks, by the matrix exponential.

    `blocks` are the moved blocks, all scalars or all vectors; `matrix[i][j]` maps block j into row i (None: zero; a scalar
    or a matrix), `offset[i]` is b's row (None: zero); all free of states and of explicit time.
    """

    blocks: tuple[str, ...]
    matrix: tuple[tuple[Node | None, ...], ...]
    offset: tuple[Node | None, ...]


@dataclass(frozen=True)
class RungeKutta:
    """One step of a Runge-Kutta method on the rates of one field. `is_explicit`: strictly lower triangular."""

    rates: tuple[tuple[str, Node], ...]
    table: Table
    is_explicit: bool


@dataclass(frozen=True)
class Relax:
    """`inner` step to y, then back along the step so that the quadratic `invariant` is kept (Calvo et al. 2006; Ketcheson 2019)."""

    inner: RungeKutta
    invariant: Node


@dataclass(frozen=True)
class DiscreteGradient:
    """Gonzalez' midpoint discrete gradient on a field that is grad V, or J grad V when `is_hamiltonian` (`potential` is V).

    The rows of a Hamiltonian field are position and momentum by turns.
    With d = y - x and m = (x + y) / 2: y = x + h S g, g = grad V(m) + (V(y) - V(x) - grad V(m) . d) d / (d . d), S = I or J;
    the sums run over the moved blocks.
    """

    rates: tuple[tuple[str, Node], ...]
    potential: Node | None
    is_hamiltonian: bool = False


Advance = Union[Closed, Linear, RungeKutta, Relax, DiscreteGradient]


@dataclass(frozen=True)
class Substep:
    """Part number `part` of the flow moves for `coefficient` steps, with the clock at `clock` steps after the start of the step.

    A coefficient and a clock are exact multiples of the step length. Only the part named first moves the clock.
    """

    part: int
    coefficient: Exact
    clock: Exact


@dataclass(frozen=True)
class Plan:
    """How a flow is run.

    `step` is one whole step, unmerged across steps. When the last substep of a step may be merged with the first of the next,
    the N steps are `opening`, then N - 1 times `repeated`, then `closing`; `merged` says so (else these three are empty).
    In `repeated` and `closing` the clock counts from the start of the step that the first of their substeps belongs to.
    """

    flow: Flow
    advances: tuple[Advance, ...]  # one for each part of the flow
    step: tuple[Substep, ...]
    merged: bool
    opening: tuple[Substep, ...] = ()
    repeated: tuple[Substep, ...] = ()
    closing: tuple[Substep, ...] = ()
