"""symplectic, volume_preserving, equivariant, reversible, symmetric of flows."""
from __future__ import annotations

from odenet.algebra.scalars import ONE, TooLarge, Unsupported, is_identically_zero
from odenet.algebra.setting import Setting
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR
from odenet.plan.steps import DiscreteGradient, Plan, Relax
from odenet.proof.context import Context, Outcome
from odenet.proof.fields import structure
from odenet.proof.fields.metric import determinant
from odenet.proof.finding import Proof
from odenet.proof.maps.bijections import is_cascade
from odenet.proof.maps.formula import formula
from odenet.proof.maps.midpoint import keeps_volume
from odenet.proof.maps.straight import is_straight
from odenet.proof.maps.substeps import Move, solved
from odenet.proof.rules import by
from odenet.schemes.reversal import are_adjoint, is_reflexive
from odenet.schemes.tables import is_symplectic

MOST_ROWS = 4


def symplectic(context: Context, plan: Plan, move: Move, setting: Setting) -> Outcome:
    """One substep keeps J, on the blocks of the flow."""
    for pair in context.model.pairs:
        if (pair.position in plan.flow.blocks) != (pair.momentum in plan.flow.blocks):
            return f"the flow holds only one half of the pair ({pair.position}, {pair.momentum})"
    field = structure.hamiltonian(context, move.rates, ())
    if isinstance(field, str):
        return field
    if move.is_exact:
        return by("exact flow", f"the flow of the Hamiltonian part `{move.field}` is symplectic", field)
    if move.is_shift:
        return by("shear", f"the substep of `{move.field}` adds Hamiltonian rates that it does not change", field)
    if move.table is not None and is_symplectic(move.table):
        return by("symplectic method", f"the method of `{move.field}` is symplectic", field,
                  *solved(context, move, setting))
    if is_linear(context, move) and not move.is_timed and move.table is not None and is_reflexive(move.table):
        return by("reflexive method", f"`{move.field}` is linear and R(z) R(-z) = 1", field,
                  *solved(context, move, setting))
    if is_straight(context, move):
        return by("straight flow", f"`{move.field}` keeps its rates along its lines, and is Hamiltonian", field)
    return "its method is not symplectic"


def is_linear(context: Context, move: Move) -> bool:
    """Whether the Jacobian does not depend on blocks that the field moves (others stand still in the substep)."""
    moved = [name for name, _ in move.rates.rows]
    return not any(f"state {k}" in context.jacobian(move.rates, i, j).key for i in moved for j in moved for k in moved)


def volume_preserving(context: Context, plan: Plan, move: Move, setting: Setting) -> Outcome:
    """One substep has determinant 1 or -1."""
    if is_cascade(move):
        return by("shear", f"no block that `{move.field}` moves enters its own rate")
    field = structure.divergence_free(context, move.rates)
    if move.is_exact and isinstance(field, Proof):
        return by("exact flow", f"the flow of the divergence-free part `{move.field}` keeps volume", field)
    if _is_rotation(context, move):
        return by("orthogonal step", f"`{move.field}` is linear and skew, and its method keeps x'x",
                  *solved(context, move, setting))
    if context.model.pairs and structure.unpaired(context, move.rates) is None:
        outcome = symplectic(context, plan, move, setting)
        if isinstance(outcome, Proof):
            return by("volume of a symplectic map", "a symplectic substep keeps volume", outcome)
    if isinstance(field, Proof) and is_straight(context, move):
        return by("straight flow", f"`{move.field}` keeps its rates along its lines, and has no divergence", field)
    if keeps_volume(context, move):
        return by("volume of a midpoint step", f"the Jacobian of `{move.field}` is a skew map after a symmetric one",
                  *solved(context, move, setting))
    if _has_unit_determinant(context, move):
        return by("step in closed form", f"the Jacobian of the substep of `{move.field}` has the determinant 1")
    return field if isinstance(field, str) else "the field has no divergence, but its method is not shown to keep volume"


def _is_rotation(context: Context, move: Move) -> bool:
    """A linear skew field on the moved blocks and a method with R(z) R(-z) = 1: the step is an orthogonal matrix."""
    if move.table is None or not (is_symplectic(move.table) or (not move.is_timed and is_reflexive(move.table))):
        return False
    moved = [name for name, _ in move.rates.rows]
    return is_linear(context, move) and all(
        (context.jacobian(move.rates, i, j) + context.jacobian(move.rates, j, i).T).is_zero() for i in moved for j in moved)


