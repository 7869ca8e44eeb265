"""Matrices turned by rational angles: norms, and being orthogonal, are kept exactly."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

from odenet.proof.refute.scalars import Undefined

TURNS = tuple(Fraction(1, k) for k in (2, 3, 5, 8, 16))
LONGEST = 160  # bits of the denominators of a matrix that was turned often


@dataclass(frozen=True)
class Plane:
    """The plane of two rows (or columns) and the tangent of half the angle."""

    of_rows: bool
    first: int
    second: int
    half: Fraction


def plane(matrix: Any, chance: Random) -> Plane:
    """A plane and an angle for a matrix. Raises Undefined where it has one entry."""
    of_rows = len(matrix) > 1 and (chance.randrange(2) == 1 or len(matrix[0]) == 1)
    size = len(matrix) if of_rows else len(matrix[0])
    if size < 2:
        raise Undefined("a matrix of one entry")
    first, second = chance.sample(range(size), 2)
    return Plane(of_rows, first, second, chance.choice(TURNS) * chance.choice((1, -1)))


def turned(matrix: Any, where: Plane) -> Any:
    """The matrix turned in a plane. Raises Undefined where its digits become too many."""
    square, i, j = where.half**2, where.first, where.second
    cosine, sine = (1 - square) / (1 + square), 2 * where.half / (1 + square)
    rows = [list(row) for row in (matrix if where.of_rows else zip(*matrix, strict=True))]
    rows[i], rows[j] = ([cosine * a - sine * b for a, b in zip(rows[i], rows[j], strict=True)],
                        [sine * a + cosine * b for a, b in zip(rows[i], rows[j], strict=True)])
    if max(entry.denominator.bit_length() for row in rows for entry in row) > LONGEST:
        raise Undefined("too many digits")
    return tuple(map(tuple, rows if where.of_rows else zip(*rows, strict=True)))
