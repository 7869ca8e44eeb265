"""Parameters: where they are made, their constrained values, and how they begin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from odenet.emit.expressions import Writer
from odenet.emit.printer import text
from odenet.emit.sizes import Sizes
from odenet.emit.slots import Slot, image_sizes
from odenet.emit.tree import (
    Assign,
    Attribute,
    Binary,
    Call,
    Do,
    Expression,
    Name,
    Number,
    Statement,
    Text,
    call,
    items,
    method,
)
from odenet.emit.values import Value, aligned
from odenet.emit.writing import LONGEST
from odenet.ir.model import ConvolutionSpace, Model, ParameterSet
from odenet.ir.node import Node

LINEAR = {"skew": "skew_symmetric", "symmetric": "symmetric", "psd": "semidefinite"}
BOUNDED = {"skew": "bounded_skew", "symmetric": "bounded_symmetric", "psd": "bounded_semidefinite"}
MARKOV = {"stochastic": "stochastic", "doubly_stochastic": "doubly_stochastic", "laplacian": "laplacian"}
TRIANGLES = {"lower": "tril", "upper": "triu"}


@dataclass(frozen=True)
class Chart:
    """Writes the constrained value of a slot from its raw tensor.

    `scalar` writes a bound of a set: a value with a leading axis where it depends on the steps.
    """

    model: Model
    sizes: Sizes
    runtime: dict[str, None]
    scalar: Callable[[Node], Value]

    def value(self, slot: Slot, raw: Expression) -> Expression:
        """The constrained value; `raw` has the stacking axis of the slot, or none."""
        sets = {s.name: s for s in slot.parameter.sets}
        if isinstance(slot.parameter.space, ConvolutionSpace):
            return self._kernel(slot, raw, slot.parameter.space, sets)
        if set(sets) <= {"positive", "nonnegative", "interval", "binary", "orthogonal", *MARKOV}:
            return self._single(slot, raw, slot.parameter.sets[0]) if sets else raw
        if "norm" in sets:
            return self._bounded(slot, raw, sets["norm"].arguments[0], tuple(n for n in sets if n != "norm"))
        return self._structured(slot, raw, tuple(sets))

    def _call(self, name: str, *arguments: Expression) -> Call:
        self.runtime[name] = None
        return call(name, *arguments)

    def _single(self, slot: Slot, raw: Expression, chosen: ParameterSet) -> Expression:
        if chosen.name == "interval":
            return self._call("clamped" if slot.parameter.is_clamped else "interval", raw, *self._ends(slot, chosen))
        if chosen.name == "nonnegative":
            return self._nonnegative(slot, raw)
        return self._call(MARKOV.get(chosen.name, chosen.name), raw)

    def _ends(self, slot: Slot, chosen: ParameterSet) -> list[Expression]:
        return [aligned(self.scalar(a), slot.rank) for a in chosen.arguments]

    def inside(self, slot: Slot, raw: Expression) -> Expression:
        """Numbers off the ends of a clamped set, from any: where a parameter without an initial value begins."""
        chosen = slot.parameter.set_named("interval")
        return self._call("positive", raw) if chosen is None else self._call("interval", raw, *self._ends(slot, chosen))

    def _nonnegative(self, slot: Slot, raw: Expression) -> Expression:
        return self._call("clamped", raw, Number(0)) if slot.parameter.is_clamped else self._call("positive", raw)

    def _structured(self, slot: Slot, raw: Expression, names: tuple[str, ...]) -> Expression:
        shape = next((n for n in names if n != "nonnegative"), "")
        entry = self._nonnegative(slot, raw) if "nonnegative" in names else raw
        if shape == "diagonal":
            return call("torch.diag_embed", entry)
        if shape in TRIANGLES:
            return method(entry, TRIANGLES[shape])
        return self._call(LINEAR[shape], entry)

    def _bounded(self, slot: Slot, raw: Expression, bound: Node, names: tuple[str, ...]) -> Expression:
        limit = self.scalar(bound).code
        if not names:
            return self._call("bounded", raw, limit)
        if names == ("upper",):  # W upper and R upper: W R^-1 is upper
            return method(self._call("bounded", method(raw, "triu"), limit), "triu")
        if names == ("lower",):
            return Attribute(method(self._call("bounded", method(Attribute(raw, "mT"), "triu"), limit), "triu"), "mT")
        if names == ("diagonal",):
            return call("torch.diag_embed", self._call("bounded_entries", raw, limit))
        return self._call(BOUNDED[names[0]], raw, limit)

    def _kernel(
        self, slot: Slot, raw: Expression, space: ConvolutionSpace, sets: dict[str, ParameterSet]
    ) -> Expression:
        if "orthogonal" in sets:
            return self._call("orthogonal_kernel", raw, *map(self.sizes.size, (space.outputs, space.inputs)))
        if "norm" not in sets:
            return raw
        found = image_sizes(self.model, slot.name) if space.padding == "circular" else None
        size = Name("None") if found is None else items(*map(self.sizes.size, found))
        return self._call("bounded_convolution", raw, self.scalar(sets["norm"].arguments[0]).code, size)


def is_identity(slot: Slot) -> bool:
    """Whether the raw tensor is the value."""
    return not slot.parameter.sets


# --- making and beginning -----------------------------------------------------------------------------------------------


def made(slot: Slot, sizes: Sizes) -> Statement:
    """The statement of the constructor that makes the tensor of a slot."""
    empty = Call(Name("torch.empty"), (*slot.shape(sizes), Text("**factory")))
    if slot.parameter.is_frozen:
        return Do(call("self.register_buffer", Name(f'"{slot.attribute}"'), empty))
    return Assign((f"self.{slot.attribute}",), call("nn.Parameter", empty))


def started(slot: Slot, writer: Writer, chart: Chart) -> list[Statement]:
    """Statements that fill the tensor of a slot with its initial value, or with random numbers."""
    target = Name(f"self.{slot.attribute}")
    if slot.parameter.initial is None:
        spread = [Do(method(target, "copy_", chart.inside(slot, target)))] if slot.parameter.is_clamped else []
        return [_random(slot, target, chart), *spread]
    before = len(writer.body)
    value = _raw(slot, writer, chart)
    added = writer.body[before:]
    del writer.body[before:]
    return [*added, Do(method(target, "copy_", value))]


def _random(slot: Slot, target: Expression, chart: Chart) -> Statement:
    """Normal numbers; of matrices and kernels with the deviation that keeps the size of what they are applied to."""
    space, sizes = slot.parameter.space, chart.sizes
    if slot.is_orthogonal_kernel:
        chart.runtime["begin_at_one_tap"] = None
        return Do(call("begin_at_one_tap", target))
    chosen = {s.name for s in slot.parameter.sets}
    if isinstance(space, ConvolutionSpace):
        fan: Expression = Binary("*", sizes.size(space.inputs), Number(space.size**2))
        return Do(call("nn.init.normal_", target, std=Binary("**", fan, Number(-0.5))))
    if space.rank == 0 or chosen & {"diagonal", "interval", "binary", *MARKOV}:
        return Do(call("nn.init.normal_", target))
    return Do(call("nn.init.normal_", target, std=Binary("**", sizes.shape(space)[-1], Number(-0.5))))


def _raw(slot: Slot, writer: Writer, chart: Chart) -> Expression:
    """Raw values, on the CPU in float64, whose constrained values are the initial value."""
    initial = slot.parameter.initial
    assert initial is not None
    value = writer.full(initial).code
    for chosen in sorted(slot.parameter.sets, key=lambda s: s.name not in ("norm",)):
        value = _unset(slot, chosen, value, writer, chart)
    if len(text(value)) > LONGEST:
        value = writer.named(Value(value), "value").code
    shape = Attribute(Name(f"self.{slot.attribute}"), "shape")
    if slot.parameter.schedule is not None and slot.parameter.schedule.kind in ("poly", "fourier"):
        chart.runtime["constant_first"] = None
        return call("constant_first", value, shape)
    return method(value, "expand", shape)


def _unset(slot: Slot, chosen: ParameterSet, value: Expression, writer: Writer, chart: Chart) -> Expression:
    def inverse(name: str, *more: Expression) -> Expression:
        chart.runtime[name] = None
        return call(name, value, *more)

    if slot.parameter.is_clamped and chosen.name in ("interval", "nonnegative"):
        return value
    if chosen.name in ("positive", "nonnegative"):
        return inverse("positive_raw")
    if chosen.name == "interval":
        ends = [_as_double(chart.scalar(a), slot.rank) for a in chosen.arguments]
        return inverse("interval_raw", *ends)
    if chosen.name in ("orthogonal", "laplacian", "stochastic", "doubly_stochastic"):
        return inverse(f"{chosen.name}_raw")
    if chosen.name == "psd":
        return inverse("semidefinite_raw")
    if chosen.name == "diagonal":
        return method(value, "diagonal", dim1=Number(-2), dim2=Number(-1))
    if chosen.name == "skew":
        return method(value, "triu", Number(1))
    if chosen.name == "norm":
        others = tuple(s.name for s in slot.parameter.sets if s.name != "norm")
        limit = _as_double(chart.scalar(chosen.arguments[0]), 0)
        if others == ("lower",):
            chart.runtime["bounded_raw"] = None
            return Attribute(call("bounded_raw", Attribute(value, "mT"), limit), "mT")
        return inverse("bounded_raw" if not others or others == ("upper",) else "bounded_normal_raw", limit)
    return value


def _as_double(value: Value, rank: int) -> Expression:
    code = aligned(value, rank)
    return code if value.is_number else method(code, "to", Name('"cpu"'), Name("torch.float64"))
