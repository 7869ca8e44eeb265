"""Steps that solve an equation: implicit Runge-Kutta steps, and the inverse of explicit ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from odenet.emit.runtime.packing import packing
from odenet.emit.runtime.precision import full_precision, widened
from odenet.emit.runtime.solutions import solution


def implicit_stages(
    rate: Callable[..., tuple[Tensor, ...]],
    state: tuple[Tensor, ...],
    h: float,
    matrix: tuple[tuple[float, ...], ...],
    given: tuple[Tensor, ...],
    label: str,
) -> list[tuple[Tensor, ...]]:
    """The increments w_i = h rate(i, x + sum_j a_ij w_j) of an implicit Runge-Kutta step, each a tuple like `state`.

    `rate(i, *blocks, *given)` gives the slopes of all blocks [batch, ...] at stage i, and holds no tensors. Stages that
    see none after them are found one by one, others all together.
    """
    kept, blocks = state[0].dtype, len(state)
    wide = widened((*state, *given))
    state, given = wide[:blocks], wide[blocks:]
    join, split = packing(state)
    start, found = join(state), list[Tensor]()
    for stages in stage_groups(matrix):
        base = torch.cat([combination(start, matrix[i], found) for i in stages], -1)
        slopes = stage_slopes(rate, h, {i: matrix[i][stages.start : stages.stop] for i in stages}, join, split)
        if len(stages) == 1 and not matrix[stages.start][stages.start]:
            with full_precision(base.device):
                found.append(slopes(base, base, *given))
        else:
            solved = solution(slopes, base, (base, *given), f"{label} with h = {h:g}")
            found += solved.chunk(len(stages), -1)
    return [tuple(block.to(kept) for block in split(w)) for w in found]


def stage_groups(matrix: tuple[tuple[float, ...], ...]) -> list[range]:
    """The stages that are found together: one by one when none sees a later one, else all."""
    if any(any(row[place + 1 :]) for place, row in enumerate(matrix)):
        return [range(len(matrix))]
    return [range(place, place + 1) for place in range(len(matrix))]


def stage_slopes(
    rate: Callable[..., tuple[Tensor, ...]],
    h: float,
    rows: dict[int, tuple[float, ...]],
    join: Callable[[tuple[Tensor, ...]], Tensor],
    split: Callable[[Tensor], tuple[Tensor, ...]],
) -> Callable[..., Tensor]:
    """The map (w, base, *given) -> h rate(i, base_i + sum_j a_ij w_j) of stages i with `rows` a_ij, side by side."""

    def slopes(w: Tensor, base: Tensor, *given: Tensor) -> Tensor:
        inner, bases = w.chunk(len(rows), -1), base.chunk(len(rows), -1)
        points = [combination(point, row, inner) for point, row in zip(bases, rows.values(), strict=True)]
        rates = [join(rate(i, *split(point), *given)) for i, point in zip(rows, points, strict=True)]
        return h * torch.cat(rates, -1)

    return slopes


def combination(start: Tensor, weights: tuple[float, ...], vectors: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    """start + sum_j weights_j vectors_j, over the vectors there are."""
    for weight, vector in zip(weights, vectors, strict=False):
        start = torch.add(start, vector, alpha=weight) if weight else start
    return start


def inverse_step(
    step: Callable[..., tuple[Tensor, ...]], state: tuple[Tensor, ...], given: tuple[Tensor, ...], label: str
) -> tuple[Tensor, ...]:
    """The blocks x with step(*x, *given) = state; one solution, where the step is x + g(x) with g a contraction.

    The unknown is d = g(y - d), by which the step moves.
    """
    kept, blocks = state[0].dtype, len(state)
    wide = widened((*state, *given))
    join, split = packing(wide[:blocks])
    target = join(wide[:blocks])

    def moved(d: Tensor, target: Tensor, *given: Tensor) -> Tensor:
        return join(step(*split(target - d), *given)) - (target - d)

    found = target - solution(moved, target, (target, *wide[blocks:]), f"the inverse of {label}")
    return tuple(block.to(kept) for block in split(found))
