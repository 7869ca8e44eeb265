"""A whole step in closed form: quantities that no substep keeps, but all of them together."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.scalars import Scalar, TooLarge, Unsupported
from odenet.algebra.setting import Setting
from odenet.ir.node import Node
from odenet.proof.context import Context, Outcome, substituted
from odenet.proof.maps.formula import euler_move, formula
from odenet.proof.maps.substeps import Move
from odenet.proof.rules import by
from odenet.proof.spelling import shortened

MOST_SUBSTEPS = 8


def changes(context: Context, substeps: list[Move], invariant: Node, setting: Setting | None) -> Outcome | None:
    """I(Phi(x)) - I(x) = 0 for one step Phi or, where there is a setting to decide it in, <= 0; None where that is not shown."""
    change = _change(context, substeps, invariant)
    if change is None:
        return None
    if context.is_zero(change):
        return by("step in closed form", "the formula of a whole step leaves the invariant as it was")
    if setting is None or not is_nonnegative(-change, setting):
        return None
    return by("step in closed form", f"the change of a whole step is {shortened(change.key)} <= 0")


def _change(context: Context, substeps: list[Move], invariant: Node) -> Scalar | None:
    """For explicit substeps and exact shears, with nothing that moves within the step."""
    if len(substeps) > MOST_SUBSTEPS or any(move.is_timed for move in substeps):
        return None
    values: dict[str, Node] = {}
    for move in substeps:
        after = formula(context, euler_move(move, Fraction(1)) if move.is_exact and move.is_shear else move)
        if after is None:
            return None
        values |= {name: substituted(node, values) for name, node in after.rows}
    try:
        return context.form(substituted(invariant, values)).scalar() - context.form(invariant).scalar()
    except (TooLarge, Unsupported):
        return None
