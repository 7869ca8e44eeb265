"""The elementwise functions in NumPy, in forms that neither overflow nor cancel."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

sin, cos, tan, exp, log, tanh, sqrt, sign, square = (
    np.sin, np.cos, np.tan, np.exp, np.log, np.tanh, np.sqrt, np.sign, np.square)
atan = np.arctan
absolute = np.abs


def tan_slope(z: Any) -> Any:
    return np.cos(z) ** -2.0


def atan_slope(z: Any) -> Any:
    return 1 / (1 + np.square(z))


def sinc(z: Any) -> Any:
    return np.sinc(np.asarray(z) / np.pi)


def sinc_slope(z: Any, order: float = 1.0) -> Any:
    """The derivative of sinc of the given order: a series near 0, f_k = (sin(z + k pi/2) - k f_(k-1)) / z far from it."""
    z = np.asarray(z, dtype=float)
    k = int(order)
    near = np.abs(z) < k + 2.0
    far = np.where(near, k + 3.0, z)
    value = np.sin(far) / far
    for i in range(1, k + 1):
        value = (np.sin(far + i * np.pi / 2) - i * value) / far
    return np.where(near, _sinc_series(np.where(near, z, 0.0), k), value)


def _sinc_series(z: Any, k: int) -> Any:
    total = np.zeros_like(z)
    for j in range((k + 1) // 2, 30 + 2 * k):
        coefficient = (-1) ** j / ((2 * j + 1) * math.factorial(2 * j - k))
        total = total + coefficient * z ** (2 * j - k)
    return total


def tanh_slope(z: Any) -> Any:
    small = np.exp(-2 * np.abs(z))
    return 4 * small / (1 + small) ** 2


def logcosh(z: Any) -> Any:
    size = np.abs(z)
    return np.where(size < 1e-3, size**2 / 2 - size**4 / 12, size + np.log1p(np.exp(-2 * size)) - math.log(2))


def sigmoid(z: Any) -> Any:
    small = np.exp(-np.abs(z))
    return np.where(np.asarray(z) >= 0, 1 / (1 + small), small / (1 + small))


def sigmoid_slope(z: Any) -> Any:
    small = np.exp(-np.abs(z))
    return small / (1 + small) ** 2


def softplus(z: Any) -> Any:
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def silu(z: Any) -> Any:
    return z * sigmoid(z)


def silu_slope(z: Any) -> Any:
    return sigmoid(z) + z * sigmoid_slope(z)


_erfc = np.vectorize(math.erfc, otypes=[float])


def _normal(z: Any) -> Any:
    return _erfc(-np.asarray(z) / math.sqrt(2)) / 2


def gelu(z: Any) -> Any:
    return z * _normal(z)


def gelu_slope(z: Any) -> Any:
    return _normal(z) + z * normal_density(z)


def normal_density(z: Any) -> Any:
    return np.exp(-np.square(z) / 2) / math.sqrt(2 * math.pi)


def threshold(z: Any) -> Any:
    return np.where(np.asarray(z) > 0, 1.0, 0.0)


def relu(z: Any) -> Any:
    return np.maximum(z, 0.0)


def leaky_relu(z: Any, a: float) -> Any:
    return np.where(np.asarray(z) > 0, z, a * z)


def leaky_relu_slope(z: Any, a: float) -> Any:
    return np.where(np.asarray(z) > 0, 1.0, a)


def elu(z: Any, a: float = 1.0) -> Any:
    return np.where(np.asarray(z) > 0, z, a * np.expm1(np.minimum(z, 0)))


def elu_slope(z: Any, a: float = 1.0) -> Any:
    return np.where(np.asarray(z) > 0, 1.0, a * np.exp(np.minimum(z, 0)))


def elu_curvature(z: Any, a: float = 1.0) -> Any:
    return np.where(np.asarray(z) > 0, 0.0, a * np.exp(np.minimum(z, 0)))


def celu(z: Any, a: float = 1.0) -> Any:
    return np.where(np.asarray(z) > 0, z, a * np.expm1(np.minimum(z, 0) / a))


def celu_slope(z: Any, a: float = 1.0) -> Any:
    return np.exp(np.minimum(z, 0) / a)


def celu_curvature(z: Any, a: float = 1.0) -> Any:
    return np.where(np.asarray(z) > 0, 0.0, np.exp(np.minimum(z, 0) / a))


def softsign(z: Any) -> Any:
    return z / (1 + np.abs(z))


def softsign_slope(z: Any) -> Any:
    return (1 + np.abs(z)) ** -2.0
