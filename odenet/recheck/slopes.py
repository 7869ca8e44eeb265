"""Jacobians and traces of forms, for symbolic sizes."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from odenet.ir.node import variable
from odenet.ir.sizes import SCALAR, Space, count
from odenet.operators.functions import FUNCTIONS
from odenet.recheck.reading import Reader
from odenet.recheck.scalars import Monomial, Rejected, Scalar, Symbol, Word, merged, number, of
from odenet.recheck.words import (
    Form,
    closed,
    diag,
    diagonal,
    hadamard,
    identity,
    letter_form,
    ones,
    reverse,
    scalar_form,
    size_scalar,
    vector,
)

_CONSTANT = frozenset(("matrix", "ones", "unit", "cumsum", "embed", "channels"))


class Derivatives:
    """Derivatives of vectors and scalars by a symbol of a given space."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.table = reader, reader.table
        self._slopes: dict[tuple[Symbol, Symbol, Space], Form] = {}

    def jacobian(self, form: Form, target: Symbol, space: Space) -> Form:
        """The derivative of a vector or scalar by the symbol `target` of the given space."""
        if form.start != SCALAR:
            raise Rejected("the derivative of a matrix")
        total = Form(self.table, space, form.end, [])
        for word, c in form.terms.items():
            rest = Form(self.table, SCALAR, form.end, [(word, number(1))])
            total = total + self._along(word, target, space).scaled(c) + rest @ self.slope(c, target, space)
        return total

    def slope(self, value: Scalar, target: Symbol, space: Space) -> Form:
        total = Form(self.table, space, SCALAR, [])
        for m, c in value.terms.items():
            for i, (s, e) in enumerate(m):
                inner = self._symbol(s, target, space, SCALAR)
                if inner.terms:
                    rest = merged((*m[:i], *m[i + 1:]), ((s, e - 1),) if e != 1 else ())
                    total = total + inner.scaled(rest.times(c * e))
        return total

    def _along(self, word: Word, target: Symbol, space: Space) -> Form:
        """The product rule along a vector word."""
        total = Form(self.table, space, word[0].end if word else SCALAR, [])
        for i, letter in enumerate(word):
            if letter.kind.rstrip("'") in _CONSTANT:
                continue
            tail = Form(self.table, SCALAR, letter.start, [(word[i + 1:], number(1))])
            if letter.kind == "diag":
                inner = diagonal(tail) @ self._product(letter.data[0], letter.end, target, space)
            elif letter.kind == "skew":
                inner = self.reader.acting(tail, letter.data[0].end) @ self.jacobian(letter.data[0], target, space)
            elif not self._holds(letter, target):
                continue
            else:
                raise Rejected("the derivative of a matrix built entry by entry")
            if inner.terms:
                total = total + Form(self.table, letter.end, total.end, [(word[:i], number(1))]) @ inner
        return total

    def _holds(self, thing: Any, target: Symbol) -> bool:
        """Whether a symbol occurs in a symbol, scalar, form or tuple of them, at any depth."""
        if isinstance(thing, Symbol):
            return thing is target or any(self._holds(d, target) for d in thing.data)
        if isinstance(thing, Scalar | Form):
            return any(self._holds(k, target) or self._holds(c, target) for k, c in thing.terms.items())
        return isinstance(thing, tuple) and any(self._holds(d, target) for d in thing)

    def _product(self, entries: Monomial, end: Space, target: Symbol, space: Space) -> Form:
        total = Form(self.table, space, end, [])
        for i, (s, e) in enumerate(entries):
            inner = self._symbol(s, target, space, end)
            if inner.terms:
                rest = hadamard((*entries[:i], *entries[i + 1:]), ((s, e - 1),) if e != 1 else ())
                total = total + letter_form(diag(self.table, rest, end), number(e)) @ inner
        return total

    def _symbol(self, s: Symbol, target: Symbol, space: Space, end: Space) -> Form:
        """The derivative of one symbol, entrywise a vector of space `end`."""
        if s is target:
            return identity(self.table, space)
        key = (s, target, end)
        if key not in self._slopes:
            rule = _SLOPES.get(s.kind)
            if rule is None and self._holds(s, target):
                raise Rejected(f"the derivative of a {s.kind}")
            zero = Form(self.table, space, end, [])
            self._slopes[key] = rule(self, s, target, space, end) if rule and self._holds(s, target) else zero
        return self._slopes[key]

    def _as_form(self, value: Any) -> Form:
        return scalar_form(self.table, value) if isinstance(value, Scalar) else value

    def _function_slope(self, s: Symbol, target: Symbol, space: Space, end: Space) -> Form:
        name, parameters, z = s.data
        inner = self._as_form(z)
        exponents = _log_sum_exp(name, z)
        if exponents is not None:  # grad log sum exp(z) = (Dz)' softmax(z)
            weights = vector(self.table.atom("softmax", exponents), exponents.end)
            return weights.T @ self.jacobian(exponents, target, space)
        slope = self.reader.form(FUNCTIONS[name].derivative(variable("z", inner.end), *parameters), {"z": inner})
        return (slope if end == SCALAR else diagonal(slope)) @ self.jacobian(inner, target, space)

    def _softmax_slope(self, s: Symbol, target: Symbol, space: Space, end: Space) -> Form:
        facts = ("symmetric", "psd", "rows sum to zero", "columns sum to zero")
        return letter_form(self.table.letter("softmax slope", s.data, end, end, facts)) @ self.jacobian(s.data[0], target, space)

    def _extreme_slope(self, s: Symbol, target: Symbol, space: Space, end: Space) -> Form:
        total = Form(self.table, space, end, [])
        for i, item in enumerate(map(self._as_form, s.data)):
            chosen = vector(self.table.atom("chosen", s, i), end)
            total = total + (chosen if end == SCALAR else diagonal(chosen)) @ self.jacobian(item, target, space)
        return total

    # --- traces ---------------------------------------------------------------------------------------------------

    def trace(self, form: Form) -> Scalar:
        total = number(0)
        for word, c in form.terms.items():
            total = total + c * self._trace(word, form.start)
        return total

    def _trace(self, word: Word, space: Space) -> Scalar:
        if not word:
            return size_scalar(self.table, count(space))
        cut = next((i for i in range(1, len(word)) if word[i - 1].is_ket and word[i].is_bra), None)
        if cut is not None:  # tr(u v') = v'u
            return Form(self.table, SCALAR, SCALAR, [(word[cut:] + word[:cut], number(1))]).scalar()
        if len(word) == 1 and word[0].kind == "diag":
            end = ones(self.table, space)
            return closed(self.table, (reverse((end,))[1][0], word[0], end))
        if len(word) > 1:  # what the two ends make of each other: tr(X W) = tr(W X)
            joined = Form(self.table, word[0].start, word[-1].end, [((word[-1], word[0]), number(1))])
            if all(len(w) < 2 for w in joined.terms):
                return self.trace(Form(self.table, word[-1].end, word[-1].end, [(word[-1:] + word[:-1], number(1))]))
        sign, flipped = reverse(word)
        turns = [word[i:] + word[:i] for i in range(len(word))]
        if sign < 0 and flipped in turns:
            return number(0)  # tr W = tr W' = -tr W
        for start, factor in ((word, 1), (flipped, sign)):
            for i in range(len(start)):
                if ("trace", (start[i:] + start[:i],), None, None) in self.table.known:
                    return of(self.table.atom("trace", start[i:] + start[:i])).times(factor)
        return of(self.table.atom("trace", word))


