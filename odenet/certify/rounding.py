"""How far the module that runs is from the same numbers in exact arithmetic.

Along the chain every value is bounded, and what each operation rounds is carried to the end by the constants of the layers after
it. The bounds grow with the length of the state, so with the distance from a centre at which the states are known.
Source: Higham (2002), Accuracy and stability of numerical algorithms, chapters 2 and 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from odenet.certify.constants import Layer
from odenet.certify.enclosures import Array, frobenius, gamma, up
from odenet.certify.linear_maps import numbers
from odenet.certify.segments import Segment
from odenet.certify.steps import Affine, Entrywise, Largest
from odenet.certify.tape import Tape, Unbounded

_UNITS = {torch.float32: (2.0**-24, 2.0**-126), torch.float64: (2.0**-53, 2.0**-1022)}


@dataclass(frozen=True)
class Line:
    """A bound slope * r + offset of something, for states of length at most r."""

    slope: float
    offset: float

    def __add__(self, other: Line) -> Line:
        return Line(float(up(self.slope + other.slope)), float(up(self.offset + other.offset)))

    def or_more(self, other: Line) -> Line:
        return Line(max(self.slope, other.slope), max(self.offset, other.offset))

    def times(self, factor: float) -> Line:
        return Line(float(up(self.slope * factor)), float(up(self.offset * factor)))


def local_error(segment: Segment, dtype: torch.dtype) -> tuple[Line, Line]:
    """The rounding errors of one layer, carried to its end, and a bound of all numbers in it; by the length of the state before it.

    A sum of products, numbers added to it included, is taken in any order: each part of it sees as many roundings as there are
    parts.
    """
    unit, tiny = _UNITS[dtype]
    gains = segment.gains()
    lengths = {k: Line(1.0, 0.0) for k in segment.sources}
    total, peak = Line(0.0, 0.0), Line(1.0, 0.0)
    for node in segment.nodes:
        count = segment.chain.tape.nodes[node].count
        step = segment.chain.steps[node]
        error = Line(0.0, 0.0)
        if isinstance(step, Affine):
            value = sizes = Line(0.0, step.constant)
            for source, linear in step.terms:
                value = value + lengths[source].times(linear.norm)
                sizes = sizes + lengths[source].times(linear.sizes)
            if step.roundings:
                parts = sum(linear.terms for _, linear in step.terms) + step.roundings
                error = sizes.times(gamma(parts, unit)) + Line(0.0, float(up(tiny * math.sqrt(count) * parts)))
            peak = peak.or_more(sizes)
        elif isinstance(step, Entrywise):
            value = lengths[step.source].times(max(abs(step.low), abs(step.high))) + Line(0.0, step.at_zero)
            error = value.times(step.units * unit) + Line(0.0, tiny * math.sqrt(count) * step.units)
        else:
            assert isinstance(step, Largest)
            value = lengths[step.source]
        lengths[node] = value + error
        peak = peak.or_more(lengths[node])
        total = total + error.times(gains[node])
    return total, peak


class Rounding:
    """How far outputs are from exact arithmetic, in the 2-norm; by the distance of the input from the tape's centre.

    Infinite where a number may be too large for the precision.
    """

    def __init__(self, tape: Tape, layers: Sequence[Layer], dtype: torch.dtype) -> None:
        if dtype not in _UNITS or tape.dtype not in _UNITS:
            raise Unbounded(f"rounding in {dtype}; float32 and float64 are known")
        if torch.get_float32_matmul_precision() != "highest":
            raise Unbounded("rounding of matrix products whose precision is set below that of float32")
        self.tape, self.layers, self.dtype = tape, layers, dtype
        self._known: dict[tuple[int, torch.dtype], tuple[Line, Line]] = {}

    @cached_property
    def _centres(self) -> list[float]:
        """Lengths of the states before each layer, as they came out at the centre."""
        nodes = self.tape.nodes
        return [float(up(math.sqrt(sum(length(nodes[k].value) ** 2 for k in layer.segment.sources)))) for layer in self.layers]

    def __call__(self, distances: Array | float) -> Array:
        """Bounds for inputs at `distances` from the centre."""
        far = np.asarray(distances, float)
        at_centre = self._along(np.zeros(()), None, self.tape.dtype)  # the recorded states have the errors of the tape's precision
        return self._along(far, at_centre, self.dtype)[-1]

    def _along(self, far: Array, at_centre: list[Array] | None, dtype: torch.dtype) -> list[Array]:
        """Errors before each layer and at the end. The recorded state itself is `at_centre` away from the exact one."""
        errors = [np.zeros_like(far)]
        spread = far.copy()
        limit = torch.finfo(dtype).max / 4
        for place, (layer, centre) in enumerate(zip(self.layers, self._centres, strict=True)):
            line, peak = self._lines(layer, dtype)
            error = errors[-1]
            # at the centre the recorded state is the one that ran
            reach = np.asarray(centre) if at_centre is None else up(centre + spread + error + at_centre[place])
            with np.errstate(invalid="ignore", over="ignore"):
                found = up(layer.constant * error + line.slope * reach + line.offset)
                is_finite = np.isfinite(found) & (peak.slope * reach + peak.offset < limit)
                spread = up(spread * layer.constant)
            errors.append(np.where(is_finite, found, np.inf))
        return errors

    def _lines(self, layer: Layer, dtype: torch.dtype) -> tuple[Line, Line]:
        key = id(layer), dtype
        if key not in self._known:
            self._known[key] = local_error(layer.segment, dtype)
        return self._known[key]


def length(value: Tensor) -> float:
    """An upper bound of the length of a tensor."""
    return float(frobenius(numbers(value).reshape(1, 1, -1))[0])
