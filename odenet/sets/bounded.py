"""`norm <= c`: the operator norm of a matrix, or of a convolution as it is applied."""
from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

from odenet.sets import exact
from odenet.sets.exact import Matrix
from odenet.sets.row import Exact, ParameterSetRow, is_map


def contraction(random: Random, rows: int, columns: int) -> Matrix:
    """A matrix of norm at most one: U diag(s) V with U, V orthogonal and 0 <= s <= 1, often with s = 1."""
    k = min(rows, columns)
    kind = random.randrange(6)
    if kind == 0:
        return exact.zero(rows, columns)
    if kind in (1, 2):
        return exact.orthogonal(random, rows, columns)
    values = [Fraction(random.randint(0, 4), 4) for _ in range(k)]
    if kind == 3:  # of rank one
        values = [Fraction(1)] + [Fraction(0)] * (k - 1)
    left, right = exact.orthogonal(random, rows, k), exact.orthogonal(random, k, columns)
    return exact.multiply(exact.multiply(left, exact.diagonal(values)), right)


def _sample_norm(random: Random, shape: tuple[int, ...], bound: tuple[Fraction, ...]) -> Exact:
    if len(shape) == 2:
        return exact.scaled(bound[0], contraction(random, *shape))
    return _sample_kernel(random, shape, bound[0])


def _sample_kernel(random: Random, shape: tuple[int, ...], bound: Fraction) -> Exact:
    """A kernel whose operator has norm at most `bound`, with either padding.

    The operator is a sum over taps of (shift) x (matrix of the tap), and a shift has norm at most one: so the norm is at
    most the sum of the norms of the matrices.
    """
    outputs, inputs, size, _ = shape
    places = [(i, j) for i in range(size) for j in range(size)]
    taps = random.sample(places, 1 if random.randrange(2) else min(2, len(places)))
    share = bound / len(taps)
    matrices = {tap: exact.scaled(share, contraction(random, outputs, inputs)) for tap in taps}
    nothing = exact.zero(outputs, inputs)
    return tuple(tuple(tuple(tuple(matrices.get((i, j), nothing)[o][c] for j in range(size)) for i in range(size))
                       for c in range(inputs)) for o in range(outputs))


def _off_norm(value: Any, bound: float) -> float:
    """For matrices; the norm of a convolution depends on the image, see the tests of the interpreter."""
    import numpy as np

    return float(max(0.0, (np.linalg.norm(value, 2, axis=(-2, -1)) - bound).max()))


BOUNDED = (ParameterSetRow("norm", "matrices R[m, n] and convolutions", is_map, _sample_norm, _off_norm, arguments=1),)
