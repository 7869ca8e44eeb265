"""Methods of the emitted class for the parts of a flow: the rates of a field, and one substep of an advance."""

from __future__ import annotations

from dataclasses import dataclass, field

from odenet.emit.expressions import Writer
from odenet.emit.locals import Locals
from odenet.emit.names import Names
from odenet.emit.rewrite import hoisted, regrouped
from odenet.emit.tree import Assign, Expression, Function, Name, Return, Statement, call, items, method
from odenet.emit.values import Value, aligned
from odenet.ir.model import ConvolutionSpace, Model
from odenet.ir.node import Node, depends_on
from odenet.ir.sizes import Space
from odenet.plan.steps import DURATION
from odenet.schemes.numbers import Exact


@dataclass(frozen=True)
class Want:
    """A value that a part takes from its flow.

    kind: `param`, a parameter as it is in the step; `scheduled`, a parameter at the clock of the substep, `place` of the
    substep later; `hoisted`, a value computed before the steps; `propagator`, `shift`: of a linear part.
    """

    kind: str
    name: str
    place: Exact = field(default_factory=lambda: Exact(0))


@dataclass(frozen=True)
class Part:
    """One method. `blocks` are its arguments, `moved` what it returns new values of; then the duration, t, and `wants`."""

    method: str
    blocks: tuple[str, ...]
    moved: tuple[str, ...]
    wants: tuple[Want, ...]
    takes_duration: bool
    takes_time: bool
    function: Function

    def call(
        self,
        locals: Locals,
        duration: Expression | None,
        time: Expression | None,
        wants: tuple[Expression, ...],
        blocks: dict[str, Expression] | None = None,
    ) -> Expression:
        """A call of the method."""
        given = blocks or {}
        states = [given.get(name, Name(locals[name])) for name in self.blocks]
        clock = [
            v for v, taken in ((duration, self.takes_duration), (time, self.takes_time)) if taken and v is not None
        ]
        return call(f"self.{self.method}", *states, *clock, *wants)


