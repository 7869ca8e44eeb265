"""What a call of torch means for bounds, and how its arguments are read."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from odenet.certify.enclosures import frobenius, up
from odenet.certify.linear_maps import LinearMap, numbers
from odenet.certify.tape import Node, Tape, Unbounded, Use, _with


@dataclass(frozen=True)
class View:
    """The same numbers in the same order, in another shape."""

    source: int


@dataclass(frozen=True)
class Affine:
    """The sum of linear maps of nodes, and a constant of length at most `constant`.

    roundings: how many roundings an entry sees beside those of its products; 0 where numbers are only moved.
    """

    terms: tuple[tuple[int, LinearMap], ...]
    constant: float = 0.0
    roundings: int = 2


@dataclass(frozen=True)
class Entrywise:
    """A function of each entry, with slopes between `low` and `high`, of length `at_zero` where all entries are 0."""

    source: int
    low: float
    high: float
    at_zero: float
    units: int


@dataclass(frozen=True)
class Largest:
    """The largest of groups of entries that do not overlap: no distance grows, nothing is rounded."""

    source: int


Step = View | Affine | Entrywise | Largest
Row = Callable[[Node, Tape], Step]


def only(node: Node) -> int:
    if len(node.inputs) != 1:
        raise Unbounded(f"{node.name} of several values that depend on the state")
    return node.inputs[0]


def arguments(node: Node, names: tuple[str, ...]) -> dict[str, Any]:
    """The arguments by name, without those that are None. Raises Unbounded for arguments that have no meaning here."""
    found = dict(zip(names, node.args, strict=False))
    for key, value in node.kwargs.items():
        found[{"self": "input"}.get(key, key)] = value
    strange = [k for k, v in found.items() if k not in names and v is not None]
    if strange or len(node.args) > len(names):
        raise Unbounded(f"{node.name.removeprefix('torch.')} with {strange[0] if strange else 'more arguments than are known'}")
    return {k: v for k, v in found.items() if v is not None or k == "value"}


def pair(value: Any) -> tuple[int, int]:
    if isinstance(value, str):
        raise Unbounded(f"padding given as {value!r}")
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def scalar(value: Any, tape: Tape) -> float:
    """A number of Python that the precision of the tape holds up to one rounding."""
    number, limits = float(value), torch.finfo(tape.dtype)
    if number != 0 and not limits.tiny <= abs(number) <= limits.max:
        raise Unbounded(f"the number {number:g} is outside the range of {tape.dtype}")
    return number


def length(value: Any, node: Node) -> float:
    """The length of a constant, as it is broadcast."""
    if not isinstance(value, Tensor):
        return float(up(abs(float(value)) * math.sqrt(node.count)))
    return float(frobenius(numbers(value.expand(node.shape)).reshape(1, 1, -1))[0])


def call_of(node: Node, source: int, without: tuple[str, int] | None = None) -> Callable[[Tensor], Tensor]:
    """The call as a linear function of one of its values, the others being 0; in float64."""

    def function(x: Tensor) -> Tensor:
        look = lambda use: x if use.index == source else torch.zeros((), dtype=torch.float64).expand(_shape_of(node, use))  # noqa: E731
        args = [_with(v, look, torch.float64) for v in node.args]
        kwargs = {k: _with(v, look, torch.float64) for k, v in node.kwargs.items()}
        if without is not None:
            kwargs.pop(without[0], None)
            if len(args) > without[1]:
                args[without[1]] = None
        assert node.function is not None
        result: Tensor = node.function(*args, **kwargs)
        return result

    return function


def _shape_of(node: Node, use: Use) -> tuple[int, ...]:
    raise Unbounded(f"{node.name} of several values that depend on the state")
