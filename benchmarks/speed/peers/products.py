"""The matrix products of the dense flow alone: as many, of the same shapes, forward and backward."""
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.speed.subject import Data


@dataclass(frozen=True)
class Products:
    """Two products a step forward, and four more backward, since each has a gradient for either factor.

    Attributes:
        x, z, slope: [batch, n]; what comes out is written to `z` and `slope` again and again.
        matrices, biases: [n, n] and [n] for each step.
        weight: [n, n], for the gradient of a matrix.
    """

    x: Tensor
    z: Tensor
    slope: Tensor
    matrices: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    weight: Tensor

    def forward(self) -> object:
        with torch.no_grad():
            for matrix, bias in zip(self.matrices, self.biases, strict=True):
                torch.addmm(bias, self.x, matrix.T, out=self.z)
                torch.addmm(self.x, self.z, matrix, alpha=-1, out=self.slope)
        return None

    def both(self) -> object:
        self.forward()
        with torch.no_grad():
            for matrix in self.matrices:
                torch.mm(self.x, matrix.T, out=self.z)
                torch.mm(self.z.T, self.x, out=self.weight)
                torch.mm(self.z, matrix, out=self.slope)
                torch.mm(self.z.T, self.x, out=self.weight)
        return None


def products(data: Data) -> Products:
    x, matrices = data.states[0], data.parameters["A"].unbind(0)
    return Products(x, torch.empty_like(x), torch.empty_like(x), matrices, data.parameters["b"].unbind(0),
                    torch.empty_like(matrices[0]))
