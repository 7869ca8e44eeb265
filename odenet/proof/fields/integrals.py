"""preserves, dissipates, positive of fields."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.forms import Form, of_vector_atom
from odenet.algebra.functions import vanishes_at_zero
from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.letters import Word, entries
from odenet.algebra.scalars import ONE, ZERO, Atom, Scalar, reduce_monomial
from odenet.algebra.setting import Setting
from odenet.algebra.translate import state_atom
from odenet.ir.node import Node, number, zeros
from odenet.ir.sizes import SCALAR
from odenet.proof.context import Context, Outcome, Rates, substituted
from odenet.proof.fields import extremes, named
from odenet.proof.fields.extremes import NO_GRADIENT, extreme_block, has_extreme_entry
from odenet.proof.fields.metric import contractive
from odenet.proof.finding import Proof
from odenet.proof.rules import by
from odenet.proof.spelling import shortened


def preserves(context: Context, rates: Rates, invariant: Node) -> Outcome:
    if has_extreme_entry(invariant):
        return NO_GRADIENT
    if named.shown(context, rates, invariant, None):
        return by("named gradient", "g . f = 0 for every vector g in the place of grad I", how="zero")
    total = context.along(invariant, rates)
    if context.is_zero(total):
        return by("first integral", "grad I . f = 0 in normal form")
    return f"grad I . f has the normal form {shortened(total.key)}, which is not shown to be zero"


def dissipates(context: Context, rates: Rates, invariant: Node, setting: Setting) -> Outcome:
    extreme = extreme_block(invariant)
    if extreme is not None:
        return extremes.falls(context, rates, *extreme, setting)
    if has_extreme_entry(invariant):
        return NO_GRADIENT
    if _is_descent(context, rates, invariant):
        return by("gradient descent", "f = -grad I in normal form")
    how = named.shown(context, rates, invariant, setting)
    if how is not None:
        return by("named gradient", f"g . f {'=' if how == 'zero' else '<='} 0 for every vector g in the place of grad I", how=how)
    total = context.along(invariant, rates)
    if context.is_zero(total):
        return by("first integral", "grad I . f = 0 in normal form")
    if is_nonnegative(-total, setting):
        return by("dissipation", f"grad I . f = {shortened(total.key)} <= 0")
    entries = context.spelled(total)
    if entries != total and is_nonnegative(-entries, setting):
        return by("dissipation", f"grad I . f = {shortened(entries.key)} <= 0")
    return (_around_zero(context, rates, invariant, setting)
            or f"grad I . f has the normal form {shortened(total.key)}, which is not shown to be <= 0")


def _around_zero(context: Context, rates: Rates, invariant: Node, setting: Setting) -> Proof | None:
    """f(0) = 0, f contracts, and grad I = s x with s >= 0 in the blocks that move: <f(x), x> = <f(x) - f(0), x - 0> <= 0."""
    blocks = [name for name, _ in rates.rows]
    factors = {_length_factor(context.gradient(invariant, name), name) for name in blocks}
    factor = factors.pop() if len(factors) == 1 else None
    if factor is None or not setting.is_everywhere or not is_nonnegative(factor, setting, 3):
        return None
    rest = {b.name: number(0) if b.space == SCALAR else zeros(b.space) for b in context.blocks_of(rates)}
    if not all(context.form(substituted(node, rest)).is_zero() for _, node in rates.rows):
        return None
    found = contractive(context, rates, ZERO, setting)
    if isinstance(found, str):
        return None
    return by("around a fixed point", "<f(x) - f(y), x - y> <= 0, f(0) = 0, and I rises with |x|", found)


def _length_factor(gradient: Form, block: str) -> Scalar | None:
    """s with grad I = s x, or None."""
    atom = state_atom(block)
    if gradient.end != SCALAR:
        word = of_vector_atom(atom, gradient.end).terms[0][0]
        return gradient.terms[0][1] if len(gradient.terms) == 1 and gradient.terms[0][0] == word else None
    value, total = gradient.scalar(), ZERO
    for factors, c in value.terms:
        e = dict(factors).get(atom, Fraction(0))
        if e < 1:
            return None
        kept = tuple((a, k) if a != atom else (a, k - 1) for a, k in factors)
        total = total + Scalar(((tuple((a, k) for a, k in kept if k), c),))
    return total if total.terms else None


def _is_descent(context: Context, rates: Rates, invariant: Node) -> bool:
    """f + grad I = 0 in every moved block (other blocks do not move)."""
    return all((context.rate(rates, block) + context.gradient(invariant, block)).is_zero() for block, _ in rates.rows)


# --- the positive orthant ---------------------------------------------------------------------------------------


def positive(context: Context, rates: Rates, setting: Setting) -> Outcome:
    """x >= 0 and x_i = 0 imply f_i >= 0."""
    orthant = setting.in_orthant()
    for block, node in rates.rows:
        space = context.space(block)
        if space == SCALAR:
            at_zero = context.form(substituted(node, {block: number(0)})).scalar()
            if not is_nonnegative(at_zero, orthant):
                return f"at {block} = 0 the rate is {shortened(at_zero.key)}, which is not shown to be >= 0"
            continue
        bad = bad_term(context.form(node), block, orthant)
        if bad:
            return f"the term {shortened(bad)} of {block}' is not shown to be >= 0 where an entry of {block} is 0"
    return by("quasi-positive", "f_i >= 0 where x >= 0 and x_i = 0")


def is_nonnegative_sum(form: Form, block: str, setting: Setting) -> bool:
    """Whether a vector (or scalar) is >= 0 in the orthant, where the entry of the block is 0."""
    if form.end == SCALAR:
        return bool(is_nonnegative(form.scalar(), setting))
    return bad_term(form, block, setting) is None


def bad_term(form: Form, block: str, setting: Setting) -> str | None:
    """A term that is not shown to be >= 0 where an entry of the block is 0, in a vector."""
    rest = [(word, scalar) for word, scalar in form.terms if not has_factor(word, block)]
    if all(is_nonnegative_vector(word, scalar, setting) for word, scalar in rest):
        return None
    for head, terms in grouped(rest).items():
        if all(is_nonnegative_vector(word, scalar, setting) for word, scalar in terms):
            continue
        bad = next(term for term in terms if not is_nonnegative_vector(*term, setting))
        if head[-1:] == ("unit",) or not _is_good_group(terms, block, setting):
            return Form(SCALAR, form.end, (bad,)).key
    return None


Terms = list[tuple[Word, Scalar]]


def grouped(terms: Terms) -> dict[tuple[str, ...], Terms]:
    """Words L D(e)|1> with one L together: they are L applied to one vector."""
    groups: dict[tuple[str, ...], Terms] = {}
    for word, scalar in terms:
        head = tuple(letter.key for letter in _head(word)) if word[-1].kind == "ones" else (*(x.key for x in word), "unit")
        groups.setdefault(head, []).append((word, scalar))
    return groups


def _head(word: Word) -> Word:
    """L of L D(e)|1>."""
    return word[:-2] if len(word) > 1 and word[-2].kind == "diag" else word[:-1]


def _is_good_group(terms: Terms, block: str, setting: Setting) -> bool:
    """L v with v >= 0 entry by entry and the entries of L >= 0; or L a Laplacian, -v >= 0, and v_i = 0 where x_i is.

    Off its diagonal -L has entries >= 0, and what its diagonal meets is 0.
    """
    head, total = _head(terms[0][0]), ZERO
    for word, scalar in terms:
        total = total + scalar * reduce_monomial(entries(word[-2]) if len(word) > 1 and word[-2].kind == "diag" else ())
    if all(_is_nonnegative_letter(letter, setting) for letter in head):
        return bool(is_nonnegative(total, setting))
    if len(head) != 1 or "metzler negative" not in head[0].facts or not all(has_factor(word[1:], block) for word, _ in terms):
        return False
    return bool(is_nonnegative(-total, setting))


def has_factor(word: Word, block: str) -> bool:
    """Whether entry i of a vector word has the factor x_i, or f(x_i) with f(0) = 0, so that it vanishes with x_i."""
    if not word or word[0].kind != "diag":
        return False
    return any(e >= 1 and vanishes_with(atom, block) for atom, e in entries(word[0]))


def vanishes_with(atom: Atom, block: str) -> bool:
    """Whether a vector atom is the block itself, or a function f with f(0) = 0 of what vanishes with each of its entries."""
    if atom.kind == "state":
        return bool(atom.data[0] == block)
    if atom.kind != "function" or not isinstance(atom.data[2], Form):
        return False
    return vanishes_at_zero(atom.data[0]) and all(has_factor(word, block) for word, _ in atom.data[2].terms)


def is_nonnegative_vector(word: Word, scalar: Scalar, setting: Setting) -> bool:
    """Whether every entry of scalar * word is >= 0 by the signs of its letters."""
    if not is_nonnegative(scalar, setting, 3):
        return False
    return all(_is_nonnegative_letter(letter, setting) for letter in word)


def _is_nonnegative_letter(letter: object, setting: Setting) -> bool:
    from odenet.algebra.letters import Letter

    assert isinstance(letter, Letter)
    if letter.kind == "diag":
        return all(_entry_sign(atom, e, setting) for atom, e in entries(letter))
    return letter.kind in ("ones", "unit") or "nonnegative" in letter.facts


def _entry_sign(atom: object, exponent: object, setting: Setting) -> bool:
    assert isinstance(atom, Atom)
    if exponent % 2 == 0:  # type: ignore[operator]
        return True
    if atom.kind == "vector":
        return is_nonnegative_vector(atom.data[0], ONE, setting)
    return setting.interval(atom).is_nonnegative()
