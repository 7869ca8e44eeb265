"""The checker's words of linear maps and their normal form.

A map is a sum of words of letters with scalars in front. A vector v is the word D(v)|1>, where |1> sends 1 to the vector
of ones; so a dot product is the closed word <1|D(u v)|1>.
"""
from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from odenet.ir.sizes import SCALAR, Size, Space, count
from odenet.recheck.scalars import (
    STEPS,
    Monomial,
    Rejected,
    Scalar,
    Symbol,
    Table,
    Word,
    is_zero,
    merged,
    number,
    of,
    without_steps,
)

_TURNED = {"rows sum to one": "columns sum to one", "rows sum to zero": "columns sum to zero", "tall": "wide"}
_TURNED.update({b: a for a, b in _TURNED.items()})


def diag(table: Table, entries: Monomial, space: Space) -> Symbol:
    return table.letter("diag", (entries,), space, space)


def ones(table: Table, space: Space) -> Symbol:
    return table.letter("ones", (), SCALAR, space)


def adjoint(letter: Symbol) -> tuple[int, Symbol]:
    if letter.kind == "diag" or "symmetric" in letter.facts:
        return 1, letter
    if "skew" in letter.facts:
        return -1, letter
    kind = letter.kind[:-1] if letter.kind.endswith("'") else letter.kind + "'"
    facts = (_TURNED.get(f, f) for f in letter.facts)
    return 1, letter.table.letter(kind, letter.data, letter.end, letter.start, facts)


def reverse(word: Word) -> tuple[int, Word]:
    """The adjoint of a word, as a sign and a word."""
    pairs = [adjoint(letter) for letter in reversed(word)]
    return (-1 if sum(sign < 0 for sign, _ in pairs) % 2 else 1), tuple(letter for _, letter in pairs)


def _meet(a: Symbol, b: Symbol) -> Word | str | None:
    """What two neighbours become: other letters, "zero", or None where no law applies."""
    if a.kind == b.kind == "diag":
        return (diag(a.table, hadamard(a.data[0], b.data[0]), a.end),)
    if (b.kind == "ones" and "rows sum to zero" in a.facts) or (a.kind == "ones'" and "columns sum to zero" in b.facts):
        return "zero"
    if {a.kind, b.kind} <= {"matrix", "matrix'"} and a.data == b.data and "orthogonal" in a.facts and (
            a.kind != b.kind or "symmetric" in a.facts) and ("square" in a.facts or "tall" in b.facts):
        return ()  # tall: A'A = I
    if a.kind == "embed'" and b.kind == "embed":
        (i, j, n), (k, m, p) = a.data, b.data
        return () if a.data == b.data else "zero" if n == p and (k.at_least(j) or i.at_least(m)) else None
    if a.kind == "unit'" and b.kind == "unit" and a.data != b.data:
        return "zero"
    if b.kind == "ones" and a.kind == "matrix'" and "equal sums" in a.facts:
        return adjoint(a)[1], b  # K'|1> = K|1>
    if a.kind == "ones'" and b.kind == "matrix'" and "equal sums" in b.facts:
        return a, adjoint(b)[1]
    if "embed" in (a.kind.rstrip("'"), b.kind.rstrip("'")) and (a.is_bra or b.is_ket):
        return _placed(a, b)
    if b.kind == "ones" and ("rows sum to one" in a.facts or a.kind == "channels"):
        return (ones(a.table, a.end),)
    if a.kind == "ones'" and ("columns sum to one" in b.facts or b.kind == "channels'"):
        return (adjoint(ones(a.table, b.start))[1],)
    return None


def _placed(a: Symbol, b: Symbol) -> Word | str | None:
    """An embedding sends one entry to one entry, so |e_i> has one name."""
    if not b.is_ket:  # read backwards
        met = _placed(adjoint(b)[1], adjoint(a)[1])
        return reverse(met)[1] if isinstance(met, tuple) else met
    ends = [size.constant() for size in a.data[:2]]
    if None in ends or (b.kind == "ones" and (ends[1] - ends[0] != 1 or a.kind == "embed'")):
        return None
    i = ends[0] if b.kind == "ones" else b.data[0] + ends[0] if a.kind == "embed" else b.data[0] - ends[0]
    if a.kind == "embed'" and not ends[0] <= b.data[0] < ends[1]:
        return "zero"
    return (a.table.letter("unit", (int(i),), SCALAR, a.end),)


