"""Exact rational bounds of elementwise functions and of powers on intervals; None is an infinite end."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

from odenet.operators.functions import FUNCTIONS

Ends = tuple[Fraction | None, Fraction | None]
SCALE = 2**40  # ends that are not exact are rounded outwards to a multiple of 1/SCALE
_FAR = 10**12
# where functions that are not monotone fall and rise: (from, to, sign of the slope); None is infinity
_RISING = ((Fraction(0), None, 1),)
_MONOTONE: dict[str, tuple[tuple[Fraction, Fraction | None, int], ...]] = {
    "sin": ((Fraction(-3, 2), Fraction(3, 2), 1),), "cos": ((Fraction(0), Fraction(3), -1), (Fraction(-3), Fraction(0), 1)),
    # silu is least at -1.278…, gelu at -0.751…
    "silu": _RISING, "gelu": _RISING, "abs": _RISING, "logcosh": _RISING,
}


def values_between(name: str, parameters: tuple[Fraction, ...], low: Fraction | None, high: Fraction | None) -> Ends:
    """An enclosure of all values of a function for arguments in its domain between low and high."""
    row = FUNCTIONS[name]
    whole = row.values(*parameters)
    if (low is not None and high is not None and low > high) or (low is None and high is None):
        return whole.low, whole.high
    below, above = None, None
    sign = 1 if row.increasing(*parameters) else _slope_sign(name, low, high)
    if sign:
        first, last = (low, high) if sign > 0 else (high, low)
        below = None if first is None else _value(name, parameters, first, first)[0]
        above = None if last is None else _value(name, parameters, last, last)[1]
    elif low is not None and high is not None:
        below, above = _value(name, parameters, low, high)
        if row.convex(*parameters):  # largest at an end
            tops = [_value(name, parameters, end, end)[1] for end in (low, high)]
            above = _earlier(above, None if None in tops else max(t for t in tops if t is not None))
    return _later(below, whole.low), _earlier(above, whole.high)


def _slope_sign(name: str, low: Fraction | None, high: Fraction | None) -> int:
    for start, stop, sign in _MONOTONE.get(name, ()):
        if low is not None and start <= low and (stop is None or (high is not None and high <= stop)):
            return sign
    return 0


_RATIONAL = {"abs": (-1, 1), "relu": (0, 1), "leaky_relu": (None, 1)}  # slopes below and above zero; None: the parameter


def _value(name: str, parameters: tuple[Fraction, ...], low: Fraction, high: Fraction) -> Ends:
    from odenet.operators.enclosures import enclose, rational

    if name in _RATIONAL and low == high:
        slope = _RATIONAL[name][low >= 0]
        exact = low * (parameters[0] if slope is None else slope)
        return exact, exact
    if max(abs(low), abs(high)) > _FAR:
        return None, None
    return rounded(enclose(name, rational(low).union(rational(high)), *parameters))


def rounded(ball: Any) -> Ends:
    """Rational ends around a ball; exact ones for an exact ball."""
    if not ball.is_finite() or ball.abs_upper() > _FAR:
        return None, None
    if ball.is_exact():
        value = ball.fmpq()
        exact = Fraction(int(value.p), int(value.q))
        return exact, exact
    low, high = (ball.lower() * SCALE).floor().unique_fmpz(), (ball.upper() * SCALE).ceil().unique_fmpz()
    return (None if low is None else Fraction(int(low), SCALE)), (None if high is None else Fraction(int(high), SCALE))


def power_between(low: Fraction | None, high: Fraction | None, exponent: Fraction) -> Ends:
    """An enclosure of z^exponent, exponent > 0, for z >= 0 between low and high."""
    first = _power(min(low, Fraction(_FAR)), exponent)[0] if low is not None and low > 0 else Fraction(0)
    return first or Fraction(0), None if high is None or high > _FAR else _power(max(high, Fraction(0)), exponent)[1]


def _power(value: Fraction, exponent: Fraction) -> Ends:
    """As `power_of`, in balls for exponents that are no small fractions."""
    from odenet.operators.enclosures import power, rational

    if exponent.denominator <= 12 and exponent <= 24:
        return power_of(value, exponent)
    return rounded(power(rational(value), exponent))


def power_of(value: Fraction, exponent: Fraction) -> tuple[Fraction, Fraction]:
    """Rationals around value^exponent, value >= 0 and exponent > 0; both exact for exact roots of moderate numbers."""
    from flint import fmpz

    p, q = exponent.numerator, exponent.denominator
    if max(value.numerator.bit_length(), value.denominator.bit_length()) <= 256:
        top, bottom = int(fmpz(value.numerator).root(q)), int(fmpz(value.denominator).root(q))
        if top**q == value.numerator and bottom**q == value.denominator:
            exact = Fraction(top, bottom) ** p
            return exact, exact
    # on a grid: floor((value^p SCALE^q)^(1/q)) / SCALE, the value rounded outwards first
    below, above = value.numerator * SCALE // value.denominator, -(-value.numerator * SCALE // value.denominator)
    low, high = (end**p * SCALE**q for end in (below, above))
    return (Fraction(int(fmpz(low // SCALE**p).root(q)), SCALE), Fraction(int(fmpz(-(-high // SCALE**p)).root(q)) + 1, SCALE))


def _later(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return b if a is None else a if b is None else max(a, b)


def _earlier(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return b if a is None else a if b is None else min(a, b)
