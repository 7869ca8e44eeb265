"""Every proof is accepted by the checker, and no spoiled one is."""
from __future__ import annotations

import random
from pathlib import Path

import pytest
from proof.cases import CASES

from odenet.driver import load, loads
from odenet.recheck import Rejected, recheck

from .certificates import spoiled, written

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "specs").glob("[!r]*/*.ode"), *(ROOT / "tests").glob("emitted/specs/*.ode")])
MOST_SPOILED = 60  # of one certificate, drawn; the slow test takes all


def _proved(loaded):
    return [f for f in loaded.verify(seconds=2).findings if f.verdict == "proved"]


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_every_proof_of_a_spec_is_accepted(path):
    loaded = load(str(path))
    for finding in _proved(loaded):
        recheck(loaded.model, loaded.plans, finding.claim, written(loaded, finding))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.rule)
def test_every_rule_is_rechecked(case):
    loaded = loads(case.spec)
    for finding in _proved(loaded):
        conditions = recheck(loaded.model, loaded.plans, finding.claim, written(loaded, finding))
        assert len(conditions) == len(finding.conditions)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.rule)
def test_a_spoiled_certificate_is_refused(case):
    _spoil(case, MOST_SPOILED)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.rule)
def test_every_spoiled_certificate_is_refused(case):
    _spoil(case, None)


def _is_weaker(path):
    """A logarithmic norm taken as 0 where it was shown to be below: less is claimed, and it is still a proof."""
    return "measure" in path and path[-1] == "dropped"


def _spoil(case, most):
    loaded = loads(case.spec)
    finding = _proved(loaded)[-1]
    data = written(loaded, finding)
    ways = list(spoiled(data))
    ways = [(path, bad) for path, bad in ways if not _is_weaker(path)]
    chosen = ways if most is None or len(ways) <= most else random.Random(0).sample(ways, most)
    for path, bad in chosen:
        with pytest.raises(Rejected):
            recheck(loaded.model, loaded.plans, finding.claim, bad)
            pytest.fail(f"accepted with {path} changed")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.rule)
def test_a_certificate_does_not_prove_the_mutant(case):
    good, bad = loads(case.spec), loads(case.spec.replace(case.old, case.new))
    data = written(good, _proved(good)[-1])
    claim = bad.model.claims[-1]
    for name in data["claim"]:
        data["claim"][name] = _named(claim, name)
    with pytest.raises(Rejected):
        recheck(bad.model, bad.plans, claim, data)


def _named(claim, name):
    from odenet.recheck import claim_data

    return claim_data(claim)[name]
