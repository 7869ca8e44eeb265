"""Charts of matrices with orthonormal columns (or rows), and of convolutions that keep lengths."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from odenet.emit.runtime.entries import require
from odenet.emit.runtime.orthonormal import is_moderate, orthonormal
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
    with full_precision(raw.device):
        if rows == columns:
            return cayley(wide - wide.mT).to(raw.dtype)
        upper, lower = torch.split(wide, [columns, rows - columns], -2)
        return stiefel(upper - upper.mT, lower).to(raw.dtype)


def stiefel(turned: Tensor, lower: Tensor) -> Tensor:
    """[2 (I + Z)^-1 - I; -2 V (I + Z)^-1] for Z = S + V' V, S = `turned` [..., n, n] and V = `lower` [..., m - n, n].

    With R' R = I + V' V and Y = R^-1 it is [2 Y K Y' - I; -2 V Y K Y'], K = (I + Y' S Y)^-1: no V' V beside I.
    """
    identity = torch.eye(turned.shape[-1], dtype=turned.dtype, device=turned.device)
    gram = lower.mT @ lower
    if is_moderate(gram.flatten(-2), 32.0) and is_moderate(turned, 8.0):
        doubled: Tensor = 2 * torch.linalg.inv_ex(identity + turned + gram).inverse
        return torch.cat((doubled - identity, -lower @ doubled), dim=-2)
    top, below = orthonormal(lower)
    inner = top.mT @ turned @ top
    doubled = (cayley((inner - inner.mT) / 2) + identity) @ top.mT
    return torch.cat((top @ doubled - identity, -below @ doubled), dim=-2)


def cayley(skew: Tensor) -> Tensor:
    """Q = 2 (I + S)^-1 - I for skew S [..., n, n]; where S is longer than 4096 it is scaled to that."""
    if is_moderate(skew, 8.0):
        moderate: Tensor = Cayley.apply(skew, True)  # type: ignore[no-untyped-call]
        return moderate
    longest = 4096.0**2  # beyond, rounding would hide the I beside S
    squares = skew.square().sum((-2, -1), keepdim=True).clamp(min=longest)
    short = skew * (longest / squares).sqrt()
    if torch.compiler.is_compiling():
        return polished(short)
    value: Tensor = Cayley.apply(short, False)  # type: ignore[no-untyped-call]
    return value


class Cayley(torch.autograd.Function):
    """Q = 2 (I + S)^-1 - I for skew S [..., n, n], with as few passes over memory as the derivatives need.

    moderate: whether elimination without pivots is accurate. With K = Q + I = 2 (I + S)^-1 a change of S changes Q by
    -K dS K / 2.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(skew: Tensor, moderate: bool) -> Tensor:
        with full_precision(skew.device):
            if not moderate:
                return polished(skew)
            shifted = plus_identity(skew.clone(memory_format=torch.contiguous_format))
            twice: Tensor = inverse_by_blocks(shifted).mul_(2)
            return plus_identity(twice, -1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, bool], output: Tensor) -> None:
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (value,) = ctx.saved_tensors
        with full_precision(value.device):
            twice = plus_identity(value.mT.clone())
            return twice @ gradient @ twice / -2, None

    @staticmethod
    def jvp(ctx: Any, move: Tensor, _: None) -> Tensor:
        (value,) = ctx.saved_tensors
        with full_precision(value.device):
            twice = plus_identity(value.clone())
            return twice @ move @ twice / -2


def polished(skew: Tensor) -> Tensor:
    """Q = 2 (I + S)^-1 - I, brought nearer to Q' Q = I by a step of Newton's method: it squares what rounding left."""
    identity = torch.eye(skew.shape[-1], dtype=skew.dtype, device=skew.device)
    value = 2 * torch.linalg.inv_ex(identity + skew).inverse - identity
    nearer: Tensor = 1.5 * value - 0.5 * value @ (value.mT @ value)
    return nearer


def inverse_by_blocks(matrix: Tensor) -> Tensor:
    """The inverse of I + S [..., n, n], S skew, by halves: batched products in place of eliminations.

    The symmetric part of I + S is I, and at least I in what is left of it after elimination: so no pivots are needed.
    Source: Golub and Van Loan (1979), Unsymmetric positive definite linear systems.
    """
    if matrix.shape[-1] <= 64:
        small: Tensor = torch.linalg.inv_ex(matrix).inverse
        return small
    inverse = torch.empty_like(matrix)
    size = matrix.shape[-1]
    inverse_into(matrix.view(-1, size, size), inverse.view(-1, size, size))
    return inverse


def inverse_into(matrix: Tensor, inverse: Tensor) -> None:
    """Fills `inverse` [batch, n, n] with that of I + S; see `inverse_by_blocks`."""
    size = matrix.shape[-1]
    if size <= 64:
        inverse.copy_(torch.linalg.inv_ex(matrix).inverse)
        return
    half = size // 2
    right, left = matrix[:, :half, half:], matrix[:, half:, :half]
    first, second = inverse[:, :half, :half], inverse[:, half:, half:]
    inverse_into(matrix[:, :half, :half], first)
    below = torch.bmm(left, first)
    inverse_into(torch.baddbmm(matrix[:, half:, half:], below, right, alpha=-1), second)
    corner = torch.bmm(torch.bmm(first, right), second)
    torch.neg(corner, out=inverse[:, :half, half:])
    torch.neg(torch.bmm(second, below), out=inverse[:, half:, :half])
    first.baddbmm_(corner, below)


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
    require(bool(((value.mT @ value - identity).abs() < 1e-9).all()))
    upper, lower = value[..., :columns, :], value[..., columns:, :]
    half = torch.linalg.inv_ex(identity + upper).inverse  # (I + Z) / 2
    skewed = half - half.mT  # Z less its symmetric part
    if not bool(torch.linalg.matrix_norm(skewed).amax() <= 4000):
        raise ValueError("an initial value has the eigenvalue -1 for these dims: the chart does not reach it")
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
