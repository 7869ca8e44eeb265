"""How cost grows: t = constant + factor * x^power, fitted to a few points."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

POWERS = tuple(p / 100 for p in range(10, 351))


@dataclass(frozen=True)
class Growth:
    """cost = constant + factor * x^power; `error` is the root mean square of the relative errors of the fit."""

    constant: float
    factor: float
    power: float
    error: float

    def at(self, x: float) -> float:
        return self.constant + self.factor * x**self.power


def fit(xs: Sequence[float], costs: Sequence[float]) -> Growth:
    """The growth with the least sum of squared relative errors, its constant not negative.

    The constant is what does not grow (the call of the module, the charts where the batch grows); without it the power of a
    plain line through the logarithms is too small. For each power the two others are a linear problem of least squares.
    """
    return min((_with_power(np.asarray(xs, float), np.asarray(costs, float), power) for power in POWERS), key=lambda g: g.error)


def _with_power(xs: np.ndarray, costs: np.ndarray, power: float) -> Growth:
    columns = np.stack((np.ones_like(xs), xs**power), -1) / costs[:, None]
    constant, factor = np.linalg.lstsq(columns, np.ones_like(costs), rcond=None)[0]
    if constant < 0 or factor < 0:  # the best on the border
        column = columns[:, 1]
        constant, factor = 0.0, float(column.sum() / (column @ column))
    error = float(np.sqrt(np.mean((columns @ np.array([constant, factor]) - 1) ** 2)))
    return Growth(float(constant), float(factor), power, error)
