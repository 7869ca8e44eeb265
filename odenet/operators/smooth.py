"""The analytic elementwise functions and their slopes."""
from __future__ import annotations

from fractions import Fraction

from odenet.ir.node import Node, add, function, mul, negate, number, ones, power, scale
from odenet.ir.sizes import Space
from odenet.operators.row import Function, Range, between, late

HALF = Fraction(1, 2)
REAL = between(None, None)


def _one_like(z: Node) -> Node:
    return ones(z.space) if isinstance(z.space, Space) and z.space.sizes else number(1)


def _times(factor: int | Fraction, value: Node) -> Node:
    return scale(number(factor), value)


def _silu_curvature(z: Node) -> Node:
    # s'(z) (2 - z tanh(z/2)), where s is the sigmoid
    bracket = add(_times(2, _one_like(z)), negate(mul(z, function("tanh", _times(HALF, z)))))
    return mul(function("sigmoid_slope", z), bracket)


def _gelu_curvature(z: Node) -> Node:
    return mul(function("normal_density", z), add(_times(2, _one_like(z)), negate(power(z, 2))))


def _atan_integral(z: Node) -> Node:
    return add(mul(z, function("atan", z)), _times(-HALF, function("log", add(_one_like(z), power(z, 2)))))


def _log_integral(z: Node) -> Node:
    return add(mul(z, function("log", z)), negate(z))


def _sinc_values(order: Fraction) -> Range:
    # the k-th derivative is the integral over [0, 1] of s^k cos(z s + k pi/2), so |f| <= 1/(k + 1)
    end = 1 / (order + 1)
    return Range(-end, end, is_sharp=False)


TRIGONOMETRIC = (
    Function("sin", lambda z: function("cos", z), between(-1, 1, "low high"), late("sin"), "torch.sin({0})", "odd",
             antiderivative=lambda z: negate(function("cos", z))),
    Function("cos", lambda z: negate(function("sin", z)), between(-1, 1, "low high"), late("cos"), "torch.cos({0})",
             "even", antiderivative=lambda z: function("sin", z)),
    Function("tan", lambda z: function("tan_slope", z), REAL, late("tan"), "torch.tan({0})", "odd",
             domain="off the poles"),
    Function("tan_slope", lambda z: _times(2, mul(function("tan", z), function("tan_slope", z))),
             between(1, None, "low"), late("tan_slope"), "torch.cos({0}).pow(-2)", "even", domain="off the poles",
             is_public=False, antiderivative=lambda z: function("tan", z)),
    Function("atan", lambda z: function("atan_slope", z), between("-11/7", "11/7", is_sharp=False), late("atan"),
             "torch.atan({0})", "odd", "increasing", antiderivative=_atan_integral),
    Function("atan_slope", lambda z: _times(-2, mul(z, power(function("atan_slope", z), 2))),
             between(0, 1, "high"), late("atan_slope"), "1 / (1 + ({0}).square())", "even", is_public=False,
             antiderivative=lambda z: function("atan", z)),
    Function("sinc", lambda z: function("sinc_slope", z, Fraction(1)),
             between("-21724/100000", 1, "high", is_sharp=False), late("sinc"), "torch.sinc(({0}) / math.pi)", "even"),
    Function("sinc_slope", lambda z, k: function("sinc_slope", z, k + 1), _sinc_values, late("sinc_slope"),
             "sinc_slope({0}, {1})", None, defaults=(Fraction(1),), is_public=False, runtime="sinc_slope"),
)

EXPONENTIAL = (
    Function("exp", lambda z: function("exp", z), between(0, None), late("exp"), "torch.exp({0})",
             monotone="increasing", is_convex=True, antiderivative=lambda z: function("exp", z)),
    Function("log", lambda z: power(z, -1), REAL, late("log"), "torch.log({0})", monotone="increasing",
             domain="positive", antiderivative=_log_integral),
    Function("tanh", lambda z: function("tanh_slope", z), between(-1, 1), late("tanh"), "torch.tanh({0})", "odd",
             "increasing", antiderivative=lambda z: function("logcosh", z)),
    Function("tanh_slope", lambda z: _times(-2, mul(function("tanh", z), function("tanh_slope", z))),
             between(0, 1, "high"), late("tanh_slope"), "(1 - torch.tanh({0}).square())", "even", is_public=False,
             antiderivative=lambda z: function("tanh", z)),
    Function("logcosh", lambda z: function("tanh", z), between(0, None, "low"), late("logcosh"),
             "(torch.logaddexp({0}, -({0})) - math.log(2))", "even", is_convex=True),
    Function("sigmoid", lambda z: function("sigmoid_slope", z), between(0, 1), late("sigmoid"), "torch.sigmoid({0})",
             monotone="increasing", antiderivative=lambda z: function("softplus", z)),
    Function("sigmoid_slope",
             lambda z: negate(mul(function("sigmoid_slope", z), function("tanh", _times(HALF, z)))),
             between(0, "1/4", "high"), late("sigmoid_slope"), "(torch.sigmoid({0}) * torch.sigmoid(-({0})))", "even",
             is_public=False, antiderivative=lambda z: function("sigmoid", z)),
    Function("softplus", lambda z: function("sigmoid", z), between(0, None), late("softplus"),
             "torch.nn.functional.softplus({0}, threshold=40.0)", monotone="increasing", is_convex=True),
    Function("silu", lambda z: function("silu_slope", z), between("-27847/100000", None, is_sharp=False),
             late("silu"), "torch.nn.functional.silu({0})"),
    Function("silu_slope", _silu_curvature, between("-9984/100000", "109984/100000", is_sharp=False),
             late("silu_slope"), "(torch.sigmoid({0}) * (1 + ({0}) * torch.sigmoid(-({0}))))", is_public=False,
             antiderivative=lambda z: function("silu", z)),
    Function("gelu", lambda z: function("gelu_slope", z), between("-16998/100000", None, is_sharp=False),
             late("gelu"), "torch.nn.functional.gelu({0})"),
    Function("gelu_slope", _gelu_curvature, between("-12891/100000", "112891/100000", is_sharp=False),
             late("gelu_slope"),
             "(torch.special.ndtr({0}) + ({0}) * torch.exp(-0.5 * ({0}).square()) / math.sqrt(2 * math.pi))",
             is_public=False, antiderivative=lambda z: function("gelu", z)),
    Function("normal_density", lambda z: negate(mul(z, function("normal_density", z))),
             between(0, "39895/100000", is_sharp=False), late("normal_density"),
             "(torch.exp(-0.5 * ({0}).square()) / math.sqrt(2 * math.pi))", "even", is_public=False),
)

ALGEBRAIC = (
    Function("sqrt", lambda z: _times(HALF, power(z, -HALF)), between(0, None, "low"), late("sqrt"),
             "torch.sqrt({0})", monotone="increasing", domain="nonnegative",
             antiderivative=lambda z: _times(Fraction(2, 3), power(z, Fraction(3, 2)))),
    Function("square", lambda z: _times(2, z), between(0, None, "low"), late("square"), "torch.square({0})", "even",
             is_convex=True, antiderivative=lambda z: _times(Fraction(1, 3), power(z, 3))),
)

SMOOTH = (*TRIGONOMETRIC, *EXPONENTIAL, *ALGEBRAIC)
