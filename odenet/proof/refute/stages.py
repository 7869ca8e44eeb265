"""Runge-Kutta steps: explicit ones stage by stage, implicit ones in balls that hold the one solution near the start."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flint import arb, arb_mat, ctx

from odenet.proof.refute.scalars import ONE, ZERO, Jet, Scalar, Undefined, approximate, ball, core, is_zero, total
from odenet.proof.refute.tensors import Tensor

States = Mapping[str, Tensor]
Rates = Callable[[int, States], dict[str, Tensor]]  # the number of the stage and the states there
ROUNDS = 300


@dataclass(frozen=True)
class Coefficients:
    """A Butcher table as scalars."""

    nodes: list[Scalar]
    matrix: list[list[Scalar]]
    weights: list[Scalar]


def explicit(table: Coefficients, rates: Rates, states: States, duration: Scalar) -> dict[str, Tensor]:
    """One step of a method whose matrix is strictly lower triangular."""
    stages: list[dict[str, Tensor]] = []
    for stage, row in enumerate(table.matrix):
        there = moved(states, [duration * a for a in row[:stage]], stages) if stages else {}
        stages.append(rates(stage, {**states, **there}))
    return moved(states, [duration * b for b in table.weights], stages)


def moved(states: States, weights: list[Scalar], stages: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The moved blocks plus the weighted sum of the stages."""
    result = {}
    for name in stages[0]:
        columns = [stage[name].items for stage in stages]
        items = [x + total(w * column[i] for w, column in zip(weights, columns, strict=True) if not is_zero(w))
                 for i, x in enumerate(states[name].items)]
        result[name] = states[name].with_items(items)
    return result


@dataclass(frozen=True)
class Equation:
    """K_i = f(x + h sum_j a_ij K_j) for all stages, as a map of the flat list of all K's. `states` have no tangents."""

    table: Coefficients
    rates: Rates
    states: States
    duration: Scalar
    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def width(self) -> int:
        return sum(len(self.states[name].items) for name, _ in self.shapes)

    def split(self, flat: list[Scalar]) -> list[dict[str, Tensor]]:
        stages, entries = [], iter(flat)
        for _ in self.table.nodes:
            stages.append({name: Tensor(shape, [next(entries) for _ in self.states[name].items]) for name, shape in self.shapes})
        return stages

    def places(self, flat: list[Scalar]) -> list[States]:
        """The states at which the stages evaluate the field."""
        stages = self.split(flat)
        return [{**self.states, **moved(self.states, [self.duration * a for a in row], stages)} for row in self.table.matrix]

    def value(self, flat: list[Scalar]) -> list[Scalar]:
        return [ball(item) for stage, place in enumerate(self.places(flat)) for item in self.flat(self.rates(stage, place))]

    def flat(self, rates: dict[str, Tensor]) -> list[Scalar]:
        return [item for name, _ in self.shapes for item in rates[name].items]

    def slopes(self, flat: list[Scalar]) -> list[list[list[Scalar]]]:
        """For each stage the Jacobian of the field in the moved blocks, over the balls of `flat`."""
        return [self._slope(stage, place) for stage, place in enumerate(self.places(flat))]

    def _slope(self, stage: int, place: States) -> list[list[Scalar]]:
        width, seeded, start = self.width, dict(place), 0
        for name, shape in self.shapes:
            items = place[name].items
            seeded[name] = Tensor(shape, [Jet(item, [ONE if k == start + i else ZERO for k in range(width)])
                                          for i, item in enumerate(items)])
            start += len(items)
        return [list(item.tangents) if isinstance(item, Jet) else [ZERO] * width for item in self.flat(self.rates(stage, seeded))]

    def linear(self, slopes: list[list[list[Scalar]]]) -> list[list[Scalar]]:
        """The derivative of `value` in `flat`: blocks h a_ij Df_i."""
        return [[self.duration * a * entry for a in row for entry in line]
                for row, slope in zip(self.table.matrix, slopes, strict=True) for line in slope]


