"""Elementwise functions by a few basic ones (relu, threshold, tanh, …), as nodes: equal functions get one normal form.

The identities hold but for single points, which is enough for equalities of continuous functions.
"""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from odenet.ir.node import Node, add, function, mul, number, ones, power, scale
from odenet.ir.sizes import SCALAR

HALF = Fraction(1, 2)


def _c(value: Fraction | int, z: Node) -> Node:
    """A number, or the tensor of z's space that is full of it."""
    return number(value) if z.space == SCALAR else scale(number(value), ones(z.space))  # type: ignore[arg-type]


def _times(c: Fraction | int, z: Node) -> Node:
    return scale(number(c), z)


def _relu(z: Node) -> Node:
    return function("relu", z)


def _step(z: Node) -> Node:
    return function("threshold", z)


def _bars(z: Node) -> Node:
    return add(_times(2, _relu(z)), _times(-1, z))


def _sign(z: Node) -> Node:
    return add(_times(2, _step(z)), _c(-1, z))


def _sigmoid(z: Node) -> Node:
    return add(_c(HALF, z), _times(HALF, function("tanh", _times(HALF, z))))


def _tanh_slope(z: Node) -> Node:
    return add(_c(1, z), _times(-1, power(function("tanh", z), 2)))


def _sigmoid_slope(z: Node) -> Node:
    return _times(HALF * HALF, _tanh_slope(_times(HALF, z)))


def _softplus(z: Node) -> Node:
    """z/2 + log(2 cosh(z/2))"""
    log_two = function("log", number(2))
    return add(_times(HALF, z), function("logcosh", _times(HALF, z)), log_two if z.space == SCALAR else scale(log_two, _c(1, z)))


def _below(name: str, z: Node, a: Fraction) -> Node:
    """What an elu or celu is below zero, and zero above: its curvature there less a constant."""
    return add(function(name, z, a), _c(-1 if name[0] == "c" else -a, z), _times(1 if name[0] == "c" else a, _step(z)))


def _over_bars(z: Node, e: int) -> Node:
    return power(add(_c(1, z), _bars(z)), -e)


BASICS: dict[str, Callable[..., Node]] = {
    "abs": _bars, "sign": _sign,
    "leaky_relu": lambda z, a: add(_times(a, z), _times(1 - a, _relu(z))),
    "leaky_relu_slope": lambda z, a: add(_c(a, z), _times(1 - a, _step(z))),
    "elu": lambda z, a: add(_relu(z), _below("elu_curvature", z, a)),
    "celu": lambda z, a: add(_relu(z), _times(a, _below("celu_curvature", z, a))),
    "elu_slope": lambda z, a: add(_step(z), function("elu_curvature", z, a)),
    "celu_slope": lambda z, a: add(_step(z), function("celu_curvature", z, a)),
    "softsign": lambda z: mul(_sign(z), add(_c(1, z), _times(-1, _over_bars(z, 1)))),
    "softsign_slope": lambda z: _over_bars(z, 2),
    "sigmoid": _sigmoid, "sigmoid_slope": _sigmoid_slope, "tanh_slope": _tanh_slope, "softplus": _softplus,
    "atan_slope": lambda z: power(add(_c(1, z), power(z, 2)), -1),
    "tan_slope": lambda z: add(_c(1, z), power(function("tan", z), 2)),
    "silu": lambda z: mul(z, _sigmoid(z)),
    "silu_slope": lambda z: add(_sigmoid(z), mul(z, _sigmoid_slope(z))),
}
_BELOW: dict[str, Callable[..., Fraction]] = {
    "relu": lambda: Fraction(0), "abs": lambda: Fraction(-1), "leaky_relu": lambda a: a}


def of_kink_times_argument(node: Node) -> Node | None:
    """z f(z) = c z^2 + (1 - c) relu(z)^2 for f with the slopes 1 above zero and c below."""
    for f, z in ((node.args[0], node.args[1]), (node.args[1], node.args[0])):
        if f.op == "function" and f.data[0] in _BELOW and f.args[0] == z:
            c = _BELOW[f.data[0]](*f.data[1:])
            return add(_times(c, power(z, 2)), _times(1 - c, power(_relu(z), 2)))
    return None