class Workshop:
    """Makes the methods of one model; equal parts of several flows are one method."""

    def __init__(self, model: Model, locals: Locals, methods: Names, runtime: dict[str, None]) -> None:
        self.model, self.locals, self.methods, self.runtime = model, locals, methods, runtime
        self.parts: dict[object, Part] = {}
        self.pulls: list[Function] = []  # methods for gradients, behind the parts

    def prepared(self, node: Node) -> Node:
        """The node with what is the same for all samples replaced by values computed before the steps."""
        return hoisted(regrouped(node), self.locals.hoist)

    def blocks(self, *nodes: Node, moved: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The blocks that nodes read, and those moved, in the order of declaration."""
        read = {n.data[0] for node in nodes for n in node.walk() if n.op == "state"}
        return tuple(b.name for b in self.model.blocks if b.name in read or b.name in moved)

    def wants(self, *nodes: Node, place: Exact | None = None) -> tuple[Want, ...]:
        """The parameters and hoisted values in nodes, in a fixed order; scheduled ones at `place` of the substep."""
        found = {n.data[0] for node in nodes for n in node.walk() if n.op == "param"}
        lifted = {n.data[0] for node in nodes for n in node.walk() if n.op == "variable"}
        wants = []
        for parameter in self.model.parameters:
            if parameter.name in found:
                kind = "scheduled" if parameter.moves_within_steps else "param"
                wants.append(Want(kind, parameter.name, place or Exact(0)))
        wants += [Want("hoisted", name) for name in self.locals.hoisted.values() if name in lifted]
        return tuple(wants)

    def writer(
        self, names: Names, like: str, extra: dict[str, Value] | None = None, time_is_tensor: bool = False
    ) -> Writer:
        """A writer for a method whose arguments are blocks, parameters and hoisted values under their local names."""
        given = extra or {}

        def leaf(node: Node) -> Value:
            if node.op == "time":
                return Value(Name(self.locals.time), is_number=not time_is_tensor)
            name = node.data[0]
            if name in given:
                return given[name]
            if node.op == "state":
                return Value(Name(self.locals[name]), rank=_rank(node), lead=True)
            if node.op == "param":
                return Value(Name(self.locals[name]), rank=_parameter_rank(self.model, name))
            if name == DURATION:
                return Value(Name(self.locals.duration), is_number=True)
            return Value(Name(name), rank=_rank(node))

        return Writer(self.model, names, leaf, Name(like), self.runtime, time_is_tensor)

    def arguments(self, blocks: tuple[str, ...], duration: bool, time: bool, wants: tuple[str, ...]) -> tuple[str, ...]:
        """The texts of the arguments of a method."""
        tensors = [f"{self.locals[name]}: Tensor" for name in blocks]
        clock = [f"{self.locals.duration}: float"] if duration else []
        clock += [f"{self.locals.time}: float"] if time else []
        return ("self", *tensors, *clock, *(f"{name}: Tensor" for name in wants))

    def local(self, want: Want) -> str:
        """The name of a wanted value inside a method."""
        if want.kind in ("param", "scheduled"):
            return self.locals[want.name]
        return want.name

    def local_names(self, wants: tuple[Want, ...]) -> tuple[str, ...]:
        """Names of wanted values; a parameter wanted at several times has one for each."""
        counts: dict[str, int] = {}
        for want in wants:
            counts[want.name] = counts.get(want.name, 0) + 1
        seen: dict[str, int] = {}
        names = []
        for want in wants:
            seen[want.name] = seen.get(want.name, 0) + 1
            name = self.local(want)
            names.append(name if counts[want.name] == 1 else f"{name}_{seen[want.name]}")
        return tuple(names)

    # --- rates --------------------------------------------------------------------------------------------------

    def rates(self, field_name: str) -> Part:
        """The method with the rates of a field: all of them full tensors like the blocks they move."""
        key = ("rates", field_name)
        if key not in self.parts:
            self.parts[key] = self._rates(field_name)
        return self.parts[key]

    def rows(self, field_name: str) -> tuple[tuple[str, Node], ...]:
        """The rows of a field in the order of the declarations, ready to be written."""
        rates = dict(self.model.field(field_name).rows)
        return tuple((b.name, self.prepared(rates[b.name])) for b in self.model.blocks if b.name in rates)

    def _rates(self, field_name: str) -> Part:
        rows = self.rows(field_name)
        nodes = tuple(node for _, node in rows)
        moved = tuple(name for name, _ in rows)
        blocks, wants = self.blocks(*nodes, moved=moved), self.wants(*nodes)
        timed = any(depends_on(node, "time") for node in nodes)
        time = self.locals.time
        writer = self.writer(self.locals.inner(), self.locals[moved[0]], time_is_tensor=True)
        if timed:
            like = self.locals[moved[0]]
            writer.body.append(
                Assign(
                    (time,),
                    call("torch.as_tensor", Name(time), dtype=Name(f"{like}.dtype"), device=Name(f"{like}.device")),
                )
            )
        writer.count(*nodes)
        results = [self.like_block(writer, name, writer.value(node)) for name, node in rows]
        body = returned(writer.body, results)
        arguments = self.arguments(blocks, False, False, ())
        arguments += (f"{time}: float | Tensor",) if timed else ()
        arguments += tuple(f"{self.local(w)}: Tensor" for w in wants)
        name = self.methods.new(f"_{field_name}")
        about = f"The rates of `{field_name}`: {', '.join(moved)}."
        return Part(
            name,
            blocks,
            moved,
            wants,
            False,
            timed,
            Function(name, arguments, returns(len(moved)), (about,), tuple(body)),
        )

    def like_block(self, writer: Writer, block: str, value: Value, name: str = "") -> Expression:
        """A value as a full tensor with the batch and the shape of a block, which has the local name `name`."""
        space = self.model.block(block).space
        target = Name(name or self.locals[block])
        if value.is_number:
            return call("torch.full_like", target, value.code)
        if value.lead and (value.is_full or space.rank == 0):
            return value.code
        return method(aligned(value, space.rank), "expand_as", target)


def returns(count: int) -> str:
    """The annotation of a method that returns `count` tensors."""
    return "Tensor" if count == 1 else f"tuple[{', '.join(['Tensor'] * count)}]"


def returned(body: list[Statement], results: list[Expression]) -> list[Statement]:
    """The body with its return; a value that was named on the last line only is returned as it is."""
    last = body[-1] if body else None
    if (
        len(results) == 1
        and isinstance(last, Assign)
        and Name(last.targets[0]) == results[0]
        and len(last.targets) == 1
    ):
        return [*body[:-1], Return(last.value)]
    return [*body, Return(results[0] if len(results) == 1 else items(*results))]


def unpacked(count: int, value: Expression) -> Expression:
    """A tuple of one from a method that returns the tensor alone."""
    return items(value) if count == 1 else value


def _rank(node: Node) -> int:
    return node.space.rank if isinstance(node.space, Space) else 4


def _parameter_rank(model: Model, name: str) -> int:
    space = model.parameter(name).space
    return 4 if isinstance(space, ConvolutionSpace) else space.rank
