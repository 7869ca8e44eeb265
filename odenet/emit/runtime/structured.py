"""Charts of linear families of square matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from odenet.emit.runtime.entries import off_zero, require
from odenet.emit.runtime.precision import full_precision


def skew_symmetric(raw: Tensor) -> Tensor:
    """S = -S' from the entries of raw [..., n, n] above the diagonal."""
    upper = raw.triu(1)
    return upper - upper.mT


def symmetric(raw: Tensor) -> Tensor:
    """S = S' from the upper triangle of raw [..., n, n]."""
    return raw.triu() + raw.triu(1).mT


def semidefinite(raw: Tensor) -> Tensor:
    """B B' >= 0 from raw B [..., n, n]."""
    with full_precision(raw.device):
        return raw @ raw.mT


def semidefinite_raw(value: Tensor) -> Tensor:
    """A square root of the positive semidefinite `value` [..., n, n], with a millionth of its norm for zeros.

    Where B has no column in a direction, B B' has no slope there.
    """
    values, vectors = torch.linalg.eigh(value)
    largest = values.abs().amax()
    require(bool((values >= -1e-9 * largest).all()))
    values = values.clamp(min=2.0**-20 * float(largest or 1))
    root: Tensor = vectors * values.sqrt()[..., None, :]
    return root


def laplacian(raw: Tensor) -> Tensor:
    """Graph Laplacians diag(W 1) - W with W = W' > 0 off the diagonal, from raw [..., n, n] above the diagonal."""
    weights = torch.nn.functional.softplus(raw, threshold=40.0).triu(1)
    weights = weights + weights.mT
    return torch.diag_embed(weights.sum(-1)) - weights


def laplacian_raw(value: Tensor) -> Tensor:
    """Raw values that `laplacian` maps to `value` [..., n, n]; a weight of 0 is approached, see `off_zero`."""
    weights = -value.triu(1)
    require(bool((weights >= 0).all()) and bool((value.sum(-1).abs() <= 1e-9 * value.abs().amax()).all()))
    if weights.shape[-1] > 1:
        weights = off_zero(weights)
    return (weights + torch.log(-torch.expm1(-weights))).triu(1)
