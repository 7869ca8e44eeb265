"""Inequalities between exact scalars, proved or not: evidence is a proof for all values in the setting."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from odenet.algebra.boxes import nonnegative_on_box
from odenet.algebra.evidence import ASSUMPTION, ENCLOSURE, ZERO_FORM, Evidence, combination
from odenet.algebra.laws import unfolded
from odenet.algebra.monotone import by_monotone
from odenet.algebra.polynomials import (
    factor,
    from_flint,
    is_polynomial,
    nonnegative_where,
    squares_of_form,
    to_flint,
    univariate,
)
from odenet.algebra.quadratics import gram_matrix, multipliers, quadratic_basis
from odenet.algebra.scalars import (
    UNIT,
    ZERO,
    Atom,
    Scalar,
    TooLarge,
    is_identically_zero,
    of_atom,
    rational,
    shifted,
)
from odenet.algebra.secants import by_secants
from odenet.algebra.setting import Setting
from odenet.algebra.slopes import by_slope
from odenet.algebra.squares import by_squares
from odenet.algebra.strict import STRICT_DEPTH, proved_strictly
from odenet.algebra.substitution import affine, deep_atoms, replace

DEPTH = 6
Proved = Evidence | None


def is_nonnegative(scalar: Scalar, setting: Setting, depth: int = DEPTH) -> Proved:
    """Evidence that `scalar >= 0` for all values that the setting allows; remembered with its outcome in the setting."""
    key = (scalar.key, depth)
    if key not in setting.asked:
        setting.asked[key] = _proved(scalar, setting, depth)
    found = setting.asked[key]
    if found:
        setting.lemmas[key] = (scalar, found)
    return found


def is_nonpositive(scalar: Scalar, setting: Setting) -> Proved:
    return is_nonnegative(-scalar, setting)


def at_most(scalar: Scalar, bound: Scalar, setting: Setting) -> Proved:
    return is_nonnegative(bound - scalar, setting)


def is_positive(scalar: Scalar, setting: Setting) -> Proved:
    """Evidence that `scalar > 0`, remembered likewise."""
    key = (scalar.key, STRICT_DEPTH)
    if key not in setting.strict_asked:
        setting.strict_asked[key] = proved_strictly(scalar, setting, _proved, DEPTH)
    found = setting.strict_asked[key]
    if found:
        setting.strict_lemmas[key] = (scalar, found)
    return found


def _proved(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    if is_identically_zero(scalar):
        return ZERO_FORM
    if setting.enclosure(scalar).is_nonnegative():
        return ENCLOSURE
    setting.work[0] -= len(scalar.terms)
    if depth == 0 or setting.work[0] < 0:
        return None
    try:
        return next((found for rule in _RULES if (found := rule(scalar, setting, depth - 1))), None)
    except TooLarge:
        return None


# --- rules ------------------------------------------------------------------------------------------------------


def _by_cases(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """Split on which argument of a max or min is chosen, or on the sign inside |z|, relu, leaky_relu."""
    atom = next((a for a in deep_atoms(scalar) if _is_piecewise(a)), None)
    if atom is None:
        return None
    parts = []
    for value, facts in pieces(atom):
        found = _never(facts, setting) or _proved(replace(scalar, atom, value), setting.assuming(*facts), depth)
        if not found:
            return None
        parts.append(found)
    return Evidence("cases", (atom, tuple(value for value, _ in pieces(atom))), tuple(parts))


def _is_piecewise(atom: Atom) -> bool:
    if atom.kind in ("largest", "smallest"):
        return isinstance(atom.data[0], Scalar)
    return atom.kind == "function" and atom.data[0] in ("abs", "relu", "leaky_relu") and isinstance(atom.data[2], Scalar)


def pieces(atom: Atom) -> Iterator[tuple[Scalar, tuple[Scalar, ...]]]:
    """What the atom equals in each case, and what that case assumes."""
    if atom.kind in ("largest", "smallest"):
        sign = 1 if atom.kind == "largest" else -1
        for item in atom.data:
            yield item, tuple((item - other).times(sign) for other in atom.data if other is not item)
        return
    name, parameters, z = atom.data
    yield z, (z,)
    below = {"abs": Fraction(-1), "relu": Fraction(0)}.get(name)
    yield z.times(parameters[0] if below is None else below), (-z,)


def _never(facts: tuple[Scalar, ...], setting: Setting) -> Proved:
    """That an assumption g >= 0 is false: g < 0."""
    for g in facts:
        high = setting.enclosure(g).high
        if high is not None and high < 0:
            return Evidence("never", (g,), (ENCLOSURE,))
    return None


def _by_denominators(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """Multiply out powers of named sums whose sign is known."""
    for atom in scalar.atoms():
        least = min(dict(m).get(atom, Fraction(0)) for m, _ in scalar.terms)
        if least >= 0:
            continue
        sign, base = 1, None
        if least.denominator == 1 and least % 2:
            sign, base = _sign(atom.data[0] if atom.kind == "sum" else of_atom(atom), setting, depth)
        if sign:
            found = _proved(shifted(scalar, ((atom, -least),)).times(sign), setting, depth)
            return Evidence("denominators", (atom, -least, sign), (found, base) if base else (found,)) if found else None
    return None


def _sign(scalar: Scalar, setting: Setting, depth: int) -> tuple[int, Proved]:
    """1 or -1 with evidence that sign scalar >= 0; 0 when neither is shown."""
    for sign in (1, -1):
        found = _proved(scalar.times(sign), setting, depth)
        if found:
            return sign, found
    return 0, None


def _by_ends(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """A scalar that is affine in a parameter is >= 0 on an interval when it is so at both ends."""
    for atom in reversed(_by_declaration(scalar, setting)):
        if any(atom.key in other.key for other in deep_atoms(scalar) if other != atom):
            continue
        parts = affine(scalar, atom)
        low, high = setting.ends_of(atom)
        if parts is None or (low is None and high is None):
            continue
        slope, rest = parts
        if low is None or high is None:
            return _by_one_end(slope, rest, of_atom(atom), low, high, setting, depth)
        inside = [_room(of_atom(atom) - low, setting), _room(high - of_atom(atom), setting)]
        at_low = _proved(slope * low + rest, setting, depth)
        at_high = at_low and _proved(slope * high + rest, setting, depth)
        return Evidence("ends", (atom, low, high), (at_low, at_high, *inside)) if at_low and at_high else None
    return None


def _by_one_end(slope: Scalar, rest: Scalar, z: Scalar, low: Scalar | None, high: Scalar | None, setting: Setting,
                depth: int) -> Proved:
    """slope z + rest = slope (z - low) + (slope low + rest), or the same from the upper end."""
    sign, room = (1, z - low) if low is not None else (-1, high - z if high is not None else ZERO)
    end = low if low is not None else high
    assert end is not None
    rising = _proved(slope.times(sign), setting, depth)
    at_end = rising and _proved(slope * end + rest, setting, depth)
    if not at_end:
        return None
    return combination((1, (slope.times(sign), 1, rising), (room, 1, _room(room, setting))), (1, (slope * end + rest, 1, at_end)))


def _room(distance: Scalar, setting: Setting) -> Evidence:
    """That an atom's distance to an end of its interval is >= 0."""
    return ENCLOSURE if setting.enclosure(distance).low == 0 else ASSUMPTION


