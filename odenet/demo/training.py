"""Training: the same loop for both networks, each with its own loss."""
from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from odenet.demo.data import CLASSES, Images

Loss = Callable[[Tensor, Tensor], Tensor]  # (scores [batch, 10], labels [batch]) -> number
_BATCH = 128


def margin_loss(radius: float, temperature: float) -> Loss:
    """Cross-entropy after sqrt(2) * radius is taken from the true score: small only when the margin certifies `radius`.

    Source: Prach, Lampert (2022), Almost-orthogonal layers for efficient general-purpose Lipschitz networks, section 4.
    """
    def loss(scores: Tensor, labels: Tensor) -> Tensor:
        handicap = math.sqrt(2) * radius * F.one_hot(labels, CLASSES)
        return temperature * F.cross_entropy((scores - handicap) / temperature, labels)

    return loss


def train(network: nn.Module, images: Images, loss: Loss, rate: float, epochs: int, seed: int,
          report: Callable[[float], None]) -> None:
    """Adam with one cycle of the learning rate; `report` gets the mean loss after each epoch."""
    order = torch.Generator().manual_seed(seed)
    batches = math.ceil(len(images) / _BATCH)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * batches)
    network.train()
    for _ in range(epochs):
        total = 0.0
        for batch in torch.split(torch.randperm(len(images), generator=order), _BATCH):
            optimizer.zero_grad()
            value = loss(network(images.pixels[batch]), images.labels[batch])
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += value.item() * len(batch)
        report(total / len(images))
    network.eval()
