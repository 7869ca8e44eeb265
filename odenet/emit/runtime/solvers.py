"""Equations that a step has to solve: Newton's method and contraction, with exact gradients and no silent failure."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from odenet.emit.runtime.packing import packing


def newton(map: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """The solution z [batch, d] of z = map(z), by a damped Newton iteration from `start`; samples do not mix in `map`.

    Only two last steps are differentiated, with the matrix of the solution: when map changes by d, the first ends
    O(d^2) away from the new solution and the second O(d^3), so first and second derivatives are those of the implicit
    function.

    Raises:
        RuntimeError: when the iteration does not converge for some sample.
    """
    z = start.detach()
    with torch.no_grad():
        tolerance = 64 * torch.finfo(z.dtype).eps
        residual = map(z) - z
        for _ in range(50):
            if bool((residual.norm(dim=-1) <= tolerance * (1 + z.norm(dim=-1))).all()):
                break
            step = torch.linalg.solve(slope_matrices(map, z), residual)
            moved, before, factor = z + step, residual, 1.0
            residual = map(moved) - moved
            worse = ~(residual.norm(dim=-1) <= before.norm(dim=-1))
            while factor > 1e-3 and bool(worse.any()):
                factor /= 2
                moved = torch.where(worse[:, None], z + factor * step, moved)
                residual = map(moved) - moved
                worse = ~(residual.norm(dim=-1) <= before.norm(dim=-1))
            z = moved
        else:
            limit = torch.finfo(z.dtype).eps ** 0.75
            if not bool((residual.norm(dim=-1) <= limit * (1 + z.norm(dim=-1))).all()):
                raise RuntimeError("an implicit step did not converge: take more steps (a smaller step size)")
        matrix = slope_matrices(map, z)
    for _ in range(2):
        z = z + torch.linalg.solve(matrix, map(z) - z)
    return z


def slope_matrices(map: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """I - D map(z) for each sample, [batch, d, d]."""
    slopes = torch.func.jacrev(lambda z: map(z).sum(0))(z.detach()).movedim(1, 0)
    matrices: Tensor = torch.eye(z.shape[-1], dtype=z.dtype, device=z.device) - slopes
    return matrices.detach()


def contraction(map: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """The solution z [batch, d] of z = map(z) for a contraction, by iteration from `start`; gradients by its adjoint.

    Raises:
        RuntimeError: when the iteration does not converge, so `map` does not contract (fast enough).
    """
    with torch.no_grad():
        solved = iterate(map, start.detach())
    result = map(solved)
    if result.requires_grad:
        point = solved.detach().requires_grad_()
        with torch.enable_grad():
            image = map(point)

        def adjoint(gradient: Tensor | None) -> Tensor | None:
            """The solution g of g = gradient + D map' g."""
            if gradient is None or not image.requires_grad:
                return gradient
            return iterate(
                lambda g: gradient + torch.autograd.grad(image, point, g, retain_graph=True)[0], gradient.detach()
            )

        result.register_hook(adjoint)  # type: ignore[no-untyped-call]
    return result


def iterate(map: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """The fixed point of `map` near z, to a few roundings."""
    tolerance = 16 * torch.finfo(z.dtype).eps
    for _ in range(5000):
        moved = map(z)
        change = (moved - z).norm(dim=-1)
        z = moved
        if bool((change <= tolerance * (1 + z.norm(dim=-1))).all()):
            return z
    raise RuntimeError("the inverse did not converge: a step is not invertible by contraction at these parameters")


def implicit_stages(
    rate: Callable[..., tuple[Tensor, ...]], state: tuple[Tensor, ...], h: float, matrix: tuple[tuple[float, ...], ...]
) -> list[tuple[Tensor, ...]]:
    """The stages k_i = rate(i, x + h sum_j a_ij k_j) of an implicit Runge-Kutta step, each a tuple like `state`.

    `rate(i, *blocks)` gives the slopes of all blocks [batch, ...] at stage i.
    """
    join, split = packing(state)

    def slopes(z: Tensor) -> Tensor:
        stages = [split(k) for k in z.chunk(len(matrix), -1)]
        found = []
        for index, row in enumerate(matrix):
            moved = tuple(
                block + h * sum(a * stage[place] for a, stage in zip(row, stages, strict=True) if a)
                for place, block in enumerate(state)
            )
            found.append(join(rate(index, *moved)))
        return torch.cat(found, -1)

    with torch.no_grad():
        start = torch.cat([join(rate(index, *state)) for index in range(len(matrix))], -1)
    return [split(k) for k in newton(slopes, start).chunk(len(matrix), -1)]


def inverse_step(step: Callable[..., tuple[Tensor, ...]], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The blocks x with step(*x) = state, for a step x + g(x) with g a contraction: x is the limit of x <- y - g(x)."""
    join, split = packing(state)
    target = join(state)
    return split(contraction(lambda z: target - (join(step(*split(z))) - z), target))
