"""Piecewise polynomials in one form: z threshold(z) = relu(z) and z relu(z)^k = relu(z)^(k+1), wherever z stands in a sum.

With z = c m + r the term m threshold(z) is (relu(z) - r threshold(z)) / c. The first term m of z, by degree, is eliminated beside
each kink, so that what is equal by these laws has one form where there is one kink in a term. They hold everywhere, entry by entry.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from odenet.algebra import letters
from odenet.algebra.forms import Form, hadamard_monomial, identity, of_letter, zero
from odenet.algebra.letters import Word, entries, is_ket
from odenet.algebra.scalars import (
    ONE,
    ZERO,
    Atom,
    Monomial,
    Scalar,
    TooLarge,
    function_atom,
    merged,
    monomial_key,
    rational,
    reduce_monomial,
)
from odenet.algebra.vectors import word_factors
from odenet.ir.sizes import SCALAR

MOST_ROUNDS = 400  # terms rewritten in one form; what is left over then stays as it is
Term = tuple[Monomial, Scalar]


def folded(form: Form) -> Form:
    """The form with the laws of kinks applied in its scalars and on its diagonals."""
    if "relu(" not in form.key and "threshold(" not in form.key:
        return form
    total = zero(form.start, form.end)
    try:
        for word, scalar in form.terms:
            total = total + _folded_word(form, word).scaled(_folded_scalar(scalar))
    except TooLarge:
        return form
    return total


def _folded_scalar(scalar: Scalar) -> Scalar:
    def reduced(m: Monomial, c: Scalar) -> list[Term]:
        return [(k, c.times(d)) for k, d in reduce_monomial(m).terms]

    total = ZERO
    for factors, c in _exhausted([(m, rational(c)) for m, c in scalar.terms], reduced):
        total = total + Scalar(((factors, Fraction(1)),)) * c
    return total


def _folded_word(form: Form, word: Word) -> Form:
    if not word:
        return Form(form.start, form.end, ((word, ONE),))
    if is_ket(word[-1]):
        return _folded_vector(word)
    total: Form | None = None
    for letter in word:
        piece = zero(letter.start, letter.end)
        if letter.kind == "diag":
            for factors, scalar in _folded_entries(entries(letter)):
                piece = piece + of_letter(letters.diag(factors, letter.end)).scaled(scalar)
        else:
            piece = of_letter(letter)
        total = piece if total is None else total @ piece
    assert total is not None
    return total


def _folded_vector(word: Word) -> Form:
    """L … D(e) w, w a vector: what e and w are together, entry by entry, is folded."""
    if word[0].kind != "diag":
        head = of_letter(word[0])
        return head @ _folded_vector(word[1:]) if len(word) > 1 else head
    space = word[0].end
    total = zero(SCALAR, space)
    for factors, scalar in _folded_entries(word_factors(word)):
        diagonal = of_letter(letters.diag(factors, space)) if factors else identity(space)
        total = total + (diagonal @ of_letter(letters.ones(space))).scaled(scalar)
    return total


def _folded_entries(factors: Monomial) -> list[Term]:
    return _exhausted([(factors, ONE)], lambda m, c: [(hadamard_monomial(m, ()), c)])


def _exhausted(pending: list[Term], reduced: Callable[[Monomial, Scalar], list[Term]]) -> list[Term]:
    """Terms to which no law applies any more; `reduced` brings a new product of atoms into normal form."""
    done: list[Term] = []
    for _ in range(MOST_ROUNDS):
        if not pending:
            return done
        head, scalar = pending.pop()
        split = _split(head)
        if split is None:
            done.append((head, scalar))
        else:
            pending.extend(term for m, c in split for term in reduced(m, c * scalar))
    raise TooLarge("a piecewise polynomial")


def _split(factors: Monomial) -> list[Term] | None:
    """The terms that a product of atoms becomes by one law, or None where none applies."""
    for atom, exponent in factors:
        if not _is_kink(atom) or exponent < 1 or exponent.denominator != 1:
            continue
        terms = list(_terms(atom.data[2]))
        lead = max((t for t in terms if t[0]), key=lambda t: (sum(e for _, e in t[0]), monomial_key(t[0])), default=None)
        front = None if lead is None else lead[1].value()
        rest = None if lead is None or front is None else _divided(factors, lead[0])
        if lead is None or front is None or rest is None:
            continue
        found = [(_raised(rest, atom), rational(1 / front))]
        return found + [(merged(rest, m), c.times(-1 / front)) for m, c in terms if m != lead[0]]
    return None


def _is_kink(atom: Atom) -> bool:
    return atom.kind == "function" and atom.data[0] in ("relu", "threshold")


def _terms(argument: Scalar | Form) -> Iterator[Term]:
    if isinstance(argument, Scalar):
        yield from ((m, rational(c)) for m, c in argument.terms)
    else:
        yield from ((word_factors(word), c) for word, c in argument.terms)


def _divided(factors: Monomial, lead: Monomial) -> Monomial | None:
    """What is left of a product without the factors of another, where it has them all."""
    powers = dict(factors)
    for atom, e in lead:
        if e < 0 or powers.get(atom, Fraction(0)) < e:
            return None
        powers[atom] -= e
    return tuple(sorted((a, e) for a, e in powers.items() if e))


def _raised(factors: Monomial, kink: Atom) -> Monomial:
    """z times a product with the kink: threshold(z) becomes relu(z), relu(z)^k becomes relu(z)^(k+1)."""
    name, parameters, argument = kink.data
    if name == "relu":
        return merged(factors, ((kink, Fraction(1)),))
    without = tuple((a, e) for a, e in factors if a != kink)
    return merged(without, ((function_atom("relu", parameters, argument), Fraction(1)),))


