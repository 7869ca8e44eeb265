"""Checks of what callers give, and small moves of entries."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from odenet.emit.runtime.precision import lowers_types


def whole(name: str, value: int) -> int:
    """`value`, when it is a positive whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a positive whole number, got {value!r}")
    return value


def has_room(stage: str, needed: str, more: int, less: int) -> None:
    """A stage of a net appends to what there is, or picks of it.

    Raises:
        ValueError: for sizes at which entries would be dropped, or are not there.
    """
    if more < less:
        raise ValueError(f"{stage} needs {needed}, got {more} and {less}")


def leading(
    blocks: dict[str, Tensor], shapes: dict[str, tuple[int, ...]], parameter: Tensor | None = None
) -> torch.Size:
    """The batch shape that all `blocks` share in front of their own `shapes`; their type is that of a `parameter`.

    Raises:
        TypeError: for a block that is no tensor of real floating-point numbers, or of another type than the others.
        ValueError: for a block of another shape, with both shapes.
    """
    found: torch.Size | None = None
    kind = None if parameter is None else parameter.dtype
    for name, block in blocks.items():
        if not isinstance(block, Tensor):
            raise TypeError(f"{name} must be a tensor, got {type(block).__name__}")
        if not block.is_floating_point():
            raise TypeError(f"{name} must hold floating-point numbers, got {block.dtype}: write {name}.float()")
        if block.dtype != kind and kind is not None and not lowers_types(block.device):
            other = "the parameters" if parameter is not None else "the block before it"
            raise TypeError(f"{name} holds {block.dtype}, {other} {kind}: move one of them with .to(...)")
        own, kind = shapes[name], block.dtype
        cut = block.dim() - len(own)
        if cut < 0 or tuple(block.shape[cut:]) != own:
            raise ValueError(f"{name} must have shape [..., {', '.join(map(str, own))}], got {list(block.shape)}")
        if found is not None and block.shape[:cut] != found:
            raise ValueError(f"{name} has batch shape {list(block.shape[:cut])}, the block before it {list(found)}")
        found = block.shape[:cut]
    assert found is not None
    return found


def moment(t: float | Tensor, like: Tensor) -> Tensor:
    """A time as a tensor without axes, of the type and place of `like`.

    Raises:
        TypeError: for what is no number.
        ValueError: for a tensor with axes, and for a number that is not finite.
    """
    if isinstance(t, Tensor):
        if t.dim():
            raise ValueError(f"t must be a number or a tensor without axes, got shape {list(t.shape)}")
    elif not isinstance(t, int | float):
        raise TypeError(f"t must be a number or a tensor without axes, got {type(t).__name__}")
    elif not math.isfinite(t):
        raise ValueError(f"t must be finite, got {t!r}")
    return torch.as_tensor(t, dtype=like.dtype, device=like.device)


def embed(x: Tensor, size: int) -> Tensor:
    """Append zeros to x [..., n] up to `size` entries; keeps sums and distances."""
    return F.pad(x, (0, size - x.shape[-1]))


def fold(x: Tensor, size: int) -> Tensor:
    """The first `size` entries of x [..., n], with the sum of the others shared among them; keeps sums."""
    return x[..., :size] + x[..., size:].sum(-1, keepdim=True) / size


def lift(x: Tensor, channels: int) -> Tensor:
    """Append zero channels to x [..., c, h, w] up to `channels`; keeps distances."""
    return F.pad(x, (0, 0, 0, 0, 0, channels - x.shape[-3]))


def sliced(stacks: tuple[Tensor, ...], count: int) -> list[tuple[Tensor, ...]]:
    """The entries of the stacks [count, ...], step by step."""
    if not stacks:
        return [()] * count
    return list(zip(*(stack.unbind(0) for stack in stacks), strict=True))
