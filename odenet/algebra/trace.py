"""Traces: words modulo cyclic rotation and transposition."""
from __future__ import annotations

from odenet.algebra.forms import Form, closed, of_letter, reverse, size_scalar
from odenet.algebra.letters import Word, is_bra, is_ket, ones, transposed, word_key
from odenet.algebra.scalars import ONE, ZERO, Atom, Scalar, of_atom
from odenet.ir.sizes import Space, count


def trace(form: Form) -> Scalar:
    """The trace of a map of a space to itself, as an exact scalar."""
    assert form.start == form.end
    total = ZERO
    for word, scalar in form.terms:
        total = total + scalar * _word_trace(word, form.start)
    return total


def _word_trace(word: Word, space: Space) -> Scalar:
    if not word:
        return size_scalar(count(space))
    cut = next((i for i in range(len(word) - 1) if is_ket(word[i]) and is_bra(word[i + 1])), None)
    if cut is not None:  # tr(u v') = v'u
        u, v = word[:cut + 1], word[cut + 1:]
        total = of_letter(v[0])
        for letter in (*v[1:], *u):
            total = total @ of_letter(letter)
        return total.scalar()
    if len(word) == 1 and word[0].kind == "diag":  # tr D(v) = <1|D(v)|1>
        return closed((transposed(ones(space))[1], word[0], ones(space)))
    return _cyclic(word)


def _cyclic(word: Word) -> Scalar:
    reduced = _merged_ends(word)
    if reduced != word:
        return _word_trace(reduced, reduced[0].end) if reduced else size_scalar(count(word[-1].end))
    sign, flipped = reverse(word)
    first, second = _least(word), _least(flipped)
    if word_key(first) == word_key(second):
        # tr W = tr W' = sign tr W, so an odd number of skew letters gives zero: S D, S, D1 S D2 S S, ...
        return ZERO if sign < 0 else _named(first)
    return _named(first) if word_key(first) < word_key(second) else _named(second).times(sign)


def _merged_ends(word: Word) -> Word:
    """Rotate so that what the ends make of each other is applied: diagonals merge, A A' goes."""
    if len(word) < 2:
        return word
    product = of_letter(word[-1]) @ of_letter(word[0])
    if len(product.terms) == 1 and product.terms[0][1] == ONE and len(product.terms[0][0]) < 2:
        rotated = of_letter(word[-1])
        for letter in word[:-1]:
            rotated = rotated @ of_letter(letter)
        if len(rotated.terms) == 1 and rotated.terms[0][1] == ONE:
            return rotated.terms[0][0]
    return word


def _least(word: Word) -> Word:
    return min((word[i:] + word[:i] for i in range(len(word))), key=word_key)


def _named(word: Word) -> Scalar:
    return of_atom(Atom("trace", (word,), f"tr({word_key(word)})"))


