"""From claims to findings: dispatch by property, guards, the refuter, budgets."""
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.scalars import ONE, ZERO, Scalar, TooLarge, Unsupported
from odenet.algebra.setting import Setting
from odenet.ir.model import Claim, Model
from odenet.ir.node import Node, number, scale
from odenet.ir.sizes import SCALAR
from odenet.operators.properties import PAIRED
from odenet.plan.steps import Plan, Relax
from odenet.proof import curvature, definitions, domains, shorter
from odenet.proof.budget import OutOfTime, limit
from odenet.proof.claimed import subject_blocks
from odenet.proof.context import Context, Outcome, Rates
from odenet.proof.fields import integrals, metric, structure
from odenet.proof.fields.definite import is_not_definite, keeps_quadratics, stops
from odenet.proof.finding import Finding, Proof, Witness
from odenet.proof.maps import bijections, cocoercive, constants, invariants, orthant, whole
from odenet.proof.maps import structure as maps
from odenet.proof.maps.substeps import Move, NoSolution, each, moves
from odenet.proof.potentials import spelled
from odenet.proof.rules import by, readable
from odenet.proof.sets import Members, members

DEFAULT_SECONDS = 10.0
_RAISE = "--seconds"
Watch = Callable[[Claim, int, int], None]  # (claim, how many are done, how many there are), called before each claim


def verify(model: Model, plans: dict[str, Plan], seconds: float = DEFAULT_SECONDS,
           watch: Watch | None = None) -> tuple[Finding, ...]:
    """The verdict on every claim of a model, in order. `seconds` is the budget of each claim, in computing time."""
    prover = Prover(model, plans)
    found = []
    for done, claim in enumerate(model.claims):
        if watch is not None:
            watch(claim, done, len(model.claims))
        found.append(prover.find(claim, seconds))
    return tuple(found)


def _unfinished(seconds: float) -> str:
    return f"did not end within the budget of {seconds:g} s; `{_RAISE} {4 * seconds:g}` gives it more time"


