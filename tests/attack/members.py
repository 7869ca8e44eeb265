"""Members of parameter sets, extremes included, drawn without odenet."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.attack.terms import Array

Random = np.random.Generator
SCALES = (0.1, 1.0, 1.0, 3.0, 10.0)


def scale(rng: Random) -> float:
    return float(rng.choice(SCALES))


def anything(rng: Random, shape: tuple[int, ...]) -> Array:
    kind = rng.integers(4)
    if kind == 0:
        return np.asarray(rng.integers(-2, 3, shape), dtype=float)
    if kind == 1:
        return np.asarray(rng.choice([-1.0, 0.0, 1.0], shape)) * scale(rng)
    return np.asarray(rng.normal(size=shape)) * scale(rng)


def positive(rng: Random, shape: tuple[int, ...]) -> Array:
    return np.asarray(np.exp(2 * rng.normal(size=shape)))


def nonnegative(rng: Random, shape: tuple[int, ...]) -> Array:
    return positive(rng, shape) * rng.integers(0, 2, shape)


def interval(rng: Random, shape: tuple[int, ...], low: float, high: float) -> Array:
    kind = rng.integers(3)
    place = rng.uniform(size=shape) if kind else np.asarray(rng.integers(0, 2, shape), dtype=float)
    return np.asarray(low + (high - low) * place)


def orthogonal(rng: Random, shape: tuple[int, ...]) -> Array:
    m, n = shape
    size = max(m, n)
    if rng.integers(3) == 0:
        q = np.eye(size)[rng.permutation(size)] * rng.choice([-1.0, 1.0], size)
    else:
        q = np.linalg.qr(rng.normal(size=(size, size)))[0]
    return np.asarray(q[:m, :n])


def skew(rng: Random, shape: tuple[int, ...]) -> Array:
    a = anything(rng, shape)
    return a - a.T


def symmetric(rng: Random, shape: tuple[int, ...]) -> Array:
    a = anything(rng, shape)
    return a + a.T


def psd(rng: Random, shape: tuple[int, ...]) -> Array:
    a = anything(rng, (int(rng.integers(1, shape[0] + 1)), shape[1]))
    return np.asarray(a.T @ a)


def stochastic(rng: Random, shape: tuple[int, ...]) -> Array:
    if rng.integers(3) == 0:
        return np.asarray(np.eye(shape[0])[rng.integers(0, shape[0], shape[0])])
    a = positive(rng, shape)
    return np.asarray(a / a.sum(axis=1, keepdims=True))


def doubly_stochastic(rng: Random, shape: tuple[int, ...]) -> Array:
    weights = rng.dirichlet(np.ones(3) * 0.5)
    return np.asarray(sum(w * np.eye(shape[0])[rng.permutation(shape[0])] for w in weights))


def laplacian(rng: Random, shape: tuple[int, ...]) -> Array:
    a = nonnegative(rng, shape)
    a = (a + a.T) * (1 - np.eye(shape[0]))
    return np.asarray(np.diag(a.sum(axis=1)) - a)


def bounded(rng: Random, shape: tuple[int, ...], bound: float) -> Array:
    if rng.integers(3) == 0:
        return orthogonal(rng, shape) * bound
    a = rng.normal(size=shape)
    return np.asarray(a * bound / max(np.linalg.norm(a, 2), 1e-12)) * (1.0 if rng.integers(2) else float(rng.uniform()))


Draw = Callable[[Random, tuple[int, ...]], Array]
SETS: dict[str, Draw] = {
    "": anything, "positive": positive, "nonnegative": nonnegative, "orthogonal": orthogonal, "skew": skew,
    "symmetric": symmetric, "psd": psd, "stochastic": stochastic, "doubly_stochastic": doubly_stochastic, "laplacian": laplacian,
    "diagonal": lambda r, s: np.diag(np.diag(anything(r, s))), "lower": lambda r, s: np.tril(anything(r, s)),
    "upper": lambda r, s: np.triu(anything(r, s)), "binary": lambda r, s: np.asarray(r.choice([-1.0, 1.0], s)),
    "frozen": anything, "norm <= 1": lambda r, s: bounded(r, s, 1.0), "norm <= 3/2": lambda r, s: bounded(r, s, 1.5),
    "norm <= 1/2": lambda r, s: bounded(r, s, 0.5), "in [0, 1]": lambda r, s: interval(r, s, 0.0, 1.0),
    "in [-1, 1]": lambda r, s: interval(r, s, -1.0, 1.0), "in [1/2, 2]": lambda r, s: interval(r, s, 0.5, 2.0),
    "in [-2, -1/2]": lambda r, s: interval(r, s, -2.0, -0.5), "in [-1, 1/2]": lambda r, s: interval(r, s, -1.0, 0.5),
}
SCALARS = ("", "", "positive", "nonnegative", "in [0, 1]", "in [-1, 1]", "in [1/2, 2]", "in [-2, -1/2]", "in [-1, 1/2]", "binary")
VECTORS = (*SCALARS, "frozen")
MATRICES = ("", "positive", "nonnegative", "orthogonal", "norm <= 1", "norm <= 3/2", "norm <= 1/2", "in [0, 1]", "in [-1, 1]", "binary")
SQUARES = (*MATRICES, "skew", "skew", "symmetric", "psd", "psd", "diagonal", "lower", "upper", "stochastic", "doubly_stochastic",
           "laplacian", "orthogonal")
