"""The substeps of a flow as the checker sees them, from its plan."""
from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from odenet.ir.differentiate.products import times
from odenet.ir.model import Table
from odenet.ir.node import Node, add, replaced, scale, state, states
from odenet.ir.node import number as constant
from odenet.plan.steps import Closed, DiscreteGradient, Linear, Relax, RungeKutta
from odenet.recheck.case import Case, Goal, Rows, Step
from odenet.recheck.scalars import Scalar
from odenet.recheck.signs import occurs
from odenet.recheck.tables import Method, is_left_regular, row_sum
from odenet.schemes.numbers import Exact, as_node, exact


@dataclass(frozen=True)
class Move:
    """A part of a flow moves by `advance` for `duration` = `coefficient` steps (`length` as a node)."""

    field: str
    rows: Rows
    advance: Any
    coefficient: Exact
    duration: Scalar
    length: Node
    is_timed: bool
    blocks: tuple[str, ...]  # of the flow
    before: Exact  # the clock, in steps
    after: Exact

    @property
    def moved(self) -> set[str]:
        return {name for name, _ in self.rows}

    @property
    def table(self) -> Table | None:
        return self.advance.table if isinstance(self.advance, RungeKutta) else None

    @property
    def method(self) -> Method:
        assert self.table is not None
        return Method(self.table)

    @property
    def is_shear(self) -> bool:
        return not any(states(node) & self.moved for _, node in self.rows)

    @property
    def is_exact(self) -> bool:
        by_table = self.table is not None and self.is_shear and not self.is_timed and self.method.is_consistent
        return isinstance(self.advance, Closed | Linear) or by_table

    @property
    def is_euler(self) -> bool:
        table = self.table
        return table is not None and len(table.weights) == 1 and exact(table.matrix[0][0]) == 0 and exact(table.weights[0]) == 1

    @property
    def is_implicit(self) -> bool:
        inner = self.advance.inner if isinstance(self.advance, Relax) else self.advance
        return isinstance(inner, DiscreteGradient) or (isinstance(inner, RungeKutta) and not inner.is_explicit)


def moves(case: Case, flow: str) -> list[Move]:
    """All substeps of one step."""
    plan = case.plans[flow]
    step, found = case.reader.scalar(plan.flow.step), []
    for s in plan.step:
        field = plan.flow.parts[s.part].field
        rows = case.rows((field,))
        found.append(Move(field, rows, plan.advances[s.part], s.coefficient, step * case.reader.scalar(as_node(s.coefficient)),
                          times(as_node(s.coefficient), plan.flow.step), case.model.is_timed(rows), tuple(plan.flow.blocks),
                          s.clock, s.clock + s.coefficient if s.part == 0 else s.clock))
    return found


def distinct(found: list[Move]) -> dict[tuple[str, Scalar], Move]:
    """One of each field and duration, in order."""
    kinds: dict[tuple[str, Scalar], Move] = {}
    for move in found:
        kinds.setdefault((move.field, move.duration), move)
    return kinds


def opposite(rows: Rows) -> Rows:
    return tuple((name, scale(constant(-1), node)) for name, node in rows)


def ahead(case: Case, goal: Goal) -> tuple[Rows, Scalar]:
    """The field and a duration >= 0 that make the same substep: h f = (-h) (-f)."""
    move: Move = goal.subject
    if case.signs(goal).holds(move.duration):
        return move.rows, move.duration
    case.signs(goal).demand(-move.duration)
    return opposite(move.rows), -move.duration


def is_whole(case: Case, move: Move) -> bool:
    """Whether the field reads or moves every block of the flow."""
    return set(case.blocks(move.rows)) >= set(move.blocks)


def euler(move: Move, parts: Fraction) -> Move:
    """The Euler step of length h / parts."""
    table = Table((constant(0),), ((constant(0),),), (constant(1),))
    return replace(move, advance=RungeKutta(move.rows, table, True), duration=move.duration.times(1 / parts),
                   length=times(constant(1 / parts), move.length), coefficient=move.coefficient / parts)


def formula(case: Case, move: Move) -> Rows:
    """The state after an explicit substep, for every block that is read or moved. Several stages only where time stands still."""
    assert move.table is not None
    case.demand(move.advance.is_explicit and (len(move.table.weights) == 1 or not move.is_timed), "no closed form")
    slopes: list[dict[str, Node]] = []

    def reached(factors: tuple[Node, ...]) -> dict[str, Node]:
        after = {}
        for name in case.blocks(move.rows):
            terms = [state(name, case.model.block(name).space)]
            for factor, slope in zip(factors, slopes, strict=False):
                if name in slope and exact(factor) != 0:
                    terms.append(times(times(as_node(exact(factor)), move.length), slope[name]))
            after[name] = terms[0] if len(terms) == 1 else add(*terms)
        return after

    for row in move.table.matrix:
        here = reached(row)
        slopes.append({name: at(node, here) for name, node in move.rows})
    return tuple(reached(move.table.weights).items())


