"""Enclosures hold the values of the oracle, and derivatives at kinks cover both slopes."""
from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from flint import arb
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from odenet.ir import balls, interpret
from odenet.ir import node as nodes
from odenet.ir.interpret import Environment
from odenet.ir.sizes import SCALAR
from odenet.sets import sample

from .expressions import BLOCKS, images, scalars, values, vectors
from .test_differentiate import directions_of
from .test_interpret import CASES, ENV

S = nodes.state("s", SCALAR)


@pytest.mark.parametrize("op", [op for op, (_, expected) in CASES.items() if expected is not None])
def test_operation(op):
    tested, _ = CASES[op]
    found, exact = balls.evaluate(tested, ENV), interpret.evaluate(tested, ENV)
    assert found.shape == exact.shape
    assert all(abs(arb(b).mid() - float(v)) < 1e-12 * (1 + abs(v)) for b, v in zip(found.ravel(), exact.ravel(), strict=True))


@settings(max_examples=60, deadline=None)
@given(st.one_of(vectors(3), scalars(3), images(2)), st.integers(0, 10**6))
def test_values_and_tangents_are_enclosed(node, seed):
    env = values(seed)
    along = directions_of(env, seed)
    exact = interpret.evaluate(node, env)
    assume(np.all(np.abs(exact) < 1e8))
    try:
        value, slope = balls.evaluate_tangent(node, env, along)
    except balls.Undefined:
        assume(False)
    for ball, number in zip(value.ravel(), np.ravel(exact), strict=True):
        assert abs(float(arb(ball).mid()) - number) <= float(arb(ball).rad()) + 1e-6 * (1 + abs(number))
    assert slope.shape == value.shape and set(BLOCKS) >= set(along)


@settings(max_examples=60, deadline=None)
@given(vectors(3), st.integers(0, 10**6))
def test_wide_balls_hold_the_values_at_their_points(node, seed):
    env = values(seed)
    wide = {name: np.vectorize(lambda v: arb(float(v), 0.05), otypes=[object])(value) for name, value in env.states.items()}
    try:
        found = balls.evaluate(node, Environment(env.dims, wide, env.parameters, {}, env.time))
    except balls.Undefined:
        return
    rng = np.random.default_rng(seed)
    for _ in range(4):
        point = {name: value + rng.uniform(-0.05, 0.05, np.shape(value)) for name, value in env.states.items()}
        exact = interpret.evaluate(node, Environment(env.dims, point, env.parameters, {}, env.time))
        for ball, number in zip(found.ravel(), exact.ravel(), strict=True):
            slack = 1e-7 * (1 + abs(number))
            assert float(arb(ball).lower()) - slack <= number <= float(arb(ball).upper()) + slack


@pytest.mark.parametrize("name, low, high", [("relu", 0, 1), ("abs", -1, 1), ("leaky_relu", 0.25, 1)])
def test_slopes_at_a_kink(name, low, high):
    node = nodes.function(name, S, *([Fraction(1, 4)] if name == "leaky_relu" else []))
    around = Environment(states={"s": arb(0, 1e-9)})
    _, slope = balls.evaluate_tangent(node, around, {"s": 1})
    assert arb(slope[()]).contains(arb(low)) and arb(slope[()]).contains(arb(high))


def test_what_is_not_defined_raises():
    for node in (nodes.power(S, -1), nodes.function("log", S), nodes.function("tan", S)):
        at = arb(0) if node.op != "function" or node.data[0] != "tan" else arb.pi() / 2
        with pytest.raises(balls.Undefined):
            balls.evaluate(node, Environment(states={"s": at}))


def test_exact_members_go_in_as_they_are():
    member = sample(Random(0), (3, 3), [("orthogonal", ())])
    q = balls.to_balls(member)
    assert (np.dot(q.T, q) == np.eye(3, dtype=int)).all()
