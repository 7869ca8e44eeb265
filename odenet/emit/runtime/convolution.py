"""Convolutions as linear maps, their exact adjoints, and bounds of their operator norms."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from odenet.emit.runtime.precision import full_precision


def convolve(x: Tensor, kernel: Tensor, circular: bool, stride: int = 1) -> Tensor:
    """K x for x [batch, c, h, w] and kernel [k, c, s, s]; the image is padded to keep its size, then strided."""
    before, after = (kernel.shape[-1] - 1) // 2, kernel.shape[-1] // 2
    if not circular and before == after:
        return F.conv2d(x, kernel, stride=stride, padding=before)
    return F.conv2d(surrounded(x, before, after, circular), kernel, stride=stride)


def convolve_adjoint(y: Tensor, kernel: Tensor, circular: bool, stride: int = 1) -> Tensor:
    """K' y for y [batch, k, h, w] and kernel [k, c, s, s]: <K x, y> = <x, K' y> for all x."""
    if stride > 1:  # the adjoint of striding puts zeros between
        y = F.pad(y[..., :, None, :, None], (0, stride - 1, 0, 0, 0, stride - 1)).flatten(-4, -3).flatten(-2, -1)
    before, after = (kernel.shape[-1] - 1) // 2, kernel.shape[-1] // 2
    turned = kernel.flip(-2, -1).transpose(0, 1)
    if not circular and before == after:
        return F.conv2d(y, turned, padding=before)
    return F.conv2d(surrounded(y, after, before, circular), turned)


def surrounded(x: Tensor, before: int, after: int, circular: bool) -> Tensor:
    """x [batch, c, h, w] with rows and columns before and after it: zeros, or the image itself, as often as need be."""
    if circular and max(before, after) > min(x.shape[-2:]):  # more than once round, which F.pad refuses
        rows, columns = (torch.arange(-before, side + after, device=x.device) % side for side in x.shape[-2:])
        return x[..., rows[:, None], columns]
    return F.pad(x, (before, after, before, after), mode="circular" if circular else "constant")


def kernel_gradient(x: Tensor, g: Tensor, kernel: Tensor, circular: bool, stride: int = 1) -> Tensor:
    """The gradient of <g, K x> by the kernel [k, c, s, s], for x [batch, c, h, w] and g like K x."""
    before, after = (kernel.shape[-1] - 1) // 2, kernel.shape[-1] // 2
    padding = 0 if circular or before != after else before
    padded = x if padding else surrounded(x, before, after, circular)
    sizes = [stride, stride], [padding, padding], [1, 1], False, [0, 0], 1
    found = torch.ops.aten.convolution_backward(g, padded, kernel, None, *sizes, [False, True, False])
    gradient: Tensor = found[1]
    return gradient


def bounded_convolution(raw: Tensor, bound: Tensor | float, size: tuple[int, int] | None) -> Tensor:
    """Kernels [..., k, c, s, s] of convolutions with norm at most `bound`: raw over max(1, bound of its norm)."""
    norm = convolution_norm(raw, size)[..., None, None, None, None].clamp(min=1)
    kernel: Tensor = (bound[..., None, None, None, None] if isinstance(bound, Tensor) else bound) / norm * raw
    return kernel


def convolution_norm(kernel: Tensor, size: tuple[int, int] | None) -> Tensor:
    """An upper bound [...] of the operator norm of a convolution with kernel [..., k, c, s, s].

    Its symbol is sampled on a grid of frequencies. A circular convolution of a small image of `size` (h, w) is the
    direct sum of the symbol's values on the grid h by w. Elsewhere (`size` None: zero padding, any image) the grid has
    N = 8 (s - 1) points a side, and between them a trigonometric polynomial of degree (s - 1)/2 rises at most by
    1 / cos(pi/16) a side. Source: M. Riesz' comparison lemma (DeVore and Lorentz 1993, section 4.1).
    """
    wide = kernel.to(torch.promote_types(kernel.dtype, torch.float32))
    taps = kernel.shape[-1]
    grid, excess = [], 1.0
    for side in size or (0, 0):
        if taps <= side <= 8 * (taps - 1):
            grid.append(side)
        else:
            grid.append(max(1, 8 * (taps - 1)))
            excess /= math.cos(math.pi / 16) if taps > 1 else 1.0
    waves = plane_waves(taps, grid[0], grid[1], wide)
    with full_precision(kernel.device):
        worst = gram_norm(*symbol(wide.detach(), waves.flatten(0, 1))).argmax(-1)
        there = waves.index_select(1, worst.flatten()).movedim(0, -2).reshape(*worst.shape, 2, -1)
        largest = excess * gram_norm(*symbol(wide, there))  # the only frequency that is differentiated
    return largest.squeeze(-1).to(kernel.dtype)


def plane_waves(taps: int, height: int, width: int, like: Tensor) -> Tensor:
    """cos and sin [2, frequencies, s s] of the waves on a grid of h by w frequencies; one of two opposite ones."""
    down, right, row, column = torch.meshgrid(
        *(torch.arange(n, device=like.device) for n in (height, width // 2 + 1, taps, taps)), indexing="ij"
    )
    turns = (down * row * width + right * column * height) % (height * width)  # whole numbers: exact
    angles = (2 * math.pi / (height * width)) * turns.to(like.dtype).reshape(-1, taps * taps)
    return torch.stack((angles.cos(), angles.sin()))


def symbol(kernel: Tensor, waves: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part [..., frequencies, k, c] of the symbol of a kernel [..., k, c, s, s].

    waves: cosines of all frequencies, then their sines [..., 2 frequencies, s s].
    """
    taps = kernel.flatten(-2).movedim(-1, -3)
    values = (waves @ taps.flatten(-2)).reshape(*kernel.shape[:-4], waves.shape[-2], *taps.shape[-2:])
    real, imaginary = values.chunk(2, -3)
    return real, imaginary


def gram_norm(real: Tensor, imaginary: Tensor, rounds: int = 5) -> Tensor:
    """An upper bound [...] of the spectral norms of complex matrices [..., m, n], at most min(m, n)^(1/128) too large.

    For G = M' M and each round |M|^2 = |G| = |G^2|^(1/2) <= |G^2|_F^(1/2). G = A + iB, A' = A, B' = -B, is kept as the
    real S = A + B, of the same Frobenius norm; for G^2 it is (S S + S S' + S' S - S' S')/2.
    Source: Delattre et al. (2023), Efficient bound of Lipschitz constant for convolutional layers by Gram iteration.
    """
    if real.shape[-2] < real.shape[-1]:
        real, imaginary = real.mT, imaginary.mT
    gram = (real.mT @ (real + imaginary) + imaginary.mT @ (imaginary - real)).reshape(-1, *real.shape[-1:] * 2)
    tiny = torch.finfo(gram.dtype).tiny
    scale = squared = torch.linalg.matrix_norm(gram).clamp(min=tiny)
    for index in range(rounds):
        gram = gram / scale[:, None, None]
        square = torch.baddbmm(torch.baddbmm(gram @ gram, gram, gram.mT), gram.mT, gram)
        gram = torch.baddbmm(square, gram.mT, gram.mT, alpha=-1)  # twice the square
        scale = torch.linalg.matrix_norm(gram).clamp(min=tiny)
        squared = squared * (scale / 2) ** (0.5 ** (index + 1))
    norm: Tensor = squared.sqrt().reshape(real.shape[:-2])
    return norm
