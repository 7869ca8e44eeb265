"""Orders of methods without trees (`relax`, `discrete_gradient`): one step on given fields of the plane, as a power series in h.

A point is x and the time, which the part named first moves.
A part is a rotation of varying speed where its method is `relax`, so that it keeps x . x; linear, symmetric and without trace where
it is `discrete_gradient`, which then is the implicit midpoint rule on a gradient and on a Hamiltonian field alike; else a
polynomial. A difference from the exact flow of the sum in a power up to p shows that not every step has the order p.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from odenet.ir.model import Flow, Method, Table
from odenet.recheck.witness.runs import plain
from odenet.schemes.numbers import exact


@dataclass(frozen=True)
class Series:
    """A truncated power series; its coefficients are numbers (rationals, or balls) or series themselves."""

    terms: tuple[Any, ...]

    def __add__(self, other: Series) -> Series:
        return Series(tuple(a + b for a, b in zip(self.terms, other.terms, strict=True)))

    def __mul__(self, other: Any) -> Series:
        if not isinstance(other, Series):
            return Series(tuple(a * other for a in self.terms))
        return Series(tuple(_total([self.terms[i] * other.terms[k - i] for i in range(k + 1)]) for k in range(len(self.terms))))

    def times_variable(self, first: Any) -> Series:
        """The series times h (or s), plus a constant."""
        return Series((first, *self.terms[:-1]))

    def integral(self, first: Any) -> Series:
        return Series((first, *(a * (fmpq(1, k + 1)) for k, a in enumerate(self.terms[:-1]))))


Point = Sequence[Series]  # two coordinates and the time
Sight = list[tuple[frozenset[int], bool]]  # of each part the parts it sees, and whether it depends on time
Rate = Callable[[Point], list[Series]]


def _total(terms: Sequence[Any]) -> Any:
    found = terms[0]
    for term in terms[1:]:
        found = found + term
    return found


def first_difference(flow: Flow, degree: int, below: Sight) -> tuple[Any, int]:
    """The first coefficient up to h^degree in which one step differs from the exact flow of the sum, and its power.

    All parts together where each sees all, else one part with its own, the others being at rest: so the fields read and move
    what the parts do.
    """
    everyone = range(len(flow.parts))
    choices = [[i] for i in everyone if i in below[i][0]]
    if len(choices) > 1 and all(set(everyone) <= seen for seen, _ in below):
        choices = [[*everyone], *choices]
    for up_to in range(1, degree + 1):  # short series first
        for chosen in choices:
            gap, power = _difference(flow, up_to, chosen, below[0][1])
            if gap > 0 or gap < 0:
                return gap, power
    return fmpq(0), degree


def _difference(flow: Flow, degree: int, chosen: Sequence[int], is_timed: bool) -> tuple[Any, int]:
    size = degree + 2
    start = [Series((fmpq(v), *[fmpq(0)] * (size - 1))) for v in (1, 2, 0)]
    rates = {i: _rate(flow.parts[i].method, i, fmpq(3) if is_timed and i == 0 else fmpq(0)) for i in chosen}
    after: Point = start
    for part, coefficient in flow.scheme.stages:
        if part in rates:
            after = _moved(flow.parts[part].method, rates[part], after, plain(exact(coefficient)), part == 0)
    whole: Rate = lambda x: [_total(rows) for rows in zip(*(rate(x) for rate in rates.values()), strict=True)]  # noqa: E731
    there = _exact(whole, start, fmpq(1), 0 in rates)
    for k in range(degree + 1):
        for x, y in zip(after[:2], there[:2], strict=True):
            if x.terms[k] > y.terms[k] or x.terms[k] < y.terms[k]:
                return x.terms[k] - y.terms[k], k
    return fmpq(0), degree


def _rate(method: Method, index: int, timed: Any) -> Rate:
    """The field of a part, whose speed grows with time."""
    if method.kind == "relax":
        return lambda x: _turned(x, x[0] + x[1] * x[1] * fmpq(2 + index) + x[2] * timed)
    if method.kind == "discrete_gradient":
        return lambda x: [x[0] + x[1] * fmpq(2 + index), x[0] * fmpq(2 + index) + x[1] * fmpq(-1)]
    return lambda x: [x[1] * x[1] + x[0] * fmpq(index) + x[2] * timed, x[0] * x[1] + x[0] * fmpq(3)]


def _turned(x: Point, speed: Series) -> list[Series]:
    return [x[1] * speed * fmpq(-1), x[0] * speed]


def _moved(method: Method, rate: Rate, x: Point, length: Any, moves_clock: bool) -> list[Series]:
    if method.kind == "exact":
        return _exact(rate, x, length, moves_clock)
    later = _later(x[2], length) if moves_clock else x[2]
    if method.kind == "discrete_gradient":
        after = list(x[:2])
        for _ in x[0].terms:
            middle = [(a + b) * fmpq(1, 2) for a, b in zip(x, after, strict=False)]
            after = [a + (r * length).times_variable(fmpq(0)) for a, r in zip(x, rate([*middle, x[2]]), strict=False)]
        return [*after, later]
    table = method.table if method.kind == "runge_kutta" else method.inner.table if method.inner is not None else None
    assert table is not None
    step = _step(table, rate, x, length, moves_clock)
    return [*(_relaxed(x[:2], step) if method.kind == "relax" else [a + d for a, d in zip(x, step, strict=False)]), later]


def _later(time: Series, length: Any) -> Series:
    """The time after `length` steps of h."""
    return Series((time.terms[0], time.terms[1] + length, *time.terms[2:]))


def _exact(rate: Rate, x: Point, length: Any, moves_clock: bool) -> list[Series]:
    """Picard's iteration for the Taylor series in s at the time s h; each round gains one power."""
    size = len(x[0].terms)
    zero = Series((fmpq(0),) * size)
    one = Series((Series((fmpq(int(moves_clock)), *[fmpq(0)] * (size - 1))), *[zero] * (size - 1)))
    path = [Series((a, *[zero] * (size - 1))) for a in x]
    for _ in range(size):
        path = [r.integral(a) for a, r in zip(x, [*rate(path), one], strict=True)]
    found = [zero for _ in x]
    for k in reversed(range(size)):
        found = [p.terms[k] + (f * length).times_variable(fmpq(0)) for p, f in zip(path, found, strict=True)]
    return found


