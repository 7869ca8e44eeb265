"""The public methods of a flow: forward, inverse, trajectory, field, log_abs_det_jacobian."""

from __future__ import annotations

from odenet.emit.computed import Computed, Key
from odenet.emit.determinants import determinants
from odenet.emit.flows import FlowText, Move
from odenet.emit.gradients.sweeps import SweepText
from odenet.emit.names import attribute
from odenet.emit.parts import Part, Want, returns
from odenet.emit.printer import text as written
from odenet.emit.slots import Slot, used_parameters
from odenet.emit.tree import (
    Assign,
    Binary,
    Do,
    Expression,
    Function,
    Items,
    Name,
    Number,
    Raise,
    Return,
    Statement,
    Subscript,
    Text,
    call,
    items,
    method,
)
from odenet.ir.node import param
from odenet.ir.sizes import SCALAR, Space


def public(text: FlowText) -> list[Function]:
    """The public methods of a flow. The main flow has the plain names, another its own name in front."""
    name = attribute(text.flow.name)
    forward = "forward" if text.is_main else text.methods.new(name)
    prefix = "" if text.is_main else f"{name}_"
    return [
        _forward(text, forward),
        *_inverse(text, f"{prefix}inverse"),
        _trajectory(text, f"{prefix}trajectory"),
        _field(text, f"{prefix}field"),
        *determinants(text, Blocks(text), prefix, forward),
    ]


# --- shapes -------------------------------------------------------------------------------------------------------------


def entered(
    local: dict[str, str],
    batch: str,
    shapes: dict[str, tuple[Expression, ...]],
    runtime: dict[str, None],
    like: str = "",
) -> list[Statement]:
    """Check the arguments and flatten what is in front of them to one axis. `like`: a parameter of the type they need."""
    runtime["leading"] = None
    body: list[Statement] = [Assign((batch,), checked(local, shapes, like))]
    body += [Assign((local[b],), method(Name(local[b]), "reshape", Number(-1), *shapes[b])) for b in local]
    return body


def checked(local: dict[str, str], shapes: dict[str, tuple[Expression, ...]], like: str = "") -> Expression:
    """The call that checks types and shapes and gives the batch shape."""
    given = Text("{" + ", ".join(f'"{b}": {name}' for b, name in local.items()) + "}")
    wanted = Text("{" + ", ".join(f'"{b}": {written(Items(shapes[b]))}' for b in local) + "}")
    return call("leading", given, wanted, *([Name(like)] if like else []))


def typed_by(slots: list[Slot]) -> str:
    """A parameter with axes, whose type the state must have; scalars take that of the state. "" where all are scalars."""
    return next((f"self.{slot.attribute}" for slot in slots if slot.rank), "")


def left(
    value: Expression, batch: str, shape: tuple[Expression, ...], front: tuple[Expression, ...] = ()
) -> Expression:
    """A result with the batch shape of the arguments again."""
    if not shape and not front:
        return method(value, "reshape", Name(batch))
    return method(value, "reshape", *front, Text(f"*{batch}"), *shape)


def shape_words(space: Space) -> str:
    """A space as a shape with a batch in front: `[..., n]`."""
    return f"[{', '.join(['...', *map(str, space.sizes)])}]"


class Blocks:
    """The blocks of a flow: names, shapes, what they are called in docstrings."""

    def __init__(self, text: FlowText) -> None:
        self.text, self.names = text, text.flow.blocks
        self.local = {b: text.locals[b] for b in self.names}
        self.shapes = {b: text.sizes.shape(text.model.block(b).space) for b in self.names}
        self.like = typed_by([slot for slot in text.slots.all if text.flow.name in slot.flows])

    def enter(self) -> list[Statement]:
        text = self.text
        return entered(self.local, text.locals.batch, self.shapes, text.shop.runtime, self.like)

    def checked(self) -> Expression:
        """The call that checks the shapes of the blocks and gives their batch shape."""
        self.text.shop.runtime["leading"] = None
        return checked(self.local, self.shapes, self.like)

    def leave(self, values: dict[str, Expression], front: tuple[Expression, ...] = ()) -> Statement:
        back = [left(values[b], self.text.locals.batch, self.shapes[b], front) for b in self.names]
        return Return(back[0] if len(back) == 1 else items(*back))

    def run(self, runner: str) -> Statement:
        arguments = [Name(self.local[b]) for b in self.names]
        return Assign(tuple(self.local.values()), call(f"self.{runner}", *arguments))

    @property
    def parameters(self) -> tuple[str, ...]:
        return ("self", *(f"{self.local[b]}: Tensor" for b in self.names))

    @property
    def returns(self) -> str:
        return returns(len(self.names))

    @property
    def words(self) -> str:
        return ", ".join(f"{b} {shape_words(self.text.model.block(b).space)}" for b in self.names)

    @property
    def values(self) -> dict[str, Expression]:
        return {b: Name(self.local[b]) for b in self.names}


