"""preserves, dissipates of flows."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from odenet.algebra.forms import Form, zero
from odenet.algebra.inequalities import at_most, is_nonnegative
from odenet.algebra.scalars import ONE, ZERO, Scalar, TooLarge, rational
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import largest, norm, spectrum
from odenet.ir.node import Node, depends_on, number, state, states, zeros
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS
from odenet.plan.steps import DiscreteGradient, Relax, RungeKutta
from odenet.proof import domains
from odenet.proof.context import Context, Outcome, Rates, substituted
from odenet.proof.curvature import is_convex
from odenet.proof.fields import integrals
from odenet.proof.finding import Proof
from odenet.proof.maps.factors import substep_constants
from odenet.proof.maps.formula import formula
from odenet.proof.maps.straight import is_straight
from odenet.proof.maps.structure import is_linear
from odenet.proof.maps.substeps import Move, forward, solved
from odenet.proof.rules import by
from odenet.proof.spelling import shortened
from odenet.schemes.contractivity import inverse_radius
from odenet.schemes.monotonicity import is_implicit_euler
from odenet.schemes.numbers import exact
from odenet.schemes.reversal import is_reflexive
from odenet.schemes.tables import is_symplectic


def preserves(context: Context, move: Move, invariant: Node, setting: Setting) -> Outcome:
    """I is the same after one substep."""
    outcome = _preserves(context, move, invariant, setting)
    if isinstance(outcome, Proof):
        return outcome
    whole = _of_parts(invariant, lambda node: preserves(context, move, node, setting))
    return outcome if whole is None else whole


def _preserves(context: Context, move: Move, invariant: Node, setting: Setting) -> Outcome:
    moved = {name for name, _ in move.rates.rows}
    if not states(invariant) & moved:
        return by("composed quantity", f"`{move.field}` does not move what the invariant reads", how="function")
    if _is_relaxed_for(context, move, invariant):
        return by("relaxation", "the relaxed step keeps its quadratic", *solved(context, move, setting))
    field = integrals.preserves(context, move.rates, invariant)
    if isinstance(field, str):
        return field
    if move.is_exact:
        return by("exact flow", f"the flow of `{move.field}` keeps the first integral", field)
    if move.is_shift:
        return by("shear", f"`{move.field}` adds rates along the level set, which it does not change", field)
    if is_straight(context, move):
        return by("straight flow", f"`{move.field}` keeps its rates along its lines, on which the quantity is the same", field)
    degree = degree_of(context, invariant, moved)
    solution = solved(context, move, setting)
    if degree == 1 and isinstance(move.advance, RungeKutta | Relax):
        return by("linear first integral", "the invariant is linear", field, *solution)
    if degree == 2 and move.table is not None and is_symplectic(move.table):
        return by("symplectic method", "the invariant is quadratic", field, *solution)
    if isinstance(move.advance, DiscreteGradient) and _is_potential(context, move, invariant):
        return by("discrete gradient", "the invariant is the potential", field, *solution)
    if degree == 2 and _is_reflexive(context, move):
        return by("reflexive method", f"the invariant is quadratic, `{move.field}` linear and R(z) R(-z) = 1", field,
                  *solution)
    return f"the field keeps the invariant, but its method is not shown to (degree {degree or 'above 2'})"


def _is_reflexive(context: Context, move: Move) -> bool:
    """Affine in the moved blocks: with one more component that stays 1 it is linear, and quadratics are forms."""
    return move.table is not None and not move.is_timed and is_linear(context, move) and is_reflexive(move.table)


def _of_parts(node: Node, prove: Callable[[Node], Outcome]) -> Outcome | None:
    """A function of invariants: every argument that depends on the state is a scalar and is kept."""
    inner = list(dict.fromkeys(a for a in node.args if depends_on(a, "state")))
    if node.op not in _SCALAR_OPERATIONS or not inner or any(a.space != SCALAR for a in inner):
        return None
    premises = []
    for part in inner:
        outcome = prove(part)
        if isinstance(outcome, str):
            return None
        premises.append(outcome)
    return by("composed quantity", "it is a function of what is kept", *premises, how="function")


_SCALAR_OPERATIONS = frozenset({"add", "mul", "scale", "power", "function", "largest", "smallest"})


def _is_relaxed_for(context: Context, move: Move, invariant: Node) -> bool:
    if not isinstance(move.advance, Relax):
        return False
    return is_multiple(context.form(invariant).scalar(), context.form(move.advance.invariant).scalar(), move)


def is_multiple(one: Scalar, other: Scalar, move: Move) -> bool:
    """Whether two invariants differ by a factor, and by what the substep does not move."""
    moved = {f"state {name}" for name, _ in move.rates.rows}

    def moving(scalar: Scalar) -> Scalar:
        return Scalar(tuple((m, c) for m, c in scalar.terms if any(key in atom.key for atom, _ in m for key in moved)))

    a, b = moving(one), moving(other)
    return bool(a.terms) and bool(b.terms) and a == b.times(a.terms[0][1] / b.terms[0][1])


def _is_potential(context: Context, move: Move, invariant: Node) -> bool:
    potential = move.advance.potential if isinstance(move.advance, DiscreteGradient) else None
    return potential is not None and is_multiple(context.form(invariant).scalar(), context.form(potential).scalar(), move)


def degree_of(context: Context, invariant: Node, moved: set[str]) -> int:
    """1 for an invariant that is affine in the moved blocks, 2 for a quadratic one, 0 for anything else."""
    if domains.kink((invariant,)):
        return 0
    blocks = [b.name for b in context.model.blocks if b.name in states(invariant) & moved]
    gradients = [context.gradient(invariant, name) for name in blocks]
    if not any(_holds(g, moved) for g in gradients):
        return 1
    hessian = [context.differentiator(name).of(g) for g in gradients for name in blocks]
    return 0 if any(_holds(h, moved) for h in hessian) else 2


def _holds(form: Form, moved: set[str]) -> bool:
    return any(f"state {name}" in form.key for name in moved)


# --- dissipation ------------------------------------------------------------------------------------------------


def dissipates(context: Context, move: Move, invariant: Node, setting: Setting) -> Outcome:
    """I does not rise over one substep."""
    kept = preserves(context, move, invariant, setting)
    if isinstance(kept, Proof):
        return kept
    inner = _increasing_in(invariant)
    if inner is not None:
        outcome = dissipates(context, move, inner, setting)
        if isinstance(outcome, Proof):
            return by("composed quantity", "it rises and falls with what does not rise", outcome, how="increasing")
    ahead = forward(move, setting)
    if ahead is None:
        return "the direction of a substep is not known"
    field = integrals.dissipates(context, ahead[0], invariant, setting)
    problem = field if isinstance(field, str) else "the field dissipates the quantity, but its method is not shown to"
    if isinstance(field, Proof):
        outcome = _from_field(context, move, invariant, field, setting)
        if isinstance(outcome, Proof):
            return outcome
        problem = outcome or problem
    terms = invariant.args if invariant.op == "add" else ()
    parts = [dissipates(context, move, term, setting) for term in terms]
    if parts and all(isinstance(part, Proof) for part in parts):
        return by("composed quantity", "no term of the sum rises", *(p for p in parts if isinstance(p, Proof)), how="sum")
    for rule in (_quadratic, _smooth, _fixed_point, _closed_form):
        try:
            found = rule(context, move, ahead, invariant, setting)
        except TooLarge:
            continue
        if isinstance(found, Proof):
            return found
        problem = found or problem
    return problem


def _increasing_in(node: Node) -> Node | None:
    """z where the node is an increasing function of the scalar z, or falls and rises with it."""
    if node.op == "norm":
        return Node("dot", (node.args[0], node.args[0]), (), SCALAR)
    if node.op == "function" and node.space == SCALAR and FUNCTIONS[node.data[0]].increasing(*node.data[1:]):
        return node.args[0]
    if node.op == "scale" and node.args[0].op == "number" and node.args[0].data[0] > 0:
        return node.args[1]
    if node.op == "mul" and node.args[0].op == "number" and node.args[0].data[0] > 0:
        return node.args[1]
    return None


def _from_field(context: Context, move: Move, invariant: Node, field: Proof, setting: Setting) -> Outcome:
    """What follows from grad I . f <= 0 everywhere."""
    if move.is_exact:
        return by("exact flow", f"along the flow of `{move.field}` the quantity does not rise", field)
    if isinstance(move.advance, DiscreteGradient):
        if _is_potential(context, move, invariant):
            return by("discrete gradient", "the quantity is the potential", field, *solved(context, move, setting))
        return ""
    if move.table is not None and is_implicit_euler(move.table) and is_convex(context, invariant, setting):
        return by("descent lemma", "I(x) >= I(y) + grad I(y) . (x - y), y = x + h f(y)", field,
                  *solved(context, move, setting), bound=ZERO)
    return ""


Ahead = tuple[Rates, Scalar]


def _quadratic(context: Context, move: Move, ahead: Ahead, invariant: Node, setting: Setting) -> Outcome:
    """grad I . f + (rho h / 2) f'Qf <= 0, Q >= 0 the Hessian, for a table with M + rho diag(b) >= 0; or Q = 0 and b >= 0."""
    rates, h = ahead
    moved = {name for name, _ in rates.rows}
    degree = 0 if move.table is None else degree_of(context, invariant, moved)
    if move.table is None or not degree:
        return ""
    rho = inverse_radius(move.table) if degree == 2 else Fraction(0) if all(exact(b) >= 0 for b in move.table.weights) else None
    if rho is None or (degree == 2 and not _is_curved_up(context, rates, invariant, setting)):
        return ""
    change = context.along(invariant, rates)
    if rho:
        change = change + (h * _curve(context, rates, invariant)).times(rho / 2)
    if is_nonnegative(-change, setting):
        return by("quadratic dissipation", f"grad I . f + ({rho} h/2) f'Qf = {shortened(change.key)} <= 0",
                  *solved(context, move, setting), rho=rational(rho))
    return f"grad I . f + ({rho} h/2) f'Qf = {shortened(change.key)} is not shown to be <= 0"


