"""Runge-Kutta steps: explicit ones stage by stage, implicit ones in balls that hold the one solution near the start."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flint import arb, arb_mat, ctx

from odenet.proof.refute.scalars import ONE, ZERO, Jet, Scalar, Undefined, approximate, ball, core, is_zero, total
from odenet.proof.refute.tensors import Tensor

States = Mapping[str, Tensor]
Rates = Callable[[int, States], dict[str, Tensor]]  # the number of the stage and the states there
ROUNDS = 40


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
    """One step of an implicit method: the stages by Newton's method, their tangents by the implicit function theorem.

    Source: Banach's fixed-point theorem for K -> K + C (f(K) - K), C near the inverse of I - Df, on a box that holds the first
    iterate: with a slope of at most q < 1 there, one solution in the box, within (the step)/(1 - q) of its middle.

    Raises:
        Undefined: the map is no contraction near its start.
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
    point = start
    for _ in range(ROUNDS):
        gaps = [[(a - b).mid()] for a, b in zip(equation.value(point), point, strict=True)]
        step = _invertible(_rest(equation, point)).solve(arb_mat(gaps)).entries()
        point = [(a + b).mid() for a, b in zip(point, step, strict=True)]
        if max(abs(approximate(a)) for a in step) <= 2.0 ** (8 - ctx.prec):
            break
    turn = _invertible(_rest(equation, point)).inv()
    radius = arb((2 * size_of([a - b for a, b in zip(point, start, strict=True)]) + arb(2) ** (-ctx.prec // 2)).upper())
    slopes = (turn * arb_mat(_rest(equation, [item + arb(0, radius) for item in point]))).tolist()
    share = size_of([total(abs(entry - int(i == j)) for j, entry in enumerate(line)) for i, line in enumerate(slopes)])
    first = size_of((turn * arb_mat([[a - b] for a, b in zip(equation.value(point), point, strict=True)])).entries())
    if not (share < 1 and (1 - share) * radius >= first):
        raise Undefined("an implicit step that is not a contraction near its start")
    error = arb((first / (1 - share)).upper())
    return [item + arb(0, error) for item in point]


def _rest(equation: Equation, flat: list[Scalar]) -> list[list[arb]]:
    """I - h a_ij Df_i"""
    slopes = equation.linear(equation.slopes(flat))
    return [[ball((ONE if i == j else ZERO) - entry) for j, entry in enumerate(line)] for i, line in enumerate(slopes)]


def _invertible(rows: list[list[arb]]) -> arb_mat:
    """The matrix of the middles."""
    matrix = arb_mat([[entry.mid() for entry in line] for line in rows])
    if matrix.det().contains(0):
        raise Undefined("an implicit step whose slope may be singular")
    return matrix


def _with_tangents(equation: Equation, states: States, found: list[Scalar], width: int) -> list[Scalar]:
    """The stages with tangents: (I - h a_ij Df_i) K' = Df x'."""
    size, matrix = len(found), arb_mat(_rest(equation, found))
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
