"""What a certificate wrote down, made anew in the checker's algebra."""
from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from odenet.ir.model import ConvolutionSpace
from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace, Size, Space, codomain, domain
from odenet.recheck.reading import Reader, channels, embed, multiplied, unit
from odenet.recheck.scalars import Rejected, Scalar, Symbol, number, of, power
from odenet.recheck.slopes import Derivatives
from odenet.recheck.words import Form, diagonal, entry, entrywise, identity, letter_form, ones, vector


class Data:
    """Reads the data of a certificate about one model. Raises Rejected where it is not well formed."""

    def __init__(self, derivatives: Derivatives) -> None:
        self.reader, self.trace, self.table = derivatives.reader, derivatives.trace, derivatives.table

    def read(self, data: Any) -> Any:
        """What a certificate wrote down, made anew here: numbers, texts, tuples, nodes, evidence; scalars, forms, words."""
        if isinstance(data, str):
            return _number(data)
        rule = _DATA.get(data[0]) if isinstance(data, list) and data else None
        if rule is None:
            raise Rejected("the certificate is not well formed")
        return rule(self, *data[1:])

    def _scalar(self, *terms: Any) -> Scalar:
        total = number(0)
        for c, *powers in terms:
            product = number(_number(c))
            for atom, e in powers:
                kind, *data = _inside(atom)
                if kind == "vector sum":  # an entry of a root of a vector is named as the vector's root is
                    product = product * entry(self.reader.power(self.read(data[0]), _exponent(e)))
                    continue
                product = product * power(self.table, self._atom(kind, *data), _exponent(e), self.reader.is_nonnegative)
            total = total + product
        return total

    def _atom(self, kind: str, *data: Any) -> Scalar:
        """A symbol of scalars, as a scalar."""
        items = [self.read(d) for d in data] if kind != "chosen" else []
        if kind in ("word", "trace"):
            return items[0].scalar() if kind == "word" else self.trace(items[0])
        if kind == "function" and isinstance(items[2], Scalar):
            return self.reader.constant(items[0], items[1], items[2])
        if kind in ("function", "vector"):  # one entry of a vector, whichever
            return entry(self.reader.function(*items) if kind == "function" else items[0])
        if kind == "sum":
            return items[0]  # type: ignore[no-any-return]
        if kind == "chosen":
            return of(self._chosen(*data))
        return of(self.reader.extreme_atom(kind, items) if kind in ("largest", "smallest") else self.table.atom(kind, *items))

    def _vector(self, space: Space, kind: str, *data: Any) -> Form:
        """A symbol of entrywise products, as a vector."""
        items = [self.read(d) for d in data] if kind != "chosen" else []
        if kind in ("vector", "vector sum"):
            return items[0]  # type: ignore[no-any-return]
        if kind == "function":
            return self.reader.function(items[0], items[1], items[2])
        if kind == "chosen":
            return vector(self._chosen(*data), space)
        is_extreme = kind in ("largest", "smallest")
        return vector(self.reader.extreme_atom(kind, items) if is_extreme else self.table.atom(kind, *items), space)

    def _chosen(self, atom: Any, i: str) -> Symbol:
        kind, *data = _inside(atom)
        items = [self.read(d) for d in data]
        extreme = self.reader.extreme_atom(kind, items)
        return self.table.atom("chosen", extreme, extreme.data.index(items[int(i)]))

    def _form(self, start: Any, end: Any, *terms: Any) -> Form:
        total = Form(self.table, self.read(start), self.read(end), [])
        for word, c in terms:
            total = total + (self.read(word) if len(word) > 1 else identity(self.table, total.end)).scaled(self.read(c))
        return total

    def _word(self, *letters: Any) -> Form:
        total: Form = self.read(letters[0])
        for letter in letters[1:]:
            total = total @ self.read(letter)
        return total

    def _letter(self, kind: str, flipped: str, start: Any, end: Any, *data: Any) -> Form:
        if flipped == "1":
            found = self._letter(kind, "0", end, start, *data)
            if found.T in (found, found.scaled(number(-1))):
                raise Rejected("what is its own adjoint is written as it is")
            return found.T
        a, b = self.read(start), self.read(end)
        found = self._diagonal(a, data) if kind == "diag" else _LETTERS[kind](self.reader, a, b, [self.read(d) for d in data])
        if flipped != "0" or (found.start, found.end) != (a, b):
            raise Rejected("a letter is not in the space that it says")
        return found

    def _diagonal(self, space: Any, data: Any) -> Form:
        total = self.reader.spread(space)
        for atom, e in data:
            total = entrywise(total, self.reader.power(self._vector(space, *_inside(atom)), _exponent(e)))
        return diagonal(total)


