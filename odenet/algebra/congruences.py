"""Sums of words that are squares: c_11 A'MA + c_12 A'MB + c_12 B'MA + c_22 B'MB = c (A + b B)' M (A + b B)."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from odenet.algebra.forms import Form, identity, of_letter, reverse, sum_words
from odenet.algebra.letters import Letter, Word, embed, ones
from odenet.algebra.scalars import Scalar, rational
from odenet.ir.sizes import SCALAR, Size, Space, count


@dataclass(frozen=True)
class Square:
    """coefficient * right' middle right, with the identity for a middle that is None."""

    coefficient: Scalar
    middle: Letter | None
    right: Form


@dataclass(frozen=True)
class _Cut:
    """One way to read a word, with its sign and scalar: scalar left' middle right."""

    word: Word
    scalar: Scalar
    middle: Letter | None


Table = dict[tuple[Word, Word], _Cut]


def squared(form: Form) -> tuple[list[Square], Form]:
    """The squares of sums of two or more words in a symmetric form, and the rest of it."""
    if all(reverse(word)[1] == word for word, _ in form.terms):
        return [], form
    found: list[Square] = []
    left = dict(form.terms)
    for _, table in sorted(_tables(form).items()):
        for group in _groups(table):
            square = _square(form, table, group)
            words = [table[i, j].word for i in group for j in group] if square else []
            # each product of two words is a term of its own: one that stands for several counts for one alone
            if square and len(set(words)) == len(words) and all(word in left for word in words):
                found.append(square)
                for word in words:
                    left.pop(word, None)
    return found, sum_words(form.start, form.end, left.items())


def _tables(form: Form) -> dict[str, Table]:
    """The words cut at each middle that could carry a square, by that middle."""
    tables: dict[str, Table] = {}
    for word, scalar in form.terms:
        for p in range(len(word) + 1):
            middle = word[p] if p < len(word) and (word[p].kind == "diag" or "psd" in word[p].facts) else None
            sign, left = reverse(word[:p])
            tables.setdefault("", {})[left, word[p:]] = _Cut(word, scalar.times(sign), None)
            if middle is not None:
                tables.setdefault(middle.key, {})[left, word[p + 1:]] = _Cut(word, scalar.times(sign), middle)
    return tables


def _groups(table: Table) -> list[list[Word]]:
    """Words that mixed terms join, when their own squares are there too."""
    joined: dict[Word, list[Word]] = {}
    for left, right in table:
        if left != right and (left, left) in table and (right, right) in table:
            joined.setdefault(left, []).append(right)
    groups: list[list[Word]] = []
    seen: set[Word] = set()
    for start in joined:
        group, pending = [], [start]
        while pending:
            word = pending.pop()
            if word not in seen:
                seen.add(word)
                group.append(word)
                pending.extend(joined.get(word, []))
        if len(group) > 1:
            groups.append(group)
    return groups


def _square(form: Form, table: Table, group: list[Word]) -> Square | None:
    """The square that a group is, if its coefficients are c b_i b_j with rational b."""
    first = table[group[0], group[0]]
    if any((i, j) not in table for i in group for j in group):
        return None
    factors = [_ratio(table[group[0], word].scalar, first.scalar) for word in group]
    for i, b in zip(group, factors, strict=True):
        for j, d in zip(group, factors, strict=True):
            if b is None or d is None or table[i, j].scalar != first.scalar.times(b * d):
                return None
    end = first.middle.start if first.middle is not None else (group[0][0].end if group[0] else form.start)
    right = sum_words(form.start, end, ((word, rational(b)) for word, b in zip(group, factors, strict=True) if b is not None))
    return Square(first.scalar, first.middle, right)


def _ratio(one: Scalar, other: Scalar) -> Fraction | None:
    if not one.terms or not other.terms:
        return None
    ratio = one.terms[0][1] / other.terms[0][1]
    return ratio if one == other.times(ratio) else None


def whole(grid: list[list[Form]]) -> Form | None:
    """A matrix of maps between vectors and scalars as one map of all of them behind each other; None for images."""
    spaces = [row[i].end for i, row in enumerate(grid)]
    if any(space.rank > 1 for space in spaces):
        return None
    total = Size()
    for space in spaces:
        total = total + count(space)
    places, start = [], Size()
    for space in spaces:
        stop = start + count(space)
        place = of_letter(embed(start, stop, total))
        places.append(place @ of_letter(ones(Space((Size.number(1),)))) if space == SCALAR else place)
        start = stop
    result = identity(Space((total,))) - identity(Space((total,)))
    for i, row in enumerate(grid):
        for j, form in enumerate(row):
            result = result + places[i] @ form @ places[j].T
    return result
