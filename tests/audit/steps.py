"""What lies between a spec and a verdict: rewritings, lemmas, the statement of each rule, and the search for witnesses."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

from flint import arb

from odenet.algebra.scalars import TooLarge, Unsupported
from odenet.algebra.translate import Translator
from odenet.driver import Loaded
from odenet.ir.model import Claim, Model
from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace
from odenet.proof.context import Context, Rates
from odenet.proof.finding import Finding
from odenet.proof.refute import refute
from odenet.recheck import Rejected, check, recheck
from odenet.recheck.case import Case, Goal
from odenet.recheck.reading import Reader
from tests.audit.arithmetic import Unsure, precision
from tests.audit.evaluate import Values, evaluate, number
from tests.audit.flows import Misfit, packed, unpacked
from tests.audit.members import Empty, Members, draw_dims
from tests.audit.properties import RULES
from tests.audit.subject import Excess, Subject, biggest, jacobian
from tests.audit.written import Written


def world(model: Model, claim: Claim, plans: Any, seed: str) -> Subject:
    """Raises Unsure where the sizes make no sense."""
    chance = Random(seed)
    return Subject(model, claim, plans, Members(model, draw_dims(model, chance), chance), chance)


# --- rewritings ----------------------------------------------------------------------------------------------------------------


def nodes(model: Model) -> list[Node]:
    """Rates and what claims speak of."""
    found = [node for f in model.fields for _, node in f.rows]
    found += [a for c in model.claims for a in c.arguments if isinstance(a, Node) and c.property != "equivariant"]
    return list(dict.fromkeys(node for node in found if not isinstance(node.space, MapSpace) and node.space.rank < 2))


def rewritings(loaded: Loaded, seed: str) -> Iterator[tuple[str, str, Excess]]:
    """Each normal form of the prover and of the checker against the node it stands for, and each Jacobian against differences."""
    model = loaded.model
    if not model.claims or any(b.space.rank == 2 for b in model.blocks):
        return
    claim = replace(model.claims[0], kind="field", fields=(), region=())
    for k in range(2):
        try:
            with precision():
                subject = world(model, claim, loaded.plans, f"{seed}/{k}")
                x = subject.draw()
                at = subject.at(x)
        except (Unsure, Empty):
            continue
        for node in nodes(model):
            yield from _forms(model, node, at, f"{seed}/{k}")
        yield from _slopes(model, subject, at, x, f"{seed}/{k}")


def _forms(model: Model, node: Node, at: Values, seed: str) -> Iterator[tuple[str, str, Excess]]:
    for what, make in (("prover", lambda: Translator(model).form(node)), ("prover, basic", lambda: Translator(model, uses_basics=True).form(node)),
                       ("checker", lambda: Reader(model).form(node)), ("checker, basic", lambda: Reader(model, uses_basics=True).form(node))):
        try:
            form = make()
            with precision():
                wanted, found = evaluate(node, at).items, Written(at).form(form).items
                yield f"rewriting ({what})", f"{node} = {form} (seed {seed})", _gap(wanted, found)
        except (Unsure, Unsupported, TooLarge, Rejected, ZeroDivisionError, OverflowError):
            continue


def _gap(wanted: Any, found: Any) -> Excess:
    return Excess(biggest(a - b for a, b in zip(wanted, found, strict=True)), biggest(wanted) + biggest(found))


def _slopes(model: Model, subject: Subject, at: Values, x: Any, seed: str) -> Iterator[tuple[str, str, Excess]]:
    context, case = Context(model), Case(model, {}, (), {})
    for field in model.fields:
        rates, rows = Rates(field.rows), field.rows
        for row, node in rows:
            for column in (b.name for b in model.blocks):
                for what, make in (("prover", lambda r=row, c=column, f=rates: context.jacobian(f, r, c)),
                                   ("checker", lambda r=row, c=column, f=rows: case.jacobian(f, r, c))):
                    try:
                        form = make()
                        with precision():
                            wanted = _differences(node, column, subject, x)
                            found = Written(at).form(form).items
                            yield f"rewriting (slope, {what})", f"d{row}'/d{column} of {field.name} = {form} (seed {seed})", _gap(wanted, found)
                    except (Unsure, Unsupported, TooLarge, Rejected, ZeroDivisionError, OverflowError, AssertionError):
                        continue


def _differences(node: Node, column: str, subject: Subject, x: Any) -> list[Any]:
    states = unpacked(x, subject.like)
    block = {column: states[column]}

    def value(items: Any) -> Any:
        return evaluate(node, subject.at(packed({**states, **unpacked(items, block)}))).items

    return [item for row in jacobian(value, packed(block)) for item in row]


# --- lemmas --------------------------------------------------------------------------------------------------------------------


def lemmas(loaded: Loaded, finding: Finding, seed: str, tries: int) -> Iterator[tuple[str, Excess]]:
    """Each inequality that the prover has shown, where it says that it holds."""
    for number_, (where, _, scalar, _) in enumerate(finding.lemmas):
        for k in range(tries):
            try:
                with precision():
                    yield f"{where}: {scalar} >= 0 (seed {seed}/{number_}/{k})", _lemma(loaded, finding.claim, where, scalar, f"{seed}/{number_}/{k}")
            except (Unsure, Empty, Misfit, ZeroDivisionError, OverflowError, KeyError):
                continue


def _lemma(loaded: Loaded, claim: Claim, where: str, scalar: Any, seed: str) -> Excess:
    region = claim.region if where.startswith("region") else ()
    is_def = claim.kind == "def"
    subject = world(loaded.model, replace(claim, kind="def" if is_def else "field", region=region), loaded.plans, seed)
    x = subject.draw()
    if "orthant" in where:
        x = [abs(item) for item in x]
        if not subject.inside(x):
            raise Unsure("no state in the region")
    value = Written(subject.at(x), subject.chance.randrange(6)).scalar(scalar)
    return Excess(-value, arb(0) if abs(value) < 1 else abs(value))


# --- statements of rules -------------------------------------------------------------------------------------------------------


@contextmanager
def recorded(goals: list[tuple[str, Goal, Case]]) -> Iterator[None]:
    """Write down what each step of a proof that is checked has to prove."""
    class Recording(Case):
        def prove(self, goal: Goal, data: Any) -> None:
            super().prove(goal, data)
            goals.append((str(data[0]), goal, self))

    before = check.Case
    check.Case = Recording  # type: ignore[misc]
    try:
        yield
    finally:
        check.Case = before  # type: ignore[misc]


def statements(loaded: Loaded, finding: Finding, seed: str, tries: int) -> Iterator[tuple[str, str, Excess]]:
    """Each statement below the claim, evaluated as the claim is."""
    goals: list[tuple[str, Goal, Case]] = []
    with recorded(goals):
        recheck(loaded.model, loaded.plans, finding.claim, finding.certificate)
    for number_, (rule, goal, _) in enumerate(goals[:-1]):  # the last one is the claim
        for k in range(tries):
            try:
                with precision():
                    found = _statement(loaded, finding, goal, f"{seed}/{number_}/{k}")
            except (Unsure, Empty, Misfit, ZeroDivisionError, OverflowError, KeyError):
                continue
            if found is not None:
                yield rule, f"{goal.kind} {goal.property}({', '.join(map(str, goal.arguments))}) (seed {seed}/{number_}/{k})", found


class Part(Subject):
    """A substep, or a right-hand side that is no sum of fields."""

    goal: Goal
    durations: Any = None

    def rate(self, x: Any) -> Any:
        result = {name: tensor for name, tensor in self.like.items()}
        at = self.at(x)
        for name, node in self.goal.rows:
            result[name] = evaluate(node, at)
        return packed(result)

    def argument(self) -> Any:
        given = self.goal.arguments[0]
        return number(given, self.values) if isinstance(given, Node) else Written(self.values).scalar(given)

    def active(self) -> list[int]:
        if self.goal.kind != "move":
            return super().active()
        places, start = [], 0
        for name, tensor in self.like.items():
            if name in self.goal.subject.blocks:
                places += range(start, start + len(tensor.items))
            start += len(tensor.items)
        return places


def _statement(loaded: Loaded, finding: Finding, goal: Goal, seed: str) -> Excess | None:
    if goal.kind not in ("field", "move", "flow", "def") or goal.property not in RULES:
        return _cocoercive(loaded, finding, goal, seed) if goal.property == "cocoercive" else None
    chance = Random(seed)
    members = Members(loaded.model, draw_dims(loaded.model, chance), chance)
    kind = "flow" if goal.kind == "move" else goal.kind
    name = finding.claim.subject if goal.kind == "field" else goal.subject
    if goal.kind == "move":
        name = _flow_of(loaded.model, finding.claim, goal)
    if not isinstance(name, str):
        return None
    keywords = (("norm", goal.norm),)
    claim = replace(finding.claim, subject=name, kind=kind, property=goal.property, arguments=goal.arguments, keywords=keywords,
                    region=goal.region, fields=())
    part = Part(loaded.model, claim, loaded.plans, members, chance, finding.conditions)
    part.goal = goal
    if goal.kind == "move":
        if goal.property in ("order", "symmetric", "reversible"):
            return None
        _as_substep(part, goal)
    return RULES[goal.property](part)


def _flow_of(model: Model, claim: Claim, goal: Goal) -> str:
    """The flow that a substep belongs to: of a net one of those that have it."""
    if claim.kind == "flow":
        return claim.subject
    return next(f.name for f in model.flows if any(p.field == goal.subject.field for p in f.parts))


def _as_substep(part: Part, goal: Goal) -> None:
    """The map is one substep, at a clock within the interval; its states are those before and after it."""
    move, runner = goal.subject, part.runner
    index = next(i for i, p in enumerate(runner.flow.parts) if p.field == move.field)
    step = part.chance.randrange(runner.steps)
    clock = number(runner.flow.start, runner.values) + runner.length * step
    h = runner.length * number(_node(move.coefficient), runner.values)
    parameters = runner.parameters(step, clock)

    def one(x: Any) -> Any:
        before = unpacked(x, part.like)
        found = [before, runner._substep(index, before, step, clock, h, "substep")]
        part._mind(found)
        return found

    part.__dict__["map"] = lambda x: packed(one(x)[-1])
    part.__dict__["trajectory"] = one
    part.__dict__["parameters"] = parameters
    part.__dict__["values"] = Values(part.model, part.members.dims, {}, parameters, clock)


def _node(value: Any) -> Node:
    from odenet.schemes.numbers import as_node

    return as_node(value)


def _cocoercive(loaded: Loaded, finding: Finding, goal: Goal, seed: str) -> Excess | None:
    """<Df d, d> <= -|Df d|^2 / L, as a pair of points says it: <f(x) - f(y), x - y> <= -|f(x) - f(y)|^2 / L."""
    chance = Random(seed)
    members = Members(loaded.model, draw_dims(loaded.model, chance), chance)
    claim = replace(finding.claim, kind="field", region=goal.region, fields=(), arguments=goal.arguments)
    part = Part(loaded.model, claim, loaded.plans, members, chance)
    part.goal = goal
    if not goal.rows and goal.kind == "move":
        part.goal = replace(goal, rows=goal.subject.rows, kind="field")
    bound, x, y = part.argument(), part.draw(), part.draw()
    if chance.randrange(2):
        y = [a + (b - a) / 100 for a, b in zip(x, y, strict=True)]
    gap = [a - b for a, b in zip(x, y, strict=True)]
    there = [a - b for a, b in zip(part.rate(x), part.rate(y), strict=True)]
    inner = sum((a * b for a, b in zip(gap, there, strict=True)), arb(0))
    square = sum((item * item for item in there), arb(0))
    return Excess(bound * inner + square, abs(bound * inner) + square)


# --- the search for witnesses --------------------------------------------------------------------------------------------------


def witness(loaded: Loaded, finding: Finding, seconds: float) -> str:
    """What the search for a violation finds against a proved claim; empty where it finds none."""
    claim = finding.claim
    found = refute(loaded.model, claim, loaded.plans.get(claim.subject), seconds, loaded.plans)
    if found is None:
        return ""
    return f"{found.quantity} is {found.value}, not {found.expected} at {found.as_json()}"
