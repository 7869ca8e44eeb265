"""What the two algebras write down, as numbers: each symbol by what it stands for, each word as a product of matrices.

The prover's atoms and letters and the checker's symbols have their kinds and data alike; nothing of their laws is used here.
"""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import Any

from flint import arb

from odenet.ir.model import ConvolutionSpace
from odenet.ir.sizes import SCALAR, Space
from tests.audit.arithmetic import Number, Unsure, function, larger, power, real, sign, smaller
from tests.audit.evaluate import Tensor, Values, convolution, flipped, identity, matmul, skew_matrix, softmax, total

Place = int | None  # which entry of its vectors a scalar speaks of


class Written:
    """Evaluates scalars, forms and words in one world."""

    def __init__(self, values: Values, place: Place = None) -> None:
        self.values, self.place = values, place

    # --- sums --------------------------------------------------------------------------------------------------------------

    def scalar(self, s: Any) -> Number:
        """A sum of monomials; of entrywise symbols the entry that is spoken of."""
        return self._sum(s, SCALAR)[0]

    def form(self, form: Any) -> Tensor:
        """A dense matrix [end, start]."""
        rows, columns = self._count(form.end), self._count(form.start)
        result = Tensor((rows, columns), [arb(0)] * (rows * columns))
        for word, c in _terms(form):
            factor = self.scalar(c)
            product = self.word(word, rows)
            result = Tensor(result.shape, [a + factor * b for a, b in zip(result.items, product.items, strict=True)])
        return result

    def word(self, word: Any, size: int | None = None) -> Tensor:
        result = identity(self._count(word[0].end) if size is None else size)
        for letter in word:
            result = matmul(result, self.letter(letter))
        return result

    def _count(self, space: Any) -> int:
        return prod(self.values.shape(space))

    def _sum(self, s: Any, space: Any) -> list[Number]:
        size = self._count(space)
        result: list[Number] = [arb(0)] * size
        for monomial, c in _terms(s):
            result = [a + real(Fraction(c)) * b for a, b in zip(result, self._monomial(monomial, space), strict=True)]
        return result

    def _monomial(self, monomial: Any, space: Any) -> list[Number]:
        size = self._count(space)
        result: list[Number] = [arb(1)] * size
        for symbol, exponent in monomial:
            found = [power(item, Fraction(exponent)) for item in self.symbol(symbol, size)]
            result = [a * b for a, b in zip(result, found, strict=True)]
        return result

    def vector(self, v: Any, size: int) -> list[Number]:
        """A scalar or a vector, in so many entries."""
        items = self.form(v).items if hasattr(v, "end") and hasattr(v, "terms") else [self.scalar(v)]
        return self._fit(items, size)

    def _fit(self, items: list[Number], size: int) -> list[Number]:
        if len(items) == size:
            return items
        if len(items) == 1:
            return items * size
        if size == 1 and self.place is not None:
            return [items[self.place % len(items)]]
        raise Unsure("an entry of a vector")

    # --- symbols -----------------------------------------------------------------------------------------------------------

    def symbol(self, symbol: Any, size: int) -> list[Number]:
        """The entries of a symbol of scalars or of entrywise products."""
        rule = SYMBOLS.get(symbol.kind)
        if rule is None:
            raise Unsure(f"a symbol `{symbol.kind}`")
        return self._fit(rule(self, symbol, size), size)

    def _named(self, symbol: Any, size: int) -> list[Number]:
        name = symbol.data[0]
        v = self.values
        found = v.parameters.get(name) if symbol.kind == "param" else v.states.get(name) if symbol.kind == "state" else v.variables.get(name)
        if found is None:
            raise Unsure("a symbol without a value")
        if len(found.shape) == 2 and size != len(found.items):
            return [found.items[i * found.shape[1] + i] for i in range(found.shape[0])]  # a diagonal matrix stands as its diagonal
        return found.items

    def _chosen(self, symbol: Any, size: int) -> list[Number]:
        parent, index = symbol.data
        items = [self._items(d, size) for d in parent.data]
        best = [_extreme(parent.kind, list(entries)) for entries in zip(*items, strict=True)]
        firsts = [next(k for k, given in enumerate(items) if sign(given[i] - b) == 0) for i, b in enumerate(best)]
        return [arb(int(first == int(index))) for first in firsts]  # of several that are largest the first

    def _items(self, d: Any, size: int) -> list[Number]:
        if hasattr(d, "end") and hasattr(d, "terms"):
            return self.vector(d, size)
        return self._sum_of(d, size)

    def _sum_of(self, s: Any, size: int) -> list[Number]:
        result: list[Number] = [arb(0)] * size
        for monomial, c in _terms(s):
            term: list[Number] = [real(Fraction(c))] * size
            for symbol, exponent in monomial:
                term = [a * power(b, Fraction(exponent)) for a, b in zip(term, self.symbol(symbol, size), strict=True)]
            result = [a + b for a, b in zip(result, term, strict=True)]
        return result

    def _function(self, symbol: Any, size: int) -> list[Number]:
        name, parameters, inner = symbol.data
        parameters = tuple(Fraction(p) for p in parameters)
        name = {"relu_slope": "threshold"}.get(name, name)
        return [function(name, item, *parameters) for item in self._items(inner, size)]

    # --- letters -----------------------------------------------------------------------------------------------------------

    def letter(self, letter: Any) -> Tensor:
        kind, is_turned = letter.kind, getattr(letter, "is_transposed", False)
        if kind.endswith("'"):
            kind, is_turned = kind[:-1], True
        start, end = (letter.end, letter.start) if is_turned else (letter.start, letter.end)
        rule = LETTERS.get(kind)
        if rule is None:
            raise Unsure(f"a letter `{kind}`")
        plain = rule(self, letter.data, start, end)
        return flipped(plain) if is_turned else plain

    def _matrix(self, data: Any, start: Any, end: Any) -> Tensor:
        name = data[0]
        space = self.values.model.parameter(name).space
        value = self.values.parameters[name]
        if not isinstance(space, ConvolutionSpace):
            return value
        inputs, outputs = self.values.shape(start), self.values.shape(end)
        columns = []
        for k in range(prod(inputs)):
            unit = Tensor(inputs, [arb(int(i == k)) for i in range(prod(inputs))])
            columns.append(convolution(value, unit, space, outputs).items)
        return flipped(Tensor((len(columns), prod(outputs)), [item for column in columns for item in column]))

    def _diag(self, data: Any, start: Any, end: Any) -> Tensor:
        size = self._count(end)
        items: list[Number] = [arb(1)] * size
        for symbol, exponent in data[0]:
            found = [power(item, Fraction(exponent)) for item in self.symbol(symbol, size)]
            items = [a * b for a, b in zip(items, found, strict=True)]
        return _diagonal(items)

    def _ones(self, data: Any, start: Any, end: Any) -> Tensor:
        size = self._count(end)
        return Tensor((size, 1), [arb(1)] * size)

    def _unit(self, data: Any, start: Any, end: Any) -> Tensor:
        size, index = self._count(end), int(data[0])
        if not 0 <= index < size:
            raise Unsure("an entry that is not there at this size")
        return Tensor((size, 1), [arb(int(i == index)) for i in range(size)])

    def _skew(self, data: Any, start: Any, end: Any) -> Tensor:
        return skew_matrix(self.form(data[0]).items, self._count(end))

    def _skewact(self, data: Any, start: Any, end: Any) -> Tensor:
        y, count, size = self.form(data[0]), self._count(start), self._count(end)
        columns = [matmul(skew_matrix([arb(int(i == k)) for i in range(count)], size), Tensor((size,), y.items)).items for k in range(count)]
        return flipped(Tensor((count, size), [item for column in columns for item in column]))

    def _softmax_slope(self, data: Any, start: Any, end: Any) -> Tensor:
        s = softmax(self.form(data[0]).items)
        k = len(s)
        return Tensor((k, k), [(s[i] if i == j else arb(0)) - s[i] * s[j] for i in range(k) for j in range(k)])

    def _cumsum(self, data: Any, start: Any, end: Any) -> Tensor:
        k = self._count(end)
        return Tensor((k, k), [arb(int(j <= i)) for i in range(k) for j in range(k)])

    def _embed(self, data: Any, start: Any, end: Any) -> Tensor:
        first, k, n = self.values.size(data[0]), self._count(start), self._count(end)
        return Tensor((n, k), [arb(int(i == first + j)) for i in range(n) for j in range(k)])

    def _channels(self, data: Any, start: Any, end: Any) -> Tensor:
        c, n = self._count(start), self._count(end)
        return Tensor((n, c), [arb(int(i // (n // c) == j)) for i in range(n) for j in range(c)])

    def _entrywise(self, data: Any, start: Any, end: Any) -> Tensor:
        if data[0] == "mul":
            a, b = self.form(data[1]), self.form(data[2])
            return Tensor(a.shape, [x * y for x, y in zip(a.items, b.items, strict=True)])
        name, parameters, inner = data
        a = self.form(inner)
        return Tensor(a.shape, [function(name, item, *map(Fraction, parameters)) for item in a.items])


def _terms(thing: Any) -> list[Any]:
    return list(thing.terms.items() if isinstance(thing.terms, dict) else thing.terms)


def _diagonal(items: list[Number]) -> Tensor:
    k = len(items)
    return Tensor((k, k), [items[i] if i == j else arb(0) for i in range(k) for j in range(k)])


def _extreme(kind: str, items: list[Number]) -> Number:
    pick, found = (larger if kind.startswith("largest") else smaller), items[0]
    for item in items[1:]:
        found = pick(found, item)
    return found


def _trace(w: Written, symbol: Any, size: int) -> list[Number]:
    m = w.word(symbol.data[0])
    return [total([m.items[i * m.shape[1] + i] for i in range(m.shape[0])])]


SYMBOLS: dict[str, Callable[[Written, Any, int], list[Number]]] = {
    "dim": lambda w, s, n: [real(w.values.dims[s.data[0]])], "time": lambda w, s, n: [w.values.time],
    "prime": lambda w, s, n: [real(Fraction(s.data[0]))], "param": Written._named, "state": Written._named, "variable": Written._named,
    "function": Written._function, "sum": lambda w, s, n: w._items(s.data[0], n), "vector sum": lambda w, s, n: w._items(s.data[0], n),
    "word": lambda w, s, n: w.word(s.data[0]).items, "vector": lambda w, s, n: w.word(s.data[0]).items, "trace": _trace,
    "softmax": lambda w, s, n: softmax(w.form(s.data[0]).items), "chosen": Written._chosen,
    "largest": lambda w, s, n: [_extreme("largest", list(e)) for e in zip(*(w._items(d, n) for d in s.data), strict=True)],
    "smallest": lambda w, s, n: [_extreme("smallest", list(e)) for e in zip(*(w._items(d, n) for d in s.data), strict=True)],
    "largest entry": lambda w, s, n: [_extreme("largest", w.form(s.data[0]).items)],
    "smallest entry": lambda w, s, n: [_extreme("smallest", w.form(s.data[0]).items)],
}
LETTERS: dict[str, Callable[[Written, Any, Any, Any], Tensor]] = {
    "matrix": Written._matrix, "diag": Written._diag, "ones": Written._ones, "unit": Written._unit, "skew": Written._skew,
    "skewact": Written._skewact, "softmax slope": Written._softmax_slope, "cumsum": Written._cumsum, "embed": Written._embed,
    "channels": Written._channels, "entrywise": Written._entrywise,
}
__all__ = ["Space", "Written"]
