"""What a flow computes before its steps: constrained parameters, hoisted values, propagators, all for all steps at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from odenet.emit.charts import Chart, is_identity
from odenet.emit.expressions import Writer
from odenet.emit.locals import Locals
from odenet.emit.names import Names
from odenet.emit.sizes import Sizes
from odenet.emit.slots import Slot, used_parameters
from odenet.emit.tree import (
    Assign,
    Expression,
    Items,
    Name,
    Number,
    Statement,
    Subscript,
    call,
    is_simple,
    method,
)
from odenet.emit.values import Value
from odenet.ir.model import Model
from odenet.ir.node import Node, parameters
from odenet.ir.sizes import SCALAR, Space
from odenet.plan.steps import Linear


@dataclass(frozen=True)
class Key:
    """One value: a parameter, a hoisted value, a parameter at a place of the step, or the propagator of a linear part."""

    kind: str
    name: str
    place: object = None  # an Exact: clock or coefficient


class Computed:
    """Writes values into the body of one method.

    slot: the slot behind a parameter's name. raw: the raw tensor of a slot, with its stacking axis. name: the local name
    of its value.
    """

    def __init__(
        self,
        model: Model,
        locals: Locals,
        runtime: dict[str, None],
        slot: Callable[[str], Slot],
        like: Expression,
        raw: Callable[[Slot], Expression] | None = None,
        name: Callable[[Slot], str] | None = None,
    ) -> None:
        self.model, self.locals, self.slot = model, locals, slot
        self.names: Names = locals.inner()
        self.sizes = Sizes(model)
        self._raw = raw or raw_tensor
        self._name = name or (lambda slot: locals[slot.name])
        self._params: dict[str, Value] = {}
        self.writer = Writer(model, self.names, self._leaf, like, runtime)
        self.chart = Chart(model, self.sizes, runtime, self._scalar)

    @property
    def body(self) -> list[Statement]:
        return self.writer.body

    def _leaf(self, node: Node) -> Value:
        return self.parameter(node.data[0])

    def _scalar(self, node: Node) -> Value:
        return self.writer.value(node)

    def parameter(self, name: str) -> Value:
        """The constrained value of a parameter, under its own name."""
        if name not in self._params:
            slot = self.slot(name)
            for other in used_parameters(self.model, tuple(a for s in slot.parameter.sets for a in s.arguments)):
                self.parameter(other)
            code = self.chart.value(slot, self._raw(slot))
            value = Value(code, rank=slot.rank, lead=slot.is_stacked)
            if not is_identity(slot) or not is_simple(code):
                self.body.append(Assign((self._name(slot),), code))
                value = value.with_code(Name(self._name(slot)))
            self._params[name] = value
        return self._params[name]

    def hoisted(self, name: str) -> Value:
        """A hoisted value, under its name."""
        node = self.locals.hoisted_node(name)
        for other in used_parameters(self.model, (node,)):
            self.parameter(other)
        value = self.writer.full(node)
        self.body.append(Assign((name,), value.code))
        return value.with_code(Name(name))

    def is_stacked(self, key: Key) -> bool:
        """Whether a value has one entry for each step."""
        if key.kind == "scheduled":
            return True
        if key.kind == "param":
            return self.slot(key.name).is_stacked
        if key.kind == "hoisted":
            return any(self.slot(p).is_stacked for p in sorted(parameters(self.locals.hoisted_node(key.name))))
        rates = self.model.field(key.name).rows
        return any(self.slot(p).is_stacked for _, node in rates for p in sorted(parameters(node)))

    # --- linear parts -------------------------------------------------------------------------------------------

    def propagator(self, advance: Linear, duration: Expression, names: tuple[str, str]) -> None:
        """The propagator and the shift of a linear part over a duration, under two names."""
        for name in used_parameters(self.model, tuple(n for row in advance.matrix for n in row if n is not None)):
            self.parameter(name)
        for name in used_parameters(self.model, tuple(n for n in advance.offset if n is not None)):
            self.parameter(name)
        self.writer.runtime["propagator"] = None
        matrix, shift = self._matrix(advance), self._shift(advance)
        self.body.append(Assign(names, call("propagator", matrix, shift, duration)))

    def _spaces(self, advance: Linear) -> list[Space]:
        return [self.model.block(name).space for name in advance.blocks]

    def _matrix(self, advance: Linear) -> Expression:
        spaces = self._spaces(advance)
        cells = [
            [
                self._cell(entry, Space((*row.sizes, *column.sizes)))
                for entry, column in zip(entries, spaces, strict=True)
            ]
            for entries, row in zip(advance.matrix, spaces, strict=True)
        ]
        if len(cells) == 1 and spaces[0] != SCALAR:
            return cells[0][0].code
        cells = self._same_lead(cells)
        joined = "torch.stack" if spaces[0] == SCALAR else "torch.cat"
        rows = [call(joined, Items(tuple(c.code for c in row)), dim=Number(-1)) for row in cells]
        return call(joined, Items(tuple(rows)), dim=Number(-2))

    def _shift(self, advance: Linear) -> Expression:
        spaces = self._spaces(advance)
        cells = self._same_lead(
            [[self._cell(entry, space) for entry, space in zip(advance.offset, spaces, strict=True)]]
        )[0]
        if len(cells) == 1 and spaces[0] != SCALAR:
            return cells[0].code
        joined = "torch.stack" if spaces[0] == SCALAR else "torch.cat"
        return call(joined, Items(tuple(c.code for c in cells)), dim=Number(-1))

    def _cell(self, node: Node | None, space: Space) -> Value:
        if node is None:
            return self.writer.filled(Value(Number(0), is_number=True, is_full=False), space)
        return self.writer.filled(self.writer.value(node), space)

    def _same_lead(self, cells: list[list[Value]]) -> list[list[Value]]:
        """Cells that are the same at all steps, repeated when others are not."""
        lead = next((c for row in cells for c in row if c.lead), None)
        if lead is None:
            return cells
        count = Subscript(Name(_base(lead.code, self)), "0")
        return [
            [
                c if c.lead else Value(method(c.code, "expand", count, *[Number(-1)] * c.rank), rank=c.rank, lead=True)
                for c in row
            ]
            for row in cells
        ]

    # --- parameters that change within a step -------------------------------------------------------------------

    def scheduled(self, name: str, places: Expression) -> Value:
        """A parameter at several places of the interval of time, [places, ...]."""
        slot = self.slot(name)
        kind = slot.parameter.schedule.kind if slot.parameter.schedule is not None else "linear"
        self.writer.runtime["schedule"] = None
        code = call("schedule", self.parameter(name).code, places, Name(f'"{kind}"'))
        return Value(code, rank=slot.rank, lead=True)


def _base(code: Expression, computed: Computed) -> str:
    """The text of the shape of a value with a leading axis."""
    named = computed.writer.named(Value(code), "z") if not is_simple(code) else Value(code)
    assert isinstance(named.code, Name)
    return f"{named.code.text}.shape"


def raw_tensor(slot: Slot, name: str = "") -> Expression:
    """The tensor of a slot (or what has this name); of a single scalar its one entry."""
    kept = Name(name or f"self.{slot.attribute}")
    return Subscript(kept, "0") if not slot.is_stacked and slot.rank == 0 else kept
