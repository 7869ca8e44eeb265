"""Gradients of random specs in each way of `backprop`: in CI a few, by `python -m tests.attack.gradients` thousands."""
from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("torch")

from odenet.diagnostics import Rejected
from tests.attack.gradients import examine

FOUND = (1034,)  # a block that only a factor in front of a kept value reads


@pytest.mark.parametrize("batch", range(4))
def test_gradients_of_random_specs(batch: int) -> None:
    counts: Counter[str] = Counter()
    for seed in (*range(40 * batch, 40 * (batch + 1)), *FOUND):
        try:
            rows = examine(seed)
        except Rejected:
            continue
        for way, verdict in rows:
            assert verdict in ("agrees", "refuses"), (seed, way, verdict)
            counts[verdict] += 1
    assert counts["agrees"] > 20
