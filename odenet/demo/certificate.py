"""What a proved Lipschitz constant certifies, and what the trained network measures."""
from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from odenet.certify.attack import margins
from odenet.demo.data import CLASSES, Images


def certified_radii(network: nn.Module, images: Images, constant: float) -> Tensor:
    """For each image [count] the l2 distance within which no change of it changes a right answer; <= 0 for a wrong one.

    A difference of two scores of an L-Lipschitz network is sqrt(2) L-Lipschitz.
    Source: Tsuzuku, Sato, Sugiyama (2018), Lipschitz-margin training, Prop. 1.
    """
    with torch.no_grad():
        scores = network(images.pixels).double()
    return margins(scores, images.labels) / (math.sqrt(2) * constant)


def measured_constant(network: nn.Module, pixels: Tensor) -> float:
    """The largest stretch seen: spectral norms of the Jacobians at `pixels` [count, 64] and ratios over all their pairs."""
    x = pixels.clone().requires_grad_()
    scores = network(x)
    rows = [torch.autograd.grad(scores[:, k].sum(), x, retain_graph=True)[0] for k in range(CLASSES)]
    slopes = torch.linalg.matrix_norm(torch.stack(rows, 1).double(), ord=2)
    apart = torch.pdist(pixels.double())
    ratios = torch.pdist(scores.detach().double())[apart > 0] / apart[apart > 0]
    return float(torch.maximum(slopes.max(), ratios.max()))
