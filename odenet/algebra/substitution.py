"""Pieces of scalars: the atoms within, one atom replaced, the parts that are affine in one atom."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.functions import constant_function
from odenet.algebra.scalars import (
    ZERO,
    Atom,
    Monomial,
    Scalar,
    collect,
    exponential,
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


def variables(scalar: Scalar) -> list[Atom]:
    """The quantities it varies with, at every depth."""
    found: dict[str, Atom] = {}
    stack = [scalar]
    while stack:
        for atom in stack.pop().atoms():
            if atom.kind in ("state", "param", "time", "variable"):
                found[atom.key] = atom
            stack.extend(item for item in atom.data if isinstance(item, Scalar))
    return [found[key] for key in sorted(found)]


def occurs(atom: Atom, other: Atom | Scalar) -> bool:
    """Whether an atom may occur in another or in a scalar, at any depth."""
    return atom.key in other.key


def replace(scalar: Scalar, atom: Atom, value: Scalar) -> Scalar:
    """The scalar with a scalar atom replaced, also inside named sums and functions of scalars."""
    total = ZERO
    for factors, coefficient in scalar.terms:
        product = rational(coefficient)
        for inner, exponent in factors:
            product = product * _replaced(inner, exponent, atom, value)
        total = total + product
    return total


def _replaced(factor: Atom, exponent: Fraction, atom: Atom, value: Scalar) -> Scalar:
    if factor == atom:
        return power(value, exponent, _is_exponential)
    if occurs(atom, factor):
        if factor.kind == "sum":
            return power(replace(factor.data[0], atom, value), exponent, _is_exponential)
        if factor.kind == "function" and isinstance(factor.data[2], Scalar):
            return _function(factor, exponent, replace(factor.data[2], atom, value))
        if factor.kind in ("largest", "smallest") and isinstance(factor.data[0], Scalar):
            return power(_extreme(factor.kind, [replace(item, atom, value) for item in factor.data]), exponent, _is_exponential)
    return of_atom(factor, exponent)


def _is_exponential(atom: Atom) -> bool:
    return atom.kind == "function" and atom.data[0] == "exp"


def _function(factor: Atom, exponent: Fraction, argument: Scalar) -> Scalar:
    if _is_exponential(factor):
        return exponential(argument.times(exponent))
    return power(constant_function(factor.data[0], factor.data[1], argument), exponent, _is_exponential)


def _extreme(kind: str, items: list[Scalar]) -> Scalar:
    unique = sorted({item.key: item for item in items}.values(), key=lambda item: item.key)
    if len(unique) == 1:
        return unique[0]
    return of_atom(Atom(kind, tuple(unique), f"{kind}({', '.join(item.key for item in unique)})"))


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