def _log_sum_exp(name: str, z: Any) -> Form | None:
    """The exponents where the function is log(c sum(exp(…))), c > 0 a number."""
    only = list(z.terms) if name == "log" and isinstance(z, Scalar) else []
    if len(only) != 1 or len(only[0]) != 1 or only[0][0][1] != 1 or only[0][0][0].kind != "word":
        return None
    word = only[0][0][0].data[0]
    if [x.kind for x in word] != ["ones'", "diag", "ones"] or len(word[1].data[0]) != 1:
        return None
    s, e = word[1].data[0][0]
    return s.data[2] if e == 1 and s.kind == "function" and s.data[0] == "exp" else None


_SLOPES: dict[str, Callable[[Derivatives, Symbol, Symbol, Space, Space], Form]] = {
    "function": Derivatives._function_slope,
    "vector": lambda r, s, t, space, end: r._along(s.data[0], t, space),
    "word": lambda r, s, t, space, end: letter_form(s.data[0][0]) @ r._along(s.data[0][1:], t, space),
    "sum": lambda r, s, t, space, end: r.jacobian(r._as_form(s.data[0]), t, space),
    "vector sum": lambda r, s, t, space, end: r.jacobian(s.data[0], t, space),
    "softmax": Derivatives._softmax_slope,
    "largest": Derivatives._extreme_slope,
    "smallest": Derivatives._extreme_slope,
}
