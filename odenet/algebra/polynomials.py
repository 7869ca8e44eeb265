"""Exact decisions about polynomials with rational coefficients: factors, definiteness, signs on the line."""
from __future__ import annotations

import signal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from odenet.algebra.scalars import Atom, Monomial, Scalar, collect


def factor(scalar: Scalar) -> tuple[Fraction, list[tuple[Scalar, int]]] | None:
    """The factors of a polynomial in its atoms over the rationals; None when it is no polynomial."""
    atoms = scalar.atoms()
    if not atoms or not is_polynomial(scalar):
        return None
    constant, found = to_flint(scalar, atoms).factor()
    return _fraction(constant), [(from_flint(base, atoms), int(exponent)) for base, exponent in found]


def is_polynomial(scalar: Scalar) -> bool:
    return all(e.denominator == 1 and 0 <= e <= 40 for m, _ in scalar.terms for _, e in m)


def to_flint(scalar: Scalar, atoms: tuple[Atom, ...]) -> Any:
    """A polynomial in the atoms, as python-flint's fmpq_mpoly."""
    from flint import Ordering, fmpq, fmpq_mpoly_ctx

    context = fmpq_mpoly_ctx.get([f"x{i}" for i in range(len(atoms))], Ordering.lex)
    place = {atom: i for i, atom in enumerate(atoms)}
    terms = {}
    for factors, coefficient in scalar.terms:
        exponents = [0] * len(atoms)
        for atom, e in factors:
            exponents[place[atom]] = int(e)
        terms[tuple(exponents)] = fmpq(coefficient.numerator, coefficient.denominator)
    return context.from_dict(terms)


def from_flint(polynomial: Any, atoms: tuple[Atom, ...]) -> Scalar:
    total: dict[Monomial, Fraction] = {}
    for exponents, coefficient in polynomial.to_dict().items():
        factors = tuple((atom, Fraction(int(e))) for atom, e in zip(atoms, exponents, strict=True) if e)
        total[factors] = _fraction(coefficient)
    return collect(total)


def _fraction(value: object) -> Fraction:
    return Fraction(int(value.p), int(value.q))  # type: ignore[attr-defined]


def is_positive_semidefinite(matrix: list[list[Fraction]]) -> bool:
    """Exact test of a rational symmetric matrix."""
    return squares_of_form(matrix) is not None


def squares_of_form(matrix: list[list[Fraction]]) -> list[tuple[Fraction, list[Fraction]]] | None:
    """x' M x as the sum of d (l . x)^2 with d > 0, by elimination with pivots on the diagonal; None when M is not psd."""
    rows = [row[:] for row in matrix]
    left = list(range(len(rows)))
    squares: list[tuple[Fraction, list[Fraction]]] = []
    while left:
        if any(rows[i][i] < 0 for i in left):
            return None
        pivot = next((i for i in left if rows[i][i] > 0), None)
        if pivot is None:
            return squares if all(rows[i][j] == 0 for i in left for j in left) else None
        d = rows[pivot][pivot]
        squares.append((d, [rows[pivot][j] / d if j in left else Fraction(0) for j in range(len(rows))]))
        left.remove(pivot)
        for i in left:
            ratio = rows[i][pivot] / d
            for j in left:
                rows[i][j] -= ratio * rows[pivot][j]
    return squares


def univariate(scalar: Scalar, atom: Atom) -> list[Fraction] | None:
    """Coefficients from the constant upwards."""
    coefficients: dict[int, Fraction] = {}
    for factors, c in scalar.terms:
        e = factors[0][1] if factors else Fraction(0)
        if e.denominator != 1 or e < 0 or e > 60:
            return None
        coefficients[int(e)] = c
    return [coefficients.get(i, Fraction(0)) for i in range(max(coefficients, default=0) + 1)]