class Prover:
    """Proves or refutes the claims of one model."""

    def __init__(self, model: Model, plans: dict[str, Plan]) -> None:
        self.model = model
        self.plans = plans
        self.context = Context(model)

    @cached_property
    def members(self) -> Members:
        """That the sets of the parameters have members: without them no claim says anything."""
        return members(self.model)

    def find(self, claim: Claim, seconds: float = DEFAULT_SECONDS) -> Finding:
        """The finding on one claim, within `seconds` of computing; with the conjugate pairs, where it speaks of several."""
        pairs = self._pairs(claim) if claim.property in PAIRED else ()
        return replace(self._find(claim, seconds), pairs=pairs if len(pairs) > 1 else ())

    def _pairs(self, claim: Claim) -> tuple[str, ...]:
        used = subject_blocks(self.model, claim)
        return tuple(f"{pair.position} by halves" if pair.is_halved else f"({pair.position}, {pair.momentum})"
                     for pair in self.model.pairs if {pair.position, pair.momentum} & set(used))

    def _find(self, claim: Claim, seconds: float) -> Finding:
        """The finding on one claim.

        At most three quarters are for what the rules reach, the rest for the check of the proof, or for a witness and its check.
        """
        began = time.perf_counter()
        computed = time.process_time()
        if self.members.faults:  # `driver` does not let such a model come here
            return Finding(claim, "undecided", "", self.members.faults[0].message, time.perf_counter() - began)
        outcome = self.reached(claim, seconds)
        left = seconds - (time.process_time() - computed)
        if isinstance(outcome, Proof):
            return self._accepted(claim, outcome, began, left, seconds)
        witness = outcome if isinstance(outcome, Witness) else self._attack(claim, left)
        problem = self._unconfirmed(claim, outcome, left, seconds) if isinstance(outcome, Witness) else ""
        if problem:
            witness, outcome = None, problem
        spent = time.perf_counter() - began
        if witness is not None:
            return Finding(claim, "refuted", "witness", f"{witness.quantity} is {witness.value}, not {witness.expected}", spent,
                           witness=witness, advice=self._advice(claim, seconds - (time.process_time() - computed), seconds))
        assert isinstance(outcome, str)
        stopped = (f"; the search for a witness ended with the budget of {seconds:g} s, `--seconds {4 * seconds:g}` lets it go on"
                   if spent >= seconds and _RAISE not in outcome else "")
        return Finding(claim, "undecided", "", readable(outcome) + stopped, spent,
                       advice=self._advice(claim, seconds - (time.process_time() - computed), seconds))

    def proves(self, claim: Claim, seconds: float = DEFAULT_SECONDS) -> bool:
        """Whether a claim is proved, and its proof accepted; nothing is refuted here."""
        computed = time.process_time()
        outcome = self.reached(claim, seconds)
        left = seconds - (time.process_time() - computed)
        return isinstance(outcome, Proof) and self._accepted(claim, outcome, 0.0, left, seconds).verdict == "proved"

    def _unconfirmed(self, claim: Claim, witness: Witness, left: float, seconds: float) -> str:
        """Why a witness that the rules found does not count; empty where the independent check confirms it."""
        from odenet.recheck.witness import Rejected, recheck_witness

        try:
            with limit(max(left, 0)):
                recheck_witness(self.model, self.plans, claim, witness.as_json())
        except Rejected:
            return f"{witness.quantity} is {witness.value}, which the independent check does not confirm, so it does not count"
        except OutOfTime:
            return f"by the rules {witness.quantity} is not {witness.expected}, but the check of that {_unfinished(seconds)}"
        return ""

    def _accepted(self, claim: Claim, proof: Proof, began: float, left: float, seconds: float) -> Finding:
        """A proof counts when the independent checker accepts its certificate, within what is left of the budget."""
        from odenet.proof.certificate import certificate
        from odenet.recheck import Rejected

        potential = next((spelled(node) for name, node in proof.data if name == "potential"), "")
        finding = Finding(claim, "proved", proof.rule, proof.statement, 0.0, proof=proof, lemmas=self.context.lemmas(),
                          potential=potential)
        try:
            with limit(max(left, 0)):
                written = certificate(self.model, self.plans, finding, self.members)
        except Rejected as why:
            found = f"{finding.rule}: {proof.statement}" if finding.potential else finding.rule
            reason = f"a proof was found ({found}), which the independent checker does not confirm ({why}), so it does not count"
            return Finding(finding.claim, "undecided", "", reason, time.perf_counter() - began, potential=finding.potential)
        except OutOfTime:
            reason = f"the rules prove it ({finding.rule}), but the check of the proof {_unfinished(seconds)}"
            return Finding(finding.claim, "undecided", "", reason, time.perf_counter() - began, potential=finding.potential)
        return replace(finding, certificate=written, seconds=time.perf_counter() - began)

    def reached(self, claim: Claim, seconds: float) -> Outcome | Witness:
        """What the rules reach within the proof's share of a budget."""
        share = 3 * seconds / 4
        self.context.settings.clear()
        try:
            with limit(share):
                return self.outcome(claim)
        except Unsupported as problem:
            return f"{problem} has no normal form here"
        except TooLarge as problem:
            return f"{problem} grew too large"
        except NoSolution as problem:
            return str(problem)
        except OutOfTime:
            self.context = Context(self.model)  # what was half done is thrown away
            return f"the rules were not through after {share:.3g} s; `{_RAISE} {4 * seconds:g}` gives them more time"

    def _attack(self, claim: Claim, seconds: float) -> Witness | None:
        from odenet.proof.refute import refute

        try:
            with limit(max(seconds, 0)):
                return refute(self.model, claim, self.plans.get(claim.subject), seconds, self.plans)
        except OutOfTime:
            return None

    def _advice(self, claim: Claim, left: float, seconds: float) -> str:
        """The step bound that a flow breaks, and the edit, in a fifth of the budget at most."""
        if claim.kind != "flow":
            return ""
        try:
            with limit(min(max(left, seconds / 10), seconds / 5)):
                return shorter.advice(self.context, self.plans[claim.subject], claim, self._with_steps)
        except OutOfTime:
            self.context = Context(self.model)
            return ""

    def _with_steps(self, claim: Claim, plan: Plan, assumed: tuple[Scalar, ...]) -> Outcome:
        setting = self.context.setting((), *assumed)
        substeps = moves(self.context, plan)
        problem = self._obstacle(tuple(node for move in substeps for _, node in move.rates.rows), claim, setting)
        return problem or _FLOWS[claim.property](self, plan, substeps, claim, setting)

    def outcome(self, claim: Claim) -> Outcome | Witness:
        """A proof, a witness, or what is missing."""
        if claim.kind == "field":
            return self._field(claim)
        if claim.kind == "flow":
            return self._flow(claim)
        return self._net(claim) if claim.kind == "net" else self._definition(claim)

    # --- fields -----------------------------------------------------------------------------------------------

    def _field(self, claim: Claim) -> Outcome:
        rates = self.context.rates(claim.fields)
        setting = self.context.setting(claim.region)
        problem = self._obstacle(tuple(node for _, node in rates.rows), claim, setting)
        if problem:
            return problem
        return _FIELDS[claim.property](self, rates, claim, setting)

    def _obstacle(self, nodes: tuple[Node, ...], claim: Claim, setting: Setting) -> str | None:
        invariants = tuple(a for a in claim.arguments if isinstance(a, Node))
        return domains.obstacle(self.context, nodes + invariants, setting, _where(claim))

    # --- flows ------------------------------------------------------------------------------------------------

    def _flow(self, claim: Claim) -> Outcome | Witness:
        plan = self.plans[claim.subject]
        if claim.property == "order":
            return self._order(claim, plan)
        substeps = moves(self.context, plan)
        setting = self.context.setting()
        problem = self._obstacle(tuple(node for move in substeps for _, node in move.rates.rows), claim, setting)
        if problem:
            return problem
        return _FLOWS[claim.property](self, plan, substeps, claim, setting)

    def _order(self, claim: Claim, plan: Plan) -> Outcome | Witness:
        from odenet.schemes.order import flow_order

        value = self._scalar(claim, 0).value()
        if value is None:
            return "an order that depends on a size is not shown for all sizes"
        wanted = int(value)
        result = flow_order(self.model, plan.flow, wanted)
        answer = result.at_least(wanted)
        if answer:
            premises, moving = [], []
            for index, (part, advance) in enumerate(zip(plan.flow.parts, plan.advances, strict=True)):
                if isinstance(advance, Relax):  # the order of `relax` holds for fields that keep its invariant
                    rates = self.context.rates((part.field,))
                    kept = integrals.preserves(self.context, rates, advance.invariant)
                    if isinstance(kept, str):
                        return f"the order of `relax` needs a field that keeps its invariant; of `{part.field}`: {kept}"
                    if is_not_definite(self.context, rates, advance.invariant):
                        return f"the order of `relax` needs a quadratic that is definite on the blocks that `{part.field}` moves"
                    if index == 0 and self.model.is_timed(rates.rows) and not keeps_quadratics(advance):  # the others' clocks stand
                        if stops(self.context, rates, plan.flow):
                            return f"the order of `relax` needs a field that does not stop; `{part.field}` is zero at a time"
                        moving.append(f"`{part.field}` is zero only where it is so at all times")
                    premises.append(kept)
            conditions = tuple(f"assumes {text}" for text in (*result.assumes, *moving))
            statement = f"order {result.order} by the conditions up to {wanted}"
            if result.is_exact:
                statement = "a step is the exact flow: it has every order"
            return by("order conditions", statement, *premises, conditions=conditions)
        if answer is None:
            return f"the order is at least {result.order}; no condition of order {wanted} is shown to fail"
        values = () if result.shown_by is None else (result.shown_by,)
        return Witness((), values, f"the coefficient of {result.condition} minus that of the exact flow", str(result.residual), "0")

    # --- nets and defs ----------------------------------------------------------------------------------------

    def _net(self, claim: Claim) -> Outcome:
        from odenet.proof import networks

        return networks.prove(self.context, self.plans, claim, self._flow)

    def _definition(self, claim: Claim) -> Outcome:
        definition = self.model.definition(claim.subject)
        setting = self.context.setting(claim.region)
        problem = self._obstacle((definition.body,), claim, setting)
        if not problem and claim.property == "convex" and curvature.is_convex(self.context, definition.body, setting):
            return by("convex composition", f"`{definition.name}` is convex by its parts")
        problem = problem or domains.jump(definition.body, definitions.gradients(self.context, definition))
        if problem:
            return problem
        if claim.property == "convex":
            return definitions.convex(self.context, definition, setting)
        return definitions.smooth(self.context, definition, self._scalar(claim, 0), setting)

    def _bound(self, claim: Claim, setting: Setting) -> Scalar:
        """The constant of a claim, with |z| written as z or -z where the sign of z is known."""
        known: dict[Node, Node] = {}
        for inner in _node(claim).walk():
            known[inner] = Node(inner.op, tuple(known[a] for a in inner.args), inner.data, inner.space)
            if inner.data == ("abs",) and inner.space == SCALAR:
                z = self.context.translator.scalar(known[inner.args[0]])
                sign = 1 if is_nonnegative(z, setting, 2) else -1 if is_nonnegative(-z, setting, 2) else 0
                known[inner] = scale(number(sign), known[inner.args[0]]) if sign else known[inner]
        return self.context.translator.scalar(known[_node(claim)])

    def _scalar(self, claim: Claim, index: int) -> Scalar:
        argument = claim.arguments[index]
        assert isinstance(argument, Node)
        return self.context.translator.scalar(argument)


