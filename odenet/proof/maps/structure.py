"""symplectic, volume_preserving, preserves, dissipates, equivariant, reversible, symmetric of flows."""
from __future__ import annotations

from odenet.algebra.forms import Form
from odenet.algebra.scalars import Scalar
from odenet.algebra.setting import Setting
from odenet.ir.node import Node, states
from odenet.plan.steps import DiscreteGradient, Plan, Relax, RungeKutta
from odenet.proof.context import Context, Outcome
from odenet.proof.fields import integrals, structure
from odenet.proof.finding import Proof
from odenet.proof.maps.substeps import Move, is_forward, solvable
from odenet.proof.rules import by
from odenet.schemes.tables import is_symmetric, is_symplectic


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
    if move.table is not None and is_symplectic(move.table):
        return by("symplectic method", f"the method of `{move.field}` is symplectic", field,
                  conditions=solvable(context, move, setting))
    return "its method is not symplectic"


def volume_preserving(context: Context, plan: Plan, move: Move, setting: Setting) -> Outcome:
    """One substep has determinant 1."""
    if move.is_shear and move.is_exact:
        return by("shear", f"the substep of `{move.field}` is a shear")
    field = structure.divergence_free(context, move.rates)
    if move.is_exact and isinstance(field, Proof):
        return by("exact flow", f"the flow of the divergence-free part `{move.field}` keeps volume", field)
    if _is_rotation(context, move):
        return by("orthogonal step", f"`{move.field}` is linear and skew, and its method keeps x'x",
                  conditions=solvable(context, move, setting))
    if context.model.pairs and structure.unpaired(context, move.rates) is None:
        outcome = symplectic(context, plan, move, setting)
        if isinstance(outcome, Proof):
            return by("volume of a symplectic map", "a symplectic substep keeps volume", outcome)
    return field if isinstance(field, str) else "the field has no divergence, but its method is not shown to keep volume"


def _is_rotation(context: Context, move: Move) -> bool:
    """A linear field with a skew Jacobian, under a method that keeps quadratic integrals: the step is an orthogonal matrix."""
    if move.table is None or not is_symplectic(move.table):
        return False
    names = [b.name for b in context.blocks_of(move.rates)]
    blocks = {(i, j): context.jacobian(move.rates, i, j) for i in names for j in names}
    return not any(_holds_state(form) for form in blocks.values()) and all(
        (blocks[i, j] + blocks[j, i].T).is_zero() for i in names for j in names)


# --- first integrals --------------------------------------------------------------------------------------------


def preserves(context: Context, move: Move, invariant: Node, setting: Setting) -> Outcome:
    """I is the same after one substep."""
    moved = {name for name, _ in move.rates.rows}
    if not states(invariant) & moved:
        return by("first integral", f"`{move.field}` does not move what the invariant reads")
    if _is_relaxed_for(context, move, invariant):
        return by("relaxation", "the relaxed step keeps its quadratic", conditions=solvable(context, move, setting))
    field = integrals.preserves(context, move.rates, invariant)
    if isinstance(field, str):
        return field
    if move.is_exact:
        return by("exact flow", f"the flow of `{move.field}` keeps the first integral", field)
    degree = degree_of(context, invariant)
    if degree == 1 and isinstance(move.advance, RungeKutta | Relax):
        return by("linear first integral", "the invariant is linear", field, conditions=solvable(context, move, setting))
    if degree == 2 and move.table is not None and is_symplectic(move.table):
        return by("symplectic method", "the invariant is quadratic", field, conditions=solvable(context, move, setting))
    if isinstance(move.advance, DiscreteGradient) and _is_potential(context, move, invariant):
        return by("discrete gradient", "the invariant is the potential", field, conditions=solvable(context, move, setting))
    return f"the field keeps the invariant, but its method is not shown to (degree {degree or 'above 2'})"


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


def degree_of(context: Context, invariant: Node) -> int:
    """1 for an affine, 2 for a quadratic invariant, 0 for anything else."""
    blocks = [b.name for b in context.model.blocks if b.name in states(invariant)]
    gradients = [context.gradient(invariant, name) for name in blocks]
    if not any(_holds_state(g) for g in gradients):
        return 1
    hessian = [context.differentiator(name).of(g) for g in gradients for name in blocks]
    return 0 if any(_holds_state(h) for h in hessian) else 2


def _holds_state(form: Form) -> bool:
    return "state " in form.key


def dissipates(context: Context, move: Move, invariant: Node, setting: Setting) -> Outcome:
    """I does not rise over one substep."""
    kept = preserves(context, move, invariant, setting)
    if isinstance(kept, Proof):
        return kept
    field = integrals.dissipates(context, move.rates, invariant, setting)
    if isinstance(field, str):
        return field
    if not is_forward(move, setting):
        return "the quantity rises in a substep that runs backwards"
    if move.is_exact:
        return by("exact flow", f"along the flow of `{move.field}` the quantity does not rise", field)
    if isinstance(move.advance, DiscreteGradient) and _is_potential(context, move, invariant):
        return by("discrete gradient", "the quantity is the potential", field, conditions=solvable(context, move, setting))
    return "the field dissipates the quantity, but its method is not shown to"


# --- symmetries -------------------------------------------------------------------------------------------------


def equivariant(context: Context, move: Move, action: str, setting: Setting) -> Outcome:
    if action == "sign":
        field = structure.sign_equivariant(context, move.rates)
    else:
        field = structure.commuting(context, move.rates, action)
    if isinstance(field, str):
        return field
    if isinstance(move.advance, Relax | DiscreteGradient) and not _is_plain_relaxation(context, move):
        return "the method is not shown to commute with the symmetry"
    return by("equivariant method", f"the substep of `{move.field}` commutes with every {action}", field,
              conditions=solvable(context, move, setting))


def _is_plain_relaxation(context: Context, move: Move) -> bool:
    """Relaxation with dot(x, x), which is the same for x and g x."""
    if not isinstance(move.advance, Relax):
        return False
    invariant = move.advance.invariant
    return invariant.op == "dot" and invariant.args[0] == invariant.args[1] and invariant.args[0].op == "state"


def palindrome(context: Context, substeps: list[Move], setting: Setting) -> Outcome:
    """Phi_h^-1 = Phi_-h: the substeps read the same backwards and each is symmetric."""
    for one, other in zip(substeps, reversed(substeps), strict=True):
        if (one.field, one.coefficient) != (other.field, other.coefficient):
            return "the composition does not read the same backwards"
    conditions: tuple[str, ...] = ()
    for move in substeps:
        if move.is_exact:
            continue
        if isinstance(move.advance, DiscreteGradient) or (move.table is not None and is_symmetric(move.table)):
            conditions += solvable(context, move, setting, is_two_sided=True)
            continue
        return f"the method of part `{move.field}` is not symmetric"
    return by("palindrome", "the composition reads the same backwards and its substeps are symmetric",
              conditions=tuple(dict.fromkeys(conditions)))


def reversible(context: Context, substeps: list[Move], setting: Setting) -> Outcome:
    """R Phi R = Phi^-1 for one step."""
    outline = palindrome(context, substeps, setting)
    if isinstance(outline, str):
        return outline
    premises = [outline]
    for move in substeps:
        if move.is_timed:
            return f"part `{move.field}` depends on time within a step"
        field = structure.reversible(context, move.rates)
        if isinstance(field, str):
            return f"part `{move.field}`: {field}"
        premises.append(field)
    return by("reversible composition", "a symmetric composition of reversible substeps", *dict.fromkeys(premises))
