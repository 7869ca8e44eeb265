"""Parameters that depend on time through a few trained values."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from odenet.emit.runtime.precision import full_precision


def schedule(knots: Tensor, places: Tensor, kind: str) -> Tensor:
    """Values [times, ...] at `places` [times] (0 at the start, 1 at the end) from trained knots [k, ...].

    linear: hat functions on a uniform grid; poly: 1, s, s^2, ...; fourier: 1, cos 2 pi s, sin 2 pi s, cos 4 pi s, ...
    """
    count = knots.shape[0]
    index = torch.arange(count, dtype=places.dtype, device=places.device)
    if kind == "linear":
        places = places.clamp(0, 1)
        basis = (1 - (places[:, None] * max(count - 1, 1) - index).abs()).clamp(min=0)
        basis = basis if count > 1 else torch.ones_like(basis)
    elif kind == "poly":
        basis = places[:, None] ** index
    else:
        angles = 2 * math.pi * places[:, None] * torch.ceil(index / 2)
        basis = torch.where(index % 2 == 1, torch.cos(angles), torch.sin(angles))
        basis = torch.cat((torch.ones_like(basis[:, :1]), basis[:, 1:]), 1)
    with full_precision(knots.device):
        values = basis.to(knots.dtype) @ knots.reshape(count, -1)
    return values.reshape(places.shape[0], *knots.shape[1:])


def constant_first(value: Tensor, shape: torch.Size) -> Tensor:
    """Coefficients of the given shape for a parameter that begins constant in time: `value`, then zeros."""
    return torch.cat((value.expand(1, *shape[1:]), torch.zeros(shape, dtype=value.dtype)[1:]))
