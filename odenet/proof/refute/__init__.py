"""Refuting: a claim that is false gets a witness that anyone can recompute.

A witness counts only when the violation is exact in rationals or enclosed in balls that exclude it being none, at sizes that
are positive whole numbers, with parameters certainly inside their sets and states certainly inside the region.
"""
from __future__ import annotations

from itertools import islice
from time import monotonic

from odenet.ir.model import Claim, Model
from odenet.plan.steps import Plan
from odenet.proof.finding import Witness
from odenet.proof.refute.attack import Attack
from odenet.proof.refute.cases import Case
from odenet.proof.refute.curvature import DEFINITION_ATTACKS
from odenet.proof.refute.passages import FIELD_STRETCH, FLOW_ATTACKS, NET_ATTACKS
from odenet.proof.refute.pointwise import FIELD_ATTACKS
from odenet.proof.refute.relevant import Scope
from odenet.proof.refute.search import DECIDING, Search, confirmed, measured
from odenet.proof.refute.simplify import simplified
from odenet.proof.refute.witness import witness as witness_of
from odenet.recheck.witness import Rejected, recheck_witness

__all__ = ["attack_on", "refute"]

CANDIDATES = 6  # violations that the independent recheck does not see, before the search is given up

TABLES = {"field": {**FIELD_ATTACKS, "lipschitz": FIELD_STRETCH}, "flow": FLOW_ATTACKS, "net": NET_ATTACKS,
          "def": DEFINITION_ATTACKS}


def attack_on(scope: Scope) -> Attack | None:
    """How the property of a claim is attacked; None where it is not."""
    claim = scope.claim
    attack = TABLES[claim.kind].get(claim.property)
    if attack is None or not scope.is_planned:
        return None
    if attack.continuous and not scope.is_continuous:
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
    for found in islice(Search(scope, attack, deadline).run(), CANDIDATES):
        plain = simplified(scope, found, lambda c: monotonic() < deadline and confirmed(scope, attack, c))
        witness = _checked(scope, attack, plain) or _checked(scope, attack, found)
        if witness is not None:
            return witness
    return None


def _checked(scope: Scope, attack: Attack, case: Case) -> Witness | None:
    """The case as a witness, if the independent recheck finds the claim violated there too."""
    measure = measured(scope, attack, case, DECIDING)
    if measure is None:
        return None
    witness = witness_of(scope, case, measure)
    try:
        recheck_witness(scope.model, scope.known_plans, scope.claim, witness.as_json())
    except Rejected:
        return None
    return witness
