"""Methods of the emitted class for one flow: its values, its steps forward and backward, its states, its right-hand side."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from odenet.emit.advances import Advances, Inverse
from odenet.emit.computed import Computed, Key
from odenet.emit.expressions import Writer
from odenet.emit.frames import Frame
from odenet.emit.gradients.pull import Pull
from odenet.emit.locals import Locals
from odenet.emit.names import Names
from odenet.emit.parts import Part, Want, Workshop, returned, returns
from odenet.emit.printer import text
from odenet.emit.raw import RawNames, tensors
from odenet.emit.sizes import Sizes
from odenet.emit.slots import Slot, Slots
from odenet.emit.tree import (
    LOOSE,
    Assign,
    Binary,
    Call,
    Expression,
    For,
    Function,
    Lambda,
    Name,
    Negative,
    Number,
    Return,
    Statement,
    Text,
    call,
    items,
    method,
    targets,
    unpacking,
)
from odenet.emit.values import Value
from odenet.ir.model import Flow, Model
from odenet.ir.node import Node
from odenet.plan.steps import Linear, Plan, Substep
from odenet.schemes.numbers import Exact

LONGEST = 64  # columns of the targets of a loop


@dataclass(frozen=True)
class Move:
    """A substep as it is written: a method, its duration and clock in steps."""

    part: Part
    coefficient: Exact
    clock: Exact
    field: str


@dataclass
class FlowText:
    """Writes the methods of one flow."""

    model: Model
    flow: Flow
    plan: Plan
    shop: Workshop
    advances: Advances
    slots: Slots
    methods: Names
    is_main: bool
    contracts: bool  # its Runge-Kutta steps are proved to be the identity plus a contraction
    keeps_volume: bool
    bounds: dict[str, Fraction] = field(default_factory=dict)  # proved Lipschitz constants of fields
    frame: Frame | None = None  # in which its steps are run
    label: str = ""  # its name in the names of methods
    functions: list[Function] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.locals: Locals = self.shop.locals
        self.sizes = Sizes(self.model)
        self.label = self.label or self.flow.name
        self.runner = self.methods.new(f"_run_{self.label}")
        self.reason = ""  # why it has no inverse
        self._turned: FlowText | None = None
        self._frame_method = ""
        self._keys: dict[Key, str] = {}
        self._label = [self._method_label(i) for i in range(len(self.flow.parts))]

    def turned(self) -> FlowText | None:
        """The same flow in its frame."""
        if self.frame is None:
            return None
        if self._turned is None:
            plan, label = self.frame.plan, f"{self.flow.name}_turned"
            made = replace(self, flow=plan.flow, plan=plan, frame=None, label=label, functions=self.functions)
            self._turned = made
        return self._turned

    def frame_method(self) -> Expression:
        """A call that gives the map of the frame, kept between calls that want no gradient."""
        assert self.frame is not None
        slot = self.slot(self.frame.map.data[0])
        if not self._frame_method:
            raw = RawNames(self.locals)
            computed = Computed(self.model, self.locals, self.shop.runtime, self.slot, Name("self"), raw)
            code = computed.parameter(slot.name).code
            self._frame_method = self.methods.new(f"_frame_of_{self.flow.name}")
            about = f"The map in whose frame the steps of `{self.flow.name}` are run."
            body = [raw.unpacked([slot]), *returned(computed.body, [code])]
            self.functions.append(Function(self._frame_method, ("self", raw.argument), "Tensor", (about,), tuple(body)))
        self.shop.runtime["remembered"] = None
        method = Name(f"self.{self._frame_method}")
        return call("remembered", Name("self._memory"), Name(f'"{self._frame_method}"'), tensors([slot]), method)

    # --- what its substeps are ----------------------------------------------------------------------------------

    def _method_label(self, index: int) -> str:
        method = self.flow.parts[index].method
        inner = f"_{method.inner.name}" if method.inner is not None else ""
        return f"{method.name}{inner}" if method.name.isidentifier() else method.kind

    def move(self, substep: Substep) -> Move:
        advance, part = self.plan.advances[substep.part], self.flow.parts[substep.part]
        made = self.advances.part(part.field, advance, substep.part == 0, self._label[substep.part])
        return Move(made, substep.coefficient, substep.clock, part.field)

    def pull(self, substep: Substep) -> Pull:
        """The methods of the gradient of a substep."""
        advance, part = self.plan.advances[substep.part], self.flow.parts[substep.part]
        return self.advances.pull(part.field, advance, substep.part == 0, self._label[substep.part])

    def undone(self, substep: Substep) -> Move | str:
        """The substep undone: the same places of the clock, run from its end."""
        advance, part = self.plan.advances[substep.part], self.flow.parts[substep.part]
        found = self.advances.inverse(part.field, advance, substep.part == 0, self._label[substep.part], self.contracts)
        if not isinstance(found, Inverse):
            return found
        if not found.is_backward:
            return Move(found.part, substep.coefficient, substep.clock, part.field)
        end = substep.clock + substep.coefficient if substep.part == 0 else substep.clock
        return Move(found.part, -substep.coefficient, end, part.field)

    def _moves_clock(self, move: Move) -> bool:
        return move.field == self.flow.parts[0].field

    def key(self, want: Want, move: Move) -> Key:
        if want.kind == "scheduled":
            place = move.clock + (want.place * move.coefficient if self._moves_clock(move) else Exact(0))
            return Key("scheduled", want.name, place)
        if want.kind in ("propagator", "shift"):
            return Key(want.kind, want.name, move.coefficient)
        return Key(want.kind, want.name)

    def slot(self, name: str) -> Slot:
        return self.slots.of_flow(self.flow.name, name)

    # --- values before the steps --------------------------------------------------------------------------------

    def values(self, moves: list[Move], purpose: str) -> tuple[list[Key], list[Key], Expression | None]:
        """The method that computes what the moves need; constants, stacks, and how it is called."""
        keys = list(dict.fromkeys(self.key(want, move) for move in moves for want in move.part.wants))
        keys = [k for k in keys if k.kind != "shift"]
        if not keys:
            return [], [], None
        like = self.locals[self.flow.blocks[0]]
        raw = RawNames(self.locals)
        computed = Computed(self.model, self.locals, self.shop.runtime, self.slot, Name(like), raw)
        codes = self._computed(computed, keys)
        constants = [k for k in codes if not computed.is_stacked(k)]
        stacks = [k for k in codes if computed.is_stacked(k)]
        result = items(items(*(codes[k] for k in constants)), items(*(codes[k] for k in stacks)))
        has_duration = any(k.kind == "propagator" for k in keys)
        slots = [slot for slot in self.slots.all if self.flow.name in slot.flows]
        arguments = ["self", raw.argument] if slots else ["self"]
        arguments += [f"{like}: Tensor"] if computed.writer.used_like else []
        arguments += [f"{self.locals.duration}: float"] if has_duration else []
        body = (*([raw.unpacked(slots)] if slots else []), *computed.body, Return(result))
        name = self._values_method(purpose, tuple(arguments), body)
        given: list[Expression] = [Name(like)] if computed.writer.used_like else []
        given += [Name(self.locals.duration)] if has_duration else []
        if not slots or not computed.body:
            return constants, stacks, call(f"self.{name}", *([tensors(slots)] if slots else []), *given)
        return constants, stacks, self._remembered(name, slots, given, like if computed.writer.used_like else "")

    def _remembered(self, name: str, slots: list[Slot], given: list[Expression], like: str) -> Expression:
        """Values that cost something, kept between calls that want no gradient, for the type and place of the state `like`."""
        self.shop.runtime["remembered"] = None
        key: Expression = Name(f'"{name}"')
        if like:
            key = items(key, Name(f"{like}.dtype"), Name(f"{like}.device"))
        method, raw = Name(f"self.{name}"), self.locals.raw
        made = Lambda(raw, call(method.text, Name(raw), *given)) if given else method
        return call("remembered", Name("self._memory"), key, tensors(slots), made)

    def _values_method(
        self, purpose: str, arguments: tuple[str, ...], body: tuple[Statement, ...]
    ) -> str:
        for made in self.functions:  # forward and backward often need the same
            if made.parameters == arguments and made.body == body:
                return made.name
        name = self.methods.new(f"_{purpose}_of_{self.label}")
        about = f"What the steps of `{self.flow.name}` use: the same for all steps, then [steps, ...], one for each."
        returned = "tuple[tuple[Tensor, ...], tuple[Tensor, ...]]"
        self.functions.append(Function(name, arguments, returned, (about,), body))
        return name

    def _computed(self, computed: Computed, keys: list[Key]) -> dict[Key, Expression]:
        codes: dict[Key, Expression] = {}
        for key in sorted(keys, key=lambda k: ("param", "hoisted", "scheduled", "propagator").index(k.kind)):
            if key.kind == "param":
                codes[key] = computed.parameter(key.name).code
            elif key.kind == "hoisted":
                codes[key] = computed.hoisted(key.name).code
            elif key.kind == "propagator":
                self._propagated(computed, key, codes)
        self._scheduled(computed, [k for k in keys if k.kind == "scheduled"], codes)
        return codes

    def _propagated(self, computed: Computed, key: Key, codes: dict[Key, Expression]) -> None:
        assert isinstance(key.place, Exact)
        names = (self.name(key), self.name(Key("shift", key.name, key.place)))
        index = next(i for i, part in enumerate(self.flow.parts) if part.field == key.name)
        advance = self.plan.advances[index]
        assert isinstance(advance, Linear)
        computed.propagator(advance, self._duration(key.place), names)
        codes[key] = Name(names[0])
        codes[Key("shift", key.name, key.place)] = Name(names[1])

    def _scheduled(self, computed: Computed, keys: list[Key], codes: dict[Key, Expression]) -> None:
        """Each parameter at all its places of all steps in one product."""
        places = list(dict.fromkeys(k.place for k in keys))
        if not places:
            return
        steps = self.sizes.size(self.flow.steps)
        name = computed.names.new("places")
        like = computed.writer.like
        start = call("torch.arange", steps, dtype=Name("torch.float32"), device=Name(f"{text(like)}.device"))
        wide = call("torch.promote_types", Name("torch.float32"), Name(f"{text(like)}.dtype"))
        start = method(start, "to", wide)
        shifted = [Binary("+", Name(name), Number(float(p))) if p else Name(name) for p in places]  # type: ignore[arg-type]
        computed.body.append(Assign((name,), start))
        joined: Expression = call("torch.cat", items(*shifted)) if len(places) > 1 else shifted[0]
        computed.body.append(Assign((name,), Binary("/", joined, steps)))
        for parameter in dict.fromkeys(k.name for k in keys):
            wanted = [k for k in keys if k.name == parameter]
            made = computed.scheduled(parameter, Name(name)).code
            names = [self.name(Key("scheduled", parameter, p)) for p in places]
            split = method(made, "chunk", Number(len(places))) if len(places) > 1 else made
            computed.body.append(Assign(tuple(names), split))
            codes.update({k: Name(self.name(k)) for k in wanted})

    def name(self, key: Key) -> str:
        """The local name of a value in the methods of this flow."""
        if key.kind == "hoisted":
            return key.name
        if key.kind == "param":
            return self.locals[key.name]
        if key not in self._keys:
            self._keys[key] = self.locals.names.new(
                self.locals[key.name] + "_at" if key.kind == "scheduled" else f"{key.kind}_{key.name}"
            )
        return self._keys[key]

    # --- running ------------------------------------------------------------------------------------------------

    def number(self, node: Node) -> Expression:
        writer = Writer(self.model, Names(), _no_leaf, Name("self"), self.shop.runtime)
        return writer.value(node).code

    def _duration(self, coefficient: Exact) -> Expression:
        duration = Name(self.locals.duration)
        if coefficient == 1:
            return duration
        if coefficient == -1:
            return Negative(duration)
        rational = coefficient.as_fraction()
        if rational is not None and rational.denominator == 1:
            return Binary("*", Number(int(rational)), duration)
        return Binary("*", Number(float(coefficient)), duration)

    def applied(self, move: Move, last: Move | None = None) -> Statement:
        """The statement that runs one substep; `last` stands in its place at the last step."""
        value = call(f"self.{move.part.method}", *self.given(move, last))
        return Assign(tuple(self.locals[b] for b in move.part.moved), value)

    def given(self, move: Move, last: Move | None = None) -> list[Expression]:
        """The arguments of the method of a substep; of `last` at the last step."""
        found = self._given(move)
        if last is None:
            return found
        return [self.at_last(a, b) for a, b in zip(found, self._given(last), strict=True)]

    def at_last(self, before: Expression, last: Expression) -> Expression:
        """`before`, but at the last step `last`."""
        if before == last:
            return before
        step, count = Name(self.locals.step), self.sizes.size(self.flow.steps)
        end = Number(count.value - 1) if isinstance(count, Number) else Binary("-", count, Number(1))
        return Text(f"{text(before)} if {text(step)} < {text(end)} else {text(last)}", LOOSE)

    def _given(self, move: Move) -> list[Expression]:
        time: Expression = Name(self.locals.time)
        if move.clock:
            time = _plus(time, self._duration(move.clock))
        wants = tuple(Name(self.name(self.key(w, move))) for w in move.part.wants)
        made = move.part.call(self.locals, self._duration(move.coefficient), time, wants)
        assert isinstance(made, Call)
        return list(made.arguments)

    def _setup(
        self, moves: list[Move], call_values: Expression | None, constants: list[Key], stacks: list[Key]
    ) -> list[Statement]:
        body: list[Statement] = []
        uses_duration = any(m.part.takes_duration or m.part.takes_time for m in moves) or (
            any(k.kind in ("propagator", "shift") for k in (*constants, *stacks))
        )
        if uses_duration:
            body.append(Assign((self.locals.duration,), self.number(self.flow.step)))
        if call_values is not None:
            first = unpacking([self.name(k) for k in constants]) if constants else "_"
            body.append(Assign((first, self.locals.stacks if stacks else "_"), call_values))
        if stacks:
            self.shop.runtime["sliced"] = None
            steps = call("sliced", Name(self.locals.stacks), self.sizes.size(self.flow.steps))
            body.append(Assign((self.locals.steps,), steps))
        return body

    def _loop(self, stacks: list[Key], body: list[Statement], timed: bool, backward: bool, clocked: bool) -> Statement:
        """The loop over the steps. `timed`: with their numbers; `clocked`: with the clock at their starts."""
        shown = unpacking([self.name(k) for k in stacks]) if stacks else ""
        step, count = self.locals.step, self.sizes.size(self.flow.steps)
        if clocked:
            body = [self.clock(), *body]
        if not stacks:
            numbers = call("range", count)
            return For(step if timed else "_", call("reversed", numbers) if backward else numbers, tuple(body))
        steps: Expression = call("reversed", Name(self.locals.steps)) if backward else Name(self.locals.steps)
        if len(shown) > LONGEST:
            body = [Assign(targets([self.name(k) for k in stacks]), Name(self.locals.values)), *body]
            shown = self.locals.values
        if not timed:
            return For(shown[1:-1] if len(stacks) > 1 and shown.endswith(")") else shown, steps, tuple(body))
        if backward:
            numbers = call("reversed", call("range", count))
            return For(f"{step}, {shown}", call("zip", numbers, steps, strict=Name("True")), tuple(body))
        return For(f"{step}, {shown}", call("enumerate", steps), tuple(body))

    def clock(self) -> Statement:
        """The statement that reads the clock at the start of a step."""
        start = self.number(self.flow.start)
        since: Expression = Binary("*", Name(self.locals.step), Name(self.locals.duration))
        return Assign((self.locals.time,), since if start == Number(0) else Binary("+", start, since))

    def opened(self, move: Move, stacks: list[Key]) -> list[Statement]:
        """A substep before all steps: what differs from step to step is as in the first."""
        keys = [self.key(want, move) for want in move.part.wants]
        firsts = [(key, Text(f"{self.locals.stacks}[{place}][0]")) for place, key in enumerate(stacks) if key in keys]
        body: list[Statement] = [Assign((self.name(key),), first) for key, first in firsts]
        if move.part.takes_time:
            body.append(Assign((self.locals.time,), self.number(self.flow.start)))
        return [*body, self.applied(move)]

    def _timed(self, moves: list[Move]) -> bool:
        return any(m.part.takes_time for m in moves)

    def run_back(self, name: str, moves: list[Move]) -> None:
        """The method that undoes all steps."""
        constants, stacks, values = self.values(moves, "values_back")
        body = self._setup(moves, values, constants, stacks)
        timed = self._timed(moves)
        body.append(self._loop(stacks, [self.applied(m) for m in moves], timed, True, timed))
        self._add_runner(name, body, f"All steps of `{self.flow.name}`, undone.")

    def steps_one_by_one(self, record: list[Statement]) -> list[Statement]:
        """All steps, unmerged, with `record` after each."""
        moves = [self.move(s) for s in self.plan.step]
        constants, stacks, values = self.values(moves, "values_one_by_one")
        body = self._setup(moves, values, constants, stacks)
        timed = self._timed(moves)
        body.append(self._loop(stacks, [*(self.applied(m) for m in moves), *record], timed, False, timed))
        return body

    def _add_runner(self, name: str, body: list[Statement], about: str) -> None:
        blocks = self.flow.blocks
        arguments = ("self", *(f"{self.locals[b]}: Tensor" for b in blocks))
        result = items(*(Name(self.locals[b]) for b in blocks)) if len(blocks) > 1 else Name(self.locals[blocks[0]])
        self.functions.append(Function(name, arguments, returns(len(blocks)), (about,), (*body, Return(result))))


def _no_leaf(node: Node) -> Value:
    raise AssertionError("an interval of time depends on numbers and dims only")


def _plus(left: Expression, right: Expression) -> Expression:
    if isinstance(right, Negative):
        return Binary("-", left, right.operand)
    if isinstance(right, Binary) and isinstance(right.left, Number) and right.left.value < 0:
        return Binary("-", left, Binary(right.operator, Number(-right.left.value), right.right))
    return Binary("+", left, right)
