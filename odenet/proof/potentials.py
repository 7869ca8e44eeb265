"""Potentials constructed: V with grad V = f, from antiderivatives on record and exact linear algebra.

The search is not trusted: what it returns is differentiated and compared with the field by the rule that uses it. As in parallel
integration of functions, every term of the field suggests candidates (a factor replaced by its antiderivative, the term times the
state), and a linear system over the rationals says which sum of candidates has the field as its gradient. Terms that the
candidates' gradients bring along suggest further candidates, for a few rounds.

Source: Bronstein, Symbolic Integration I (2005), chapter 10 (parallel integration, after Risch and Norman).
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from odenet.algebra import letters
from odenet.algebra.basics import DERIVED
from odenet.algebra.forms import Form, constant_vector, hadamard_monomial, of_letter, of_scalar, of_vector_atom
from odenet.algebra.functions import Signs, applied, constant_function
from odenet.algebra.jacobian import Differentiator, lowered
from odenet.algebra.kinks import folded
from odenet.algebra.letters import Word, entries, word_key
from odenet.algebra.scalars import (
    ONE,
    UNIT,
    ZERO,
    Atom,
    Monomial,
    Scalar,
    TooLarge,
    Unsupported,
    collect,
    monomial_key,
    of_atom,
    reduce_monomial,
)
from odenet.algebra.vectors import hadamard
from odenet.algebra.writing import Writer
from odenet.ir.model import Comparison
from odenet.ir.node import Node, variable
from odenet.ir.show import node_text
from odenet.ir.sizes import SCALAR, Space
from odenet.ir.spelling import Unspellable, ode_text
from odenet.operators.functions import FUNCTIONS
from odenet.proof.context import Context
from odenet.proof.domains import JUMPS, is_positive_node

ROUNDS, MOST_CANDIDATES, MOST_COORDINATES = 4, 80, 400

_DERIVED = re.compile(rf"\b({'|'.join(sorted(DERIVED))})\(")

Place = tuple[str, str, str]  # block, word and monomial of one term, as texts
Vector = dict[Place, Fraction]


def constructed(context: Context, slopes: Callable[[Context], Mapping[str, Form]], region: tuple[Comparison, ...]) -> Node | None:
    """A potential with these slopes that is defined on the whole region, or None. The caller differentiates it back."""
    try:
        forms = slopes(context)
        key = tuple((block, form.key) for block, form in forms.items())
        if key not in context.potentials:  # every flow of a field asks for its potential
            found = _Search(context, forms, slopes).run()
            context.potentials[key] = None if found is None else Writer(context.model).scalar(found)
        node = context.potentials[key]
    except (Unsupported, TooLarge):
        return None
    return node if node is not None and is_defined(context, node, region) else None


def is_defined(context: Context, root: Node, region: tuple[Comparison, ...]) -> bool:
    """Whether every divisor, root and logarithm in a node is shown to be positive on a region, and all is continuous."""
    setting = context.setting(region)
    for node in root.walk():
        is_open = node.op == "power" and (node.data[0] < 0 or node.data[0].denominator != 1)
        if node.op == "function":
            row = FUNCTIONS[node.data[0]]
            if row.smoothness == -1 or row.domain not in ("all", "positive", "nonnegative"):
                return False
            is_open = row.domain != "all"
        if is_open and not is_positive_node(context, node.args[0], setting):
            return False
    return True


def spelled(node: Node) -> str:
    """The text of a potential, as a user would write it where the language has words for all of it."""
    try:
        return ode_text(node)
    except Unspellable:
        return node_text(node)


class _Search:
    """`slopes`: what the gradient by each block must be. `view`: the same in another context, where gradients are compared."""

    def __init__(self, context: Context, slopes: Mapping[str, Form], view: Callable[[Context], Mapping[str, Form]]) -> None:
        translator = self.translator = context.translator
        self.slopes = slopes
        self.basic = context.basic if any(_DERIVED.search(form.key) for form in slopes.values()) else None
        self.target = self.slopes if self.basic is None else {b: folded(form) for b, form in view(self.basic).items()}
        self.writer = Writer(context.model)
        self.by_block = {name: Differentiator(translator, name, form.end) for name, form in slopes.items()}
        self.terms: dict[Place, tuple[Word, Monomial]] = {}
        self.tried: set[str] = set()
        self.basis: list[tuple[Place, Vector, dict[int, Fraction]]] = []  # pivot, reduced gradient, combination of candidates
        self.chosen: list[Scalar] = []

    def run(self) -> Scalar | None:
        target = _coordinates(self.target)
        pending = self._learned(self.slopes) + self._learned(self.target)
        for _ in range(ROUNDS):
            found = self._solve(target)
            if found is not None:
                return found
            before, pending = pending, []
            for place in before:
                for candidate in self._suggested(place):
                    pending.extend(self._add(candidate))
            if len(self.chosen) > MOST_CANDIDATES or len(self.terms) > MOST_COORDINATES:
                break
        return self._solve(target)

    # --- linear algebra -----------------------------------------------------------------------------------------

    def _learned(self, slopes: Mapping[str, Form]) -> list[Place]:
        """The terms that were not met before."""
        found = []
        for place, word, factors, _ in _terms(slopes):
            if place not in self.terms:
                self.terms[place] = (word, factors)
                found.append(place)
        return found

    def _add(self, candidate: Scalar) -> list[Place]:
        """Take a candidate into the basis; the terms of its gradient that were not met before."""
        if candidate.key in self.tried or len(self.chosen) > MOST_CANDIDATES or JUMPS.search(candidate.key):
            return []
        self.tried.add(candidate.key)
        try:
            slopes = {block: d.scalar(candidate).T for block, d in self.by_block.items()}
            vector = _coordinates(slopes if self.basic is None else self._basic_slopes(candidate))
        except (Unsupported, TooLarge):
            return []
        vector, combination = self._reduced(vector, {len(self.chosen): Fraction(1)})
        if not vector:
            return []
        self.chosen.append(candidate)
        self.basis.append((min(vector), vector, combination))
        return self._learned(slopes)

    def _basic_slopes(self, candidate: Scalar) -> Mapping[str, Form]:
        assert self.basic is not None
        node = self.writer.scalar(candidate)
        return {block: folded(self.basic.gradient(node, block)) for block in self.by_block}

    def _reduced(self, vector: Vector, combination: dict[int, Fraction]) -> tuple[Vector, dict[int, Fraction]]:
        for pivot, row, its in self.basis:
            factor = vector.get(pivot, Fraction(0)) / row[pivot]
            if factor:
                vector, combination = _minus(vector, row, factor), _minus(combination, its, factor)
        return vector, combination

    def _solve(self, target: Vector) -> Scalar | None:
        rest, combination = self._reduced(target, {})
        if rest:
            return None
        total = ZERO
        for i, factor in combination.items():
            total = total - self.chosen[i].times(factor)
        return collect({m: c for m, c in total.terms if any(self._moves(atom) for atom, _ in m)})  # without constants

    # --- candidates ---------------------------------------------------------------------------------------------

    def _suggested(self, place: Place) -> Iterator[Scalar]:
        block, (word, factors) = place[0], self.terms[place]
        coefficient = reduce_monomial(factors)
        try:
            yield from self._of_scalar(block, word, factors)
            yield from self._of_word(word, coefficient)
            yield from self._of_word(word, reduce_monomial(tuple(f for f in factors if not self._moves(f[0]))))
            if not self._is_curved(block, word, factors):
                yield self._times_state(block, word, coefficient)
        except (Unsupported, TooLarge):
            return

    def _times_state(self, block: str, word: Word, coefficient: Scalar) -> Scalar:
        """<x, term>: right up to a factor for what is homogeneous."""
        d = self.by_block[block]
        row = of_vector_atom(d.target, d.space).T
        return (row @ Form(SCALAR, d.space, ((word, coefficient),))).scalar()

    def _is_curved(self, block: str, word: Word, factors: Monomial) -> bool:
        """Whether the term holds a function of this block."""
        key = self.by_block[block].target.key
        atoms = [*(a for a, _ in factors), *(a for letter in word if letter.kind == "diag" for a, _ in entries(letter))]
        return any(a.kind in ("function", "softmax", "sum", "vector sum") and key in a.key for a in atoms)

    def _moves(self, atom: Atom) -> bool:
        return any(d.target.key in atom.key for d in self.by_block.values())

    def _of_scalar(self, block: str, word: Word, factors: Monomial) -> Iterator[Scalar]:
        """A scalar factor replaced by its antiderivative; the rest kept, or divided by the inner slope, or its constants kept."""
        for i, (atom, exponent) in enumerate(factors):
            if not self._moves(atom):
                continue
            rest = lowered(factors, i) if atom.kind == "function" and exponent == 1 else (*factors[:i], *factors[i + 1:])
            fixed = tuple(f for f in rest if not self._moves(f[0]))
            for raised, inner in self._raised(atom, exponent):
                yield raised * reduce_monomial(fixed)
                for divided in self._divided(block, word, rest, inner):
                    yield raised * divided
                yield raised * reduce_monomial(rest)

    def _raised(self, atom: Atom, exponent: Fraction) -> Iterator[tuple[Scalar, Scalar]]:
        """Antiderivatives of a scalar factor by its inner quantity, and that quantity."""
        if atom.kind == "function" and exponent == 1 and isinstance(atom.data[2], Scalar):
            found = self._integral(atom, of_scalar(atom.data[2]))
            if found is not None:
                yield found.scalar(), atom.data[2]
        if atom.kind == "function" and atom.data[0] == "exp":  # exp(u)^e is its own antiderivative, up to a factor
            yield of_atom(atom, exponent), atom.data[2].times(exponent)
        if atom.kind == "function" and exponent > 1:  # where the slope is a polynomial in the function
            yield of_atom(atom, exponent - 1), of_atom(atom)
        if atom.kind != "function" or atom.data[0] == "relu":  # relu relu' = relu
            yield _one_more(atom, exponent), of_atom(atom)

    def _integral(self, atom: Atom, argument: Form) -> Form | None:
        name, parameters, _ = atom.data
        whole = FUNCTIONS[name].antiderivative
        if whole is None:
            return None
        return self.translator.bound({"z": argument}).form(whole(variable("z", argument.end), *parameters))

    def _divided(self, block: str, word: Word, rest: Monomial, inner: Scalar) -> Iterator[Scalar]:
        """The rest over the slope of the inner quantity, where that is one term along the same word."""
        slope = self.by_block[block].scalar(inner).T
        if len(slope.terms) == 1 and slope.terms[0][0] == word and len(slope.terms[0][1].terms) == 1:
            factors, coefficient = slope.terms[0][1].terms[0]
            inverse = reduce_monomial(tuple((atom, -e) for atom, e in factors))
            yield (reduce_monomial(rest) * inverse).times(1 / coefficient)

    def _of_word(self, word: Word, coefficient: Scalar) -> Iterator[Scalar]:
        """An entrywise factor along the word replaced by its antiderivative, summed over the entries."""
        for j, letter in enumerate(word):
            if letter.kind == "softmax slope":
                yield self._total(of_vector_atom(letters.softmax_atom(letter.data[0]), letter.end), (), word[j + 1:], coefficient)
            if letter.kind != "diag":
                continue
            for i, (atom, exponent) in enumerate(entries(letter)):
                if not self._moves(atom):
                    continue
                others = entries(letter)[:i] + entries(letter)[i + 1:]
                for raised, lower in self._raised_entries(atom, exponent, letter.end):
                    yield self._total(raised, hadamard_monomial(others, lower), word[j + 1:], coefficient)
                if atom.kind == "softmax" and exponent == 1 and not others and len(word) == j + 2:
                    yield _log_sum_exp(self.translator, atom.data[0]) * coefficient

    def _raised_entries(self, atom: Atom, exponent: Fraction, space: Space) -> Iterator[tuple[Form, Monomial]]:
        """Antiderivatives of an entrywise factor, and what is left of it."""
        left: Monomial = ((atom, exponent - 1),) if exponent != 1 else UNIT
        if atom.kind == "function":
            found = self._integral(atom, atom.data[2])
            if found is not None:
                yield found, left
                inverse = self._inverse_slope(atom.data[2])
                if inverse:
                    yield found, hadamard_monomial(left, inverse)
            if exponent > 1:  # where the slope is a polynomial in the function
                yield of_letter(letters.diag(left, space)) @ constant_vector(space), ()
            if atom.data[0] != "relu":
                return
        power = of_letter(letters.diag(((atom, exponent + 1),), space)) if exponent != -1 else None
        yield (self._logarithm(atom, space) if power is None else power @ constant_vector(space)), ()

    def _inverse_slope(self, argument: Form) -> Monomial:
        """1 / s where the argument is s * x + b with s a product of entrywise constants."""
        for d in self.by_block.values():
            slope = d.of(argument)
            if len(slope.terms) == 1 and len(slope.terms[0][0]) == 1 and slope.terms[0][0][0].kind == "diag":
                return tuple((atom, -e) for atom, e in entries(slope.terms[0][0][0]))
        return ()

    def _logarithm(self, atom: Atom, space: Space) -> Form:
        return applied(self.translator, "log", (), of_vector_atom(atom, space))

    def _total(self, raised: Form, others: Monomial, tail: Word, coefficient: Scalar) -> Scalar:
        space = raised.end
        vector = hadamard(raised, Form(SCALAR, space, ((tail, ONE),)))
        if others:
            vector = of_letter(letters.diag(others, space)) @ vector
        return (constant_vector(space).T @ vector).scalar() * coefficient


def _terms(slopes: Mapping[str, Form]) -> Iterator[tuple[Place, Word, Monomial, Fraction]]:
    for block, form in slopes.items():
        for word, scalar in form.terms:
            for factors, coefficient in scalar.terms:
                yield (block, word_key(word), monomial_key(factors)), word, factors, coefficient


def _coordinates(slopes: Mapping[str, Form]) -> Vector:
    return {place: coefficient for place, _, _, coefficient in _terms(slopes)}


def _one_more(atom: Atom, exponent: Fraction) -> Scalar:
    """The antiderivative of a power by its base."""
    return of_atom(atom, exponent + 1) if exponent != -1 else constant_function("log", (), of_atom(atom))


def _log_sum_exp(translator: Signs, argument: Form) -> Scalar:
    return constant_function("log", (), (constant_vector(argument.end).T @ applied(translator, "exp", (), argument)).scalar())


def _minus(one: dict, other: Mapping, factor: Fraction) -> dict:  # type: ignore[type-arg]
    total = dict(one)
    for key, value in other.items():
        total[key] = total.get(key, Fraction(0)) - value * factor
        if not total[key]:
            del total[key]
    return total
