"""Derivatives of forms: the Jacobian of a vector with respect to a block of the state, exact, for symbolic sizes."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from odenet.algebra import letters
from odenet.algebra.forms import Form, identity, of_letter, of_scalar, of_vector_atom, zero
from odenet.algebra.letters import Letter, Word, entries
from odenet.algebra.scalars import ONE, UNIT, Atom, Monomial, Scalar, Unsupported, rational, reduce_monomial
from odenet.algebra.translate import Translator
from odenet.algebra.vectors import acting, diagonal
from odenet.ir.node import variable
from odenet.ir.sizes import SCALAR, Space
from odenet.operators.functions import FUNCTIONS


class Differentiator:
    """Derivatives with respect to one named atom (a state block, or an argument of a def) of the given space."""

    def __init__(self, translator: Translator, name: str, space: Space, kind: str = "state") -> None:
        self.translator = translator
        self.target = Atom(kind, (name,), f"{kind} {name}")
        self.space = space
        self._known: dict[str, Form] = {}

    def of(self, form: Form) -> Form:
        """The Jacobian of a vector (or scalar) form: a map from the block's space. Raises Unsupported, TooLarge."""
        if form.start != SCALAR:
            raise Unsupported("the derivative of a matrix")
        total = zero(self.space, form.end)
        for word, scalar in form.terms:
            rest = Form(SCALAR, form.end, ((word, ONE),))
            total = total + self._word(word).scaled(scalar) + rest @ self.scalar(scalar)
        return total

    def scalar(self, value: Scalar) -> Form:
        """The derivative of a scalar: a row, a form from the block's space to R."""
        total = zero(self.space, SCALAR)
        for factors, coefficient in value.terms:
            for i, (atom, exponent) in enumerate(factors):
                inner = self.atom(atom, SCALAR)
                if inner.terms:
                    outer = reduce_monomial(lowered(factors, i)).times(coefficient * exponent)
                    total = total + inner.scaled(outer)
        return total

    def _word(self, word: Word) -> Form:
        """The product rule along a vector word."""
        total = zero(self.space, word[0].end if word else SCALAR)
        for i, letter in enumerate(word):
            if letter.kind in ("matrix", "ones", "unit", "cumsum", "embed", "channels") or not self._moves(letter):
                continue
            tail = _product(word[i + 1:], letter.start)
            if tail.start != SCALAR:
                raise Unsupported("the derivative of a matrix")
            head = _product(word[:i], letter.end)
            total = total + head @ self._letter(letter, tail)
        return total

    def _moves(self, letter: Letter) -> bool:
        return self.target.key in letter.key

    def _letter(self, letter: Letter, tail: Form) -> Form:
        """The derivative of `letter @ tail` with the tail held fixed."""
        if letter.kind == "diag":
            return diagonal(tail) @ self.product(entries(letter), letter.end)
        if letter.kind == "skew":
            inner: Form = letter.data[0]
            return acting(tail, inner.end) @ self.of(inner)
        raise Unsupported("the derivative of a matrix built entry by entry from the state")

    def product(self, factors: Monomial, space: Space) -> Form:
        """The Jacobian of an entrywise product of vector atoms."""
        total = zero(self.space, space)
        for i, (atom, exponent) in enumerate(factors):
            inner = self.atom(atom, space)
            if inner.terms:
                rest = lowered(factors, i)
                outer = of_letter(letters.diag(rest, space)) if rest else identity(space)
                total = total + outer.scaled(rational(exponent)) @ inner
        return total

    def atom(self, atom: Atom, space: Space) -> Form:
        """The Jacobian of one scalar or vector atom."""
        if self.target.key not in atom.key:
            return zero(self.space, space)
        key = f"{space}|{atom.key}"
        if key not in self._known:
            self._known[key] = self._atom(atom, space)
        return self._known[key]

    def _atom(self, atom: Atom, space: Space) -> Form:
        if atom.kind in ("state", "variable", "param"):
            return identity(space) if atom == self.target else zero(self.space, space)
        rule = _RULES.get(atom.kind)
        if rule is None:
            raise Unsupported(f"the derivative of a {atom.kind}")
        return rule(self, atom, space)


