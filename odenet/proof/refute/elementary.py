"""Elementwise functions on scalars: exact where the value is a rational the table knows, else in balls.

At a jump the value is the hull of both sides, so whatever is certain at the jump is certain beside it: what holds only on a
set of measure zero never becomes a witness.
"""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from flint import arb, arb_series, fmpq

from odenet.ir import node as nodes
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS
from odenet.proof.refute.scalars import (
    ONE,
    ZERO,
    Jet,
    Scalar,
    Undefined,
    absolute,
    ball,
    core,
    exact,
    finite,
    is_nonnegative,
    is_positive,
    is_zero,
    largest,
    power,
    smallest,
)

ARGUMENT = nodes.variable("z", SCALAR)


def apply(name: str, parameters: tuple[Fraction, ...], value: Scalar) -> Scalar:
    """The function `name` at a scalar; tangents go through the derivative of its row.

    Raises:
        Undefined: outside the domain, or where no finite enclosure is known.
    """
    if not isinstance(value, Jet):
        return finite(_value(name, parameters, value))
    _away_from_kink(name, core(value))
    if name in ALGEBRAIC:
        return ALGEBRAIC[name](value, *parameters)
    slope = finite(_derivative(_slope(name, parameters), value.value))
    return Jet(apply(name, parameters, value.value), [slope * a for a in value.tangents])


@lru_cache(maxsize=256)
def _slope(name: str, parameters: tuple[Fraction, ...]) -> Node:
    return FUNCTIONS[name].derivative(ARGUMENT, *parameters)


def _derivative(slope: Node, value: Scalar) -> Scalar:
    """A scalar node in the variable `z` at a scalar: what derivatives in the table are made of."""
    if slope.op == "variable":
        return value
    if slope.op in ("number", "zeros", "ones"):
        return exact(slope.data[0]) if slope.op == "number" else ZERO if slope.op == "zeros" else ONE
    below = [_derivative(argument, value) for argument in slope.args]
    if slope.op == "function":
        return apply(slope.data[0], slope.data[1:], below[0])
    if slope.op == "power":
        return power(below[0], slope.data[0])
    if slope.op == "add":
        return sum(below[1:], below[0])
    if slope.op in ("mul", "scale"):
        return below[0] * below[1]
    raise Undefined(f"a derivative with {slope.op}")


def _away_from_kink(name: str, value: Scalar) -> None:
    """Kinks and jumps stand at zero: no derivative is taken where an argument may be zero."""
    if FUNCTIONS[name].smoothness in (-1, 0) and not (is_positive(value) or is_positive(-value)):
        raise Undefined(f"the slope of {name} at its kink")


def _value(name: str, parameters: tuple[Fraction, ...], value: Scalar) -> Scalar:
    if name in ALGEBRAIC:
        return ALGEBRAIC[name](value, *parameters)
    if isinstance(value, fmpq) and value == 0 and name in AT_ZERO:
        return AT_ZERO[name]
    if name in DOMAINS and not DOMAINS[name](value):
        raise Undefined(f"{name} outside its domain")
    return BALLS[name](ball(value), *parameters)


# --- piecewise rational functions: exact on rationals ------------------------------------------------------------


def _jump(value: Scalar, low: Scalar, high: Scalar) -> Scalar:
    """`high` for value > 0, `low` for value < 0, their hull where it is not known."""
    at = core(value)
    if is_positive(at):
        return high
    if is_positive(-at):
        return low
    return ball(low).union(ball(high))


def _bend(value: Scalar, low: Fraction) -> Scalar:
    """value for value > 0 and low * value below, for values and jets."""
    at = core(value)
    if is_positive(at):
        return value
    if is_positive(-at):
        return value * exact(low)
    if is_zero(at):
        return ZERO
    ends = (value, value * exact(low))
    return largest(ends) if low <= 1 else smallest(ends)


ALGEBRAIC: dict[str, Callable[..., Scalar]] = {
    "relu": lambda z: _bend(z, Fraction(0)),
    "leaky_relu": _bend,
    "abs": absolute,
    "sign": lambda z: _jump(z, exact(-1), ONE),
    "threshold": lambda z: _jump(z, ZERO, ONE),
    "leaky_relu_slope": lambda z, a: _jump(z, exact(a), ONE),
    "square": lambda z: z * z,
    "sqrt": lambda z: power(z, Fraction(1, 2)),
    "softsign": lambda z: z / (absolute(z) + ONE),
    "softsign_slope": lambda z: power(absolute(z) + ONE, Fraction(-2)),
    "atan_slope": lambda z: power(z * z + ONE, Fraction(-1)),
}


