"""Rules about one substep: Lipschitz constants, averagedness, bijections, the orthant."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

from odenet.ir.sizes import SCALAR
from odenet.plan.steps import Closed, Linear, RungeKutta
from odenet.recheck.bounds import HALF, ONE, ZERO, Bounds, known
from odenet.recheck.case import Case, Goal, Rows, Step
from odenet.recheck.fields import determinant, symmetric_part
from odenet.recheck.moves import (
    ahead,
    at,
    below_one,
    euler,
    formula,
    holds,
    is_affine,
    is_whole,
    moves,
    of_field,
    proves,
    solved,
    within,
)
from odenet.recheck.scalars import Scalar, is_zero, number, power
from odenet.recheck.words import Form
from odenet.schemes.numbers import as_node


def _constant(case: Case, goal: Goal, value: Scalar) -> None:
    """A substep with this constant on its blocks has the one that is wanted on all."""
    whole = value if is_whole(case, goal.subject) else case.reader.largest(ONE, value)
    if goal.arguments[0] == ONE:  # asked for by rules that need a nonexpansive substep
        return case.signs(goal).demand(ONE - whole)
    return within(case, goal, whole, goal.arguments[0])


def symmetric_step(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "lipschitz")
    case.demand(move.is_euler and goal.norm == "2", "the rule is about Euler steps in the 2-norm")
    of_field(case, goal, step, move.rows, "gradient")
    low, high = symmetric_part(case, goal, move.rows)
    ends = [case.bounds(goal).absolute(ONE + move.duration * known(end, "Df")) for end in (low, high)]
    _constant(case, goal, case.reader.largest(*ends))


def _measure(case: Case, goal: Goal, step: Step, rows: Rows) -> Scalar:
    """mu with a proof that the logarithmic norm is at most mu, the same for all times and states of the substep."""
    move, mu = goal.subject, step.take("measure")
    is_loose = move.is_timed or holds(case, mu, (b.name for b in case.model.blocks))
    case.demand(not is_loose or mu.value() is not None, "a measure that moves within the substep")
    of_field(case, goal, step, rows, "contractive", -mu, norm=goal.norm)
    return mu  # type: ignore[no-any-return]


def exact_flow_of_a_contraction(case: Case, goal: Goal, step: Step) -> None:
    """exp(h mu)"""
    move = proves(case, goal, "move", "lipschitz")
    case.demand(move.is_exact, "no exact flow")
    rows, h = ahead(case, goal)
    _constant(case, goal, case.reader.constant("exp", (), h * _measure(case, goal, step, rows)))


def resolvent(case: Case, goal: Goal, step: Step) -> None:
    """1/(1 - h mu), mu <= 0"""
    move = proves(case, goal, "move", "lipschitz")
    case.demand(move.method.is_implicit_euler(), "the rule is about implicit Euler")
    rows, h = ahead(case, goal)
    mu = _measure(case, goal, step, rows)
    case.signs(goal).demand(-mu)
    _constant(case, goal, power(case.reader.table, ONE - h * mu, -HALF * 2, lambda _: False))
    solved(case, goal, step)


def circle_contractivity(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "lipschitz")
    size, rho = step.take("size"), step.take("rho").value()
    rows, h = ahead(case, goal)
    case.demand(goal.norm == "2" and move.method.is_contractive(rho), "the table is not contractive")
    case.signs(goal).demand(number(2) - (h * size).times(rho))
    of_field(case, goal, step, rows, "cocoercive", size)
    _constant(case, goal, ONE)
    solved(case, goal, step)


def b_stability(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "lipschitz")
    case.demand(goal.norm == "2" and move.method.is_contractive(ZERO.value()), "the table is not algebraically stable")
    of_field(case, goal, step, ahead(case, goal)[0], "contractive", ZERO)
    _constant(case, goal, ONE)
    solved(case, goal, step)


def von_neumann(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "lipschitz")
    case.demand(goal.norm == "2" and not move.is_timed and move.method.is_left_stable(), "the method is not stable")
    case.demand(is_affine(case, move, case.blocks(move.rows)), "the field is not linear")
    of_field(case, goal, step, ahead(case, goal)[0], "contractive", ZERO)
    _constant(case, goal, ONE)
    solved(case, goal, step)


def euler_combination(case: Case, goal: Goal, step: Step) -> None:
    """The Euler step of length h/r is nonexpansive, or keeps the orthant."""
    move = proves(case, goal, "move", "lipschitz", "positive")
    r = step.take("coefficient").value()
    case.demand(not move.is_implicit and move.method.is_monotone(r), "no convex combination of Euler steps")
    small = euler(move, r)
    if goal.property == "positive":
        return case.premise(step, goal.of("move", "positive", subject=small))
    case.premise(step, goal.of("move", "lipschitz", ONE, subject=small))
    return _constant(case, goal, ONE)


def closed_form(case: Case, goal: Goal, step: Step) -> None:
    """The formula of an explicit substep: the norm and the determinant of its Jacobian, the change of a quantity."""
    if goal.kind == "flow":
        return _whole_step(case, goal)
    move = proves(case, goal, "move", "lipschitz", "volume_preserving", "dissipates")
    after = formula(case, move)
    if goal.property == "lipschitz":
        of_field(case, goal, step, after, "lipschitz", goal.arguments[0], norm=goal.norm)
        if not is_whole(case, move):
            case.signs(goal).demand(goal.arguments[0] - ONE)
        return None
    if goal.property == "dissipates":
        new, old = case.reader.scalar(at(goal.arguments[0], dict(after))), case.reader.scalar(goal.arguments[0])
        return case.signs(goal).demand(old - new)
    names = [n for n, _ in move.rows]
    found = determinant([[case.jacobian(after, i, j).scalar() for j in names] for i in names])
    return case.demand(is_zero(found - ONE), "the determinant is not 1")


def _whole_step(case: Case, goal: Goal) -> None:
    """The change of a quantity over all substeps of a step, one after the other."""
    values: dict[str, Any] = {}
    for move in moves(case, proves(case, goal, "flow", "preserves", "dissipates")):
        case.demand(not move.is_timed, "something moves within the step")
        like = euler(move, Fraction(1)) if move.is_exact and move.is_shear else move  # x + h g(y), by whatever method
        case.demand(like.table is not None, "no closed form")
        values |= {name: at(node, dict(values)) for name, node in formula(case, like)}
    old, new = (case.reader.scalar(node) for node in (goal.arguments[0], at(goal.arguments[0], values)))
    if goal.property == "dissipates" and not case.is_zero(new - old):
        return case.signs(goal).demand(old - new)
    return case.demand(case.is_zero(new - old), "the step changes the quantity")


def norm_of_the_step(case: Case, goal: Goal, step: Step) -> None:
    """|I + h Df| block by block; or, with a bound of |Df|, 1 + |h| sum |b_i| K_i and exp(|h| L)."""
    move = proves(case, goal, "move", "lipschitz")
    if not step.premises:
        return _constant(case, goal, _block_norm(case, goal, formula(case, move)))
    size, reach = step.take("size"), step.take("reach")
    case.demand(not move.is_timed or size.value() is not None, "the stages see other times")
    of_field(case, goal, step, move.rows, "lipschitz", size, norm=goal.norm)
    within(case, goal, case.bounds(goal).absolute(move.duration), reach)
    if isinstance(move.advance, Closed | Linear) and not move.is_shear:
        return _constant(case, goal, case.reader.constant("exp", (), reach * size))
    if move.is_exact:
        return _constant(case, goal, ONE + reach * size)
    case.demand(isinstance(move.advance, RungeKutta) and move.advance.is_explicit, "no explicit method")
    assert move.table is not None
    def absolute(node: Any) -> Scalar:
        return case.bounds(goal).absolute(case.reader.scalar(node))

    slopes: list[Scalar] = []
    for row in move.table.matrix:
        inner = ZERO
        for entry, slope in zip(row, slopes, strict=False):
            inner = inner + absolute(entry) * slope
        slopes.append(size * (ONE + reach * inner))
    total = ZERO
    for weight, slope in zip(move.table.weights, slopes, strict=True):
        total = total + absolute(weight) * slope
    return _constant(case, goal, ONE + reach * total)


def _block_norm(case: Case, goal: Goal, after: Rows) -> Scalar:
    """The largest sum of norms in a row (inf) or column (1) of blocks, or the root of the product of both."""
    names, bounds = case.blocks(after), case.bounds(goal)
    sizes = {(i, j): split_norm(goal, bounds, case.jacobian(after, i, j)) for i in names for j in names}
    rows = case.reader.largest(*(_sum([sizes[i, j] for j in names]) for i in names))
    columns = case.reader.largest(*(_sum([sizes[i, j] for i in names]) for j in names))
    if goal.norm != "2" or rows == columns:
        return columns if goal.norm == "1" else rows
    return power(case.reader.table, rows * columns, HALF, lambda _: False)


def _sum(items: list[Scalar]) -> Scalar:
    total = ZERO
    for item in items:
        total = total + item
    return total


def split_norm(goal: Goal, bounds: Bounds, form: Form) -> Scalar:
    """The norm of the diagonal part, between the sums of its ends, plus the norms of the other words."""
    low, high, rest = split(goal, bounds, form)
    return bounds.reader.largest(bounds.absolute(low), bounds.absolute(high)) + rest


def split(goal: Goal, bounds: Bounds, form: Form) -> tuple[Scalar, Scalar, Scalar]:
    """The ends of the diagonal part, and a bound of the rest."""
    low, high, rest = ZERO, ZERO, ZERO
    for word, c in form.terms.items():
        if not word or (len(word) == 1 and word[0].kind == "diag"):
            piece = Form(form.table, form.start, form.end, [(word, c)])
            ends = (c, c) if not word else bounds.spectrum(piece)
            low, high = low + known(ends[0], "the step"), high + known(ends[1], "the step")
        else:
            rest = rest + bounds.absolute(c) * known(bounds.word(word, goal.norm), "the step")
    return low, high, rest


# --- cocoercive fields, averaged substeps ---------------------------------------------------------------------------


def cocoercive_descent(case: Case, goal: Goal, step: Step) -> None:
    """f = -grad V, V convex: L is the end of the spectrum of -Df."""
    proves(case, goal, "field", "cocoercive")
    case.premise(step, goal.of("field", "gradient"))
    low, high = symmetric_part(case, goal, goal.rows)
    case.signs(goal).demand(-known(high, "Df"))
    case.demand(goal.arguments[0] == -known(low, "Df"), "not the end of the spectrum")


def cocoercive_ball(case: Case, goal: Goal, step: Step) -> None:
    """|Df + (L/2) I| <= L/2"""
    proves(case, goal, "field", "cocoercive")
    case.demand(goal.norm == "2" and len(case.blocks(goal.rows)) == 1, "one block and the 2-norm")
    block, = case.blocks(goal.rows)
    low, high, rest = split(goal, case.bounds(goal), case.jacobian(goal.rows, block, block))
    case.signs(goal).demand(-(high + rest))
    case.demand(goal.arguments[0] == rest - low, "not r - lo")


def cocoercive_contraction(case: Case, goal: Goal, step: Step) -> None:
    """L = K^2 / c"""
    proves(case, goal, "field", "cocoercive")
    rate, size = step.take("rate"), step.take("norm")
    case.premise(step, goal.of("field", "contractive", rate))
    case.premise(step, goal.of("field", "lipschitz", size))
    c = rate.value()
    case.demand(c is not None and c > 0 and goal.arguments[0] == (size * size).times(1 / c), "not K^2 / c")


def averaged_step(case: Case, goal: Goal, step: Step) -> None:
    """a/(1-a) = h L / (2 - rho h L); at most -1/rho on monotone fields."""
    move, rho = proves(case, goal, "move", "averaged"), step.take("rho").value()
    if not move.is_exact or rho != 0:
        case.demand(move.method.is_consistent and move.method.is_contractive(rho), "the table is not contractive")
    rows, h = ahead(case, goal)
    tau = goal.arguments[0]
    if "size" in step.data:
        size, below = step.take("size"), step.take("below").value()
        of_field(case, goal, step, rows, "cocoercive", size)
        reach = h * size
        case.demand(below > 0, "not a/(1-a)")
        within(case, goal, reach.times(1 / below), tau)
        if rho < 0 and reach.value() is None:
            case.demand(below == 2, "not a/(1-a)")
        else:
            within(case, goal, reach.times(rho), number(2 - below))
    else:
        case.demand(rho < 0 and tau == number(-1 / rho), "not a/(1-a)")
        of_field(case, goal, step, rows, "contractive", ZERO)
    solved(case, goal, step)


# --- bijections -----------------------------------------------------------------------------------------------------


def invertible_contraction(case: Case, goal: Goal, step: Step) -> None:
    """|h| |1 b' - A| Lip(f) < 1"""
    move, size = proves(case, goal, "move", "invertible"), step.take("size")
    case.demand(not move.is_timed or size.value() is not None, "a bound for all times")
    of_field(case, goal, step, move.rows, "lipschitz", size)
    reach = case.bounds(goal).absolute(move.duration) * size * case.reader.scalar(as_node(move.method.reversed_row_sum()))
    below_one(case, goal, reach, step.take("top"))
    solved(case, goal, step)


