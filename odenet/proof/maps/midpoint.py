"""The volume of a step of implicit midpoint on fields with Df = J S, J skew and constant, S symmetric."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.forms import Form, of_letter, sum_words, zero
from odenet.algebra.letters import Letter, Word
from odenet.algebra.scalars import Scalar, rational
from odenet.proof.context import Context
from odenet.proof.maps.substeps import Move
from odenet.schemes.numbers import Exact, exact


def keeps_volume(context: Context, move: Move) -> bool:
    """Whether one block moves by implicit midpoint along such a field.

    det(I + h J S/2) = det(I + h S'J'/2) = det(I - h S J/2) = det(I - h J S/2), and the step has their quotient.
    """
    moved = [name for name, _ in move.rates.rows]
    return is_midpoint(move) and len(moved) == 1 and _is_skew_times_symmetric(context.jacobian(move.rates, moved[0], moved[0]))


def is_midpoint(move: Move) -> bool:
    table = move.table
    if table is None or len(table.weights) != 1:
        return False
    return exact(table.weights[0]) == Exact(1) and exact(table.matrix[0][0]) + exact(table.matrix[0][0]) == Exact(1)


def _is_skew_times_symmetric(form: Form) -> bool:
    """Words by their first letters L: the sum of c_L L S with one symmetric S, and the sum of c_L L skew."""
    tails: dict[Letter, list[tuple[Word, Scalar]]] = {}
    for word, scalar in form.terms:
        if not word or word[0].kind == "diag":  # the first letter must not move
            return False
        tails.setdefault(word[0], []).append((word[1:], scalar))
    right: Form | None = None
    left = zero(form.start, form.end)
    for letter, pieces in tails.items():
        tail = sum_words(form.start, letter.start, pieces)
        right = tail if right is None else right
        share = _share(tail, right)
        if letter.start != letter.end or "state " in letter.key or not share:
            return False
        left = left + of_letter(letter).scaled(rational(share))
    return right is not None and (left + left.T).is_zero() and (right - right.T).is_zero()


def _share(one: Form, other: Form) -> Fraction:
    """c with one = c other, or 0."""
    if len(one.terms) != len(other.terms) or (one.start, one.end) != (other.start, other.end):
        return Fraction(0)
    (_, first), (_, second) = one.terms[0], other.terms[0]
    c = first.terms[0][1] / second.terms[0][1]
    return c if (one - other.scaled(rational(c))).is_zero() else Fraction(0)
