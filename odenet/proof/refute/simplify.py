"""A witness made readable: fewer digits, more zeros, as long as it stays a violation."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import floor

from odenet.proof.refute.cases import Case
from odenet.proof.refute.edits import edited, places, plainer, read
from odenet.proof.refute.relevant import Scope

TRIALS = 160
MANY = 60  # entries beyond which a case stays as it is


def simplified(scope: Scope, case: Case, holds: Callable[[Case], bool]) -> Case:
    """The case with one entry after another replaced by a simpler number while `holds` does."""
    trials = TRIALS
    for change in plainer(scope, case):
        trials -= 1
        candidate = change(case)
        case = candidate if holds(candidate) else case
    for spot in places(scope, case, directions=True)[:MANY]:
        for value in _simpler(read(case, spot)):
            if trials == 0:
                return case
            trials -= 1
            candidate = edited(case, spot, lambda _, value=value: value)  # type: ignore[misc]
            if holds(candidate):
                case = candidate
                break
    return case


def _simpler(value: Fraction) -> Iterator[Fraction]:
    """Simpler numbers near a number, the simplest first."""
    weight = _weight(value)
    whole = Fraction(floor(value))
    halves, tenths = Fraction(round(2 * value), 2), Fraction(round(10 * value), 10)
    tried = [Fraction(0), Fraction(1), Fraction(-1), whole, whole + 1, halves, tenths]
    for candidate in dict.fromkeys(tried):
        if _weight(candidate) < weight:
            yield candidate


def _weight(value: Fraction) -> tuple[int, int, int]:
    return (0 if value == 0 else 1 if abs(value) == 1 else 2, value.denominator, abs(value.numerator) * 2 + (value < 0))
