"""Rules about what fields keep or do not raise."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

from odenet.ir.node import Node, replaced, variable
from odenet.ir.sizes import SCALAR
from odenet.recheck.case import Case, Goal, Step
from odenet.recheck.grids import grid_spectrum
from odenet.recheck.scalars import Monomial, Rejected, Scalar, Symbol, is_zero, number
from odenet.recheck.signs import occurs
from odenet.recheck.words import Form, diag, factors, hadamard, letter_form, vector

Ratio = tuple[Monomial, Fraction]


def first_integral(case: Case, goal: Goal, step: Step) -> None:
    case.demand(goal.property in ("preserves", "dissipates"), f"the rule does not prove `{goal.property}`")
    case.demand(case.is_zero(case.along(goal.arguments[0], goal.rows)), "grad I . f is not zero")


def dissipation(case: Case, goal: Goal, step: Step) -> None:
    case.demand(goal.property == "dissipates", f"the rule does not prove `{goal.property}`")
    total, signs = case.along(goal.arguments[0], goal.rows), case.signs(goal)
    if not signs.holds(-total):
        signs.demand(-case.spelled(total))


def gradient_descent(case: Case, goal: Goal, step: Step) -> None:
    """f = -grad I in the blocks that move."""
    case.demand(goal.property == "dissipates", f"the rule does not prove `{goal.property}`")
    for block, _ in goal.rows:
        total = case.rate(goal.rows, block) + case.gradient(goal.arguments[0], block)
        case.demand(total.is_zero(), "f is not -grad I")


def named_gradient(case: Case, goal: Goal, step: Step) -> None:
    """grad I . f = 0 or <= 0 for every vector in the place of grad I."""
    case.demand(goal.property in ("preserves", "dissipates"), f"the rule does not prove `{goal.property}`")
    how, total = step.take("how"), _along(case, goal)
    if how == "zero":
        return case.demand(case.is_zero(total), "the gradient counts")
    case.demand(goal.property == "dissipates", "only an upper bound")
    if how == "terms":
        return case.signs(goal).demand(-total)
    case.demand(how == "spectrum", "no such way")
    high = grid_spectrum(case, goal, _hessian(case, total), "blocks")[1]
    if high is None:
        raise Rejected("no bound is known for the quadratic form")
    return case.signs(goal).demand(-high)


def _name(block: str) -> str:
    return f"grad {block}"  # no spec has a name with a blank


def _symbol(case: Case, block: str) -> Symbol:
    return case.reader.table.atom("variable", _name(block))


def _along(case: Case, goal: Goal) -> Scalar:
    """grad I . f with a name for the vector v, wherever it stands in f, with grad I = c D(u) v."""
    nodes = list(dict.fromkeys(n for _, root in goal.rows for n in root.walk()))
    places: dict[Node, Node] = {}
    slopes: dict[str, Form] = {}
    for block, _ in goal.rows:
        slopes[block] = case.gradient(goal.arguments[0], block)
        space = case.model.block(block).space
        found = _places(case, [n for n in nodes if n.space == space], slopes[block])
        if found is None:
            continue
        (weight, factor), chosen = found
        leaf = vector(_symbol(case, block), case.reader.block(block)).scaled(number(factor))
        slopes[block] = letter_form(diag(case.reader.table, weight, leaf.end)) @ leaf if weight else leaf
        places |= dict.fromkeys(chosen, variable(_name(block), space))
    case.demand(bool(places), "the gradient stands nowhere in the field")
    total = number(0)
    for block, root in goal.rows:
        total = total + (slopes[block].T @ case.reader.form(replaced(root, places.get))).scalar()
    return total


def _places(case: Case, nodes: list[Node], gradient: Form) -> tuple[Ratio, list[Node]] | None:
    """The ratio with the shortest weight, and all nodes that have it; a leaf alone is no gain."""
    groups: dict[Ratio, list[Node]] = {}
    is_sum = sum(len(c.terms) for c in gradient.terms.values()) > 1  # a single term is not torn apart
    for node in nodes:
        ratio = _ratio(case, case.reader.form(node), gradient) if is_sum and node.op not in ("ones", "zeros") else None
        if ratio is not None:
            groups.setdefault(ratio, []).append(node)
    good = [item for item in groups.items() if any(node.args for node in item[1])]
    return min(good, key=lambda item: len(item[0][0]), default=None)


def _ratio(case: Case, form: Form, gradient: Form) -> Ratio | None:
    """(u, c) with gradient = c D(u) form, u a product of whole positive powers, which are defined everywhere."""
    if (form.start, form.end) != (SCALAR, gradient.end) or len(form.terms) != len(gradient.terms):
        return None
    if form.end == SCALAR:
        c = _share(form.scalar(), gradient.scalar())
        return None if c is None else ((), c)
    parts = [(factors(word), s) for word, s in form.terms.items()]
    whole = {factors(word): s for word, s in gradient.terms.items()}
    if not len(parts) == len(whole) == len(dict(parts)):
        return None
    found = []
    for m in whole:
        weight = hadamard(m, tuple((s, -e) for s, e in parts[0][0]))
        image = {hadamard(weight, n): s for n, s in parts}
        if all(e > 0 and e.denominator == 1 for _, e in weight) and image.keys() == whole.keys():
            shares: set[Any] = {_share(s, whole[n]) for n, s in image.items()}
            if len(shares) == 1 and None not in shares:
                found.append((weight, shares.pop()))
    return min(found, key=lambda ratio: len(ratio[0]), default=None)


def _share(one: Scalar, other: Scalar) -> Fraction | None:
    """c with other = c one, or None."""
    first = next(iter(one.terms), None)
    c = None if first is None else other.terms.get(first, Fraction(0)) / one.terms[first]
    return c if c and other == one.times(c) else None


def _hessian(case: Case, total: Scalar) -> list[list[Form]]:
    """The matrix of a quadratic form in the named vectors, block by block."""
    symbols = {b.name: _symbol(case, b.name) for b in case.model.blocks}
    names = [name for name, symbol in symbols.items() if occurs(symbol, total)]
    d, space = case.derivatives, case.reader.block
    slopes = {i: d.slope(total, symbols[i], space(i)).T for i in names}
    rest = total.times(-2)
    for i in names:  # Euler: 2 q(g) = grad q(g) . g for a quadratic form
        rest = rest + (slopes[i].T @ vector(symbols[i], space(i))).scalar()
    grid = [[d.jacobian(slopes[i], symbols[j], space(j)) for j in names] for i in names]
    is_free = not any(occurs(symbols[i], form) for i in names for row in grid for form in row)
    case.demand(bool(names) and is_free and is_zero(rest), "no quadratic form")
    return grid
