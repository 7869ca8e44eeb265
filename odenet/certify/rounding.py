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

from odenet.certify.constants import Layer
from odenet.certify.enclosures import Array, gamma, up
from odenet.certify.operations import Affine, Entrywise, Largest
from odenet.certify.segments import Segment
from odenet.certify.tape import Tape, Unbounded

_UNITS = {torch.float32: (2.0**-24, 2.0**-126), torch.float64: (2.0**-53, 2.0**-1022)}


@dataclass(frozen=True)
class Line:
    """A bound slope * r + offset of something, for states of length at most r."""

    slope: float
    offset: float

    def __add__(self, other: Line) -> Line:
        return Line(float(up(self.slope + other.slope)), float(up(self.offset + other.offset)))

    def times(self, factor: float) -> Line:
        return Line(float(up(self.slope * factor)), float(up(self.offset * factor)))


def local_error(segment: Segment, dtype: torch.dtype) -> Line:
    """The rounding errors of one layer, carried to its end; by the length of the state before it."""
    unit, tiny = _UNITS[dtype]
    gains = segment.gains()
    lengths = {k: Line(1.0, 0.0) for k in segment.sources}
    total = Line(0.0, 0.0)
    for node in segment.nodes:
        count = segment.chain.tape.nodes[node].count
        step = segment.chain.steps[node]
        if isinstance(step, Affine):
            value, error = Line(0.0, step.constant), Line(0.0, 0.0)
            for source, linear in step.terms:
                value = value + lengths[source].times(linear.norm)
                error = error + lengths[source].times(linear.sizes * gamma(linear.terms + step.roundings, unit))
            if len(step.terms) > 1 or step.constant or step.roundings:
                error = error + Line(0.0, step.constant * gamma(step.roundings, unit))
                lost = tiny * math.sqrt(count) * sum(linear.terms + step.roundings for _, linear in step.terms)
                error = error + Line(0.0, lost)
        elif isinstance(step, Entrywise):
            value = lengths[step.source].times(max(abs(step.low), abs(step.high))) + Line(0.0, step.at_zero)
            error = value.times(step.units * unit) + Line(0.0, tiny * math.sqrt(count) * step.units)
        else:
            assert isinstance(step, Largest)
            value, error = lengths[step.source], Line(0.0, 0.0)
        lengths[node] = value + error
        total = total + error.times(gains[node])
    return total


class Rounding:
    """How far outputs are from exact arithmetic, in the 2-norm; by the distance of the input from the tape's centre."""

    def __init__(self, tape: Tape, layers: Sequence[Layer], dtype: torch.dtype) -> None:
        if dtype not in _UNITS:
            raise Unbounded(f"rounding in {dtype}; float32 and float64 are known")
        self.tape, self.layers, self.dtype = tape, layers, dtype

    @cached_property
    def _lines(self) -> list[Line]:
        return [local_error(layer.segment, self.dtype) for layer in self.layers]

    @cached_property
    def _centres(self) -> list[float]:
        """Lengths of the states before each layer, as they came out at the centre."""
        nodes = self.tape.nodes
        return [
            float(up(math.sqrt(sum(float(nodes[k].value.double().norm()) ** 2 for k in layer.segment.sources))))
            for layer in self.layers
        ]

    def __call__(self, distances: Array | float) -> Array:
        """Bounds for inputs at `distances` from the centre."""
        far = np.asarray(distances, float)
        at_centre = self._along(np.zeros(()), None)
        return self._along(far, at_centre)[-1]

    def _along(self, far: Array, at_centre: list[Array] | None) -> list[Array]:
        """Errors before each layer and at the end. The recorded state itself is `at_centre` away from the exact one."""
        errors = [np.zeros_like(far)]
        spread = far.copy()
        for place, (layer, line, centre) in enumerate(zip(self.layers, self._lines, self._centres, strict=True)):
            error = errors[-1]
            # at the centre the recorded state is the one that ran
            reach = np.asarray(centre) if at_centre is None else up(centre + spread + error + at_centre[place])
            errors.append(up(layer.constant * error + line.slope * reach + line.offset))
            spread = up(spread * layer.constant)
        return errors
