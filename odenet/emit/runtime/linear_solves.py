"""Linear equations v - D v = right, D a derivative: dense for small states, Krylov subspaces for large ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class Linearization:
    """The derivative D of a map at a point [..., d], as linear maps; samples do not mix in the map."""

    def __init__(self, map: Callable[[Tensor], Tensor], point: Tensor) -> None:
        self.point = point.detach().requires_grad_()
        self.value = recorded(map, self.point)
        self.pulled: tuple[Tensor, Tensor] | None = None

    def pull(self, u: Tensor) -> Tensor:
        """D' u, of the shape of the point."""
        return gradient(self.value, self.point, u)

    def push(self, v: Tensor) -> Tensor:
        """D v, by the gradient of the linear map u -> D' u."""
        if self.pulled is None:
            zero = torch.zeros_like(self.value).requires_grad_()
            self.pulled = recorded(lambda u: gradient(self.value, self.point, u, is_kept=True), zero), zero
        return gradient(*self.pulled, v)

    def matrix(self) -> Tensor:
        """D [..., d, d]."""
        size = self.point.shape[-1]
        identity = torch.eye(size, dtype=self.point.dtype, device=self.point.device)
        basis = identity.reshape(size, *[1] * (self.point.dim() - 1), size).expand(size, *self.point.shape)
        return gradient(self.value, self.point, basis, is_batched=True).movedim(0, -2)


def recorded(map: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    """map(point) with its graph, which the hooks of a caller (who moves what is kept, or makes it again) do not see."""
    with torch.enable_grad():
        try:
            with torch.autograd.graph.saved_tensors_hooks(lambda kept: kept, lambda kept: kept):
                return map(point)
        except RuntimeError:  # torch.func is at work, which refuses hooks: then there are none to hide from
            return map(point)


def gradient(value: Tensor, point: Tensor, u: Tensor, is_kept: bool = False, is_batched: bool = False) -> Tensor:
    """The gradient of <value, u> by `point`, differentiable itself (`is_kept`), for many u at once (`is_batched`)."""
    if not value.requires_grad:
        return torch.zeros_like(u)
    (found,) = torch.autograd.grad(
        value, point, u, retain_graph=True, create_graph=is_kept, allow_unused=True, is_grads_batched=is_batched
    )
    return torch.zeros_like(u) if found is None else found


def resolvent(line: Linearization, is_adjoint: bool = False) -> Callable[[Tensor], Tensor]:
    """The linear map right -> v with v - D v = right, or v - D' v = right (`is_adjoint`); all [..., d].

    Up to 32 numbers a sample the matrix is made and factored: d gradients once, next to nothing for each solve.
    Beyond, Krylov subspaces take a few gradients a solve and no memory for matrices. A sample whose equation is not
    solved gets numbers that are not finite.
    """
    size = line.point.shape[-1]
    if size > 32:
        return lambda right: gmres(line.pull if is_adjoint else line.push, right)
    slopes = line.matrix().mT if is_adjoint else line.matrix()
    matrices = torch.eye(size, dtype=slopes.dtype, device=slopes.device) - slopes
    factors, pivots, _ = torch.linalg.lu_factor_ex(matrices)
    return lambda right: torch.linalg.lu_solve(factors, pivots, right[..., None])[..., 0]


def gmres(apply: Callable[[Tensor], Tensor], right: Tensor) -> Tensor:
    """v [..., d] with |v - apply(v) - right| <= |right| / 100 for each sample; NaN where 200 directions miss it.

    Two digits a solve are enough for Newton's iteration, which comes back with what is left.
    Source: Saad, Schultz (1986), GMRES. With c the null vector of the transposed Hessenberg matrix, c_0 = 1, the
    residual is |right| / |c|: Ayachour (2003), A fast implementation for GMRES method.
    """
    scale = largest(right)
    going = scale > 0
    basis = [torch.where(going, right / scale, 0.0)]
    length = torch.linalg.vector_norm(basis[0], dim=-1, keepdim=True)
    basis = [torch.where(going, basis[0] / length, 0.0)]
    columns: list[Tensor] = []
    null = [torch.ones_like(length)]
    gain = torch.where(scale == 0, torch.inf, torch.ones_like(length))  # |right|^2 / |residual|^2
    while len(columns) < min(200, right.shape[-1]) and bool(going.any()):
        moved = basis[-1] - apply(basis[-1])
        entries, moved = without(moved, torch.stack(basis))
        below = torch.linalg.vector_norm(moved, dim=-1, keepdim=True)
        columns.append(torch.cat((entries, torch.where(going, below, 1.0)[None])))
        null.append(torch.where(going, -(entries * torch.stack(null)).sum(0) / below, 0.0))
        gain = gain + null[-1].square()
        going = going & (gain < 1e4) & (below > 0)
        basis.append(torch.where(going, moved / below, 0.0))
    found = scale * length * combined(columns, basis)
    return torch.where(gain >= 1e4, found, torch.nan)


def largest(z: Tensor) -> Tensor:
    """The largest absolute value [..., 1] of each z [..., d]."""
    return z.abs().amax(-1, keepdim=True)


def without(vector: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """The coefficients [k, ..., 1] of `vector` along an orthonormal `basis` [k, ..., d], and what is orthogonal to it.

    Twice is enough: Giraud, Langou, Rozloznik (2005), The loss of orthogonality in the Gram-Schmidt
    orthogonalization process.
    """
    first = (basis * vector).sum(-1, keepdim=True)
    vector = vector - (first * basis).sum(0)
    second = (basis * vector).sum(-1, keepdim=True)
    return first + second, vector - (second * basis).sum(0)


def combined(columns: list[Tensor], basis: list[Tensor]) -> Tensor:
    """The combination [..., d] of the basis with the least residual |e_1 - H y|; column j of H is [j + 2, ..., 1]."""
    if not columns:
        return torch.zeros_like(basis[0])
    count = len(columns)
    hessenberg = basis[0].new_zeros(*basis[0].shape[:-1], count + 1, count)
    for place, column in enumerate(columns):
        hessenberg[..., : place + 2, place] = column[..., 0].movedim(0, -1)
    q, r = torch.linalg.qr(hessenberg)
    weights = torch.linalg.solve_triangular(r, q[..., :1, :].mT, upper=True)
    found: Tensor = (weights.movedim(-2, 0) * torch.stack(basis[:count])).sum(0)
    return found
