"""Charts of matrices whose spectral norm is bounded."""

from __future__ import annotations

import torch
from torch import Tensor

from odenet.emit.runtime.entries import require
from odenet.emit.runtime.orthogonal import orthogonal
from odenet.emit.runtime.orthonormal import orthonormal
from odenet.emit.runtime.precision import full_precision


def bounded(raw: Tensor, bound: Tensor | float) -> Tensor:
    """Matrices [..., m, n] with spectral norm at most `bound` (a number, or [...] with one for each matrix).

    bound * W R^-1 with R' R = I + W' W: (W R^-1)' (W R^-1) = I - R^-T R^-1 < I. Every matrix of norm < bound is
    reached.
    """
    if raw.shape[-2] < raw.shape[-1]:
        return bounded(raw.mT, bound).mT
    with full_precision(raw.device):
        wide = raw.to(torch.promote_types(raw.dtype, torch.float32))
        _, inside = orthonormal(wide, 16384.0)  # |W R^-1| <= 1 outlasts larger errors than R' R = I + W' W
    return scaled(inside.to(raw.dtype), bound)


def scaled(matrix: Tensor, factor: Tensor | float) -> Tensor:
    """Matrices [..., m, n] times a number, or times [...] with one for each."""
    return factor[..., None, None] * matrix if isinstance(factor, Tensor) else factor * matrix


def bounded_raw(value: Tensor, bound: Tensor | float) -> Tensor:
    """Raw values that `bounded` maps to `value` [..., m, n]; a norm of `bound` itself is approached."""
    if value.shape[-2] < value.shape[-1]:
        return bounded_raw(value.mT, bound).mT
    inside = off_the_bound(value, bound)
    identity = torch.eye(value.shape[-1], dtype=value.dtype, device=value.device)
    lower = torch.linalg.cholesky(identity - inside.mT @ inside)  # R^-T, from I - X' X = R^-T R^-1
    raw: Tensor = torch.linalg.solve_triangular(lower, inside.mT, upper=False).mT
    return raw


def off_the_bound(value: Tensor, bound: Tensor | float) -> Tensor:
    """`value` [..., m, n] / bound; singular values that float32 cannot tell from 1 become 1 - 1/1024.

    There the charts have slopes that a gradient in float32 sees.
    """
    limit = bound[..., None, None] if isinstance(bound, Tensor) else torch.as_tensor(bound, dtype=value.dtype)
    inside = value / torch.where(limit > 0, limit, torch.ones_like(limit))
    left, sizes, right = torch.linalg.svd(inside, full_matrices=False)
    require(bool((sizes <= 1 + 1e-9).all()))
    excess = torch.where(sizes > 1 - 2.0**-20, sizes - (1 - 2.0**-10), torch.zeros_like(sizes))
    moved: Tensor = inside - left * excess[..., None, :] @ right
    return moved


def bounded_skew(raw: Tensor, bound: Tensor | float) -> Tensor:
    """As `bounded`, skew, from the entries of raw [..., n, n] above the diagonal.

    bound * 2 W (I + W' W)^-1 has the singular values 2 s / (1 + s^2) <= 1: the skew part of Q', Q = 2 (I + W)^-1 - I.
    """
    turned = orthogonal(raw.triu(1))
    return scaled((turned.mT - turned) / 2, bound)


def bounded_symmetric(raw: Tensor, bound: Tensor | float) -> Tensor:
    """As `bounded`, symmetric, from the upper triangle of raw [..., n, n].

    bound * 2 W (I + W' W)^-1 = 2 (W R^-1) R^-T, by the R of `bounded`: |2 X Y'| <= 1 for X' X + Y' Y = I.
    """
    whole = (raw.triu() + raw.triu(1).mT).to(torch.promote_types(raw.dtype, torch.float32))
    with full_precision(raw.device):
        top, below = orthonormal(whole)
        half = below @ top.mT
    return scaled((half + half.mT).to(raw.dtype), bound)


def bounded_semidefinite(raw: Tensor, bound: Tensor | float) -> Tensor:
    """As `bounded`, positive semidefinite, from raw B [..., n, n]: bound * 2 P (I + P^2)^-1 with P = B B'.

    With T = B' (I + B B')^-1, of norm at most 1/2, it is 2 T' (I - 2 T T')^-1 T, a square; P is never written out.
    """
    with full_precision(raw.device):
        top, below = orthonormal(raw.to(torch.promote_types(raw.dtype, torch.float32)).mT)
        half = below @ top.mT
        identity = torch.eye(raw.shape[-1], dtype=half.dtype, device=half.device)
        lower = torch.linalg.cholesky_ex(identity - 2 * half @ half.mT).L  # between I/2 and I
        root = torch.linalg.solve_triangular(lower, half, upper=False)
        inside = (2 * root.mT @ root).to(raw.dtype)
    return scaled(inside, bound)


def bounded_entries(raw: Tensor, bound: Tensor | float) -> Tensor:
    """Diagonals [..., n] of matrices with spectral norm at most `bound`: bound * 2 d / (1 + d^2)."""
    inside = 2 * raw / (1 + raw.square())
    return bound[..., None] * inside if isinstance(bound, Tensor) else bound * inside


def bounded_normal_raw(value: Tensor, bound: Tensor | float) -> Tensor:
    """W with bound * 2 W (I + W' W)^-1 = `value` [..., n, n], symmetric or skew; a norm of `bound` is approached."""
    inside = off_the_bound(value, bound)
    identity = torch.eye(value.shape[-1], dtype=value.dtype, device=value.device)
    squares, vectors = torch.linalg.eigh(inside.mT @ inside)
    root = (vectors * (1 - squares).clamp(min=0).sqrt()[..., None, :]) @ vectors.mT
    raw: Tensor = inside @ torch.linalg.inv(identity + root)  # s = y / (1 + sqrt(1 - y^2)) solves y = 2 s / (1 + s^2)
    return raw
