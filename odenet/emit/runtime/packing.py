"""Blocks of a state as one vector for each sample."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def packing(
    state: tuple[Tensor, ...],
) -> tuple[Callable[[tuple[Tensor, ...]], Tensor], Callable[[Tensor], tuple[Tensor, ...]]]:
    """Two functions without tensors: from blocks shaped like `state` [batch, ...] to vectors [batch, d], and back."""
    shapes = [tuple(block.shape[1:]) for block in state]
    sizes = [math.prod(shape) for shape in shapes]

    def join(blocks: tuple[Tensor, ...]) -> Tensor:
        flat = [block.reshape(block.shape[0], size) for block, size in zip(blocks, sizes, strict=True)]
        return flat[0] if len(flat) == 1 else torch.cat(flat, -1)

    def split(z: Tensor) -> tuple[Tensor, ...]:
        pieces = torch.split(z, sizes, -1)
        return tuple(piece.reshape(z.shape[0], *shape) for piece, shape in zip(pieces, shapes, strict=True))

    return join, split