def monotone_step(case: Case, goal: Goal, step: Step) -> None:
    """Y = x + a h f(Y), then Y + (b - a) h f(Y) with a symmetric part >= c > 0."""
    move = proves(case, goal, "move", "invertible")
    case.demand(len(move.method.b) == 1, "one stage")
    share = move.method.b[0] - move.method.a[0][0]
    if share:
        rows, h = ahead(case, goal)
        low, high = symmetric_part(case, goal, rows)
        least = h * known(low if share > 0 else high, "Df") * case.reader.scalar(as_node(share))
        below_one(case, goal, -least, step.take("top"))
    solved(case, goal, step)


# --- the orthant ----------------------------------------------------------------------------------------------------


def nonnegative_step(case: Case, goal: Goal, step: Step) -> None:
    """x + h f(x) >= 0: x_i times 1 + (its factors), plus nonnegative terms."""
    from odenet.recheck.positivity import is_nonnegative

    move = proves(case, goal, "move", "positive")
    case.demand(move.is_euler or (move.is_exact and move.is_shear and not move.is_timed), "no Euler step")
    small, inside = euler(move, ONE.value()), case.signs(goal, is_orthant=True)  # type: ignore[arg-type]
    after = dict(formula(case, small))
    for block, node in move.rows:
        if case.reader.block(block) == SCALAR:
            inside.demand(case.reader.scalar(after[block]))
            continue
        total = ONE
        for word, c in case.reader.form(node).scaled(move.duration).terms.items():
            if not is_nonnegative(word, c, inside):
                total = total + _factor_low(case, word, c, block, inside)
        inside.demand(total)


def _factor_low(case: Case, word: Any, c: Scalar, block: str, inside: Any) -> Scalar:
    case.demand(len(word) == 2 and word[0].kind == "diag", "a term may be negative")
    entries = word[0].data[0]
    case.demand(any(s.kind == "state" and s.data[0] == block and e >= 1 for s, e in entries), "a term may be negative")
    rest = tuple((s, e - 1 if s.kind == "state" and s.data[0] == block else e) for s, e in entries)
    low, high = inside.entries(tuple((s, e) for s, e in rest if e))
    end = low if inside.holds(c, 3) else high if inside.holds(-c, 3) else None
    case.demand(end is not None, "a term may be negative")
    return c.times(end or Fraction(0))


def positive_resolvent(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "positive")
    case.demand(move.method.is_implicit_euler(), "the rule is about implicit Euler")
    of_field(case, goal, step, ahead(case, goal)[0], "positive")
    before = len(case.conditions)
    solved(case, goal, step)
    case.demand(len(case.conditions) == before, "a solution for every shorter step is needed")