def _has_unit_determinant(context: Context, move: Move) -> bool:
    """For scalar blocks and explicit methods."""
    after, moved = formula(context, move), [name for name, _ in move.rates.rows]
    if after is None or len(moved) > MOST_ROWS or any(context.space(name) != SCALAR for name in moved):
        return False
    try:
        entries = [[context.jacobian(after, i, j).scalar() for j in moved] for i in moved]
        return is_identically_zero(determinant(entries) - ONE)
    except (TooLarge, Unsupported):
        return False


# --- symmetries -------------------------------------------------------------------------------------------------


def equivariant(context: Context, move: Move, action: str | Node, setting: Setting) -> Outcome:
    if isinstance(action, Node):
        if isinstance(move.advance, Relax | DiscreteGradient):
            return "relaxation and discrete gradients are not shown to commute with a named matrix"
        field = structure.matrix_equivariant(context, move.rates, action)
        return field if isinstance(field, str) else commutes(context, move, field, "multiplication by the matrix", setting)
    if action == "sign":
        field = structure.sign_equivariant(context, move.rates)
    else:
        field = structure.commuting(context, move.rates, action)
    if isinstance(field, str):
        return field
    return commutes(context, move, field, action, setting)


def commutes(context: Context, move: Move, field: Proof, action: str, setting: Setting) -> Outcome:
    """The substep of a field that commutes with orthogonal maps g, each acting block by block."""
    if isinstance(move.advance, Relax) and not _is_length(move.advance.invariant):
        return "the relaxed quadratic is not shown to be the same for x and g x"
    if isinstance(move.advance, DiscreteGradient) and any(pair.is_halved for pair in context.model.pairs):
        return "the discrete gradient of a halved pair is not shown to commute with the symmetry"
    return by("equivariant method", f"the substep of `{move.field}` commutes with every {action}", field,
              *solved(context, move, setting))


def _is_length(invariant: Node) -> bool:
    """A sum of squared lengths of blocks, which orthogonal maps of the blocks keep."""
    if invariant.op == "add":
        return all(map(_is_length, invariant.args))
    if invariant.op == "power":
        return invariant.args[0].op == "state" and invariant.data[0] == 2
    return invariant.op == "dot" and invariant.args[0] == invariant.args[1] and invariant.args[0].op == "state"


def palindrome(context: Context, substeps: list[Move], setting: Setting) -> Outcome:
    """Phi_h^-1 = Phi_-h: read backwards, the substeps are the adjoints of those read forwards.

    The step back starts at the time where the step ends, a whole step after its start, and runs through the same substeps. So the
    one that undoes a substep over the times [a, b] has the times [1 - a', 1 - b'], [a', b'] being those of its mirror image:
    b = 1 - a' and a = 1 - b'. So coefficients of the part with the clock add up to 1, unless nothing sees the clock.
    """
    solutions: dict[tuple[str, str], tuple[Proof, ...]] = {}
    for one, other in zip(substeps, reversed(substeps), strict=True):
        is_same = one.field == other.field
        if one.coefficient != other.coefficient or (not is_same and (one.rates != other.rates or one.is_timed)):
            return "the composition does not read the same backwards"
        if one.is_timed and (one.times[0] + other.times[1] != 1 or one.times[1] + other.times[0] != 1):
            return f"`{one.field}` depends on time, and on the way back it is met at other times"
        if not _are_adjoint(one, other):
            return f"the method of part `{one.field}` is not symmetric" if is_same else \
                f"the methods of `{one.field}` and `{other.field}` are not each other's adjoint"
        if not one.is_exact and one.key not in solutions:
            solutions[one.key] = solved(context, one, setting, is_two_sided=True)
    return by("palindrome", "the composition read backwards is made of the adjoints of its substeps",
              *(proof for found in solutions.values() for proof in found))


def _are_adjoint(one: Move, other: Move) -> bool:
    if one.is_exact or other.is_exact:
        return one.is_exact and other.is_exact and one.advance == other.advance
    if isinstance(one.advance, DiscreteGradient):
        return one.advance == other.advance
    return one.table is not None and other.table is not None and are_adjoint(one.table, other.table)


def reversible(context: Context, substeps: list[Move], setting: Setting) -> Outcome:
    """R Phi R = Phi^-1 for one step."""
    outline = palindrome(context, substeps, setting)
    if isinstance(outline, str):
        return outline
    premises = [outline]
    for move in {move.field: move for move in substeps}.values():
        if move.is_timed:
            return f"part `{move.field}` depends on time within a step"
        field = structure.reversible(context, move.rates)
        if isinstance(field, str):
            return f"part `{move.field}`: {field}"
        premises.append(field)
    return by("reversible composition", "a symmetric composition of reversible substeps", *premises)
