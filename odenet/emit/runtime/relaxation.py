"""The step back that keeps a quadratic invariant."""

from __future__ import annotations

import torch
from torch import Tensor


def relaxation(slope: Tensor, curvature: Tensor) -> Tensor:
    """The factor s [batch] with s slope + s^2 curvature = 0 by which a step d is scaled, with finite gradients.

    Along x + s d the invariant moves by s <grad I(x), d> + s^2 d' Q d. Where Q is indefinite the second may be zero:
    then no other point of the line has the value of x and s is 0, or, with the first zero too, all have it and s is 1.
    Source: Ketcheson (2019), Relaxation Runge-Kutta methods, section 2.
    """
    flat = curvature == 0
    return torch.where(flat, (slope == 0).to(slope.dtype), -slope / torch.where(flat, 1.0, curvature))
