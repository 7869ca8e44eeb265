"""The elementwise functions in ball arithmetic: each value is enclosed, whatever the ball of the argument.

A ball over a kink or a jump gives a ball over all that the function takes there: both slopes of relu at 0.
"""
from __future__ import annotations

from collections.abc import Callable

from flint import arb, fmpq

Ball = arb
Rule = Callable[..., arb]


def rational(value: object) -> arb:
    """An exact rational (or a float, or a ball) as a ball."""
    if isinstance(value, arb):
        return value
    if isinstance(value, float):
        return arb(value)
    return arb(fmpq(value.numerator, value.denominator))  # type: ignore[attr-defined]


ZERO, ONE, HALF = arb(0), arb(1), rational(arb(1) / 2)


def monotone(rule: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """A monotone function of a ball: the hull of its values at the ends."""
    return lambda z: rule(z) if z.is_exact() else rule(z.lower()).union(rule(z.upper()))


def even(rule: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """An even function that is monotone for z >= 0: the hull of its values at the ends of |z|."""
    return lambda z: rule(z.abs_lower()).union(rule(z.abs_upper()))


def _split(z: arb, above: Callable[[arb], arb], below: Callable[[arb], arb]) -> arb:
    """One rule for z > 0, another for z <= 0; a ball over 0 gives the hull of both on their sides."""
    if z > 0:
        return above(z)
    if z.upper() <= 0:
        return below(z)
    up, down = ZERO.union(z.upper()), z.lower().union(ZERO)
    return above(up).union(below(down))


def threshold(z: arb) -> arb:
    return _split(z, lambda _: ONE, lambda _: ZERO)


def sign(z: arb) -> arb:
    if z > 0 or z < 0:
        return ONE if z > 0 else -ONE
    return ZERO if z.is_zero() else (-ONE).union(ONE)


def _logcosh(z: arb) -> arb:
    return z + (-2 * z).exp().log1p() - arb(2).log()  # for z >= 0


def _sigmoid(z: arb) -> arb:
    return 1 / (1 + (-z).exp())


def _sigmoid_slope(z: arb) -> arb:
    return (z / 2).sech() ** 2 / 4


def density(z: arb) -> arb:
    return even(lambda x: (-x * x / 2).exp() / (2 * arb.pi()).sqrt())(z)


def _normal(z: arb) -> arb:
    return (-z / arb(2).sqrt()).erfc() / 2


def silu(z: arb) -> arb:
    return z * monotone(_sigmoid)(z)


def silu_slope(z: arb) -> arb:
    return monotone(_sigmoid)(z) + z * even(_sigmoid_slope)(z)


def gelu(z: arb) -> arb:
    return z * monotone(_normal)(z)


def gelu_slope(z: arb) -> arb:
    return monotone(_normal)(z) + z * density(z)


def sinc_slope(z: arb, order: arb) -> arb:
    """The k-th derivative of sinc: the integral over [0, 1] of s^k cos(z s + k pi/2) ds."""
    k = int(order.mid().floor().unique_fmpz() or 0)
    if not z.contains(0):
        value = z.sin() / z
        for i in range(1, k + 1):
            value = ((z + i * arb.pi() / 2).sin() - i * value) / z
        return value.intersection(arb(0, 1 / (k + 1 - 1e-9)))
    # f(0) + z f'(somewhere between), and |f'| <= 1/(k + 2)
    at_zero = (k * arb.pi() / 2).cos() / (k + 1)
    return at_zero + z * arb(0, 1) / (k + 2)


def tan(z: arb) -> arb:
    return z.tan()


def softsign(z: arb) -> arb:
    return monotone(lambda x: x / (1 + abs(x)))(z)


def _leaky(z: arb, a: arb) -> arb:
    return _split(z, lambda x: x, lambda x: a * x)


def _elu(z: arb, a: arb) -> arb:
    return monotone(lambda x: _split(x, lambda y: y, lambda y: a * y.expm1()))(z)


def _celu(z: arb, a: arb) -> arb:
    return monotone(lambda x: _split(x, lambda y: y, lambda y: a * (y / a).expm1()))(z)


def root(z: arb) -> arb:
    """The square root; a ball that reaches below 0 is cut there (the argument is known to be at least 0)."""
    return monotone(lambda x: x.nonnegative_part().sqrt())(z)


ENCLOSURES: dict[str, Rule] = {
    "sin": lambda z: z.sin(),
    "cos": lambda z: z.cos(),
    "tan": tan,
    "tan_slope": lambda z: z.sec() ** 2,
    "atan": monotone(arb.atan),
    "atan_slope": even(lambda x: 1 / (1 + x * x)),
    "sinc": lambda z: sinc_slope(z, ZERO),
    "sinc_slope": sinc_slope,
    "exp": monotone(arb.exp),
    "log": monotone(arb.log),
    "tanh": monotone(arb.tanh),
    "tanh_slope": even(lambda x: x.sech() ** 2),
    "logcosh": even(_logcosh),
    "sigmoid": monotone(_sigmoid),
    "sigmoid_slope": even(_sigmoid_slope),
    "softplus": monotone(lambda z: z.exp().log1p()),
    "silu": silu,
    "silu_slope": silu_slope,
    "gelu": gelu,
    "gelu_slope": gelu_slope,
    "normal_density": density,
    "sqrt": root,
    "square": even(lambda x: x * x),
    "abs": even(lambda x: x),
    "sign": sign,
    "threshold": threshold,
    "relu": monotone(lambda z: z.nonnegative_part()),
    "leaky_relu": _leaky,
    "leaky_relu_slope": lambda z, a: _split(z, lambda _: ONE, lambda _: a),
    "elu": _elu,
    "elu_slope": lambda z, a: _split(z, lambda _: ONE, lambda x: a * x.exp()),
    "elu_curvature": lambda z, a: _split(z, lambda _: ZERO, lambda x: a * x.exp()),
    "celu": _celu,
    "celu_slope": lambda z, a: _split(z, lambda _: ONE, lambda x: (x / a).exp()),
    "celu_curvature": lambda z, a: _split(z, lambda _: ZERO, lambda x: (x / a).exp()),
    "softsign": softsign,
    "softsign_slope": even(lambda x: 1 / (1 + x) ** 2),
}


def enclose(name: str, z: arb, *parameters: object) -> arb:
    """The function `name` of a ball, with exact parameters."""
    return ENCLOSURES[name](z, *(rational(p) for p in parameters))


def power(z: arb, exponent: object) -> arb:
    """z^exponent for an exact exponent; not finite where it is not defined on the whole ball."""
    numerator, denominator = exponent.numerator, exponent.denominator  # type: ignore[attr-defined]
    if denominator == 1 and numerator >= 0:
        return even(lambda x: x**numerator)(z) if numerator % 2 == 0 else monotone(lambda x: x**numerator)(z)
    if denominator == 1:
        return 1 / power(z, -numerator)
    if numerator > 0:
        return monotone(lambda x: _root_power(x, numerator, denominator))(z) if z.lower() >= 0 else arb.nan()
    return 1 / power(z, -exponent)  # type: ignore[operator]


def _root_power(z: arb, numerator: int, denominator: int) -> arb:
    return arb(0) if z.is_zero() else (z.log() * arb(fmpq(numerator, denominator))).exp()