# --- the others: balls -------------------------------------------------------------------------------------------


def _from(condition: Callable[[arb], arb], other: Callable[[arb], arb], value: arb) -> arb:
    """One branch for value > 0, the other below, the hull of both where it is not known."""
    if is_positive(value):
        return condition(value)
    if is_positive(-value):
        return other(value)
    return condition(value).union(other(value))


def _sigmoid(z: arb) -> arb:
    return (1 + (z / 2).tanh()) / 2


def _sech(z: arb) -> arb:
    return z.sech()


def _softplus(z: arb) -> arb:
    """log(1 + exp(z)); the form with |z| stays finite for large arguments."""
    return z.max(arb(0)) + (-abs(z)).exp().log1p()


def _logcosh(z: arb) -> arb:
    return abs(z) + (-2 * abs(z)).exp().log1p() - arb.const_log2()


def _density(z: arb) -> arb:
    return (-z * z / 2).exp() / (2 * arb.pi()).sqrt()


def _normal(z: arb) -> arb:
    return (-z / arb(2).sqrt()).erfc() / 2


def _sinc_slope(z: arb, order: Fraction) -> arb:
    """The derivative of sinc of an order k: |value| <= 1/(k + 1) near 0, a power series quotient elsewhere."""
    k = int(order)
    if not (is_positive(z) or is_positive(-z)):
        return arb(0, 1) / (k + 1)
    series = arb_series([z, 1], prec=k + 1)
    return (series.sin() / series)[k] * arb.fac_ui(k)


def _elu(z: arb, a: Fraction) -> arb:
    return _from(lambda x: x, lambda x: exact(a) * x.expm1(), z)


def _elu_slope(z: arb, a: Fraction) -> arb:
    return _from(lambda _: arb(1), lambda x: exact(a) * x.exp(), z)


def _elu_curvature(z: arb, a: Fraction) -> arb:
    return _from(lambda _: arb(0), lambda x: exact(a) * x.exp(), z)


def _celu(z: arb, a: Fraction) -> arb:
    return _from(lambda x: x, lambda x: exact(a) * (x / exact(a)).expm1(), z)


def _celu_slope(z: arb, a: Fraction) -> arb:
    return _from(lambda _: arb(1), lambda x: (x / exact(a)).exp(), z)


def _celu_curvature(z: arb, a: Fraction) -> arb:
    return _from(lambda _: arb(0), lambda x: (x / exact(a)).exp(), z)


BALLS: dict[str, Callable[..., arb]] = {
    "sin": lambda z: z.sin(), "cos": lambda z: z.cos(), "tan": lambda z: z.tan(), "tan_slope": lambda z: z.sec() ** 2,
    "atan": lambda z: z.atan(), "sinc": lambda z: z.sinc(), "sinc_slope": _sinc_slope, "exp": lambda z: z.exp(),
    "log": lambda z: z.log(), "tanh": lambda z: z.tanh(), "tanh_slope": lambda z: _sech(z) ** 2, "logcosh": _logcosh,
    "sigmoid": _sigmoid, "sigmoid_slope": lambda z: _sech(z / 2) ** 2 / 4, "softplus": _softplus,
    "silu": lambda z: z * _sigmoid(z), "silu_slope": lambda z: _sigmoid(z) + z * _sech(z / 2) ** 2 / 4,
    "gelu": lambda z: z * _normal(z), "gelu_slope": lambda z: _normal(z) + z * _density(z), "normal_density": _density,
    "elu": _elu, "elu_slope": _elu_slope, "elu_curvature": _elu_curvature,
    "celu": _celu, "celu_slope": _celu_slope, "celu_curvature": _celu_curvature,
}

AT_ZERO: dict[str, Scalar] = {
    "sin": ZERO, "cos": ONE, "tan": ZERO, "tan_slope": ONE, "atan": ZERO, "sinc": ONE, "exp": ONE, "tanh": ZERO,
    "tanh_slope": ONE, "logcosh": ZERO, "sigmoid": fmpq(1, 2), "sigmoid_slope": fmpq(1, 4), "silu": ZERO,
    "silu_slope": fmpq(1, 2), "gelu": ZERO, "gelu_slope": fmpq(1, 2), "elu": ZERO, "celu": ZERO, "celu_slope": ONE,
}

DOMAINS: dict[str, Callable[[Scalar], bool]] = {"log": is_positive, "sqrt": is_nonnegative}
