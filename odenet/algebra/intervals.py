"""Intervals with rational ends; None is an infinite end."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Interval:
    """All real numbers from `low` to `high`, ends included."""

    low: Fraction | None = None
    high: Fraction | None = None

    def __add__(self, other: Interval) -> Interval:
        return Interval(_add(self.low, other.low), _add(self.high, other.high))

    def __neg__(self) -> Interval:
        return Interval(None if self.high is None else -self.high, None if self.low is None else -self.low)

    def __mul__(self, other: Interval) -> Interval:
        return _product(self, other)

    def meet(self, other: Interval) -> Interval:
        low = other.low if self.low is None else self.low if other.low is None else max(self.low, other.low)
        high = other.high if self.high is None else self.high if other.high is None else min(self.high, other.high)
        return Interval(low, high)

    def is_nonnegative(self) -> bool:
        return self.low is not None and self.low >= 0

    def is_nonpositive(self) -> bool:
        return self.high is not None and self.high <= 0

    def power(self, exponent: Fraction) -> Interval:
        """The values of x^exponent, for x in the interval and in the domain of the power."""
        if exponent.denominator != 1:
            return _root(self, exponent)
        if exponent < 0:
            return _inverse(self.power(-exponent))
        if exponent % 2:
            return Interval(_pow(self.low, exponent), _pow(self.high, exponent))
        if self.is_nonnegative():
            return Interval(_pow(self.low, exponent), _pow(self.high, exponent))
        if self.is_nonpositive():
            return (-self).power(exponent)
        ends = None if self.low is None or self.high is None else max(-self.low, self.high)
        return Interval(Fraction(0), _pow(ends, exponent))


REAL = Interval()


def point(value: Fraction | int) -> Interval:
    return Interval(Fraction(value), Fraction(value))


def _add(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return None if a is None or b is None else a + b


def _pow(value: Fraction | None, exponent: Fraction) -> Fraction | None:
    return None if value is None else value ** int(exponent)


def _product(a: Interval, b: Interval) -> Interval:
    if a == point(0) or b == point(0):
        return point(0)
    for one in (a, b):
        if one.low is not None and one.high is not None and one.low > one.high:
            return one  # nothing lies in it: assumptions that contradict each other
    if a.is_nonpositive():
        return -_product(-a, b)
    if b.is_nonpositive():
        return -_product(a, -b)
    if a.is_nonnegative() and b.is_nonnegative():
        return Interval(_times(a.low, b.low), _times(a.high, b.high))
    if a.is_nonnegative():
        return Interval(_times(a.high, b.low), _times(a.high, b.high))
    if b.is_nonnegative():
        return _product(b, a)
    if None in (a.low, a.high, b.low, b.high):
        return REAL
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None
    ends = (a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high)
    return Interval(min(ends), max(ends))


def _times(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    if (a is not None and a == 0) or (b is not None and b == 0):
        return Fraction(0)
    return None if a is None or b is None else a * b


def _inverse(a: Interval) -> Interval:
    if a.is_nonpositive():
        return -_inverse(-a)
    if not a.is_nonnegative():
        return REAL
    assert a.low is not None
    return Interval(Fraction(0) if a.high is None else 1 / a.high if a.high else None, None if a.low == 0 else 1 / a.low)


def _root(a: Interval, exponent: Fraction) -> Interval:
    """An enclosure of a fractional power, for nonnegative bases."""
    from odenet.operators.between import power_between

    if exponent < 0:
        return _inverse(_root(a, -exponent))
    return Interval(*power_between(a.low, a.high, exponent))
