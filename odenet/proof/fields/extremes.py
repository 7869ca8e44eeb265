"""dissipates(max(x)), dissipates(-min(x)) of fields: what an averaging matrix does to the largest entry."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from odenet.algebra.forms import Form, size_scalar
from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.letters import Letter, Word, entries
from odenet.algebra.scalars import ONE, ZERO, Atom, Monomial, Scalar, of_atom, reduce_monomial
from odenet.algebra.setting import Setting
from odenet.algebra.translate import state_atom
from odenet.algebra.vectors import word_factors
from odenet.ir.node import Node, is_number
from odenet.ir.sizes import count
from odenet.operators.functions import FUNCTIONS
from odenet.proof.context import Context, Outcome, Rates
from odenet.proof.rules import by

NO_GRADIENT = "the largest or least entry of a vector has no gradient; of these, max(x) and -min(x) of a block are handled"


def has_extreme_entry(invariant: Node) -> bool:
    return any(node.op in ("largest", "smallest") and len(node.args) == 1 for node in invariant.walk())


def extreme_block(invariant: Node) -> tuple[str, int] | None:
    """(x, 1) for max(x), (x, -1) for -min(x) of a block of the state, else None."""
    sign = 1
    if invariant.op == "mul" and is_number(invariant.args[0], -1):
        sign, invariant = -1, invariant.args[1]
    is_extreme = invariant.op == ("largest" if sign > 0 else "smallest") and len(invariant.args) == 1
    return (invariant.args[0].data[0], sign) if is_extreme and invariant.args[0].op == "state" else None


def falls(context: Context, rates: Rates, block: str, sign: int, setting: Setting) -> Outcome:
    """f_i <= 0 wherever x_i is the largest entry (f_i >= 0 where it is the least)."""
    total = ZERO
    for word, scalar in context.rate(rates, block).terms:
        for front, rest in _terms(scalar):
            bound = _bound(front, rest, word, block, setting)
            if bound is None:
                term = Form(word[-1].start, word[0].end, ((word, scalar),)).key
                return f"where x_i is extreme, this term has no bound by x_i: {term}"
            total = total + bound
    if not is_nonnegative(total.times(-sign), setting):
        return f"where x_i is extreme, x_i' is only shown to be at most {total.key}"
    return by("largest entry", f"x_i' {'<=' if sign > 0 else '>='} 0 where x_i is the {'largest' if sign > 0 else 'least'} entry")


def _terms(scalar: Scalar) -> Iterator[tuple[Scalar, Word | None]]:
    """A scalar term by term, each with the sum over entries that stands in it, if one does."""
    for m, c in scalar.terms:
        words = [atom for atom, e in m if e == 1 and atom.kind == "word"]
        sums = [atom for atom in words if [x.kind for x in atom.data[0]] == ["ones", "diag", "ones"]]
        rest = tuple(f for f in m if not sums or f[0] != sums[0])
        yield Scalar(((rest, c),)), sums[0].data[0] if sums else None


def _bound(front: Scalar, inner: Word | None, word: Word, block: str, setting: Setting) -> Scalar | None:
    """What bounds entry i of a term where x_i is extreme: averages of f(x), f rising, by f(x_i)."""
    average = None if inner is None else _mean_of(inner, block)
    if average is not None:
        front = front * average[0]
        value = reduce_monomial(word_factors(word)) * front
        return value * reduce_monomial(average[1]) if is_nonnegative(value, setting, 3) else None
    if inner is not None:
        front = front * of_atom(Atom("word", (inner,), " ".join(x.key for x in inner)))
    head: Monomial = entries(word[0]) if word[0].kind == "diag" else ()
    middle = word[1:] if head else word
    image = _rising_image(middle, block)
    if image is not None:
        letters, rising = image
        value = front * reduce_monomial(head)
        if all({"rows sum to one", "nonnegative"} <= x.facts for x in letters):
            return value * reduce_monomial(rising) if is_nonnegative(value, setting, 3) else None
        if len(letters) == 1 and {"metzler negative", "rows sum to zero"} <= letters[0].facts:
            return ZERO if is_nonnegative(-value, setting, 3) else None
        return None
    factors = word_factors(word)
    return None if any(atom.kind == "vector" for atom, _ in factors) else front * reduce_monomial(factors)


def _rising_image(word: Word, block: str) -> tuple[tuple[Letter, ...], Monomial] | None:
    """(W, f(x)) for W … D(f(x))|1>, f rising."""
    if len(word) < 3 or word[-1].kind != "ones" or word[-2].kind != "diag":
        return None
    factors = entries(word[-2])
    return (word[:-2], factors) if rises_with(factors, block) else None


def _mean_of(word: Word, block: str) -> tuple[Scalar, Monomial] | None:
    """(w, f(x)) where <1|D(s f(x))|1> is w times an average of f(x): s a softmax and w = 1, or no s and w = n."""
    factors = tuple((atom, e) for atom, e in entries(word[1]) if atom.kind != "softmax")
    weights = [(atom, e) for atom, e in entries(word[1]) if atom.kind == "softmax"]
    if not rises_with(factors, block):
        return None
    if not weights:
        return size_scalar(count(word[0].data[0])), factors
    return (ONE, factors) if len(weights) == 1 and weights[0][1] == 1 else None


def rises_with(factors: Monomial, block: str) -> bool:
    """Whether a product is an odd power of the block, or a rising function of each of its entries."""
    if len(factors) != 1:
        return False
    (atom, e), = factors
    if atom.kind == "state":
        return bool(atom.data[0] == block) and e > 0 and e.denominator == 1 and e % 2 == 1
    if e != 1 or atom.kind != "function" or not isinstance(atom.data[2], Form):
        return False
    own: Monomial = ((state_atom(block), Fraction(1)),)
    terms = atom.data[2].terms
    is_own = len(terms) == 1 and word_factors(terms[0][0]) == own and (terms[0][1].value() or 0) > 0
    return is_own and FUNCTIONS[atom.data[0]].increasing(*atom.data[1])
