"""The skew matrix of a vector, and its adjoint."""

from __future__ import annotations

import torch
from torch import Tensor


def skew(entries: Tensor, size: int) -> Tensor:
    """The skew matrix [..., n, n] whose entries above the diagonal, row by row, are `entries` [..., n (n - 1) / 2]."""
    rows, columns = torch.triu_indices(size, size, 1, device=entries.device).unbind(0)
    flat = torch.zeros_like(entries[..., :1]).expand(*entries.shape[:-1], size * size)
    upper = flat.index_copy(-1, rows * size + columns, entries).reshape(*entries.shape[:-1], size, size)
    return upper - upper.mT


def unskew(matrix: Tensor) -> Tensor:
    """The adjoint of `skew`: M[i, j] - M[j, i] for i < j, row by row, from M [..., n, n]."""
    size = matrix.shape[-1]
    rows, columns = torch.triu_indices(size, size, 1, device=matrix.device).unbind(0)
    flat = (matrix - matrix.mT).flatten(-2)
    return flat.index_select(-1, rows * size + columns)
