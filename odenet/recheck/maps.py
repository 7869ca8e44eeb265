"""Rules about flows and their substeps: one function each, which checks that the step proves its goal."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from odenet.ir.node import add, scale, state, variable
from odenet.ir.sizes import SCALAR
from odenet.plan.steps import Closed, DiscreteGradient, Linear, Relax
from odenet.recheck import factors, nets, quantities
from odenet.recheck.bounds import ONE, ZERO
from odenet.recheck.case import Case, Goal, Step
from odenet.recheck.moves import (
    ahead,
    at,
    degree,
    distinct,
    holds,
    inherits,
    is_affine,
    moves,
    of_field,
    proves,
    solved,
    within,
)
from odenet.recheck.scalars import Scalar, Symbol, Word, number
from odenet.recheck.signs import occurs
from odenet.recheck.words import Form, letter_form, size_scalar

# --- whole flows ----------------------------------------------------------------------------------------------------


def composition(case: Case, goal: Goal, step: Step) -> None:
    """Each different substep, or each stage of a net, has the property."""
    if goal.kind == "net":
        return nets.composed_net(case, goal, step)
    flow = proves(case, goal, "flow", "symplectic", "volume_preserving", "preserves", "dissipates", "positive", "equivariant",
                  "invertible")
    for move in distinct(moves(case, flow)).values():
        case.premise(step, goal.of("move", goal.property, *goal.arguments, subject=move))


def coupled_product(case: Case, goal: Goal, step: Step) -> None:
    """The constants of the substeps, multiplied over one step and then over all."""
    flow = proves(case, goal, "flow", "lipschitz", "nonexpansive", "averaged")
    bound = ONE if goal.property == "nonexpansive" else case.value(goal.arguments[0])
    case.demand(goal.property != "averaged" or bound == ONE, "averaged(1) is nonexpansive")
    all_moves, signs = moves(case, flow), case.signs(goal)
    kinds = distinct(all_moves)
    constants = dict(zip(kinds, step.take("constants"), strict=True))
    is_timed = any(move.is_timed for move in all_moves)
    total = ONE
    for key, move in kinds.items():
        case.premise(step, goal.of("move", "lipschitz", constants[key], subject=move))
        _is_shared(case, constants[key], is_timed)
    for move in all_moves:
        total = total * constants[move.field, move.duration]
    if "times" in step.data:  # a power is at most 1 where its base is
        times, root = int(step.take("times")), ONE
        counts = Counter((move.field, move.duration) for move in all_moves)
        case.demand(times > 1 and all(n % times == 0 for n in counts.values()), "the product is not such a power")
        for key, n in counts.items():
            root = root * constants[key] ** (n // times)
        signs.demand(bound - ONE)
        return signs.demand(ONE - root)
    if not step.data:
        signs.demand(bound - ONE)
        return signs.demand(ONE - total)
    steps = case.reader.size(case.model.flow(flow).steps)
    if "worst" in step.data:
        worst, count = step.take("worst"), int(steps.constant() or 0)
        case.demand(count > 0 and (count == 1 or _is_fixed(case, worst)), "steps have parameters of their own")
        within(case, goal, total, worst)
        return signs.demand(bound - worst ** count)
    exponent = step.take("exponent")
    case.demand(_is_fixed(case, exponent), "steps have parameters of their own")
    within(case, goal, _logarithm(total), exponent)
    return signs.demand(bound - case.reader.constant("exp", (), exponent * size_scalar(case.reader.table, steps)))


def _is_shared(case: Case, value: Scalar, is_timed: bool) -> None:
    """Substeps share the parameters of their step, but neither the state nor what moves within the step."""
    is_loose = is_timed or holds(case, value, (b.name for b in case.model.blocks))
    case.demand(not is_loose or value.value() is not None, "a constant that is not the same in two substeps")


def _is_fixed(case: Case, value: Scalar) -> bool:
    kinds = {s.kind for s in value.symbols()}
    return kinds <= {"dim", "prime"} or all(_fixed(s) for s in value.symbols())


def _fixed(symbol: Any) -> bool:
    """Whether a symbol is one number for all steps."""
    if symbol.kind in ("param", "state", "time", "variable"):
        return False
    inner = [s for d in symbol.data if isinstance(d, Scalar) for s in d.symbols()]
    return symbol.kind in ("dim", "prime", "function", "largest", "smallest", "sum") and all(map(_fixed, inner))


def _logarithm(total: Scalar) -> Scalar:
    """log c of a product of exponentials, else c - 1 >= log c."""
    (m, c), *more = total.terms.items()
    if more or c != 1 or not all(s.kind == "function" and s.data[0] == "exp" and isinstance(s.data[2], Scalar) for s, _ in m):
        return total - ONE
    found = ZERO
    for s, e in m:
        found = found + s.data[2].times(e)
    return found


def averaged_composition(case: Case, goal: Goal, step: Step) -> None:
    """a/(1-a) adds up."""
    if goal.kind == "net":
        return nets.averaged_net(case, goal, step)
    flow = proves(case, goal, "flow", "averaged")
    wanted = case.value(goal.arguments[0]).value()
    all_moves = moves(case, flow)
    kinds = distinct(all_moves)
    shares = dict(zip(kinds, step.take("shares"), strict=True))
    for key, move in kinds.items():
        case.premise(step, goal.of("move", "averaged", shares[key], subject=move))
        _is_shared(case, shares[key], any(m.is_timed for m in all_moves))
    total = ZERO
    for move in all_moves:
        total = total + shares[move.field, move.duration]
    steps = size_scalar(case.reader.table, case.reader.size(case.model.flow(flow).steps))
    assert wanted is not None
    case.signs(goal).demand(number(wanted / (1 - wanted)) - total * steps)


def palindrome(case: Case, goal: Goal, step: Step) -> None:
    """Read backwards, the substeps are the adjoints of those read forwards, at the same times on the way back from t + h."""
    all_moves = moves(case, proves(case, goal, "flow", "symmetric"))
    for one, other in zip(all_moves, reversed(all_moves), strict=True):
        is_same = one.field == other.field or (one.rows == other.rows and not one.is_timed)
        case.demand(is_same and one.coefficient == other.coefficient, "the composition does not read the same backwards")
        there, back = (one.before, one.after), (1 - other.after, 1 - other.before)
        case.demand(not one.is_timed or there == back, "a part that depends on time is met at other times on the way back")
        if one.is_exact or isinstance(one.advance, DiscreteGradient):
            case.demand(one.advance == other.advance, "two ways to advance")
        else:
            case.demand(one.method.is_adjoint_of(other.method), "not each other's adjoint")
    for move in distinct(all_moves).values():
        solved(case, goal.of("move", "symmetric", subject=move), step, is_two_sided=True)


def reversible_composition(case: Case, goal: Goal, step: Step) -> None:
    flow = proves(case, goal, "flow", "reversible")
    case.premise(step, goal.of("flow", "symmetric"))
    for move in {move.field: move for move in moves(case, flow)}.values():
        case.demand(not move.is_timed, "a part depends on time")
        of_field(case, goal, step, move.rows, "reversible")


# --- structure of one substep ---------------------------------------------------------------------------------------


def exact_flow(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "symplectic", "volume_preserving", "preserves", "dissipates", "positive", "invertible")
    case.demand(move.is_exact, "the substep is no exact flow")
    if goal.property in ("symplectic", "preserves"):
        return inherits(case, goal, step)
    if goal.property == "invertible":
        return case.demand(isinstance(move.advance, Closed | Linear), "the rule is about closed forms")
    if goal.property == "volume_preserving":
        return of_field(case, goal, step, move.rows, "divergence_free")
    signs = case.signs(goal)
    if goal.property == "dissipates" and not signs.holds(move.duration) and not signs.holds(-move.duration):
        return of_field(case, goal, step, move.rows, "preserves", *goal.arguments)
    return of_field(case, goal, step, ahead(case, goal)[0], goal.property, *goal.arguments)


def straight_flow(case: Case, goal: Goal, step: Step) -> None:
    """f(x + s f(x)) = f(x) for all s: every stage of an explicit method sees f(x), and x + h f(x) is the exact flow."""
    move = proves(case, goal, "move", "symplectic", "volume_preserving", "preserves", "dissipates", "invertible")
    case.demand(move.table is not None and not move.is_implicit and move.method.is_consistent, "no consistent explicit method")
    case.demand(not move.is_timed, "the rates depend on time")
    line = variable("s", SCALAR)
    there = {name: add(state(name, case.model.block(name).space), scale(line, node)) for name, node in move.rows}
    for _, node in move.rows:
        case.vanishes(lambda c, n=node: c.reader.form(at(n, there)) - c.reader.form(n), "the rates change along the line")  # type: ignore[misc]
    if goal.property == "volume_preserving":
        of_field(case, goal, step, move.rows, "divergence_free")
    elif goal.property != "invertible":
        inherits(case, goal, step)


def shear(case: Case, goal: Goal, step: Step) -> None:
    """No moved block enters its own rate, nor round about; or, for J and invariants, no moved block enters any rate."""
    move = proves(case, goal, "move", "symplectic", "volume_preserving", "preserves", "dissipates", "invertible")
    case.demand(move.is_exact or move.table is not None, "the method is no Runge-Kutta method")
    if goal.property not in ("volume_preserving", "invertible"):
        case.demand(move.is_shear, "a moved block enters a rate")
        return inherits(case, goal, step)
    from odenet.ir.node import states

    reads = {name: states(node) & move.moved for name, node in move.rows}
    while free := {name for name, needed in reads.items() if not needed}:
        reads = {name: needed - free for name, needed in reads.items() if name not in free}
    return case.demand(not reads, "a moved block enters its own rate")


def symplectic_method(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "symplectic", "preserves", "dissipates")
    case.demand(move.method.is_symplectic(), "the method is not symplectic")
    _quadratic(case, goal)
    inherits(case, goal, step)
    solved(case, goal, step)


def _quadratic(case: Case, goal: Goal) -> None:
    if goal.property != "symplectic":
        case.demand(degree(case, goal) in (1, 2), "the invariant is not quadratic")


def reflexive_method(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "symplectic", "preserves", "dissipates")
    case.demand(move.method.is_reflexive() and not move.is_timed, "the method is not reflexive")
    case.demand(is_affine(case, move, move.moved), "the field is not linear")
    _quadratic(case, goal)
    inherits(case, goal, step)
    solved(case, goal, step)


def volume_of_a_midpoint_step(case: Case, goal: Goal, step: Step) -> None:
    """Df = J S with J skew and constant, S symmetric: det(I + h J S/2) = det(I - h J S/2) by transposing and turning round."""
    move = proves(case, goal, "move", "volume_preserving")
    case.demand(len(move.moved) == 1 and move.table is not None and move.method.is_midpoint, "no midpoint step of one block")
    (block,) = move.moved
    jacobian = case.jacobian(move.rows, block, block)
    groups: dict[Symbol, list[tuple[Word, Scalar]]] = {}
    for word, c in jacobian.terms.items():
        is_still = bool(word) and word[0].kind != "diag" and not occurs(case.reader.table.atom("state", block), word[0])
        case.demand(is_still, "no constant letter in front")
        groups.setdefault(word[0], []).append((word[1:], c))
    case.demand(bool(groups), "no Jacobian")
    pieces = {x: Form(jacobian.table, jacobian.start, x.start, terms) for x, terms in groups.items()}
    first = next(iter(pieces.values()))
    case.demand((first - first.T).is_zero(), "the second factor is not symmetric")
    word, c = next(iter(first.terms.items()))
    left = Form(jacobian.table, jacobian.start, jacobian.end, [])
    for x, piece in pieces.items():
        m, d = next(iter(c.terms.items()))
        share = piece.terms.get(word, ZERO).terms.get(m, 0) / d
        case.demand(share != 0 and (piece - first.scaled(number(share))).is_zero(), "the letters have other factors")
        left = left + letter_form(x).scaled(number(share))
    case.demand((left + left.T).is_zero(), "the first factor is not skew")
    solved(case, goal, step)


def orthogonal_step(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "volume_preserving")
    case.demand(move.method.is_symplectic() or (not move.is_timed and move.method.is_reflexive()), "the method does not keep x'x")
    for i in move.moved:
        for j in move.moved:
            total = case.jacobian(move.rows, i, j) + case.jacobian(move.rows, j, i).T
            case.demand(total.is_zero(), "the field is not skew")
    case.demand(is_affine(case, move, move.moved), "the field is not linear")
    solved(case, goal, step)


def volume_of_a_symplectic_map(case: Case, goal: Goal, step: Step) -> None:
    proves(case, goal, "move", "volume_preserving")
    case.demand(bool(case.model.pairs), "no pairs")
    case.premise(step, goal.of("move", "symplectic"))


def equivariant_method(case: Case, goal: Goal, step: Step) -> None:
    move = proves(case, goal, "move", "equivariant")
    of_field(case, goal, step, move.rows, "equivariant", *goal.arguments)
    is_named = not isinstance(goal.arguments[0], str)
    if isinstance(move.advance, Relax):
        case.demand(not is_named and _is_length(move.advance.invariant), "the quadratic may change")
    if isinstance(move.advance, DiscreteGradient):
        case.demand(not is_named and not any(pair.is_halved for pair in case.model.pairs), "a halved pair")
    solved(case, goal, step)


def _is_length(node: Any) -> bool:
    if node.op == "add":
        return all(map(_is_length, node.args))
    if node.op == "power":
        return bool(node.args[0].op == "state" and node.data[0] == 2)
    return bool(node.op == "dot" and node.args[0] == node.args[1] and node.args[0].op == "state")


Rule = Callable[[Case, Goal, Step], None]
MAP_RULES: dict[str, Rule] = {
    "stage constants": nets.stage_constants,
    "composition": composition, "coupled product": coupled_product, "averaged composition": averaged_composition,
    "palindrome": palindrome, "reversible composition": reversible_composition, "exact flow": exact_flow, "shear": shear,
    "straight flow": straight_flow, "volume of a midpoint step": volume_of_a_midpoint_step,
    "symplectic method": symplectic_method, "reflexive method": reflexive_method, "orthogonal step": orthogonal_step,
    "volume of a symplectic map": volume_of_a_symplectic_map, "equivariant method": equivariant_method,
    "linear first integral": quantities.linear_first_integral, "relaxation": quantities.relaxation,
    "discrete gradient": quantities.discrete_gradient, "composed quantity": quantities.composed_quantity,
    "quadratic dissipation": quantities.quadratic_dissipation, "descent lemma": quantities.descent_lemma,
    "around a fixed point": quantities.around_a_fixed_point, "symmetric step": factors.symmetric_step,
    "exact flow of a contraction": factors.exact_flow_of_a_contraction, "resolvent": factors.resolvent,
    "circle contractivity": factors.circle_contractivity, "b-stability": factors.b_stability,
    "von Neumann": factors.von_neumann, "convex combination of Euler steps": factors.euler_combination,
    "step in closed form": factors.closed_form, "norm of the step": factors.norm_of_the_step,
    "cocoercive descent": factors.cocoercive_descent, "cocoercive ball": factors.cocoercive_ball,
    "cocoercive contraction": factors.cocoercive_contraction,
    "averaged step": factors.averaged_step, "invertible contraction": factors.invertible_contraction,
    "monotone step": factors.monotone_step, "nonnegative step": factors.nonnegative_step,
    "positive resolvent": factors.positive_resolvent,
}