def _is_curved_up(context: Context, rates: Rates, invariant: Node, setting: Setting) -> bool:
    end = _hessian_end(context, rates, invariant, setting, is_high=False)
    return end is not None and bool(is_nonnegative(-end, setting))


def _fixed_point(context: Context, move: Move, ahead: Ahead, invariant: Node, setting: Setting) -> Outcome:
    """The squared length of the moved blocks (and more that stands still) under a nonexpansive map that fixes 0."""
    rest = {b.name: number(0) if b.space == SCALAR else zeros(b.space) for b in context.blocks_of(move.rates)}
    for name, node in move.rates.rows:
        block = context.model.block(name)
        slope = context.gradient(invariant, name) - context.form(state(name, block.space)).scaled(rational(2))
        if not slope.is_zero() or not context.form(substituted(node, rest)).is_zero():
            return ""
    found = substep_constants(context, move, setting)
    one = None if isinstance(found, str) else next((proof for value, proof in found if at_most(value, ONE, setting)), None)
    if one is None:
        return found if isinstance(found, str) else "the substep is not shown to be nonexpansive"
    return by("around a fixed point", f"the substep of `{move.field}` is nonexpansive and fixes 0", one)


def _curve(context: Context, rates: Rates, invariant: Node) -> Scalar:
    """f'Qf, Q the Hessian."""
    total = zero(SCALAR, SCALAR)
    for i, _ in rates.rows:
        slope = context.gradient(invariant, i)
        for j, _ in rates.rows:
            total = total + context.rate(rates, i).T @ context.differentiator(j).of(slope) @ context.rate(rates, j)
    return total.scalar()


