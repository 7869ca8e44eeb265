"""Stages of nets that hold parameters."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from odenet.emit.runtime.bounded import bounded
from odenet.emit.runtime.convolution import bounded_convolution, convolve


class BoundedLinear(nn.Linear):
    """x -> W x + b with |W| <= bound; `weight` holds raw values, `value()` is W [outputs, inputs]."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        bound: float,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(inputs, outputs, device=device, dtype=dtype)
        self.bound = bound

    def value(self) -> Tensor:
        """The constrained weight."""
        return bounded(self.weight, self.bound)

    def forward(self, x: Tensor) -> Tensor:
        """x [..., inputs] -> [..., outputs]."""
        return F.linear(x, self.value(), self.bias)


class Convolution(nn.Module):
    """x -> K x for images x [batch, c, h, w]; `weight` [k, c, size, size] is the kernel."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        circular: bool,
        stride: int = 1,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.circular, self.stride = circular, stride
        self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Random numbers of the size that keeps the size of images."""
        nn.init.normal_(self.weight, std=self.weight[0].numel() ** -0.5)

    def value(self) -> Tensor:
        """The kernel."""
        return self.weight

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, c, h, w] -> [batch, k, h / stride, w / stride]."""
        return convolve(x, self.value(), self.circular, self.stride)


class BoundedConvolution(Convolution):
    """A convolution of operator norm at most `bound`; `weight` holds raw values, `value()` is the kernel.

    `image`: height and width of what it acts on, for the exact norm of a circular convolution; None holds for any.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        circular: bool,
        stride: int = 1,
        *,
        bound: float,
        image: tuple[int, int] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(inputs, outputs, size, circular, stride, device=device, dtype=dtype)
        self.bound, self.image = bound, image

    def value(self) -> Tensor:
        """The constrained kernel."""
        return bounded_convolution(self.weight, self.bound, self.image)
