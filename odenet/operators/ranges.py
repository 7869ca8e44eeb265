"""Ranges of scalar (or entry by entry) expressions by interval arithmetic on exact ends.

Every rule is an enclosure; `is_sharp` is kept only where the ends are the infimum and the supremum: for one function of one
free argument, with numbers added and multiplied.
"""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from odenet.ir.node import Node
from odenet.operators.functions import row_of, values_of
from odenet.operators.row import Range

FREE = Range(None, None)
Leaf = Callable[[Node], Range]
_KEEP = frozenset(("spread", "channels", "index", "slice", "mean"))


def value_range(node: Node, leaf: Leaf) -> Range:
    """A range that every entry of the node lies in, when `leaf` gives those of its leaves."""
    known: dict[Node, Range] = {}
    for n in node.walk():
        known[n] = _range(n, [known[a] for a in n.args], leaf)
    return known[node]


def point(value: Fraction) -> Range:
    return Range(value, value, True, True)


def _range(n: Node, args: list[Range], leaf: Leaf) -> Range:
    if n.op in ("number", "zeros", "ones"):
        return point(Fraction(n.data[0] if n.op == "number" else int(n.op == "ones")))
    if n.op in ("mul", "scale"):
        return _square(args[0]) if n.args[0] == n.args[1] else multiply(args[0], args[1])
    if n.op == "add":
        total = args[0]
        for other in args[1:]:
            total = add(total, other)
        return total
    if n.op == "function":
        return _function(n, args[0])
    if n.op == "power":
        return _power(args[0], n.data[0])
    if n.op in ("largest", "smallest"):
        return _extreme(n.op, args)
    if n.op in _KEEP:
        return args[0]
    if n.op in ("norm", "softmax", "eye"):
        return Range(Fraction(0), None if n.op == "norm" else Fraction(1), is_sharp=False)
    return leaf(n) if not n.args else Range(None, None, is_sharp=False)


def is_point(range: Range) -> bool:
    return range.low is not None and range.low == range.high


def add(a: Range, b: Range) -> Range:
    """a + b; sharp when one of them is a point."""
    low = None if a.low is None or b.low is None else a.low + b.low
    high = None if a.high is None or b.high is None else a.high + b.high
    sharp = a.is_sharp and b.is_sharp and (is_point(a) or is_point(b))
    return Range(low, high, a.low_reached and b.low_reached and sharp, a.high_reached and b.high_reached and sharp, sharp)


def scaled(factor: Fraction, a: Range) -> Range:
    """A number times a range."""
    if not factor:
        return point(Fraction(0))
    low, high = (None if e is None else factor * e for e in (a.low, a.high))
    if factor > 0:
        return Range(low, high, a.low_reached, a.high_reached, a.is_sharp)
    return Range(high, low, a.high_reached, a.low_reached, a.is_sharp)


def multiply(a: Range, b: Range) -> Range:
    """a * b, an enclosure: 0 * unbounded is unbounded."""
    for one, other in ((a, b), (b, a)):
        if is_point(one):
            assert one.low is not None
            return scaled(one.low, other)
    products = [_times(x, y) for x in _ends(a) for y in _ends(b)]
    low = None if any(p == -_INFINITE for p in products) else min(products)
    high = None if any(p == _INFINITE for p in products) else max(products)
    return Range(_finite(low), _finite(high), is_sharp=False)


_INFINITE = float("inf")
End = Fraction | float


def _ends(a: Range) -> tuple[End, End]:
    return (-_INFINITE if a.low is None else a.low, _INFINITE if a.high is None else a.high)


def _times(x: End, y: End) -> End:
    """The product of two ends; 0 times infinity is 0, as the limit of products of what lies between."""
    return Fraction(0) if x == 0 or y == 0 else x * y


def _finite(end: End | None) -> Fraction | None:
    return end if isinstance(end, Fraction) else None


