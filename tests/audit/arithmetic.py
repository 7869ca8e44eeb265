"""Numbers of the audit: balls of real numbers, and power series of them; each elementwise function by its definition.

A comparison that the balls do not decide raises `Unsure`: nothing is concluded there.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import factorial
from typing import Any, Union

from flint import arb, arb_series, ctx

Number = Union[arb, arb_series]
BITS = 256


class Unsure(Exception):
    """Not known well enough here: a kink, a pole, a number that is not finite, no member, no solution."""


class Undefined(Unsure):
    """No number at all: a root or a logarithm of what is negative."""


@contextmanager
def precision(bits: int = BITS, terms: int | None = None) -> Iterator[None]:
    """Work with so many bits, and with power series of so many terms."""
    before = ctx.prec, ctx.cap
    try:
        ctx.prec = bits
        if terms is not None:
            ctx.cap = terms
        yield
    finally:
        ctx.prec, ctx.cap = before


def real(value: int | Fraction | float) -> arb:
    """A ball that holds the value (of a float exactly)."""
    if isinstance(value, Fraction):
        return arb(value.numerator) / arb(value.denominator)
    return arb(value)


def constant(z: Number) -> arb:
    """The number itself, or the constant term of a series."""
    return z[0] if isinstance(z, arb_series) else z


def coefficients(z: Number, count: int) -> list[arb]:
    return [z[k] for k in range(count)] if isinstance(z, arb_series) else [z, *[arb(0)] * (count - 1)]


def sign(z: Number) -> int:
    """-1, 0 or 1. A series that crosses zero has no sign."""
    c = constant(z)
    if c > 0 or c < 0:
        return 1 if c > 0 else -1
    if isinstance(z, arb_series) and any(z[k] != 0 for k in range(z.length())):
        raise Unsure("a kink")
    if c != 0:
        raise Unsure("a sign")
    return 0


def is_finite(z: Number) -> bool:
    return all(c.is_finite() for c in coefficients(z, ctx.cap if isinstance(z, arb_series) else 1))


def absolute(z: Number) -> Number:
    s = sign(z)
    return z if s > 0 else -z if s < 0 else z * 0


def larger(a: Number, b: Number) -> Number:
    return a if sign(a - b) >= 0 else b


def smaller(a: Number, b: Number) -> Number:
    return b if sign(a - b) >= 0 else a


def root(z: Number) -> Number:
    """The square root; of exactly zero it is zero."""
    s = sign(z)
    if s < 0:
        raise Undefined("a root")
    if s == 0 and isinstance(z, arb_series):
        raise Unsure("a root")
    return z.sqrt() if s else z * 0


def power(z: Number, exponent: Fraction) -> Number:
    """z^(p/q), by products where the exponent is whole; else of a positive z."""
    if exponent.denominator == 1:
        result = one(z)
        for _ in range(abs(int(exponent))):
            result = result * z
        return result if exponent >= 0 else inverse(result)
    s = sign(z)
    if s < 0:
        raise Undefined("a power")
    if s == 0 and (exponent < 0 or isinstance(z, arb_series)):
        raise Unsure("a power")
    return (z.log() * real(exponent)).exp() if s else z * 0


def one(z: Number) -> Number:
    return z * 0 + 1


def inverse(z: Number) -> Number:
    if sign(one(z) * constant(z)) == 0:
        raise Unsure("a pole")
    return one(z) / z


def _erf(z: Number) -> Number:
    return z.erf()


def _normal(z: Number) -> Number:
    return (_erf(z * real(Fraction(1, 2)).sqrt()) + 1) * real(Fraction(1, 2))


def _density(z: Number) -> Number:
    return (-z * z * real(Fraction(1, 2))).exp() / (2 * arb.pi()).sqrt()


def _logistic(z: Number) -> Number:
    return one(z) / ((-z).exp() + 1)


def _tanh(z: Number) -> Number:
    e = (-2 * absolute(z)).exp() if sign(one(z) * constant(z)) else (-2 * z).exp()
    value = (1 - e) / (1 + e)
    return -value if constant(z) < 0 else value


def _tanh_slope(z: Number) -> Number:
    e, f = z.exp(), (-z).exp()
    half = (e + f) * real(Fraction(1, 2))
    return one(z) / (half * half)


def _sinc(z: Number, order: Fraction = Fraction(0)) -> Number:
    """The derivative of that order of sin(z)/z = sum (-1)^j z^(2j) / (2j + 1)!, term by term."""
    k = int(order)
    if k == 0 and constant(z) != 0:
        return z.sin() / z
    if not abs(constant(z)) < 8:
        raise Unsure("a series that is too long")
    result = z * 0
    for j in range((k + 1) // 2, 60):
        factor = Fraction((-1) ** j * factorial(2 * j), factorial(2 * j + 1) * factorial(2 * j - k))
        result = result + real(factor) * power(z, Fraction(2 * j - k))
    return result + arb(0, 1e-60)


def _piece(above: Callable[[Number], Number], below: Callable[[Number], Number]) -> Callable[[Number], Number]:
    """One formula where z > 0, the other where z <= 0."""
    def value(z: Number) -> Number:
        return above(z) if sign(z) > 0 else below(z)

    return value


def _elu(z: Number, a: Fraction) -> Number:
    return _piece(lambda x: x, lambda x: (x.exp() - 1) * real(a))(z)


def _celu(z: Number, a: Fraction) -> Number:
    return _piece(lambda x: x, lambda x: ((x / real(a)).exp() - 1) * real(a))(z)


# name -> the value at z, with the exact parameters that follow; nothing here is taken from the tables of the compiler
FUNCTIONS: dict[str, Callable[..., Number]] = {
    "sin": lambda z: z.sin(), "cos": lambda z: z.cos(), "tan": lambda z: z.sin() * inverse(z.cos()),
    "tan_slope": lambda z: inverse(z.cos() * z.cos()), "atan": lambda z: z.atan(), "atan_slope": lambda z: inverse(z * z + 1),
    "sinc": _sinc, "sinc_slope": _sinc, "exp": lambda z: z.exp(),
    "log": lambda z: _positive(z).log(), "tanh": _tanh, "tanh_slope": _tanh_slope,
    "logcosh": lambda z: ((z.exp() + (-z).exp()) * real(Fraction(1, 2))).log(), "sigmoid": _logistic,
    "sigmoid_slope": lambda z: _logistic(z) * _logistic(-z), "softplus": lambda z: (z.exp() + 1).log(),
    "silu": lambda z: z * _logistic(z), "silu_slope": lambda z: _logistic(z) + z * _logistic(z) * _logistic(-z),
    "gelu": lambda z: z * _normal(z), "gelu_slope": lambda z: _normal(z) + z * _density(z), "normal_density": _density,
    "sqrt": root, "square": lambda z: z * z, "abs": absolute, "sign": lambda z: one(z) * sign(z),
    "threshold": _piece(one, lambda z: z * 0), "relu": _piece(lambda z: z, lambda z: z * 0),
    "leaky_relu": lambda z, a: _piece(lambda x: x, lambda x: x * real(a))(z),
    "leaky_relu_slope": lambda z, a: _piece(one, lambda x: one(x) * real(a))(z),
    "elu": _elu, "elu_slope": lambda z, a: _piece(one, lambda x: x.exp() * real(a))(z),
    "elu_curvature": lambda z, a: _piece(lambda x: x * 0, lambda x: x.exp() * real(a))(z),
    "celu": _celu, "celu_slope": lambda z, a: _piece(one, lambda x: (x / real(a)).exp())(z),
    "celu_curvature": lambda z, a: _piece(lambda x: x * 0, lambda x: (x / real(a)).exp())(z),
    "softsign": lambda z: z / (absolute(z) + 1), "softsign_slope": lambda z: inverse((absolute(z) + 1) * (absolute(z) + 1)),
}


def _positive(z: Number) -> Number:
    if sign(z) <= 0:
        raise Undefined("a logarithm")
    return z


def function(name: str, z: Number, *parameters: Fraction) -> Any:
    return FUNCTIONS[name](z, *parameters)
