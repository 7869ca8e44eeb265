"""The step back that keeps a quadratic invariant."""

from __future__ import annotations

import torch
from torch import Tensor


def relaxation(slope: Tensor, curvature: Tensor) -> Tensor:
    """The factor s != 0 with s slope + s^2 curvature = 0, [batch]; 0 where there is none, with finite gradients.

    Along x + s d the invariant moves by s <grad I(x), d> + s^2 d' Q d. Source: Ketcheson (2019), Relaxation Runge-Kutta
    methods, section 2.
    """
    still = curvature == 0
    return torch.where(
        still, torch.zeros_like(slope), -slope / torch.where(still, torch.ones_like(curvature), curvature)
    )
