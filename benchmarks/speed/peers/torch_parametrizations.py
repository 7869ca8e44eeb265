"""`torch.nn.utils.parametrizations.orthogonal`, one layer for each step."""
from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.speed.peers.plain import cayley, gradient_step
from benchmarks.speed.subject import Data, Trained, trained


def orthogonal_layers(data: Data, chart: str | None = None) -> Trained:
    """The same network with the same initial matrices.

    Args:
        chart: matrix_exp (torch's default for square matrices), cayley or householder.
    """
    matrices, biases = cayley(data.parameters["A"]), data.parameters["b"]
    layers = [orthogonal_layer(m, b, chart) for m, b in zip(matrices, biases, strict=True)]

    def call(x: Tensor) -> Tensor:
        for layer in layers:
            x = gradient_step(x, layer.weight, layer.bias)  # reading the weight computes its chart, once for each layer
        return x

    def gradients() -> dict[str, Tensor]:
        return {"b": torch.stack([layer.bias.grad for layer in layers])}

    return trained(call, data, {}, tuple(p for layer in layers for p in layer.parameters()), gradients)


def orthogonal_layer(matrix: Tensor, bias: Tensor, chart: str | None) -> nn.Linear:
    """A layer that begins at an orthogonal matrix [n, n]."""
    layer = nn.Linear(*matrix.shape, dtype=matrix.dtype)
    nn.utils.parametrizations.orthogonal(layer, orthogonal_map=chart)
    with torch.no_grad():
        layer.weight = matrix
        layer.bias.copy_(bias)
    return layer
