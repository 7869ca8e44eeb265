"""Slopes of functions with a kink, in the type of their argument."""

from __future__ import annotations

import torch
from torch import Tensor


def threshold(z: Tensor) -> Tensor:
    """1 where z > 0, else 0."""
    return (z > 0).to(z.dtype)


def leaky_relu_slope(z: Tensor, slope: float) -> Tensor:
    """1 where z > 0, else `slope`."""
    return torch.where(z > 0, torch.ones_like(z), torch.full_like(z, slope))


def elu_slope(z: Tensor, scale: float) -> Tensor:
    """1 where z > 0, else scale * exp(z)."""
    return torch.where(z > 0, torch.ones_like(z), scale * torch.exp(z.clamp(max=0)))


def elu_curvature(z: Tensor, scale: float) -> Tensor:
    """0 where z > 0, else scale * exp(z)."""
    return torch.where(z > 0, torch.zeros_like(z), scale * torch.exp(z.clamp(max=0)))


def celu_curvature(z: Tensor, scale: float) -> Tensor:
    """0 where z > 0, else exp(z / scale)."""
    return torch.where(z > 0, torch.zeros_like(z), torch.exp(z.clamp(max=0) / scale))


def sinc_slope(z: Tensor, order: int) -> Tensor:
    """The derivative of sin(z)/z of the given order.

    Near 0 its power series, elsewhere the recursion z f_k = sin(z + k pi/2) - k f_(k-1).
    """
    reach = 1.0 + order
    near = z.abs() < reach
    far = torch.where(near, torch.full_like(z, reach), z)
    value = torch.sin(far) / far
    for k in range(1, order + 1):
        trigonometric = (torch.cos(far), -torch.sin(far), -torch.cos(far), torch.sin(far))[(k - 1) % 4]
        value = (trigonometric - k * value) / far
    inside = torch.where(near, z, torch.zeros_like(z))
    series, factor = torch.zeros_like(z), 1.0
    for power in range(40):  # f_k = sum over j of cos((j + k) pi/2) z^j / (j! (j + k + 1))
        sign = (1.0, 0.0, -1.0, 0.0)[(power + order) % 4]
        if sign:
            series = series + sign * factor / (power + order + 1) * inside**power
        factor /= power + 1
    return torch.where(near, series, value)