def at(node: Node, values: dict[str, Node]) -> Node:
    """The node with blocks of the state replaced."""
    return replaced(node, lambda leaf: values.get(leaf.data[0]) if leaf.op == "state" else None)


def holds(case: Case, thing: Any, blocks: Any) -> bool:
    """Whether blocks of the state occur in a form or scalar."""
    return any(occurs(case.reader.table.atom("state", name), thing) for name in blocks)


def is_affine(case: Case, move: Move, names: Any) -> bool:
    """Whether the Jacobian over the named blocks does not depend on them."""
    return not any(holds(case, case.jacobian(move.rows, i, j), names) for i in names for j in names)


def within(case: Case, goal: Goal, value: Scalar, bound: Scalar) -> None:
    """value <= bound: by equality or a lemma."""
    if value != bound:
        case.demand(value.value() is None or bound.value() is None or bound == value, "a number is not what it must be")
        case.signs(goal).demand(bound - value)


# --- implicit substeps ----------------------------------------------------------------------------------------------


def solved(case: Case, goal: Goal, step: Step, is_two_sided: bool = False) -> None:
    """The last premise of a rule about an implicit substep: its equation has one solution."""
    move: Move = goal.subject
    if move.is_implicit and not move.is_exact:
        case.premise(step, goal.of("move", "solvable", is_two_sided))


def one_solution(case: Case, goal: Goal, step: Step) -> None:
    """The rule behind `solved`."""
    case.demand(goal.property == "solvable", "the rule is about implicit substeps")
    move, how = goal.subject, step.take("how")
    if how == "assumed":
        case.conditions.append(f"the implicit equation of each substep of `{move.field}` has one solution")
        return
    if how == "contraction":
        inner = move.advance.inner if isinstance(move.advance, Relax) else move.advance
        assert isinstance(inner, RungeKutta)
        size, top = step.take("size"), step.take("top")
        case.premise(step, goal.of("field", "lipschitz", size, rows=move.rows))
        reach = case.bounds(goal).absolute(move.duration) * size * case.reader.scalar(as_node(row_sum(inner.table)))
        below_one(case, goal, reach, top)
        return
    rows, order = ahead(case, goal)[0], str(step.take("norm"))
    if how == "linear":
        names = case.blocks(move.rows)
        is_stable = move.table is not None and move.method.is_left_stable() and is_left_regular(move.table)
        case.demand(order == "2" and not move.is_timed and is_stable, "the method is not stable")
        case.demand(is_affine(case, move, names), "the field is not linear")
    else:
        table = move.table
        case.demand(how == "monotone" and table is not None and len(table.weights) == 1, "one stage")
        case.demand(exact(table.matrix[0][0]) >= 0, "a stage that runs backwards")
    for field in (rows, opposite(rows)) if goal.arguments[0] else (rows,):
        case.premise(step, goal.of("field", "contractive", constant(0), rows=field, norm=order))


def below_one(case: Case, goal: Goal, value: Scalar, top: Scalar) -> None:
    number = top.value()
    case.demand(number is not None and number < 1, "not below 1")
    within(case, goal, value, top)


# --- goals ------------------------------------------------------------------------------------------------------------


def proves(case: Case, goal: Goal, kind: str, *properties: str) -> Any:
    case.demand(goal.kind == kind and goal.property in properties, f"the rule does not prove `{goal.property}`")
    return goal.subject


def of_field(case: Case, goal: Goal, step: Step, rows: Rows, property: str, *arguments: Any, norm: str = "2") -> None:
    case.premise(step, goal.of("field", property, *arguments, rows=rows, norm=norm))


def _pairs(case: Case, goal: Goal) -> None:
    for pair in case.model.pairs:
        blocks = goal.subject.blocks
        case.demand((pair.position in blocks) == (pair.momentum in blocks), "half of a pair")


def inherits(case: Case, goal: Goal, step: Step) -> None:
    """The field has what the substep is to have."""
    move: Move = goal.subject
    if goal.property == "symplectic":
        _pairs(case, goal)
        return of_field(case, goal, step, move.rows, "hamiltonian")
    return of_field(case, goal, step, move.rows, "preserves", *goal.arguments)


def degree(case: Case, goal: Goal) -> int:
    """1 for an invariant that is affine in the moved blocks, 2 for a quadratic one, 0 for others."""
    moved, invariant = goal.subject.moved, goal.arguments[0]
    case.smooth((invariant,))
    gradients = [case.gradient(invariant, name) for name in moved]
    if not any(holds(case, g, moved) for g in gradients):
        return 1
    return 0 if any(holds(case, case.slope(g, name), moved) for g in gradients for name in moved) else 2
