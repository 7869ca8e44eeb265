"""Elementwise functions with a kink or a jump, and their slopes (almost everywhere)."""
from __future__ import annotations

from fractions import Fraction

from odenet.ir.node import Node, function, mul, number, power, scale, zeros
from odenet.ir.sizes import Space
from odenet.operators.row import Function, Range, between, late

ONE = Fraction(1)
REAL = between(None, None)


def _flat(z: Node, *_: Fraction) -> Node:
    """The derivative of a step function, almost everywhere."""
    return zeros(z.space) if isinstance(z.space, Space) and z.space.sizes else number(0)


def _softsign_curvature(z: Node) -> Node:
    # -2 sign(z) / (1 + |z|)^3
    return scale(number(-2), mul(function("sign", z), power(function("softsign_slope", z), Fraction(3, 2))))


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
             is_convex=True, smoothness=0),
    Function("sign", _flat, between(-1, 1, "low high"), late("sign"), "torch.sign({0})", "odd", "increasing",
             smoothness=-1),
    Function("threshold", _flat, between(0, 1, "low high"), late("threshold"), "torch.heaviside({0}, ({0}).new_zeros(()))",
             monotone="increasing", smoothness=-1),
    Function("relu", lambda z: function("threshold", z), between(0, None, "low"), late("relu"), "torch.relu({0})",
             monotone="increasing", is_convex=True, smoothness=0),
    Function("leaky_relu", lambda z, a: function("leaky_relu_slope", z, a), _leaky_values, late("leaky_relu"),
             "torch.nn.functional.leaky_relu({0}, {1})", smoothness=0, defaults=(None,),
             convex_when=lambda a: a <= 1, increasing_when=lambda a: a >= 0),
    Function("leaky_relu_slope", _flat, _leaky_slopes, late("leaky_relu_slope"),
             "torch.where({0} > 0, 1.0, {1})", smoothness=-1, defaults=(None,), is_public=False,
             increasing_when=lambda a: a <= 1),
    Function("elu", lambda z, a: function("elu_slope", z, a), _elu_values, late("elu"),
             "torch.nn.functional.elu({0}, {1})", monotone="increasing", smoothness=0, defaults=(ONE,),
             convex_when=lambda a: a <= 1, admits=_POSITIVE),
    Function("elu_slope", lambda z, a: function("elu_curvature", z, a), _elu_slopes, late("elu_slope"),
             "torch.where({0} > 0, 1.0, {1} * torch.exp(({0}).clamp(max=0)))", smoothness=-1, defaults=(ONE,),
             is_public=False, increasing_when=lambda a: a <= 1, admits=_POSITIVE),
    Function("elu_curvature", lambda z, a: function("elu_curvature", z, a),
             lambda a: Range(Fraction(0), a, True, True), late("elu_curvature"),
             "torch.where({0} > 0, 0.0, {1} * torch.exp(({0}).clamp(max=0)))", smoothness=-1, defaults=(ONE,),
             is_public=False, admits=_POSITIVE),
    Function("celu", lambda z, a: function("celu_slope", z, a), _elu_values, late("celu"),
             "torch.nn.functional.celu({0}, {1})", monotone="increasing", is_convex=True, smoothness=1,
             defaults=(ONE,), admits=_POSITIVE),
    Function("celu_slope", lambda z, a: scale(number(1 / a), function("celu_curvature", z, a)),
             between(0, 1, "high"), late("celu_slope"), "torch.exp(({0}).clamp(max=0) / {1})", monotone="increasing",
             smoothness=0, defaults=(ONE,), is_public=False, admits=_POSITIVE),
    Function("celu_curvature", lambda z, a: scale(number(1 / a), function("celu_curvature", z, a)),
             between(0, 1, "low high"), late("celu_curvature"),
             "torch.where({0} > 0, 0.0, torch.exp(({0}).clamp(max=0) / {1}))", smoothness=-1, defaults=(ONE,),
             is_public=False, admits=_POSITIVE),
    Function("softsign", lambda z: function("softsign_slope", z), between(-1, 1), late("softsign"),
             "torch.nn.functional.softsign({0})", "odd", "increasing", smoothness=1),
    Function("softsign_slope", _softsign_curvature, between(0, 1, "high"), late("softsign_slope"),
             "(1 + torch.abs({0})).pow(-2)", "even", smoothness=0, is_public=False),
)
