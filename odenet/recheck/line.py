"""Polynomials in one symbol, by their real roots."""
from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import arb, fmpq, fmpq_poly

from odenet.recheck.scalars import Rejected, Scalar, Symbol


def line(x: Symbol, s: Scalar, conditions: tuple[Scalar, ...]) -> bool:
    """Whether s >= 0 for all real x with all conditions >= 0; all are polynomials in x with rational coefficients.

    Between neighbouring roots no sign changes, so one sample decides for each cell. A root beside a cell with s > 0 has s >= 0 by
    continuity; at any other root a condition must fail.
    """
    p, known = _poly(x, s), [_poly(x, g) for g in conditions]
    x.table.spend(sum(q.degree() + 1 for q in (p, *known)) ** 3 // 10)
    product = fmpq_poly([1])
    for q in (p, *known):
        product = product * q if q.degree() > 0 else product
    roots = _real_roots(product)
    points = _samples(roots)
    above = [_at(p, t) >= 0 for t in points]
    if any(not up and all(_at(q, t) >= 0 for q in known) for up, t in zip(above, points, strict=True)):
        return False
    return all(left or right or any(_ball(q, root) < 0 for q in known)
               for (left, right), root in zip(pairwise(above), roots, strict=True))


def _poly(x: Symbol, s: Scalar) -> Any:
    coefficients: dict[int, Fraction] = {}
    for m, c in s.terms.items():
        (y, e), = m or ((x, Fraction(0)),)
        if y is not x or e.denominator != 1 or not 0 <= e <= 60:
            raise Rejected("not a polynomial in one symbol")
        coefficients[int(e)] = c
    return fmpq_poly([_q(coefficients.get(i, Fraction(0))) for i in range(max(coefficients, default=0) + 1)])


def _q(value: Fraction) -> fmpq:
    return fmpq(value.numerator, value.denominator)


def _real_roots(p: Any) -> list[Any]:
    """Balls around the distinct real roots, in order and apart. The roots of a squarefree polynomial come isolated."""
    if p.degree() < 1:
        return []
    roots = [z.real for z, _ in (p / p.gcd(p.derivative())).complex_roots() if z.imag.contains(0)]
    found = sorted(roots, key=lambda r: float(r.mid()))
    if not all(a.upper() < b.lower() for a, b in pairwise(found)):
        raise Rejected("roots are not isolated")
    return found


def _samples(roots: list[Any]) -> list[fmpq]:
    """Rationals in the cells that the roots cut."""
    if not roots:
        return [fmpq(0)]
    ends = [(r.lower().fmpq(), r.upper().fmpq()) for r in roots]
    return [ends[0][0] - 1, *((a[1] + b[0]) / 2 for a, b in pairwise(ends)), ends[-1][1] + 1]


def _at(p: Any, x: fmpq) -> Any:
    return p(x)


def _ball(p: Any, x: arb) -> arb:
    total = arb(0)
    for c in reversed(p.coeffs()):
        total = total * x + arb(c)
    return total
