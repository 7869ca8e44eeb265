"""Monotone scalars: what rises from the end of an interval is least there."""
from __future__ import annotations

from collections.abc import Callable, Iterator

from odenet.algebra.evidence import Evidence
from odenet.algebra.jacobian import Differentiator
from odenet.algebra.scalars import Atom, Scalar, TooLarge, Unsupported, rational
from odenet.algebra.setting import Setting
from odenet.algebra.substitution import occurs, replace, variables
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS

Prove = Callable[[Scalar, Setting, int], Evidence | None]


MOST_TERMS = 24  # of a scalar and its derivative; second derivatives are three times as long
MOST_LETTERS = 2000  # of its text
PRICE = 4  # a derivative costs as much work as looking at its terms so many times


def by_slope(scalar: Scalar, setting: Setting, levels: int, prove: Prove) -> Evidence | None:
    """scalar >= 0 where its derivative by one variable keeps its sign on the whole interval, by its value at the lower end.

    Source: the mean value theorem (Lipschitz functions: the fundamental theorem of calculus). The region may cut lines along the
    variable into pieces, so assumptions in which it occurs are dropped, but for its interval. Within, slopes are tried for
    another `levels - 1` times.
    """
    setting.work[0] -= PRICE * len(scalar.terms)
    if len(scalar.terms) > MOST_TERMS or len(scalar.key) > MOST_LETTERS or setting.work[0] < 0:
        return None
    for atom in variables(scalar):
        if atom.kind == "time":
            continue
        inner = setting.without(atom)
        if not is_tame(scalar, atom, inner):
            continue
        try:
            found = next((e for e in _at_ends(scalar, atom, inner, levels, prove) if e), None)
        except (Unsupported, TooLarge):
            continue
        if found:
            return found
    return None


def _at_ends(scalar: Scalar, atom: Atom, inner: Setting, levels: int, prove: Prove) -> Iterator[Evidence | None]:
    ends = inner.interval(atom)
    slope = None
    for sign, end in ((1, ends.low), (-1, ends.high)):
        if end is None:
            continue
        if slope is None:
            slope = _derivative(scalar, atom, inner)
        rising = _shown(slope.times(sign), inner, 0, levels, prove)
        least = _shown(replace(scalar, atom, rational(end)), inner, 1, levels, prove) if rising else None
        yield Evidence("slope", (atom, rational(end), sign), (rising, least)) if rising and least else None


def _derivative(scalar: Scalar, atom: Atom, setting: Setting) -> Scalar:
    """Remembered for all settings of one claim."""
    key = (scalar.key, atom.key)
    if key not in setting.slopes:
        found = Differentiator(setting.translator, atom.data[0], SCALAR, atom.kind).scalar(scalar).scalar()
        setting.slopes[key] = found
        setting.work[0] -= PRICE * len(found.terms) + len(found.key) // 10
    return setting.slopes[key]


def _shown(scalar: Scalar, setting: Setting, depth: int, levels: int, prove: Prove) -> Evidence | None:
    if len(scalar.terms) > MOST_TERMS or len(scalar.key) > MOST_LETTERS:
        return None
    return prove(scalar, setting, depth) or (by_slope(scalar, setting, levels - 1, prove) if levels > 1 else None)


def is_tame(scalar: Scalar, variable: Atom, setting: Setting) -> bool:
    """Whether it is defined and continuous along the variable in its whole interval: no jumps, roots and divisors away from 0.

    Kinks would do no harm, but are split into cases elsewhere.
    """
    for atom, e in {(a, e) for m, _ in scalar.terms for a, e in m if occurs(variable, a)}:
        ends = setting.interval(atom)
        is_negative = e.denominator == 1 and ends.high is not None and ends.high < 0
        if (e < 0 or e.denominator != 1) and (ends.low is None or ends.low <= 0) and not is_negative:
            return False
        if atom != variable and atom.kind not in ("function", "sum"):
            return False
        if atom.kind == "function" and not _is_tame(atom, setting):
            return False
        if not all(isinstance(d, Scalar) and is_tame(d, variable, setting) for d in _arguments(atom)):
            return False
    return True


def _arguments(atom: Atom) -> tuple[object, ...]:
    return atom.data[2:] if atom.kind == "function" else atom.data if atom.kind == "sum" else ()


def _is_tame(atom: Atom, setting: Setting) -> bool:
    row = FUNCTIONS[atom.data[0]]
    if row.smoothness in (-1, 0) or not isinstance(atom.data[2], Scalar):
        return False
    low = setting.enclosure(atom.data[2]).low
    return row.domain == "all" or (row.domain == "positive" and low is not None and low > 0)
