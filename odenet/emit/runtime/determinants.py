"""Log-determinants of Jacobians: of steps that have no closed form, exactly or by an unbiased estimate."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from odenet.emit.runtime.packing import packing


def small_enough(size: int, largest: int = 1024) -> int:
    """`size`, when determinants of so many columns are computed.

    Raises:
        NotImplementedError: for more than `largest`.
    """
    if size > largest:
        raise NotImplementedError(
            f"the log-determinant of a step is that of a dense matrix with {size} columns, more than {largest}; an "
            "estimate (argument `probes`) is there where the field is proved lipschitz(c), c times the step below 1"
        )
    return size


def log_of(number: float) -> float:
    """log(number); -inf at 0, as for tensors."""
    return math.log(number) if number else -math.inf


def log_abs_det(matrix: Tensor) -> Tensor:
    """log |det| of matrix [..., d, d], in float32 at least; shape [...]."""
    wide = matrix.to(torch.promote_types(matrix.dtype, torch.float32))
    result: Tensor = torch.linalg.slogdet(wide)[1].to(matrix.dtype)
    return result


def dense_step(step: Callable[..., tuple[Tensor, ...]], state: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
    """step(*state) and the log-determinant [batch] of its Jacobian, from the dense Jacobian of each sample.

    The blocks of `state` are [batch, ...]; samples do not mix in `step`.
    """
    join, split = packing(state)
    z = join(state)
    small_enough(z.shape[-1])

    def summed(z: Tensor) -> tuple[Tensor, Tensor]:
        y = join(step(*split(z)))
        return y.sum(0), y

    slopes, y = torch.func.jacrev(summed, has_aux=True)(z)
    return split(y), log_abs_det(slopes.movedim(1, 0))


def entrywise_step(
    step: Callable[..., tuple[Tensor, ...]], state: tuple[Tensor, ...]
) -> tuple[tuple[Tensor, ...], Tensor]:
    """The same for a step in which each entry depends on itself alone: the sum of the logarithms of its slopes."""
    ones = tuple(torch.ones_like(block) for block in state)
    moved, slopes = torch.func.jvp(step, state, ones)  # type: ignore[misc]
    join, _ = packing(state)
    return moved, join(slopes).abs().log().sum(-1)


def estimated_step(
    step: Callable[..., tuple[Tensor, ...]],
    state: tuple[Tensor, ...],
    probes: int,
    h: float,
    reach: tuple[float, ...],
) -> tuple[tuple[Tensor, ...], Tensor]:
    """step(*state) and an unbiased estimate [batch] of its log-determinant, for a step x + g(x) with Lip(g) < 1.

    Lip(g) is at most reach[0] |h| + reach[1] |h|^2 + ...; below, `bound`.

    log det(I + J) = sum over k of (-1)^(k+1) tr(J^k) / k. Each of `probes` random sign vectors v gives v' J^k v for the
    traces; the series is cut at random, later terms weighted up, so that the mean is exact. After the first 4 terms the
    next is computed with probability (1 + bound) / 2, which keeps the variance finite.
    Source: Chen, Behrmann, Duvenaud, Jacobsen (2019), Residual flows for invertible generative modeling, theorem 1.
    """
    if probes < 1:
        raise ValueError(f"probes must be a positive whole number, got {probes!r}")
    bound = sum(c * abs(h) ** power for power, c in enumerate(reach, 1))
    if not bound < 1:
        raise NotImplementedError(f"no estimate: a step is the identity plus a map of Lipschitz constant {bound} >= 1")
    join, split = packing(state)
    y, pull = torch.func.vjp(lambda z: join(step(*split(z))), join(state))  # type: ignore[misc]
    going_on, sure = (1 + bound) / 2, 4
    total = torch.zeros_like(y[:, 0])
    for _ in range(probes):
        more = int(torch.empty((), dtype=torch.float64).geometric_(1 - going_on)) - 1
        start = 1 - 2 * torch.randint_like(y, 2)
        moved, weight = start, 1.0
        for power in range(1, sure + more + 1):
            moved = pull(moved)[0] - moved
            weight = weight / going_on if power > sure else weight
            total = total + (-1) ** (power + 1) * weight / power * (moved * start).sum(-1)
    return split(y), total / probes
