"""Pieces of scalars: the atoms within, one atom replaced, the parts that are affine in one atom."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.scalars import (
    ZERO,
    Atom,
    Monomial,
    Scalar,
    collect,
    function_atom,
    of_atom,
    power,
    rational,
)


def deep_atoms(scalar: Scalar) -> list[Atom]:
    """Atoms of a scalar and of the bases of its named sums, without repetition."""
    found: dict[str, Atom] = {}
    for atom in scalar.atoms():
        found.setdefault(atom.key, atom)
        if atom.kind == "sum":
            for inner in deep_atoms(atom.data[0]):
                found.setdefault(inner.key, inner)
    return list(found.values())


def replace(scalar: Scalar, atom: Atom, value: Scalar) -> Scalar:
    """The scalar with a scalar atom replaced, also inside named sums and functions of scalars."""
    total = ZERO
    for factors, coefficient in scalar.terms:
        product = rational(coefficient)
        for inner, exponent in factors:
            product = product * _power_of(_replaced(inner, atom, value), exponent)
        total = total + product
    return total


def _replaced(factor: Atom, atom: Atom, value: Scalar) -> Scalar | Atom:
    if factor == atom:
        return value
    if factor.kind == "sum" and atom.key in factor.key:
        return replace(factor.data[0], atom, value)
    if factor.kind == "function" and atom.key in factor.key and isinstance(factor.data[2], Scalar):
        return of_atom(function_atom(factor.data[0], factor.data[1], replace(factor.data[2], atom, value)))
    return factor


def _power_of(base: Scalar | Atom, exponent: Fraction) -> Scalar:
    if isinstance(base, Atom):
        return of_atom(base, exponent)
    return power(base, exponent, lambda _: False)


def affine(scalar: Scalar, atom: Atom) -> tuple[Scalar, Scalar] | None:
    """(slope, rest) with scalar = slope atom + rest; None where a term has another power of the atom."""
    slope: dict[Monomial, Fraction] = {}
    rest: dict[Monomial, Fraction] = {}
    for factors, coefficient in scalar.terms:
        exponent = dict(factors).get(atom, Fraction(0))
        if exponent not in (0, 1):
            return None
        kept = tuple(f for f in factors if f[0] != atom)
        (slope if exponent else rest)[kept] = coefficient
    return collect(slope), collect(rest)
