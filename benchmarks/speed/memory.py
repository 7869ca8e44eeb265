"""Bytes that a forward pass keeps for the backward pass, and the most that both need."""
from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from torch.profiler import ProfilerActivity, profile

from benchmarks.speed.subject import Trained


@dataclass(frozen=True)
class Bytes:
    """What one forward and backward pass needs beyond what is there before.

    Attributes:
        kept: bytes that are still allocated when forward has returned, its output among them.
        peak: the most bytes allocated at one time in both, gradients among them.

    Counted by torch's allocator, so each storage counts once, with all it holds, whoever holds it: the graph of autograd, an
    attribute of the context of a custom function, a list of its own. Parameters and input are there before; what is freed of
    earlier buffers counts against.
    """

    kept: int
    peak: int


def needed(work: Trained) -> Bytes:
    allocations(work.both)  # only blocks of a recorded run are known when they are freed
    work.forget()
    output, forward = allocations(work.outputs)
    del output
    work.forget()
    _, both = allocations(work.both)
    return Bytes(sum(forward), max(accumulate(both, initial=0)))


def allocations(run: Callable[[], object]) -> tuple[object, list[int]]:
    """What `run` returns, and each allocation on the CPU in bytes, negative where memory is freed, in order."""
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        result = run()
    results = recorded.profiler.kineto_results
    events = [event for event in results.events() if event.name() == "[memory]"]
    return result, [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
