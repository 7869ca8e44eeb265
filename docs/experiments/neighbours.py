"""Neighbours of the paper: chaos told from order, random layers, thresholds, signs, and diffusion on a graph.

Each network is a spec of the gallery, or one with a word changed, beside a plain method on the same data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import answers
import harness
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn

import odenet
from odenet.driver import Loaded
from odenet.gallery import gallery_text

RADII = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
LENGTH, TRAIN, TEST = 64, 4000, 2000  # of series
EPOCHS, STEPS = 40, 1500
NODES, NOISE, SNAPSHOTS = 12, 0.01, {"8": 8, "24": 24}


@cache
def spec(name: str, *changes: tuple[str, str]) -> Loaded:
    """A spec of the gallery, after changes of its text."""
    text = gallery_text(name)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return odenet.loads(text, f"{name}.ode")


@cache
def compiled(name: str, *changes: tuple[str, str]) -> type[nn.Module]:
    """The class of its module."""
    return spec(name, *changes).module()


# --- series: data ---------------------------------------------------------------------------------------------------


def logistic_orbits(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Orbits [count, LENGTH] of x -> r x (1 - x), r in [3.4, 4], scaled to [-1, 1], and their Lyapunov exponents."""
    r, x = random.uniform(3.4, 4.0, count), random.uniform(0.1, 0.9, count)
    for _ in range(1000):
        x = r * x * (1 - x)
    orbit, exponent = [], np.zeros(count)
    for _ in range(4000):
        orbit.append(x)
        exponent += np.log(np.abs(r * (1 - 2 * x)) + 1e-300)
        x = r * x * (1 - x)
    return 2 * np.array(orbit[:LENGTH]).T - 1, exponent / 4000


