"""Forms between spaces of known sizes, entry by entry: dot(q, q) and q[0]^2 + q[1]^2 are one quantity then.

The normal form keeps vectors whole, so that it holds for all sizes. Where sizes are numbers a quantity has also a form in the
entries; it is asked for where the other one decides nothing.
"""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from odenet.algebra.forms import Form, closed, gather
from odenet.algebra.functions import constant_function
from odenet.algebra.letters import Letter, Word, diag, entries, ones, softmax_atom, transposed, unit
from odenet.algebra.scalars import (
    ONE,
    ZERO,
    Atom,
    Monomial,
    Scalar,
    TooLarge,
    is_identically_zero,
    of_atom,
    power,
    rational,
)
from odenet.ir.sizes import SCALAR, Space

MOST_ENTRIES = 8  # of one vector
MOST_LETTERS = 2000  # letters applied for one question
Values = list[Scalar]


class NoEntries(Exception):
    """A map between spaces whose sizes are not small numbers, or a letter without entries."""


class Speller:
    """Writes scalars and forms in the entries of their vectors and matrices, as far as sizes are numbers."""

    def __init__(self, is_nonnegative: Callable[[Atom], bool]) -> None:
        self.is_nonnegative = is_nonnegative
        self.known: dict[str, Scalar] = {}
        self.work = MOST_LETTERS

    # --- scalars ------------------------------------------------------------------------------------------------

    def scalar(self, value: Scalar) -> Scalar:
        total = ZERO
        for factors, c in value.terms:
            product = rational(c)
            for atom, e in factors:
                inner = self.atom(atom)
                product = product * (of_atom(atom, e) if inner is None else power(inner, e, self.is_nonnegative))
            total = total + product
        return total

    def atom(self, atom: Atom) -> Scalar | None:
        """A scalar atom in entries, or None where it stays as it is."""
        if atom.key not in self.known:
            self.known[atom.key] = self._atom(atom)
        found = self.known[atom.key]
        return None if found == of_atom(atom) else found

    def _atom(self, atom: Atom) -> Scalar:
        try:
            if atom.kind == "word":
                return self._applied(atom.data[0], [ONE])[0]
            if atom.kind == "trace":
                return self._trace(atom.data[0])
            if atom.kind == "sum":
                return self.scalar(atom.data[0])
            if atom.kind == "function" and isinstance(atom.data[2], Scalar):
                return constant_function(atom.data[0], atom.data[1], self.scalar(atom.data[2]))
            if atom.kind in ("largest", "smallest") and isinstance(atom.data[0], Scalar):
                return _extreme(atom.kind, [self.scalar(item) for item in atom.data])
        except NoEntries:
            pass
        return of_atom(atom)

    def _trace(self, word: Word) -> Scalar:
        total = ZERO
        for i, column in enumerate(_basis(word[-1].start)):
            total = total + self._applied(word, column)[i]
        return total

    # --- vectors and maps -----------------------------------------------------------------------------------------

    def vector(self, form: Form) -> Values:
        """The entries of a vector (or the scalar that a scalar is). Raises NoEntries."""
        return self._image(form, [ONE])

    def vanishes(self, form: Form) -> bool:
        """Whether all entries are zero, or all scalars in front of words are (True is a proof)."""
        spelled = gather(form.start, form.end, {w: self.scalar(c) for w, c in form.terms})
        if spelled.is_zero():
            return True
        try:
            columns = [[ONE]] if form.start == SCALAR else _basis(form.start)
            return all(is_identically_zero(x) for column in columns for x in self._image(spelled, column))
        except NoEntries:
            return False

    def _image(self, form: Form, column: Values) -> Values:
        total = [ZERO] * _count(form.end)
        for word, c in form.terms:
            front = self.scalar(c)
            total = [x + front * y for x, y in zip(total, self._applied(word, column), strict=True)]
        return total

    def _applied(self, word: Word, column: Values) -> Values:
        for letter in reversed(word):
            self.work -= 1
            if self.work < 0:
                raise TooLarge("a form in entries")
            column = self._letter(letter, column)
        return column

    def _letter(self, letter: Letter, v: Values) -> Values:
        n, m = _count(letter.end), _count(letter.start)
        kind, is_back = letter.kind, letter.is_transposed
        if kind == "diag":
            return [x * self._product(entries(letter), i, letter.end) if x.terms else ZERO for i, x in enumerate(v)]
        if kind == "ones":
            return [_sum(v)] if is_back else v * n
        if kind == "unit":
            i = letter.data[0]
            return [v[i]] if is_back else [v[0] if k == i else ZERO for k in range(n)]
        if kind == "embed":
            start = int(letter.data[0].constant() or 0)
            return v[start:start + n] if is_back else [v[k - start] if 0 <= k - start < m else ZERO for k in range(n)]
        if kind == "cumsum":
            return [_sum(v[i:]) if is_back else _sum(v[:i + 1]) for i in range(n)]
        rows = self._rows(letter, n, m)
        return [_sum([a * x for a, x in zip(row, v, strict=True) if x.terms]) for row in rows]

    def _rows(self, letter: Letter, n: int, m: int) -> list[Values]:
        if letter.kind in ("matrix", "entrywise"):
            bras = [transposed(unit(i, letter.end))[1] for i in range(n)]
            return [[closed((bra, letter, unit(j, letter.start))) for j in range(m)] for bra in bras]
        if letter.kind == "skew":
            return _skew(self.vector(letter.data[0]), n)
        if letter.kind == "skewact":
            rows = _acting(self.vector(letter.data[0]), m if letter.is_transposed else n)
            return [list(column) for column in zip(*rows, strict=True)] if letter.is_transposed else rows
        if letter.kind == "softmax slope":
            weights = [self._entry(softmax_atom(letter.data[0]), i, letter.end) for i in range(n)]
            return [[weights[i] * ((ONE if i == j else ZERO) - weights[j]) for j in range(m)] for i in range(n)]
        raise NoEntries(letter.kind)

    # --- entries of vector atoms ----------------------------------------------------------------------------------

    def _product(self, factors: Monomial, i: int, space: Space) -> Scalar:
        total = ONE
        for atom, e in factors:
            total = total * power(self._entry(atom, i, space), e, self.is_nonnegative)
        return total

    def _entry(self, atom: Atom, i: int, space: Space) -> Scalar:
        if atom.kind == "vector":
            return self._applied(atom.data[0], [ONE])[i]
        if atom.kind == "vector sum":
            return self.vector(atom.data[0])[i]
        if atom.kind == "function" and isinstance(atom.data[2], Form):
            return constant_function(atom.data[0], atom.data[1], self.vector(atom.data[2])[i])
        if atom.kind in ("largest", "smallest") and isinstance(atom.data[0], Form):
            return _extreme(atom.kind, [self.vector(item)[i] for item in atom.data])
        return closed((transposed(unit(i, space))[1], diag(((atom, Fraction(1)),), space), ones(space)))