_NUMBER = re.compile(r"-?[0-9]{1,1500}(/[0-9]{1,1500})?")
_LARGEST_EXPONENT = 100


def _number(text: str) -> Fraction:
    """An exact number as certificates write it: digits and at most one slash."""
    if _NUMBER.fullmatch(text) is None:
        raise Rejected("a number is not well formed")
    return Fraction(text)


def _exponent(text: str) -> Fraction:
    e = _number(text)
    if abs(e) > _LARGEST_EXPONENT or e.denominator > _LARGEST_EXPONENT:
        raise Rejected("an exponent is too large")
    return e


def _inside(atom: Any) -> list[Any]:
    if atom[0] != "atom":
        raise Rejected("the certificate is not well formed")
    return atom[1:]  # type: ignore[no-any-return]


def _matrix(r: Reader, a: Any, b: Any, name: str) -> Form:
    parameter = r.model.parameter(name)
    space = MapSpace(a, b) if isinstance(parameter.space, ConvolutionSpace) else r.space(parameter.space)
    if (domain(space), codomain(space)) != (a, b):
        raise Rejected("a matrix of another shape")
    return r.parameter(parameter, space)


def _entries(r: Reader, a: Any, b: Any, items: list[Any]) -> Form:
    if items[0] == "mul":
        return multiplied(r, MapSpace(a, b), items[1:])
    return r.function(items[0], items[1], items[2])


_LETTERS: dict[str, Callable[[Reader, Any, Any, list[Any]], Form]] = {
    "matrix": lambda r, a, b, x: _matrix(r, a, b, x[0]),
    "entrywise": _entries,
    "ones": lambda r, a, b, x: letter_form(ones(r.table, b)),
    "unit": lambda r, a, b, x: unit(r, int(x[0]), b),
    "cumsum": lambda r, a, b, x: letter_form(r.table.letter("cumsum", (), a, b, ("nonnegative",))),
    "embed": lambda r, a, b, x: embed(r, x[0], x[1], x[2]),
    "channels": lambda r, a, b, x: channels(r, b),
    "skew": lambda r, a, b, x: r.skew(x[0], a),
    "skewact": lambda r, a, b, x: r.acting(x[0], a),
    "softmax slope": lambda r, a, b, x: letter_form(r.table.letter(
        "softmax slope", (x[0],), a, b, ("symmetric", "psd", "rows sum to zero", "columns sum to zero"))),
}


def _read_size(*terms: Any) -> Size:
    return Size.collect({tuple((name, int(_exponent(e))) for name, e in m): _number(c) for c, *m in terms})


_DATA: dict[str, Callable[..., Any]] = {
    "text": lambda r, text: text,
    "none": lambda r: None,
    "tuple": lambda r, *items: tuple(map(r.read, items)),
    "size": lambda r, *terms: _read_size(*terms),
    "space": lambda r, *sizes: Space(tuple(map(r.read, sizes))),
    "maps": lambda r, a, b: MapSpace(r.read(a), r.read(b)),
    "scalar": Data._scalar,
    "atom": Data._atom,
    "form": Data._form,
    "word": Data._word,
    "letter": Data._letter,
    "node": lambda r, op, space, args, *data: Node(op, tuple(map(r.read, args)), tuple(map(r.read, data)), r.read(space)),
    "evidence": lambda r, how, data, *parts: (how, r.read(data), tuple(map(r.read, parts))),
}
