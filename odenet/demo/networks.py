"""The network that odenet compiles and the plain one it is compared with."""
from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from odenet.certify import analysis
from odenet.driver import Loaded, loads
from odenet.gallery import gallery_text

SPEC = "digits"


def spec() -> Loaded:
    """The gallery's spec of the certified network, read and checked."""
    return loads(gallery_text(SPEC), f"specs/gallery/{SPEC}.ode")


def certified(loaded: Loaded) -> nn.Module:
    """The compiled network R[64] -> R[10], in float32."""
    return cast(nn.Module, loaded.module()())


def proved_constant(loaded: Loaded) -> float:
    """The smallest Lipschitz constant of the compiled network that is claimed and proved."""
    found = analysis.proved_constant(loaded)
    assert found is not None
    return found


class Plain(nn.Module):
    """A residual network of the same depth and width, free of constraints: x + V relu(W x + b), then a linear map."""

    def __init__(self, depth: int, width: int, outputs: int) -> None:
        super().__init__()
        self.inner = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.outer = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.head = nn.Linear(width, outputs)
        self.width = width
        for layer in self.outer:
            nn.init.zeros_(cast(Tensor, layer.weight))  # starts as the identity, which trains best

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch, outputs] of x [batch, inputs]; zeros are appended to x up to the width."""
        x = F.pad(x, (0, self.width - x.shape[-1]))
        for inner, outer in zip(self.inner, self.outer, strict=True):
            x = x + outer(torch.relu(inner(x)))
        return cast(Tensor, self.head(x))


def plain(loaded: Loaded, outputs: int) -> Plain:
    """A plain network with the depth and width of the spec, so with as many matrices of the same size."""
    dims = loaded.model.default_dims()
    return Plain(dims["L"], dims["n"], outputs)


def parameter_count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
