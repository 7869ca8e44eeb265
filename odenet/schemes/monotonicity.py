"""Convex combinations of Euler steps: the strong stability coefficient of a Butcher table."""
from __future__ import annotations

from fractions import Fraction

from odenet.ir.model import Table
from odenet.schemes.numbers import Exact
from odenet.schemes.series import Coefficients
from odenet.schemes.tables import coefficients, reduced

BISECTIONS = 24


def ssp_coefficient(table: Table) -> Fraction:
    """A number r up to which an explicit method is a convex combination of Euler steps of length h/r; 0 when there is none.

    If x + s f(x) stays in a convex set for 0 <= s <= h/r, so does the step h. Exact where it is a simple rational.

    Source: J. F. B. M. Kraaijevanger, Contractivity of Runge-Kutta methods, BIT 31 (1991) 482-528, Theorem 2.2: (I + r A)^-1
    exists and r A (I + r A)^-1, r b' (I + r A)^-1, (I + r A)^-1 1 and 1 - r b' (I + r A)^-1 1 are all >= 0. The set of such r
    is an interval from 0 (his Lemma 2.6).
    """
    exacts = reduced(coefficients(table))
    if _is_monotone(exacts, Fraction(100)):
        return Fraction(100)
    low, high = Fraction(0), Fraction(100)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _is_monotone(exacts, middle) else (low, middle)
    simple = high.limit_denominator(1000)
    if low <= simple <= high and _is_monotone(exacts, simple):
        return simple
    return Fraction(int(low * 1000), 1000)


def _is_monotone(table: Coefficients, r: Fraction) -> bool:
    """For a lower triangular matrix, row by row: Z = r A (I + r A)^-1 has Z_i = r A_i - sum over j of r A_ij Z_j."""
    size = len(table.weights)
    if any(table.matrix[i][j] for i in range(size) for j in range(i + 1, size)):
        return False
    rows: list[list[Exact]] = []
    for i in range(size):
        scale = 1 + table.matrix[i][i] * r
        if scale <= 0:
            return False
        rows.append([entry / scale for entry in _left(table.matrix[i], rows, r, size)])
    rows.append(_left(table.weights, rows, r, size))
    return all(entry >= 0 for row in rows for entry in row) and all(sum(row, Exact(0)) <= 1 for row in rows)


def _left(line: tuple[Exact, ...], rows: list[list[Exact]], r: Fraction, size: int) -> list[Exact]:
    return [line[j] * r - sum((line[k] * r * rows[k][j] for k in range(len(rows))), Exact(0)) for j in range(size)]


def is_implicit_euler(table: Table) -> bool:
    """Y = x + h f(Y) is the new state."""
    exacts = reduced(coefficients(table))
    return len(exacts.weights) == 1 and exacts.weights[0] == 1 == exacts.matrix[0][0]
