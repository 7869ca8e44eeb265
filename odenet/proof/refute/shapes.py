"""Symbolic sizes as whole numbers."""
from __future__ import annotations

from collections.abc import Mapping

from odenet.ir.sizes import Size, Space
from odenet.proof.refute.scalars import Undefined


def shape_of(space: Space, dims: Mapping[str, int]) -> tuple[int, ...]:
    """The sizes of a space as whole numbers.

    Raises:
        Undefined: a size is not a positive whole number at these dims.
    """
    return tuple(whole(size, dims) for size in space.sizes)


def whole(size: Size, dims: Mapping[str, int], least: int = 1) -> int:
    """A size as a whole number. Raises Undefined where it is none, or below `least`."""
    value = size.evaluate(dims)
    if value.denominator != 1 or value < least:
        raise Undefined(f"the size {size} is not a positive whole number")
    return int(value)
