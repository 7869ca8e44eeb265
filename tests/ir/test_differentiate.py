"""Derivatives are held against finite differences, and are written as an expert would write them."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from odenet.ir import node as nodes
from odenet.ir.differentiate import NotSupported, divergence, gradient, laplacian, tangent
from odenet.ir.interpret import evaluate
from odenet.ir.node import apply, function, negate, number, scalar, transpose
from odenet.ir.sizes import SCALAR, Size, Space

from .expressions import BLOCKS, MATRIX, SHORT, VECTOR, A, B, X, images, scalars, values, vectors

STEP = 1e-5
K, a = A, B
ENERGY = scalar("sum", function("logcosh", nodes.add(apply(K, X), a)))


def moved(env, directions, amount):
    return replace(env, states={name: env.states[name] + amount * directions[name] for name in env.states})


def difference(node, env, directions):
    """The derivative by central differences of two steps, and whether these agree (away from kinks)."""
    rough = [(evaluate(node, moved(env, directions, h)) - evaluate(node, moved(env, directions, -h))) / (2 * h)
             for h in (STEP, STEP / 8)]
    scale = 1 + np.abs(rough[0]).max()
    return rough[1], scale, np.allclose(rough[0], rough[1], rtol=1e-4, atol=1e-4 * scale)


def directions_of(env, seed):
    rng = np.random.default_rng(seed + 1)
    return {name: np.asarray(rng.normal(size=np.shape(value))) for name, value in env.states.items()}


@settings(max_examples=120, deadline=None)
@given(st.one_of(vectors(3), scalars(3), images(2)), st.integers(0, 10**6))
def test_tangents(node, seed):
    env = values(seed)
    along = directions_of(env, seed)
    moving = tangent(node, {name: nodes.variable("to " + name, space) for name, space in BLOCKS.items()})
    rough, scale, is_smooth = difference(node, env, along)
    assume(is_smooth and scale < 1e6)
    exact = evaluate(moving, replace(env, variables={"to " + name: value for name, value in along.items()}))
    assert np.allclose(exact, rough, rtol=1e-3, atol=1e-3 * scale)


@settings(max_examples=120, deadline=None)
@given(scalars(4), st.integers(0, 10**6))
def test_gradients(node, seed):
    env = values(seed)
    along = directions_of(env, seed)
    rough, scale, is_smooth = difference(node, env, along)
    assume(is_smooth and scale < 1e6)
    parts = gradient(node, BLOCKS)
    assert all(parts[name].space == space for name, space in BLOCKS.items())
    exact = sum(np.sum(evaluate(parts[name], env) * along[name]) for name in BLOCKS)
    assert np.allclose(exact, rough, rtol=1e-3, atol=1e-3 * scale)


def test_gradients_read_as_written_by_hand():
    assert gradient(ENERGY, ["x"])["x"] == apply(transpose(K), function("tanh", nodes.add(apply(K, X), a)))
    q = nodes.state("q", SCALAR)
    assert gradient(nodes.mul(number(Fraction(1, 2)), nodes.power(q, 2)), ["q"])["q"] == q
    assert gradient(scalar("dot", X, X), ["x"])["x"] == nodes.scale(number(2), X)
    assert gradient(negate(function("cos", q)), ["q"])["q"] == function("sin", q)
    inverse = nodes.power(scalar("norm", X), -1)  # grad 1/|x| = -x / |x|^3
    assert gradient(inverse, ["x"])["x"] == nodes.scale(nodes.mul(number(-1), nodes.power(scalar("norm", X), -3)), X)


def test_second_derivatives_as_products():
    v = nodes.variable("v", VECTOR)
    inner = nodes.add(apply(K, X), a)
    found = tangent(gradient(ENERGY, ["x"])["x"], {"x": v})
    assert found == apply(transpose(K), nodes.mul(function("tanh_slope", inner), apply(K, v)))


@pytest.mark.parametrize("node", [
    apply(transpose(A), function("tanh", nodes.add(apply(A, X), B))),
    function("sin", X),
    nodes.scale(scalar("dot", X, X), X),
    nodes.same("softmax", X),
    nodes.mul(X, apply(nodes.param("Q", Space((Size.dim("n"),) * 2)), X)),
    apply(nodes.Node("skew", (nodes.variable("w", Space((Size.dim("n"),))),), (), Space((Size.dim("n"),) * 2)), X),
    nodes.spread(scalar("sum", function("square", X)), VECTOR),
    nodes.power(nodes.add(function("square", X), nodes.ones(VECTOR)), Fraction(1, 2)),
], ids=lambda node: node.op)
def test_divergence_is_the_trace(node):
    env = replace(values(5), variables={"w": np.array([0.3, -0.2, 0.9])})
    trace = 0.0
    for i in range(3):
        unit = {"x": np.eye(3)[i], "s": 0.0, "u": np.zeros((2, 2, 2))}
        trace += difference(node, env, unit)[0][i]
    assert evaluate(divergence(node, X), env) == pytest.approx(trace, abs=1e-6)


def test_laplacian():
    env = values(8)
    inner = evaluate(nodes.add(apply(A, X), B), env)
    expected = np.sum((1 - np.tanh(inner) ** 2) * (env.parameters["A"] ** 2).sum(1))
    assert evaluate(laplacian(ENERGY, X), env) == pytest.approx(expected)


def test_a_divergence_without_closed_form():
    with pytest.raises(NotSupported):
        divergence(nodes.same("cumsum", function("sin", X)), X)
    short = nodes.state("y", Space((Size.number(4),)))
    found = divergence(nodes.same("cumsum", function("sin", short)), short)  # unrolled: the sum of cos(y_i)
    env = replace(values(1), states={"y": np.array([0.1, 0.2, 0.3, 0.4])})
    assert evaluate(found, env) == pytest.approx(np.cos([0.1, 0.2, 0.3, 0.4]).sum())


def test_blocks_that_do_not_occur():
    assert gradient(ENERGY, {"y": SHORT})["y"] == nodes.zeros(SHORT)
    assert gradient(ENERGY, ["y"]) == {}
    assert MATRIX.rank == 2
