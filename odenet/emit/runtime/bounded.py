"""Charts of matrices whose spectral norm is bounded."""

from __future__ import annotations

import torch
from torch import Tensor

from odenet.emit.runtime.precision import full_precision


def bounded(raw: Tensor, bound: Tensor | float) -> Tensor:
    """Matrices [..., m, n] with spectral norm below `bound` (a number, or [...] with one for each matrix).

    bound * W R^-1 with R' R = I + W' W: (W R^-1)' (W R^-1) = I - R^-T R^-1 < I. Every matrix of norm < bound is
    reached.
    """
    if raw.shape[-2] < raw.shape[-1]:
        return bounded(raw.mT, bound).mT
    wide = raw.to(torch.promote_types(raw.dtype, torch.float32))
    identity = torch.eye(raw.shape[-1], dtype=wide.dtype, device=wide.device)
    with full_precision(raw.device):
        lower = torch.linalg.cholesky_ex(identity + wide.mT @ wide).L
        inside: Tensor = torch.linalg.solve_triangular(lower, wide.mT, upper=False).mT.to(raw.dtype)
    return bound[..., None, None] * inside if isinstance(bound, Tensor) else bound * inside


def bounded_raw(value: Tensor, bound: Tensor | float) -> Tensor:
    """Raw values that `bounded` maps to `value` [..., m, n], of norm below `bound`."""
    if value.shape[-2] < value.shape[-1]:
        return bounded_raw(value.mT, bound).mT
    inside = value / (bound[..., None, None] if isinstance(bound, Tensor) else bound)
    identity = torch.eye(value.shape[-1], dtype=value.dtype, device=value.device)
    lower = torch.linalg.cholesky(identity - inside.mT @ inside)  # R^-T, from I - X' X = R^-T R^-1
    raw: Tensor = torch.linalg.solve_triangular(lower, inside.mT, upper=False).mT
    return raw


def bounded_normal(raw: Tensor, bound: Tensor | float) -> Tensor:
    """As `bounded`, for symmetric, skew, psd or diagonal raw [..., n, n], whose structure is kept.

    bound * 2 W (I + W' W)^-1, a function of W alone; its singular values are 2 s / (1 + s^2) <= 1.
    """
    wide = raw.to(torch.promote_types(raw.dtype, torch.float32))
    identity = torch.eye(raw.shape[-1], dtype=wide.dtype, device=wide.device)
    with full_precision(raw.device):
        inside: Tensor = 2 * wide @ torch.linalg.inv_ex(identity + wide.mT @ wide).inverse
    inside = inside.to(raw.dtype)
    return bound[..., None, None] * inside if isinstance(bound, Tensor) else bound * inside


def bounded_normal_raw(value: Tensor, bound: Tensor | float) -> Tensor:
    """Raw values that `bounded_normal` maps to `value` [..., n, n], of norm at most `bound`."""
    inside = value / (bound[..., None, None] if isinstance(bound, Tensor) else bound)
    identity = torch.eye(value.shape[-1], dtype=value.dtype, device=value.device)
    squares, vectors = torch.linalg.eigh(inside.mT @ inside)
    root = (vectors * (1 - squares).clamp(min=0).sqrt()[..., None, :]) @ vectors.mT
    raw: Tensor = inside @ torch.linalg.inv(identity + root)  # s = y / (1 + sqrt(1 - y^2)) solves y = 2 s / (1 + s^2)
    return raw
