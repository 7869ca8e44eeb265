"""Layers of deel-torchlip and orthogonium in the place of our matrices and kernels: the same steps, other charts."""
from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.speed.peers.plain import gradient_step
from benchmarks.speed.subject import Data, Trained, trained


def deel_dense(data: Data) -> Trained:
    """SpectralLinear: a power iteration, then Björck's."""
    from deel.torchlip import SpectralLinear

    return _dense(data, SpectralLinear)


def deel_convolution(data: Data) -> Trained:
    """SpectralConv2d: the reshaped kernel by Björck's iteration, over a bound of what reshaping hides."""
    from deel.torchlip import SpectralConv2d

    return _convolution(data, lambda c, bias: SpectralConv2d(c, c, 3, padding=1, bias=bias, padding_mode="circular"))


def orthogonium_dense(data: Data) -> Trained:
    """OrthoLinear with its defaults."""
    from orthogonium.layers.linear import OrthoLinear

    return _dense(data, OrthoLinear)


def orthogonium_convolution(data: Data) -> Trained:
    """AdaptiveOrthoConv2d: orthogonal convolutions by block convolutions."""
    from orthogonium.layers.conv.AOC import AdaptiveOrthoConv2d

    return _convolution(data, lambda c, bias: AdaptiveOrthoConv2d(c, c, 3, bias=bias, padding_mode="circular"))


def _dense(data: Data, make: Callable[[int, int], nn.Module]) -> Trained:
    steps, size = data.parameters["b"].shape
    layers = nn.ModuleList(make(size, size) for _ in range(steps)).to(data.states[0].dtype)

    def call(x: Tensor) -> Tensor:
        for layer in layers:
            x = gradient_step(x, layer.weight, layer.bias)
        return x

    return trained(call, data, {}, tuple(layers.parameters()))


def _convolution(data: Data, make: Callable[[int, bool], nn.Module]) -> Trained:
    """u - B relu(A u + b): these layers do not offer the adjoint, so B is a convolution of its own."""
    steps, channels = data.parameters["b"].shape
    first = nn.ModuleList(make(channels, True) for _ in range(steps)).to(data.states[0].dtype)
    second = nn.ModuleList(make(channels, False) for _ in range(steps)).to(data.states[0].dtype)

    def call(u: Tensor) -> Tensor:
        for a, b in zip(first, second, strict=True):
            u = u - b(F.relu(a(u)))
        return u

    return trained(call, data, {}, tuple(p for layers in (first, second) for p in layers.parameters()))
