"""Blocks of a state as one vector for each sample."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def packing(
    state: tuple[Tensor, ...],
) -> tuple[Callable[[tuple[Tensor, ...]], Tensor], Callable[[Tensor], tuple[Tensor, ...]]]:
    """Two functions: from blocks shaped like `state` [batch, ...] to vectors [batch, d], and back."""
    batch = state[0].shape[0]
    sizes = [math.prod(block.shape[1:]) for block in state]

    def join(blocks: tuple[Tensor, ...]) -> Tensor:
        return torch.cat([block.reshape(batch, size) for block, size in zip(blocks, sizes, strict=True)], -1)

    def split(z: Tensor) -> tuple[Tensor, ...]:
        pieces = torch.split(z, sizes, -1)
        return tuple(piece.reshape(block.shape) for piece, block in zip(pieces, state, strict=True))

    return join, split
