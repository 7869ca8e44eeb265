"""Each operation of the oracle against an independent formula."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from odenet.ir import node as nodes
from odenet.ir.interpret import Environment, convolve, convolve_adjoint, evaluate
from odenet.ir.model import ConvolutionSpace
from odenet.ir.node import OPERATIONS, Node
from odenet.ir.sizes import SCALAR, MapSpace, Size, Space, transposed

n, m = Size.dim("n"), Size.dim("m")
RNG = np.random.default_rng(0)
x, y, M, P = RNG.normal(size=4), RNG.normal(size=4), RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4))
u = RNG.normal(size=(3, 5, 6))
kernel = RNG.normal(size=(2, 3, 3, 3))
V, W = Space((n,)), Space((m,))
CONV = ConvolutionSpace(Size.number(3), Size.number(2), 3, "circular", 1)
U = Space((Size.number(3), Size.number(5), Size.number(6)))
U2 = Space((Size.number(2), Size.number(5), Size.number(6)))
ENV = Environment({"n": 4, "m": 3}, {"x": x, "s": np.float64(0.7), "u": u}, {"M": M, "P": P, "y": y, "K": kernel},
                  {"z": -1.5}, 0.25, {"K": CONV})
X, Y, S = nodes.state("x", V), nodes.param("y", V), nodes.state("s", SCALAR)
A, Q, IMAGE = nodes.param("M", Space((m, n))), nodes.param("P", Space((n, n))), nodes.state("u", U)
K = nodes.param("K", MapSpace(U, U2))


def node(op, *args, data=(), space=V):
    return Node(op, args, data, space)


CASES = {
    "number": (nodes.number(Fraction(1, 3)), 1 / 3), "dim": (nodes.dim("n"), 4), "time": (nodes.time(), 0.25),
    "state": (X, x), "param": (A, M), "variable": (nodes.variable("z", SCALAR), -1.5),
    "ones": (nodes.ones(V), [1, 1, 1, 1]), "zeros": (nodes.zeros(Space((m, n))), [[0] * 4] * 3),
    "eye": (nodes.eye(n), np.diag([1] * 4)),
    "add": (node("add", X, Y, X), 2 * x + y), "mul": (node("mul", X, Y), [a * b for a, b in zip(x, y, strict=True)]),
    "scale": (node("scale", S, X), 0.7 * x), "power": (node("power", X, data=(Fraction(3),)), x * x * x),
    "function": (node("function", X, data=("tanh",)), np.tanh(x)),
    "apply": (node("apply", A, X, space=W), [sum(M[i, j] * x[j] for j in range(4)) for i in range(3)]),
    "compose": (node("compose", A, Q, space=Space((m, n))), np.einsum("ij,jk->ik", M, P)),
    "transpose": (node("transpose", A, space=transposed(A.space)), [[M[i, j] for i in range(3)] for j in range(4)]),
    "sum": (nodes.scalar("sum", A), sum(M.ravel())), "mean": (nodes.scalar("mean", X), sum(x) / 4),
    "dot": (nodes.scalar("dot", X, Y), sum(a * b for a, b in zip(x, y, strict=True))),
    "norm": (nodes.scalar("norm", X), sum(a * a for a in x) ** 0.5),
    "largest": (node("largest", X, Y), [max(a, b) for a, b in zip(x, y, strict=True)]),
    "smallest": (nodes.scalar("smallest", X), min(x)),
    "cumsum": (node("cumsum", X), [sum(x[:i + 1]) for i in range(4)]),
    "softmax": (node("softmax", X), torch.softmax(torch.tensor(x), 0).numpy()),
    "diag": (node("diag", X, space=Space((n, n))), x * np.eye(4)),
    "skew": (node("skew", nodes.variable("w", Space((Size.number(3),))), space=Space((Size.number(3), Size.number(3)))), None),
    "unskew": (node("unskew", Q, space=Space((Size.number(6),))),
               [P[i, j] - P[j, i] for i in range(4) for j in range(i + 1, 4)]),
    "sym": (node("sym", Q, space=Q.space), (P + P.T) / 2),
    "outer": (node("outer", X, Y, space=Space((n, n))), [[a * b for b in y] for a in x]),
    "concat": (node("concat", X, S, Y, space=Space((n + n + Size.number(1),))), [*x, 0.7, *y]),
    "stack": (node("stack", S, nodes.number(2), space=Space((Size.number(2),))), [0.7, 2]),
    "index": (node("index", X, data=(2,), space=SCALAR), x[2]),
    "slice": (node("slice", X, data=(Size.number(1), n), space=Space((n - Size.number(1),))), x[1:]),
    "spread": (node("spread", S), [0.7] * 4),
    "channels": (node("channels", nodes.variable("c", Space((Size.number(3),))), space=U), None),
    "unchannels": (node("unchannels", IMAGE, space=Space((Size.number(3),))), [u[i].sum() for i in range(3)]),
}


def test_every_operation_has_a_case():
    assert set(CASES) == OPERATIONS


@pytest.mark.parametrize("op", [op for op, (_, expected) in CASES.items() if expected is not None])
def test_operation(op):
    tested, expected = CASES[op]
    assert tested.op == op
    assert np.allclose(evaluate(tested, ENV), expected, rtol=1e-14, atol=1e-14)


def test_skew_and_channels():
    from dataclasses import replace

    env = replace(ENV, variables={"w": np.array([1.0, 2.0, 3.0]), "c": np.array([5.0, 6.0, 7.0])})
    assert np.array_equal(evaluate(CASES["skew"][0], env), [[0, 1, 2], [-1, 0, 3], [-2, -3, 0]])
    assert np.array_equal(evaluate(CASES["channels"][0], env)[:, 4, 5], [5, 6, 7])


@pytest.mark.parametrize("padding", ["circular", "zero"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_convolutions_are_those_of_torch_and_have_exact_adjoints(padding, stride, size):
    space = ConvolutionSpace(Size.number(3), Size.number(2), size, padding, stride)
    taps, image = RNG.normal(size=(2, 3, size, size)), RNG.normal(size=(3, 4, 6))
    other = RNG.normal(size=(2, 4 // stride, 6 // stride))
    found = convolve(taps, image, space)
    reach = (size - 1) // 2
    mode = "circular" if padding == "circular" else "constant"
    if reach:
        padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)), mode="wrap" if mode == "circular" else "constant")
    else:
        padded = image
    expected = torch.nn.functional.conv2d(torch.tensor(padded)[None], torch.tensor(taps), stride=stride)[0].numpy()
    assert np.allclose(found, expected)
    back = convolve_adjoint(taps, other, space, image.shape)
    assert np.sum(found * other) == pytest.approx(np.sum(image * back), rel=1e-12)


def test_maps_are_applied_composed_and_transposed():
    back = nodes.transpose(K)
    twice = nodes.compose(back, K)
    image = evaluate(nodes.apply(K, IMAGE), ENV)
    assert np.allclose(image, convolve(kernel, u, CONV))
    assert np.allclose(evaluate(nodes.apply(twice, IMAGE), ENV), convolve_adjoint(kernel, image, CONV, u.shape))
    doubled = nodes.add(K, nodes.scale(S, K))
    assert np.allclose(evaluate(nodes.apply(doubled, IMAGE), ENV), 1.7 * image)
    assert np.allclose(evaluate(nodes.apply(nodes.transpose(twice), IMAGE), ENV), evaluate(nodes.apply(twice, IMAGE), ENV))
    flipped = nodes.transpose(nodes.Node("add", (K, nodes.scale(S, K)), (), K.space))
    other = nodes.apply(K, IMAGE)
    assert np.allclose(evaluate(nodes.apply(flipped, other), ENV), 1.7 * convolve_adjoint(kernel, image, CONV, u.shape))
