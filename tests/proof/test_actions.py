"""Symmetries: which operations commute with which group, on which blocks, and where the points are that the group moves to."""
from __future__ import annotations

import numpy as np
import pytest

from odenet.driver import loads
from odenet.ir.interpret import environment, evaluate
from odenet.ir.node import OPERATIONS
from odenet.proof.refute.operations import RULES as REFUTED
from odenet.recheck.reading import _NODES

HEAD = ("model M\ndim c = 2\nstate %s\nparam b : R[c]\nparam A : R[c, c]\nparam F : R[c, 4, 4]\n"
        "param K : conv(c, c, size = 3, padding = circular)\nfield f { %s }\nclaim f : equivariant(%s)\n")
BOTH = "u : R[c, 4, 4]\nstate v : R[c]"
IMAGE, NUMBER, VECTOR = "u : R[c, 4, 4]", "u : R[c, 4, 4]\nstate s : R", "v : R[c]"


def finding(state, field, action, seconds=3.0):
    loaded = loads(HEAD % (state, field, action))
    return loaded, loaded.verify(seconds=seconds).findings[0]


PROVED = [
    (IMAGE, "u' = -K.T @ relu(K @ u + b)", "translation"),
    (BOTH, "u' = -K.T @ relu(K @ u + b)", "translation"),  # beside a block that it does not touch
    (BOTH, "u' = u + b  v' = v * sum(u)", "translation"),
    (NUMBER, "u' = u + s*b  s' = norm(u)", "translation"),
    (IMAGE, "u' = u + b * sum(u*u)", "translation"),
    (BOTH, "u' = u * sum(v)  v' = softmax(v)", "translation"),
    (BOTH, "u' = u + b * dot(v, v)  v' = v * sum(b)", "translation"),
    (VECTOR, "v' = tanh(v) - mean(v)", "translation"),
    (BOTH, "u' = tanh(u) + b  v' = v * sum(u)", "permutation"),
    (VECTOR, "v' = diag(v) @ v - v * norm(v)", "permutation"),
]
NOT_PROVED = [
    (BOTH, "u' = u + v", "translation"),
    (BOTH, "u' = u + tanh(v) * b", "translation"),
    (BOTH, "u' = K @ (u + v) - K @ u", "translation"),
    (BOTH, "u' = max(u, zeros(c, 4, 4) + v)", "translation"),
    (BOTH, "u' = -grad(sum((u + v)^2)/2, u)", "translation"),
    (BOTH, "v' = -grad(sum((u + v)^2)/2, v)", "translation"),
    (BOTH, "u' = u  v' = b", "translation"),
    (BOTH, "u' = u * dot(v, b)", "translation"),
    (IMAGE, "u' = u * F", "translation"),
    (VECTOR, "v' = v + b", "translation"),
    (VECTOR, "v' = A @ v", "permutation"),
    (VECTOR, "v' = cumsum(v)", "permutation"),
    (BOTH, "u' = u + v", "permutation"),
]


@pytest.mark.parametrize(("state", "field", "action"), PROVED)
def test_what_commutes_is_proved_and_does(state, field, action):
    loaded, found = finding(state, field, action)
    assert found.verdict == "proved", found.reason
    assert _gap(loaded.model, action) < 1e-12


@pytest.mark.parametrize(("state", "field", "action"), NOT_PROVED)
def test_what_does_not_commute_is_not_proved(state, field, action):
    loaded, found = finding(state, field, action)
    assert found.verdict == ("undecided" if action == "permutation" and state == BOTH else "refuted"), found.reason
    assert _gap(loaded.model, action) > 1e-3


def _gap(model, action):
    """|f(g x) - g f(x)| at random numbers, g a shift of images and of vectors (a permutation of vectors)."""
    chance = np.random.default_rng(5)
    shapes = {b.name: tuple(int(s.evaluate(model.default_dims())) for s in b.space.sizes) for b in model.blocks}
    states = {name: chance.normal(size=shape) for name, shape in shapes.items()}
    values = {"b": chance.normal(size=2), "A": chance.normal(size=(2, 2)), "F": chance.normal(size=(2, 4, 4)),
              "K": chance.normal(size=(2, 2, 3, 3))}

    def act(x):
        if x.ndim == 3:
            return x if action == "permutation" else np.roll(x, (1, 2), (1, 2))
        return np.roll(x, 1) if x.ndim == 1 else x

    def rates(at):
        env = environment(model, {}, at, values)
        return {block: evaluate(rate, env) for block, rate in model.fields[0].rows}

    there, here = rates({name: act(x) for name, x in states.items()}), rates(states)
    return max(np.abs(there[name] - act(here[name])).max() for name in here)


ROOTS = "model M\nstate q, p : R\nfield f { %s }\nclaim f : %s\n"


@pytest.mark.parametrize(("field", "claim", "verdict"), [
    ("q' = (q^(1/2))^2", "equivariant(sign) on q > 0", "undecided"),
    ("q' = (p^(1/2))^2  p' = -q", "reversible on p > 0", "undecided"),
    ("q' = p/q  p' = 1/q^2", "equivariant(sign) on q > 0", "undecided"),
    ("q' = p * exp(log(q))", "equivariant(sign) on q > 1", "undecided"),
    ("q' = p/q  p' = 1/q^2", "reversible on q > 0", "proved"),  # the flip of p stays in the region
    ("q' = p/sqrt(1 + q^2)  p' = -q*log(1 + p^2)", "equivariant(sign) on q > 0", "proved"),
    ("q' = q * sqrt(q^2 + p^2)", "equivariant(sign) on q^2 + p^2 > 1", "proved"),
])
def test_on_a_region_the_field_is_defined_where_the_symmetry_leads(field, claim, verdict):
    found = loads(ROOTS % (field, claim)).verify(seconds=2).findings[0]
    assert found.verdict == verdict, found.reason
    assert verdict == "proved" or "may leave the region" in found.reason


@pytest.mark.parametrize(("field", "region", "is_proved"), [("x' = x*sqrt(dot(x, x))", "dot(x, x) > 0", True),
                                                            ("x' = exp(log(x))", "x > 0", False)])
def test_a_named_matrix_may_leave_a_region_too(field, region, is_proved):
    text = (f"model M\ndim n = 2\nstate x : R[n]\nparam Q : R[n, n], orthogonal\nfield f {{ {field} }}\n"
            f"claim f : equivariant(Q) on {region}\n")
    assert (loads(text).verify(seconds=2).findings[0].verdict == "proved") is is_proved


def test_every_operation_has_a_meaning_to_the_refuter_and_to_the_checker():
    assert set(REFUTED) == set(_NODES) == OPERATIONS
