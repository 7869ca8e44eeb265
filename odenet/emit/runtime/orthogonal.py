"""Charts of matrices with orthonormal columns (or rows), and of convolutions that keep lengths."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
    if rows == columns and not torch.compiler.is_compiling():
        square: Tensor = Cayley.apply(wide)  # type: ignore[no-untyped-call]
        return square.to(raw.dtype)
    upper, lower = wide[..., :columns, :], wide[..., columns:, :]
    identity = torch.eye(columns, dtype=wide.dtype, device=wide.device)
    with full_precision(raw.device):
        shifted = upper - upper.mT + identity  # the symmetric part is at least I: invertible
        if rows > columns:
            shifted = shifted + lower.mT @ lower
        doubled: Tensor = 2 * torch.linalg.inv_ex(shifted).inverse
        value = torch.cat((doubled - identity, -lower @ doubled), dim=-2) if rows > columns else doubled - identity
    return value.to(raw.dtype)


class Cayley(torch.autograd.Function):
    """Q = 2 (I + S)^-1 - I [..., n, n] for S = raw - raw', with as few passes over memory as the derivatives need.

    With K = Q + I = 2 (I + S)^-1 a change of S changes Q by -K dS K / 2.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(raw: Tensor) -> Tensor:
        with full_precision(raw.device):
            shifted = plus_identity(raw - raw.mT)
            return plus_identity(torch.linalg.inv_ex(shifted).inverse.mul_(2), -1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (value,) = ctx.saved_tensors
        with full_precision(value.device):
            twice = plus_identity(value.mT.clone())
            pulled = twice @ gradient @ twice
        return (pulled.mT - pulled) / 2

    @staticmethod
    def jvp(ctx: Any, move: Tensor) -> Tensor:
        (value,) = ctx.saved_tensors
        with full_precision(value.device):
            twice = plus_identity(value.clone())
            return twice @ (move.mT - move) @ twice / 2


def plus_identity(matrix: Tensor, factor: int = 1) -> Tensor:
    """`matrix` [..., n, n], changed in place by the addition of `factor` times the identity."""
    matrix.diagonal(dim1=-2, dim2=-1).add_(factor)
    return matrix


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


def orthogonal_kernel(raw: Tensor, outputs: int, inputs: int) -> Tensor:
    """Kernels [..., k, c, s, s] of circular convolutions with K' K = I (k >= c) or K K' = I (k < c) on every image.

    From raw [..., s, m, m], m = max(k, c): its first matrix gives H with orthonormal columns, each other one a pair of
    factors P + z (I - P), along rows and along columns, with P a projector of rank m // 2 and z a shift by one pixel,
    ahead and back in turn. A factor is orthogonal, since P (I - P) = 0; so is K, the product of all of them with H.
    Source: Li et al. (2019), Preventing gradient attenuation in Lipschitz constrained convolutional networks.
    """
    if outputs < inputs:
        return orthogonal_kernel(raw, inputs, outputs).transpose(-4, -3).contiguous()
    wide, half = raw.to(torch.promote_types(raw.dtype, torch.float32)), outputs // 2
    pairs = torch.stack((wide[..., 1:, :, :half], wide[..., 1:, :, half : 2 * half]), -3).flatten(-4, -3)
    kernel = orthogonal(wide[..., 0, :, :inputs])[..., None, None, :]  # [..., k, rows of taps, columns of taps, c]
    with full_precision(raw.device):
        for index, basis in enumerate(orthogonal(pairs).unbind(-3)):
            kept = (basis @ (basis.mT @ kernel.flatten(-3))).reshape(kernel.shape)  # P kernel
            near, far = (kept, kernel - kept) if index % 4 < 2 else (kernel - kept, kept)
            axis = (0, 0) if index % 2 == 0 else (0, 0, 0, 0)
            kernel = F.pad(near, (*axis, 0, 1)) + F.pad(far, (*axis, 1, 0))
    return kernel.movedim(-1, -3).contiguous().to(raw.dtype)


def begin_at_one_tap(raw: Tensor) -> None:
    """Fills raw [..., s, m, m] so that the kernels of `orthogonal_kernel` begin near a random matrix at their centre.

    Where all projectors are equal, shifts ahead and back cancel.
    Source: Xiao et al. (2018), Dynamical isometry and a mean field theory of CNNs, delta-orthogonal.
    """
    nn.init.normal_(raw, std=raw.shape[-1] ** -0.5)
    raw[..., 1:, :, :].mul_(0.1)
