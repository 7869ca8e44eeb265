"""Layers that training switches off: a non-expansive network on digits with a penalty on its step sizes.

Each layer of specs/gallery/pruned.ode is an Euler step of its own length h in [0, 2]. In the first half of the training
the loss has `price` times the sum of all h. Layers that are at 0 then stay there, and the others are trained on without
the price, which would keep them short. At the end layers at 0 are taken out by what `odenet prune` calls, and the
smaller network is tested.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import answers
import harness
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import odenet
from odenet.gallery import gallery_text
from odenet.trained.pruning import prune
from odenet.trained.weights import trained

SPEC = gallery_text("pruned")
LAYERS, EPOCHS, TEST = 12, 60, 450
# layers, and the price of a step size
VARIANTS = {
    "12 layers": (LAYERS, 0.0),
    "12 layers, price 0.03": (LAYERS, 0.03),
    "12 layers, price 0.06": (LAYERS, 0.06),
    "12 layers, price 0.1": (LAYERS, 0.1),
    "4 layers": (4, 0.0),
}
RADII = (0.1, 0.2)
SHARP = 20.0  # the scores of a network that cannot expand are close together
LOADED = odenet.loads(SPEC, "pruned.ode")


def digits() -> tuple[torch.Tensor, ...]:
    """Training and test images [samples, 64] with values in [0, 1], and their labels; the same for all seeds."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    x = torch.tensor(images[order] / 16, dtype=torch.float32)
    y = torch.tensor(labels[order])
    return x[TEST:], y[TEST:], x[:TEST], y[:TEST]


def start(variant: str, seed: int, quick: bool) -> harness.Training:
    x, y, test_x, test_y = digits()
    layers, price = VARIANTS[variant]
    network = LOADED.module()(L=3 if quick else layers)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    epochs = 2 if quick else EPOCHS
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

    def advance(index: int) -> float:
        is_paid = index < epochs // 2
        if index == epochs // 2 and price:
            with torch.no_grad():
                network.h[network.h <= 0] = -1e3  # too far beyond the end to come back
        for rows in harness.batches(len(y), 128, seed, index):
            optimizer.zero_grad()
            paid = price * is_paid * network.parameter_values()["h"].sum()
            loss = F.cross_entropy(SHARP * network(x[rows]), y[rows]) + paid
            loss.backward()
            optimizer.step()
        schedule.step()
        return float(loss.detach())

    def measure() -> dict[str, Any]:
        found = prune(trained(LOADED, network.state_dict(), {}))
        with torch.no_grad():
            before, after = (n.module(test_x.double()) for n in (found.before, found.after))
        small = copy.deepcopy(found.after.module).float()
        return {
            **answers.judged(LOADED, small, test_x, test_y, RADII, seed),
            "layers": len(found.groups[0].kept),
            "numbers": sum(w.numel() for w in found.after.weights.values()),
            "before": 100 * float((before.argmax(1) == test_y).float().mean()),
            "after": 100 * float((after.argmax(1) == test_y).float().mean()),
            "change": found.change,
            "steps": sorted(network.parameter_values()["h"].tolist()),
        }

    return harness.Training(
        {"network": network, "optimizer": optimizer, "schedule": schedule}, epochs, advance, measure
    )


def tables(results: harness.Results) -> dict[str, str]:
    headers = ["network", "layers left", "numbers in the weights", "right, %", "change of an output"]
    forms = {"layers": ".1f", "numbers": ",.0f", "after": ".1f"}
    rows = [
        [
            name,
            *(harness.spread(runs, key, form) for key, form in forms.items()),
            f"{max(run['change'] for run in runs):.0e}",
        ]
        for name, runs in results.items()
    ]
    robust = [
        [name, *(_at(runs, kind, k) for k in range(len(RADII)) for kind in ("certified", "attacked"))]
        for name, runs in results.items()
    ]
    names = [f"{kind} at {radius}, %" for radius in RADII for kind in ("certified", "attacked")]
    return {"pruning": harness.table(headers, rows), "robust": harness.table(["network", *names], robust)}


def _at(runs: Sequence[dict[str, Any]], kind: str, place: int) -> str:
    return harness.spread([{"value": run[kind][place]} for run in runs], "value", ".1f")


def draw(figure: Figure, results: harness.Results) -> None:
    axes = figure.subplots()
    colours = (harness.GREY, harness.BLUE, harness.GREEN, harness.ORANGE, harness.PINK)
    for colour, (name, runs) in zip(colours, results.items(), strict=True):
        for k, run in enumerate(runs):
            axes.plot(
                range(1, len(run["steps"]) + 1), run["steps"], "o-", ms=4, lw=1, color=colour, label=None if k else name
            )
    axes.set(
        xlabel="layers, the shortest step first",
        ylabel="step size h",
        title="Step sizes after training, three seeds each",
    )
    figure.legend(loc="outside right")


def make() -> harness.Experiment:
    """A non-expansive network on digits whose layers have a price."""
    settings = {"spec": SPEC, "layers": LAYERS, "epochs": EPOCHS, "variants": VARIANTS, "sharp": SHARP}
    return harness.Experiment(__file__, tuple(VARIANTS), start, tables, draw, settings)


if __name__ == "__main__":
    harness.main(make)
