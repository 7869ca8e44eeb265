"""The rule `largest entry`: max(x) does not rise, nor -min(x)."""
from __future__ import annotations

from fractions import Fraction

from odenet.ir.node import Node
from odenet.ir.sizes import count
from odenet.operators.functions import FUNCTIONS
from odenet.recheck.case import Case, Goal, Step
from odenet.recheck.scalars import Monomial, Scalar, Symbol, Word, merged, number
from odenet.recheck.words import Form, factors, size_scalar

Average = tuple[Scalar, Monomial]  # w and g(x), for w times an average of the entries of g(x)


def largest_entry(case: Case, goal: Goal, step: Step) -> None:
    """x_i' <= 0 where x_i is largest (>= 0 where it is least), with averages of g(x), g rising, replaced by g(x_i)."""
    case.demand(goal.property == "dissipates", f"the rule does not prove `{goal.property}`")
    block, sign = _of(case, goal.arguments[0])
    x, total = case.reader.table.atom("state", block), number(0)
    for word, c in case.rate(goal.rows, block).terms.items():
        for m, k in c.terms.items():
            total = total + _bound(case, goal, x, Scalar({m: k}), word)
    case.signs(goal).demand(total.times(-sign))


def _of(case: Case, node: Node) -> tuple[str, int]:
    sign = 1
    if node.op == "mul" and node.args[0].op == "number" and node.args[0].data[0] == -1:
        sign, node = -1, node.args[1]
    is_one = node.op == ("largest" if sign > 0 else "smallest") and len(node.args) == 1 and node.args[0].op == "state"
    case.demand(is_one, "neither max(x) nor -min(x)")
    return node.args[0].data[0], sign


def _bound(case: Case, goal: Goal, x: Symbol, front: Scalar, word: Word) -> Scalar:
    """One term at the entry i where x_i is extreme."""
    signs = case.signs(goal)
    (m, k), = front.terms.items()
    for s, e in m:
        found = _average(case, x, s) if e == 1 else None
        if found is not None:
            rest = Scalar({tuple(f for f in m if f[0] is not s): k})
            value = merged(factors(word), ()) * rest * found[0]
            signs.demand(value, 3)
            return value * merged(found[1], ())
    head: Monomial = word[0].data[0] if word[0].kind == "diag" else ()
    body = word[1:] if head else word
    if len(body) > 2 and [y.kind for y in body[-2:]] == ["diag", "ones"] and (g := _rising(x, body[-2].data[0])) is not None:
        value = front * merged(head, ())
        if all({"rows sum to one", "nonnegative"} <= y.facts for y in body[:-2]):
            signs.demand(value, 3)
            return value * merged(g, ())
        case.demand(len(body) == 3 and {"metzler negative", "rows sum to zero"} <= body[0].facts, "no average")
        signs.demand(-value, 3)
        return number(0)
    case.demand(all(s.kind != "vector" for s, _ in factors(word)), "a term that x_i does not bound")
    return front * merged(factors(word), ())


def _average(case: Case, x: Symbol, s: Symbol) -> Average | None:
    """<1|D(s g(x))|1> with s a softmax, or without s: n times the mean."""
    if s.kind != "word" or [y.kind for y in s.data[0]] != ["ones'", "diag", "ones"]:
        return None
    inside: Monomial = s.data[0][1].data[0]
    weights = [f for f in inside if f[0].kind == "softmax"]
    g = _rising(x, tuple(f for f in inside if f[0].kind != "softmax"))
    if g is None or len(weights) > 1 or any(e != 1 for _, e in weights):
        return None
    return (number(1) if weights else size_scalar(case.reader.table, count(s.data[0][0].start))), g


def _rising(x: Symbol, inside: Monomial) -> Monomial | None:
    """g(x) where the product is g(x) alone, g an odd power or an increasing function of c x, c > 0 a number."""
    if len(inside) != 1:
        return None
    s, e = inside[0]
    if s is x:
        return inside if e > 0 and e.denominator == 1 and e % 2 == 1 else None
    if e != 1 or s.kind != "function" or not isinstance(s.data[2], Form) or not FUNCTIONS[s.data[0]].increasing(*s.data[1]):
        return None
    terms = [(factors(word), c.value()) for word, c in s.data[2].terms.items()]
    own = ((x, Fraction(1)),)
    return inside if len(terms) == 1 and terms[0][0] == own and (terms[0][1] or 0) > 0 else None
