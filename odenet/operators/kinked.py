"""Elementwise functions with a kink or a jump, and their slopes (almost everywhere)."""
from __future__ import annotations

from fractions import Fraction

from odenet.ir.node import Node, add, function, mul, number, ones, power, scale, zeros
from odenet.ir.sizes import Space
from odenet.operators.row import Function, Range, between, late

ONE = Fraction(1)
HALF = Fraction(1, 2)
REAL = between(None, None)


def _flat(z: Node, *_: Fraction) -> Node:
    """The derivative of a step function, almost everywhere."""
    return zeros(z.space) if isinstance(z.space, Space) and z.space.sizes else number(0)


def _softsign_curvature(z: Node) -> Node:
    # -2 sign(z) / (1 + |z|)^3
    return scale(number(-2), mul(function("sign", z), power(function("softsign_slope", z), Fraction(3, 2))))


def _relu_integral(z: Node) -> Node:
    return _times(HALF, power(function("relu", z), 2))


def _bars_integral(z: Node) -> Node:
    # |z| = 2 relu(z) - z
    return add(power(function("relu", z), 2), _times(-HALF, power(z, 2)))


def _leaky_integral(z: Node, a: Fraction) -> Node:
    # leaky_relu(z, a) = a z + (1 - a) relu(z)
    return add(_times(a / 2, power(z, 2)), _times((1 - a) / 2, power(function("relu", z), 2)))


def _elu_integral(z: Node, a: Fraction) -> Node:
    # z^2/2 for z > 0 and a (e^z - 1 - z) below
    relu = function("relu", z)
    return add(_relu_integral(z), function("elu", z, a), _times(a - 1, relu), _times(-a, z))


def _celu_integral(z: Node, a: Fraction) -> Node:
    # z^2/2 for z > 0 and a^2 (e^(z/a) - 1 - z/a) below
    return add(_relu_integral(z), _times(a, add(function("celu", z, a), _times(-1, z))))


def _softsign_integral(z: Node) -> Node:
    bars = function("abs", z)
    one = ones(z.space) if isinstance(z.space, Space) and z.space.sizes else number(1)
    return add(bars, _times(-1, function("log", add(one, bars))))


def _times(factor: int | Fraction, value: Node) -> Node:
    return scale(number(factor), value)


def _leaky_values(a: Fraction) -> Range:
    if a > 0:
        return Range(None, None)
    return Range(Fraction(0), None, low_reached=True)


def _leaky_slopes(a: Fraction) -> Range:
    return Range(min(a, ONE), max(a, ONE), True, True)


def _elu_values(a: Fraction) -> Range:
    return Range(-a, None)


def _elu_slopes(a: Fraction) -> Range:
    return Range(Fraction(0), max(a, ONE), False, True)


_POSITIVE = (lambda a: a > 0, "positive")

KINKED = (
    Function("abs", lambda z: function("sign", z), between(0, None, "low"), late("absolute"), "torch.abs({0})", "even",
             is_convex=True, smoothness=0, antiderivative=_bars_integral),
    Function("sign", _flat, between(-1, 1, "low high"), late("sign"), "torch.sign({0})", "odd", "increasing",
             smoothness=-1, antiderivative=lambda z: function("abs", z)),
    Function("threshold", _flat, between(0, 1, "low high"), late("threshold"), "torch.heaviside({0}, ({0}).new_zeros(()))",
             monotone="increasing", smoothness=-1, antiderivative=lambda z: function("relu", z)),
    Function("relu", lambda z: function("threshold", z), between(0, None, "low"), late("relu"), "torch.relu({0})",
             monotone="increasing", is_convex=True, smoothness=0, antiderivative=_relu_integral),
    Function("leaky_relu", lambda z, a: function("leaky_relu_slope", z, a), _leaky_values, late("leaky_relu"),
             "torch.nn.functional.leaky_relu({0}, {1})", smoothness=0, defaults=(None,),
             convex_when=lambda a: a <= 1, increasing_when=lambda a: a >= 0, antiderivative=_leaky_integral),
    Function("leaky_relu_slope", _flat, _leaky_slopes, late("leaky_relu_slope"),
             "torch.where({0} > 0, 1.0, {1})", smoothness=-1, defaults=(None,), is_public=False,
             increasing_when=lambda a: a <= 1, antiderivative=lambda z, a: function("leaky_relu", z, a)),
    Function("elu", lambda z, a: function("elu_slope", z, a), _elu_values, late("elu"),
             "torch.nn.functional.elu({0}, {1})", monotone="increasing", smoothness=0, defaults=(ONE,),
             convex_when=lambda a: a <= 1, admits=_POSITIVE, antiderivative=_elu_integral),
    Function("elu_slope", lambda z, a: function("elu_curvature", z, a), _elu_slopes, late("elu_slope"),
             "torch.where({0} > 0, 1.0, {1} * torch.exp(({0}).clamp(max=0)))", smoothness=-1, defaults=(ONE,),
             is_public=False, increasing_when=lambda a: a <= 1, admits=_POSITIVE,
             antiderivative=lambda z, a: function("elu", z, a)),
    Function("elu_curvature", lambda z, a: function("elu_curvature", z, a),
             lambda a: Range(Fraction(0), a, True, True), late("elu_curvature"),
             "torch.where({0} > 0, 0.0, {1} * torch.exp(({0}).clamp(max=0)))", smoothness=-1, defaults=(ONE,),
             is_public=False, admits=_POSITIVE),
    Function("celu", lambda z, a: function("celu_slope", z, a), _elu_values, late("celu"),
             "torch.nn.functional.celu({0}, {1})", monotone="increasing", is_convex=True, smoothness=1,
             defaults=(ONE,), admits=_POSITIVE, antiderivative=_celu_integral),
    Function("celu_slope", lambda z, a: scale(number(1 / a), function("celu_curvature", z, a)),
             between(0, 1, "high"), late("celu_slope"), "torch.exp(({0}).clamp(max=0) / {1})", monotone="increasing",
             smoothness=0, defaults=(ONE,), is_public=False, admits=_POSITIVE,
             antiderivative=lambda z, a: function("celu", z, a)),
    Function("celu_curvature", lambda z, a: scale(number(1 / a), function("celu_curvature", z, a)),
             between(0, 1, "low high"), late("celu_curvature"),
             "torch.where({0} > 0, 0.0, torch.exp(({0}).clamp(max=0) / {1}))", smoothness=-1, defaults=(ONE,),
             is_public=False, admits=_POSITIVE),
    Function("softsign", lambda z: function("softsign_slope", z), between(-1, 1), late("softsign"),
             "torch.nn.functional.softsign({0})", "odd", "increasing", smoothness=1,
             antiderivative=_softsign_integral),
    Function("softsign_slope", _softsign_curvature, between(0, 1, "high"), late("softsign_slope"),
             "(1 + torch.abs({0})).pow(-2)", "even", smoothness=0, is_public=False,
             antiderivative=lambda z: function("softsign", z)),
)