def _smooth(context: Context, move: Move, ahead: Ahead, invariant: Node, setting: Setting) -> Outcome:
    """The descent lemma: grad I . f + (h K / 2) |f|^2 <= 0, Hess I <= K for an Euler step, >= -K for an implicit one."""
    if move.is_timed or move.table is None or domains.kink((invariant,)):
        return ""
    if not move.is_euler and not is_implicit_euler(move.table):
        return ""
    rates, h = ahead
    bound = _hessian_end(context, rates, invariant, setting, is_high=move.is_euler)
    if bound is None:
        return "the Hessian of the quantity has no known bound"
    is_descent = all((context.rate(rates, b) + context.gradient(invariant, b)).is_zero() for b, _ in rates.rows)
    if is_descent and at_most(h * bound, rational(2), setting):
        return by("descent lemma", f"f = -grad I and h K = {(h * bound).key} <= 2",
                  *solved(context, move, setting), bound=bound)
    square = zero(SCALAR, SCALAR)
    for name, _ in rates.rows:
        square = square + context.rate(rates, name).T @ context.rate(rates, name)
    change = context.along(invariant, rates) + (h * bound * square.scalar()).times(Fraction(1, 2))
    if is_nonnegative(-change, setting):
        return by("descent lemma", f"grad I . f + (h K/2) |f|^2 = {shortened(change.key)} <= 0",
                  *solved(context, move, setting), bound=bound)
    return f"h K = {(h * bound).key} is not shown to be at most 2" if is_descent else ""


def _hessian_end(context: Context, rates: Rates, invariant: Node, setting: Setting, is_high: bool) -> Scalar | None:
    """K with Hess I <= K (or Hess I >= -K) over the moved blocks; free of the state."""
    ends = []
    for i, _ in rates.rows:
        slope, total = context.gradient(invariant, i), None
        for j, _ in rates.rows:
            block = context.differentiator(j).of(slope)
            if i == j:
                own = spectrum((block + block.T).scaled(rational(Fraction(1, 2))), setting)
                end = own.high if is_high else None if own.low is None else -own.low
            else:
                end = norm(block, setting)
            if end is None or "state " in end.key:
                return None
            total = end if total is None else total + end
        if total is not None:
            ends.append(total)
    return largest(*ends)


def _closed_form(context: Context, move: Move, ahead: Ahead, invariant: Node, setting: Setting) -> Outcome:
    """I(x + h f(x)) - I(x) <= 0 as it stands."""
    after = formula(context, move)
    if after is None:
        return ""
    new = context.form(substituted(invariant, dict(after.rows))).scalar()
    change = new - context.form(invariant).scalar()
    if is_nonnegative(-change, setting):
        return by("step in closed form", f"the change {shortened(change.key)} is <= 0")
    return ""
