"""Plans: which part moves, for how long, in which order, and how each is computed."""
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odenet.ir.model import Flow, Model
    from odenet.plan.steps import Plan


def plan_flow(model: Model, flow: Flow) -> Plan:
    """The plan of a flow.

    Raises:
        Rejected: a part cannot be advanced as the flow says (codes 510 to 513).
    """
    from odenet.plan.planning import plan_flow as plan  # the records of a plan must load without the way to one

    return plan(model, flow)
