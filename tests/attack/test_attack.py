"""Random specs: what is proved must survive a numerical falsifier, and nothing may crash."""
from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from odenet.diagnostics import Rejected
from odenet.driver import loads
from odenet.proof.prove import Prover
from tests.attack import generator, inequalities, lines
from tests.attack.attack import describe, judge

BATCHES = 14
CASES = 15  # in a batch
INEQUALITIES = 30


def _attack(seeds: range, tries: int, search: float) -> Counter[tuple[str, str, str]]:
    """Verdicts by (kind, property, verdict). Fails on a wrong one."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for seed in seeds:
        case = generator.make(seed)
        for verdict in judge(case, np.random.default_rng(seed + 10**6), tries, search=search) or ():
            assert not verdict.is_wrong, describe(case, verdict, seed)
            counts[verdict.claim.kind, verdict.claim.name, verdict.finding.verdict] += 1
    return counts


@pytest.mark.parametrize("batch", range(BATCHES))
def test_proved_survives(batch: int) -> None:
    counts = _attack(range(batch * CASES, (batch + 1) * CASES), tries=6, search=0.01)
    assert sum(n for (_, _, verdict), n in counts.items() if verdict == "proved") >= CASES / 4  # the attack has something to attack


def _bound(seeds: range) -> None:
    for seed in seeds:
        case = inequalities.make(seed)
        if case is None:
            continue
        try:
            loaded = loads(case.text)
        except Rejected:
            continue
        finding = Prover(loaded.model, loaded.plans).find(loaded.model.claims[0], 0.01)
        if finding.verdict == "proved":
            worst = case.worst(np.random.default_rng(seed + 1), 2)
            assert worst <= 1e-9 * (1 + abs(case.constant)), f"seed {seed}: broken by {worst}\n{case.text}"


@pytest.mark.parametrize("batch", range(4))
def test_inequalities_hold(batch: int) -> None:
    _bound(range(batch * INEQUALITIES, (batch + 1) * INEQUALITIES))


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(100))
def test_proved_survives_for_thousands(batch: int) -> None:
    _attack(range(10_000 + batch * 50, 10_000 + (batch + 1) * 50), tries=40, search=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(50))
def test_inequalities_hold_for_thousands(batch: int) -> None:
    _bound(range(10_000 + batch * 100, 10_000 + (batch + 1) * 100))


def _line(seed: int) -> None:
    """A flow on the line, sampled in thousands of places."""
    line, claims = lines.make(seed)
    try:
        loaded = loads(line.text + "".join(f"claim {claim}\n" for claim in claims))
    except Rejected:
        return
    prover = Prover(loaded.model, loaded.plans)
    findings = [prover.find(claim, 0.01) for claim in loaded.model.claims]
    seen = lines.sample(line, np.random.default_rng(seed + 7))
    for claim, finding in zip(claims, findings, strict=True):
        is_wrong = finding.verdict == "proved" and lines.is_broken(claim, seen)
        assert not is_wrong, f"seed {seed}: {claim} is proved [{finding.reason}], but {seen}\n{line.text}"


@pytest.mark.parametrize("batch", range(3))
def test_flows_on_the_line(batch: int) -> None:
    for seed in range(batch * 9, (batch + 1) * 9):
        _line(seed)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(60))
def test_thousands_of_flows_on_the_line(batch: int) -> None:
    for seed in range(10_000 + batch * 30, 10_000 + (batch + 1) * 30):
        _line(seed)
