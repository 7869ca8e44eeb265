"""Whether an exact value lies in a parameter set, decided in rationals: one row for each set.

A value is a NumPy array (dtype object) of `fmpq`; arguments of sets are `fmpq`, or balls, which then decide only what is certain.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb, fmpq, fmpq_mat

Array = Any


def is_psd(matrix: Array) -> bool:
    """Whether a symmetric rational matrix is positive semidefinite: no root of its characteristic polynomial is negative.

    Source: all roots are real, so by Descartes' rule none is negative iff the signs of the coefficients alternate.
    """
    n = len(matrix)
    found = fmpq_mat(n, n, matrix.ravel().tolist()).charpoly().coeffs() if n else []
    return all((-1) ** (n - k) * c >= 0 for k, c in enumerate(found))


def below(bound: Any) -> fmpq:
    """A rational certainly at most the bound: itself where it is one."""
    if isinstance(bound, fmpq):
        return bound
    mantissa, exponent = bound.lower().man_exp()
    return fmpq(mantissa) * fmpq(2) ** int(exponent)


def _norm_at_most(value: Array, bound: Any) -> bool:
    """|A|^2 <= c^2: c^2 I - A'A is positive semidefinite."""
    c = below(bound)
    small = value if value.shape[0] <= value.shape[1] else value.T
    return bool(c >= 0) and is_psd(_eye(len(small)) * (c * c) - np.dot(small, small.T))


def _kernel_at_most(kernel: Array, bound: Any) -> bool:
    """The norm of a convolution of images of any size, by one of two bounds of it: the sum of the norms of its taps (shifts have
    norm at most one), or the root of its largest row sum times its largest column sum (Schur's test)."""
    outputs, inputs, size, _ = kernel.shape
    taps = [kernel[:, :, a, b] for a in range(size) for b in range(size) if any(x != 0 for x in kernel[:, :, a, b].flat)]
    if len(taps) <= 1:
        return all(_norm_at_most(tap, bound) for tap in taps) and bool(below(bound) >= 0)
    c, weights = below(bound), np.vectorize(abs, otypes=[object])(kernel)
    rows, columns = [sum(weights[k].flat) for k in range(outputs)], [sum(weights[:, i].flat) for i in range(inputs)]
    if c >= 0 and max(rows) * max(columns) <= c * c:
        return True
    halves = [next((share for share in _shares(tap, c) if _norm_at_most(tap, share)), None) for tap in taps]
    return all(share is not None for share in halves) and sum(share for share in halves if share is not None) <= c


def _shares(tap: Array, c: fmpq) -> list[fmpq]:
    """Numbers that may bound the norm of a tap: simple parts of c, then a little above its norm."""
    import numpy.linalg

    near = float(numpy.linalg.norm(tap.astype(float), 2))
    return [c * fmpq(k, 12) for k in range(13) if float(arb(c)) * k >= 12 * near - 1e-9] + [fmpq(int(near * 10**9) + 2, 10**9)]


def _eye(n: int) -> Array:
    return np.array([[fmpq(int(i == j)) for j in range(n)] for i in range(n)], dtype=object)


def _keeps_lengths(v: Array) -> bool:
    """A'A = I for a matrix; for a kernel [k, c, s, s] with k >= c the sum over a of K_a' K_(a + d) is I for d = 0, else 0: then
    the circular convolution has K'K = I on images of every size. (Those of K' turned about are the same for k < c.)"""
    if v.ndim == 2:
        return _same(np.dot(v.T, v), _eye(v.shape[1]))
    outputs, inputs, size, _ = v.shape
    around = np.full((outputs, inputs, 3 * size, 3 * size), fmpq(0), dtype=object)
    around[:, :, size:2 * size, size:2 * size] = v
    return all(_same(np.tensordot(v, around[:, :, a:a + size, b:b + size], ((0, 2, 3), (0, 2, 3))),
                     _eye(inputs) * fmpq(int(a == b == size))) for a in range(1, 2 * size) for b in range(1, 2 * size))


def _same(left: Array, right: Array) -> bool:
    return bool(np.all(left == right))


def _no_negative(value: Array) -> bool:
    return all(x >= 0 for x in value.flat)


def _rows_sum_to(value: Array, total: int) -> bool:
    return all(sum(row) == total for row in value)


def _off_diagonal(value: Array) -> Array:
    return value * (1 - np.eye(len(value), dtype=int))


MEMBERS: dict[str, Callable[..., bool]] = {
    "positive": lambda v: all(x > 0 for x in v.flat),
    "nonnegative": _no_negative,
    "interval": lambda v, low, high: all(x - low >= 0 and high - x >= 0 for x in v.flat),
    "orthogonal": lambda v: _keeps_lengths(v if v.shape[0] >= v.shape[1] else v.swapaxes(0, 1)),
    "skew": lambda v: _same(v, -v.T),
    "symmetric": lambda v: _same(v, v.T),
    "psd": lambda v: _same(v, v.T) and is_psd(v),
    "diagonal": lambda v: _same(_off_diagonal(v), 0 * v),
    "lower": lambda v: _same(np.triu(v, 1), 0 * v),
    "upper": lambda v: _same(np.tril(v, -1), 0 * v),
    "norm": lambda v, c: _norm_at_most(v, c) if v.ndim == 2 else _kernel_at_most(v, c),
    "stochastic": lambda v: _no_negative(v) and _rows_sum_to(v, 1),
    "doubly_stochastic": lambda v: _no_negative(v) and _rows_sum_to(v, 1) and _rows_sum_to(v.T, 1),
    "laplacian": lambda v: _same(v, v.T) and _rows_sum_to(v, 0) and _no_negative(-_off_diagonal(v)),
    "binary": lambda v: all(abs(x) == 1 for x in v.flat),
}