# --- forward, inverse, trajectory -----------------------------------------------------------------------------------------


def _forward(text: FlowText, name: str) -> Function:
    turned = text.turned()
    if turned is None:
        SweepText(text).write()
    else:
        SweepText(turned).write()
        text.reason = turned.reason
        text.functions.append(in_frame(text, turned.runner, text.runner, f"All steps of `{text.flow.name}`"))
    blocks = Blocks(text)
    about = f"The state after all steps of `{text.flow.name}`, from {blocks.words}."
    return Function(
        name,
        blocks.parameters,
        blocks.returns,
        (about,),
        (*blocks.enter(), blocks.run(text.runner), blocks.leave(blocks.values)),
    )


def _inverse(text: FlowText, name: str) -> list[Function]:
    blocks = Blocks(text)
    moves = [text.undone(substep) for substep in reversed(text.plan.step)]
    reason = next((m for m in moves if isinstance(m, str)), None)
    if reason is not None:
        about = f"Not available: {reason}."
        return [Function(name, blocks.parameters, blocks.returns, (about,), (Raise("NotImplementedError", reason),))]
    runner = _back_runner(text)
    about = f"The state before all steps of `{text.flow.name}`, from the state after them: {blocks.words}."
    return [
        Function(
            name,
            blocks.parameters,
            blocks.returns,
            (about,),
            (*blocks.enter(), blocks.run(runner), blocks.leave(blocks.values)),
        )
    ]


def _back_runner(text: FlowText) -> str:
    """The name of the method that undoes all steps."""
    turned = text.turned() or text
    moves = [m for s in reversed(turned.plan.step) if isinstance(m := turned.undone(s), Move)]
    runner = text.methods.new(f"_undo_{turned.label}")
    turned.run_back(runner, moves)
    if turned is text:
        return runner
    outer = text.methods.new(f"_undo_{text.flow.name}")
    text.functions.append(in_frame(text, runner, outer, f"All steps of `{text.flow.name}` undone"))
    return outer


def in_frame(text: FlowText, runner: str, name: str, about: str) -> Function:
    """A method that turns the state into the frame of a flow, runs another there, and turns it back."""
    assert text.frame is not None
    block = text.flow.blocks[0]
    x, map = text.locals[block], text.frame.map
    frame = text.frame_method()
    writer = text.shop.writer(text.locals.inner(), x)
    local = text.locals[map.data[0]]
    body: list[Statement] = [
        Assign((local,), frame),
        Assign((x,), writer.value(text.frame.enter).code),
        Assign((x,), call(f"self.{runner}", Name(x))),
        Return(writer.value(text.frame.leave).code),
    ]
    about = f"{about}, in the frame of `{map.data[0]}`, where its parts do not multiply by it."
    return Function(name, ("self", f"{x}: Tensor"), "Tensor", (about,), tuple(body))


def _trajectory(text: FlowText, name: str) -> Function:
    blocks = Blocks(text)
    lists = {b: text.locals.inner().new(f"{text.locals[b]}_states") for b in blocks.names}
    record: list[Statement] = [Do(method(Name(lists[b]), "append", Name(text.locals[b]))) for b in blocks.names]
    start = [Assign((lists[b],), Items((Name(text.locals[b]),), is_list=True)) for b in blocks.names]
    body = [*blocks.enter(), *start, *text.steps_one_by_one(record)]
    stacked = {b: call("torch.stack", Name(lists[b])) for b in blocks.names}
    about = f"The states before the first step of `{text.flow.name}` and after each, stacked on a new first axis."
    values: dict[str, Expression] = dict(stacked)
    return Function(name, blocks.parameters, blocks.returns, (about,), (*body, blocks.leave(values, (Number(-1),))))


# --- the right-hand side ----------------------------------------------------------------------------------------------------


