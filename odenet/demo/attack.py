"""The attack: projected gradient ascent in the l2 ball, from a library made for it."""
from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from odenet.demo.certificate import margins, right
from odenet.demo.data import CLASSES, Images

STEPS, RESTARTS = 50, 2


class _LostMargin(nn.Module):
    """Minus the mean margin. Unlike cross-entropy it has a gradient however sure the network is."""

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        labels = labels if labels.dim() == 1 else labels.argmax(1)
        return -margins(scores, labels).mean()


def survivors(network: nn.Module, images: Images, radii: tuple[float, ...], seed: int,
              report: Callable[[], None]) -> Tensor:
    """Which images [radii, count] are still classified right after the attack at each radius (in increasing order).

    Each attack takes 50 steps from 2 random starts and may leave the range of pixels. What breaks at one radius counts as
    broken at the larger ones. `report` is called after each radius.
    Source: Madry et al. (2018), Towards deep learning models resistant to adversarial attacks.
    """
    target = _classifier(network)
    np.random.seed(seed)  # the library draws its random starts here
    alive = right(network, images)
    rows = []
    for radius in radii:
        held = alive.nonzero()[:, 0]
        if len(held):
            alive = alive.clone()
            alive[held] = _holds(network, target, Images(images.pixels[held], images.labels[held]), radius)
        rows.append(alive)
        report()
    return torch.stack(rows)


def _classifier(network: nn.Module) -> object:
    warnings.filterwarnings("ignore", module="art")
    logging.getLogger("art").setLevel(logging.ERROR)
    from art.estimators.classification import PyTorchClassifier  # type: ignore[import-untyped]

    return PyTorchClassifier(network, loss=_LostMargin(), input_shape=(64,), nb_classes=CLASSES, device_type="cpu")


def _holds(network: nn.Module, target: object, images: Images, radius: float) -> Tensor:
    """Whether each image [count] is still classified right after one attack at one radius."""
    from art.attacks.evasion import ProjectedGradientDescentPyTorch  # type: ignore[import-untyped]

    attack = ProjectedGradientDescentPyTorch(
        target, norm=2, eps=radius, eps_step=5 * radius / STEPS, max_iter=STEPS, num_random_init=RESTARTS,
        batch_size=len(images), verbose=False)
    moved = torch.from_numpy(attack.generate(images.pixels.numpy(), images.labels.numpy()))
    step = moved - images.pixels
    length = step.norm(dim=1, keepdim=True).clamp(min=radius)
    inside = images.pixels + step * (radius / length)  # rounding in the library must not help the attack
    return right(network, Images(inside, images.labels))