def _where(claim: Claim) -> str:
    """What helps where something is not shown to be positive."""
    if claim.kind in ("flow", "net"):
        return " for all states, and a step may leave a region" if claim.region else " for all states, where a step may come"
    return " on the region of the claim" if claim.region else "; say where the claim holds with `on`"


# --- one row for each property ----------------------------------------------------------------------------------


def _norm(claim: Claim) -> str:
    return str(dict(claim.keywords).get("norm", "2"))


def _number(node: Node | str) -> Fraction | None:
    return node.data[0] if isinstance(node, Node) and node.op == "number" else None


def _node(claim: Claim) -> Node:
    argument = claim.arguments[0]
    assert isinstance(argument, Node)
    return argument


def _gradient(p: Prover, rates: Rates, claim: Claim, setting: Setting) -> Outcome:
    if claim.arguments:
        return structure.gradient_of(p.context, rates, _node(claim))
    return structure.gradient(p.context, rates, claim.region)


def _hamiltonian(p: Prover, rates: Rates, claim: Claim, setting: Setting) -> Outcome:
    if claim.arguments:
        return structure.hamiltonian_of(p.context, rates, _node(claim))
    return structure.hamiltonian(p.context, rates, claim.region)


def _equivariant(p: Prover, rates: Rates, claim: Claim, setting: Setting) -> Outcome:
    action, region = claim.arguments[0], setting if claim.region else None
    if action == "sign":
        return structure.sign_equivariant(p.context, rates, region)
    if isinstance(action, str) and action in structure.ACTIONS:
        return structure.commuting(p.context, rates, action)
    assert isinstance(action, Node)
    return structure.matrix_equivariant(p.context, rates, action, region)