def _field(text: FlowText, name: str) -> Function:
    """The sum of the fields of the flow at a time; a piecewise parameter is the one of the step that the time lies in."""
    blocks, locals = Blocks(text), text.locals
    parts = [text.shop.rates(part.field) for part in text.flow.parts]
    wants = list(dict.fromkeys(w for part in parts for w in part.wants))
    index, place, time = locals.index, locals.place, locals.time
    slots = _slots_of(text, wants)
    body = blocks.enter()
    clocked = any(s.is_stacked for s in slots)
    if clocked:
        body += _clock(text, time, index, place, slots)

    def raw(slot: Slot) -> Expression:
        kept = Name(f"self.{slot.attribute}")
        if slot.steps is not None:
            return method(kept, "index_select", Number(0), Name(index))
        return Subscript(kept, "0") if not slot.is_stacked and slot.rank == 0 else kept

    computed = Computed(text.model, locals, text.shop.runtime, text.slot, Name(locals[blocks.names[0]]), raw)
    codes: dict[Want, Expression] = {}
    for want in wants:
        codes[want] = _now(computed, want, place)
    body += computed.body
    calls = [part.call(locals, None, Name(time), tuple(codes[w] for w in part.wants)) for part in parts]
    totals = _summed(text, parts, calls, body)
    body.append(blocks.leave(totals))
    about = (
        f"The right-hand side of `{text.flow.name}` at time t: the sum of its fields.",
        "",
        f"From {blocks.words}; t is a number or a tensor without axes.",
        "",
    )
    takes = ("self", f"{time}: float | Tensor", *blocks.parameters[1:])
    return Function(name, takes, blocks.returns, about[:-1], tuple(body))


def _slots_of(text: FlowText, wants: list[Want]) -> list[Slot]:
    nodes = [text.locals.hoisted_node(w.name) if w.kind == "hoisted" else param(w.name, SCALAR) for w in wants]
    return [text.slot(name) for name in used_parameters(text.model, tuple(nodes))]


def _clock(text: FlowText, time: str, index: str, place: str, slots: list[Slot]) -> list[Statement]:
    like = text.locals[text.flow.blocks[0]]
    start, end = text.number(text.flow.start), text.number(text.flow.end)
    text.shop.runtime["moment"] = None
    body: list[Statement] = [Assign((time,), call("moment", Name(time), Name(like)))]
    since: Expression = Name(time) if start == Number(0) else Binary("-", Name(time), start)
    if any(s.steps is not None for s in slots):
        count = text.sizes.size(text.flow.steps)
        last = Number(count.value - 1) if isinstance(count, Number) else Binary("-", count, Number(1))
        step = text.number(text.flow.step)
        ratio = since if step == Number(1) else Binary("/", since, step)
        bounded = method(method(ratio, "floor"), "clamp", Number(0), last)
        body.append(Assign((index,), method(method(bounded, "long"), "reshape", Number(1))))
    if any(s.knots is not None for s in slots):
        length = end if start == Number(0) else Binary("-", end, start)
        body.append(Assign((place,), method(Binary("/", since, length), "reshape", Number(1))))
    return body


def _now(computed: Computed, want: Want, place: str) -> Expression:
    """A wanted value at the time of the call, without its stacking axis."""
    if want.kind == "scheduled":
        return Subscript(computed.scheduled(want.name, Name(place)).code, "0")
    value = computed.parameter(want.name) if want.kind == "param" else computed.hoisted(want.name)
    stacked = computed.is_stacked(Key(want.kind, want.name))
    return Subscript(value.code, "0") if stacked else value.code


def _summed(text: FlowText, parts: list[Part], calls: list[Expression], body: list[Statement]) -> dict[str, Expression]:
    """The sum of the rates of the parts, block by block."""
    totals: dict[str, Expression] = {}
    names = text.locals.inner()
    for part, value in zip(parts, calls, strict=True):
        if len(part.moved) == 1 and len(calls) <= 2:
            found: dict[str, Expression] = {part.moved[0]: value}
        else:
            rates = {b: names.new(f"d{text.locals[b]}") for b in part.moved}
            body.append(Assign(tuple(rates.values()), value))
            found = {b: Name(name) for b, name in rates.items()}
        for block, rate in found.items():
            totals[block] = Binary("+", totals[block], rate) if block in totals else rate
    for block in text.flow.blocks:
        totals.setdefault(block, call("torch.zeros_like", Name(text.locals[block])))
    return totals