def standard_orbits(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The sine of the angle along orbits of the standard map, K in [0.6, 1.6], and their Lyapunov exponents."""
    k, angle, speed = random.uniform(0.6, 1.6, count), *random.uniform(0, 2 * np.pi, (2, count))
    orbit, exponent, turn, push = [], np.zeros(count), np.ones(count), np.zeros(count)
    for step in range(4000):
        if step < LENGTH:
            orbit.append(np.sin(angle))
        push = push + k * np.cos(angle) * turn  # the derivative of the map, applied to (turn, push)
        turn = turn + push
        size = np.hypot(turn, push)
        exponent += np.log(size)
        turn, push = turn / size, push / size
        speed = speed + k * np.sin(angle)
        angle = (angle + speed) % (2 * np.pi)
    return np.array(orbit).T, exponent / 4000


# The exponent of a regular orbit is at most 0; over 4000 steps it comes out a little above where growth is linear. What
# lies between these two numbers is left out: regular below, chaotic above.
MAPS = {"logistic": (logistic_orbits, -0.005, 0.005), "standard": (standard_orbits, 0.01, 0.03)}


@cache
def series(name: str, quick: bool) -> tuple[Tensor, ...]:
    """Training and test series [count, LENGTH] with their labels (1: chaotic), both kinds equally frequent."""
    make, low, high = MAPS[name]
    random = np.random.default_rng(0)
    count = (TRAIN + TEST) // (20 if quick else 1)
    orbits, exponents = make(3 * count, random)
    kinds = (np.flatnonzero(exponents < low)[: count // 2], np.flatnonzero(exponents > high)[: count // 2])
    chosen = random.permutation(np.concatenate(kinds))
    x, y = torch.tensor(orbits[chosen], dtype=torch.float32), torch.tensor(exponents[chosen] > high).long()
    cut = count * TRAIN // (TRAIN + TEST)
    return x[:cut], y[:cut], x[cut:], y[cut:]


@cache
def digits(quick: bool) -> tuple[Tensor, ...]:
    """The digits of scikit-learn, 450 of them to test on."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    x, y = torch.tensor(images[order] / 16, dtype=torch.float32), torch.tensor(labels[order])
    end = 700 if quick else len(y)
    return x[450:end], y[450:end], x[:450], y[:450]


# --- training -------------------------------------------------------------------------------------------------------


def classifier(
    network: nn.Module,
    data: tuple[Tensor, ...],
    seed: int,
    quick: bool,
    sharp: float,
    more: Callable[[nn.Module], dict[str, Any]] = lambda network: {},
) -> harness.Training:
    """A network trained on labels. `sharp` multiplies its scores; `more` measures more of it."""
    x, y, test_x, test_y = data
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=0.01)
    epochs = 2 if quick else EPOCHS
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

    def advance(index: int) -> float:
        total = 0.0
        for rows in harness.batches(len(y), 128, seed, index):
            optimizer.zero_grad()
            loss = F.cross_entropy(sharp * network(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(rows)
        schedule.step()
        return total / len(y)

    def measure() -> dict[str, Any]:
        with torch.no_grad():
            scores = network(test_x)
        right = float((scores.argmax(1) == test_y).float().mean())
        return {"right": 100 * right, "trained": sum(p.numel() for p in trained), **more(network)}

    return harness.Training(
        {"network": network, "optimizer": optimizer, "schedule": schedule}, epochs, advance, measure
    )


def fitted(model: Any, data: tuple[Tensor, ...]) -> harness.Training:
    """A classifier of scikit-learn: fitted when it is measured."""
    x, y, test_x, test_y = (t.numpy() for t in data)
    return harness.Training(
        {}, 0, lambda index: 0.0, lambda: {"right": 100 * float(model.fit(x, y).score(test_x, test_y))}
    )


class Headed(nn.Module):
    """A flow of a pair (q, p) on images, begun with p = 0, and a linear head."""

    def __init__(self, flow: nn.Module) -> None:
        super().__init__()
        self.flow, self.head = flow, nn.Linear(2 * 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(torch.cat(self.flow(x, torch.zeros_like(x)), 1))
        return scores


# --- diffusion ------------------------------------------------------------------------------------------------------


def graph(seed: int) -> tuple[Tensor, Callable[[int], tuple[Tensor, Tensor]]]:
    """The Laplacian of a random connected graph, and what draws snapshots before and after one unit of time."""
    random = np.random.default_rng((seed, 7))
    weights = np.triu(random.uniform(0.2, 1.0, (NODES, NODES)) * (random.random((NODES, NODES)) < 0.25), 1)
    weights[np.arange(NODES - 1), np.arange(1, NODES)] = random.uniform(0.2, 1.0, NODES - 1)  # a path: it is connected
    weights = weights + weights.T
    laplacian = torch.tensor(np.diag(weights.sum(0)) - weights)
    step = torch.linalg.matrix_exp(-laplacian)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        before = torch.tensor(random.normal(size=(count, NODES)))
        return before, before @ step + NOISE * torch.tensor(random.normal(size=(count, NODES)))

    return laplacian, draw


def predicted(move: Callable[[Tensor], Tensor], truth: Tensor) -> dict[str, float]:
    """Relative errors in percent after one and after ten units of time, and the largest change of a sum."""
    x = torch.randn(200, NODES, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found: dict[str, float] = {}
    y, exact = x, x
    for time in range(1, 11):
        y, exact = move(y), exact @ torch.linalg.matrix_exp(-truth)
        if time in (1, 10):
            found[f"error {time}"] = 100 * float((y - exact).norm() / exact.norm())
    return {**found, "sum": float((y.sum(1) - x.sum(1)).abs().max())}


def diffusion(kind: str, count: int, seed: int, quick: bool) -> harness.Training:
    truth, draw = graph(seed)
    before, after = draw(count)
    if kind == "least squares":

        def measure_map() -> dict[str, Any]:
            matrix = torch.from_numpy(np.linalg.lstsq(before.numpy(), after.numpy(), rcond=None)[0])
            return predicted(lambda x: x @ matrix, truth)

        return harness.Training({}, 0, lambda index: 0.0, measure_map)
    network = compiled("diffusion")(dtype=torch.float64)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    rounds = 1 if quick else 15

    def advance(index: int) -> float:
        for _ in range(10 if quick else STEPS // rounds):
            optimizer.zero_grad()
            loss = (network(before) - after).square().mean()
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    def measure() -> dict[str, Any]:
        with torch.no_grad():
            found, learned = predicted(network, truth), network.parameter_values()["W"]
        rows, columns = np.triu_indices(NODES, 1)
        return {**found, "weights": [(-truth[rows, columns]).tolist(), (-learned[rows, columns]).tolist()]}

    return harness.Training({"network": network, "optimizer": optimizer}, rounds, advance, measure)


# --- what is trained ------------------------------------------------------------------------------------------------


def start(variant: str, seed: int, quick: bool) -> harness.Training:
    task, _, kind = variant.partition(", ")
    if task in MAPS:
        data = series(task, quick)
        if kind == "series":
            return classifier(
                compiled("series")(),
                data,
                seed,
                quick,
                5.0,
                lambda network: answers.judged(spec("series"), network, *data[2:], RADII, seed),
            )
        return fitted(
            {
                "forest": RandomForestClassifier(200, random_state=seed),
                "perceptron": MLPClassifier((128, 128), early_stopping=True, random_state=seed),
                "logistic regression": LogisticRegression(max_iter=1000),
            }[kind],
            data,
        )
    if task == "diffusion":
        form, _, count = kind.partition(", ")
        return diffusion(form, SNAPSHOTS[count], seed, quick)
    data = digits(quick)
    if task == "reservoir":
        if kind == "head alone":
            return classifier(nn.Linear(64, 10), data, seed, quick, 1.0)
        return classifier(compiled("reservoir", *CHANGES[kind])(), data, seed, quick, 1.0)
    if task == "thresholds":
        return classifier(compiled("thresholds", *CHANGES[kind])(), data, seed, quick, 1.0)
    return classifier(Headed(compiled("signs", *CHANGES[kind])()), data, seed, quick, 1.0)


# what is changed in the text of a spec
CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    "frozen": (),
    "all trained": ((", frozen", ""),),
    "threshold": (),
    "sigmoid": (("threshold(", "sigmoid("),),
    "sigmoid, all trained": (("threshold(", "sigmoid("), (", frozen", "")),
    "signs": (),
    "real": ((", binary", ""),),
}
VARIANTS = (
    *(f"{name}, {kind}" for name in MAPS for kind in ("series", "forest", "perceptron", "logistic regression")),
    *(f"reservoir, {kind}" for kind in ("frozen", "all trained", "head alone")),
    *(f"thresholds, {kind}" for kind in ("threshold", "sigmoid", "sigmoid, all trained")),
    *(f"signs, {kind}" for kind in ("signs", "real")),
    *(f"diffusion, {kind}, {count}" for count in SNAPSHOTS for kind in ("laplacian", "least squares")),
)


def tables(results: harness.Results) -> dict[str, str]:
    def of(task: str) -> list[tuple[str, list[dict[str, Any]]]]:
        return [(name.partition(", ")[2], runs) for name, runs in results.items() if name.startswith(f"{task},")]

    found = {}
    for task in MAPS:
        rows = [[kind, harness.spread(runs, "right", ".1f"), *_robust(runs, (0.1, 0.3))] for kind, runs in of(task)]
        headers = [
            "method",
            "right, %",
            "certified at 0.1, %",
            "attacked at 0.1, %",
            "certified at 0.3, %",
            "attacked at 0.3, %",
        ]
        found[task] = harness.table(headers, rows)
    for task in ("reservoir", "thresholds", "signs"):
        rows = [[kind, harness.spread(runs, "right", ".1f"), f"{runs[0]['trained']:,}"] for kind, runs in of(task)]
        found[task] = harness.table(["network", "right, %", "numbers trained"], rows)
    rows = [
        [
            *reversed(kind.split(", ")),
            harness.spread(runs, "error 1", ".1f"),
            harness.spread(runs, "error 10", ".1f"),
            f"{max(run['sum'] for run in runs):.0e}",
        ]
        for kind, runs in of("diffusion")
    ]
    found["diffusion"] = harness.table(
        ["snapshots", "model", "error after 1, %", "after 10, %", "largest change of a sum"], rows
    )
    return found


def _robust(runs: Sequence[dict[str, Any]], radii: Sequence[float]) -> list[str]:
    """Certified and attacked accuracy at each radius; there is none of methods without a constant."""
    if "certified" not in runs[0]:
        return ["none", ""] * len(radii)
    return [
        harness.spread([{"c": run[kind][RADII.index(radius)]} for run in runs], "c", ".1f")
        for radius in radii
        for kind in ("certified", "attacked")
    ]


def draw(figure: Figure, results: harness.Results) -> None:
    left, right = figure.subplots(1, 2)
    for name, colour in zip(MAPS, (harness.BLUE, harness.ORANGE), strict=True):
        for k, run in enumerate(results[f"{name}, series"]):
            left.plot(RADII, run["certified"], "o-", ms=3, color=colour, label=None if k else f"{name} map, certified")
            left.plot(RADII, run["attacked"], "s:", ms=3, color=colour, label=None if k else "attacked")
    left.set(xlabel="change of the series, l2", ylabel="right, %", ylim=(0, 100), title="Regular or chaotic")
    left.legend()
    for count, colour in zip(SNAPSHOTS, (harness.ORANGE, harness.BLUE), strict=True):
        for k, run in enumerate(results[f"diffusion, laplacian, {count}"]):
            right.plot(*run["weights"], "o", ms=3, alpha=0.6, color=colour, label=None if k else f"{count} snapshots")
    right.plot([0, 1], [0, 1], color=harness.GREY, lw=1)
    right.set(xlabel="weight of the graph", ylabel="learned", title="Diffusion on a graph")
    right.legend()


def make() -> harness.Experiment:
    """Neighbours of the paper: chaos and order, random layers, thresholds, signs, diffusion."""
    texts = {name: gallery_text(name) for name in ("series", "reservoir", "thresholds", "signs", "diffusion")}
    settings = {"specs": texts, "sizes": [LENGTH, TRAIN, TEST, EPOCHS, STEPS, NODES, NOISE], "variants": VARIANTS}
    return harness.Experiment(__file__, VARIANTS, start, tables, draw, settings)


if __name__ == "__main__":
    harness.main(make)
