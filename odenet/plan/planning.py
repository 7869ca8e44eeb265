"""From a flow to its plan: how each part is advanced, the order of the substeps, their clocks, what is merged."""
from __future__ import annotations

from odenet.diagnostics import Diagnostic, Edit, Label, Rejected
from odenet.ir.model import Field, Flow, Model, Part
from odenet.ir.node import Node, add, parameters, power, scalar, state, states
from odenet.ir.sizes import SCALAR
from odenet.plan.exact import NoExactFlow, exact_flow
from odenet.plan.potential import Potential, potential_of
from odenet.plan.quadratic import degree
from odenet.plan.steps import Advance, Closed, DiscreteGradient, Linear, Plan, Relax, RungeKutta, Substep
from odenet.schemes import tables
from odenet.schemes.numbers import Exact, ExactError, exact
from odenet.text import Span


def plan_flow(model: Model, flow: Flow) -> Plan:
    """The plan of a flow.

    Raises:
        Rejected: ODE502 coefficients beyond exact work, ODE510 a part has no exact flow and no method, ODE511
            `discrete_gradient` without a potential, ODE512 `relax` with an invariant that is not quadratic, ODE513
            `relax` of a method that would then stand still.
    """
    found = [_advance(model, part, moves_clock=i == 0) for i, part in enumerate(flow.parts)]
    faults = tuple(item for item in found if isinstance(item, Diagnostic))
    if faults:
        raise Rejected(model.source, faults)
    advances = tuple(item for item in found if not isinstance(item, Diagnostic))
    try:
        step = _merged(_substeps(flow), advances)
    except ExactError as error:
        raise Rejected(model.source, (_too_large(flow, error),)) from None
    if not _joins_steps(model, flow, advances, step):
        return Plan(flow, advances, step, False)
    return Plan(flow, advances, step, True, *_across(step))


# --- the substeps of a step ----------------------------------------------------------------------------------------


def _substeps(flow: Flow) -> list[Substep]:
    """One step as the scheme has it; the clock runs in substeps of part 0."""
    clock, found = Exact(0), []
    for part, coefficient in flow.scheme.stages:
        length = exact(coefficient)
        found.append(Substep(part, length, clock))
        clock = clock + length if part == 0 else clock
    return found


def _merged(substeps: list[Substep], advances: tuple[Advance, ...]) -> tuple[Substep, ...]:
    """Neighbours of one part with an exact flow are one substep; substeps of length zero are none."""
    kept: list[Substep] = []
    for substep in substeps:
        last = kept[-1] if kept else None
        if last is not None and last.part == substep.part and isinstance(advances[substep.part], Closed | Linear):
            kept[-1] = Substep(last.part, last.coefficient + substep.coefficient, last.clock)
        else:
            kept.append(substep)
        if not kept[-1].coefficient:
            kept.pop()
    return tuple(kept)


def _joins_steps(model: Model, flow: Flow, advances: tuple[Advance, ...], step: tuple[Substep, ...]) -> bool:
    """Whether the last substep of a step and the first of the next are one: one part, exact, the same field in both."""
    if len(step) < 2 or step[0].part != step[-1].part or not isinstance(advances[step[0].part], Closed | Linear):
        return False
    field = model.field(flow.parts[step[0].part].field)
    if any(_is_piecewise(model, name) for _, rate in field.rows for name in parameters(rate)):
        return False
    return not model.is_timed(field.rows) or _clock_after(step) == 1


def _clock_after(step: tuple[Substep, ...]) -> Exact:
    return sum((substep.coefficient for substep in step if substep.part == 0), Exact(0))


def _is_piecewise(model: Model, parameter: str) -> bool:
    schedule = model.parameter(parameter).schedule
    return schedule is not None and schedule.kind == "piecewise"


def _across(step: tuple[Substep, ...]) -> tuple[tuple[Substep, ...], tuple[Substep, ...], tuple[Substep, ...]]:
    """Opening, repeated and closing substeps. The clock of `repeated` counts from the start of the earlier step."""
    first, last = step[0], step[-1]
    joined = Substep(last.part, last.coefficient + first.coefficient, last.clock)
    later = tuple(Substep(s.part, s.coefficient, s.clock + 1) for s in step[1:-1])
    repeated = (joined, *later) if joined.coefficient else later
    return step[:-1], repeated, (last,)


# --- how a part is advanced ----------------------------------------------------------------------------------------


