"""(u - v) (g(u) - g(v)) >= 0 for a rising g: sums of such products, with factors q >= 0, hidden in a sum of functions.

In S = sum of C_i g(u_i) + rest the factors are read off: for two of them C_1 = q (u_1 - u_2) by division, for more C_i has the term
-q_ij u_j. What is left over has to be >= 0 by itself. So entropies fall: k (x - y) (log x - log y) >= 0.
"""
from __future__ import annotations

from fractions import Fraction
from itertools import combinations

from odenet.algebra.evidence import Evidence
from odenet.algebra.polynomials import from_flint, is_polynomial, to_flint
from odenet.algebra.scalars import ZERO, Atom, Scalar, collect, of_atom
from odenet.algebra.setting import Setting
from odenet.algebra.slopes import Prove
from odenet.operators.functions import FUNCTIONS

MOST_ARGUMENTS = 6
Pair = tuple[Atom, Atom, Scalar]


def by_monotone(scalar: Scalar, setting: Setting, depth: int, prove: Prove) -> Evidence | None:
    for group in _groups(scalar):
        pairs = _pairs(scalar, group)
        rest = scalar
        for one, other, q in pairs:
            rest = rest - q * (one.data[2] - other.data[2]) * (of_atom(one) - of_atom(other))
        if not pairs or any(atom in rest.atoms() for atom in group):
            continue
        found = [prove(q, setting, depth) for _, _, q in pairs]
        last = prove(rest, setting, depth) if all(found) else None
        if last:
            return Evidence("monotone", tuple(pairs), (*(f for f in found if f), last))
    return None


def _groups(scalar: Scalar) -> list[list[Atom]]:
    """Values of one rising function at several arguments, each at most once in a term and to the power 1."""
    groups: dict[tuple[str, tuple[Fraction, ...]], list[Atom]] = {}
    for atom in scalar.atoms():
        if atom.kind == "function" and isinstance(atom.data[2], Scalar) and is_rising(*atom.data[:2]):
            groups.setdefault((atom.data[0], atom.data[1]), []).append(atom)
    return [group for group in groups.values() if 2 <= len(group) <= MOST_ARGUMENTS and all(
        sum(e for a, e in m if a in group) in (0, 1) and all(e == 1 for a, e in m if a in group) for m, _ in scalar.terms)]


def is_rising(name: str, parameters: tuple[Fraction, ...]) -> bool:
    row = FUNCTIONS[name]
    return row.increasing(*parameters) and row.domain in ("all", "positive", "nonnegative")


def _pairs(scalar: Scalar, group: list[Atom]) -> list[Pair]:
    factors = {atom: _coefficient(scalar, atom) for atom in group}
    if len(group) == 2:
        one, other = group
        q = _quotient(factors[one], one.data[2] - other.data[2])
        return [] if q is None else [(one, other, q)]
    found = []
    for one, other in combinations(group, 2):
        q = -_linear_part(factors[one], other.data[2])
        if q.terms:
            found.append((one, other, q))
    return found


def _coefficient(scalar: Scalar, atom: Atom) -> Scalar:
    return collect({tuple(f for f in m if f[0] != atom): c for m, c in scalar.terms if any(a == atom for a, _ in m)})


def _linear_part(scalar: Scalar, argument: Scalar) -> Scalar:
    """The factor of a single atom in a scalar."""
    if len(argument.terms) != 1 or argument.terms[0][1] != 1 or len(argument.terms[0][0]) != 1 or argument.terms[0][0][0][1] != 1:
        return ZERO
    return _coefficient(scalar, argument.terms[0][0][0][0])


def _quotient(scalar: Scalar, divisor: Scalar) -> Scalar | None:
    if not divisor.terms or not is_polynomial(scalar) or not is_polynomial(divisor):
        return None
    atoms = tuple(sorted({*scalar.atoms(), *divisor.atoms()}))
    quotient, remainder = divmod(to_flint(scalar, atoms), to_flint(divisor, atoms))
    return None if remainder.to_dict() else from_flint(quotient, atoms)
