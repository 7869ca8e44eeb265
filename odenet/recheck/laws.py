"""Functions in terms of a few, in the checker's algebra: exp for the sigmoid's relatives, addition formulas for angles."""
from __future__ import annotations

from fractions import Fraction
from math import lcm

from odenet.recheck.reading import Reader
from odenet.recheck.scalars import Monomial, Rejected, Scalar, Symbol, number, of, power


def unfolded(r: Reader, s: Scalar) -> Scalar:
    """sigmoid z = 1 / (1 + exp(-z)), tanh z = 2 sigmoid(2 z) - 1 and their derivatives; sin and cos of sums and multiples."""
    units: dict[Monomial, int] = {}
    for x in s.symbols():
        if x.kind == "function" and x.data[0] in ("sin", "cos") and isinstance(x.data[2], Scalar):
            for m, c in x.data[2].terms.items():
                units[m] = lcm(units.get(m, 1), c.denominator)
    total = number(0)
    for factors, c in s.terms.items():
        product = number(c)
        for x, e in factors:
            value = _value(r, x, units)
            product = product * (of(x, e) if value is None else power(r.table, value, e, r.is_nonnegative))
        total = total + product
    return total


def _value(r: Reader, x: Symbol, units: dict[Monomial, int]) -> Scalar | None:
    if x.kind == "sum":
        inner = unfolded(r, x.data[0])
        return inner if inner != x.data[0] else None
    if x.kind != "function" or not isinstance(x.data[2], Scalar):
        return None
    name, z = x.data[0], x.data[2]
    if name in ("sin", "cos"):
        return _angle(r, z, units)[name == "sin"]
    double = z.times(2) if name.startswith("tanh") else z
    sigmoid = power(r.table, number(1) + r.constant("exp", (), -double), Fraction(-1), r.is_nonnegative)
    slope = sigmoid * (number(1) - sigmoid)
    return {"sigmoid": sigmoid, "tanh": sigmoid.times(2) - number(1), "sigmoid_slope": slope, "tanh_slope": slope.times(4),
            "silu": z * sigmoid}.get(name)


def _angle(r: Reader, z: Scalar, units: dict[Monomial, int]) -> tuple[Scalar, Scalar]:
    cosine, sine = number(1), number(0)
    for m, c in z.terms.items():
        count, unit = c * units[m], Scalar({m: Fraction(1, units[m])})
        if abs(count) > 8:
            raise Rejected("a multiple of an angle")
        a, b = r.constant("cos", (), unit), r.constant("sin", (), unit).times(1 if count > 0 else -1)
        for _ in range(abs(int(count))):
            cosine, sine = cosine * a - sine * b, sine * a + cosine * b
    return cosine, sine
