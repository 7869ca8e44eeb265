"""Quadratic polynomials as matrices, and multipliers between them (the S-procedure)."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from odenet.algebra.scalars import ONE, Atom, Monomial, Scalar, of_atom

MOST_ATOMS = 12
KINDS = ("state", "variable", "param", "time", "function", "word", "secant")
Matrix = list[list[Fraction]]


def quadratic_basis(*scalars: Scalar) -> list[Scalar] | None:
    """1 and the atoms of polynomials of degree at most 2; None where one is no such polynomial."""
    atoms = sorted({a for s in scalars for a in s.atoms()})
    if len(atoms) > MOST_ATOMS or any(a.kind not in KINDS for a in atoms):
        return None
    if any(flat(m) is None for s in scalars for m, _ in s.terms):
        return None
    return [ONE, *(of_atom(a) for a in atoms)]


def gram_matrix(scalar: Scalar, basis: list[Scalar]) -> Matrix:
    """G with scalar = z' G z for the basis z."""
    place: dict[Atom | None, int] = {None: 0, **{z.atoms()[0]: i for i, z in enumerate(basis) if i}}
    gram = [[Fraction(0)] * len(basis) for _ in basis]
    for factors, coefficient in scalar.terms:
        found = flat(factors)
        assert found is not None
        i, j = place[found[0]], place[found[1]]
        gram[i][j] += coefficient / 2
        gram[j][i] += coefficient / 2
    return gram


def flat(factors: Monomial) -> list[Atom | None] | None:
    """A monomial of degree at most 2 as two factors."""
    found: list[Atom | None] = []
    for atom, e in factors:
        if e not in (1, 2):
            return None
        found.extend([atom] * int(e))
    return [*found, *[None] * (2 - len(found))] if len(found) <= 2 else None


def multipliers(one: Matrix, other: Matrix) -> Iterator[Fraction]:
    """Numbers c > 0 for which one - c other may be positive semidefinite: ratios on the diagonal, then what floats find."""
    shares = {a[i] / b[i] for i, (a, b) in enumerate(zip(one, other, strict=True)) if b[i]}
    yield from sorted(c for c in shares if c > 0)
    best = _best(one, other)
    if best is not None:
        yield from dict.fromkeys(c for d in (1, 8, 64, 1024, 2**20) if (c := best.limit_denominator(d)) > 0)


def _best(one: Matrix, other: Matrix) -> Fraction | None:
    """The c for which the least eigenvalue of one - c other, a concave function of c, is largest."""
    import numpy as np

    a, b = (np.array([[float(x) for x in row] for row in m]) for m in (one, other))
    scale = np.sqrt(np.abs(np.diag(a)) + np.abs(np.diag(b)) + 1e-9)
    a, b = a / np.outer(scale, scale), b / np.outer(scale, scale)
    low, high = -30.0, 30.0  # of log c
    for _ in range(60):
        thirds = (2 * low + high) / 3, (low + 2 * high) / 3
        first, second = (float(np.linalg.eigvalsh(a - np.exp(z) * b)[0]) for z in thirds)
        low, high = (thirds[0], high) if first < second else (low, thirds[1])
    return Fraction(float(np.exp((low + high) / 2))) if max(first, second) > -1e-6 else None
