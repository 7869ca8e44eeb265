"""preserves, dissipates with grad I kept as one vector: g . f(x, g) <= 0 whatever g is.

Written out, `(J - D) @ grad(H(x), x)` is a sum of many words, whose square nobody sees any more. Where a part of the field is
grad I, or the vector that grad I is after a diagonal, it gets a name first; then g'J g vanishes and g'D g has a sign.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from odenet.algebra import letters
from odenet.algebra.forms import Form, hadamard_monomial, of_letter, of_vector_atom, zero
from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.jacobian import Differentiator
from odenet.algebra.scalars import Atom, Monomial, Scalar, TooLarge, Unsupported, is_identically_zero, ratio, rational
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import block_spectrum
from odenet.algebra.vectors import word_factors
from odenet.ir.node import Node, replaced, variable
from odenet.ir.sizes import SCALAR, Space
from odenet.proof.context import Context, Rates

PREFIX = "grad "  # of a name that no spec can have
MOST_NODES = 200  # of one space in a right-hand side


@dataclass(frozen=True)
class Named:
    """grad I = factor D(weight) g in one block, where `nodes` of the right-hand side are g."""

    block: str
    nodes: frozenset[Node]
    weight: Monomial
    factor: Fraction

    @property
    def name(self) -> str:
        return PREFIX + self.block


def change(context: Context, rates: Rates, invariant: Node) -> Scalar | None:
    """grad I . f with grad I (or what it is after a diagonal) named, block by block; None where it stands nowhere in f."""
    found: dict[str, Named] = {}
    for block, _ in rates.rows:
        named = _named(context, rates, block, context.gradient(invariant, block))
        if named is not None:
            found[block] = named
    if not any(any(node.args for node in named.nodes) for named in found.values()):
        return None
    total = zero(SCALAR, SCALAR)
    for block, node in rates.rows:
        slope = context.gradient(invariant, block) if block not in found else _as_form(found[block], context.space(block))
        total = total + slope.T @ context.form(_renamed(context, node, found))
    return total.scalar()


def _as_form(named: Named, space: Space) -> Form:
    vector = of_vector_atom(Atom("variable", (named.name,), f"variable {named.name}"), space).scaled(rational(named.factor))
    return of_letter(letters.diag(named.weight, space)) @ vector if named.weight else vector


def _renamed(context: Context, root: Node, found: dict[str, Named]) -> Node:
    names = {node: variable(named.name, context.model.block(named.block).space) for named in found.values() for node in named.nodes}
    return replaced(root, names.get)


def _named(context: Context, rates: Rates, block: str, gradient: Form) -> Named | None:
    """The parts of the right-hand side that are grad I up to a factor; else those that are so after a diagonal."""
    space = context.space(block)
    if sum(len(scalar.terms) for _, scalar in gradient.terms) < 2:  # a single term is not torn apart
        return None
    nodes = list(dict.fromkeys(n for _, root in rates.rows for n in root.walk() if n.space == context.model.block(block).space))
    if len(nodes) > MOST_NODES:
        return None
    ratios = {node: found for node in nodes if (found := _ratio(context, node, gradient, space)) is not None}
    for weight, factor in dict.fromkeys(sorted(ratios.values(), key=lambda r: len(r[0]))):
        chosen = frozenset(node for node, found in ratios.items() if found == (weight, factor))
        if any(node.args for node in chosen):
            return Named(block, chosen, weight, factor)
    return None


def _ratio(context: Context, node: Node, gradient: Form, space: Space) -> tuple[Monomial, Fraction] | None:
    """(u, c) with gradient = c D(u) node, c a number and u a product of vector atoms."""
    form = context.form(node)
    if form.start != SCALAR or form.end != space or len(form.terms) != len(gradient.terms) or node.op in ("ones", "zeros"):
        return None
    if space == SCALAR:
        factor = ratio(gradient.scalar(), form.scalar())
        return None if factor is None else ((), factor)
    whole = {word_factors(word): scalar for word, scalar in gradient.terms}
    parts = [(word_factors(word), scalar) for word, scalar in form.terms]
    if len(whole) != len(parts):
        return None
    for weight in _weights(parts[0][0], whole):
        image = {hadamard_monomial(weight, factors): scalar for factors, scalar in parts}
        if image.keys() == whole.keys():
            factor = ratio(whole[hadamard_monomial(weight, parts[0][0])], parts[0][1])
            if factor is not None and all(whole[m] == scalar.times(factor) for m, scalar in image.items()):
                return weight, factor
    return None


def _weights(first: Monomial, whole: dict[Monomial, Scalar]) -> Iterator[Monomial]:
    """What may stand before the first term, the empty product first; only whole positive powers, which are defined everywhere."""
    found = []
    for factors in whole:
        weight = hadamard_monomial(factors, tuple((atom, -e) for atom, e in first))
        if all(e > 0 and e.denominator == 1 for _, e in weight):
            found.append(weight)
    return iter(sorted(set(found), key=lambda m: (len(m), str(m))))


# --- what is shown of it ------------------------------------------------------------------------------------------


def shown(context: Context, rates: Rates, invariant: Node, setting: Setting | None) -> str | None:
    """How grad I . f = 0 ("zero") or, where there is a setting to decide it in, <= 0 is shown whatever grad I is.

    By its terms ("terms"), or by the spectrum of a quadratic form in it ("spectrum"); None where it is not shown.
    """
    total = _change(context, rates, invariant)
    if total is None:
        return None
    if context.is_zero(total):
        return "zero"
    if setting is None:
        return None
    if is_nonnegative(-total, setting):
        return "terms"
    high = _quadratic(context, total)
    return "spectrum" if high is not None and _is_negative(high, setting) else None


def _change(context: Context, rates: Rates, invariant: Node) -> Scalar | None:
    try:
        return change(context, rates, invariant)
    except (Unsupported, TooLarge):
        return None


def _is_negative(grid: list[list[Form]], setting: Setting) -> bool:
    high = block_spectrum(grid, setting).high
    return high is not None and bool(is_nonnegative(-high, setting))


def _quadratic(context: Context, total: Scalar) -> list[list[Form]] | None:
    """The matrix of a quadratic form in the named vectors, block by block; None where the scalar is no such form."""
    names = [b.name for b in context.model.blocks if f"variable {PREFIX}{b.name}" in total.key]
    makers = {n: Differentiator(context.translator, PREFIX + n, context.space(n), "variable") for n in names}
    slopes = {n: makers[n].scalar(total).T for n in names}
    grid = [[makers[j].of(slopes[i]) for j in names] for i in names]
    if any(PREFIX in form.key for row in grid for form in row):
        return None
    rest = total.times(-2)
    for n in names:  # Euler: 2 q(g) = grad q(g) . g for a quadratic form
        rest = rest + (slopes[n].T @ of_vector_atom(makers[n].target, context.space(n))).scalar()
    return grid if is_identically_zero(rest) and names else None
