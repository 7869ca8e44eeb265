"""Gonzalez' midpoint discrete gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from odenet.emit.runtime.linear_solves import largest
from odenet.emit.runtime.packing import packing
from odenet.emit.runtime.precision import full_precision, widened
from odenet.emit.runtime.solutions import solution


def discrete_gradient_step(
    rate: Callable[..., tuple[Tensor, ...]],
    potential: Callable[..., Tensor],
    state: tuple[Tensor, ...],
    h: float,
    is_hamiltonian: bool,
    is_smooth: bool,
    given: tuple[Tensor, ...],
    label: str,
) -> tuple[Tensor, ...]:
    """x + d with d = h S g(x, x + d), g the midpoint discrete gradient of V, rate = S grad V.

    V(x + d) - V(x) = <g, d>. S is the identity, or (`is_hamiltonian`, blocks position and momentum by turns)
    (q, p) -> (p, -q). `rate` and `potential` take (*blocks, *given) and hold no tensors. `is_smooth`: V has all
    derivatives.
    Source: Gonzalez (1996), Time integration and discrete Hamiltonian systems.
    """
    kept, blocks = state[0].dtype, len(state)
    wide = widened((*state, *given))
    state, given = wide[:blocks], wide[blocks:]
    join, split = packing(state)

    def turned(z: Tensor) -> Tensor:
        pairs = split(z)
        return join(tuple(b for q, p in zip(pairs[::2], pairs[1::2], strict=True) for b in (p, -q)))

    def gradient(z: Tensor, *given: Tensor) -> Tensor:
        slope = join(rate(*split(z), *given))
        return -turned(slope) if is_hamiltonian else slope

    def moved(d: Tensor, start: Tensor, before: Tensor, *given: Tensor) -> Tensor:
        middle, offset = start + d / 2, 0.15**0.5 * d  # to the outer nodes of Gauss' formula with three nodes
        slope = gradient(middle, *given)
        bend = gradient(middle + offset, *given) + gradient(middle - offset, *given) - 2 * slope
        slope = slope + gap(potential(*split(start + d), *given), before, slope, bend, d, is_smooth) * d
        return h * (turned(slope) if is_hamiltonian else slope)

    start = join(state)
    with full_precision(start.device):
        before = potential(*state, *given)
    found = start + solution(moved, start, (start, before, *given), f"{label} with h = {h:g}")
    return tuple(block.to(kept) for block in split(found))


def gap(after: Tensor, before: Tensor, slope: Tensor, bend: Tensor, d: Tensor, is_smooth: bool) -> Tensor:
    """(V(y) - V(x) - <g, d>) / |d|^2 [batch, 1] for a step d [batch, n] from x to y; 0 for a step of length zero.

    V(y) and V(x) [batch] cancel when the step is short. Gauss' formula with three nodes, which finds their difference
    from gradients, does not: `slope` g is the gradient in the middle, `bend` the sum of those at the outer nodes less
    2 g. What the potentials add to it counts (for continuity more and more) from where it is more than their rounding,
    and where V `is_smooth` only if the gradient bends: else the formula is exact to rounding, whatever cancels in V.
    """
    eps, length = torch.finfo(d.dtype).eps, d.square().sum(-1)
    formula = 5 / 18 * (bend * d).sum(-1)
    more = after - before - (slope * d).sum(-1) - formula
    noise = 4 * eps * (after.abs() + before.abs())
    share = torch.where(noise > 0, more.abs() / torch.where(noise > 0, noise, 1.0) - 1, 1.0).clamp(0.0, 1.0)
    if is_smooth:
        share = torch.where(largest(bend) > eps ** (1 / 3) * largest(slope), share[:, None], 0.0)[:, 0]
    still = length == 0
    return torch.where(still, 0.0, (formula + share * more) / torch.where(still, 1.0, length))[:, None]