FieldRule = Callable[[Prover, Rates, Claim, Setting], Outcome]
_FIELDS: dict[str, FieldRule] = {
    "divergence_free": lambda p, f, c, s: structure.divergence_free(p.context, f),
    "gradient": _gradient,
    "hamiltonian": _hamiltonian,
    "reversible": lambda p, f, c, s: structure.reversible(p.context, f, s if c.region else None),
    "equivariant": _equivariant,
    "contractive": lambda p, f, c, s: metric.contractive(p.context, f, p._bound(c, s), s, _norm(c)),
    "nonexpansive": lambda p, f, c, s: metric.contractive(p.context, f, ZERO, s, _norm(c)),
    "lipschitz": lambda p, f, c, s: metric.lipschitz(p.context, f, p._bound(c, s), s, _norm(c)),
    "preserves": lambda p, f, c, s: integrals.preserves(p.context, f, _node(c)),
    "dissipates": lambda p, f, c, s: integrals.dissipates(p.context, f, _node(c), s),
    "positive": lambda p, f, c, s: integrals.positive(p.context, f, s),
}


def _map_lipschitz(p: Prover, plan: Plan, m: list[Move], claim: Claim, setting: Setting) -> Outcome:
    bound = ONE if claim.property == "nonexpansive" else p._bound(claim, setting)
    return constants.lipschitz(p.context, m, plan.flow.steps, bound, setting, _norm(claim))


