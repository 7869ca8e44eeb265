"""Rules about quantities that substeps keep or do not raise."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

from odenet.ir.sizes import SCALAR
from odenet.plan.steps import Relax, RungeKutta
from odenet.recheck.bounds import HALF, ONE, ZERO, known
from odenet.recheck.case import Case, Goal, Rows, Step
from odenet.recheck.moves import (
    Move,
    ahead,
    at,
    degree,
    holds,
    inherits,
    of_field,
    proves,
    solved,
)
from odenet.recheck.scalars import Rejected, Scalar, Symbol, merged, number
from odenet.recheck.words import vector
from odenet.schemes.numbers import exact


def _is_multiple(case: Case, one: Any, other: Any, move: Move) -> bool:
    """Whether they differ by a factor, and by what does not move."""
    pieces = []
    for node in (one, other):
        scalar = case.reader.scalar(node)
        pieces.append(Scalar({m: c for m, c in scalar.terms.items() if holds(case, Scalar({m: c}), move.moved)}))
    a, b = pieces
    return bool(a.terms) and any(a == b.times(c / d) for c in list(a.terms.values())[:1] for d in b.terms.values())


def linear_first_integral(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "preserves", "dissipates")
    case.demand(isinstance(move.advance, RungeKutta | Relax) and degree(case, goal) == 1, "not linear")
    inherits(case, goal, step)
    solved(case, goal, step)


def relaxation(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "preserves", "dissipates")
    case.demand(isinstance(move.advance, Relax) and _is_multiple(case, goal.arguments[0], move.advance.invariant, move), "not kept")
    solved(case, goal, step)


def discrete_gradient(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "preserves", "dissipates")
    potential = move.advance.potential
    case.demand(potential is not None and _is_multiple(case, goal.arguments[0], potential, move), "not the potential")
    signs = case.signs(goal)
    if goal.property == "preserves" or not (signs.holds(move.duration) or signs.holds(-move.duration)):
        inherits(case, goal, step)
    else:
        of_field(case, goal, step, ahead(case, goal)[0], "dissipates", *goal.arguments)
    solved(case, goal, step)


def composed_quantity(case: Case, goal: Goal, step: Step) -> None:
    """A function of invariants; an increasing function, or a sum, of quantities that do not rise."""
    from odenet.ir.node import depends_on, states
    from odenet.operators.functions import FUNCTIONS

    move = proves(case, goal, "move", "preserves", "dissipates")
    node, how = goal.arguments[0], step.take("how")
    if how == "function":
        if not states(node) & move.moved:
            return
        inner = dict.fromkeys(a for a in node.args if depends_on(a, "state"))
        case.demand(all(a.space == SCALAR for a in inner) and node.op not in ("stack", "spread"), "not a function of scalars")
        for part in inner:
            case.premise(step, goal.of("move", "preserves", part))
        return
    case.demand(goal.property == "dissipates", "the rule does not prove `preserves`")
    if how == "sum":
        case.demand(node.op == "add", "no sum")
        for part in node.args:
            case.premise(step, goal.of("move", "dissipates", part))
        return
    case.demand(how == "increasing", "no such way")
    if node.op == "norm":
        from odenet.ir.node import scalar

        return case.premise(step, goal.of("move", "dissipates", scalar("dot", node.args[0], node.args[0])))
    if node.op == "function":
        case.demand(node.space == SCALAR and FUNCTIONS[node.data[0]].increasing(*node.data[1:]), "not increasing")
        return case.premise(step, goal.of("move", "dissipates", node.args[0]))
    case.demand(node.op in ("scale", "mul") and node.args[0].op == "number" and node.args[0].data[0] > 0, "not increasing")
    return case.premise(step, goal.of("move", "dissipates", node.args[1]))


def _hessian_low(case: Case, goal: Goal, rows: Rows, is_high: bool) -> Scalar:
    """K with Hess I <= K, or Hess I >= -K, over the moved blocks; free of the state."""
    bounds, invariant, ends = case.bounds(goal), goal.arguments[0], []
    case.smooth((invariant,))
    for i, _ in rows:
        slope, total = case.gradient(invariant, i), ZERO
        for j, _ in rows:
            block = case.slope(slope, j)
            if i == j:
                low, high = bounds.spectrum((block + block.T).scaled(number(HALF)))
                total = total + (known(high, "the Hessian") if is_high else -known(low, "the Hessian"))
            else:
                total = total + known(bounds.norm(block), "the Hessian")
        ends.append(total)
    end = case.reader.largest(*ends)
    case.demand(not holds(case, end, (b.name for b in case.model.blocks)), "a bound that moves")
    return end


def quadratic_dissipation(case: Case, goal: Goal, step: Step) -> None:
    """grad I . f + (rho h / 2) f'Qf <= 0."""
    move = proves(case, goal, "move", "dissipates")
    rho = step.take("rho").value()
    rows, h = ahead(case, goal)
    change = case.along(goal.arguments[0], rows)
    if degree(case, goal) == 1:
        case.demand(rho == 0 and all(exact(b) >= 0 for b in move.table.weights), "weights of both signs")
    else:
        case.demand(degree(case, goal) == 2 and move.method.is_contractive(rho), "not quadratic, or the table is not contractive")
        case.signs(goal).demand(-_hessian_low(case, goal, rows, is_high=False))
        curve = ZERO
        for i, _ in rows:
            slope = case.gradient(goal.arguments[0], i)
            for j, _ in rows:
                curve = curve + (case.rate(rows, i).T @ case.slope(slope, j) @ case.rate(rows, j)).scalar()
        change = change + (h * curve).times(rho * HALF)
    case.signs(goal).demand(-change)
    solved(case, goal, step)


