"""The B-series of a composition of Runge-Kutta steps and exact flows of several parts, exactly.

The coefficient of a tree in the position at a point of the step is the sum, over all evaluations before that point of
the field of the root's colour, of weight times the product of the children's coefficients at that evaluation. For
an exact flow the sum is an integral over the substep, and the coefficients there are polynomials.

Source: E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration (2006), III.1.4 and III.2.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any

from odenet.schemes.arithmetic import Arithmetic, suited
from odenet.schemes.numbers import Exact
from odenet.schemes.trees import CLOCK, Tree, density


@dataclass(frozen=True)
class Coefficients:
    """A Butcher table in exact numbers."""

    nodes: tuple[Exact, ...]
    matrix: tuple[tuple[Exact, ...], ...]
    weights: tuple[Exact, ...]

    @property
    def stages(self) -> int:
        return len(self.weights)

    def entries(self) -> tuple[Exact, ...]:
        return (*self.nodes, *chain(*self.matrix), *self.weights)


@dataclass(frozen=True)
class Move:
    """Part `part` moves for `length` steps, by its exact flow (`table` None) or one step of a table."""

    part: int
    length: Exact
    table: Coefficients | None


@dataclass(frozen=True)
class _Fast:
    part: int
    length: Any
    nodes: list[Any]
    matrix: list[list[Any]]
    weights: list[Any]
    is_exact: bool


class Series:
    """Coefficients of trees in a composition of moves. Only part 0 moves the clock."""

    def __init__(self, moves: Sequence[Move]) -> None:
        numbers = [m.length for m in moves] + [e for m in moves if m.table is not None for e in m.table.entries()]
        self._arithmetic: Arithmetic = suited(numbers)
        self._moves = [self._enter(move) for move in moves]
        self._known: dict[Tree, tuple[list[Any], Any]] = {}
        self._zero = self._arithmetic.enter(Exact(0))
        self._one = self._arithmetic.enter(Exact(1))
        self._shares: list[Any] = []

    def _enter(self, move: Move) -> _Fast:
        enter = self._arithmetic.enter
        table = move.table or Coefficients((), (), ())
        return _Fast(move.part, enter(move.length), [enter(c) for c in table.nodes],
                     [[enter(a) for a in row] for row in table.matrix], [enter(b) for b in table.weights],
                     move.table is None)

    def coefficient(self, tree: Tree) -> Exact:
        """The coefficient of a tree; 1 / density(tree) for the exact solution."""
        return self._arithmetic.leave(self._along(tree)[1])

    def misses(self, tree: Tree, expected: Fraction | None = None) -> Exact | None:
        """Coefficient minus what is expected (of the exact solution, unless given), or None when it is zero."""
        target = Fraction(1, density(tree)) if expected is None else expected
        residual = self._along(tree)[1] - self._arithmetic.enter(Exact(target))
        return self._arithmetic.leave(residual) if residual else None

    def _along(self, tree: Tree) -> tuple[list[Any], Any]:
        """For each move the coefficient at its evaluations, and the coefficient at the end.

        At a move of another colour it is one number. At a table's move it is a list, one for each stage. At an exact
        move it is a list too: the coefficients of a polynomial in the part of the move that is done, from 0 to 1.
        """
        if tree not in self._known:
            self._known[tree] = self._run(tree)
        return self._known[tree]

    def _run(self, tree: Tree) -> tuple[list[Any], Any]:
        colour, children = tree
        below = [self._along(child)[0] for child in children]
        current, along = self._zero, []
        for i, move in enumerate(self._moves):
            if move.part != (0 if colour == CLOCK else colour):
                along.append(current)
                continue
            rates = [values[i] for values in below]
            values, current = (self._flow if move.is_exact else self._step)(move, rates, current, colour == CLOCK)
            along.append(values)
        return along, current

    def _step(self, move: _Fast, rates: list[Any], start: Any, is_clock: bool) -> tuple[list[Any], Any]:
        if is_clock:
            return [start + move.length * node for node in move.nodes], start + move.length
        products = [self._one] * len(move.weights)
        for rate in rates:
            products = [p * (rate[i] if isinstance(rate, list) else rate) for i, p in enumerate(products)]
        products = [p * move.length for p in products]
        values = [start + self._dot(row, products) for row in move.matrix]
        return values, start + self._dot(move.weights, products)

    def _dot(self, row: list[Any], values: list[Any]) -> Any:
        total = self._zero
        for a, v in zip(row, values, strict=True):
            if a and v:
                total = total + a * v
        return total

    def _flow(self, move: _Fast, rates: list[Any], start: Any, is_clock: bool) -> tuple[list[Any], Any]:
        polynomial = [move.length]
        for rate in rates:
            polynomial = self._multiply(polynomial, rate if isinstance(rate, list) else [rate])
        while len(self._shares) < len(polynomial):
            self._shares.append(self._arithmetic.enter(Exact(Fraction(1, len(self._shares) + 1))))
        integral = [start] + [c * share for c, share in zip(polynomial, self._shares, strict=False)]
        end = start
        for c in integral[1:]:
            end = end + c
        return integral, end

    def _multiply(self, left: list[Any], right: list[Any]) -> list[Any]:
        result = [self._zero] * (len(left) + len(right) - 1)
        for i, a in enumerate(left):
            for j, b in enumerate(right):
                result[i + j] = result[i + j] + a * b
        return result
