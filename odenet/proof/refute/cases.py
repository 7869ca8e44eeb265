"""A case: everything that has to be chosen before a claim can be tested at one place, all of it exact."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import Any

from odenet.proof.refute.scalars import Jet, Scalar, exact
from odenet.proof.refute.tensors import Tensor, tensor

Vector = tuple[Fraction, ...]


@dataclass(frozen=True)
class Setting:
    """Sizes, parameter values and the time.

    `values[name]` is a Fraction or a nested tuple; of a parameter with a schedule, in a flow, the tuple of its values (one a step
    or one a knot). Elsewhere such a parameter has the one value it takes at `time`.
    """

    dims: Mapping[str, int]
    values: Mapping[str, Any]
    time: Fraction = Fraction(0)


@dataclass(frozen=True)
class Case:
    """A setting and the points of the state space the claim is tested at: `x`, and `y` or `v` where the property asks for them."""

    setting: Setting
    points: Mapping[str, Vector]

    def at(self, name: str, point: Vector) -> Case:
        return replace(self, points={**self.points, name: point})

    def scalars(self, name: str = "x") -> list[Scalar]:
        """A point as exact scalars."""
        return [exact(entry) for entry in self.points[name]]


@dataclass(frozen=True)
class Layout:
    """The blocks of a state, in order, with their shapes; a state is also the flat list of their entries."""

    blocks: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def size(self) -> int:
        return sum(prod(shape) for _, shape in self.blocks)

    def split(self, items: Sequence[Scalar]) -> dict[str, Tensor]:
        """The blocks of a flat list."""
        states, start = {}, 0
        for name, shape in self.blocks:
            stop = start + prod(shape)
            states[name] = Tensor(shape, list(items[start:stop]))
            start = stop
        return states

    def join(self, states: Mapping[str, Tensor]) -> list[Scalar]:
        return [item for name, _ in self.blocks for item in states[name].items]

    def place(self, block: str) -> range:
        """Where the entries of a block stand in the flat list."""
        start = 0
        for name, shape in self.blocks:
            if name == block:
                return range(start, start + prod(shape))
            start += prod(shape)
        raise KeyError(block)

    def label(self, index: int) -> str:
        """How to call an entry: `q`, `x[2]`, `u[0, 1, 2]`."""
        for name, shape in self.blocks:
            if index < prod(shape):
                return name + _subscript(index, shape)
            index -= prod(shape)
        raise IndexError(index)


def _subscript(index: int, shape: tuple[int, ...]) -> str:
    if not shape:
        return ""
    places = []
    for size in reversed(shape):
        index, place = divmod(index, size)
        places.append(str(place))
    return f"[{', '.join(reversed(places))}]"


def seeded(items: Sequence[Scalar], directions: Sequence[Sequence[Scalar]]) -> list[Scalar]:
    """A point with tangents along the given directions."""
    return [Jet(item, [direction[i] for direction in directions]) for i, item in enumerate(items)]


def basis(size: int) -> list[list[Scalar]]:
    return [[exact(int(i == j)) for i in range(size)] for j in range(size)]


def tensors(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Tensor]:
    """Some of the parameter values as tensors."""
    return {name: tensor(values[name]) for name in names}
