"""Exact matrices: nested tuples of Fractions."""
from __future__ import annotations

from fractions import Fraction
from math import isqrt
from random import Random

Matrix = tuple[tuple[Fraction, ...], ...]
ZERO, ONE = Fraction(0), Fraction(1)


def identity(n: int) -> Matrix:
    return diagonal([ONE] * n)


def diagonal(values: list[Fraction]) -> Matrix:
    return tuple(tuple(v if i == j else ZERO for j in range(len(values))) for i, v in enumerate(values))


MOST_MIXED = 6  # columns that a drawn orthogonal matrix mixes beyond a signed permutation


def zero(rows: int, columns: int) -> Matrix:
    return tuple((ZERO,) * columns for _ in range(rows))


def transpose(a: Matrix) -> Matrix:
    return tuple(zip(*a, strict=True))


def multiply(a: Matrix, b: Matrix) -> Matrix:
    columns = transpose(b)
    return tuple(tuple(sum((x * y for x, y in zip(row, column, strict=True)), ZERO) for column in columns) for row in a)


def add(a: Matrix, b: Matrix) -> Matrix:
    return tuple(tuple(x + y for x, y in zip(r, s, strict=True)) for r, s in zip(a, b, strict=True))


def scaled(c: Fraction, a: Matrix) -> Matrix:
    return tuple(tuple(c * x for x in row) for row in a)


def inverse(a: Matrix) -> Matrix:
    """By Gauss and Jordan. Raises ZeroDivisionError for a singular matrix."""
    n = len(a)
    rows = [list(row) + list(unit) for row, unit in zip(a, identity(n), strict=True)]
    for i in range(n):
        pivot = next((k for k in range(i, n) if rows[k][i]), None)
        if pivot is None:
            raise ZeroDivisionError("singular matrix")
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(n):
            if k != i and rows[k][i]:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i], strict=True)]
    return tuple(tuple(row[n:]) for row in rows)


def signed_permutation(random: Random, n: int) -> Matrix:
    order = list(range(n))
    random.shuffle(order)
    signs = [Fraction(random.choice((-1, 1))) for _ in range(n)]
    return tuple(tuple(signs[i] if j == order[i] else ZERO for j in range(n)) for i in range(n))


def permutation(random: Random, n: int) -> Matrix:
    return tuple(tuple(abs(x) for x in row) for row in signed_permutation(random, n))


def skew(random: Random, n: int) -> Matrix:
    above = {(i, j): Fraction(random.randint(-3, 3), random.randint(1, 2)) for i in range(n) for j in range(i + 1, n)}
    return tuple(tuple(above.get((i, j), -above.get((j, i), ZERO)) for j in range(n)) for i in range(n))


def _mixed(q: Matrix, places: list[int], random: Random) -> Matrix:
    """The given columns of q times a Cayley transform; few of them, since exact inverses of large matrices are slow."""
    s = skew(random, len(places))
    unit = identity(len(places))
    turn = transpose(multiply(add(unit, scaled(-ONE, s)), inverse(add(unit, s))))
    rows = []
    for row in q:
        values, known = list(row), [row[i] for i in places]
        if any(known):
            for i, column in zip(places, turn, strict=True):
                values[i] = sum((x * y for x, y in zip(known, column, strict=True)), ZERO)
        rows.append(tuple(values))
    return tuple(rows)


def orthogonal(random: Random, rows: int, columns: int) -> Matrix:
    """A.T A = I (tall) or A A.T = I (wide), exactly.

    A signed permutation times the Cayley transform (I - S)(I + S)^-1 of a skew S: the transform reaches the rotations
    without the eigenvalue -1, the signed permutations reach every component and every coset of the others.
    """
    n = max(rows, columns)
    kind = random.randrange(4)
    q = identity(n) if kind == 0 else signed_permutation(random, n)
    if kind >= 2 and n > 1:
        q = _mixed(q, sorted(random.sample(range(n), min(n, MOST_MIXED))), random)
    return tuple(row[:columns] for row in q[:rows])


def frobenius_bound(values: list[Fraction]) -> Fraction:
    """A rational at least as large as the root of the sum of squares, and nearly equal."""
    square = sum((v * v for v in values), ZERO)
    if not square:
        return ZERO
    grid = 10**6
    root = isqrt(square.numerator * grid * grid // square.denominator)
    exact = Fraction(root, grid)
    return exact if exact * exact == square else exact + Fraction(1, grid)