def lowered(factors: Monomial, i: int) -> Monomial:
    atom, exponent = factors[i]
    lowered = ((atom, exponent - 1),) if exponent != 1 else UNIT
    return tuple(sorted((*factors[:i], *lowered, *factors[i + 1:])))


def _product(word: Word, space: Space) -> Form:
    """The form of a subword; an empty one is the identity of `space`."""
    if not word:
        return identity(space)
    total = of_letter(word[0])
    for letter in word[1:]:
        total = total @ of_letter(letter)
    return total


def derivative_form(translator: Translator, name: str, parameters: tuple[Fraction, ...], argument: Form) -> Form:
    """f'(z) entrywise, from the derivative on record."""
    return translator.bound({"z": argument}).form(FUNCTIONS[name].derivative(variable("z", argument.end), *parameters))


def _as_form(value: Scalar | Form) -> Form:
    return of_scalar(value) if isinstance(value, Scalar) else value


def _function(d: Differentiator, atom: Atom, space: Space) -> Form:
    name, parameters, argument = atom.data
    inner = _as_form(argument)
    exponents = _log_sum_exp(atom)
    if exponents is not None:  # grad log sum exp(z) = (Dz)' softmax(z)
        return of_vector_atom(letters.softmax_atom(exponents), exponents.end).T @ d.of(exponents)
    slope = derivative_form(d.translator, name, parameters, inner)
    return (diagonal(slope) if space != SCALAR else slope) @ d.of(inner)


def _log_sum_exp(atom: Atom) -> Form | None:
    """z where the atom is log(c sum(exp(z))) with a number c, else None."""
    name, _, argument = atom.data
    if name != "log" or not isinstance(argument, Scalar) or len(argument.terms) != 1 or len(argument.terms[0][0]) != 1:
        return None
    inner, exponent = argument.terms[0][0][0]
    word: Word = inner.data[0] if inner.kind == "word" else ()
    if exponent != 1 or len(word) != 3 or word[1].kind != "diag" or {word[0].kind, word[2].kind} != {"ones"}:
        return None
    factors = entries(word[1])
    is_exp = len(factors) == 1 and factors[0][1] == 1 and factors[0][0].kind == "function" and factors[0][0].data[0] == "exp"
    return factors[0][0].data[2] if is_exp else None


def _vector(d: Differentiator, atom: Atom, _space: Space) -> Form:
    return d._word(atom.data[0])


def _closed(d: Differentiator, atom: Atom, _space: Space) -> Form:
    # <b| W |1>: b W is a vector word of rows; the left end <1| or <e_i| is constant
    word: Word = atom.data[0]
    return of_letter(word[0]) @ d._word(word[1:])


def _sum(d: Differentiator, atom: Atom, space: Space) -> Form:
    return d.of(_as_form(atom.data[0]))


def _softmax(d: Differentiator, atom: Atom, space: Space) -> Form:
    return of_letter(letters.softmax_slope(atom.data[0], space)) @ d.of(atom.data[0])


def _extreme(d: Differentiator, atom: Atom, space: Space) -> Form:
    """max(a, b, …): each argument's derivative where it is the chosen one (almost everywhere exactly one is)."""
    items = [_as_form(item) for item in atom.data]
    total = zero(d.space, space)
    for i, item in enumerate(items):
        chosen = of_vector_atom(Atom("chosen", (atom, i), f"chosen[{i}]({atom.key})"), space)
        total = total + (diagonal(chosen) if space != SCALAR else chosen) @ d.of(item)
    return total


_RULES: dict[str, Callable[[Differentiator, Atom, Space], Form]] = {
    "function": _function, "vector": _vector, "word": _closed, "sum": _sum, "vector sum": _sum, "softmax": _softmax,
    "largest": _extreme, "smallest": _extreme,
}


