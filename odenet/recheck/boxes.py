"""Branch and bound, replayed: each leaf of the tree of boxes is enclosed once more, in balls."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from odenet.operators import enclosures
from odenet.recheck.intervals import Interval
from odenet.recheck.scalars import Scalar, Symbol, number, of
from odenet.recheck.signs import Signs

Box = dict[Symbol, Interval]
FAR = 4


def boxes(k: Signs, s: Scalar, sides: list[Any], text: str, parts: list[Any], check: Callable[..., bool]) -> bool:
    """The tree from the left, depth first: `/` a box is halved along its widest side, `+` s >= 0 there, `-` an assumption
    fails there, `*` the next part is evidence for that box."""
    start = {x: (low, high) for x, low, high in sides}
    if any(k.interval(x) != ends for x, ends in start.items()) or len(start) != len(sides):
        return False
    letters = iter(text)
    good = _tree(k, s, start, letters, parts, check)
    return good and not parts and next(letters, None) is None


def _tree(k: Signs, s: Scalar, box: Box, letters: Iterator[str], parts: list[Any], check: Callable[..., bool]) -> bool:
    letter = next(letters, "")
    k.reader.table.spend(10 * (1 + len(s.terms)))
    if letter == "/":
        return all(_tree(k, s, half, letters, parts, check) for half in halves(box))
    if letter == "+":
        ball = enclosed(k, s, box)
        low = inside(k, box).enclosure(s)[0] if ball is None or not ball.is_finite() else None
        return low >= 0 if low is not None else ball is not None and bool(ball >= 0)
    if letter == "-":
        return any((ball := enclosed(k, g, box)) is not None and ball < 0 for g in k.assumptions)
    return letter == "*" and bool(parts) and check(inside(k, box), s, parts.pop(0))


def inside(k: Signs, box: Box) -> Signs:
    """The same, in a box."""
    facts = [g for x, (low, high) in box.items() for g in (None if low is None else of(x) - number(low),
                                                           None if high is None else number(high) - of(x)) if g is not None]
    return k.assuming(*facts)


def halves(box: Box) -> list[Box]:
    widest = max(box, key=lambda x: width(box[x], all(None not in ends for ends in box.values())))
    low, high = box[widest]
    cut = middle(low, high)
    return [{**box, widest: (low, cut)}, {**box, widest: (cut, high)}]


def width(ends: Interval, is_bounded: bool) -> Fraction:
    """high - low, or the same after x / (1 + |x|) where a box is unbounded. Of several widest sides the first counts."""
    low, high = ends
    if is_bounded and low is not None and high is not None:
        return high - low
    return (Fraction(1) if high is None else high / (1 + abs(high))) - (Fraction(-1) if low is None else low / (1 + abs(low)))


def middle(low: Fraction | None, high: Fraction | None) -> Fraction:
    if low is not None and high is not None:
        return (low + high) / 2
    if low is None and high is None:
        return Fraction(0)
    end, sign = (low, 1) if low is not None else (high, -1)
    assert end is not None
    return Fraction(0) if sign * end < 0 else sign * max(FAR * abs(end), Fraction(1))


def enclosed(k: Signs, s: Scalar, box: Box) -> Any:
    """A ball around all values of s on a box, or None."""
    total = arb(0)
    for m, c in s.terms.items():
        product = _q(c)
        for x, e in m:
            value = _symbol(k, x, box)
            if value is None:
                return None
            product = product * enclosures.power(value, e)
        total = total + product
    return total


def _q(value: Fraction) -> arb:
    return arb(fmpq(value.numerator, value.denominator))


def _symbol(k: Signs, x: Symbol, box: Box) -> Any:
    if x in box:
        low, high = box[x]
        return None if low is None or high is None else _q(low).union(_q(high))
    if x.kind == "prime":
        return _q(Fraction(x.data[0]))
    if x.kind == "function" and isinstance(x.data[2], Scalar):
        inner = enclosed(k, x.data[2], box)
        return None if inner is None or not inner.is_finite() else enclosures.enclose(x.data[0], inner, *x.data[1])
    if x.kind == "sum":
        return enclosed(k, x.data[0], box)
    if x.kind in ("largest", "smallest") and isinstance(x.data[0], Scalar):
        items = [enclosed(k, item, box) for item in x.data]
        total = items[0]
        for item in items[1:]:
            if total is None or item is None:
                return None
            total = total.max(item) if x.kind == "largest" else total.min(item)
        return total
    low, high = k.interval(x)
    if low is None or high is None:
        return None
    return _q(low).union(_q(high))


