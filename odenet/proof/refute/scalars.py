"""Numbers of the attack: exact rationals as long as they stay exact, then balls, then either with tangents.

A scalar is an `fmpq` (exact), an `arb` (a ball that holds the true number, for certain) or a `Jet` (one of these with its
derivatives along some directions). Mixed operations give the safer of the two, so an evaluation is exact wherever it can be.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from flint import arb, fmpq

Scalar = Any  # fmpq | arb | Jet

ZERO, ONE = fmpq(0), fmpq(1)
LONGEST = 1500  # bits of a rational beyond which it goes on as a ball


class Undefined(Exception):
    """The expression has no value here, or none that the attack can enclose."""


class Jet:
    """A value and its derivatives along the directions that were seeded."""

    __slots__ = ("tangents", "value")

    def __init__(self, value: Scalar, tangents: list[Scalar]) -> None:
        self.value = value
        self.tangents = tangents

    def __add__(self, other: Scalar) -> Jet:
        if isinstance(other, Jet):
            return Jet(self.value + other.value, [a + b for a, b in zip(self.tangents, other.tangents, strict=True)])
        return Jet(self.value + other, self.tangents)

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return Jet(-self.value, [-a for a in self.tangents])

    def __sub__(self, other: Scalar) -> Jet:
        return self.__add__(-other)

    def __rsub__(self, other: Scalar) -> Jet:
        return self.__neg__().__add__(other)

    def __mul__(self, other: Scalar) -> Jet:
        if isinstance(other, Jet):
            u, v = self.value, other.value
            return Jet(u * v, [a * v + u * b for a, b in zip(self.tangents, other.tangents, strict=True)])
        return Jet(self.value * other, [a * other for a in self.tangents])

    __rmul__ = __mul__

    def __truediv__(self, other: Scalar) -> Jet:
        if isinstance(other, Jet):
            return self.__mul__(power(other, Fraction(-1)))
        return Jet(self.value / other, [a / other for a in self.tangents])

    def __rtruediv__(self, other: Scalar) -> Jet:
        return Jet.__mul__(power(self, Fraction(-1)), other)


def exact(value: int | Fraction) -> Scalar:
    """A rational as a scalar."""
    return fmpq(value.numerator, value.denominator)


def fraction(value: Scalar) -> Fraction:
    """An exact scalar as a Fraction."""
    return Fraction(int(value.p), int(value.q))


def ball(value: Scalar) -> arb:
    """An exact or enclosed number as a ball of the working precision."""
    return value if isinstance(value, arb) else arb(value)


def core(value: Scalar) -> Scalar:
    """The number below all tangents."""
    while isinstance(value, Jet):
        value = value.value
    return value


def tame(value: Scalar) -> Scalar:
    """A rational that has grown too long as a ball; everything else as it is."""
    if isinstance(value, fmpq):
        return arb(value) if value.q.bit_length() + value.p.bit_length() > LONGEST else value
    if isinstance(value, Jet):
        return Jet(tame(value.value), [tame(a) for a in value.tangents])
    return value


def is_zero(value: Scalar) -> bool:
    """Whether a number is exactly zero, for certain."""
    return bool(value == 0) if isinstance(value, fmpq) else isinstance(value, arb) and bool(value.is_zero())


def is_nonzero(value: Scalar) -> bool:
    """Whether a number is certainly not zero. A ball that is not finite decides nothing."""
    if isinstance(value, fmpq):
        return bool(value != 0)
    return bool(value.is_finite()) and bool(value.abs_lower() > 0)


def is_positive(value: Scalar) -> bool:
    """Whether a number is certainly > 0."""
    return bool(value > 0) if isinstance(value, fmpq) else bool(value.is_finite()) and bool(value > 0)


def is_nonnegative(value: Scalar) -> bool:
    """Whether a number is certainly >= 0."""
    return bool(value >= 0) if isinstance(value, fmpq) else bool(value.is_finite()) and bool(value >= 0)


def approximate(value: Scalar) -> float:
    """A float near the number; nan where it is not known."""
    value = core(value)
    if isinstance(value, fmpq):
        value = arb(value)
    return float(value.mid()) if value.is_finite() else float("nan")


def absolute(value: Scalar) -> Scalar:
    """|value| of a number or a jet (the slope at a zero is the hull of -1 and 1)."""
    if not isinstance(value, Jet):
        return abs(value)
    at = core(value)
    if is_positive(at):
        return value
    if is_positive(-at):
        return -value
    return Jet(absolute(value.value), [a * arb(0, 1) for a in value.tangents])


def largest(values: Sequence[Scalar]) -> Scalar:
    """The maximum. Raises Undefined for tangents where it is not certain which value is the largest."""
    best = [v for v in values if not any(is_positive(core(w) - core(v)) for w in values)]
    if len(best) > 1 and any(isinstance(v, Jet) for v in best):
        raise Undefined("the slope of a maximum at its kink")
    return best[0] if len(best) == 1 else _maximum(best)


def smallest(values: Sequence[Scalar]) -> Scalar:
    return -largest([-v for v in values])


def _maximum(values: Sequence[Scalar]) -> Scalar:
    if all(isinstance(v, fmpq) for v in values):
        return max(values)
    best = ball(values[0])
    for value in values[1:]:
        best = best.max(ball(value))
    return best


def power(base: Scalar, exponent: Fraction) -> Scalar:
    """base^exponent for an exact exponent; a broken exponent asks for a base that is certainly >= 0."""
    if exponent == 0:
        return ONE
    if isinstance(base, Jet):
        slope = power(base.value, exponent - 1) * exact(exponent)
        return Jet(power(base.value, exponent), [slope * a for a in base.tangents])
    if exponent.denominator == 1:
        return _whole_power(base, int(exponent))
    if not is_nonnegative(base):
        raise Undefined("a root of a number that may be negative")
    return _whole_power(_root(base, exponent.denominator), exponent.numerator)


def finite(value: Scalar) -> Scalar:
    """The number itself. Raises Undefined when its ball is not finite, so that no such ball travels on."""
    if isinstance(value, arb) and not value.is_finite():
        raise Undefined("no finite enclosure")
    return value


def _whole_power(base: Scalar, exponent: int) -> Scalar:
    if exponent < 0:
        if is_zero(base):
            raise Undefined("a division by zero")
        return finite(1 / _whole_power(base, -exponent))
    if isinstance(base, fmpq):
        return base ** exponent
    result: Scalar = ONE
    while exponent:  # squarings: the library's power gives up on balls around zero
        result, base, exponent = result * base if exponent & 1 else result, base * base, exponent >> 1
    return result


def _root(base: Scalar, degree: int) -> Scalar:
    if isinstance(base, fmpq):
        top, bottom = _whole_root(int(base.p), degree), _whole_root(int(base.q), degree)
        if top is not None and bottom is not None:
            return fmpq(top, bottom)
    return ball(base).root(degree)


def _whole_root(value: int, degree: int) -> int | None:
    """The exact root of a natural number, if it is one (small degrees and numbers only)."""
    if value.bit_length() > 256 or degree > 8:
        return None
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= value else (low, middle - 1)
    return low if low**degree == value else None


def total(values: Iterable[Scalar]) -> Scalar:
    result: Scalar = ZERO
    for value in values:
        result = result + value
    return result


def inner(left: Sequence[Scalar], right: Sequence[Scalar]) -> Scalar:
    """The inner product; exact zeros on the left cost nothing."""
    result: Scalar = ZERO
    for a, b in zip(left, right, strict=True):
        if isinstance(a, fmpq) and a == 0:
            continue
        result = result + a * b
    return result
