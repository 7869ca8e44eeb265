"""Every false claim gets a witness that holds up; no true claim ever does."""
from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from odenet.proof.refute import refute, search
from odenet.recheck.witness import Rejected, recheck_witness


def recheck(model, claim, plans, witness):
    try:
        return bool(recheck_witness(model, plans, claim, json.loads(json.dumps(witness.as_json()))))
    except Rejected:
        return False


def test_false_claims_are_refuted(spec, spec_name):
    loaded = spec(spec_name)
    for claim in loaded.claims("refuted"):
        witness = refute(loaded.model, claim, loaded.plan(claim), 20.0, loaded.plans)
        assert witness is not None, claim.text
        assert recheck(loaded.model, claim, loaded.plans, witness), claim.text


@pytest.mark.parametrize("seed", [1, 2])
def test_true_claims_have_no_witness(spec, spec_name, seed, monkeypatch):
    monkeypatch.setattr(search, "SEED", seed)
    monkeypatch.setattr(search, "SETTINGS", 40)
    monkeypatch.setattr(search, "CLIMBS", 100)
    loaded = spec(spec_name)
    for claim in loaded.claims("proved"):
        assert refute(loaded.model, claim, loaded.plan(claim), 20.0, loaded.plans) is None, claim.text


def test_the_same_search_every_time(spec):
    loaded = spec("flows")
    for claim in loaded.claims("refuted")[:6]:
        first, second = (refute(loaded.model, claim, loaded.plan(claim), 20.0, loaded.plans) for _ in range(2))
        assert first == second


def test_a_true_claim_has_no_witness_that_can_be_made_up(spec):
    loaded = spec("tight")
    false = next(c for c in loaded.model.claims if c.text == "lipschitz(299/100)")
    true = next(c for c in loaded.model.claims if c.text == "lipschitz(3)" and c.subject == "f")
    witness = refute(loaded.model, false, None, 20.0, {})
    assert recheck(loaded.model, false, {}, witness)
    assert not recheck(loaded.model, true, {}, witness)


def test_a_witness_outside_of_the_sets_does_not_count(spec):
    loaded = spec("tight")
    claim = next(c for c in loaded.model.claims if c.text == "lipschitz(3)" and c.subject == "f")
    witness = refute(loaded.model, next(c for c in loaded.model.claims if c.text == "lipschitz(299/100)"), None, 20.0, {})
    values = dict(witness.values)
    values["A"] = tuple(tuple(2 * a for a in row) for row in values["A"])
    assert not recheck(loaded.model, claim, {}, replace(witness, values=tuple(values.items())))


def test_a_witness_outside_of_the_region_does_not_count(spec):
    loaded = spec("regions")
    claim = next(c for c in loaded.model.claims if c.text == "contractive(51/100)")
    witness = refute(loaded.model, claim, None, 20.0, {})
    values = {**dict(witness.values), "x": Fraction(3)}
    assert recheck(loaded.model, claim, {}, witness)
    assert not recheck(loaded.model, claim, {}, replace(witness, values=tuple(values.items())))


def test_a_witness_with_a_value_missing_does_not_count(spec):
    loaded = spec("regions")
    claim = next(c for c in loaded.model.claims if c.text == "contractive(51/100)")
    witness = refute(loaded.model, claim, None, 20.0, {})
    assert not recheck(loaded.model, claim, {}, replace(witness, values=witness.values[:-1]))


def test_exact_values_are_shown_exactly(load):
    lorenz = load("model Lorenz\nstate x, y, z : R\n"
                  "field all { x' = 10*(y - x)  y' = x*(28 - z) - y  z' = x*y - 8/3*z }\n"
                  "claim all : divergence_free #! refuted\n")
    witness = refute(lorenz.model, lorenz.model.claims[0], None, 5.0, {})
    assert (witness.quantity, witness.value, witness.expected) == ("tr Df(x)", "-41/3", "0")
    assert dict(witness.values) == {"x": 0, "y": 0, "z": 0}


def test_what_holds_only_at_jumps_is_no_violation(load):
    jump = load("model Jump\nstate x : R\n"
                "field f { x' = threshold(x) + threshold(-x) - 1 }\nfield g { x' = sign(x)^2 - 1 }\n"
                "claim f : preserves(x) #! proved\nclaim g : preserves(x) #! proved\nclaim g : contractive(0) #! proved\n")
    for claim in jump.model.claims:
        assert refute(jump.model, claim, None, 5.0, {}) is None


def test_no_time_means_no_witness(spec):
    loaded = spec("tight")
    claim = loaded.claims("refuted")[0]
    assert refute(loaded.model, claim, None, 0.0, {}) is None


def test_every_step_is_meant_of_a_flow_and_the_whole_map_of_a_net(spec):
    loaded = spec("each_step")
    unlabelled = [claim for claim in loaded.model.claims if claim.line not in loaded.truth]
    assert {claim.kind for claim in unlabelled} == {"net"}
    for claim in unlabelled:  # as whole maps they are the identity: true
        assert refute(loaded.model, claim, None, 5.0, loaded.plans) is None, claim.text


@pytest.mark.parametrize("name, quantity", [("decay", "Φ(x) at x[1], one step,"), ("late", "x_14 at x[0], on the trajectory,")])
def test_the_step_that_breaks_a_claim_is_named(spec, name, quantity):
    loaded = spec("each_step")
    claim = next(c for c in loaded.model.claims if c.subject == name and c.text == "positive")
    assert refute(loaded.model, claim, loaded.plan(claim), 20.0, loaded.plans).quantity == quantity
