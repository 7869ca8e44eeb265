"""Log-determinants of random specs: in CI a few, by `python -m tests.attack.determinants` thousands."""
from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("torch")

from odenet.diagnostics import Rejected
from tests.attack.determinants import examine

FOUND = (7,)  # a slope that is 0 at one duration


@pytest.mark.parametrize("batch", range(2))
def test_log_determinants_of_random_specs(batch: int) -> None:
    counts: Counter[str] = Counter()
    for seed in (*range(1000 + 25 * batch, 1025 + 25 * batch), *FOUND):
        try:
            rows = examine(seed)
        except Rejected:
            continue
        for flow, verdict in rows:
            assert verdict in ("agrees", "skipped"), (seed, flow, verdict)
            counts[verdict] += 1
    assert counts["agrees"] > 10
