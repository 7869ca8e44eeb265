"""Stochastic matrices and graph Laplacians."""
from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

from odenet.sets import exact
from odenet.sets.exact import ONE, ZERO, Matrix
from odenet.sets.row import ParameterSetRow, is_square

Shape = tuple[int, ...]
Arguments = tuple[Fraction, ...]


def _distribution(random: Random, n: int) -> tuple[Fraction, ...]:
    if random.randrange(2):
        hit = random.randrange(n)
        return tuple(ONE if i == hit else ZERO for i in range(n))
    weights = [random.randint(0, 4) for _ in range(n)]
    total = sum(weights)
    return tuple(Fraction(w, total) for w in weights) if total else (Fraction(1, n),) * n


def _sample_stochastic(random: Random, shape: Shape, _: Arguments) -> Matrix:
    if random.randrange(5) == 0:  # all mass in one column
        row = _distribution(random, shape[0])
        return (row,) * shape[0]
    return tuple(_distribution(random, shape[0]) for _ in range(shape[0]))


def _sample_doubly(random: Random, shape: Shape, _: Arguments) -> Matrix:
    """A convex combination of permutations: by Birkhoff's theorem every member is one."""
    n, count = shape[0], random.choice((1, 1, 2, 3))
    weights = [random.randint(1, 3) for _ in range(count)]
    total = exact.zero(n, n)
    for weight in weights:
        total = exact.add(total, exact.scaled(Fraction(weight, sum(weights)), exact.permutation(random, n)))
    return total


def _sample_laplacian(random: Random, shape: Shape, _: Arguments) -> Matrix:
    n = shape[0]
    values = random.choice(((0, 1), (0, 1, 2, 5), (1,), (0,), (0, 1, 40), (1, 1000)))  # no bound is too large
    weight = {(i, j): Fraction(random.choice(values)) for i in range(n) for j in range(i + 1, n)}
    rows = [[-weight.get((min(i, j), max(i, j)), ZERO) if i != j else ZERO for j in range(n)] for i in range(n)]
    return tuple(tuple(-sum(row, ZERO) if i == j else x for j, x in enumerate(row)) for i, row in enumerate(rows))


def _off_rows(value: Any) -> float:
    return float(max(abs(value.sum(-1) - 1).max(), (-value).max(), 0.0))


def _off_doubly(value: Any) -> float:
    return max(_off_rows(value), _off_rows(value.swapaxes(-1, -2)))


def _off_laplacian(value: Any) -> float:
    import numpy as np

    outside = value * (1 - np.eye(value.shape[-1]))
    return float(max(abs(value - value.swapaxes(-1, -2)).max(), abs(value.sum(-1)).max(), outside.max(), 0.0))


_SQUARE = "square matrices R[n, n]"
MARKOV = (
    ParameterSetRow("stochastic", _SQUARE, is_square, _sample_stochastic, _off_rows,
                    facts=frozenset({"rows sum to one", "nonnegative"})),
    ParameterSetRow("doubly_stochastic", _SQUARE, is_square, _sample_doubly, _off_doubly,
                    facts=frozenset({"rows sum to one", "columns sum to one", "nonnegative"})),
    ParameterSetRow("laplacian", _SQUARE, is_square, _sample_laplacian, _off_laplacian,
                    facts=frozenset({"symmetric", "psd", "rows sum to zero", "columns sum to zero", "metzler negative"})),
)
