"""Sums of words that are squares c R'MR of a sum R of words, and maps of several blocks as one map."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

from odenet.ir.sizes import SCALAR, Size, Space, count
from odenet.recheck.reading import Reader, embed
from odenet.recheck.scalars import Scalar, Symbol, Word, number
from odenet.recheck.words import Form, identity, letter_form, ones, reverse

Square = tuple[Scalar, Symbol | None, Form]


def squared(form: Form) -> tuple[list[Square], Form]:
    """The squares of sums of two or more words in a symmetric form, and what is left."""
    left, found = dict(form.terms), []
    if all(reverse(word)[1] == word for word in left):
        return [], form
    tables: dict[Symbol | None, dict[tuple[Word, Word], tuple[Word, Scalar]]] = {}
    for word, c in form.terms.items():
        for p in range(len(word) + 1):
            sign, start = reverse(word[:p])
            tables.setdefault(None, {})[start, word[p:]] = (word, c.times(sign))
            if p < len(word) and (word[p].kind == "diag" or "psd" in word[p].facts):
                tables.setdefault(word[p], {})[start, word[p + 1:]] = (word, c.times(sign))
    for middle, table in tables.items():
        for group in _groups(table):
            factors = _factors(table, group)
            words = {table[i, j][0] for i in group for j in group} if factors else set()
            if not factors or len(words) < len(group) ** 2 or not words <= set(left):  # one term for each product
                continue
            end = middle.start if middle is not None else group[0][0].end if group[0] else form.start
            right = Form(form.table, form.start, end, [(w, number(b)) for w, b in zip(group, factors, strict=True)])
            found.append((table[group[0], group[0]][1], middle, right))
            left = {w: c for w, c in left.items() if w not in words}
    return found, Form(form.table, form.start, form.end, left.items())


def _groups(table: dict[tuple[Word, Word], Any]) -> list[list[Word]]:
    """Words that mixed terms join, each with its own square."""
    groups: list[set[Word]] = []
    for i, j in table:
        if i != j and (i, i) in table and (j, j) in table:
            near = [g for g in groups if i in g or j in g]
            groups = [g for g in groups if g not in near] + [set().union({i, j}, *near)]
    return [list(group) for group in groups]


def _factors(table: dict[tuple[Word, Word], tuple[Word, Scalar]], group: list[Word]) -> list[Fraction]:
    """Rational b with the coefficients c b_i b_j, or none."""
    if any((i, j) not in table for i in group for j in group):
        return []
    c = table[group[0], group[0]][1]
    m = next(iter(c.terms))
    factors = [table[group[0], w][1].terms.get(m, Fraction(0)) / c.terms[m] for w in group]
    good = all(table[i, j][1] == c.times(b * d)
               for i, b in zip(group, factors, strict=True) for j, d in zip(group, factors, strict=True))
    return factors if good else []


def whole(reader: Reader, grid: list[list[Form]]) -> Form:
    """A matrix of maps between vectors and scalars as one map of all of them behind each other."""
    total = Size()
    for i, row in enumerate(grid):
        total = total + count(row[i].end)
    places, start = [], Size()
    for i, row in enumerate(grid):
        stop = start + count(row[i].end)
        place = embed(reader, start, stop, total)
        is_scalar = row[i].end == SCALAR
        places.append(place @ letter_form(ones(reader.table, Space((Size.number(1),)))) if is_scalar else place)
        start = stop
    result = identity(reader.table, Space((total,))).scaled(number(0))
    for i, row in enumerate(grid):
        for j, form in enumerate(row):
            result = result + places[i] @ form @ places[j].T
    return result
