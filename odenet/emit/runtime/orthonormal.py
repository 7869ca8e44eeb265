"""Orthonormal columns from any matrix, without its squares where those would lose the identity beside them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def is_moderate(rows: Tensor, most: float) -> bool:
    """Whether every row [..., n] of a tensor has a length of at most `most`.

    False where that cannot be looked at: while a call is traced, transformed or captured.
    """
    if torch.compiler.is_compiling() or rows.is_meta or torch._C._functorch.is_functorch_wrapped_tensor(rows):
        return False
    if rows.is_cuda and torch.cuda.is_current_stream_capturing():
        return False
    return rows.numel() == 0 or bool(torch.linalg.vector_norm(rows.detach(), dim=-1).amax() <= most)


def orthonormal(raw: Tensor, most: float = 64.0) -> tuple[Tensor, Tensor]:
    """R^-1 [..., n, n] and W R^-1 [..., m, n] for W = raw, where R' R = I + W' W and R is upper triangular.

    One above the other they have orthonormal columns, to rounding, for any numbers; up to W' W of length `most` R is a
    Cholesky factor, which multiplies what rounding leaves with that length.
    """
    if torch.compiler.is_compiling():
        return by_reflections(raw)
    top, below = Orthonormal.apply(raw, most)  # type: ignore[no-untyped-call]
    return top, below


class Orthonormal(torch.autograd.Function):
    """`orthonormal`, with derivatives made of its values.

    A change of W changes W R^-1 by dW R^-1 - W R^-1 U and R^-1 by -R^-1 U, where with B = R^-T W' dW R^-1 the matrix
    U = dR R^-1 is B on and above the diagonal plus the transpose of B below it. So |R^-1| <= 1 bounds all derivatives.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(raw: Tensor, most: float) -> tuple[Tensor, Tensor]:
        gram = raw.mT @ raw
        if not is_moderate(gram.flatten(-2), most):
            return by_reflections(raw)
        identity = torch.eye(raw.shape[-1], dtype=raw.dtype, device=raw.device)
        lower = torch.linalg.cholesky_ex(identity + gram).L
        top = torch.linalg.solve_triangular(lower, identity.expand_as(lower), upper=False).mT
        return top, torch.linalg.solve_triangular(lower, raw.mT, upper=False).mT

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*output)
        ctx.save_for_forward(*output)

    @staticmethod
    def backward(ctx: Any, by_top: Tensor, by_below: Tensor) -> tuple[Tensor, None]:
        top, below = ctx.saved_tensors
        product = below.mT @ by_below + top.mT @ by_top
        return (by_below - below @ (product.triu() + product.triu(1).mT)) @ top.mT, None

    @staticmethod
    def jvp(ctx: Any, move: Tensor, _: None) -> tuple[Tensor, Tensor]:
        top, below = ctx.saved_tensors
        moved = move @ top
        product = below.mT @ moved
        upper = product.triu() + product.tril(-1).mT
        return -top @ upper, moved - below @ upper


def by_reflections(raw: Tensor) -> tuple[Tensor, Tensor]:
    """`orthonormal` from the QR factors of [I; W], as far from orthonormal as rounding, whatever W is."""
    size = raw.shape[-1]
    identity = torch.eye(size, dtype=raw.dtype, device=raw.device).expand(*raw.shape[:-2], size, size)
    columns, upper = torch.linalg.qr(torch.cat((identity, raw), -2))
    signs = torch.where(upper.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0).to(raw.dtype)
    top, below = torch.split(columns, [size, raw.shape[-2]], -2)
    return top * signs[..., None, :], below * signs[..., None, :]
