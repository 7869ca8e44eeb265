"""Newton's method for many equations at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from odenet.emit.runtime.linear_solves import largest


def newton(
    anchor: Tensor,
    label: str,
    map: Callable[[Tensor], Tensor],
    solver: Callable[[Tensor], Callable[[Tensor], Tensor]],
    z: Tensor,
    residual: Tensor,
) -> Tensor:
    """z [..., d] with z = map(z), to the rounding of anchor + z [..., d]; samples do not mix in `map`.

    Args:
        anchor: what the solution is going to be added to.
        label: what has no solution when this raises.
        map: the right-hand side.
        solver: from z to the linear map right -> v with v - D map(z) v = right.
        z, residual: where to begin, and map(z) - z there.

    Each sample has its own damping, keeps its derivative while that shrinks the correction fourfold, and stands still
    once it is solved. A step is taken when it shrinks map(z) - z or the correction that follows, which, multiplied by
    the inverse of a matrix, does not feel stiffness. A sample is solved when map(z) - z is rounding, or when rounding
    in a stiff map keeps a new derivative at z from improving it; a derivative of elsewhere never decides that. Where
    the map contracts fast its own iteration comes first, and mostly ends there.
    Source: Deuflhard (2004), Newton Methods for Nonlinear Problems, section 3.3 (natural monotonicity).

    Raises:
        RuntimeError: for samples that are not finite, or where no solution is found.
    """
    size, eps = largest(anchor), torch.finfo(z.dtype).eps
    finite = torch.isfinite(size + largest(residual))
    z, residual, solved = approached(map, z, residual, size, finite)
    fresh = finite
    step, reference, factor = z, z, torch.ones_like(size)
    for _ in range(100):
        active = finite & ~solved & (factor > 1e-4)
        if not bool(active.any()):
            break
        fresh = fresh & active
        if bool(fresh.any()):
            reference = torch.where(fresh, z, reference)
            solve = solver(reference)
            step = torch.where(fresh, solve(torch.where(fresh, residual, 0.0)), step)
        trial = z + factor * step
        rest = torch.where(active, map(trial) - trial, 0.0)
        correction = solve(rest)
        before, after, rounding = largest(step), largest(correction), eps * (size + largest(trial))
        less = 1 - factor / 4
        better = active & ((after <= less * before) | (largest(rest) <= less * largest(residual)))
        settled = active & (after <= rounding) & (largest(rest) <= 8 * rounding)
        stalled = fresh & ~better & (before <= rounding * eps**-0.25)
        z = torch.where(settled, trial + correction, torch.where(better, trial, z))
        residual, step = torch.where(better, rest, residual), torch.where(better, correction, step)
        factor = torch.where(better, (2 * factor).clamp(max=1.0), torch.where(fresh, factor / 2, factor))
        solved, fresh = solved | settled | stalled, ~(after <= before / 4)
    if not bool(solved.all()):
        raise RuntimeError(unsolved(label, solved, finite, residual))
    return z


def approached(
    map: Callable[[Tensor], Tensor], z: Tensor, residual: Tensor, size: Tensor, finite: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """z <- map(z), for each sample as long as that shrinks map(z) - z fourfold; with the residual, and who is solved.

    Where the derivative of the map is below 1/4, the solution is within 4/3 of the residual.
    """
    eps, gap, hard = torch.finfo(z.dtype).eps, largest(residual), ~finite
    solved = finite & (gap == 0)
    for _ in range(40):
        active = ~(solved | hard)
        if not bool(active.any()):
            break
        trial = z + residual
        rest = map(trial) - trial
        after = largest(rest)
        better = active & (after <= gap / 4)
        settled = active & (after <= 4 * eps * (size + largest(trial)))  # as one more step follows
        z = torch.where(settled, trial + rest, torch.where(better, trial, z))
        residual, gap = torch.where(better, rest, residual), torch.where(better, after, gap)
        solved, hard = solved | settled, hard | (active & ~better & ~settled)
    return z, residual, solved


def first_guess(map: Callable[[Tensor], Tensor], anchor: Tensor) -> tuple[Tensor, Tensor]:
    """The explicit step map(0), or 0 where that is nearer to a solution (a stiff sample), and map(z) - z there."""
    zero = torch.zeros_like(anchor)
    explicit = map(zero)
    rest = map(explicit) - explicit
    near = largest(rest) <= largest(explicit)
    return torch.where(near, explicit, zero), torch.where(near, rest, explicit)


def unsolved(label: str, solved: Tensor, finite: Tensor, residual: Tensor) -> str:
    """Why the samples that are not `solved` have no solution, and what to do."""
    count, bad = int((~solved).sum()), int((~finite).sum())
    if bad:
        return f"{label} did not converge: {bad} of {finite.numel()} samples (or their rates) are not finite"
    worst = float(largest(residual)[~solved].max())
    return (
        f"{label} did not converge for {count} of {solved.numel()} samples, the worst residual is {worst:.1e}: "
        "take more steps, so that each is smaller"
    )