def _step(table: Table, rate: Rate, x: Point, length: Any, moves_clock: bool) -> list[Series]:
    """The step of a table: its stages are iterated, each round gains one power."""
    matrix, weights = [[plain(exact(a)) for a in row] for row in table.matrix], [plain(exact(b)) for b in table.weights]
    nodes = [plain(exact(c)) * length if moves_clock else fmpq(0) for c in table.nodes]
    stages = [rate(x) for _ in weights]

    def moved(row: Sequence[Any]) -> list[Series]:
        moves = [_total([k[i] * a for a, k in zip(row, stages, strict=True)]) for i in range(2)]
        return [(move * length).times_variable(fmpq(0)) for move in moves]

    for _ in x[0].terms:
        stages = [rate([*(a + d for a, d in zip(x, moved(row), strict=False)), _later(x[2], c)])
                  for row, c in zip(matrix, nodes, strict=True)]
    return moved(weights)


def _relaxed(x: Point, step: Point) -> list[Series]:
    """x + s d with the s for which x . x is kept: s = -2 x . d / d . d.

    Both begin with h^2; what is lost at the end meets d = O(h).
    """
    above, below = (_total([a * d for a, d in zip(left, step, strict=True)]).terms[2:] for left in (x, step))
    share: list[Any] = []
    for k in range(len(above)):
        share.append((above[k] * fmpq(-2) - sum((share[i] * below[k - i] for i in range(k)), fmpq(0))) / below[0])
    whole = Series((*share, fmpq(0), fmpq(0)))
    return [a + whole * d for a, d in zip(x, step, strict=True)]