def descent_lemma(case: Case, goal: Goal, step: Step) -> None:
    """grad I . f + (h K / 2) |f|^2 <= 0: Hess I <= K for Euler, >= -K for implicit Euler; or I convex and K = 0 there."""
    from odenet.recheck.convexity import demand_convex

    move = proves(case, goal, "move", "dissipates")
    bound, invariant = step.take("bound"), goal.arguments[0]
    rows, h = ahead(case, goal)
    if step.premises and not (move.is_implicit and len(step.premises) == 1):
        case.demand(bound == ZERO and move.method.is_implicit_euler(), "the rule is about implicit Euler")
        demand_convex(case, goal, invariant)
        of_field(case, goal, step, rows, "dissipates", invariant)
        return solved(case, goal, step)
    case.demand(not move.is_timed and (move.is_euler or move.method.is_implicit_euler()), "neither Euler's method nor its adjoint")
    case.demand(bound == _hessian_low(case, goal, rows, is_high=move.is_euler), "not the bound of the Hessian")
    is_descent = all((case.rate(rows, b) + case.gradient(invariant, b)).is_zero() for b, _ in rows)
    if not (is_descent and case.signs(goal).holds(number(2) - h * bound)):
        square = ZERO
        for name, _ in rows:
            square = square + (case.rate(rows, name).T @ case.rate(rows, name)).scalar()
        case.signs(goal).demand(-(case.along(invariant, rows) + (h * bound * square).times(HALF)))
    return solved(case, goal, step)


def _at_rest(case: Case, rows: Rows) -> dict[str, Any]:
    from odenet.ir.node import number as constant
    from odenet.ir.node import zeros

    return {n: constant(0) if case.reader.block(n) == SCALAR else zeros(case.model.block(n).space) for n in case.blocks(rows)}


def _around_zero(case: Case, goal: Goal, step: Step) -> None:
    """A field: f(0) = 0 and grad I = s x, s >= 0 one scalar for all blocks that move, everywhere."""
    from odenet.ir.node import number as constant

    case.demand(goal.property == "dissipates" and not goal.region, "the rule is about `dissipates` everywhere")
    rest, found = _at_rest(case, goal.rows), set()
    for name, node in goal.rows:
        case.demand(case.reader.form(at(node, rest)).is_zero(), "0 is not fixed")
        x, slope = case.reader.table.atom("state", name), case.gradient(goal.arguments[0], name)
        if slope.end == SCALAR:
            found.add(merged_into(slope.scalar(), x))
        else:
            (word,) = vector(x, slope.end).terms
            case.demand(list(slope.terms) == [word], "not the length")
            found.add(slope.terms[word])
    case.demand(len(found) == 1, "not the length")
    case.signs(goal).demand(found.pop(), 3)
    of_field(case, goal, step, goal.rows, "contractive", constant(0))


def merged_into(value: Scalar, x: Symbol) -> Scalar:
    """s with value = s x, x a factor of each term."""
    total = ZERO
    for m, c in value.terms.items():
        if dict(m).get(x, 0) < 1:
            raise Rejected("not a multiple")
        total = total + merged(m, ((x, Fraction(-1)),)).times(c)
    return total


def around_a_fixed_point(case: Case, goal: Goal, step: Step) -> None:
    from odenet.ir.node import state

    if goal.kind == "field":
        return _around_zero(case, goal, step)
    move = proves(case, goal, "move", "dissipates")
    rest = _at_rest(case, move.rows)
    for name, node in move.rows:
        block = state(name, case.model.block(name).space)
        slope = case.gradient(goal.arguments[0], name) - case.reader.form(block).scaled(number(2))
        case.demand(slope.is_zero() and case.reader.form(at(node, rest)).is_zero(), "not the squared length, or 0 is not fixed")
    return case.premise(step, goal.of("move", "lipschitz", ONE))
