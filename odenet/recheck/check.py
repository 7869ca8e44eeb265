"""`recheck`: one proved claim against its certificate."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

from odenet.ir.model import Claim, Model
from odenet.ir.node import Node, number, scale
from odenet.ir.sizes import SCALAR
from odenet.plan.steps import Plan
from odenet.recheck.case import Case, Goal
from odenet.recheck.convexity import convex_composition
from odenet.recheck.fields import FIELD_RULES
from odenet.recheck.maps import MAP_RULES
from odenet.recheck.moves import one_solution
from odenet.recheck.orders import order_conditions
from odenet.recheck.scalars import Rejected, Scalar
from odenet.recheck.sets import have_members, needed_for_sets
from odenet.recheck.shorter import Lemma, Walk
from odenet.recheck.signs import Signs

_OF_DEFS = {"principal minors": ("field", "def"), "hessian": ("def",)}


def _of_fields(name: str, rule: Any) -> Any:
    """Rules about right-hand sides and defs prove nothing of maps."""
    def check(case: Case, goal: Goal, step: Any) -> None:
        case.demand(goal.kind in _OF_DEFS.get(name, ("field",)), "the rule is not about this")
        rule(case, goal, step)

    return check


RULES: dict[str, Any] = {**{name: _of_fields(name, rule) for name, rule in FIELD_RULES.items()},
                         **MAP_RULES, "one solution": one_solution, "order conditions": order_conditions,
                         "convex composition": convex_composition}
_MALFORMED = (LookupError, StopIteration, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, RuntimeError,
              MemoryError)


def recheck(model: Model, plans: dict[str, Plan], claim: Claim, certificate: Any) -> tuple[str, ...]:
    """Check a certificate against the spec alone, without search; the conditions that the proof rests on.

    Raises:
        Rejected: it does not prove the claim.
    """
    try:
        return _recheck(model, plans, claim, certificate)
    except _MALFORMED as error:
        raise Rejected(f"the certificate is not well formed ({type(error).__name__})") from error


def _recheck(model: Model, plans: dict[str, Plan], claim: Claim, certificate: Any) -> tuple[str, ...]:
    if set(certificate) - {"sets"} != {"claim", "lemmas", "proof"}:
        raise Rejected("the certificate is not well formed")
    if certificate["claim"] != claim_data(claim):
        raise Rejected("the certificate is about another claim")
    have_members(model, certificate.get("sets", []))
    case = Case(model, plans, _region(claim), RULES)
    for where, depth, scalar, evidence in certificate["lemmas"]:
        _accept(case, where, depth, case.data.read(scalar), case.data.read(evidence))
    asked = Walk(case, lambda: goal_of(case, claim), certificate["proof"]).through()
    if len(asked) != len(certificate["lemmas"]):
        raise Rejected("a lemma is not needed")
    return tuple(dict.fromkeys(case.conditions))


def trimmed(model: Model, plans: dict[str, Plan], claim: Claim, certificate: dict[str, Any]) -> dict[str, Any]:
    """The same certificate with the lemmas that its proof cannot do without, and no others. Raises Rejected."""
    sets = needed_for_sets(model, certificate.get("sets", []))
    case = Case(model, plans, _region(claim), RULES)
    lemmas: list[tuple[Lemma, list[Any]]] = []
    for where, depth, scalar, evidence in certificate["lemmas"]:
        read = case.data.read(scalar)
        _accept(case, where, depth, read, case.data.read(evidence))
        on_region, is_orthant, is_strict = PLACES[where]
        lemma = ((on_region, is_orthant), is_strict), read if is_strict else (read, depth)
        lemmas.append((lemma, [where, depth, scalar, evidence]))
    walk = Walk(case, lambda: goal_of(case, claim), certificate["proof"])
    needed = walk.shortest([lemma for lemma, _ in lemmas])
    found = certificate | {"lemmas": [data for lemma, data in lemmas if lemma in needed], "sets": sets}
    return found if sets else {name: value for name, value in found.items() if name != "sets"}


def claim_data(claim: Claim) -> dict[str, Any]:
    """What names a claim in its certificate."""
    return {"line": claim.line, "subject": " + ".join(claim.fields) or claim.subject, "property": claim.text,
            "region": claim.region_text}


STRICT_DEPTH = 3
PLACES = {f"{region}{orthant}{strict}": (region == "region", bool(orthant), bool(strict))
          for region in ("free", "region") for orthant in ("", " orthant") for strict in ("", " strict")}


def _accept(case: Case, where: str, depth: int, scalar: Any, evidence: Any) -> Signs:
    """Check one lemma: where it holds, how deep the prover looked, what is >= 0 (or > 0), and why."""
    on_region, is_orthant, is_strict = PLACES[where]
    if not isinstance(scalar, Scalar) or not isinstance(depth, int):
        raise Rejected("a lemma is not well formed")
    signs = case.settings[on_region, is_orthant]
    if is_strict:
        case.demand(depth == STRICT_DEPTH, "a lemma is not well formed")
        signs.accept_strict(scalar, evidence)
    else:
        signs.accept(scalar, depth, evidence)
    return signs


def _region(claim: Claim) -> Any:
    """Substeps of a flow may leave a region, so what is shown of maps is shown everywhere."""
    return claim.region if claim.kind in ("field", "def") else ()


def goal_of(case: Case, claim: Claim) -> Goal:
    """The goal that a claim is; the expressions it speaks of are defined and continuous there."""
    norm = str(dict(claim.keywords).get("norm", "2"))
    rows = case.rows(claim.fields) if claim.kind == "field" else ()
    goal = Goal(claim.kind, claim.property, claim.arguments, norm, rows, claim.subject, _region(claim))
    nodes = tuple(node for _, node in rows) + tuple(a for a in claim.arguments if not isinstance(a, str))
    if claim.kind == "def":
        nodes = (case.model.definition(claim.subject).body,)
    if claim.kind == "flow":
        nodes += tuple(node for part in case.model.flow(claim.subject).parts for _, node in case.model.field(part.field).rows)
    if claim.property != "order":
        case.defined(nodes, case.signs(goal))
    if claim.property in ("lipschitz", "contractive"):
        goal = replace(goal, arguments=(_without_bars(case, claim.arguments[0], case.signs(goal)),))
    return goal


def _without_bars(case: Case, root: Any, signs: Signs) -> Node:
    """A constant with |z| written as z or -z where the sign of z is known."""
    known: dict[Node, Node] = {}
    for node in root.walk():
        known[node] = Node(node.op, tuple(known[a] for a in node.args), node.data, node.space)
        if node.data == ("abs",) and node.space == SCALAR:
            z = case.reader.scalar(known[node.args[0]])
            sign = 1 if signs.holds(z, 2) else -1 if signs.holds(-z, 2) else 0
            known[node] = scale(number(sign), known[node.args[0]]) if sign else known[node]
    return known[root]
