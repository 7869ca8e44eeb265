"""Each rule proves the spec that needs it and not its mutant."""
from __future__ import annotations

import pytest

from odenet.driver import loads
from odenet.proof.rules import RULES

from .cases import CASES


def _finding(text):
    return loads(text).verify(seconds=2).findings[-1]


def _rules(proof):
    return {proof.rule}.union(*(_rules(p) for p in proof.premises))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.rule)
def test_the_rule_proves_its_spec(case):
    finding = _finding(case.spec)
    assert finding.verdict == "proved", finding.reason
    assert case.rule in _rules(finding.proof)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.rule)
def test_the_mutant_is_not_proved(case):
    mutant = case.spec.replace(case.old, case.new)
    assert mutant != case.spec
    assert _finding(mutant).verdict != "proved"


def test_every_rule_has_a_case():
    assert sorted({case.rule for case in CASES}) == sorted(RULES)


@pytest.mark.parametrize("name", ["x", "z"])
@pytest.mark.parametrize(("body", "region"), [("1/{}", "{} > 0"), ("{}^(3/2)", "{} > 0"), ("{0}*log({0})", "{} > 0"),
                                              ("{0}^4 - {0}^2", "{} > 1")])
def test_a_region_of_a_def_speaks_of_its_argument(name, body, region):
    text = f"model Power\nstate y : R\ndef V({name} : R) = {body.format(name)}\nclaim V : convex on {region.format(name)}\n"
    assert _finding(text).verdict == "proved"
    assert _finding(text.replace("convex on", "smooth(1/8) on")).verdict != "proved"
