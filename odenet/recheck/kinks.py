"""Piecewise polynomials: a factor z beside threshold(z) or relu(z)^k is taken into it, also where z is a sum.

z threshold(z) = relu(z) and z relu(z)^k = relu(z)^(k+1) hold at every point, entry by entry. In a term with a kink at z = 0 one
monomial of z, the last that came, is written as (z - the others) over its number.
"""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from odenet.recheck.scalars import Monomial, Rejected, Scalar, Symbol, merged, number
from odenet.recheck.words import Form, diag, factors, hadamard, letter_form, ones

MOST = 400  # terms looked at in one place


def without_kinks(form: Form) -> Form:
    """The form with a factor z beside each kink at z = 0 taken into it."""
    total = Form(form.table, form.start, form.end, [])
    for word, c in form.terms.items():
        total = total + _in_word(form, word).scaled(_in_scalar(c))
    return total


def _in_scalar(value: Scalar) -> Scalar:
    def rebuilt(m: Monomial, c: Scalar) -> list[tuple[Monomial, Scalar]]:
        return [(k, number(d) * c) for k, d in merged(m, ()).terms.items()]

    total = number(0)
    for m, c in _exhausted([(m, number(c)) for m, c in value.terms.items()], rebuilt):
        total = total + Scalar({m: Fraction(1)}) * c
    return total


def _in_word(form: Form, word: tuple[Symbol, ...]) -> Form:
    table = form.table

    def diagonals(entries: Monomial, space: Any) -> Form:
        found = Form(table, space, space, [])
        for m, c in _exhausted([(entries, number(1))], lambda m, c: [(hadamard(m, ()), c)]):
            found = found + Form(table, space, space, [((diag(table, m, space),), c)])
        return found

    total: Form | None = None
    for i, letter in enumerate(word):
        if letter.kind == "diag" and word[-1].is_ket:  # D(e) w with w a vector: their entrywise product
            piece = diagonals(factors(word[i:]), letter.end) @ letter_form(ones(table, letter.end))
            return piece if total is None else total @ piece
        piece = diagonals(letter.data[0], letter.end) if letter.kind == "diag" else letter_form(letter)
        total = piece if total is None else total @ piece
    return Form(table, form.start, form.end, [((), number(1))]) if total is None else total


def _exhausted(pending: list[tuple[Monomial, Scalar]], rebuilt: Callable[[Monomial, Scalar], list[tuple[Monomial, Scalar]]],
               ) -> list[tuple[Monomial, Scalar]]:
    """Terms in which no kink stands beside the monomial of its argument that is eliminated."""
    done: list[tuple[Monomial, Scalar]] = []
    for _ in range(MOST):
        if not pending:
            return done
        term = pending.pop()
        new = _taken_in(*term)
        if new is None:
            done.append(term)
        else:
            pending += [one for m, c in new for one in rebuilt(m, c)]
    raise Rejected("a piecewise polynomial takes too long")


def _taken_in(m: Monomial, c: Scalar) -> list[tuple[Monomial, Scalar]] | None:
    for s, e in m:
        if s.kind != "function" or s.data[0] not in ("relu", "threshold") or e < 1 or e.denominator != 1:
            continue
        z = _terms(s.data[2])
        known = [(sum(k for _, k in one), [t.number for t, _ in one], one) for one, d in z.items() if one and d.value()]
        if not known or any(k < 0 for one in z for _, k in one):
            continue
        last = max(known)[2]
        powers = dict(m)
        if any(powers.get(t, Fraction(0)) < k for t, k in last):
            continue
        share = z.pop(last).value()
        assert share is not None
        for t, k in last:
            powers[t] -= k
        others = [(_product(powers, one), c * d.times(-1 / share)) for one, d in z.items()]
        powers[s] -= 1 if s.data[0] == "threshold" else -1
        if s.data[0] == "threshold":
            powers[_relu(s)] = powers.get(_relu(s), Fraction(0)) + 1
        return [(_product(powers, ()), c.times(1 / share)), *others]
    return None


def _relu(step: Symbol) -> Symbol:
    return step.table.atom("function", "relu", step.data[1], step.data[2])


def _terms(z: Any) -> dict[Monomial, Scalar]:
    """The argument of a kink as monomials of atoms, or of entrywise symbols, with what stands in front."""
    if isinstance(z, Scalar):
        return {m: number(c) for m, c in z.terms.items()}
    return {factors(word): c for word, c in z.terms.items()}


def _product(powers: dict[Symbol, Fraction], other: Monomial) -> Monomial:
    total = dict(powers)
    for t, k in other:
        total[t] = total.get(t, Fraction(0)) + k
    return tuple(sorted(((t, k) for t, k in total.items() if k), key=lambda item: item[0].number))
