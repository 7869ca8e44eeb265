"""Inequalities between exact scalars, proved or not: every True is a proof for all values in the setting."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from odenet.algebra.boxes import nonnegative_on_box
from odenet.algebra.polynomials import (
    factor,
    from_flint,
    is_polynomial,
    is_positive_semidefinite,
    nonnegative_where,
    to_flint,
    univariate,
)
from odenet.algebra.scalars import (
    UNIT,
    ZERO,
    Atom,
    Monomial,
    Scalar,
    TooLarge,
    collect,
    function_atom,
    is_identically_zero,
    of_atom,
    rational,
    shifted,
)
from odenet.algebra.setting import Setting

DEPTH = 6


def is_nonnegative(scalar: Scalar, setting: Setting, depth: int = DEPTH) -> bool:
    """Whether `scalar >= 0` is proved for all values that the setting allows."""
    if is_identically_zero(scalar) or setting.enclosure(scalar).is_nonnegative():
        return True
    setting.work[0] -= len(scalar.terms)
    if depth == 0 or setting.work[0] < 0:
        return False
    try:
        return any(rule(scalar, setting, depth - 1) for rule in _RULES)
    except TooLarge:
        return False


def is_nonpositive(scalar: Scalar, setting: Setting) -> bool:
    return is_nonnegative(-scalar, setting)


def at_most(scalar: Scalar, bound: Scalar, setting: Setting) -> bool:
    return is_nonnegative(bound - scalar, setting)


# --- rules ------------------------------------------------------------------------------------------------------


def _by_cases(scalar: Scalar, setting: Setting, depth: int) -> bool:
    """Split on which argument of a max or min is chosen, or on the sign inside |z|, relu, leaky_relu."""
    atom = next((a for a in deep_atoms(scalar) if _is_piecewise(a)), None)
    if atom is None:
        return False
    return all(is_nonnegative(replace(scalar, atom, value), setting.assuming(*facts), depth)
               for value, facts in _pieces(atom) if not _contradicts(facts, setting))


def _is_piecewise(atom: Atom) -> bool:
    if atom.kind in ("largest", "smallest"):
        return isinstance(atom.data[0], Scalar)
    return atom.kind == "function" and atom.data[0] in ("abs", "relu", "leaky_relu") and isinstance(atom.data[2], Scalar)


def _pieces(atom: Atom) -> Iterator[tuple[Scalar, tuple[Scalar, ...]]]:
    if atom.kind in ("largest", "smallest"):
        sign = 1 if atom.kind == "largest" else -1
        for item in atom.data:
            yield item, tuple((item - other).times(sign) for other in atom.data if other is not item)
        return
    name, parameters, z = atom.data
    yield z, (z,)
    below = {"abs": Fraction(-1), "relu": Fraction(0)}.get(name)
    yield z.times(parameters[0] if below is None else below), (-z,)


def _contradicts(facts: tuple[Scalar, ...], setting: Setting) -> bool:
    """Whether an assumption g >= 0 is certainly false, g < 0."""
    return any((high := setting.enclosure(g).high) is not None and high < 0 for g in facts)


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
    from odenet.algebra.scalars import power

    if isinstance(base, Atom):
        return of_atom(base, exponent)
    return power(base, exponent, lambda _: False)


def _by_denominators(scalar: Scalar, setting: Setting, depth: int) -> bool:
    """Multiply out powers of named sums whose sign is known."""
    for atom in scalar.atoms():
        least = min(dict(m).get(atom, Fraction(0)) for m, _ in scalar.terms)
        if least >= 0:
            continue
        sign = _power_sign(atom, least, setting, depth)
        if sign:
            return is_nonnegative(shifted(scalar, ((atom, -least),)).times(sign), setting, depth)
    return False


def _power_sign(atom: Atom, exponent: Fraction, setting: Setting, depth: int) -> int:
    """The sign of a negative power where it is defined; 0 when unknown."""
    if exponent.denominator != 1 or exponent % 2 == 0:
        return 1
    return _sign(atom.data[0] if atom.kind == "sum" else of_atom(atom), setting, depth)


def _sign(scalar: Scalar, setting: Setting, depth: int) -> int:
    if is_nonnegative(scalar, setting, depth):
        return 1
    return -1 if is_nonnegative(-scalar, setting, depth) else 0


def _by_ends(scalar: Scalar, setting: Setting, depth: int) -> bool:
    """A scalar that is affine in a parameter is >= 0 on an interval when it is so at both ends."""
    for atom in reversed(_by_declaration(scalar, setting)):
        if any(atom.key in other.key for other in deep_atoms(scalar) if other != atom):
            continue
        slope, rest = _affine(scalar, atom)
        if slope is None:
            continue
        low, high = setting.bounds_of(atom)
        ends = setting.interval(atom)
        low = low if low is not None or ends.low is None else rational(ends.low)
        high = high if high is not None or ends.high is None else rational(ends.high)
        if low is not None and high is not None:
            return all(is_nonnegative(slope * end + rest, setting, depth) for end in (low, high))
        if low is not None:
            return is_nonnegative(slope, setting, depth) and is_nonnegative(slope * low + rest, setting, depth)
        if high is not None:
            return is_nonnegative(-slope, setting, depth) and is_nonnegative(slope * high + rest, setting, depth)
    return False


def _by_declaration(scalar: Scalar, setting: Setting) -> list[Atom]:
    order = {p.name: i for i, p in enumerate(setting.model.parameters)}
    return sorted((a for a in scalar.atoms() if a.kind in ("param", "state", "variable")), key=lambda a: order.get(a.data[0], -1))


def _affine(scalar: Scalar, atom: Atom) -> tuple[Scalar | None, Scalar]:
    slope: dict[Monomial, Fraction] = {}
    rest: dict[Monomial, Fraction] = {}
    for factors, coefficient in scalar.terms:
        exponent = dict(factors).get(atom, Fraction(0))
        if exponent not in (0, 1):
            return None, scalar
        kept = tuple(f for f in factors if f[0] != atom)
        (slope if exponent else rest)[kept] = coefficient
    return collect(slope), collect(rest)


def _by_factors(scalar: Scalar, setting: Setting, depth: int) -> bool:
    """A product of factors of known sign."""
    factored = factor(scalar)
    if factored is None:
        return False
    constant, factors = factored
    if len(factors) == 1 and factors[0][1] == 1:
        return False
    sign = 1 if constant > 0 else -1
    for base, exponent in factors:
        if exponent % 2 == 0:
            continue
        one = _sign(base, setting, depth)
        if not one:
            return False
        sign *= one
    return sign > 0


def _by_assumption(scalar: Scalar, setting: Setting, depth: int) -> bool:
    """scalar = c g + rest with an assumption g >= 0, c > 0 fixed by one monomial, and rest >= 0."""
    mine = dict(scalar.terms)
    for g in setting.assumptions:
        for monomial, coefficient in g.terms:
            share = mine.get(monomial, Fraction(0)) / coefficient
            if share > 0 and monomial != UNIT:
                rest = scalar - g.times(share)
                if len(rest.terms) < len(scalar.terms) and is_nonnegative(rest, setting, min(depth, 2)):
                    return True
    return False


def _by_division(scalar: Scalar, setting: Setting, depth: int) -> bool:
    """scalar = g q with an assumption g >= 0 and q >= 0."""
    if not is_polynomial(scalar):
        return False
    for g in setting.assumptions:
        atoms = tuple(sorted({*scalar.atoms(), *g.atoms()}))
        if not g.atoms() or not is_polynomial(g) or len(g.terms) > len(scalar.terms) + 1:
            continue
        quotient, rest = divmod(to_flint(scalar, atoms), to_flint(g, atoms))
        if not rest.to_dict() and is_nonnegative(from_flint(quotient, atoms), setting, min(depth, 3)):
            return True
    return False


def _by_quadratic_form(scalar: Scalar, setting: Setting, depth: int) -> bool:
    """A quadratic polynomial with a positive semidefinite Gram matrix, by exact elimination (LDL')."""
    atoms = [a for a in scalar.atoms() if a.kind in ("state", "variable", "param", "time", "function", "word")]
    if len(atoms) != len(scalar.atoms()) or len(atoms) > 12:
        return False
    place: dict[Atom | None, int] = {None: 0, **{a: i + 1 for i, a in enumerate(atoms)}}
    gram = [[Fraction(0)] * (len(atoms) + 1) for _ in range(len(atoms) + 1)]
    for factors, coefficient in scalar.terms:
        flat: list[Atom | None] = []
        for atom, e in factors:
            if e not in (1, 2):
                return False
            flat.extend([atom] * int(e))
        if len(flat) > 2:
            return False
        flat.extend([None] * (2 - len(flat)))
        i, j = place[flat[0]], place[flat[1]]
        gram[i][j] += coefficient / 2
        gram[j][i] += coefficient / 2
    return is_positive_semidefinite(gram)


def _by_sturm(scalar: Scalar, setting: Setting, depth: int) -> bool:
    """A polynomial in one atom on the set where the polynomial assumptions on that atom hold, by real root isolation."""
    atoms = scalar.atoms()
    if len(atoms) != 1:
        return False
    atom = atoms[0]
    polynomial = univariate(scalar, atom)
    if polynomial is None:
        return False
    ends = setting.interval(atom)
    bounds = [x for x in (None if ends.low is None else of_atom(atom) - rational(ends.low),
                          None if ends.high is None else rational(ends.high) - of_atom(atom)) if x is not None]
    known = [p for g in (*setting.assumptions, *bounds) if g.atoms() == (atom,) and (p := univariate(g, atom)) is not None]
    return nonnegative_where(polynomial, known)


def _by_balls(scalar: Scalar, setting: Setting, depth: int) -> bool:
    """Bounded variables, functions of them: branch and bound in balls. Tried at the top only, as it is the dearest."""
    return depth >= DEPTH - 2 and nonnegative_on_box(scalar, setting)


_RULES = (_by_denominators, _by_assumption, _by_division, _by_quadratic_form, _by_ends, _by_cases, _by_factors, _by_sturm,
          _by_balls)

