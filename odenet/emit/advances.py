"""One substep of each kind of advance, as a method of the emitted class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from odenet.emit.gradients.propagated import propagated_pull
from odenet.emit.gradients.pull import Pull
from odenet.emit.gradients.recorded import recorded_pull
from odenet.emit.gradients.stages import staged_pull
from odenet.emit.gradients.written import written_pull
from odenet.emit.parts import Part, Want, Workshop, returned, returns, unpacked
from odenet.emit.sizes import Sizes
from odenet.emit.stages import Stages, closed
from odenet.emit.tree import (
    Assign,
    Binary,
    Expression,
    Function,
    Items,
    Name,
    Number,
    Return,
    Statement,
    Subscript,
    Text,
    call,
    items,
)
from odenet.emit.values import Value, aligned
from odenet.ir.differentiate import gradient, products, tangent
from odenet.ir.model import Table
from odenet.ir.node import Node, add, depends_on, number, scale, state, variable
from odenet.ir.sizes import SCALAR, Space
from odenet.operators.functions import row_of
from odenet.plan.steps import DURATION, Advance, Closed, DiscreteGradient, Linear, Relax, RungeKutta
from odenet.schemes.numbers import Exact, as_node
from odenet.schemes.tables import coefficients, is_explicit

Rows = tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Inverse:
    """How a substep is undone: by `part` with the opposite duration (`is_backward`), or with the same."""

    part: Part
    is_backward: bool


class Advances:
    """The methods of all advances of a model. `field` names the part's field, `moves_clock` that t runs inside it."""

    def __init__(self, workshop: Workshop) -> None:
        self.shop, self.locals, self.model = workshop, workshop.locals, workshop.model
        self.pulls: dict[str, Pull] = {}
        self.rates_pulls: dict[str, Pull | None] = {}  # of right-hand sides, by field

    def part(self, field: str, advance: Advance, moves_clock: bool, label: str) -> Part:
        """The method of an advance; `label` names its method of integration."""
        moves_clock = moves_clock and self._is_timed(field)
        key = (field, advance, moves_clock)
        if key not in self.shop.parts:
            self.shop.parts[key] = self._make(field, advance, moves_clock, label)
        return self.shop.parts[key]

    def pull(self, field: str, advance: Advance, moves_clock: bool, label: str) -> Pull:
        """The methods of the gradient of an advance."""
        part = self.part(field, advance, moves_clock, label)
        if part.method not in self.pulls:
            self.pulls[part.method] = self._pull(part, field, advance, moves_clock and self._is_timed(field))
            self.shop.pulls += self.pulls[part.method].functions
        return self.pulls[part.method]

    def _pull(self, part: Part, field: str, advance: Advance, moves_clock: bool) -> Pull:
        found = None
        if isinstance(advance, Linear):
            found = propagated_pull(self.shop, part)
        elif isinstance(advance, Closed):
            found = written_pull(self.shop, part, self._closed_rows(advance))
        elif isinstance(advance, RungeKutta) and _is_euler(advance):
            found = written_pull(self.shop, part, self._euler_rows(field, advance))
        elif isinstance(advance, RungeKutta) and advance.is_explicit:
            found = self._staged_pull(part, field, advance, moves_clock)
        return found or recorded_pull(self.shop, part)

    def _staged_pull(self, part: Part, field: str, advance: RungeKutta, moves_clock: bool) -> Pull | None:
        stages = Stages(self.shop, field, advance.table, moves_clock)
        if field not in self.rates_pulls:
            self.rates_pulls[field] = written_pull(self.shop, stages.rates, self.shop.rows(field), is_rates=True)
        rates = self.rates_pulls[field]
        if rates is None:
            return None
        made = staged_pull(self.shop, part, stages, rates)
        self.rates_pulls[field] = replace(rates, functions=())  # written once
        return made

    def inverse(self, field: str, advance: Advance, moves_clock: bool, label: str, contracts: bool) -> Inverse | str:
        """The method that undoes an advance, or why there is none."""
        part = self.part(field, advance, moves_clock, label)
        if isinstance(advance, Closed | Linear):
            return Inverse(part, True)
        if isinstance(advance, Relax):
            return f"the relaxed steps of `{field}` have no inverse in closed form"
        is_implicit = isinstance(advance, DiscreteGradient) or not advance.is_explicit
        if is_implicit and not contracts:  # the equation of the inverse may have other solutions
            return f"the {label} steps of `{field}` are not proved invertible; claim `invertible`"
        if isinstance(advance, DiscreteGradient):
            return Inverse(part, True)
        if not advance.is_explicit:
            table = adjoint(advance.table)
            other = RungeKutta(advance.rates, table, is_explicit(table))
            return Inverse(self.part(field, other, moves_clock, f"{label}_adjoint"), True)
        moved = tuple(name for name, _ in advance.rates)
        is_shear = not any(depends_on(rate, "state", frozenset(moved)) for _, rate in advance.rates)
        if is_shear and not self._is_timed(field):
            return Inverse(part, True)  # the rates do not change along the step
        if not contracts and not is_shear:  # of a shear the equation is solved at once, whatever the rates
            return f"the {label} steps of `{field}` are not proved invertible"
        key = ("inverse", field, advance, moves_clock)
        if key not in self.shop.parts:
            self.shop.parts[key] = self._undone(part, field, f"the {label} step of `{field}`")
        return Inverse(self.shop.parts[key], False)

    def _is_timed(self, field: str) -> bool:
        rates = [rate for _, rate in self.model.field(field).rows]
        return any(depends_on(rate, "time") for rate in rates) or any(
            want.kind == "scheduled" for want in self.shop.wants(*rates)
        )

    def _make(self, field: str, advance: Advance, moves_clock: bool, label: str) -> Part:
        name = self.shop.methods.new(f"_{field}_{label}")
        step = f"the {label} step of `{field}`"
        if isinstance(advance, Closed):
            return self._closed(name, field, advance)
        if isinstance(advance, Linear):
            return self._linear(name, field, advance)
        if isinstance(advance, DiscreteGradient):
            return self._discrete_gradient(name, field, advance, moves_clock, step)
        if isinstance(advance, Relax):
            return self._relaxed(name, field, advance, moves_clock, step)
        if _is_euler(advance):
            return self._from_rows(name, self._euler_rows(field, advance), f"One Euler step of `{field}`.")
        return self._runge_kutta(name, field, advance, moves_clock, step)

    # --- closed forms -------------------------------------------------------------------------------------------

    def _closed(self, name: str, field: str, advance: Closed) -> Part:
        about = f"The exact flow of `{field}`, a closed form ({advance.reason})."
        return self._from_rows(name, self._closed_rows(advance), about)

    def _closed_rows(self, advance: Closed) -> Rows:
        return tuple((block, self.shop.prepared(node)) for block, node in advance.rows)

    def _euler_rows(self, field: str, advance: RungeKutta) -> Rows:
        duration = scale(as_node(coefficients(advance.table).weights[0]), variable(DURATION, SCALAR))
        return tuple(
            (block, add(state(block, _space(node)), products.times(duration, node)))
            for block, node in self.shop.rows(field)
        )

    def _from_rows(self, name: str, rows: Rows, about: str) -> Part:
        nodes = tuple(node for _, node in rows)
        moved = tuple(block for block, _ in rows)
        blocks, wants = self.shop.blocks(*nodes, moved=moved), self.shop.wants(*nodes)
        timed = any(depends_on(node, "time") for node in nodes)
        writer = self.shop.writer(self.locals.inner(), self.locals[moved[0]])
        writer.count(*nodes)
        results = [self.shop.like_block(writer, block, writer.value(node)) for block, node in rows]
        return self._part(name, blocks, moved, wants, timed, writer.body, results, about)

    def _part(
        self,
        name: str,
        blocks: tuple[str, ...],
        moved: tuple[str, ...],
        wants: tuple[Want, ...],
        timed: bool,
        body: list[Statement],
        results: list[Expression],
        about: str,
        takes_duration: bool = True,
    ) -> Part:
        arguments = self.shop.arguments(blocks, takes_duration, timed, self.shop.local_names(wants))
        function = Function(name, arguments, returns(len(moved)), (about,), tuple(returned(body, results)))
        return Part(name, blocks, moved, wants, takes_duration, timed, function)

    def _linear(self, name: str, field: str, advance: Linear) -> Part:
        moved = advance.blocks
        wants = (Want("propagator", field), Want("shift", field))
        names = self.locals.inner()
        matrix, shift, z = names.new("propagator"), names.new("shift"), names.new("z")
        blocks = [Name(self.locals[b]) for b in moved]
        is_scalar = self.model.block(moved[0]).space.rank == 0
        body: list[Statement] = []
        if len(moved) == 1 and not is_scalar:
            results: list[Expression] = [call("F.linear", blocks[0], Name(matrix), Name(shift))]
        else:
            joined = call("torch.stack" if is_scalar else "torch.cat", items(*blocks), dim=Number(-1))
            body.append(Assign((z,), call("F.linear", joined, Name(matrix), Name(shift))))
            if is_scalar:
                results = [Subscript(Name(z), f":, {i}") for i in range(len(moved))]
            else:
                sizes = Items(tuple(self._size(b) for b in moved), is_list=True)
                body.append(
                    Assign(tuple(self.locals[b] for b in moved), call("torch.split", Name(z), sizes, dim=Number(-1)))
                )
                results = list(blocks)
        arguments = self.shop.arguments(moved, False, False, (matrix, shift))
        about = f"The exact flow of `{field}`, which is linear: x -> propagator x + shift."
        result = results[0] if len(results) == 1 else items(*results)
        function = Function(name, arguments, returns(len(moved)), (about,), (*body, Return(result)))
        return Part(name, moved, moved, wants, False, False, function)

    def _size(self, block: str) -> Expression:
        return Sizes(self.model).size(self.model.block(block).space.sizes[0])

    # --- Runge-Kutta --------------------------------------------------------------------------------------------

    def _runge_kutta(self, name: str, field: str, advance: RungeKutta, moves_clock: bool, step: str) -> Part:
        stages = Stages(self.shop, field, advance.table, moves_clock)
        body = stages.body(step)
        results = [stages.moved(block, stages.weights) for block in stages.rates.moved]
        about = f"One step of `{field}` by a Runge-Kutta method of {_stages_in_words(len(stages.weights))}."
        rates = stages.rates
        return self._part(name, rates.blocks, rates.moved, stages.wants, stages.takes_time, body, results, about)

    def _relaxed(self, name: str, field: str, advance: Relax, moves_clock: bool, step: str) -> Part:
        stages = Stages(self.shop, field, advance.inner.table, moves_clock)
        body = stages.body(step)
        moved = stages.rates.moved
        moves = {block: stages.names.new(f"d{self.locals[block]}") for block in moved}
        body += [Assign((moves[block],), stages.increment(block)) for block in moved]
        directions = {b: variable(f" {b}", self.model.block(b).space) for b in moved}
        invariant = self.shop.prepared(advance.invariant)
        slopes = gradient(invariant, {b: self.model.block(b).space for b in moved})
        slope = products.collect(*(products.dot(slopes[b], directions[b]) for b in moved))
        curvature = products.times(
            number(Fraction(1, 2)),
            products.collect(*(products.dot(tangent(slopes[b], directions), directions[b]) for b in moved)),
        )
        more = self.shop.wants(slope, curvature)
        wants = (*stages.wants, *(w for w in more if w not in stages.wants))
        extra = {f" {b}": Value(Name(moves[b]), rank=self.model.block(b).space.rank, lead=True) for b in moved}
        writer = self.shop.writer(stages.names, self.locals[moved[0]], extra)
        writer.count(slope, curvature)
        self.shop.runtime["relaxation"] = None
        factor = stages.names.new("s")
        blocks = self.shop.blocks(slope, curvature, moved=stages.rates.blocks)
        values = [writer.value(node).code for node in (slope, curvature)]
        body += [*writer.body, Assign((factor,), call("relaxation", *values))]
        results = [
            Binary("+", Name(self.locals[b]), Binary("*", self._beside(factor, b), Name(moves[b]))) for b in moved
        ]
        about = f"One step of `{field}`, drawn back along itself so that its quadratic invariant is kept."
        return self._part(name, blocks, moved, wants, stages.takes_time, body, list(results), about)

    def _beside(self, factor: str, block: str) -> Expression:
        return aligned(Value(Name(factor), lead=True), self.model.block(block).space.rank)

    def _discrete_gradient(
        self, name: str, field: str, advance: DiscreteGradient, moves_clock: bool, step: str
    ) -> Part:
        assert advance.potential is not None
        rates = self.shop.rates(field)
        moved = tuple(block for block, _ in advance.rates)
        half = Exact(Fraction(1, 2)) if moves_clock else Exact(0)
        potential = self._potential(field, advance.potential)
        found = (
            Want(w.kind, w.name, half if w.kind == "scheduled" else w.place) for w in (*rates.wants, *potential.wants)
        )
        wants = tuple(dict.fromkeys(found))
        timed = rates.takes_time or potential.takes_time
        moment: Expression = Name(self.locals.time)
        if moves_clock and timed:
            moment = Binary("+", moment, Binary("*", Number(0.5), Name(self.locals.duration)))
        blocks = tuple(b.name for b in self.model.blocks if b.name in (*rates.blocks, *potential.blocks))
        inner = rates.call(self.locals, None, moment, tuple(Name(self.shop.local(w)) for w in rates.wants))
        value = potential.call(self.locals, None, moment, tuple(Name(self.shop.local(w)) for w in potential.wants))
        taken = tuple(self.locals[b] for b in moved)
        given = (*(self.locals[b] for b in blocks if b not in moved), *self.shop.local_names(wants))
        self.shop.runtime["discrete_gradient_step"] = None
        made = call(
            "discrete_gradient_step",
            closed(unpacked(len(moved), inner), taken, given),
            closed(value, taken, given),
            items(*map(Name, taken)),
            Name(self.locals.duration),
            Name(str(advance.is_hamiltonian)),
            Name(str(_is_smooth(advance.potential))),
            items(*map(Name, given)),
            Text(f'"{step}"'),
        )
        result: list[Expression] = [Subscript(made, "0")] if len(moved) == 1 else [made]
        about = f"One step of `{field}` by the midpoint discrete gradient of its potential."
        return self._part(name, blocks, moved, wants, timed, [], result, about)

    def _potential(self, field: str, node: Node) -> Part:
        node = self.shop.prepared(node)
        blocks, wants = self.shop.blocks(node), self.shop.wants(node)
        timed = depends_on(node, "time")
        writer = self.shop.writer(self.locals.inner(), self.locals[blocks[0]])
        writer.count(node)
        value = writer.value(node)
        key = ("potential", field)
        if key not in self.shop.parts:
            name = self.shop.methods.new(f"_{field}_potential")
            arguments = self.shop.arguments(blocks, False, timed, self.shop.local_names(wants))
            body = (*writer.body, Return(value.code))
            function = Function(name, arguments, "Tensor", (f"The potential of `{field}`.",), body)
            self.shop.parts[key] = Part(name, blocks, (), wants, False, timed, function)
        return self.shop.parts[key]

    def _undone(self, part: Part, field: str, step: str) -> Part:
        """The inverse of an explicit step: the solution of an equation."""
        self.shop.runtime["inverse_step"] = None
        wants = self.shop.local_names(part.wants)
        inner = part.call(self.locals, Name(self.locals.duration), Name(self.locals.time), tuple(map(Name, wants)))
        taken = tuple(self.locals[b] for b in part.moved)
        given = (*(self.locals[b] for b in part.blocks if b not in part.moved), *wants)
        before = closed(unpacked(len(part.moved), inner), taken, given)
        made = call("inverse_step", before, items(*map(Name, taken)), items(*map(Name, given)), Text(f'"{step}"'))
        result = Subscript(made, "0") if len(part.moved) == 1 else made
        name = self.shop.methods.new(f"{part.method}_inverse")
        about = f"The state before one step of `{field}`: one, since the step moves it by a contraction."
        arguments = part.function.parameters
        function = Function(name, arguments, returns(len(part.moved)), (about,), (Return(result),))
        return Part(name, part.blocks, part.moved, part.wants, part.takes_duration, part.takes_time, function)


def _is_euler(advance: RungeKutta) -> bool:
    return advance.is_explicit and len(advance.table.weights) == 1


def adjoint(table: Table) -> Table:
    """The adjoint method: its step with -h undoes a step of the method with h.

    Source: Hairer, Lubich, Wanner (2006), theorem II.1.5 (a*_ij = b_(s+1-j) - a_(s+1-i, s+1-j), in reverse order).
    """
    exacts = coefficients(table)
    size = range(len(exacts.weights) - 1, -1, -1)
    matrix = tuple(tuple(as_node(exacts.weights[j] - exacts.matrix[i][j]) for j in size) for i in size)
    nodes = tuple(as_node(1 - exacts.nodes[i]) for i in size)
    return Table(nodes, matrix, tuple(as_node(exacts.weights[i]) for i in size))


def _is_smooth(node: Node) -> bool:
    """Whether all of its operations have all derivatives."""
    functions = all(row_of(n).smoothness is None for n in node.walk() if n.op == "function")
    return functions and not any(n.op in ("largest", "smallest", "norm") for n in node.walk())


def _stages_in_words(count: int) -> str:
    return "one stage" if count == 1 else f"{count} stages"


def _space(node: Node) -> Space:
    assert isinstance(node.space, Space)
    return node.space
