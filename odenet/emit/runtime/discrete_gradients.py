"""Gonzalez' midpoint discrete gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from odenet.emit.runtime.packing import packing
from odenet.emit.runtime.solvers import newton


def discrete_gradient_step(
    rate: Callable[..., tuple[Tensor, ...]],
    potential: Callable[..., Tensor],
    state: tuple[Tensor, ...],
    h: float,
    is_hamiltonian: bool,
) -> tuple[Tensor, ...]:
    """y = x + h S g(x, y), with g the midpoint discrete gradient of V and rate = S grad V; V(y) - V(x) = <g, y - x>.

    S is the identity, or (`is_hamiltonian`, blocks position and momentum by turns) (q, p) -> (p, -q).
    Source: Gonzalez (1996), Time integration and discrete Hamiltonian systems.
    """
    join, split = packing(state)

    def turned(z: Tensor) -> Tensor:
        if not is_hamiltonian:
            return z
        blocks = split(z)
        return join(tuple(b for q, p in zip(blocks[::2], blocks[1::2], strict=True) for b in (p, -q)))

    start = join(state)

    def moved(z: Tensor) -> Tensor:
        step = z - start
        slope = join(rate(*split(start + step / 2)))
        gradient = -turned(slope) if is_hamiltonian else slope
        length = step.square().sum(-1)
        still = length == 0
        gap = potential(*split(z)) - potential(*state) - (gradient * step).sum(-1)
        gap = torch.where(still, torch.zeros_like(gap), gap / torch.where(still, torch.ones_like(length), length))
        return start + h * (slope + gap[:, None] * turned(step))

    return split(newton(moved, (start + h * join(rate(*state))).detach()))
