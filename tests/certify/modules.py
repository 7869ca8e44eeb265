"""Small modules that tests write down, and their bounds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tests.attack.certify import Bounds, bounds, slope


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *x: Tensor) -> object:
        return self.function(*x)


def bound(function: Callable[..., object], *shapes: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Bounds:
    return bounds(Call(function), [torch.zeros(1, *s, dtype=dtype) for s in shapes])


def steepest(function: Callable[..., object], *shapes: tuple[int, ...], seed: int = 0, tries: int = 12) -> float:
    """The largest slope at some random points."""
    draw = torch.Generator().manual_seed(seed)
    found = 0.0
    for k in range(tries):
        point = tuple((0.1, 1.0, 3.0)[k % 3] * torch.randn(1, *s, generator=draw, dtype=torch.float64) for s in shapes)
        found = max(found, slope(function, point))
    return found
