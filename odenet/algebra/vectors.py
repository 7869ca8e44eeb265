"""Operations on vector forms: entrywise products, diagonals, the action of skew matrices."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra import letters
from odenet.algebra.forms import (
    Form,
    constant_vector,
    hadamard_monomial,
    identity,
    of_letter,
    of_scalar,
    sum_words,
    word_atom,
    zero,
)
from odenet.algebra.letters import Word, entries
from odenet.algebra.scalars import MOST_TERMS, ONE, ZERO, Monomial, Scalar, TooLarge, reduce_monomial
from odenet.ir.sizes import SCALAR, Space


def hadamard(left: Form, right: Form) -> Form:
    """The entrywise product of two vectors, or the product of two scalars."""
    if left.end == SCALAR:
        return of_scalar(left.scalar() * right.scalar())
    if len(left.terms) * len(right.terms) > MOST_TERMS:
        raise TooLarge("an expanded entrywise product")
    pieces: list[tuple[Word, Scalar]] = []
    for word, c in left.terms:
        for other, d in right.terms:
            product = hadamard_monomial(word_factors(word), word_factors(other))
            space = left.end
            vector = of_letter(letters.diag(product, space)) @ constant_vector(space) if product else constant_vector(space)
            pieces.extend((w, s * c * d) for w, s in vector.terms)
    return sum_words(SCALAR, left.end, pieces)


def word_factors(word: Word) -> Monomial:
    """A vector word as a product of vector atoms."""
    if len(word) == 1 and word[0].kind == "ones":
        return ()
    if word[0].kind == "diag":
        if len(word) == 2 and word[1].kind == "ones":
            return entries(word[0])
        return hadamard_monomial(entries(word[0]), ((word_atom(word[1:]), Fraction(1)),))
    return ((word_atom(word), Fraction(1)),)


def entry(vector: Form) -> Scalar:
    """One entry of a vector, whichever, as a scalar in its vector atoms: what holds for all values of the atoms holds for each."""
    if vector.end == SCALAR:
        return vector.scalar()
    total = ZERO
    for word, scalar in vector.terms:
        total = total + reduce_monomial(word_factors(word)) * scalar
    return total


def diagonal(vector: Form) -> Form:
    """diag(v) as a map."""
    pieces: list[tuple[Word, Scalar]] = []
    for word, scalar in vector.terms:
        factors = word_factors(word)
        letter = of_letter(letters.diag(factors, vector.end)) if factors else identity(vector.end)
        pieces.extend((w, c * scalar) for w, c in letter.terms)
    return sum_words(vector.end, vector.end, pieces)


def acting(vector: Form, start: Space) -> Form:
    """The map s -> skew(s) v."""
    total = zero(start, vector.end)
    for word, scalar in vector.terms:
        unit = Form(SCALAR, vector.end, ((word, ONE),))
        total = total + of_letter(letters.skewact(unit, start, vector.end), scalar)
    return total
