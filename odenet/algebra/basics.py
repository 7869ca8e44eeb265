"""Elementwise functions written by a few basic ones: what is equal then has one normal form.

relu and threshold stand for all that is linear on both sides of zero, tanh for sigmoid and what belongs to it, and arguments have
a positive leading coefficient: relu(-z) = relu(z) - z. The identities hold almost everywhere (at a kink or a jump they may fail),
which is enough for equalities between continuous functions. Bounds are worse in this form: the sum of two ranges is not the range
of the sum.
"""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from odenet.algebra.forms import Form, constant_vector
from odenet.algebra.functions import Signs, applied, entry_power, plainly
from odenet.algebra.scalars import rational
from odenet.algebra.vectors import hadamard
from odenet.ir.sizes import SCALAR

HALF = Fraction(1, 2)
Identity = Callable[..., Form]


def by_basics(t: Signs, name: str, parameters: tuple[Fraction, ...], z: Form) -> Form:
    """name(z) for z that is not zero."""
    identity = _IDENTITIES.get(name)
    if identity is not None:
        return identity(t, z, *parameters)
    if name in ("relu", "threshold") and _leads_negative(z):
        return z + plainly(name, (), -z) if name == "relu" else _one(z) - plainly(name, (), -z)
    return plainly(name, parameters, z)


def times_argument(t: Signs, name: str, parameters: tuple[Fraction, ...], z: Form) -> Form | None:
    """z f(z) by z^2 and relu(z)^2 for a piecewise linear f, where basics are used; else None."""
    if not t.uses_basics or name not in ("relu", "leaky_relu", "abs"):
        return None
    square, half = hadamard(z, z), applied(t, "relu", (), z)
    below = {"relu": Fraction(0), "abs": Fraction(-1)}.get(name, parameters[0] if parameters else Fraction(0))
    return _times(below, square) + _times(1 - below, hadamard(half, half))


def _leads_negative(z: Form) -> bool:
    scalar = z.scalar() if z.end == SCALAR else z.terms[0][1]
    return scalar.terms[0][1] < 0


def _one(z: Form) -> Form:
    return constant_vector(z.end)


def _times(factor: Fraction | int, form: Form) -> Form:
    return form.scaled(rational(factor))


def _step(t: Signs, z: Form) -> Form:
    return applied(t, "threshold", (), z)


def _relu(t: Signs, z: Form) -> Form:
    return applied(t, "relu", (), z)


def _bars(t: Signs, z: Form) -> Form:
    return _times(2, _relu(t, z)) - z


def _sign(t: Signs, z: Form) -> Form:
    return _times(2, _step(t, z)) - _one(z)


def _leaky(t: Signs, z: Form, a: Fraction) -> Form:
    return _times(a, z) + _times(1 - a, _relu(t, z))


def _leaky_slope(t: Signs, z: Form, a: Fraction) -> Form:
    return _times(a, _one(z)) + _times(1 - a, _step(t, z))


def _elu(t: Signs, z: Form, a: Fraction) -> Form:
    # the curvature is 0 above zero and a e^z below
    return _relu(t, z) + plainly("elu_curvature", (a,), z) - _times(a, _one(z) - _step(t, z))


def _celu(t: Signs, z: Form, a: Fraction) -> Form:
    # the curvature is 0 above zero and e^(z/a) below
    return _relu(t, z) + _times(a, plainly("celu_curvature", (a,), z) - _one(z) + _step(t, z))


def _rounded_slope(name: str) -> Identity:
    return lambda t, z, a: _step(t, z) + plainly(name, (a,), z)


def _over_bars(t: Signs, z: Form, power: int) -> Form:
    """(1 + |z|)^-power"""
    return entry_power(t, _one(z) + _bars(t, z), Fraction(-power))


def _tanh(t: Signs, z: Form) -> Form:
    return applied(t, "tanh", (), z)


def _sigmoid(t: Signs, z: Form) -> Form:
    return _times(HALF, _one(z) + _tanh(t, _times(HALF, z)))


def _tanh_slope(t: Signs, z: Form) -> Form:
    value = _tanh(t, z)
    return _one(z) - hadamard(value, value)


def _sigmoid_slope(t: Signs, z: Form) -> Form:
    return _times(Fraction(1, 4), _tanh_slope(t, _times(HALF, z)))


def _softplus(t: Signs, z: Form) -> Form:
    # log(e^(z/2) 2 cosh(z/2))
    half, log2 = _times(HALF, z), plainly("log", (), constant_vector(SCALAR, rational(2))).scalar()
    return half + applied(t, "logcosh", (), half) + _one(z).scaled(log2)


def _atan_slope(t: Signs, z: Form) -> Form:
    return entry_power(t, _one(z) + hadamard(z, z), Fraction(-1))


def _tan_slope(t: Signs, z: Form) -> Form:
    value = applied(t, "tan", (), z)
    return _one(z) + hadamard(value, value)


def _silu(t: Signs, z: Form) -> Form:
    return hadamard(z, _sigmoid(t, z))


def _silu_slope(t: Signs, z: Form) -> Form:
    return _sigmoid(t, z) + hadamard(z, _sigmoid_slope(t, z))


_IDENTITIES: dict[str, Identity] = {
    "abs": _bars, "sign": _sign, "leaky_relu": _leaky, "leaky_relu_slope": _leaky_slope, "elu": _elu, "celu": _celu,
    "elu_slope": _rounded_slope("elu_curvature"), "celu_slope": _rounded_slope("celu_curvature"),
    "softsign": lambda t, z: hadamard(_sign(t, z), _one(z) - _over_bars(t, z, 1)),
    "softsign_slope": lambda t, z: _over_bars(t, z, 2),
    "sigmoid": _sigmoid, "sigmoid_slope": _sigmoid_slope, "tanh_slope": _tanh_slope, "softplus": _softplus,
    "atan_slope": _atan_slope, "tan_slope": _tan_slope, "silu": _silu, "silu_slope": _silu_slope,
}
DERIVED = frozenset(_IDENTITIES) | {"relu", "threshold", "atan", "tanh"}
