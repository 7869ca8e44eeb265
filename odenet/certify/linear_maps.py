"""Linear maps that a tape applies, with rigorous bounds of their norms.

Each kind knows its matrix, where that is small enough to write down; a convolution also knows its symbol, which is its matrix on
each plane wave of a torus.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from odenet.certify.enclosures import UNIT, Array, Ball, exact, frobenius, norm_above, norm_of_sizes, up
from odenet.certify.tape import Unbounded

DENSE_LIMIT = 1100  # entries of a vector whose maps are written as matrices


@dataclass(frozen=True)
class Torus:
    """Images of height by width pixels, joined at their borders."""

    height: int
    width: int

    @property
    def frequencies(self) -> int:
        """One of each pair of opposite frequencies, which have conjugate symbols."""
        return self.height * (self.width // 2 + 1)


class LinearMap:
    """From vectors of `inputs` entries to vectors of `outputs` entries."""

    inputs: int
    outputs: int
    terms = 1  # how many products are summed in one entry

    def matrix(self) -> Ball:
        """The matrix [1, outputs, inputs]."""
        raise NotImplementedError

    @cached_property
    def norm(self) -> float:
        """An upper bound of the spectral norm."""
        return norm_above(self.matrix())

    @cached_property
    def sizes(self) -> float:
        """An upper bound of the spectral norm of the map with all entries replaced by their absolute values."""
        ball = self.matrix()
        return float(up(norm_of_sizes(ball.middle[0]) + math.sqrt(min(self.inputs, self.outputs)) * ball.error[0]))

    def symbol(self, torus: Torus, channels: int) -> Ball | None:
        """The symbol [frequencies, outputs, inputs] in channels, if the map commutes with shifts; `channels` of its input."""
        return None


@dataclass(frozen=True)
class Scaling(LinearMap):
    """x -> factor * x, with a factor that is right to `units` roundings of float64."""

    inputs: int
    factor: float = 1.0
    units: int = 0

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return self.inputs

    def matrix(self) -> Ball:
        return self._times(np.eye(self.inputs)[None])

    def _times(self, units: Array) -> Ball:
        error = float(up(self.units * UNIT * abs(self.factor))) if self.units else 0.0
        return Ball(self.factor * units, np.full(len(units), error))

    @cached_property
    def norm(self) -> float:
        return float(up(abs(self.factor))) if self.units else abs(self.factor)

    @cached_property
    def sizes(self) -> float:
        return self.norm

    def symbol(self, torus: Torus, channels: int) -> Ball | None:
        return self._times(np.broadcast_to(np.eye(channels), (torus.frequencies, channels, channels)))


@dataclass(frozen=True)
class Diagonal(LinearMap):
    """x -> factors * x, entry by entry."""

    factors: Array

    @property
    def inputs(self) -> int:  # type: ignore[override]
        return len(self.factors)

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return len(self.factors)

    def matrix(self) -> Ball:
        return exact(np.diag(self.factors))

    @cached_property
    def norm(self) -> float:
        return float(np.abs(self.factors).max(initial=0.0))

    @cached_property
    def sizes(self) -> float:
        return self.norm

    def symbol(self, torus: Torus, channels: int) -> Ball | None:
        rows = self.factors.reshape(channels, -1)
        if (rows != rows[:, :1]).any():
            return None
        return exact(np.broadcast_to(np.diag(rows[:, 0]), (torus.frequencies, channels, channels)))


@dataclass(frozen=True)
class Matrix(LinearMap):
    """x -> W x for W [outputs, inputs], whose entries are exact."""

    weight: Array

    @property
    def inputs(self) -> int:  # type: ignore[override]
        return int(self.weight.shape[1])

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return int(self.weight.shape[0])

    @property
    def terms(self) -> int:  # type: ignore[override]
        return self.inputs

    def matrix(self) -> Ball:
        return exact(self.weight)


@dataclass(frozen=True)
class Convolution(LinearMap):
    """y[k, i] = sum over c and taps of kernel[k, c, t] x[c, i + t - before], as torch does; stride 1, the image keeps its size.

    kernel [k, c, s, s], exact. before: how many rows and columns of padding come before the image. Outside the image x is 0,
    or, where it is `circular`, the image again.
    """

    kernel: Array
    before: tuple[int, int]
    circular: bool
    height: int
    width: int

    @property
    def inputs(self) -> int:  # type: ignore[override]
        return int(self.kernel.shape[1]) * self.height * self.width

    @property
    def outputs(self) -> int:  # type: ignore[override]
        return int(self.kernel.shape[0]) * self.height * self.width

    @property
    def terms(self) -> int:  # type: ignore[override]
        return int(np.prod(self.kernel.shape[1:]))

    @property
    def torus(self) -> Torus:
        """The smallest torus in which this is a circular convolution between two restrictions to the image."""
        if self.circular:
            return Torus(self.height, self.width)
        return Torus(self.height + self.kernel.shape[-2] - 1, self.width + self.kernel.shape[-1] - 1)

    def matrix(self) -> Ball:
        outputs, channels, rows, columns = self.kernel.shape
        h, w = self.height, self.width
        full = np.zeros((outputs, h, w, channels, h, w))
        i, j = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
        for row in range(rows):
            for column in range(columns):
                a, b = i + row - self.before[0], j + column - self.before[1]
                inside = np.ones_like(a, bool) if self.circular else (a >= 0) & (a < h) & (b >= 0) & (b < w)
                p, q = i[inside], j[inside]
                # taps that fall on one pixel, of a kernel wider than the image, add up
                full[:, p, q, :, a[inside] % h, b[inside] % w] += self.kernel[:, :, row, column]
        matrix = full.reshape(outputs * h * w, channels * h * w)
        wraps = rows > h or columns > w
        return Ball(matrix[None], frobenius(matrix[None]) * UNIT * rows * columns if wraps else np.zeros(1))

    @cached_property
    def norm(self) -> float:
        return norm_above(self.symbol(self.torus, self.kernel.shape[1]))

    @cached_property
    def sizes(self) -> float:
        return norm_of_sizes(np.asarray(up(np.abs(self.kernel).sum((-1, -2)))))

    def symbol(self, torus: Torus, channels: int) -> Ball:
        outputs, inputs, rows, columns = self.kernel.shape
        down, right, row, column = np.meshgrid(
            np.arange(torus.height),
            np.arange(torus.width // 2 + 1),
            np.arange(rows) - self.before[0],
            np.arange(columns) - self.before[1],
            indexing="ij",
        )
        period = torus.height * torus.width
        turns = (down * row * torus.width + right * column * torus.height) % period  # whole numbers: exact
        angles = (2 * math.pi / period) * turns
        waves = np.cos(angles) + 1j * np.sin(angles)  # each within 16 units of the true one
        waves = waves.reshape(torus.frequencies, rows * columns)
        middle = np.einsum("ft,kct->fkc", waves, self.kernel.reshape(outputs, inputs, -1), optimize=True)
        taps = np.abs(self.kernel).sum((-1, -2))
        error = UNIT * (32 + 4 * (rows * columns + 2)) * frobenius(taps[None])[0]
        return Ball(middle, np.full(len(middle), float(up(error))))


class Written(LinearMap):
    """A linear call of torch of which only the result on each unit vector is known; entries are right to `units` roundings."""

    def __init__(
        self,
        call: Callable[[Tensor], Tensor],
        shape: tuple[int, ...],
        outputs: int,
        *,
        units: int = 0,
        norm: float | None = None,
        sizes: float | None = None,
    ) -> None:
        self.call, self.shape, self.inputs, self.outputs, self.units = call, shape, math.prod(shape), outputs, units
        if norm is not None:
            self.__dict__["norm"] = norm
            self.__dict__["sizes"] = norm if sizes is None else sizes

    def matrix(self) -> Ball:
        if max(self.inputs, self.outputs) > DENSE_LIMIT:
            raise Unbounded(f"{self.inputs} to {self.outputs} entries are too many to write the map as a matrix")
        units = torch.eye(self.inputs, dtype=torch.float64).reshape(self.inputs, *self.shape)
        try:
            with torch.no_grad():
                columns = torch.func.vmap(self.call)(units).reshape(self.inputs, self.outputs)
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            raise Unbounded("a call that cannot be written as a matrix") from error
        matrix = columns.numpy().T[None].copy()
        return Ball(matrix, frobenius(matrix) * UNIT * self.units)

    @property
    def terms(self) -> int:  # type: ignore[override]
        return self.inputs if self.units else 1


def numbers(tensor: Any) -> Array:
    """A tensor's numbers in float64, which holds those of every shorter type exactly."""
    return np.asarray(tensor.detach().to(torch.float64).cpu().numpy())
