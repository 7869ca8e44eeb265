"""The checker's interval arithmetic: pairs of rational ends, None where there is none."""
from __future__ import annotations

from fractions import Fraction

from odenet.operators.between import power_between

Interval = tuple[Fraction | None, Fraction | None]
REAL: Interval = (None, None)
End = Fraction | float
_FAR = float("inf")


def add(a: Interval, b: Interval) -> Interval:
    return (None if a[0] is None or b[0] is None else a[0] + b[0]), (None if a[1] is None or b[1] is None else a[1] + b[1])


def meet(a: Interval, b: Interval) -> Interval:
    lows, highs = [x for x in (a[0], b[0]) if x is not None], [x for x in (a[1], b[1]) if x is not None]
    return max(lows, default=None), min(highs, default=None)


def multiply(a: Interval, b: Interval) -> Interval:
    products = [Fraction(0) if x == 0 or y == 0 else x * y for x in _ends(a) for y in _ends(b)]
    return _finite(min(products)), _finite(max(products))


def _ends(a: Interval) -> tuple[End, End]:
    return -_FAR if a[0] is None else a[0], _FAR if a[1] is None else a[1]


def _finite(end: End) -> Fraction | None:
    return end if isinstance(end, Fraction) else None


def raised(a: Interval, e: Fraction) -> Interval:
    """x^e for x in the interval, where it is defined."""
    if e < 0:
        return _inverse(raised(a, -e))
    if e.denominator > 1:
        return power_between(a[0], a[1], e)
    low, high = [None if x is None else x ** int(e) for x in a]
    if e % 2 or (a[0] is not None and a[0] >= 0):
        return low, high
    if a[1] is not None and a[1] <= 0:
        return high, low
    return Fraction(0), None if low is None or high is None else max(low, high)


def _inverse(a: Interval) -> Interval:
    low, high = a
    if low is not None and low >= 0:
        return (Fraction(0) if high is None else 1 / high if high else None), (1 / low if low else None)
    if high is not None and high <= 0:
        below, above = _inverse((None if high is None else -high, None if low is None else -low))
        return (None if above is None else -above), (None if below is None else -below)
    return REAL
