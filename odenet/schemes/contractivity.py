"""Circle contractivity of a Butcher table (Dahlquist and Jeltsch)."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from odenet.ir.model import Table
from odenet.schemes.numbers import Exact
from odenet.schemes.tables import coefficients, defect_matrix, reduced

BISECTIONS = 40
DECIMALS = 10**9


@dataclass(frozen=True)
class Radius:
    """A radius of circle contractivity: `value` is valid; None is infinite. `is_sharp`: no larger one is."""

    value: Fraction | None
    is_sharp: bool


def circle_radius(table: Table) -> Radius | None:
    """The largest r with diag(b) A + A' diag(b) - b b' + diag(b) / r >= 0 and b >= 0; None when there is no r > 0.

    A step h is then nonexpansive on every field that is co-coercive with constant 1/L, as long as h L <= 2 r.
    Infinite: algebraically stable, so nonexpansive on every nonexpansive field.

    Source: G. Dahlquist, R. Jeltsch, Reducibility and contractivity of Runge-Kutta methods revisited, BIT 46 (2006)
    567-587, Theorem 4.1 and its converse for irreducible tables.
    """
    exacts = reduced(coefficients(table))
    if any(b <= 0 for b in exacts.weights):
        return None  # of an irreducible table, b > 0 is necessary
    matrix = defect_matrix(exacts)
    if is_semidefinite(matrix):
        return Radius(None, True)
    return _largest(matrix, exacts.weights)


def inverse_radius(table: Table) -> Fraction | None:
    """A rational rho with M + rho diag(b) >= 0, M = diag(b) A + A' diag(b) - b b', the least one where it is simple.

    None when the reduced table has weights that are not positive. At most 0: algebraically stable. Negative: more than that
    (implicit Euler has -1, the identity y = (I - h f)^-1 of a resolvent). For fields with <Df d, d> <= -|Df d|^2 / L a step
    is nonexpansive when rho h L <= 2, and averaged with 1/a = 1 + 2 / (h L) - rho when the weights sum to one.

    Source: Dahlquist, Jeltsch (2006), Theorem 4.1, with the terms in |f(Y_i) - f(Z_i)|^2 kept.
    """
    exacts = reduced(coefficients(table))
    if any(b <= 0 for b in exacts.weights):
        return None
    matrix, size = defect_matrix(exacts), range(len(exacts.weights))

    def holds(rho: Fraction) -> bool:
        return is_semidefinite([[matrix[i][j] + (exacts.weights[i] * rho if i == j else 0) for j in size] for i in size])

    low, high = Fraction(-1), Fraction(1)
    while not holds(high):
        high *= 2
    while holds(low) and low > -DECIMALS:
        low *= 2
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    simple = high.limit_denominator(10_000)
    return simple if abs(simple - high) < Fraction(1, 10**8) and holds(simple) else Fraction(-int(-high * DECIMALS // 1), DECIMALS)


def _largest(matrix: list[list[Exact]], weights: tuple[Exact, ...]) -> Radius:
    def holds(inverse: Fraction) -> bool:
        size = range(len(weights))
        return is_semidefinite([[matrix[i][j] + (weights[i] * inverse if i == j else 0) for j in size] for i in size])

    high = Fraction(1)
    while not holds(high):
        high *= 2
    low = Fraction(0)  # fails here
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    # The exact threshold is often a simple rational: at it the matrix is singular, and just below it fails.
    simple = (1 / high).limit_denominator(10_000)
    if low < 1 / simple <= high and holds(1 / simple) and _is_singular(matrix, weights, 1 / simple):
        return Radius(simple, True)
    return Radius(Fraction(int(DECIMALS / high), DECIMALS), False)  # rounded down


def _is_singular(matrix: list[list[Exact]], weights: tuple[Exact, ...], inverse: Fraction) -> bool:
    """Whether M + diag(b)/r is singular: with b > 0, a semidefinite one is not semidefinite for any smaller 1/r."""
    size = range(len(weights))
    pivots = _pivots([[matrix[i][j] + (weights[i] * inverse if i == j else 0) for j in size] for i in size])
    return pivots is not None and not all(pivots)


def is_semidefinite(matrix: list[list[Exact]]) -> bool:
    """Whether an exact symmetric matrix is positive semidefinite, by L D L'."""
    return _pivots(matrix) is not None


def _pivots(matrix: list[list[Exact]]) -> list[Exact] | None:
    rest = [list(row) for row in matrix]
    found: list[Exact] = []
    while rest:
        pivot, row = rest[0][0], rest[0][1:]
        if pivot < 0 or (not pivot and any(row)):
            return None
        found.append(pivot)
        rest = [[entry - (row[i] * row[j] / pivot if pivot else 0) for j, entry in enumerate(line[1:])]
                for i, line in enumerate(rest[1:])]
    return found
