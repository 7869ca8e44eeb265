"""Networks that are undone layer by layer in backward: memcnn and momentumnet."""
from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from benchmarks.speed.peers.plain import shear
from benchmarks.speed.subject import Data, Trained, leaves, trained


class Shear(nn.Module):
    """factor * W' tanh(W z + b)."""

    def __init__(self, matrix: Tensor, bias: Tensor, factor: float) -> None:
        super().__init__()
        self.matrix, self.bias, self.factor = nn.Parameter(matrix.clone()), nn.Parameter(bias.clone()), factor

    def forward(self, z: Tensor) -> Tensor:
        return self.factor * shear(self.matrix, self.bias, z)


def _shears(data: Data, matrix: str, bias: str, sign: int, steps: int) -> list[Shear]:
    """One shear for each step; of an autonomous field one that all steps share."""
    matrices, biases = data.parameters[matrix], data.parameters[bias]
    if matrices.dim() == 2:
        return [Shear(matrices, biases, sign / steps)] * steps
    return [Shear(m, b, sign / steps) for m, b in zip(matrices, biases, strict=True)]


def memcnn(data: Data, steps: int) -> Trained:
    """Additive couplings, which are our pairs of shears: y1 = x1 + F(x2), y2 = x2 + G(y1)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from memcnn import AdditiveCoupling, InvertibleModuleWrapper

    drifts, kicks = _shears(data, "M", "c", 1, steps), _shears(data, "K", "a", -1, steps)
    blocks = [InvertibleModuleWrapper(AdditiveCoupling(f, g), keep_input=index == 0)  # the first input is ours to keep
              for index, (f, g) in enumerate(zip(drifts, kicks, strict=True))]

    def call(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.cat((q, p), 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its storages, at each step
            for block in blocks:
                x = block(x)
        first, second = x.chunk(2, 1)
        return first, second

    return trained(call, data, {}, _distinct(drifts + kicks), lambda: _gradients(data, drifts, kicks))


def _distinct(modules: list[Shear]) -> tuple[Tensor, ...]:
    return tuple({id(p): p for module in modules for p in module.parameters()}.values())


def _gradients(data: Data, drifts: list[Shear], kicks: list[Shear]) -> dict[str, Tensor]:
    shared = data.parameters["M"].dim() == 2
    pairs = {"M": (drifts, "matrix"), "c": (drifts, "bias"), "K": (kicks, "matrix"), "a": (kicks, "bias")}
    stacks = {name: [getattr(module, attribute).grad for module in modules] for name, (modules, attribute) in pairs.items()}
    return {name: grads[0] if shared else torch.stack(grads) for name, grads in stacks.items()}


def momentumnet(data: Data, steps: int) -> Trained:
    """v <- v/2 + f(x)/2, x <- x + v: a network of second order, with as many products and as large a state as ours."""
    from momentumnet import MomentumNet

    shears = [module for pair in zip(_shears(data, "M", "c", -1, steps), _shears(data, "K", "a", -1, steps), strict=True)
              for module in pair]
    network = MomentumNet(shears, gamma=0.5, use_backprop=False)
    cut = Data(data.parameters, data.states[:1], data.cotangents[:1])
    return trained(network, cut, {}, _distinct(shears))


def checkpointed(data: Data, steps: int) -> Trained:
    """The plain loop in about sqrt(steps) segments, by `torch.utils.checkpoint`."""
    from torch.utils.checkpoint import checkpoint

    named, size = leaves(data), max(1, round(steps**0.5))

    def segment(q: Tensor, p: Tensor, count: int) -> tuple[Tensor, Tensor]:
        for _ in range(count):
            q = q + shear(named["M"], named["c"], p) / steps
            p = p - shear(named["K"], named["a"], q) / steps
        return q, p

    def call(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        for begun in range(0, steps, size):
            q, p = checkpoint(segment, q, p, min(size, steps - begun), use_reentrant=False)
        return q, p

    return trained(call, data, named)
