"""Numerical falsifiers: for each property a number that is positive where the claim is broken.

Fields come as closures written without odenet; flows are run by the oracle of plans. Derivatives are central differences,
thrown away where two widths disagree (a kink, or too steep for floats).
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.attack.terms import Array

Map = Callable[[Array], Array]
LOOSE = 2e-4
TRUSTED = 5e-5  # two widths of a difference agree to this


def jacobian(f: Map, x: Array, width: float = 1e-5) -> Array | None:
    """Df(x) by central differences, or None where it is not to be trusted."""
    columns = []
    for i in range(len(x)):
        step = np.zeros_like(x)
        step[i] = width * (1 + abs(x[i]))
        coarse = (f(x + step) - f(x - step)) / (2 * step[i])
        fine = (f(x + step / 4) - f(x - step / 4)) / (step[i] / 2)
        columns.append(fine)
        scale = 1 + np.abs(coarse).max(initial=0)
        if not np.all(np.isfinite(coarse)) or np.abs(coarse - fine).max(initial=0) > TRUSTED * scale:
            return None
    return np.stack(columns, axis=1)


def log_norm(j: Array, order: str) -> float:
    if order == "2":
        return float(np.linalg.eigvalsh((j + j.T) / 2).max())
    a = j if order == "inf" else j.T
    return float(max(a[i, i] + np.abs(np.delete(a[i], i)).sum() for i in range(len(a))))


def norm(j: Array, order: str) -> float:
    return float(np.linalg.norm(j, {"1": 1, "2": 2, "inf": np.inf}[order]))


def excess(value: float, bound: float, size: float) -> float:
    """How far value is above bound, with room for rounding relative to size."""
    return value - bound - LOOSE * (1 + size)


def off(error: Any, size: float) -> float:
    return float(np.abs(error).max(initial=0)) - LOOSE * (1 + size)


def turn(x: Array, pairs: list[tuple[slice, slice]]) -> Array:
    """J as a matrix on the packed state."""
    j = np.zeros((len(x), len(x)))
    for q, p in pairs:
        size = q.stop - q.start
        j[q, p], j[p, q] = np.eye(size), -np.eye(size)
    return j


def gradient(value: Callable[[Array], float], x: Array) -> Array | None:
    found = jacobian(lambda z: np.atleast_1d(value(z)), x)
    return None if found is None else found[0]
