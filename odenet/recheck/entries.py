"""Words between spaces of known sizes as matrices of scalars: dot(q, q) is q[0]^2 + q[1]^2 where q has two entries."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from odenet.ir.sizes import SCALAR
from odenet.recheck.reading import Reader
from odenet.recheck.scalars import Monomial, Rejected, Scalar, Symbol, Word, is_zero, number, of, power
from odenet.recheck.words import Form, closed, diag, ones, reverse

_MOST = 8  # entries of one vector
Matrix = list[list[Scalar]]
ZERO, ONE = number(0), number(1)


class _Unknown(Exception):
    """No entries are known: a size that is no small number, or a letter without a matrix."""


class Entries:
    """Scalars and forms of one reader in the entries of their vectors and matrices, as far as sizes are numbers."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.table = reader, reader.table
        self._known: dict[Symbol, Scalar] = {}

    def scalar(self, value: Scalar) -> Scalar:
        total = ZERO
        for m, c in value.terms.items():
            product = number(c)
            for s, e in m:
                inner = self._symbol(s)
                product = product * (of(s, e) if inner == of(s) else power(self.table, inner, e, self.reader.is_nonnegative))
            total = total + product
        return total

    def are_zero(self, form: Form) -> bool:
        """Whether every entry of a form is zero, or every scalar in front of a word."""
        scalars = {word: self.scalar(c) for word, c in form.terms.items()}
        if not any(c.terms for c in scalars.values()):
            return True
        try:
            n, m = _length(form.end), _length(form.start)
            total = [[ZERO] * m for _ in range(n)]
            for word, c in scalars.items():
                piece = self._matrix(word, m)
                total = [[x + c * y for x, y in zip(*rows, strict=True)] for rows in zip(total, piece, strict=True)]
        except _Unknown:
            return False
        return all(is_zero(x) for row in total for x in row)

    # --- symbols of scalars ---------------------------------------------------------------------------------------

    def _symbol(self, s: Symbol) -> Scalar:
        if s not in self._known:
            try:
                self._known[s] = self._spelled(s)
            except _Unknown:
                self._known[s] = of(s)
        return self._known[s]

    def _spelled(self, s: Symbol) -> Scalar:
        if s.kind == "word":
            return self._matrix(s.data[0], 1)[0][0]
        if s.kind == "trace":
            square = self._matrix(s.data[0], _length(s.data[0][-1].start))
            return _sum([row[i] for i, row in enumerate(square)])
        if s.kind == "sum":
            return self.scalar(s.data[0])
        if s.kind == "function" and isinstance(s.data[2], Scalar):
            return self.reader.constant(s.data[0], s.data[1], self.scalar(s.data[2]))
        if s.kind in ("largest", "smallest") and isinstance(s.data[0], Scalar):
            return self._extreme(s.kind, list(map(self.scalar, s.data)))
        return of(s)

    def _extreme(self, kind: str, items: list[Scalar]) -> Scalar:
        unique = list(dict.fromkeys(items))
        return unique[0] if len(unique) == 1 else of(self.reader.extreme_atom(kind, unique))

    # --- words ------------------------------------------------------------------------------------------------------

    def _matrix(self, word: Word, width: int) -> Matrix:
        """The product of the letters' matrices, from the left."""
        if not word:
            return [[ONE if i == j else ZERO for j in range(width)] for i in range(width)]
        total = self._letter(word[0])
        for letter in word[1:]:
            other = self._letter(letter)
            columns = range(len(other[0]))
            total = [[_sum([x * other[k][j] for k, x in enumerate(row) if x.terms and other[k][j].terms]) for j in columns]
                     for row in total]
        return total

    def _letter(self, x: Symbol) -> Matrix:
        n, m = _length(x.end), _length(x.start)
        self.table.spend(n * m)
        kind = x.kind.rstrip("'")
        if kind not in (x.kind, "matrix"):
            return [list(column) for column in zip(*self._letter(reverse((x,))[1][0]), strict=True)]
        if kind == "ones":
            return [[ONE] for _ in range(n)]
        rule = _RULES.get(kind)
        if rule is None:
            raise _Unknown(kind)
        return [[rule(self, x, i, j) for j in range(m)] for i in range(n)]

    def _named(self, x: Symbol, i: int, j: int) -> Scalar:
        """<e_i| X |e_j>"""
        bra = reverse((self.table.letter("unit", (i,), SCALAR, x.end),))[1][0]
        return closed(self.table, (bra, x, self.table.letter("unit", (j,), SCALAR, x.start)))

    def _product(self, entries: Monomial, i: int, space: Any) -> Scalar:
        total = ONE
        for s, e in entries:
            total = total * power(self.table, self._entry(s, i, space), e, self.reader.is_nonnegative)
        return total

    def _entry(self, s: Symbol, i: int, space: Any) -> Scalar:
        """Entry i of a symbol of vectors."""
        if s.kind == "vector":
            return self._matrix(s.data[0], 1)[i][0]
        if s.kind == "vector sum":
            return self._vector(s.data[0])[i]
        if s.kind == "function" and isinstance(s.data[2], Form):
            return self.reader.constant(s.data[0], s.data[1], self._vector(s.data[2])[i])
        if s.kind in ("largest", "smallest") and isinstance(s.data[0], Form):
            return self._extreme(s.kind, [self._vector(d)[i] for d in s.data])
        bra = reverse((self.table.letter("unit", (i,), SCALAR, space),))[1][0]
        return closed(self.table, (bra, diag(self.table, ((s, Fraction(1)),), space), ones(self.table, space)))

    def _vector(self, form: Form) -> list[Scalar]:
        total = [ZERO] * _length(form.end)
        for word, c in form.terms.items():
            total = [x + self.scalar(c) * row[0] for x, row in zip(total, self._matrix(word, 1), strict=True)]
        return total

    def _softmax(self, x: Symbol, i: int, j: int) -> Scalar:
        weights = self.table.atom("softmax", x.data[0])
        one, other = (self._entry(weights, k, x.end) for k in (i, j))
        return one * ((ONE if i == j else ZERO) - other)

    def _skew(self, x: Symbol, i: int, j: int) -> Scalar:
        """skew(v) has v above its diagonal, row by row."""
        if i == j:
            return ZERO
        found = self._vector(x.data[0])[_place(min(i, j), max(i, j), _length(x.end))]
        return found if i < j else -found

    def _acting(self, x: Symbol, i: int, k: int) -> Scalar:
        """Entry i of skew(e_k) y."""
        n = _length(x.end)
        a, b = next((a, b) for a in range(n) for b in range(a + 1, n) if _place(a, b, n) == k)
        y = self._vector(x.data[0])
        return y[b] if i == a else -y[a] if i == b else ZERO