def _square(a: Range) -> Range:
    low, high = a.low, a.high
    inside = (low is None or low <= 0) and (high is None or high >= 0)
    ends = [abs(e) for e in (low, high) if e is not None]
    top = None if low is None or high is None else max(ends) ** 2
    bottom = Fraction(0) if inside else min(ends) ** 2
    return Range(bottom, top, inside and a.is_sharp, False, a.is_sharp)


def _power(a: Range, exponent: Fraction) -> Range:
    if is_point(a) and exponent.denominator == 1 and (a.low or exponent > 0):
        assert a.low is not None
        return point(a.low ** int(exponent))
    if exponent.denominator == 1 and exponent > 0:
        squared = _square(a)
        if exponent == 2:
            return squared
        if exponent % 2 == 0:
            return Range((squared.low and squared.low ** int(exponent / 2)) or Fraction(0), None, is_sharp=False)
        low, high = (None if e is None else e ** int(exponent) for e in (a.low, a.high))
        return Range(low, high, a.low_reached, a.high_reached, a.is_sharp)
    if a.low is not None and a.low >= 0:
        return _positive_power(a, exponent)
    return Range(Fraction(0) if exponent.numerator % 2 == 0 else None, None, is_sharp=False)


def _positive_power(a: Range, exponent: Fraction) -> Range:
    """Of a base >= 0, with a negative or a fractional exponent."""
    if exponent.denominator == 1:
        low = Fraction(0) if a.high is None else a.high ** int(exponent) if a.high else None
        high = a.low ** int(exponent) if a.low else None
        return Range(low, high, is_sharp=False)
    return Range(Fraction(0), None, is_sharp=False)


# functions whose values at rationals are rational
_EXACT: dict[str, Callable[..., Fraction]] = {
    "relu": lambda z: max(z, Fraction(0)),
    "leaky_relu": lambda z, a: z if z > 0 else a * z,
    "softsign": lambda z: z / (1 + abs(z)),
    "threshold": lambda z: Fraction(int(z > 0)),
    "sign": lambda z: Fraction((z > 0) - (z < 0)),
}


def _function(n: Node, a: Range) -> Range:
    whole = values_of(n)
    rule, row = _EXACT.get(n.data[0]), row_of(n)
    if n.data[0] == "square":
        return _square(a)
    if rule is not None and row.increasing(*n.data[1:]):
        low, high = (whole.low if a.low is None else rule(a.low, *n.data[1:]),
                     whole.high if a.high is None else rule(a.high, *n.data[1:]))
        continuous = (row.smoothness or 0) >= 0
        return Range(low, high, is_sharp=a.is_sharp and continuous and whole.is_sharp)
    if a.low is None and a.high is None:
        return Range(whole.low, whole.high, whole.low_reached and a.is_sharp, whole.high_reached and a.is_sharp,
                     whole.is_sharp and a.is_sharp)
    return _cut(n, a, whole)


def _cut(n: Node, a: Range, whole: Range) -> Range:
    """Odd increasing functions keep the sign of their argument; the rest gives all its values."""
    row = row_of(n)
    low, high = whole.low, whole.high
    if row.parity == "odd" and row.increasing(*n.data[1:]):
        low = Fraction(0) if a.low is not None and a.low >= 0 else low
        high = Fraction(0) if a.high is not None and a.high <= 0 else high
    return Range(low, high, is_sharp=False)


def _extreme(op: str, args: list[Range]) -> Range:
    if len(args) == 1:
        return Range(args[0].low, args[0].high, is_sharp=False)
    lows, highs = [a.low for a in args], [a.high for a in args]
    known_lows, known_highs = [x for x in lows if x is not None], [x for x in highs if x is not None]
    if op == "largest":
        return Range(max(known_lows, default=None), None if None in highs else max(known_highs), is_sharp=False)
    return Range(None if None in lows else min(known_lows), min(known_highs, default=None), is_sharp=False)
