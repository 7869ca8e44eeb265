"""Matrices known up to an error, and bounds of them that rounding cannot break.

A `Ball` is a stack of matrices with a bound, in the spectral norm, of how far the true ones are from those stored. Everything
here returns bounds that hold whatever the rounding was: errors of float64 products are counted as n u |A| |B|, in any order of
summation (Higham 2002, Accuracy and stability of numerical algorithms, section 3.5), and sums of a few positive numbers are
taken up by a part in 10^12, far more than their rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
UNIT = 2.0**-53  # the rounding unit of float64
TINY = 1e-290  # more than what underflow can cost in any sum here
_SMALL = 1e-250  # squares relative to it are not lost
_UP = 1 + 1e-12
_COMPLEX = 4  # a complex product or sum has errors at most 4 times those of a real one, counted with the same rounding unit


def up(value: Any) -> Any:
    """An upper bound of a nonnegative number, or array, that came out of at most a thousand roundings."""
    return value * _UP + TINY


def down(value: Any) -> Any:
    """A lower bound in the same sense, at least 0."""
    return np.maximum(value / _UP - TINY, 0.0)


def gamma(count: int, unit: float = UNIT) -> float:
    """n u / (1 - n u): the relative error of a sum of n products. Infinite where n u reaches 1/2."""
    share = count * unit
    return up(share / (1 - share)) if share < 0.5 else math.inf


@dataclass(frozen=True)
class Ball:
    """Matrices [stack, m, n], real or complex; each true one lies within `error` [stack] of the one in `middle`."""

    middle: Array
    error: Array

    @property
    def shape(self) -> tuple[int, int, int]:
        stack, rows, columns = self.middle.shape
        return stack, rows, columns

    def __matmul__(self, other: Ball) -> Ball:
        inner = self.middle.shape[-1]
        mine, others = self.size(), other.size()
        rounding = _COMPLEX * gamma(inner + 2) * mine * others
        return Ball(self.middle @ other.middle, up(mine * other.error + self.error * (others + other.error) + rounding))

    def __add__(self, other: Ball) -> Ball:
        total = self.middle + other.middle
        return Ball(total, up(self.error + other.error + 2 * UNIT * frobenius(total)))

    def scaled(self, factor: float) -> Ball:
        """The matrices times a number that is exact."""
        product = self.middle * factor
        return Ball(product, up(abs(factor) * self.error + 2 * UNIT * frobenius(product)))

    def adjoint(self) -> Ball:
        return Ball(np.conj(np.swapaxes(self.middle, -1, -2)), self.error)

    def size(self) -> Array:
        """Upper bounds [stack] of the Frobenius norms of `middle`."""
        return frobenius(self.middle)


def exact(matrix: Array) -> Ball:
    """One matrix, or a stack, whose stored entries are the true ones."""
    stack = matrix if matrix.ndim == 3 else matrix[None]
    return Ball(stack, np.zeros(len(stack)))


def frobenius(matrices: Array) -> Array:
    """Upper bounds [stack] of the Frobenius norms of matrices [stack, m, n]."""
    scale = np.abs(matrices).max(axis=(-1, -2), initial=0.0)
    safe = np.where(scale > 0, np.maximum(scale, _SMALL), 1.0)
    with np.errstate(invalid="ignore"):  # infinite numbers give nan, which no check accepts
        squares = (np.abs(matrices / safe[:, None, None]) ** 2).sum(axis=(-1, -2))
    squares = np.where((scale > 0) & (scale < _SMALL), matrices.shape[-1] * matrices.shape[-2], squares)  # they may underflow
    return np.asarray(up(safe * np.sqrt(squares) * (1 + gamma(matrices.shape[-1] * matrices.shape[-2] + 9))))


def is_positive(matrices: Ball) -> bool:
    """Whether all the true matrices, taken to be Hermitian, are shown to be positive semidefinite.

    A Cholesky factorisation that ends shows that its matrix plus a backward error is positive. Source: Rump (2006),
    Verification of positive definiteness, BIT 46; Higham (2002), theorems 10.3 and 10.7, any blocking of the sums.
    """
    mid = (matrices.middle + np.conj(np.swapaxes(matrices.middle, -1, -2))) / 2
    if not np.isfinite(mid).all() or not np.isfinite(matrices.error).all():
        return False
    size = mid.shape[-1]
    diagonal = np.real(np.einsum("kii->ki", mid))
    if (diagonal < 0).any():
        return False
    trace = diagonal.sum(-1)
    backward = 2 * _COMPLEX * gamma(size + 2) * trace
    shift = up(matrices.error + backward + 8 * UNIT * frobenius(mid))
    lowered = mid.copy()
    index = np.arange(size)
    lowered[:, index, index] = diagonal - shift[:, None]
    if not np.isfinite(lowered).all():
        return False
    try:
        return bool(np.isfinite(np.linalg.cholesky(lowered)).all())  # a factorisation may run through numbers that are none
    except np.linalg.LinAlgError:
        return False


def norm_above(matrices: Ball) -> float:
    """An upper bound of the largest spectral norm in the stack, within a part in about 10^10 of it."""
    if min(matrices.shape) == 0:
        return 0.0
    if not np.isfinite(matrices.middle).all():
        return math.inf
    rough = float(np.linalg.norm(matrices.middle, 2, axis=(-2, -1)).max())
    if rough == 0 or not math.isfinite(rough):
        return float(up(matrices.size() + matrices.error).max())
    flat = matrices if matrices.shape[1] >= matrices.shape[2] else matrices.adjoint()
    gram = flat.adjoint() @ Ball(flat.middle, np.zeros(flat.shape[0]))
    gram = Ball(gram.middle, up(_COMPLEX * gamma(flat.shape[1] + 2) * flat.size() ** 2))  # of the stored matrices
    for slack in (1e-12, 1e-10, 1e-8, 1e-5, 1e-2):
        bound = rough * (1 + slack)
        if is_positive(minus(bound, gram)):
            return float(up(bound * (1 + 1e-15) + matrices.error.max()))
    return float(up(matrices.size() + matrices.error).max())


def minus(bound: float, gram: Ball) -> Ball:
    """bound^2 I - gram."""
    _stack, size, _ = gram.shape
    rest = -gram.middle
    index = np.arange(size)
    rest[:, index, index] += bound * bound
    return Ball(rest, up(gram.error + 4 * UNIT * (bound * bound + frobenius(gram.middle))))


def norm_below(matrices: Ball) -> float:
    """A lower bound of the largest spectral norm in the stack: the length of the image of one vector."""
    if min(matrices.shape) == 0:
        return 0.0
    if not np.isfinite(matrices.middle).all():
        return 0.0
    norms = np.linalg.norm(matrices.middle, 2, axis=(-2, -1))
    worst = int(norms.argmax())
    scale = 2.0 ** min(-math.frexp(float(np.abs(matrices.middle[worst]).max()))[1], 1000)  # entries near 1: no square underflows
    matrix = matrices.middle[worst] * scale
    vector = np.linalg.svd(matrix)[2][0].conj()
    length, image = np.linalg.norm(vector), np.linalg.norm(matrix @ vector)
    rounding = _COMPLEX * gamma(matrix.size + 9) * float(frobenius(matrix[None])[0])
    return float(down((image / length - up(rounding)) / scale - up(float(matrices.error[worst])))) if length > 0 else 0.0


def norm_of_sizes(matrix: Array) -> float:
    """An upper bound of the spectral norm of |matrix|, entry by entry: sqrt(|A|_1 |A|_inf)."""
    sizes = np.abs(matrix)
    if sizes.size == 0:
        return 0.0
    count = max(matrix.shape) + 2
    return float(up(math.sqrt(float(sizes.sum(0).max())) * math.sqrt(float(sizes.sum(1).max())) * (1 + gamma(count))))