def _advance(model: Model, part: Part, moves_clock: bool) -> Advance | Diagnostic:
    field, method = model.field(part.field), part.method
    if method.kind == "exact":
        found = exact_flow(model, field, moves_clock)
        return _no_exact_flow(model, part, found) if isinstance(found, NoExactFlow) else found
    if method.kind == "discrete_gradient":
        potential = potential_of(model, field)
        if potential is None:
            return _no_potential(part)
        return DiscreteGradient(_in_pairs(model, field, potential), potential.node, potential.is_hamiltonian)
    if method.kind == "relax":
        assert method.inner is not None and method.inner.table is not None
        return _relax(part, field, RungeKutta(field.rows, method.inner.table, tables.is_explicit(method.inner.table)))
    assert method.table is not None
    return RungeKutta(field.rows, method.table, tables.is_explicit(method.table))


def _in_pairs(model: Model, field: Field, potential: Potential) -> tuple[tuple[str, Node], ...]:
    """The rows of a field; of a Hamiltonian one position and momentum by turns."""
    if not potential.is_hamiltonian:
        return field.rows
    order = [name for pair in model.pairs for name in (pair.position, pair.momentum)]
    return tuple(sorted(field.rows, key=lambda row: order.index(row[0])))


def _relax(part: Part, field: Field, inner: RungeKutta) -> Advance | Diagnostic:
    moved = frozenset(field.moves)
    invariant = part.method.invariant or _squared_length(field)
    if degree(invariant, moved) != 2:
        return _not_quadratic(part, invariant, moved)
    if tables.relaxed_order(inner.table) < 1:
        return _stands_still(part)
    return Relax(inner, invariant)


def _squared_length(field: Field) -> Node:
    """dot(x, x) over the moved blocks."""
    blocks = [state(name, rate.space) for name, rate in field.rows]  # type: ignore[arg-type]
    return add(*(power(b, 2) if b.space == SCALAR else scalar("dot", b, b) for b in blocks))


def _too_large(flow: Flow, error: ExactError) -> Diagnostic:
    return Diagnostic("ODE502", f"the coefficients of `{flow.scheme.name}` cannot be added up exactly",
                      (Label(flow.span, str(error)),))


# --- faults --------------------------------------------------------------------------------------------------------


def _no_exact_flow(model: Model, part: Part, found: NoExactFlow) -> Diagnostic:
    text = model.source.text[part.span.start:part.span.end]
    place = Span(part.span.end, part.span.end)
    edit = Edit(place, ": heun") if ":" not in text else Edit(part.span, f"{part.field}: heun")
    return Diagnostic(
        "ODE510", f"`{part.field}` has no exact flow that is known",
        (Label(part.span, f"`{part.field}` {found.reason}"), Label(model.field(part.field).span, "its rates")),
        help=f"choose a method, `{part.field}: heun` or another of euler, midpoint, rk4, implicit_midpoint, relax(heun), "
             "…, or split the field into shears and linear parts",
        edits=(edit,))


def _no_potential(part: Part) -> Diagnostic:
    return Diagnostic(
        "ODE511", f"`discrete_gradient` needs a potential of `{part.field}`",
        (Label(part.span, "no potential is known for this part"),),
        help=f"claim it: `claim {part.field} : gradient(V)` or `claim {part.field} : hamiltonian(H)`; or choose another "
             "method, say implicit_midpoint",
        edits=(Edit(part.span, f"{part.field}: implicit_midpoint"),))


def _not_quadratic(part: Part, invariant: Node, moved: frozenset[str]) -> Diagnostic:
    names = ", ".join(f"`{name}`" for name in sorted(moved))
    why = "is not a quadratic in" if states(invariant) & moved else "does not depend on what the part moves,"
    return Diagnostic(
        "ODE512", "`relax` keeps a quadratic of the blocks its part moves",
        (Label(part.span, f"this {why} {names}"),),
        help=f"write `relax({_inner(part)})`, which keeps dot(x, x), or give a quadratic",
        edits=(Edit(part.span, f"{part.field}: relax({_inner(part)})"),))


def _stands_still(part: Part) -> Diagnostic:
    return Diagnostic(
        "ODE513", f"`relax({_inner(part)})` does not follow the field",
        (Label(part.span, f"{_inner(part)} has an error along the step as large as the step itself"),),
        help="relax a method of order 2 or more: `relax(heun)` keeps the order 2",
        edits=(Edit(part.span, f"{part.field}: relax(heun)"),))


def _inner(part: Part) -> str:
    return part.method.inner.name if part.method.inner is not None else part.method.name
