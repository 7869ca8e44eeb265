"""Evidence of `scalar >= 0` (or `> 0`), checked without search: one function for each kind."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS
from odenet.operators.row import Function
from odenet.recheck.boxes import boxes
from odenet.recheck.laws import unfolded
from odenet.recheck.line import line
from odenet.recheck.scalars import Rejected, Scalar, Symbol, is_zero, number, of, power, shifted
from odenet.recheck.signs import ZERO, Signs, distances, occurs, single
from odenet.recheck.slopes import Derivatives

_MOST_CONDITIONS = 20
Evidence = tuple[str, Any, tuple[Any, ...]]  # kind, data, parts


def check(k: Signs, s: Scalar, evidence: Evidence, strict: bool = False) -> bool:
    """Whether the evidence shows s >= 0 (s > 0). See `odenet.algebra.evidence` for the kinds."""
    try:
        how, data, parts = evidence
        rule = (_STRICT if strict else _WEAK).get(how)
        return rule is not None and rule(k, s, data, parts)
    except (Rejected, ValueError, TypeError, AttributeError, IndexError, ZeroDivisionError):
        return False  # not even well formed


def _is_real(k: Signs, g: Scalar, s: Scalar) -> bool:
    """Whether g has a real value wherever s and the assumptions have: its symbols occur there, its roots and divisors too, or
    those are of something of known sign."""
    known = [s, *k.assumptions, *k.strictly, *distances(k, s)]
    within = _symbols(known)
    powers = {(x, _sort(e)) for one in (*known, *(d for y in within for d in y.data if isinstance(d, Scalar)))
              for m in one.terms for x, e in m}
    return all(x in within and ((e.denominator == 1 and e > 0) or (x, _sort(e)) in powers or _has_power(k, x, e))
               for m in g.terms for x, e in m)


def _sort(e: Fraction) -> tuple[bool, bool]:
    return e.denominator == 1, e > 0


def _has_power(k: Signs, x: Symbol, e: Fraction) -> bool:
    low, high = k.interval(x)
    is_positive = low is not None and low > 0
    return is_positive or (e > 0 and low == 0) or (e.denominator == 1 and high is not None and high < 0)


def _symbols(scalars: list[Scalar]) -> set[Symbol]:
    """The symbols of scalars, at every depth."""
    found: set[Symbol] = set()
    stack = list(scalars)
    while stack:
        for x in stack.pop().symbols():
            if x not in found:
                found.add(x)
                stack.extend(d for d in x.data if isinstance(d, Scalar))
    return found


def _zero(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    return not data and not parts and is_zero(s)


def _enclosed(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    low = k.enclosure(s)[0]
    return not data and not parts and low is not None and low >= 0


def _enclosed_strictly(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    return _enclosed(k, s, data, parts) and k.enclosure(s)[0] != 0


def _assumed(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    return not data and not parts and any(_is_multiple(s, g) for g in (*k.assumptions, *distances(k, s)))


def _assumed_strictly(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    return not data and not parts and any(_is_multiple(s, g) for g in k.strictly)


def _is_multiple(s: Scalar, g: Scalar) -> bool:
    share = next((s.terms.get(m, Fraction(0)) / c for m, c in g.terms.items()), Fraction(0))
    return share > 0 and s == g.times(share)


def _positive(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    (m, c), = s.terms.items()
    return not data and not parts and c > 0 and all(_is_positive(k, x) for x, _ in m)


def _is_positive(k: Signs, x: Symbol) -> bool:
    low = k.interval(x)[0]
    if (low is not None and low > 0) or of(x) in k.strictly:
        return True
    return (x.kind == "param" and k.reader.model.parameter(x.data[0]).set_named("positive") is not None) or (
        x.kind == "function" and _exceeds_zero(x)) or (
        x.kind == "word" and [y.kind for y in x.data[0]] == ["ones'", "diag", "ones"]  # a sum of entries
        and all(_is_positive(k, y) for y, _ in x.data[0][1].data[0]))


def _exceeds_zero(x: Symbol) -> bool:
    values = FUNCTIONS[x.data[0]].values(*x.data[1])
    return values.low == 0 and not values.low_reached


def _combined(strict: bool) -> Callable[..., bool]:
    def rule(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
        total, left, is_firm = ZERO, list(parts), False
        for c, factors in data:
            product, firm = number(c), c > 0
            for g, e in factors:
                if not _is_real(k, g, s):
                    return False
                product = product * g ** _whole(e)
                if e % 2:
                    part = left.pop(0)
                    firm = firm and strict and check(k, g, part, True)
                    if not firm and not check(k, g, part):
                        return False
                else:
                    firm = False
            total, is_firm = total + product, is_firm or firm
            if c <= 0:
                return False
        return not left and is_zero(s - total) and is_firm >= strict
    return rule


def _whole(e: Fraction) -> int:
    if e.denominator != 1 or not 0 < e <= 80:
        raise Rejected("no exponent")
    return int(e)


def _denominators(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    g, e, sign = data
    if not _is_real(k, g, s):
        return False
    ((m, c),) = power(k.reader.table, g, -e, k.reader.is_nonnegative).terms.items()  # g^-e = c m
    product = shifted(s, tuple((x, -d) for x, d in m)).times(1 / c)
    # g is not 0 where s is defined, if s has it as a divisor
    divides = e > 0 and all(x.kind == "prime" or any(y is x and d < 0 and (f.denominator == 1 or d.denominator > 1)
                                                     for n in s.terms for y, d in n) for x, f in m)
    if e.denominator == 1 and e % 2:
        return (abs(sign) == 1 and len(parts) == 2 and check(k, product.times(sign), parts[0])
                and check(k, g.times(sign), parts[1], not divides))
    return divides and sign == 1 and len(parts) == 1 and check(k, product, parts[0])


def _ends(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    """s is affine in a symbol, so least at an end."""
    x, low, high = _moving(data[0]), data[1], data[2]
    if any(occurs(x, y) for y in s.symbols() if y is not x) or any(dict(m).get(x, 1) != 1 for m in s.terms):
        return False
    if not _is_real(k, low, s) or not _is_real(k, high, s):
        return False
    goals = (put(k, s, x, low), put(k, s, x, high), of(x) - low, high - of(x))
    if any(part[0] == "enclosure" and k.enclosure(g)[0] != 0 for g, part in zip(goals[2:], parts[2:], strict=True)):
        return False  # not the ends themselves
    return len(parts) == 4 and all(check(k, g, part) for g, part in zip(goals, parts, strict=True))


def _slope(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    """s rises (or falls) along a symbol from the end of its interval, and is >= 0 there."""
    x, end, sign = _moving(data[0]), data[1], data[2]
    inner = k.without(x)
    last = k.interval(x)[0 if sign > 0 else 1]
    if abs(sign) != 1 or last is None or end.value() != last or not is_tame(inner, s, x):
        return False
    rising = Derivatives(k.reader).slope(s, x, SCALAR).scalar().times(sign)
    return len(parts) == 2 and check(inner, rising, parts[0]) and check(inner, put(k, s, x, end), parts[1])


def is_tame(k: Signs, s: Scalar, x: Symbol) -> bool:
    """Whether s is defined and continuous along x wherever k holds: no jumps, roots and divisors away from 0."""
    for y, e in {(y, e) for m in s.terms for y, e in m if occurs(x, y)}:
        low, high = k.interval(y)
        is_whole = e.denominator == 1
        if not (is_whole and e > 0) and (low is None or low <= 0) and not (is_whole and high is not None and high < 0):
            return False
        if y is not x and y.kind not in ("function", "sum", "largest", "smallest"):
            return False
        if y.kind == "function" and not _is_tame(FUNCTIONS[y.data[0]], k.enclosure(y.data[2])[0]):
            return False
        if not all(is_tame(k, d, x) for d in y.data if isinstance(d, Scalar)):
            return False
    return True


def _is_tame(row: Function, low: Fraction | None) -> bool:
    return row.smoothness != -1 and (row.domain == "all" or (row.domain == "positive" and low is not None and low > 0))


def _moving(z: Scalar) -> Symbol:
    x = single(z)
    if x is None or x.kind not in ("state", "param", "variable", "time", "secant"):
        raise Rejected("nothing that moves freely")
    return x


def put(k: Signs, s: Scalar, x: Symbol, value: Scalar) -> Scalar:
    """s with a symbol replaced, at every depth."""
    total = ZERO
    for m, c in s.terms.items():
        product = number(c)
        for y, e in m:
            product = product * _put(k, y, e, x, value)
        total = total + product
    return total


def _put(k: Signs, y: Symbol, e: Fraction, x: Symbol, value: Scalar) -> Scalar:
    table = k.reader.table
    if y is not x and not occurs(x, y):
        return of(y, e)
    if y is x:
        inner = value
    elif y.kind == "function" and y.data[0] == "exp":
        return k.reader.constant("exp", (), put(k, y.data[2], x, value).times(e))
    elif y.kind == "sum":
        inner = put(k, y.data[0], x, value)
    elif y.kind == "function" and isinstance(y.data[2], Scalar):
        inner = k.reader.constant(y.data[0], y.data[1], put(k, y.data[2], x, value))
    elif y.kind in ("largest", "smallest") and isinstance(y.data[0], Scalar):
        items = list(dict.fromkeys(put(k, d, x, value) for d in y.data))
        inner = of(k.reader.extreme_atom(y.kind, items)) if len(items) > 1 else items[0]
    else:
        raise Rejected("a symbol that cannot be replaced there")
    return power(table, inner, e, k.reader.is_nonnegative)


def _cases(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    """One case for each piece of a symbol that is chosen among several, or has a kink."""
    x = single(data[0])
    left = list(_pieces(x)) if x is not None and x in _symbols([s]) else []
    if x is None or not left or not len(data[1]) == len(parts) == len(left):
        return False
    for value, part in zip(data[1], parts, strict=True):
        facts = next((facts for piece, facts in left if piece == value), None)
        if facts is None:
            return False
        left.remove((value, facts))  # of equal pieces each is a case of its own
        if part[0] == "never":
            (g,), (why,) = part[1], part[2]
            if g not in facts or not check(k, -g, why, True):
                return False
        elif not check(k.assuming(*facts), put(k, s, x, value), part):
            return False
    return True


def _pieces(x: Symbol) -> Any:
    if x.kind in ("largest", "smallest"):
        for item in x.data:
            yield item, tuple((item - other).times(1 if x.kind == "largest" else -1) for other in x.data if other is not item)
    elif x.kind == "function" and x.data[0] in ("abs", "relu", "leaky_relu"):
        name, parameters, z = x.data
        below = Fraction(-1) if name == "abs" else Fraction(0) if name == "relu" else parameters[0]
        yield z, (z,)
        yield z.times(below), (-z,)


def _line(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    x, conditions = _only(data[0]), data[1]
    if not len(parts) == len(conditions) <= _MOST_CONDITIONS or x not in s.symbols():
        return False
    good = all(check(k, g, part) for g, part in zip(conditions, parts, strict=True))
    return good and line(x, s, conditions)


def _only(z: Scalar) -> Symbol:
    """A symbol, whatever its sign in front (of an odd function the other one may be on record)."""
    (((x, e),), c), = z.terms.items()
    if e != 1 or abs(c) != 1:
        raise Rejected("no symbol")
    return x


def _laws(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    return not data and len(parts) == 1 and check(k, unfolded(k.reader, s), parts[0])


def _monotone(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    """s = sum of q (u - v) (f(u) - f(v)) + rest, f rising on an interval, q >= 0 and rest >= 0."""
    if len(parts) != len(data) + 1 or not data:
        return False
    within, rest = _symbols([s]), s
    for (one, other, q), part in zip(data, parts, strict=False):
        x, y = _only(one), _only(other)
        row = FUNCTIONS[x.data[0]]
        if x.kind != "function" or y.kind != "function" or x.data[:2] != y.data[:2] or not {x, y} <= within:
            return False
        if not row.increasing(*x.data[1]) or row.domain not in ("all", "positive", "nonnegative"):
            return False
        if not _is_real(k, q, s) or not check(k, q, part):
            return False
        rest = rest - q * (x.data[2] - y.data[2]) * (of(x) - of(y))
    return check(k, rest, parts[-1])


def _secant(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    """f(z) is t z where f(0) = 0, or f(w) + t (z - w), for a t between the slopes of f that is named nowhere else."""
    value, t = data[0], single(data[2])
    x, z = _called(k, value)
    name, parameters = x.data[:2]
    row = FUNCTIONS[name]
    if t is None or t.kind != "secant" or t.data[:2] != (name, parameters):
        return False
    if row.smoothness == -1 or row.domain not in ("all", "positive"):
        return False
    if any(occurs(t, g) for g in (s, *k.assumptions, *k.strictly)) or t in k.learned or x not in s.symbols():
        return False
    if data[1] is None:
        if row.domain != "all" or k.reader.constant(name, parameters, ZERO).terms:
            return False
        new = of(t) * z
    else:
        y, w = _called(k, data[1])
        if y.data[:2] != x.data[:2] or y is x:
            return False
        new = data[1] + of(t) * (z - w)
    sign = value.terms[(x, Fraction(1)),]  # f(-z) may stand for f(z)
    return len(parts) == 1 and check(k, put(k, s, x, new.times(sign)), parts[0])


def _called(k: Signs, value: Scalar) -> tuple[Symbol, Scalar]:
    """The symbol in f(z) or -f(z), and the argument with which the function has the value itself."""
    x = _only(value)
    if x.kind != "function" or not isinstance(x.data[2], Scalar):
        raise Rejected("no function of a scalar")
    if of(x) == value:
        return x, x.data[2]
    if FUNCTIONS[x.data[0]].parity != "odd":
        raise Rejected("not odd")
    return x, -x.data[2]


def _root(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    """s = r + p, r the terms with a square root of one symbol, r >= 0 and r^2 >= p^2, so that r >= |p|."""
    (r,), (one, other) = data, parts
    halves = [{m: c for m, c in s.terms.items() if dict(m).get(x, Fraction(0)).denominator == 2} for x in r.symbols()]
    p = s - r
    return r.terms in halves and bool(p.terms) and check(k, r, one) and check(k, r * r - p * p, other)


def _boxes(k: Signs, s: Scalar, data: Any, parts: Any) -> bool:
    sides, text = data
    return boxes(k, s, [(_moving(z), low, high) for z, low, high in sides], text, list(parts), check)


Rule = Callable[[Signs, Scalar, Any, Any], bool]
_WEAK: dict[str, Rule] = {
    "zero": _zero, "enclosure": _enclosed, "assumption": _assumed, "positive": _positive, "combination": _combined(False),
    "denominators": _denominators, "ends": _ends, "slope": _slope, "cases": _cases, "line": _line, "boxes": _boxes,
    "laws": _laws, "root": _root, "monotone": _monotone, "secant": _secant,
}
_STRICT: dict[str, Rule] = {
    "enclosure": _enclosed_strictly, "assumption": _assumed_strictly, "positive": _positive, "combination": _combined(True),
}
