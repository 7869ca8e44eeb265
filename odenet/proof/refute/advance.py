"""Flows run step by step on rationals, balls and jets: the plan's own substeps, unmerged."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb_mat, ctx

from odenet.ir.model import ConvolutionSpace, Schedule
from odenet.ir.node import Node
from odenet.ir.sizes import Space
from odenet.plan.steps import DURATION, Advance, Closed, Linear, Plan, Relax, RungeKutta
from odenet.proof.refute.evaluate import Evaluator
from odenet.proof.refute.gradients import Step
from odenet.proof.refute.scalars import (
    ONE,
    ZERO,
    Jet,
    Scalar,
    Undefined,
    ball,
    core,
    exact,
    inner,
    is_nonzero,
    is_zero,
    largest,
    power,
    tame,
)
from odenet.proof.refute.shapes import shape_of
from odenet.proof.refute.stages import Coefficients, States, explicit, implicit
from odenet.proof.refute.tensors import Tensor
from odenet.schemes.numbers import Exact


@dataclass(frozen=True)
class Moment:
    """A substep of a part: which step of the flow, the clock at its start, its duration, whether its clock runs."""

    step: int
    clock: Scalar
    duration: Scalar
    runs: bool

    def at(self, node: Scalar) -> Scalar:
        """The clock at a fraction of the substep."""
        return self.clock + node * self.duration if self.runs else self.clock


@dataclass
class Runner:
    """Runs one flow at fixed dims and parameters.

    `still` are parameters with one value; `scheduled` have a schedule and a tuple of values: one per step (`piecewise`) or
    one per knot or coefficient.
    """

    plan: Plan
    dims: Mapping[str, int]
    still: Mapping[str, Tensor]
    scheduled: Mapping[str, tuple[Schedule, tuple[Tensor, ...]]]
    spaces: Mapping[str, ConvolutionSpace]
    known: dict[int, Evaluator] = field(default_factory=dict)
    numbers: dict[Exact, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        flow, plain = self.plan.flow, Evaluator(self.dims, self.still, self.spaces)
        self.start: Scalar = plain.scalar(flow.start)
        self.length: Scalar = plain.scalar(flow.step)
        self.end: Scalar = plain.scalar(flow.end)
        (self.steps,) = shape_of(Space((flow.steps,)), self.dims)
        self.is_timed = any(schedule.kind != "piecewise" for schedule, _ in self.scheduled.values())

    def flow(self, states: States) -> States:
        """All steps.

        Raises:
            Undefined: the flow has no value there, or none that can be enclosed.
        """
        for index in range(self.steps):
            states = self.step(states, index, self.start + index * self.length, self.length)
        return states

    def step(self, states: States, index: int, start: Scalar, length: Scalar) -> States:
        """One step of the given length (negative: backwards) with the parameters of step `index`."""
        for substep in self.plan.step:
            clock = start + self.number(substep.clock) * length
            moment = Moment(index, clock, self.number(substep.coefficient) * length, substep.part == 0)
            moved = self.advance(self.plan.advances[substep.part], states, moment)
            states = {**states, **{name: value.map(tame) for name, value in moved.items()}}
        return states

    def number(self, value: Exact) -> Scalar:
        """An exact number of a scheme as a scalar."""
        if value not in self.numbers:
            rational = value.as_fraction()
            self.numbers[value] = value.ball(ctx.prec) if rational is None else exact(rational)
        return self.numbers[value]

    def evaluator(self, step: int, time: Scalar) -> Evaluator:
        """The parameters as they are in a step, at a time."""
        if not self.is_timed and step in self.known:
            return self.known[step]
        values = dict(self.still)
        for name, (schedule, given) in self.scheduled.items():
            values[name] = given[step] if schedule.kind == "piecewise" else self.scheduled_value(schedule, given, time)
        found = Evaluator(self.dims, values, self.spaces)
        if not self.is_timed:
            self.known[step] = found
        return found

    def scheduled_value(self, schedule: Schedule, given: tuple[Tensor, ...], time: Scalar) -> Tensor:
        """The value of a parameter that depends on time by hat functions, powers or waves on [start, end]."""
        place = (time - self.start) * power(self.end - self.start, Fraction(-1))
        weights = BASES[schedule.kind](place, len(given))
        return Tensor(given[0].shape, [inner(weights, entries) for entries in zip(*(t.items for t in given), strict=True)])

    # --- the kinds of advance ---

    def advance(self, advance: Advance, states: States, moment: Moment) -> dict[str, Tensor]:
        """The new values of the moved blocks."""
        if isinstance(advance, Closed):
            return self.closed(advance, states, moment)
        if isinstance(advance, Linear):
            return self.linear(advance, states, moment)
        if isinstance(advance, RungeKutta):
            return self.runge_kutta(advance, states, moment)
        if isinstance(advance, Relax):
            return self.relax(advance, states, moment)
        if advance.potential is None:
            raise Undefined("a discrete gradient without a potential")
        time = moment.at(exact(Fraction(1, 2)))
        return Step(advance, self.evaluator(moment.step, time), states, time, moment.duration).moved()

    def closed(self, advance: Closed, states: States, moment: Moment) -> dict[str, Tensor]:
        evaluator = self.evaluator(moment.step, moment.clock)
        duration = {DURATION: Tensor((), [moment.duration])}
        return {name: evaluator.tensor(node, states, moment.clock, duration) for name, node in advance.rows}

    def runge_kutta(self, advance: RungeKutta, states: States, moment: Moment) -> dict[str, Tensor]:
        plain = self.evaluator(moment.step, moment.clock)
        table = Coefficients([plain.scalar(node) for node in advance.table.nodes],
                             [[plain.scalar(a) for a in row] for row in advance.table.matrix],
                             [plain.scalar(b) for b in advance.table.weights])

        def rates(stage: int, there: States) -> dict[str, Tensor]:
            time = moment.at(table.nodes[stage])
            evaluator = self.evaluator(moment.step, time)
            return {name: evaluator.tensor(node, there, time) for name, node in advance.rates}

        method = explicit if advance.is_explicit else implicit
        return method(table, rates, states, moment.duration)

    def relax(self, advance: Relax, states: States, moment: Moment) -> dict[str, Tensor]:
        """x + s d with d the inner step and s so that the invariant keeps its value: I(x + s d) is quadratic in s."""
        inner_step = self.runge_kutta(advance.inner, states, moment)
        moves = {name: value.zip(states[name], lambda a, b: a - b) for name, value in inner_step.items()}
        items = [core(item) for value in moves.values() for item in value.items]
        if all(is_zero(item) for item in items) and not any(isinstance(i, Jet) for v in moves.values() for i in v.items):
            return dict(inner_step)
        evaluator = self.evaluator(moment.step, moment.clock)

        def invariant(factor: int) -> Scalar:
            there = {name: states[name].zip(d, lambda a, b: a + factor * b) for name, d in moves.items()}
            return evaluator.scalar(advance.invariant, {**states, **there}, moment.clock)

        here, ahead, behind = invariant(0), invariant(1), invariant(-1)
        curvature = ahead + behind - 2 * here
        if not is_nonzero(core(curvature)):
            raise Undefined("a relaxation along a direction where the invariant is not quadratic")
        share = (behind - ahead) * power(curvature, Fraction(-1))
        return {name: states[name].zip(d, lambda a, b: a + share * b) for name, d in moves.items()}

    def linear(self, advance: Linear, states: States, moment: Moment) -> dict[str, Tensor]:
        """The matrix exponential of the moved blocks, with the offset as one more column."""
        evaluator = self.evaluator(moment.step, moment.clock)
        sizes = [len(states[name].items) for name in advance.blocks]
        rows = [_dense_row(evaluator, row, sizes, size) for row, size in zip(advance.matrix, sizes, strict=True)]
        offsets = [_offset(evaluator, node, size) for node, size in zip(advance.offset, sizes, strict=True)]
        lines, extras = [line for row in rows for line in row], [extra for offset in offsets for extra in offset]
        matrix = [[*line, extra] for line, extra in zip(lines, extras, strict=True)]
        matrix.append([ZERO] * (sum(sizes) + 1))
        moving = arb_mat([[ball(core(moment.duration * entry)) for entry in line] for line in matrix]).exp()
        old = [item for name in advance.blocks for item in states[name].items] + [ONE]
        new = iter([inner(line, old) for line in moving.tolist()])
        return {name: states[name].with_items([next(new) for _ in states[name].items]) for name in advance.blocks}


def _dense_row(evaluator: Evaluator, row: tuple[Node | None, ...], sizes: list[int], height: int) -> list[list[Scalar]]:
    """One row of blocks of a Linear as lines of numbers."""
    lines: list[list[Scalar]] = [[] for _ in range(height)]
    for node, width in zip(row, sizes, strict=True):
        items = [ZERO] * (height * width) if node is None else evaluator.tensor(node, {}).items
        if len(items) == 1 and height == width:  # a scalar in front of the block
            items = [items[0] if i == j else ZERO for i in range(height) for j in range(width)]
        if len(items) != height * width:
            raise Undefined("a linear map that is not written as a matrix")
        for i, line in enumerate(lines):
            line.extend(items[i * width:(i + 1) * width])
    return lines


def _offset(evaluator: Evaluator, node: Node | None, size: int) -> list[Scalar]:
    return [ZERO] * size if node is None else evaluator.tensor(node, {}).items


# --- how parameters depend on time: s in [0, 1] and the number of knots -> weights --------------------------------


def _hats(place: Scalar, knots: int) -> list[Scalar]:
    if knots == 1:
        return [ONE]
    scaled = place * (knots - 1)
    return [largest([ZERO, ONE - abs(scaled - k)]) for k in range(knots)]


def _powers(place: Scalar, knots: int) -> list[Scalar]:
    return [power(place, Fraction(k)) for k in range(knots)]


def _waves(place: Scalar, knots: int) -> list[Scalar]:
    turns = [2 * ball(place) * ((k + 1) // 2) for k in range(knots)]
    return [ONE if k == 0 else turn.sin_pi() if k % 2 == 0 else turn.cos_pi() for k, turn in enumerate(turns)]


BASES = {"linear": _hats, "poly": _powers, "fourier": _waves}
