"""Certificates hold the lemmas that their proofs cannot do without, found by walking again only where a lemma is asked for."""
from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path

import pytest
from proof.cases import CASES

from odenet.driver import load, loads
from odenet.recheck import Rejected, recheck
from odenet.recheck.case import Case

from .certificates import written

GALLERY = Path(__file__).parents[2] / "specs" / "gallery"
RULES = ("coupled product", "averaged step", "averaged composition", "stage constants")
WITH_LEMMAS = [case for case in CASES if case.rule in RULES]


@pytest.mark.parametrize("case", WITH_LEMMAS, ids=lambda c: c.rule)
def test_no_lemma_can_be_spared(case):
    loaded = loads(case.spec)
    finding = loaded.verify().findings[-1]
    data = written(loaded, finding)
    recheck(loaded.model, loaded.plans, finding.claim, data)
    for i in range(len(data["lemmas"])):
        fewer = copy.deepcopy(data)
        del fewer["lemmas"][i]
        with pytest.raises(Rejected):
            recheck(loaded.model, loaded.plans, finding.claim, fewer)


def test_a_step_that_asks_for_no_lemma_is_walked_once(monkeypatch):
    loaded = load(str(GALLERY / "digits.ode"))
    walked, check, cases = Counter(), Case.check, []

    def counted(case, goal, data):
        cases.append(case)  # kept, so that no two have one id
        walked[id(case), id(data), data[0]] += 1
        check(case, goal, data)

    monkeypatch.setattr(Case, "check", counted)
    findings = loaded.verify().findings
    assert max(len(f.certificate["lemmas"]) for f in findings) > 4
    plain = [count for (_, _, rule), count in walked.items() if rule == "constructed potential"]
    assert plain and set(plain) == {1}
    assert max(walked.values()) > 1  # those that ask are walked again


def test_an_order_is_checked_with_each_power_taken_once(monkeypatch):
    from odenet.recheck import orders
    from odenet.schemes.radicals import Exact

    loaded = loads("model M\nstate q, p : R\nfield a { q' = p }\nfield b { p' = -sin(q) }\n"
                   "flow g = suzuki6(a, b) over [0, 1] steps 4\nclaim g : order(6)\n")
    finding, = loaded.verify().findings
    assert finding.verdict == "proved"
    powers, power = Counter(), Exact.__pow__
    orders._power.cache_clear()
    monkeypatch.setattr(Exact, "__pow__", lambda self, e: (powers.update([(self, e)]), power(self, e))[1])
    recheck(loaded.model, loaded.plans, finding.claim, written(loaded, finding))
    assert max(powers.values()) == 1
