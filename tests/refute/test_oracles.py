"""Fields and flows evaluated by the attack are those of the interpreters, at random members of all sets."""
from __future__ import annotations

from random import Random

import numpy as np
import pytest

from odenet.ir.interpret import environment, field_rate
from odenet.plan import interpret
from odenet.plan.steps import DiscreteGradient
from odenet.proof.refute.building import build
from odenet.proof.refute.cases import Case
from odenet.proof.refute.relevant import Scope
from odenet.proof.refute.scalars import Undefined, approximate
from odenet.proof.refute.search import drawn_state
from odenet.proof.refute.settings import check, draw, sizes
from odenet.proof.refute.subjects import jacobian


def array(value):
    return np.array([array(v) for v in value]) if isinstance(value, tuple) else float(value)


def settings(scope, count):
    chance, choices = Random(5), sizes(scope)
    for attempt in range(count):
        try:
            setting = draw(scope, choices[attempt % len(choices)], chance, attempt)
        except Undefined:
            continue
        assert check(scope, setting)
        yield setting, chance


def states(blocks, point):
    split = {}
    for name, shape in blocks.blocks:
        split[name] = np.array([float(point[i]) for i in blocks.place(name)]).reshape(shape)
    return split


def first_claims(model, kind):
    return list({(c.subject, c.fields): c for c in model.claims if c.kind == kind and not c.region}.values())


def flat(values, subject):
    return np.concatenate([np.ravel(values.get(name, np.zeros(shape))) for name, shape in subject.layout.blocks])


def test_fields(spec, spec_name):
    loaded = spec(spec_name)
    for claim in first_claims(loaded.model, "field"):
        scope = Scope(loaded.model, claim, {})
        for setting, chance in settings(scope, 12):
            subject = build(scope, setting)
            point = drawn_state(chance, subject.layout.size, "wide")
            found = [approximate(v) for v in subject.value(Case(setting, {"x": point}).scalars())]
            values = {name: array(v) for name, v in setting.values.items()}
            env = environment(loaded.model, dict(setting.dims), states(subject.layout, point), values, float(setting.time))
            assert found == pytest.approx(flat(field_rate(loaded.model, claim.fields, env), subject), rel=1e-8, abs=1e-8)


def test_flows(spec, spec_name):
    loaded = spec(spec_name)
    for claim in first_claims(loaded.model, "flow"):
        plan = loaded.plan(claim)
        if any(isinstance(advance, DiscreteGradient) for advance in plan.advances):
            continue
        scope = Scope(loaded.model, claim, loaded.plans)
        for setting, chance in settings(scope, 8):
            subject = build(scope, setting)
            point = drawn_state(chance, subject.layout.size, "halves")
            try:
                found = [approximate(v) for v in subject.value(Case(setting, {"x": point}).scalars())]
            except Undefined:
                continue
            values = {name: array(v) for name, v in setting.values.items()}
            image = interpret.run(loaded.model, plan, states(subject.layout, point), values, dict(setting.dims))
            assert found == pytest.approx(flat(image, subject), rel=1e-7, abs=1e-7), claim.subject


def test_jacobians_of_flows(spec, spec_name):
    loaded = spec(spec_name)
    for claim in first_claims(loaded.model, "flow"):
        scope = Scope(loaded.model, claim, loaded.plans)
        for setting, chance in settings(scope, 3):
            subject = build(scope, setting)
            point = Case(setting, {"x": drawn_state(chance, subject.layout.size, "wide")}).scalars()
            if subject.layout.size > 8:
                continue
            try:
                rows, step = jacobian(subject, point), 2.0**-20
                columns = []
                for k in range(len(point)):
                    ends = [subject.value([x + s * step * (i == k) for i, x in enumerate(point)]) for s in (1, -1)]
                    columns.append([approximate(a - b) / (2 * step) for a, b in zip(*ends, strict=True)])
            except (Undefined, TypeError):
                continue
            found = np.array([[approximate(entry) for entry in row] for row in rows])
            assert found == pytest.approx(np.array(columns).T, rel=1e-3, abs=1e-3), claim.subject
