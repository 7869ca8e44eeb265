"""Evidence of inequalities: the checker accepts all that the prover leaves, and nothing that was tampered with."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from odenet.algebra.evidence import Evidence
from odenet.algebra.scalars import Atom, Scalar, collect
from odenet.diagnostics import Rejected as BadSpec
from odenet.driver import loads
from odenet.proof import context
from odenet.proof.certificate import as_data
from odenet.proof.prove import Prover
from odenet.recheck.data import Data
from odenet.recheck.evidence import check
from odenet.recheck.reading import Reader
from odenet.recheck.scalars import Rejected
from odenet.recheck.signs import Signs
from odenet.recheck.slopes import Derivatives
from tests.attack import inequalities


def lemmas(text, monkeypatch):
    """(model, region, scalar, evidence, is strict) for each inequality shown on the way to the verdict on the first claim."""
    made = []

    class Setting(context.Setting):
        def __init__(self, translator, region=(), more=()):
            super().__init__(translator, region, more)
            made.append((self, region))

    monkeypatch.setattr(context, "Setting", Setting)
    try:
        loaded = loads(text)
    except BadSpec:
        return
    Prover(loaded.model, loaded.plans).outcome(loaded.model.claims[0])
    for setting, region in made:
        for table in (setting.lemmas, setting.strict_lemmas):
            for scalar, evidence in table.values():
                yield loaded.model, region, scalar, evidence, table is setting.strict_lemmas


def holds(model, region, scalar, evidence, is_strict):
    reader = Reader(model)
    data = Data(Derivatives(reader))
    try:
        return check(Signs(reader, region), data.read(as_data(scalar)), data.read(as_data(evidence)), is_strict)
    except Rejected:
        return False


def corrupted(evidence):
    """The evidence with one field changed: its kind, a number, an atom, a text, a part left out or put twice."""
    for how in ("zero", "enclosure", "assumption", "no such kind"):
        if how != evidence.how:
            yield replace(evidence, how=how, parts=(*evidence.parts, Evidence("no such kind")))
    for data in _changed(evidence.data):
        yield replace(evidence, data=data)
    for i, part in enumerate(evidence.parts):
        yield replace(evidence, parts=evidence.parts[:i] + evidence.parts[i + 1:])
        yield replace(evidence, parts=(*evidence.parts, part))
        for other in corrupted(part):
            yield replace(evidence, parts=(*evidence.parts[:i], other, *evidence.parts[i + 1:]))


def _changed(value):
    if isinstance(value, tuple):
        for i, item in enumerate(value):
            yield value[:i] + value[i + 1:]
            for other in _changed(item):
                yield (*value[:i], other, *value[i + 1:])
    elif isinstance(value, Fraction | int):
        yield value + 1
        yield -value
    elif isinstance(value, Scalar) and value.terms:
        (m, c), *rest = value.terms
        yield collect({m: 2 * c + 1, **dict(rest)})
    elif isinstance(value, Atom):
        yield Atom("param", ("k",), "param k")
    elif isinstance(value, str):
        yield from (value[:-1], value + "+", value.replace("+", "-", 1), value.replace("/", "+", 1))


@pytest.mark.parametrize("batch", range(6))
def test_all_evidence_of_random_inequalities_is_accepted(batch, monkeypatch):
    for seed in range(batch * 40, (batch + 1) * 40):
        case = inequalities.make(seed)
        for lemma in lemmas(case.text, monkeypatch) if case else ():
            assert holds(*lemma), (seed, lemma[2].key, lemma[3])


HEAD = f"model Bound\nstate x, y : R\n{inequalities.PARAMETERS}"
NEED_DATA = [
    ("x^2 + x*y + y^2", ""), ("x^4 - 2*x^2 + 1", ""), ("x^3 - 3*x + 2", " on x >= 0"), ("(1 - a - b)*x^2 + a*y^2", ""),
    ("max(x, y) - min(x, y)", ""), ("x*y*exp(x) - y*exp(x)", " on x >= 1 and y >= 0"),
    ("x - sin(x)", " on x >= 0"), ("exp(x) - 1 - x", ""), ("cos(x) - 1 + x^2/2", ""),
    ("x - 1/2*x^2 + x*exp(y)", " on 0 <= x and x <= 1"),
    ("sqrt(1 - x + x^2) - 1 + x/2", ""), ("sqrt(1 + x^2) - x", ""),
    ("x^4 + y^4 + 2 - 3*x*y", ""), ("5 + 3*sin(x) - 4*cos(x)", ""), ("1/4 - x*y", " on x + y <= 1 and x >= 0 and y >= 0"),
    ("tanh(x) - 2*sigmoid(2*x) + 1", ""), ("sin(3*x/2 + y) - sin(3*x/2)*cos(y) - cos(3*x/2)*sin(y)", ""),
    ("x*(2 - x)/(1 + x^2)", " on x >= 0 and x <= 2"), ("1 + sin(x)*y - y*x", " on -1 <= x and x <= 1/2 and 0 <= y and y <= 1"),
]


@pytest.mark.parametrize(("expression", "region"), NEED_DATA)
def test_tampered_evidence_is_rejected(expression, region, monkeypatch):
    text = f"{HEAD}field f {{ x' = -({expression}) }}\nclaim f : dissipates(x){region}\n"
    found = list(lemmas(text, monkeypatch))
    assert found
    for model, where, scalar, evidence, is_strict in found:
        assert holds(model, where, scalar, evidence, is_strict)
        for other in corrupted(evidence):
            if other != evidence:
                assert not holds(model, where, scalar, other, is_strict), (evidence, other)
        below = scalar + collect({(): Fraction(-10**6)})  # another inequality with the same evidence
        assert not holds(model, where, below, evidence, is_strict)
