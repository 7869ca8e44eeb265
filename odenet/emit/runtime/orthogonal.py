"""Charts of matrices with orthonormal columns (or rows)."""

from __future__ import annotations

import torch
from torch import Tensor

from odenet.emit.runtime.precision import full_precision


def orthogonal(raw: Tensor) -> Tensor:
    """Cayley chart: any raw [..., m, n] to Q with Q' Q = I (m >= n) or Q Q' = I (m < n).

    With Z = U - U' + V' V, U the first n rows of raw and V the others, Q = [2 (I + Z)^-1 - I; -2 V (I + Z)^-1].
    Source: Trockman and Kolter (2021), Orthogonalizing convolutional layers with the Cayley transform, section 3.
    """
    rows, columns = raw.shape[-2], raw.shape[-1]
    if rows < columns:
        return orthogonal(raw.mT).mT
    wide = raw.to(torch.promote_types(raw.dtype, torch.float32))
    upper, lower = wide[..., :columns, :], wide[..., columns:, :]
    identity = torch.eye(columns, dtype=wide.dtype, device=wide.device)
    with full_precision(raw.device):
        shifted = identity + upper - upper.mT  # the symmetric part is at least I: invertible
        if rows > columns:
            shifted = shifted + lower.mT @ lower
        doubled: Tensor = 2 * torch.linalg.inv_ex(shifted).inverse
        value = torch.cat((doubled - identity, -lower @ doubled), dim=-2) if rows > columns else doubled - identity
    return value.to(raw.dtype)


def orthogonal_raw(value: Tensor) -> Tensor:
    """Raw values that `orthogonal` maps to `value` [..., m, n], whose first n rows have no eigenvalue -1."""
    rows, columns = value.shape[-2], value.shape[-1]
    if rows < columns:
        return orthogonal_raw(value.mT).mT
    identity = torch.eye(columns, dtype=value.dtype, device=value.device)
    upper, lower = value[..., :columns, :], value[..., columns:, :]
    half = torch.linalg.inv(identity + upper)  # (I + Z) / 2
    skewed = half - half.mT  # Z less its symmetric part
    return torch.cat((skewed.triu(1), -lower @ half), dim=-2)