def _count(space: Space) -> int:
    """The number of entries of R or of R[k]."""
    size = Fraction(1) if space == SCALAR else space.sizes[0].constant() if space.rank == 1 else None
    if size is None or size.denominator != 1 or not 0 < size <= MOST_ENTRIES:
        raise NoEntries(str(space))
    return int(size)


def _basis(space: Space) -> list[Values]:
    n = _count(space)
    return [[ONE if i == j else ZERO for i in range(n)] for j in range(n)]


def _sum(values: Values) -> Scalar:
    total = ZERO
    for value in values:
        total = total + value
    return total


def _skew(v: Values, n: int) -> list[Values]:
    """skew(v) has v above its diagonal, row by row."""
    rows, k = [[ZERO] * n for _ in range(n)], 0
    for i in range(n):
        for j in range(i + 1, n):
            rows[i][j], rows[j][i], k = v[k], -v[k], k + 1
    return rows


def _acting(y: Values, n: int) -> list[Values]:
    """s -> skew(s) y"""
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    return [[y[j] if r == i else -y[i] if r == j else ZERO for i, j in pairs] for r in range(n)]


def _extreme(kind: str, items: Values) -> Scalar:
    unique = sorted({item.key: item for item in items}.values(), key=lambda item: item.key)
    return unique[0] if len(unique) == 1 else of_atom(Atom(kind, tuple(unique), f"{kind}({', '.join(x.key for x in unique)})"))