def _length(space: Any) -> int:
    size = Fraction(1) if space == SCALAR else space.sizes[0].constant() if space.rank == 1 else None
    if size is None or size.denominator != 1 or not 1 <= size <= _MOST:
        raise _Unknown("a size")
    return int(size)


def _place(i: int, j: int, n: int) -> int:
    return i * n - i * (i + 1) // 2 + j - i - 1


def _sum(items: list[Scalar]) -> Scalar:
    total = ZERO
    for item in items:
        total = total + item
    return total


def _start(x: Symbol) -> int:
    start = x.data[0].constant()
    if start is None:
        raise Rejected("a place that is no number")
    return int(start)


Rule = Callable[[Entries, Symbol, int, int], Scalar]
_RULES: dict[str, Rule] = {
    "diag": lambda r, x, i, j: r._product(x.data[0], i, x.end) if i == j else ZERO,
    "unit": lambda r, x, i, j: ONE if i == x.data[0] else ZERO,
    "embed": lambda r, x, i, j: ONE if i == j + _start(x) else ZERO,
    "cumsum": lambda r, x, i, j: ONE if j <= i else ZERO,
    "matrix": Entries._named, "entries": Entries._named,
    "skew": Entries._skew, "acting": Entries._acting, "softmax slope": Entries._softmax,
}
