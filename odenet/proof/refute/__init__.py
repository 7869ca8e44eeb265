"""Refuting: a claim that is false gets a witness that anyone can recompute.

A witness counts only when the violation is exact in rationals or enclosed in balls that exclude it being none, at sizes that
are positive whole numbers, with parameters certainly inside their sets and states certainly inside the region.
"""
from __future__ import annotations

from time import monotonic

from odenet.ir.model import Claim, Model
from odenet.plan.steps import Plan
from odenet.proof.finding import Witness
from odenet.proof.refute.attack import Attack
from odenet.proof.refute.curvature import DEFINITION_ATTACKS
from odenet.proof.refute.passages import FIELD_STRETCH, FLOW_ATTACKS, NET_ATTACKS
from odenet.proof.refute.pointwise import FIELD_ATTACKS
from odenet.proof.refute.relevant import Scope
from odenet.proof.refute.search import DECIDING, Search, confirmed, measured
from odenet.proof.refute.simplify import simplified
from odenet.proof.refute.witness import witness as witness_of

__all__ = ["attack_on", "refute"]

TABLES = {"field": {**FIELD_ATTACKS, "lipschitz": FIELD_STRETCH}, "flow": FLOW_ATTACKS, "net": NET_ATTACKS,
          "def": DEFINITION_ATTACKS}


def attack_on(scope: Scope) -> Attack | None:
    """How the property of a claim is attacked; None where it is not."""
    claim = scope.claim
    attack = TABLES[claim.kind].get(claim.property)
    if attack is None or not scope.is_planned:
        return None
    if (attack.continuous and not scope.is_continuous) or (attack.explicit and not scope.is_explicit):
        return None
    return attack


def refute(model: Model, claim: Claim, plan: Plan | None, seconds: float, plans: dict[str, Plan]) -> Witness | None:
    """A violation of a claim, or None where none was found (which says nothing about the claim).

    The search is the same every time: it counts trials, and the clock (`seconds`) only stops what takes far too long.

    Args:
        plan: how the flow of the claim is run; None for fields and defs.
        plans: the plans of all flows by name, for nets.
    """
    scope = Scope(model, claim, {**plans, claim.subject: plan} if plan is not None else plans)
    attack = attack_on(scope)
    if attack is None:
        return None
    deadline = monotonic() + seconds
    found = Search(scope, attack, deadline).run()
    if found is None:
        return None
    found = simplified(scope, found, lambda c: monotonic() < deadline and confirmed(scope, attack, c))
    measure = measured(scope, attack, found, DECIDING)
    return None if measure is None else witness_of(scope, found, measure)
