"""Fast arithmetic for long exact computations over a few given numbers.

Order conditions take thousands of products of the same few coefficients. Rationals are then best kept as flint
rationals, and numbers with roots of a single prime p as residues of polynomials modulo x^K - p, which is irreducible
(Eisenstein). Anything else stays an `Exact`.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

from flint import fmpq, fmpq_poly

from odenet.schemes.numbers import Exact

MAX_DEGREE = 500


@dataclass(frozen=True)
class Arithmetic:
    """`enter` turns an Exact into a number that adds, multiplies and is false when zero; `leave` turns it back."""

    enter: Callable[[Exact], Any]
    leave: Callable[[Any], Exact]


def suited(numbers: Iterable[Exact]) -> Arithmetic:
    """The fastest arithmetic that holds all the numbers."""
    exponents: dict[Any, int] = {}
    for number in numbers:
        for monomial, _ in number.unordered():
            for atom, exponent in monomial:
                exponents[atom] = lcm(exponents.get(atom, 1), exponent.denominator)
    if not exponents:
        return Arithmetic(_as_rational, lambda value: Exact(Fraction(int(value.p), int(value.q))))
    (atom, degree), *others = exponents.items()
    if others or not isinstance(atom, int) or degree > MAX_DEGREE:
        return Arithmetic(lambda number: number, lambda value: value)
    return Arithmetic(lambda number: Residue(_as_polynomial(number, degree), degree, atom),
                      lambda value: _from_polynomial(value, atom, degree))


def _as_rational(number: Exact) -> fmpq:
    value = number.as_fraction()
    assert value is not None
    return fmpq(value.numerator, value.denominator)


def _as_polynomial(number: Exact, degree: int) -> fmpq_poly:
    coefficients = [fmpq(0)] * degree
    for monomial, c in number.unordered():
        coefficients[int(monomial[0][1] * degree) if monomial else 0] = c
    return fmpq_poly(coefficients)


def _from_polynomial(value: Residue, atom: int, degree: int) -> Exact:
    total = Exact(0)
    for power, c in enumerate(value.polynomial.coeffs()):
        total = total + Exact(atom) ** Fraction(power, degree) * Fraction(int(c.p), int(c.q))
    return total


class Residue:
    """A polynomial modulo x^K - p: a number of the field of the K-th root of p."""

    __slots__ = ("degree", "polynomial", "prime")

    def __init__(self, polynomial: fmpq_poly, degree: int, prime: int) -> None:
        self.polynomial = polynomial
        self.degree = degree
        self.prime = prime

    def __add__(self, other: Residue) -> Residue:
        return Residue(self.polynomial + other.polynomial, self.degree, self.prime)

    def __sub__(self, other: Residue) -> Residue:
        return Residue(self.polynomial - other.polynomial, self.degree, self.prime)

    def __mul__(self, other: Residue) -> Residue:
        product = self.polynomial * other.polynomial
        high = product.right_shift(self.degree)
        return Residue(product.truncate(self.degree) + high * self.prime if high else product, self.degree, self.prime)

    def __bool__(self) -> bool:
        return bool(self.polynomial)

    def __str__(self) -> str:
        return str(self.polynomial)
