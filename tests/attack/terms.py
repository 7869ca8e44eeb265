"""Expressions with two lives: text of the language, and a NumPy closure written without odenet."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import erf
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Shape = tuple[str, ...]  # names of dims, or numbers as text; () is a scalar


@dataclass
class World:
    """Numbers for everything that an expression may use."""

    dims: dict[str, int]
    params: dict[str, Array]
    states: dict[str, Array]
    t: float = 0.0

    def shape(self, shape: Shape) -> tuple[int, ...]:
        return tuple(length(size, self.dims) for size in shape)

    def at(self, states: dict[str, Array], t: float | None = None) -> World:
        return World(self.dims, self.params, states, self.t if t is None else t)


def length(size: str, dims: dict[str, int]) -> int:
    """`n`, `2*n`, `n*(n-1)/2`, `3`."""
    if size.isdigit():
        return int(size)
    if size in dims:
        return dims[size]
    if size.startswith("2*"):
        return 2 * dims[size[2:]]
    name = size[:size.index("*")]
    return dims[name] * (dims[name] - 1) // 2


@dataclass(frozen=True)
class Term:
    """`text` in the language and `value` of it in a world; `shape` is symbolic."""

    text: str
    shape: Shape
    value: Callable[[World], Any]


def leaf(name: str, shape: Shape) -> Term:
    return Term(name, shape, lambda w: w.states[name] if name in w.states else w.params[name])


def number(value: float, text: str) -> Term:
    return Term(text, (), lambda w: value)


def inside(term: Term) -> str:
    return term.text if term.text.replace("_", "").isalnum() else f"({term.text})"


def plus(left: Term, right: Term) -> Term:
    return Term(f"{left.text} + {inside(right)}", left.shape or right.shape, lambda w: left.value(w) + right.value(w))


def minus(left: Term, right: Term) -> Term:
    return Term(f"{left.text} - {inside(right)}", left.shape or right.shape, lambda w: left.value(w) - right.value(w))


def negative(term: Term) -> Term:
    return Term(f"-{inside(term)}", term.shape, lambda w: -term.value(w))


def times(left: Term, right: Term) -> Term:
    return Term(f"{inside(left)} * {inside(right)}", left.shape or right.shape, lambda w: left.value(w) * right.value(w))


def apply(matrix: Term, vector: Term) -> Term:
    return Term(f"{inside(matrix)} @ {inside(vector)}", matrix.shape[:1], lambda w: matrix.value(w) @ vector.value(w))


def transpose(matrix: Term) -> Term:
    return Term(f"{inside(matrix)}.T", matrix.shape[::-1], lambda w: matrix.value(w).T)


def call(name: str, argument: Term, shape: Shape, value: Callable[[Any], Any]) -> Term:
    return Term(f"{name}({argument.text})", shape, lambda w: value(argument.value(w)))


def ones(size: str) -> Term:
    return Term(f"ones({size})", (size,), lambda w: np.ones(length(size, w.dims)))


def skew_of(vector: Term, size: str) -> Term:
    def value(w: World) -> Array:
        n = length(size, w.dims)
        matrix = np.zeros((n, n))
        matrix[np.triu_indices(n, 1)] = vector.value(w)
        return matrix - matrix.T

    return Term(f"skew({vector.text})", (size, size), value)


# --- elementwise functions, from their definitions ---------------------------------------------------------------------


def _elu(z: Any, a: float = 1.0) -> Any:
    return np.where(z > 0, z, a * np.expm1(np.minimum(z, 0)))


def _celu(z: Any, a: float) -> Any:
    return np.where(z > 0, z, a * np.expm1(np.minimum(z, 0) / a))


def _sigmoid(z: Any) -> Any:
    return 0.5 * (1 + np.tanh(np.asarray(z) / 2))


def _logcosh(z: Any) -> Any:
    return np.abs(z) + np.log1p(np.exp(-2 * np.abs(z))) - np.log(2)


_normal = np.vectorize(lambda z: 0.5 * z * (1 + erf(z / 2**0.5)), otypes=[float])

# text with {} for the argument, and the same in NumPy
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tanh({})": np.tanh, "sin({})": np.sin, "cos({})": np.cos, "relu({})": lambda z: np.maximum(z, 0), "abs({})": np.abs,
    "leaky_relu({}, 1/2)": lambda z: np.where(z > 0, z, z / 2), "leaky_relu({}, 2)": lambda z: np.where(z > 0, z, 2 * z),
    "leaky_relu({}, -1)": np.abs, "elu({})": _elu, "elu({}, 2)": lambda z: _elu(z, 2.0), "elu({}, 1/2)": lambda z: _elu(z, 0.5),
    "celu({}, 2)": lambda z: _celu(z, 2.0), "celu({}, 1/2)": lambda z: _celu(z, 0.5), "softplus({})": lambda z: np.logaddexp(z, 0),
    "sigmoid({})": _sigmoid, "silu({})": lambda z: z * _sigmoid(z), "gelu({})": lambda z: _normal(z), "logcosh({})": _logcosh,
    "softsign({})": lambda z: z / (1 + np.abs(z)), "atan({})": np.arctan, "sinc({})": lambda z: np.sinc(np.asarray(z) / np.pi),
    "square({})": np.square, "exp({})": lambda z: np.exp(np.minimum(z, 50.0)), "sign({})": np.sign,
    "threshold({})": lambda z: np.where(z > 0, 1.0, 0.0),
}
KINKED = ("relu", "abs", "leaky", "elu", "max", "min", "sign", "threshold", "norm", "|")


def function(name: str, argument: Term) -> Term:
    return Term(name.format(argument.text), argument.shape, lambda w: FUNCTIONS[name](argument.value(w)))


def softmax(z: Array) -> Array:
    weights = np.exp(z - np.max(z))
    return np.asarray(weights / weights.sum())