def implicit(table: Coefficients, rates: Rates, states: States, duration: Scalar) -> dict[str, Tensor]:
    """One step of an implicit method: the stages by a contraction, their tangents by the implicit function theorem.

    Source: Banach's fixed-point theorem on the ball of radius r around the first iterate, with |DT| <= q < 1 there and
    (1 - q) r >= the first step: one solution in it, within (last step)/(1 - q) of any point of it.

    Raises:
        Undefined: the iteration is not a contraction near its start.
    """
    still = {name: value.map(lambda item: ball(core(item))) for name, value in states.items()}
    shapes = tuple((name, still[name].shape) for name in rates(0, still))
    equation = Equation(table, rates, still, duration, shapes)
    found = _solution(equation)
    stages = equation.split(found)
    jets = [item for value in states.values() for item in value.items if isinstance(item, Jet)]
    if jets:
        stages = equation.split(_with_tangents(equation, states, found, len(jets[0].tangents)))
    return moved(states, [duration * b for b in table.weights], stages)


def size_of(items: list[Scalar]) -> Scalar:
    """The largest absolute value."""
    largest = arb(0)
    for item in items:
        largest = largest.max(ball(abs(item)))
    return largest


def _solution(equation: Equation) -> list[Scalar]:
    """Balls that hold the stages."""
    start = [item.mid() for item in equation.value([ZERO] * (equation.width * len(equation.table.nodes)))]
    first = size_of([a - b for a, b in zip(equation.value(start), start, strict=True)])
    radius = arb((2 * first + arb(2) ** (-ctx.prec // 2)).upper())
    box = [item + arb(0, radius) for item in start]
    share = size_of([total(abs(entry) for entry in line) for line in equation.linear(equation.slopes(box))])
    if not (share < 1 and (1 - share) * radius >= first):
        raise Undefined("an implicit step that is not a contraction near its start")
    last = start
    for _ in range(ROUNDS):
        after = [item.mid() for item in equation.value(last)]
        step = max(abs(approximate(a - b)) for a, b in zip(after, last, strict=True))
        last = after
        if step <= 2.0 ** (8 - ctx.prec):
            break
    if not all(a in b for a, b in zip(last, box, strict=True)):
        raise Undefined("an implicit step that leaves its ball")
    error = arb((size_of([a - b for a, b in zip(equation.value(last), last, strict=True)]) / (1 - share)).upper())
    return [item + arb(0, error) for item in last]


def _with_tangents(equation: Equation, states: States, found: list[Scalar], width: int) -> list[Scalar]:
    """The stages with tangents: (I - h a_ij Df_i) K' = Df x'."""
    slopes = equation.linear(equation.slopes(found))
    size = len(found)
    matrix = arb_mat([[ball((ONE if i == j else ZERO) - entry) for j, entry in enumerate(line)] for i, line in enumerate(slopes)])
    right: list[list[arb]] = []
    for stage, place in enumerate(equation.places(found)):
        seeded = {name: _lifted(place[name], states[name], width) for name in place}
        rates = equation.flat(equation.rates(stage, seeded))
        right.extend([ball(t) for t in rate.tangents] if isinstance(rate, Jet) else [arb(0)] * width for rate in rates)
    try:
        solved = matrix.solve(arb_mat(right)).tolist()
    except ZeroDivisionError as fault:
        raise Undefined("an implicit step whose slope may be singular") from fault
    return [Jet(found[i], list(solved[i])) for i in range(size)]


def _lifted(place: Tensor, state: Tensor, width: int) -> Tensor:
    """The values of `place` with the tangents of `state`."""
    items = [Jet(value, list(old.tangents) if isinstance(old, Jet) else [ZERO] * width)
             for value, old in zip(place.items, state.items, strict=True)]
    return place.with_items(items)