def _map_preserves(p: Prover, plan: Plan, m: list[Move], claim: Claim, setting: Setting) -> Outcome:
    outcome = each(m, lambda move: invariants.preserves(p.context, move, _node(claim), setting), "keeps the invariant")
    return outcome if isinstance(outcome, Proof) else whole.changes(p.context, m, _node(claim), None) or outcome


def _map_dissipates(p: Prover, plan: Plan, m: list[Move], claim: Claim, setting: Setting) -> Outcome:
    outcome = each(m, lambda move: invariants.dissipates(p.context, move, _node(claim), setting), "does not raise it")
    return outcome if isinstance(outcome, Proof) else whole.changes(p.context, m, _node(claim), setting) or outcome


def _map_averaged(p: Prover, plan: Plan, m: list[Move], claim: Claim, setting: Setting) -> Outcome:
    share = p._scalar(claim, 0)
    if share == ONE:  # (1-a) I + a N with a = 1
        return constants.lipschitz(p.context, m, plan.flow.steps, ONE, setting)
    return cocoercive.averaged(p.context, m, plan.flow.steps, share, setting)


def _map_equivariant(p: Prover, plan: Plan, m: list[Move], claim: Claim, setting: Setting) -> Outcome:
    action = claim.arguments[0]
    what = claim.text.removeprefix("equivariant(").removesuffix(")") if isinstance(action, Node) else f"every {action}"
    return each(m, lambda move: maps.equivariant(p.context, move, action, setting), f"commutes with {what}")


FlowRule = Callable[[Prover, Plan, list[Move], Claim, Setting], Outcome]
_FLOWS: dict[str, FlowRule] = {
    "symplectic": lambda p, plan, m, c, s: each(m, lambda x: maps.symplectic(p.context, plan, x, s), "is symplectic"),
    "volume_preserving": lambda p, plan, m, c, s: each(m, lambda x: maps.volume_preserving(p.context, plan, x, s), "keeps volume"),
    "preserves": _map_preserves,
    "dissipates": _map_dissipates,
    "lipschitz": _map_lipschitz,
    "nonexpansive": _map_lipschitz,
    "averaged": _map_averaged,
    "positive": lambda p, plan, m, c, s: each(m, lambda x: orthant.positive(p.context, x, s), "keeps the orthant"),
    "equivariant": _map_equivariant,
    "reversible": lambda p, plan, m, c, s: maps.reversible(p.context, m, s),
    "symmetric": lambda p, plan, m, c, s: maps.palindrome(p.context, m, s),
    "invertible": lambda p, plan, m, c, s: each(m, lambda x: bijections.invertible(p.context, x, s), "is a bijection"),
}
