"""Charts of numbers, entry by entry."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def positive(raw: Tensor) -> Tensor:
    """Positive numbers log(1 + exp(raw)); never rounded to 0."""
    return F.softplus(raw, threshold=40.0) + torch.finfo(raw.dtype).tiny


def positive_raw(value: Tensor) -> Tensor:
    """Raw values that `positive` maps to `value`; 0 becomes the least value that the type can tell from it."""
    value = value.clamp(min=torch.finfo(value.dtype).tiny)
    return value + torch.log(-torch.expm1(-value))


def interval(raw: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """Numbers between `low` and `high` (numbers, or tensors that broadcast with raw)."""
    return low + (high - low) * torch.sigmoid(raw)


def interval_raw(value: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """Raw values that `interval` maps to `value`; the ends themselves are approached to a rounding error."""
    share = (value - low) / (high - low)
    if isinstance(low, Tensor) and not bool(((share >= 0) & (share <= 1)).all()):  # else the compiler has seen to it
        raise ValueError("an initial value lies outside the interval of its set")
    return torch.logit(share, eps=torch.finfo(value.dtype).eps)


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
