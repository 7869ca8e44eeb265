"""Random well-spaced expressions over every operation of the IR, with values for their leaves."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from odenet.ir import node as nodes
from odenet.ir.differentiate import products
from odenet.ir.interpret import Environment
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR, Size, Space

N, M = Size.dim("n"), Size.dim("m")
DIMS = {"n": 3, "m": 2}
VECTOR, SHORT, MATRIX = Space((N,)), Space((M,)), Space((M, N))
SQUARE, PACKED = Space((N, N)), Space(((N * (N - Size.number(1))).scaled(Fraction(1, 2)),))
IMAGE, CHANNELS = Space((M, Size.number(2), Size.number(2))), Space((M,))
X, S, U = nodes.state("x", VECTOR), nodes.state("s", SCALAR), nodes.state("u", IMAGE)
A, Q, B = nodes.param("A", MATRIX), nodes.param("Q", SQUARE), nodes.param("b", SHORT)
BLOCKS = {"x": VECTOR, "s": SCALAR, "u": IMAGE}
SMOOTH = ["sin", "cos", "tanh", "logcosh", "sigmoid", "softplus", "silu", "gelu", "atan", "square", "exp", "sinc", "softsign"]
KINKED = ["relu", "abs"]


def _entrywise(x, names=(*SMOOTH, *KINKED)):
    return st.one_of(
        st.builds(lambda f, v: nodes.function(f, nodes.function("tanh", v)) if f == "exp" else nodes.function(f, v),
                  st.sampled_from(names), x),
        st.builds(lambda v: nodes.function("leaky_relu", v, Fraction(1, 3)), x),
        st.builds(products.times, x, x), st.builds(nodes.add, x, x), st.builds(nodes.power, x, st.sampled_from([2, 3])),
        st.builds(lambda v, w: nodes.same("largest", v, w), x, x), st.builds(lambda v, w: nodes.same("smallest", v, w), x, x))


def _positive(s):
    return nodes.add(nodes.number(2), nodes.function("square", s))


@st.composite
def scalars(draw, depth=3):
    if depth == 0:
        return draw(st.sampled_from([S, nodes.number(Fraction(-3, 2)), nodes.time(), nodes.dim("n"), S]))
    s, v = scalars(depth - 1), vectors(depth - 1)
    return draw(st.one_of(
        _entrywise(s),
        st.builds(nodes.scalar, st.sampled_from(["sum", "mean"]), v),
        st.builds(lambda x, y: nodes.scalar("dot", x, y), v, v),
        st.builds(lambda x: nodes.scalar("norm", nodes.add(x, nodes.ones(VECTOR))), v),
        st.builds(nodes.scalar, st.sampled_from(["largest", "smallest"]), v),
        st.builds(lambda x: Node("index", (x,), (1,), SCALAR), v),
        st.builds(lambda x: nodes.power(_positive(x), Fraction(-1, 2)), s),
        st.builds(lambda x: nodes.function("sqrt", _positive(x)), s),
        st.builds(lambda x: nodes.function("log", _positive(x)), s),
        st.builds(lambda x: nodes.scalar("sum", x), images(depth - 1)),
        st.builds(lambda m: nodes.scalar("dot", m, Q), squares(depth - 1))))


@st.composite
def vectors(draw, depth=3):
    if depth == 0:
        return draw(st.sampled_from([X, nodes.ones(VECTOR), X]))
    s, v, q = scalars(depth - 1), vectors(depth - 1), squares(depth - 1)
    half = Space((N - Size.number(1),))
    return draw(st.one_of(
        _entrywise(v),
        st.builds(products.by_scalar, s, v), st.builds(lambda x: products.spread(x, VECTOR), s),
        st.builds(lambda x: products.apply(products.transpose(A), nodes.add(products.apply(A, x), B)), v),
        st.builds(products.apply, q, v), st.builds(lambda m, x: products.apply(nodes.transpose(m), x), q, v),
        st.builds(nodes.same, st.sampled_from(["cumsum", "softmax"]), v),
        st.builds(lambda a, b, c: Node("stack", (a, b, c), (), Space((Size.number(3),))), s, s, s).map(_renamed),
        st.builds(lambda x, a: Node("concat", (Node("slice", (x,), (Size.number(1), N), half), a), (), VECTOR), v, s),
        st.builds(lambda m: Node("unskew", (m,), (), PACKED), q).map(_unpacked)))


def _renamed(stacked):
    """A vector of three numbers in the space R[n], n = 3 in these tests."""
    return Node("stack", stacked.args, (), VECTOR)


def _unpacked(packed):
    return Node("unskew", packed.args, (), VECTOR)  # n (n - 1) / 2 = n for n = 3


@st.composite
def squares(draw, depth=3):
    if depth == 0:
        return draw(st.sampled_from([Q, nodes.eye(N)]))
    v, q = vectors(depth - 1), squares(depth - 1)
    return draw(st.one_of(
        st.builds(lambda x: Node("diag", (x,), (), SQUARE), v), st.builds(lambda x: Node("skew", (x,), (), SQUARE), v),
        st.builds(lambda m: nodes.same("sym", m), q), st.builds(lambda x, y: Node("outer", (x, y), (), SQUARE), v, v),
        st.builds(products.compose, q, q), st.builds(products.transpose, q), st.builds(nodes.add, q, q),
        st.builds(products.by_scalar, scalars(depth - 1), q)))


@st.composite
def images(draw, depth=3):
    if depth == 0:
        return draw(st.sampled_from([U, nodes.ones(IMAGE)]))
    u = images(depth - 1)
    return draw(st.one_of(
        _entrywise(u, ("tanh", "sin")),
        st.builds(lambda x: Node("channels", (Node("unchannels", (x,), (), CHANNELS),), (), IMAGE), u),
        st.builds(products.by_scalar, scalars(depth - 1), u)))


def values(seed):
    """An environment with random values, away from kinks at simple points."""
    rng = np.random.default_rng(seed)
    states = {name: rng.uniform(-1.3, 1.3, [int(s.evaluate(DIMS)) for s in space.sizes]) for name, space in BLOCKS.items()}
    parameters = {"A": rng.normal(size=(2, 3)), "Q": rng.normal(size=(3, 3)), "b": rng.normal(size=2)}
    return Environment(dims=DIMS, states=states, parameters=parameters, time=0.37)
