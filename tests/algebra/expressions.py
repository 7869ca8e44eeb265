"""Random well-typed expressions over one model, and their values by plain NumPy."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from odenet.ir import node as ir
from odenet.ir.model import Block, Dim, Model, Parameter, ParameterSet
from odenet.ir.sizes import SCALAR, Size, Space
from odenet.operators.functions import FUNCTIONS
from odenet.text import Source, Span

PLACE = Span(0, 0)
N, M = Size.dim("n"), Size.dim("m")
VECTOR, OTHER = Space((N,)), Space((M,))
DIMS = {"n": 3, "m": 2}
MATRICES = {  # name -> (space, set)
    "A": (Space((M, N)), None), "B": (Space((N, N)), None), "S": (Space((N, N)), "skew"), "Y": (Space((N, N)), "symmetric"),
    "Q": (Space((N, N)), "orthogonal"), "P": (Space((N, N)), "stochastic"), "D": (Space((N, N)), "doubly_stochastic"),
    "G": (Space((N, N)), "laplacian"), "C": (Space((N, N)), "diagonal"),
}
VECTORS = {"b": OTHER, "v": VECTOR}


def _parameter(name, space, kind):
    return Parameter(name, space, None, (ParameterSet(kind, (), PLACE),) if kind else (), False, None, PLACE)


MODEL = Model("Random", Source("random", ""), (Dim("n", Size.number(3), PLACE), Dim("m", Size.number(2), PLACE)),
              (Block("x", VECTOR, PLACE), Block("y", VECTOR, PLACE), Block("r", SCALAR, PLACE)), (),
              (*(_parameter(n, s, k) for n, (s, k) in MATRICES.items()), *(_parameter(n, s, None) for n, s in VECTORS.items()),
               _parameter("k", SCALAR, "positive")), (), (), (), (), (), ())


def members(seed):
    """Parameters inside their sets and a state, as arrays."""
    random = np.random.default_rng(seed)
    draw = {name: random.normal(size=[DIMS[str(s)] for s in space.sizes]) for name, (space, _) in MATRICES.items()}
    draw["S"] = draw["S"] - draw["S"].T
    draw["Y"] = draw["Y"] + draw["Y"].T
    draw["Q"] = np.linalg.qr(draw["Q"])[0]
    draw["P"] = np.exp(draw["P"]) / np.exp(draw["P"]).sum(1, keepdims=True)
    shift = np.roll(np.eye(3), 1, 0)
    a, b, c = random.dirichlet([1, 1, 1])
    draw["D"] = a * np.eye(3) + b * shift + c * shift.T
    w = abs(draw["G"] + draw["G"].T)
    draw["G"] = np.diag(w.sum(1)) - w
    draw["C"] = np.diag(random.normal(size=3))
    draw.update(b=random.normal(size=2), v=random.normal(size=3), k=abs(random.normal()) + 0.1)
    draw.update(x=random.normal(size=3), y=random.normal(size=3), r=random.normal())
    return draw


X, Y_STATE, R = ir.state("x", VECTOR), ir.state("y", VECTOR), ir.state("r", SCALAR)
FUNCTION_NAMES = ("tanh", "sin", "relu", "softplus", "square", "logcosh", "sigmoid", "abs", "tanh_slope")


def _matrix(name):
    return ir.param(name, MATRICES[name][0])


SQUARE = [_matrix(n) for n in "BSYQPDGC"] + [ir.transpose(_matrix(n)) for n in "BSQPD"]


@st.composite
def vectors(draw, depth=3):
    """A vector expression of R[n]."""
    if depth == 0:
        return draw(st.sampled_from([X, X, Y_STATE, ir.param("v", VECTOR), ir.ones(VECTOR)]))
    inner = vectors(depth=depth - 1)
    kinds = "add scale mul function apply layer power spread cumsum softmax diag sym leaf"
    kind = draw(st.sampled_from(kinds.split()))
    if kind == "add":
        return ir.add(draw(inner), draw(inner))
    if kind == "scale":
        return ir.scale(draw(scalars(depth=depth - 1)), draw(inner))
    if kind == "mul":
        return ir.mul(draw(inner), draw(inner))
    if kind == "function":
        return ir.function(draw(st.sampled_from(FUNCTION_NAMES)), draw(inner))
    if kind == "apply":
        return ir.apply(draw(st.sampled_from(SQUARE)), draw(inner))
    if kind == "layer":
        hidden = ir.add(ir.apply(_matrix("A"), draw(inner)), ir.param("b", OTHER))
        return ir.apply(ir.transpose(_matrix("A")), ir.function("tanh", hidden))
    if kind == "power":
        return ir.power(draw(inner), draw(st.sampled_from([2, 3])))
    if kind == "spread":
        return ir.spread(draw(scalars(depth=depth - 1)), VECTOR)
    if kind == "cumsum":
        return ir.same("cumsum", draw(inner))
    if kind == "softmax":
        return ir.same("softmax", draw(inner))
    if kind == "diag":
        return ir.apply(ir.Node("diag", (draw(inner),), (), Space((N, N))), draw(inner))
    if kind == "sym":
        return ir.apply(ir.same("sym", ir.compose(_matrix("B"), _matrix("S"))), draw(inner))
    return draw(vectors(depth=0))


@st.composite
def scalars(draw, depth=2):
    """A scalar expression."""
    if depth == 0:
        return draw(st.sampled_from([R, ir.param("k", SCALAR), ir.number(Fraction(2, 3)), ir.time(), ir.dim("n")]))
    kind = draw(st.sampled_from(["add", "mul", "function", "dot", "sum", "mean", "norm", "power", "exp", "inverse", "leaf"]))
    inner = scalars(depth=depth - 1)
    if kind == "add":
        return ir.add(draw(inner), draw(inner))
    if kind == "mul":
        return ir.mul(draw(inner), draw(inner))
    if kind == "function":
        return ir.function(draw(st.sampled_from(("tanh", "sin", "cos", "relu", "abs"))), draw(inner))
    if kind == "dot":
        return ir.scalar("dot", draw(vectors(depth=depth - 1)), draw(vectors(depth=depth - 1)))
    if kind in ("sum", "mean", "norm"):
        return ir.scalar(kind, draw(vectors(depth=depth - 1)))
    if kind == "power":
        return ir.power(draw(inner), draw(st.sampled_from([2, 3])))
    if kind == "exp":
        return ir.function("exp", ir.function("sin", draw(inner)))
    if kind == "inverse":
        exponent = draw(st.sampled_from([-1, Fraction(-1, 2), Fraction(1, 2)]))
        return ir.power(ir.add(ir.number(1), ir.power(draw(inner), 2)), exponent)
    return draw(scalars(depth=0))


def value(node, given):
    """The value of a node by plain NumPy."""
    a = [value(x, given) for x in node.args]
    op, data = node.op, node.data
    shape = [DIMS[str(s)] for s in node.space.sizes]
    if op == "number":
        return float(data[0])
    if op in ("state", "param"):
        return given[data[0]]
    simple = {
        "dim": lambda: DIMS[data[0]], "time": lambda: 0.3, "ones": lambda: np.ones(shape), "zeros": lambda: np.zeros(shape),
        "add": lambda: sum(a[1:], a[0]), "mul": lambda: a[0] * a[1], "scale": lambda: a[0] * a[1],
        "power": lambda: a[0] ** float(data[0]), "function": lambda: FUNCTIONS[data[0]].numpy(np.asarray(a[0])),
        "apply": lambda: a[0] @ a[1], "compose": lambda: a[0] @ a[1], "transpose": lambda: a[0].T, "sum": lambda: np.sum(a[0]),
        "mean": lambda: np.mean(a[0]), "dot": lambda: np.sum(a[0] * a[1]), "norm": lambda: np.sqrt(np.sum(a[0] ** 2)),
        "cumsum": lambda: np.cumsum(a[0]), "softmax": lambda: np.exp(a[0] - a[0].max()) / np.exp(a[0] - a[0].max()).sum(),
        "diag": lambda: np.diag(a[0]), "sym": lambda: (a[0] + a[0].T) / 2, "spread": lambda: np.full(shape, a[0]),
    }
    return simple[op]()
