"""Strict inequalities."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.evidence import ASSUMPTION, ENCLOSURE, POSITIVE, Evidence, combination
from odenet.algebra.polynomials import factor
from odenet.algebra.scalars import Scalar, TooLarge, rational
from odenet.algebra.setting import Setting
from odenet.algebra.slopes import Prove

STRICT_DEPTH = 3
_GAPS = (Fraction(1, 64), Fraction(1, 2**20))


def proved_strictly(scalar: Scalar, setting: Setting, prove: Prove, deepest: int) -> Evidence | None:
    """Evidence that scalar > 0: by its enclosure, by a strict assumption below it, as a sum of positive terms, as a product, by a
    small number below it."""
    low = setting.enclosure(scalar).low
    if low is not None and low > 0:
        return ENCLOSURE
    for known in setting.strict:
        if known.terms and (rest := prove(scalar - known, setting, STRICT_DEPTH)):
            return combination((1, (known, 1, ASSUMPTION)), (1, (scalar - known, 1, rest)))
    return _by_terms(scalar, setting) or _by_factors(scalar, setting, prove, deepest) or _by_gap(scalar, setting, prove, deepest)


def _by_terms(scalar: Scalar, setting: Setting) -> Evidence | None:
    terms = [Scalar(((m, Fraction(1)),)) for m, _ in scalar.terms]
    found = [_sign_of_term(term, setting) if c > 0 else None for term, (_, c) in zip(terms, scalar.terms, strict=True)]
    if POSITIVE not in found or None in found:
        return None
    return combination(*((c, (term, 1, one)) for term, (_, c), one in zip(terms, scalar.terms, found, strict=True) if one))


def _sign_of_term(term: Scalar, setting: Setting) -> Evidence | None:
    """That a monomial is > 0, or that it is >= 0."""
    if all(setting.is_positive(atom) for atom, _ in term.terms[0][0]):
        return POSITIVE
    return ENCLOSURE if setting.enclosure(term).is_nonnegative() else None


def _by_factors(scalar: Scalar, setting: Setting, prove: Prove, deepest: int) -> Evidence | None:
    """A product of factors that are all > 0."""
    factored = factor(scalar)
    if factored is None or len(factored[1]) < 2:
        return None
    constant, found = factored[0], []
    for base, exponent in factored[1]:
        for sign in (1, -1):
            if one := proved_strictly(base.times(sign), setting, prove, STRICT_DEPTH):
                constant *= sign**exponent
                found.extend([(base.times(sign), 1, one)] * exponent)
                break
        else:
            return None
    return combination((constant, *found)) if constant > 0 else None


def _by_gap(scalar: Scalar, setting: Setting, prove: Prove, deepest: int) -> Evidence | None:
    for gap in _GAPS:
        try:
            rest = prove(scalar - rational(gap), setting, deepest)
        except TooLarge:
            return None
        if rest:
            return combination((1, (rational(gap), 1, ENCLOSURE)), (1, (scalar - rational(gap), 1, rest)))
    return None
