"""Claims about nets: each stage has its facts, flows among the stages are proved as flows."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from odenet.algebra.scalars import ONE, Scalar
from odenet.ir.model import Claim, Net
from odenet.ir.node import Node, number, state, states
from odenet.plan.steps import Plan
from odenet.proof.context import Context, Outcome
from odenet.proof.finding import Proof
from odenet.proof.maps import cocoercive, constants, definitions, nets
from odenet.proof.maps.substeps import moves

FlowProver = Callable[[Claim], Any]  # the outcome of a claim about a flow


def prove(context: Context, plans: dict[str, Plan], claim: Claim, prove_flow: FlowProver) -> Outcome:
    """A proof of a claim about a net, or what is missing."""
    outcome = _Net(context, plans, claim, prove_flow).outcome()
    if isinstance(outcome, str):
        return outcome
    return replace(outcome, conditions=outcome.conditions + nets.room(context, context.model.net(claim.subject)))


class _Net:
    """One claim about one net."""

    def __init__(self, context: Context, plans: dict[str, Plan], claim: Claim, prove_flow: FlowProver) -> None:
        self.context, self.plans, self.claim, self.prove_flow = context, plans, claim, prove_flow
        self.net: Net = context.model.net(claim.subject)
        self.setting = context.setting()
        self.order = str(dict(claim.keywords).get("norm", "2"))

    def outcome(self) -> Outcome:
        name = self.claim.property
        if name in ("lipschitz", "nonexpansive"):
            return self._lipschitz(ONE if name == "nonexpansive" else self._bound())
        if name == "averaged":
            bound = self._bound()
            return self._lipschitz(ONE) if bound == ONE else nets.averaged(self.context, self.net, bound, self.setting, self._share)
        if name == "equivariant":
            return self._equivariant()
        if name in ("preserves", "dissipates"):
            return self._quantity()
        has, what = nets.PROPERTIES[name]
        stages, own = None, None
        if name == "positive":
            stages, own = nets.from_last_range(self.net), lambda stage: definitions.is_positive(self.context, stage, self.setting)
        return nets.composed(self.context, self.net, self.setting, has, what, lambda flow: self._flow(flow, name), own, stages)

    def _bound(self) -> Scalar:
        argument = self.claim.arguments[0]
        assert isinstance(argument, Node)
        return self.context.translator.scalar(argument)

    def _flow(self, flow: str, name: str, *arguments: Node | str) -> Outcome:
        keywords = self.claim.keywords if name == "lipschitz" else ()
        inner = replace(self.claim, subject=flow, kind="flow", property=name, arguments=arguments, keywords=keywords)
        return self.prove_flow(inner)  # type: ignore[no-any-return]

    # --- constants ------------------------------------------------------------------------------------------------

    def _lipschitz(self, bound: Scalar) -> Outcome:
        """With 1 for each flow that has it; where that is not enough, with the product of its steps' constants."""
        outcome: Outcome = ""
        for constant in (self._constant, self._number):
            outcome = nets.lipschitz(self.context, self.net, bound, self.setting, self.order, constant)
            if isinstance(outcome, Proof):
                break
        return outcome

    def _constant(self, flow: str) -> tuple[Scalar, Proof] | str:
        outcome = self._flow(flow, "lipschitz", number(1))
        return (ONE, outcome) if isinstance(outcome, Proof) else self._number(flow)

    def _number(self, flow: str) -> tuple[Scalar, Proof] | str:
        plan = self.plans[flow]
        bound = constants.upper(self.context, moves(self.context, plan), plan.flow.steps, self.setting, self.order)
        value = None if bound is None else bound.value()
        found = self._flow(flow, "lipschitz", number(1 if value is None else value))
        return (bound if bound is not None and value is not None else ONE, found) if isinstance(found, Proof) else found

    def _share(self, flow: str) -> tuple[Fraction, Proof] | str:
        plan = self.plans[flow]
        share = cocoercive.least_share(self.context, moves(self.context, plan), plan.flow.steps, self.setting)
        if isinstance(share, str):
            return share
        outcome = self._flow(flow, "averaged", number(share / (1 + share)))
        return (share, outcome) if isinstance(outcome, Proof) else outcome

    # --- symmetries and quantities ----------------------------------------------------------------------------------

    def _equivariant(self) -> Outcome:
        action = self.claim.arguments[0]
        return nets.composed(self.context, self.net, self.setting, lambda f: isinstance(action, str) and action in f.commutes,
                             f"commute with every {action}", lambda flow: self._flow(flow, "equivariant", action),
                             lambda stage: definitions.commutes(self.context, stage, self.setting, action))

    def _quantity(self) -> Outcome:
        """The sum of all entries or the length, of whichever block they are written; or, where all stages are flows, a quantity
        of their block."""
        name, quantity = self.claim.property, self.claim.arguments[0]
        assert isinstance(quantity, Node)
        has, what = nets.PROPERTIES[name]
        kind = nets.quantity(quantity)
        if kind != ("sum" if name == "preserves" else "length"):
            has, what = (lambda _: False), f"have `{name}` of this quantity, which is known of flows only"

        def flow(stage: str) -> Outcome:
            block = self.context.model.flow(stage).blocks[0]
            if not kind and states(quantity) - {block}:
                return f"it moves `{block}`, and the quantity is of another block"
            return self._flow(stage, name, nets.on_block(kind, quantity, state(block, self.context.model.block(block).space)))

        return nets.composed(self.context, self.net, self.setting, has, what, flow)