def _sympy() -> Any:
    """sympy, imported whole: the alarm of a claim's budget waits, since half an import would stay behind in the process."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGVTALRM})
    try:
        import sympy
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return sympy


def nonnegative_where(polynomial: list[Fraction], conditions: list[list[Fraction]]) -> bool:
    """Whether p(x) >= 0 wherever all conditions q(x) >= 0 hold, x real. Exact.

    The roots of p and of the conditions cut the line into cells; on each open cell all signs are constant and read off at a
    rational point. A root itself is the end of cells where p >= 0 holds by continuity unless it stands alone; then it must be
    a root of p, or p must be positive beside it.
    """
    if len(polynomial) == 1:
        return polynomial[0] >= 0
    on_interval = _nonnegative_on_interval(polynomial, conditions)
    if on_interval is not None:
        return on_interval
    sympy = _sympy()
    x = sympy.Symbol("x")

    def poly(coefficients: list[Fraction]) -> Any:
        return sympy.Poly([sympy.Rational(c.numerator, c.denominator) for c in reversed(coefficients)], x)

    product = sympy.Poly(1, x)
    for coefficients in (polynomial, *conditions):
        if len(coefficients) > 1:
            product = product * poly(coefficients)
    cells = [(Fraction(int(a.p), int(a.q)), Fraction(int(b.p), int(b.q))) for (a, b), _ in product.sqf_part().intervals()]
    samples = _samples(cells)

    def value(coefficients: list[Fraction], point: Fraction) -> Fraction:
        return sum((c * point**i for i, c in enumerate(coefficients)), Fraction(0))

    if any(value(q, s) == 0 for q in (polynomial, *conditions) if any(q) for s in samples):
        return False  # a sample on a root says nothing about its cell
    fine = [value(polynomial, s) >= 0 for s in samples]
    allowed = [all(value(q, s) >= 0 for q in conditions) for s in samples]
    if any(a and not f for a, f in zip(allowed, fine, strict=True)):
        return False
    # an isolated feasible root: no allowed cell beside it; demand p >= 0 on one side, so that p(root) >= 0 by continuity
    return all(a or b or f or g or _excluded(conditions, samples[i], samples[i + 1], value)
               for i, ((a, b), (f, g)) in enumerate(zip(pairwise(allowed), pairwise(fine), strict=True)))


def _nonnegative_on_interval(polynomial: list[Fraction], conditions: list[list[Fraction]]) -> bool | None:
    """The same where the conditions are ends of one interval with inner points, and the degree is 2 at most; else None.

    The least value of such a polynomial is taken at an end or at the vertex.
    """
    ends = _interval(conditions) if conditions and len(polynomial) <= 3 else None
    if ends is None:
        return None
    low, high = ends
    c, b, a = (*polynomial, Fraction(0))[:3]
    falls = (low is None and (a < 0 or (a == 0 and b > 0))) or (high is None and (a < 0 or (a == 0 and b < 0)))
    if falls:
        return False  # without bound
    points = [x for x in ends if x is not None]
    if a > 0:
        vertex = -b / (2 * a)
        points += [vertex] if (low is None or low < vertex) and (high is None or vertex < high) else []
    return all((a * x + b) * x + c >= 0 for x in points)


def _interval(conditions: list[list[Fraction]]) -> tuple[Fraction | None, Fraction | None] | None:
    """The ends of the interval where linear conditions hold; None where they are not linear, or leave no inner point."""
    if any(len(q) != 2 for q in conditions):
        return None
    low = max((-c / slope for c, slope in conditions if slope > 0), default=None)
    high = min((-c / slope for c, slope in conditions if slope < 0), default=None)
    return None if low is not None and high is not None and low >= high else (low, high)


def _excluded(conditions: list[list[Fraction]], left: Fraction, right: Fraction, value: object) -> bool:
    """Whether a condition without root between two neighbouring samples is negative on both, hence at the root between."""
    return any(len(q) == 1 and q[0] < 0 for q in conditions) or any(
        len(q) == 2 and value(q, left) < 0 and value(q, right) < 0 for q in conditions)  # type: ignore[operator]


def _samples(cells: list[tuple[Fraction, Fraction]]) -> list[Fraction]:
    if not cells:
        return [Fraction(0)]
    points = [cells[0][0] - 1]
    points.extend((a[1] + b[0]) / 2 for a, b in pairwise(cells))
    return [*points, cells[-1][1] + 1]
