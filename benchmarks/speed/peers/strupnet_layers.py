"""strupnet's symplectic networks of gradient modules."""
from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.speed.subject import Data, Trained, trained


def gradient_modules(data: Data, steps: int) -> Trained:
    """Two modules for each step, so as many products of the same shapes as our pair of shears."""
    before = torch.get_default_dtype()
    try:
        from strupnet import SympNet
    finally:
        torch.set_default_dtype(before)  # its import makes float64 the default of the whole process
    size = data.states[0].shape[-1]
    network = SympNet(dim=size, layers=2 * steps, width=2 * size, method="G", activation="tanh").to(data.states[0].dtype)

    def call(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        first, second = network(torch.cat((q, p), -1), 1 / steps).chunk(2, -1)
        return first, second

    return trained(call, data, {}, tuple(network.parameters()))
