"""The least number at which a property holds, where it holds for all larger ones too, found by asking."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

LOW, HIGH = -20, 20  # powers of two between which numbers are looked for
SHARPNESS = Fraction(1, 2000)  # the relative width at which the search ends
PLAIN, DIGITS = 12, 6  # the largest denominator of a plain fraction; decimals behind the point of other numbers
TRIES = 6  # of plain numbers in the narrow interval

Holds = Callable[[Fraction], bool]


def least(holds: Holds, high: int = HIGH, first: Sequence[Fraction] = ()) -> Fraction | None:
    """The least number in [2^-20, 2^high] (or 0) at which a property that rises with its number holds, nearly; None: at none.

    It is the plainest number in the narrow interval where the property begins to hold, so that 1/2 and 0.055 are found as such.
    The numbers `first` are asked before others: a search that is cut off has them at least.
    """
    top = Fraction(2) ** high
    failed = Fraction(0)
    for number in sorted(x for x in set(first) if 0 < x < top):
        if holds(number):
            top = number
            break
        failed = number
    if top == Fraction(2) ** high and not holds(top):
        return None
    if not failed and holds(Fraction(0)):
        return Fraction(0)
    no, yes = _bracket(holds, _exponent_above(top))
    return _narrowed(holds, max(no, failed), min(yes, top))


def _exponent_above(number: Fraction) -> int:
    """The least e with number <= 2^e."""
    return next(e for e in range(LOW, HIGH + 1) if number <= Fraction(2) ** e)


def greatest(holds: Holds) -> Fraction | None:
    """The greatest number in [2^-20, 2^20] at which a property that falls with its number holds, nearly; None: at none."""
    if not holds(Fraction(2) ** LOW):
        return None
    low, high = _bracket(lambda x: not holds(x), HIGH)
    return -_narrowed(lambda x: holds(-x), -high, -low)


def _bracket(holds: Holds, high: int) -> tuple[Fraction, Fraction]:
    """Two neighbouring powers of two between which it begins to hold."""
    no, yes = LOW - 1, high
    while yes - no > 1:
        middle = (no + yes) // 2
        no, yes = (no, middle) if holds(Fraction(2) ** middle) else (middle, yes)
    return Fraction(2) ** no, Fraction(2) ** yes


def _narrowed(holds: Holds, no: Fraction, yes: Fraction) -> Fraction:
    """The bracket (no, yes] made narrow; plain numbers are asked first, every other time the middle, so that it halves."""
    turn = 0
    while yes - no > SHARPNESS * abs(yes):
        middle = plainest(no, yes)
        if middle == yes and turn % 3 == 0:  # is it here that it begins to hold?
            middle = yes - SHARPNESS * abs(yes) / 2
        elif middle == yes or turn % 2:
            middle = (no + yes) / 2
        no, yes = (no, middle) if holds(middle) else (middle, yes)
        turn += 1
    for _ in range(TRIES):
        plain = plainest(no, yes)
        if plain == yes or holds(plain):
            return plain
        no = plain
    return yes


def plainest(low: Fraction, high: Fraction) -> Fraction:
    """The number in (low, high] that is shortest to read: whole, a small fraction, a decimal of few digits; the least such."""
    scales = [*range(1, PLAIN + 1), *(10**k for k in range(2, DIGITS + 1))]
    found = (Fraction((low * scale).__floor__() + 1, scale) for scale in scales)
    return next((value for value in found if value <= high), high)


def spelled(value: Fraction) -> str:
    """A decimal number where that is exact and shorter to read, else a fraction."""
    if value.denominator > 12 and 10**6 % value.denominator == 0:
        digits = next(k for k in range(1, 7) if 10**k % value.denominator == 0)
        sign, value = "-" if value < 0 else "", abs(value)
        whole, rest = divmod(value.numerator * 10**digits // value.denominator, 10**digits)
        return f"{sign}{whole}.{rest:0{digits}d}"
    return str(value)
