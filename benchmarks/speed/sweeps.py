"""Cost of forward and backward against depth, width and batch, with the fitted growth."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.speed.cases.dense import data
from benchmarks.speed.growth import Growth, fit
from benchmarks.speed.measure import Effort
from benchmarks.speed.peers import plain
from benchmarks.speed.specs import emitted
from benchmarks.speed.subject import Trained
from benchmarks.speed.timing import interleaved, spread

POINT = {"steps": 32, "n": 64, "batch": 256}  # where the others vary
AXES = {"steps": (8, 16, 32, 64, 128, 256), "n": (8, 16, 32, 64, 128, 256), "batch": (16, 64, 256, 1024, 4096)}
QUICK_AXES = {"steps": (8, 32, 128), "n": (8, 32, 128), "batch": (16, 256, 1024)}
TITLES = {"steps": "number of steps", "n": "size of the state, n", "batch": "batch"}


@dataclass(frozen=True)
class Curve:
    """Median seconds of forward and backward at each value of one axis."""

    row: str
    axis: str
    values: tuple[int, ...]
    seconds: tuple[float, ...]

    def growth(self) -> Growth:
        return fit(self.values, self.seconds)


def works(n: int, steps: int, batch: int) -> dict[str, Trained]:
    """The rows at one place: the orthogonal flow, the same with free matrices, and its plain loop."""
    drawn = data(n, steps, batch).to(torch.float32)
    return {"odenet, orthogonal": emitted("orthogonal", drawn, n=n, L=steps), "odenet, free": emitted("free", drawn, n=n, L=steps),
            "plain loop, free": plain.free_loop(drawn)}


def sweep(axis: str, values: tuple[int, ...], effort: Effort) -> list[Curve]:
    """The curves of one axis; all of its points are interleaved."""
    runs: dict[tuple[str, int], Callable[[], object]] = {}
    for value in values:
        runs |= {(name, value): work.both for name, work in works(**{**POINT, axis: value}).items()}
    times = {key: spread(found).median for key, found in interleaved(runs, effort.rounds, effort.seconds).items()}
    names = dict.fromkeys(name for name, _ in runs)
    return [Curve(name, axis, values, tuple(times[name, value] for value in values)) for name in names]
