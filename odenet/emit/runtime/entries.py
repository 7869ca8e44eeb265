"""Charts of numbers, entry by entry."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def positive(raw: Tensor) -> Tensor:
    """Positive numbers log(1 + exp(raw)); never rounded to 0."""
    return F.softplus(raw, threshold=40.0) + torch.finfo(raw.dtype).tiny


def positive_raw(value: Tensor) -> Tensor:
    """Raw values that `positive` maps to `value`; 0 is approached, see `off_zero`."""
    require(bool((value >= 0).all()))
    value = off_zero(value)
    return value + torch.log(-torch.expm1(-value))


def off_zero(value: Tensor) -> Tensor:
    """`value` >= 0 with 1/1024 of its largest entry, or of 1 where that is smaller, in the place of zeros.

    There the slopes of the charts are large enough to be seen by a gradient in float32.
    """
    largest = value.amax().clamp(max=1)
    return torch.where(value > 2.0**-100, value, torch.where(largest > 0, largest, 1.0) / 1024)


def require(is_inside: bool) -> None:
    """Raises ValueError where an initial value is not in its set; for the dims of the spec the compiler has looked."""
    if not is_inside:
        raise ValueError("an initial value lies outside of its set for these dims")


def interval(raw: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """Numbers between `low` and `high` (numbers, or tensors that broadcast with raw)."""
    return low + (high - low) * torch.sigmoid(raw)


def interval_raw(value: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """Raw values that `interval` maps to `value`; a value at an end begins 1/1024 of the interval's length inside.

    There the slope of the chart is large enough to be seen by a gradient in float32. At an end is what float32 cannot
    tell from it.
    """
    low, high = (torch.as_tensor(end, dtype=value.dtype) for end in (low, high))
    length = torch.where(high > low, high - low, 1.0)
    share = (value - low) / length
    require(bool(((value >= low) & (value <= high)).all()) or bool(((share - 0.5).abs() <= 0.5 + 1e-9).all()))
    share = torch.where(share > 1 - 2.0**-20, 1 - 2.0**-10, share)
    share = torch.where((share <= 2.0**-20 * low.abs() / length) | (share < 2.0**-100), 2.0**-10, share)
    return torch.logit(share)


def clamped(raw: Tensor, low: Tensor | float, high: Tensor | float | None = None) -> Tensor:
    """Numbers cut off at `low` and `high`, which are reached; the gradient passes straight through.

    So no number is stuck at an end. Descent on raw numbers is then descent with lazy projections.
    Source: Zinkevich (2003), Online convex programming and generalized infinitesimal gradient ascent, section 2.3.
    """
    inside = raw.detach().clamp(min=low)
    if high is not None:
        inside = inside.clamp(max=high)
    return inside + (raw - raw.detach())  # the bracket is exactly 0


def binary(raw: Tensor) -> Tensor:
    """Signs, 1 where raw >= 0 and -1 elsewhere; the gradient passes straight through."""
    signs = torch.where(raw.detach() >= 0, torch.ones_like(raw), -torch.ones_like(raw))
    return signs + (raw - raw.detach())  # the bracket is exactly 0
