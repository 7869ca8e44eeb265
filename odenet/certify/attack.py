"""Attacks from a library made for them: an upper bound of the accuracy within each radius, beside the certified lower one."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

STEPS, RESTARTS = 50, 2
KINDS = ("pgd", "auto")


def margins(scores: Tensor, labels: Tensor) -> Tensor:
    """The true score less the best other one [batch], for scores [batch, classes]."""
    true = scores.gather(1, labels[:, None])[:, 0]
    others = scores.scatter(1, labels[:, None], -math.inf)
    return true - others.amax(1)


def right(network: nn.Module, x: Tensor, labels: Tensor, batch: int = 500) -> Tensor:
    """Whether each input [count] is classified right."""
    with torch.no_grad():
        parts = zip(torch.split(x, batch), torch.split(labels, batch), strict=True)
        return torch.cat([margins(network(a), b) > 0 for a, b in parts])


class _LostMargin(nn.Module):
    """Minus the mean margin. Unlike cross-entropy it has a gradient however sure the network is."""

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        labels = labels if labels.dim() == 1 else labels.argmax(1)
        return -margins(scores, labels).mean()


def begin(seed: int) -> None:
    """Before the first attack: the library is silent, and draws its random starts from this seed."""
    warnings.filterwarnings("ignore", module="art")
    logging.getLogger("art").setLevel(logging.ERROR)
    np.random.seed(seed)


def survivors(
    network: nn.Module,
    x: Tensor,
    labels: Tensor,
    radii: tuple[float, ...],
    seed: int,
    report: Callable[[], None],
    kind: str = "pgd",
    batch: int = 500,
) -> Tensor:
    """Which inputs [radii, count] are still classified right after the attack at each radius (in increasing order; 2-norm).

    Changed inputs may leave the range of the data. What breaks at one radius counts as broken at the larger ones. `report` is
    called after each radius. kind: "pgd", projected gradients on the margin, 50 steps from 2 random starts (Madry et al. 2018,
    Towards deep learning models resistant to adversarial attacks); or "auto", the same, then the parts of AutoAttack that have no
    parameters to choose: two runs of automatic projected gradients and the Square attack (Croce, Hein 2020, Reliable
    evaluation of adversarial robustness).
    """
    begin(seed)
    ends = float(x.min()), float(x.max())
    alive = right(network, x, labels)
    rows = []
    for radius in radii:
        for attack in _attacks(kind, network, x, ends, radius, batch) if radius > 0 else ():
            held = alive.nonzero()[:, 0]
            if len(held):
                alive = alive.clone()
                alive[held] = holds(network, attack, x[held], labels[held], radius)
        rows.append(alive)
        report()
    return torch.stack(rows)


def _attacks(kind: str, network: nn.Module, x: Tensor, ends: tuple[float, float], radius: float, batch: int) -> tuple[Any, ...]:
    """The attacks in their order. The last, which draws squares, keeps to the range of the data, `ends`."""
    plain = projected(network, x, radius, STEPS, RESTARTS, batch)
    if kind == "pgd":
        return (plain,)
    from art.attacks.evasion import AutoProjectedGradientDescent, SquareAttack  # type: ignore[import-untyped]

    shape, classes = tuple(x.shape[1:]), int(network(x[:1]).shape[-1])
    scores = _target(network, x, nn.CrossEntropyLoss())
    losses = ("cross_entropy", "difference_logits_ratio") if classes > 2 else ("cross_entropy",)
    automatic = tuple(
        AutoProjectedGradientDescent(
            scores,
            norm=2,
            eps=radius,
            eps_step=2 * radius,
            max_iter=100,
            nb_random_init=1,
            batch_size=batch,
            loss_type=loss,
            verbose=False,
        )
        for loss in losses
    )
    if len(shape) != 3:
        return (plain, *automatic)
    boxed = _target(network, x, nn.CrossEntropyLoss(), ends)
    return (plain, *automatic, SquareAttack(boxed, norm=2, eps=radius, max_iter=1000, batch_size=batch, verbose=False))


def projected(network: nn.Module, x: Tensor, radius: float, steps: int, restarts: int, batch: int) -> Any:
    """Projected gradients on the margin of inputs like x. The steps together are five times the radius."""
    from art.attacks.evasion import ProjectedGradientDescentPyTorch

    return ProjectedGradientDescentPyTorch(
        _target(network, x, _LostMargin()),
        norm=2,
        eps=radius,
        eps_step=5 * radius / steps,
        max_iter=steps,
        num_random_init=restarts,
        batch_size=batch,
        verbose=False,
    )


def _target(network: nn.Module, x: Tensor, loss: nn.Module, clip: tuple[float, float] | None = None) -> Any:
    from art.estimators.classification import PyTorchClassifier  # type: ignore[import-untyped]

    shape, classes = tuple(x.shape[1:]), int(network(x[:1]).shape[-1])
    return PyTorchClassifier(network, loss=loss, input_shape=shape, nb_classes=classes, clip_values=clip, device_type="cpu")


def holds(network: nn.Module, attack: Any, x: Tensor, labels: Tensor, radius: float) -> Tensor:
    """Whether each input [count] is still classified right after one attack at one radius."""
    moved = torch.from_numpy(np.asarray(attack.generate(x.numpy(), labels.numpy()), dtype=x.numpy().dtype))
    network.eval()
    step = (moved - x).double().flatten(1)
    length = step.norm(dim=1, keepdim=True).clamp(min=radius)
    inside = (x.double() + (step * (radius / length * (1 - 1e-7))).reshape(x.shape)).to(
        x.dtype
    )  # rounding must not help the attack
    return right(network, inside, labels)
