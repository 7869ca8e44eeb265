"""Functions in terms of a few: what relates sigmoid to tanh, or sin(2 z) to sin z, becomes algebra."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm

from odenet.algebra.functions import constant_function
from odenet.algebra.scalars import ONE, ZERO, Atom, Monomial, Scalar, TooLarge, exponential, of_atom, power, rational

MOST_MULTIPLE = 8  # of an angle
Units = dict[Monomial, int]


def unfolded(scalar: Scalar) -> Scalar:
    """The scalar with sigmoid, tanh, their slopes and silu written with exp, and sin and cos of sums and multiples by addition.

    Source: DLMF 4.21 and 4.35. Equal wherever the scalar is defined.
    """
    units = _units(scalar)
    total = ZERO
    for factors, c in scalar.terms:
        product = rational(c)
        for atom, e in factors:
            value = _unfolded(atom, units)
            product = product * (of_atom(atom, e) if value is None else power(value, e, _is_exponential))
        total = total + product
    return total


def _is_exponential(atom: Atom) -> bool:
    return atom.kind == "function" and atom.data[0] == "exp"


def _unfolded(atom: Atom, units: Units) -> Scalar | None:
    if atom.kind == "sum":
        inner = unfolded(atom.data[0])
        return inner if inner != atom.data[0] else None
    if atom.kind != "function" or not isinstance(atom.data[2], Scalar):
        return None
    name, z = atom.data[0], atom.data[2]
    if name in ("sin", "cos"):
        return angle(z, units)[name == "sin"]
    return EXPONENTIAL[name](z) if name in EXPONENTIAL else None


def _sigmoid(z: Scalar) -> Scalar:
    return power(ONE + exponential(-z), Fraction(-1), _is_exponential)


EXPONENTIAL: dict[str, Callable[[Scalar], Scalar]] = {
    "sigmoid": _sigmoid,
    "tanh": lambda z: _sigmoid(z.times(2)).times(2) - ONE,
    "sigmoid_slope": lambda z: _sigmoid(z) - _sigmoid(z) * _sigmoid(z),
    "tanh_slope": lambda z: (_sigmoid(z.times(2)) - _sigmoid(z.times(2)) * _sigmoid(z.times(2))).times(4),
    "silu": lambda z: z * _sigmoid(z),
}


def _units(scalar: Scalar) -> Units:
    """For each monomial of an angle the common denominator of its coefficients."""
    found: Units = {}
    for atom in scalar.atoms():
        if atom.kind == "function" and atom.data[0] in ("sin", "cos") and isinstance(atom.data[2], Scalar):
            for m, c in atom.data[2].terms:
                found[m] = lcm(found.get(m, 1), c.denominator)
    return found


def angle(z: Scalar, units: Units) -> tuple[Scalar, Scalar]:
    """cos z and sin z."""
    cosine, sine = ONE, ZERO
    for m, c in z.terms:
        count = c * units[m]
        if abs(count) > MOST_MULTIPLE:
            raise TooLarge("a multiple of an angle")
        unit = Scalar(((m, Fraction(1, units[m])),))
        one = constant_function("cos", (), unit), constant_function("sin", (), unit).times(1 if count > 0 else -1)
        for _ in range(abs(int(count))):
            cosine, sine = cosine * one[0] - sine * one[1], sine * one[0] + cosine * one[1]
    return cosine, sine
