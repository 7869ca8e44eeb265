"""The exact flow of a linear part."""

from __future__ import annotations

import torch
from torch import Tensor

from odenet.emit.runtime.precision import full_precision


def propagator(matrix: Tensor, shift: Tensor, duration: float) -> tuple[Tensor, Tensor]:
    """P [..., d, d] and s [..., d] with x(duration) = P x + s for x' = M x + b, from M [..., d, d] and b [..., d].

    The exponential of duration * [[M, b], [0, 0]]. Source: Van Loan (1978), Computing integrals involving the matrix
    exponential.
    """
    wide = torch.promote_types(matrix.dtype, torch.float32)
    extended = torch.cat((matrix, shift[..., None].expand(*matrix.shape[:-1], 1)), -1).to(wide)
    extended = torch.cat((extended, torch.zeros_like(extended[..., :1, :])), -2)
    with full_precision(matrix.device):
        exponential = torch.matrix_exp(duration * extended).to(matrix.dtype)
    return exponential[..., :-1, :-1], exponential[..., :-1, -1]
