"""Times of several pieces of work, side by side."""
from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key")
SAMPLE = 0.02  # seconds that one sample takes at least, so that the clock and the first instructions do not count
LEAST_ROUNDS = 3


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float


def spread(values: tuple[float, ...] | list[float]) -> Spread:
    """Median and quartiles of one number or more; quartiles as `statistics.quantiles` has them, inclusive."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(times: tuple[float, ...], base: tuple[float, ...]) -> Spread:
    """Time over base time, round by round: what slows the machine down for a while slows both down."""
    return spread([t / b for t, b in zip(times, base, strict=True)])


def interleaved(works: Mapping[Key, Callable[[], object]], rounds: int, seconds: float, seed: int = 0,
                clock: Callable[[], float] = time.perf_counter) -> dict[Key, tuple[float, ...]]:
    """Seconds of each work in each round. In a round each is run once, in a new order.

    Args:
        rounds: how many at most.
        seconds: no round begins after so many seconds of rounds, when there were LEAST_ROUNDS.
        seed: of the orders.
    """
    repeats = {key: repeats_of(work, clock) for key, work in works.items()}
    order, shuffle = list(works), random.Random(seed).shuffle
    found: dict[Key, list[float]] = {key: [] for key in works}
    began = clock()
    for number in range(rounds):
        if number >= LEAST_ROUNDS and clock() - began > seconds:
            break
        shuffle(order)
        for key in order:
            found[key].append(sample(works[key], repeats[key], clock))
    return {key: tuple(times) for key, times in found.items()}


def repeats_of(work: Callable[[], object], clock: Callable[[], float]) -> int:
    """How often a work is run for one sample. This warms it up too."""
    once = sample(work, 1, clock)
    if once < SAMPLE:
        once = sample(work, 1, clock)  # the first run is slower than those that are measured
    return max(1, math.ceil(SAMPLE / once)) if once > 0 else 1


def sample(work: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    """Seconds of one run, the mean over `repeats`, with no collection of garbage meanwhile."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        began = clock()
        for _ in range(repeats):
            work()
        return (clock() - began) / repeats
    finally:
        if was_enabled:
            gc.enable()
