"""Every refutation is rechecked from its data; a corrupted witness is rejected, or breaks the claim all the same."""
from __future__ import annotations

import copy
import json
from fractions import Fraction
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest

from odenet.driver import loads
from odenet.proof.prove import Prover
from odenet.recheck.witness import Rejected, recheck_witness
from tests.proof.cases import CASES
from tests.recheck.floats import gap

ROOT = Path(__file__).parents[2]
FILES = [path for folder in ("tests/refute/specs", "specs/gallery") for path in (ROOT / folder).glob("*.ode")]
SPECS = {path.stem: path.read_text(encoding="utf-8") for path in FILES}
MUTANTS = {f"{i}: {case.rule}": case.spec.replace(case.old, case.new) + "\n" for i, case in enumerate(CASES)}
TEXTS = {**SPECS, **MUTANTS}


@cache
def refuted(name):
    """(model, plans, claim, witness as JSON) for the refuted claims of a spec."""
    loaded = loads(TEXTS[name])
    findings = [Prover(loaded.model, loaded.plans).find(claim, 5.0) for claim in loaded.model.claims]
    return [(loaded.model, loaded.plans, f.claim, json.loads(json.dumps(f.witness.as_json()))) for f in findings if f.witness]


def accepts(model, plans, claim, witness):
    try:
        return bool(recheck_witness(model, plans, claim, witness))
    except Rejected:
        return False


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_refutations_hold(name):
    for model, plans, claim, witness in refuted(name):
        recheck_witness(model, plans, claim, witness)


def _places(value, path=()):
    """The paths to all numbers of a witness, and to the names it has values for."""
    if isinstance(value, (dict, list)):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(value, dict):
                yield (*path, key), None
            yield from _places(below, (*path, key))
    else:
        yield path, value


CHANGES = (lambda v: v + 1, lambda v: -v, lambda v: v / 2, lambda v: v + Fraction(1, 1000), lambda v: 3 * v - 1)


def _corrupted(witness, chance):
    """The witness with one number changed, or one value left out."""
    corrupted = copy.deepcopy(witness)
    group = chance.choice([g for g in ("dims", "values") if corrupted[g]])
    path, old = chance.choice(list(_places(corrupted[group])))
    target = corrupted[group]
    for key in path[:-1]:
        target = target[key]
    if old is None:
        del target[path[-1]]
    elif group == "dims":
        target[path[-1]] = old + chance.choice((-1, 1))
    elif group == "values" and path[0] not in ("tree", "field"):
        target[path[-1]] = str(chance.choice(CHANGES)(Fraction(old)))
    else:
        target[path[-1]] = old + "x"
    return corrupted


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_corrupted_witnesses_are_rejected_or_true(name):
    chance = Random(name)
    for model, plans, claim, witness in refuted(name):
        for _ in range(8):
            corrupted = _corrupted(witness, chance)
            if claim.kind != "net" and accepts(model, plans, claim, corrupted):
                with np.errstate(all="ignore"):
                    is_broken = claim.property == "order" or gap(model, plans, claim, corrupted) > -1e-6
                assert is_broken, (claim.text, witness, corrupted)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_a_witness_is_none_of_true_claims(name):
    """The witness of one claim never breaks another one that is proved."""
    loaded = loads(TEXTS[name])
    proved = [claim for line, claim in ((c.line, c) for c in loaded.model.claims)
              if "#! proved" in TEXTS[name].splitlines()[line - 1]]
    for model, plans, _, witness in refuted(name):
        for claim in proved:
            assert not accepts(model, plans, claim, witness), (claim.text, witness)


def test_a_matrix_beside_its_set_is_rejected():
    (model, plans, claim, witness), = refuted(next(name for name in sorted(MUTANTS) if name.endswith(": symmetric step")))
    witness = copy.deepcopy(witness)
    row = witness["values"]["A"][0][0]
    row[0] = str(Fraction(row[0]) + Fraction(1, 10**12))
    with pytest.raises(Rejected, match="A is not certainly in its set"):
        recheck_witness(model, plans, claim, witness)


@pytest.mark.parametrize("tree", [
    ["drift", ["nobody"]], ["drift", ["kick", ["nobody"], ["t"]]], ["drift", []], ["drift", "kick"], [], ["drift", ["drift"]],
    ["t"]])
def test_trees_that_no_flow_has_are_rejected(tree):
    loaded = loads("model Trees\nstate q, p : R\nfield drift { q' = p }\nfield kick { p' = -q }\n"
                   "flow net = lie(drift, kick) over [0, 1] steps 4\nclaim net : order(2)\n")
    witness = {"dims": {}, "values": {"tree": tree}}
    with pytest.raises(Rejected):
        recheck_witness(loaded.model, loaded.plans, loaded.model.claims[0], witness)