def hadamard(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for s, e in b:
        powers[s] = powers.get(s, Fraction(0)) + e
    is_step = {s for s in powers if s.kind == "function" and s.data[0] in STEPS}
    kept = [(s, Fraction(1) if s in is_step and e > 0 else e) for s, e in powers.items() if e]
    return tuple(without_steps(sorted(kept, key=lambda item: item[0].number)))


def entry(v: Form) -> Scalar:
    """One entry of a vector, whichever: a scalar in its entrywise symbols."""
    if v.end == SCALAR:
        return v.scalar()
    total = number(0)
    for word, c in v.terms.items():
        total = total + merged(factors(word), ()) * c
    return total


def _reduce(word: Word) -> Word | None:
    stack: list[Symbol] = []
    for letter in word:
        pending = [letter]
        while pending:
            current = pending.pop()
            if current.data == ((),) or (current.kind in ("ones", "ones'") and current.start == current.end):
                continue  # an empty diagonal, and |1> on R
            met = _meet(stack[-1], current) if stack else None
            if met == "zero":
                return None
            if isinstance(met, tuple):
                stack.pop()
                pending.extend(reversed(met))
            else:
                stack.append(current)
    return tuple(stack)


def normal(table: Table, word: Word) -> tuple[Word, Scalar] | None:
    """A product of letters as a normal word with a scalar in front, or None for zero."""
    reduced = _reduce(word)
    if reduced is None:
        return None
    kept: list[Symbol] = []
    front, start = number(1), 0
    for i in range(1, len(reduced) + 1):
        if i < len(reduced) and not (reduced[i - 1].is_ket):
            continue
        segment, start = reduced[start:i], i
        if segment and segment[0].is_bra and segment[-1].is_ket:
            front = front * closed(table, segment)
        else:
            sign, settled = _settle(table, segment)
            front = front.times(sign)
            kept.extend(settled)
    again = _reduce(tuple(kept))
    if again is None or not front.terms:
        return None
    if again == tuple(kept):
        return again, front
    found = normal(table, again)
    return None if found is None else (found[0], found[1] * front)


def image(word: Word) -> Symbol:
    """A vector word L…|1> as one entrywise symbol."""
    return word[0].table.atom("vector", word)


def _settle(table: Table, word: Word) -> tuple[int, Word]:
    """A vector word with at most one image among its entrywise factors written as letters, more as entries of one diagonal."""
    if word and word[0].kind == "ones'":
        sign, flipped = reverse(word)
        back = reverse(_settle(table, flipped)[1])
        return sign * back[0], back[1]
    if len(word) < 2 or word[-1].kind != "ones":
        return 1, word
    word = (word[0], *_settle(table, word[1:])[1])  # no sign: only a word that begins with <1| is turned
    if word[0].kind != "diag":
        return 1, word
    entries, space = word[0].data[0], word[0].end
    if len(word) > 2 and any(s.kind == "vector" for s, _ in entries):
        entries, word = hadamard(entries, ((image(word[1:]), Fraction(1)),)), word[:1]
        return 1, (diag(table, entries, space), ones(table, space))
    images = [(s, e) for s, e in entries if s.kind == "vector"]
    if len(word) == 2 and len(images) == 1 and images[0][1] == 1:
        rest = tuple(f for f in entries if f[0].kind != "vector")
        return 1, ((diag(table, rest, space), *images[0][0].data[0]) if rest else images[0][0].data[0])
    return 1, word


def closed(table: Table, word: Word) -> Scalar:
    """The scalar of a word from a bra to a ket; a word and its adjoint are one quantity."""
    left, right, middle = word[0], word[-1], word[1:-1]
    if not middle:
        return size_scalar(table, count(left.start)) if left.kind == "ones'" and right.kind == "ones" else number(1)
    if left.kind == "ones'" and right.kind == "ones" and all(x.kind == "diag" for x in middle):
        product: Monomial = ()
        for letter in middle:
            product = hadamard(product, letter.data[0])
        if len(product) == 1 and product[0][1] == 1 and product[0][0].kind in ("softmax", "vector"):
            return number(1) if product[0][0].kind == "softmax" else closed(table, (left, *product[0][0].data[0]))
        return of(table.atom("word", (left, diag(table, product, left.start), right)))

    def settled(w: Word) -> Word:
        return (w[0], *_settle(table, w[1:])[1]) if w[-1].kind == "ones" and len(w) > 3 else w

    sign, flipped = reverse(word)
    one, other = settled(word), settled(flipped)
    if one == other:
        return number(0) if sign < 0 else _named(table, one)
    for w in (one, other):
        if len(w) < 3 or (w[0].kind == "ones'" and w[-1].kind == "ones" and all(x.kind == "diag" for x in w[1:-1])):
            return closed(table, w).times(1 if w is one else sign)
    if other in table.chosen:
        return _named(table, other).times(sign)
    table.chosen[one] = one
    return _named(table, one)


def _named(table: Table, word: Word) -> Scalar:
    return of(table.atom("word", word))


def size_scalar(table: Table, size: Size) -> Scalar:
    total = number(0)
    for factors, c in size.terms:
        product = number(c)
        for name, e in factors:
            product = product * of(table.atom("dim", name), e)
        total = total + product
    return total


class Form:
    """A linear map from `start` to `end` as a sum of normal words; a vector starts at R, a scalar also ends there."""

    __slots__ = ("end", "start", "table", "terms")

    def __init__(self, table: Table, start: Space, end: Space, pieces: Iterable[tuple[Word, Scalar]]) -> None:
        self.table, self.start, self.end = table, start, end
        terms: dict[Word, Scalar] = {}
        for word, c in pieces:
            found = normal(table, word)
            if found is not None:
                terms[found[0]] = terms.get(found[0], number(0)) + found[1] * c
        self.terms = {w: c for w, c in terms.items() if c.terms}

    def __add__(self, other: Form) -> Form:
        if (self.start, self.end) != (other.start, other.end):
            raise Rejected("a sum of maps between other spaces")
        return Form(self.table, self.start, self.end, [*self.terms.items(), *other.terms.items()])

    def __sub__(self, other: Form) -> Form:
        return self + other.scaled(number(-1))

    def scaled(self, factor: Scalar) -> Form:
        return Form(self.table, self.start, self.end, ((w, c * factor) for w, c in self.terms.items()))

    def __matmul__(self, other: Form) -> Form:
        if self.start != other.end:
            raise Rejected("a product of maps that do not fit")
        return Form(self.table, other.start, self.end,
                    ((v + w, c * d) for v, c in self.terms.items() for w, d in other.terms.items()))

    @property
    def T(self) -> Form:
        flipped = [(reverse(w), c) for w, c in self.terms.items()]
        return Form(self.table, self.end, self.start, ((w, c.times(sign)) for (sign, w), c in flipped))

    def is_zero(self) -> bool:
        return all(is_zero(c) for c in self.terms.values())

    def scalar(self) -> Scalar:
        if self.start != SCALAR or self.end != SCALAR:
            raise Rejected("a scalar is expected")
        return self.terms.get((), number(0))

    @property
    def key(self) -> Any:
        return frozenset(self.terms.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and (self.start, self.end, self.key) == (other.start, other.end, other.key)

    def __hash__(self) -> int:
        return hash((self.start, self.end, self.key))


def identity(table: Table, space: Space) -> Form:
    return Form(table, space, space, [((), number(1))])


def letter_form(letter: Symbol, factor: Scalar | None = None) -> Form:
    return Form(letter.table, letter.start, letter.end, [((letter,), number(1) if factor is None else factor)])


def scalar_form(table: Table, value: Scalar) -> Form:
    return Form(table, SCALAR, SCALAR, [((), value)])


def vector(symbol: Symbol, space: Space) -> Form:
    """The vector (or scalar) that a symbol names."""
    table = symbol.table
    if space == SCALAR:
        return scalar_form(table, of(symbol))
    return Form(table, SCALAR, space, [((diag(table, ((symbol, Fraction(1)),), space), ones(table, space)), number(1))])


def factors(word: Word) -> Monomial:
    """A vector word as an entrywise product of symbols."""
    if len(word) == 1 and word[0].kind == "ones":
        return ()
    if word[0].kind != "diag":
        return ((image(word), Fraction(1)),)
    if len(word) == 2 and word[1].kind == "ones":
        return word[0].data[0]  # type: ignore[no-any-return]
    return hadamard(word[0].data[0], ((image(word[1:]), Fraction(1)),))


def entrywise(a: Form, b: Form) -> Form:
    """The entrywise product of two vectors (or scalars)."""
    if a.end == SCALAR:
        return scalar_form(a.table, a.scalar() * b.scalar())
    end = ones(a.table, a.end)
    return Form(a.table, SCALAR, a.end, (((diag(a.table, hadamard(factors(v), factors(w)), a.end), end), c * d)
                                         for v, c in a.terms.items() for w, d in b.terms.items()))


def diagonal(v: Form) -> Form:
    return Form(v.table, v.end, v.end, (((diag(v.table, factors(w), v.end),), c) for w, c in v.terms.items()))