def _by_declaration(scalar: Scalar, setting: Setting) -> list[Atom]:
    order = {p.name: i for i, p in enumerate(setting.model.parameters)}
    kinds = ("param", "state", "variable", "secant")
    return sorted((a for a in scalar.atoms() if a.kind in kinds), key=lambda a: order.get(a.data[0], -1))


def _by_factors(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """A product of factors of known sign."""
    factored = factor(scalar)
    if factored is None:
        return None
    constant, factors = factored
    if len(factors) == 1 and factors[0][1] == 1:
        return None
    known: list[tuple[Scalar, int, Proved]] = []
    for base, exponent in factors:
        sign, found = (1, None) if exponent % 2 == 0 else _sign(base, setting, depth)
        if not sign:
            return None
        constant *= sign
        known.append((base.times(sign), exponent, found))
    return combination((constant, *known)) if constant > 0 else None


def _by_assumption(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """scalar = c g + rest with an assumption g >= 0, c > 0 fixed by one monomial, and rest >= 0."""
    mine = dict(scalar.terms)
    for g in setting.assumptions:
        for monomial, coefficient in g.terms:
            share = mine.get(monomial, Fraction(0)) / coefficient
            if share > 0 and monomial != UNIT:
                rest = scalar - g.times(share)
                if len(rest.terms) < len(scalar.terms) and (found := _proved(rest, setting, min(depth, 2))):
                    return combination((share, (g, 1, ASSUMPTION)), (1, (rest, 1, found)))
    return None


def _by_multiplier(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """scalar = c g + a sum of squares, with an assumption g >= 0, both quadratic: the S-procedure."""
    for g in setting.assumptions:
        basis = quadratic_basis(scalar, g)
        if basis is None or len(basis) < 2:
            continue
        one, other = gram_matrix(scalar, basis), gram_matrix(g, basis)
        for share in multipliers(one, other):
            rest = squares_of_form([[a - share * b for a, b in zip(*rows, strict=True)] for rows in zip(one, other, strict=True)])
            if rest is not None:
                return combination((share, (g, 1, ASSUMPTION)), *_lines(rest, basis))
    return None


def _by_division(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """scalar = g q with an assumption g >= 0 and q >= 0."""
    if not is_polynomial(scalar):
        return None
    for g in setting.assumptions:
        atoms = tuple(sorted({*scalar.atoms(), *g.atoms()}))
        if not g.atoms() or not is_polynomial(g) or len(g.terms) > len(scalar.terms) + 1:
            continue
        quotient, remainder = divmod(to_flint(scalar, atoms), to_flint(g, atoms))
        if remainder.to_dict():
            continue
        q = from_flint(quotient, atoms)
        if found := _proved(q, setting, min(depth, 3)):
            return combination((1, (g, 1, ASSUMPTION), (q, 1, found)))
    return None


def _by_quadratic_form(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """A quadratic polynomial with a positive semidefinite Gram matrix, by exact elimination (LDL')."""
    basis = quadratic_basis(scalar)
    return None if basis is None else sum_of_squares(gram_matrix(scalar, basis), basis)


def sum_of_squares(gram: list[list[Fraction]], basis: list[Scalar]) -> Proved:
    """z' G z as a sum of squares, when G is positive semidefinite."""
    squares = squares_of_form(gram)
    return None if squares is None else combination(*_lines(squares, basis))


def _lines(squares: list[tuple[Fraction, list[Fraction]]], basis: list[Scalar]) -> list[Any]:
    """d (l . z)^2 for each square."""
    return [(d, (sum((z.times(c) for z, c in zip(basis, row, strict=True)), ZERO), 2, None)) for d, row in squares]


def _by_sturm(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """A polynomial in one atom on the set where the polynomial assumptions on that atom hold, by real root isolation."""
    atoms = scalar.atoms()
    if len(atoms) != 1:
        return None
    atom = atoms[0]
    polynomial = univariate(scalar, atom)
    if polynomial is None:
        return None
    ends = setting.interval(atom)
    bounds = [x for x in (None if ends.low is None else of_atom(atom) - rational(ends.low),
                          None if ends.high is None else rational(ends.high) - of_atom(atom)) if x is not None]
    known = [(g, how) for found, how in ((setting.assumptions, ASSUMPTION), (bounds, ENCLOSURE)) for g in found
             if g.atoms() == (atom,) and univariate(g, atom) is not None]
    if not nonnegative_where(polynomial, [univariate(g, atom) or [] for g, _ in known]):
        return None
    return Evidence("line", (atom, tuple(g for g, _ in known)), tuple(how for _, how in known))


def _by_slope(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """Along a variable in which it rises or falls, near the top only."""
    return by_slope(scalar, setting, 2, _proved) if depth >= DEPTH - 2 else None


def _by_root(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """r + p >= 0 with a square root r >= 0 and r^2 >= p^2."""
    halves = next((a for a in scalar.atoms() if any(dict(m).get(a, Fraction(0)).denominator == 2 for m, _ in scalar.terms)), None)
    if halves is None:
        return None
    root = Scalar(tuple((m, c) for m, c in scalar.terms if dict(m).get(halves, Fraction(0)).denominator == 2))
    rest = scalar - root
    if not rest.terms:
        return None
    found = _proved(root, setting, min(depth, 2))
    gap = found and _proved(root * root - rest * rest, setting, depth)
    return Evidence("root", (root,), (found, gap)) if found and gap else None


def _by_laws(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """Relations between functions, once. Before the dear rules, as an identity often comes out."""
    if depth < DEPTH - 2:
        return None
    other = unfolded(scalar)
    found = _proved(other, setting, 2) if other != scalar else None
    return Evidence("laws", (), (found,)) if found else None


def _by_secants(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """With f(z) = s z for slopes s of f. Near the top only, and without the dear rules."""
    return by_secants(scalar, lambda other: _proved(other, setting, DEPTH - 2)) if depth >= DEPTH - 2 else None


def _by_squares(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """A polynomial, by sums of squares with multipliers from the setting. At the top only."""
    return by_squares(scalar, setting) if depth >= DEPTH - 2 else None


def _by_balls(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """Functions of few variables: branch and bound in balls. Tried at the top only, as it is the dearest."""
    if depth < DEPTH - 2:
        return None
    return nonnegative_on_box(scalar, setting, lambda inner, levels: by_slope(scalar, inner, levels, _proved))


def _by_monotone(scalar: Scalar, setting: Setting, depth: int) -> Proved:
    """Differences of a rising function against those of its arguments."""
    return by_monotone(scalar, setting, min(depth, 3), _proved)


_RULES = (_by_denominators, _by_assumption, _by_division, _by_monotone, _by_multiplier, _by_quadratic_form, _by_ends, _by_cases,
          _by_root, _by_factors, _by_sturm, _by_laws, _by_secants, _by_slope, _by_squares, _by_balls)
