"""The emitted module as a tree: header, imports, runtime functions, one class."""

from __future__ import annotations

import re
from dataclasses import replace

from odenet.algebra.facts import resolved
from odenet.emit.advances import Advances
from odenet.emit.charts import Chart, made, started
from odenet.emit.computed import Computed
from odenet.emit.counted import proved_bounds
from odenet.emit.counted_nets import net_determinants
from odenet.emit.expressions import Writer
from odenet.emit.flows import FlowText
from odenet.emit.frames import with_turned_fields
from odenet.emit.header import clean, header
from odenet.emit.inverse_nets import net_inverse
from odenet.emit.library import closure
from odenet.emit.locals import Locals
from odenet.emit.maps import entered, left, public, shape_words, typed_by
from odenet.emit.names import ATTRIBUTES, DIGEST, PUBLIC, Names, argument, attribute
from odenet.emit.nets import NetText
from odenet.emit.parts import Want, Workshop, returns
from odenet.emit.sizes import Sizes
from odenet.emit.slots import Slot, Slots, find_slots
from odenet.emit.tree import (
    Assign,
    Binary,
    Call,
    Class,
    Do,
    Entries,
    Expression,
    Function,
    Module,
    Name,
    Number,
    Return,
    Statement,
    Subscript,
    Text,
    Verbatim,
    With,
    call,
    items,
    method,
)
from odenet.ir.model import Dim, Flow, Model
from odenet.plan.steps import Closed, Plan
from odenet.proof.finding import Finding


class ModuleText:
    """Collects the methods of the class of one model."""

    def __init__(
        self, model: Model, plans: dict[str, Plan], findings: tuple[Finding, ...], dims: dict[str, int]
    ) -> None:
        model, self.frames = with_turned_fields(model, plans)
        self.model, self.plans, self.findings, self.given = model, plans, findings, dims
        self.runtime: dict[str, None] = {}
        self.methods = Names(ATTRIBUTES)
        for dim in model.dims:
            self.methods.new(attribute(dim.name))
        for owner in (*(flow.name for flow in model.flows), *(net.name for net in model.nets)):
            for name in PUBLIC:
                self.methods.new(f"{attribute(owner)}_{name}")
        self.locals = Locals(model)
        self.slots: Slots = find_slots(model, self.methods)
        self.sizes = Sizes(model)
        self.shop = Workshop(model, self.locals, self.methods, self.runtime)
        self.advances = Advances(self.shop)
        self.modules: list[Statement] = []
        self.stages: list[str] = []
        self._names: dict[Slot, str] = {}

    def class_(self) -> Class:
        """The class of the model."""
        flows = [self._flow(flow) for flow in self.model.flows]
        methods = [function for text in flows for function in (*self._public(text), *text.functions)]
        undone = frozenset(text.flow.name for text in flows if not text.reason)
        methods += self._nets({text.flow.name: text.runner for text in flows}, undone)
        if not flows:
            methods += self._field_only()
        parts = [part.function for part in self.shop.parts.values()]
        own = [self._init(), *self._copied(), *self._backprop(flows), *self._values(), *self._reset()]
        return Class(self.model.name, "nn.Module", self._about(), called((*own, *methods, *parts, *self.shop.pulls)))

    # --- flows and nets -----------------------------------------------------------------------------------------

    def _main(self) -> str:
        if self.model.nets:
            return self.model.nets[-1].name
        return self.model.flows[-1].name if self.model.flows else ""

    def _flow(self, flow: Flow) -> FlowText:
        proved = {
            f.claim.property
            for f in self.findings
            if f.verdict == "proved" and f.claim.subject == flow.name and f.claim.kind == "flow" and not f.claim.region
        }
        plan = self.plans[flow.name]
        shears = all(isinstance(a, Closed) and a.reason == "shear" for a in plan.advances)
        return FlowText(
            self.model,
            flow,
            plan,
            self.shop,
            self.advances,
            self.slots,
            self.methods,
            flow.name == self._main(),
            contracts="invertible" in proved or self._is_inverted(flow),
            keeps_volume=shears or bool(proved & {"volume_preserving", "symplectic"}),
            bounds=proved_bounds(self.findings),
            frame=self.frames.get(flow.name),
        )

    def _is_inverted(self, flow: Flow) -> bool:
        """Whether a net that is proved invertible has the flow as a stage; then the flow is, for the same reasons."""
        nets = [net for net in self.model.nets if any(s.kind == "flow" and s.data[0] == flow.name for s in net.stages)]
        return any(
            f.verdict == "proved" and f.claim.property == "invertible" and f.claim.subject == net.name and not f.claim.region
            for f in self.findings
            for net in nets
        )

    def _public(self, text: FlowText) -> list[Function]:
        return public(text)

    def _nets(self, runners: dict[str, str], undone: frozenset[str]) -> list[Function]:
        found, numbers = [], dict[str, int]()
        for net in self.model.nets:
            text = NetText(self.model, net, self.locals, self.slots, self.runtime, self.methods, runners, numbers)
            is_main = net.name == self._main()
            found.append(text.forward(is_main))
            counted = net_determinants(text, is_main)
            found += [*counted, *net_inverse(text, is_main, undone, is_counted=bool(counted))]
            self.modules += text.made
            self.stages += text.names
        return found

    def _field_only(self) -> list[Function]:
        """A model without flows: the sum of its fields."""
        parts = [self.shop.rates(field.name) for field in self.model.fields]
        if not parts:
            return []
        names = [b.name for b in self.model.blocks if any(b.name in part.blocks for part in parts)]
        local = {b: self.locals[b] for b in names}
        spaces = {b: self.model.block(b).space for b in names}
        shapes = {b: self.sizes.shape(spaces[b]) for b in names}
        body = entered(local, self.locals.batch, shapes, self.runtime, typed_by(list(self.slots.all)))
        computed = Computed(self.model, self.locals, self.runtime, self.slots.of_any, Name(local[names[0]]))
        time, inner = self.locals.time, self.locals.inner()
        totals: dict[str, Expression] = {}
        codes: dict[Want, Expression] = {}
        for want in dict.fromkeys(w for part in parts for w in part.wants):
            if want.kind == "scheduled":
                like = local[names[0]]
                self.runtime["moment"] = None
                place = call("moment", Name(time), Name(like))
                codes[want] = Subscript(computed.scheduled(want.name, method(place, "reshape", Number(1))).code, "0")
            else:
                codes[want] = (computed.parameter if want.kind == "param" else computed.hoisted)(want.name).code
        body += computed.body
        for part in parts:
            rates = {b: inner.new(f"d{local[b]}") for b in part.moved}
            value = part.call(self.locals, None, Name(time), tuple(codes[w] for w in part.wants))
            body.append(Assign(tuple(rates.values()), value))
            for block, rate in rates.items():
                totals[block] = Binary("+", totals[block], Name(rate)) if block in totals else Name(rate)
        results = [
            left(totals.get(b, call("torch.zeros_like", Name(local[b]))), self.locals.batch, shapes[b]) for b in names
        ]
        words = ", ".join(f"{b} {shape_words(spaces[b])}" for b in names)
        about = f"The right-hand side at time t, the sum of all fields, from {words}."
        arguments = ("self", f"{time}: float | Tensor", *(f"{local[b]}: Tensor" for b in names))
        result = results[0] if len(results) == 1 else items(*results)
        return [Function("field", arguments, returns(len(names)), (about,), (*body, Return(result)))]

    # --- the constructor ----------------------------------------------------------------------------------------

    def _about(self) -> tuple[str, ...]:
        main = self._main()
        lines = [
            f"The model `{self.model.name}`" + (f"; its forward map is `{main}`." if main else ", a right-hand side.")
        ]
        free = [d.name for d in self.model.dims if d.is_free]
        if free:
            lines += ["", "Args:"]
            lines += [f"    {argument(name)}: the dim `{name}`." for name in free]
            if self.model.flows:
                lines += ["    backprop: where gradients take the states between the steps from; see the property."]
            lines += ["    device, dtype: of the parameters."]
        if self.slots.all:
            lines += [
                "",
                "Parameters are kept as raw, unconstrained tensors; `parameter_values` gives those that the model uses.",
            ]
        return tuple(lines)

    def _init(self) -> Function:
        arguments = ["self"]
        arguments += [f"{argument(d.name)}: int = {self._default(d)}" for d in self.model.dims if d.is_free]
        arguments += ["*"] + (['backprop: str = "store"'] if self.model.flows else [])
        arguments += ["device: torch.device | str | None = None", "dtype: torch.dtype | None = None"]
        body: list[Statement] = [Do(call("super().__init__"))]
        if self.model.flows:
            body.append(Assign(("self.backprop",), Name("backprop")))
        if "remembered" in self.runtime:
            body.append(Assign(("self._memory: dict[Any, Any]",), Text("{}")))
        body += [self._dim(d) for d in self.model.dims]
        body += self._room()
        created = [*(made(slot, self.sizes) for slot in self.slots.all), *self.modules]
        if any("**factory" in _text(s) for s in created):
            body.append(Assign(("factory",), Text('{"device": device, "dtype": dtype}')))
        body += created
        if self.slots.all:
            body.append(Do(call("self.reset_parameters")))
        return Function("__init__", tuple(arguments), "None", (), tuple(body))

    def _copied(self) -> list[Function]:
        """Copies and pickles of the module begin without the values that it keeps between calls."""
        if "remembered" not in self.runtime:
            return []
        about = "What is copied and pickled: all but the values kept between calls."
        state = Return(Text('{**self.__dict__, "_memory": {}}'))
        return [Function("__getstate__", ("self",), "dict[str, Any]", (about,), (state,))]

    def _backprop(self, flows: list[FlowText]) -> list[Function]:
        """The property that says how gradients get at the states between the steps."""
        if not flows:
            return []
        self.runtime["choose_backprop"] = None
        refused = {text.flow.name: text.reason for text in flows if text.reason}
        reasons = Entries(tuple((flow, Text(f'"{reason}"')) for flow, reason in refused.items()))
        about = 'Where gradients take the states between the steps from: "store", "checkpoint" or "invert".'
        taken = Return(Name("self._backprop"))
        chosen = Assign(("self._backprop",), call("choose_backprop", Name("way"), reasons))
        return [
            Function("backprop", ("self",), "str", (about,), (taken,), ("property",)),
            Function("backprop", ("self", "way: str"), "None", (), (chosen,), ("backprop.setter",)),
        ]

    def _default(self, dim: Dim) -> int:
        value = dim.value.constant()
        assert value is not None
        return self.given.get(dim.name, int(value))

    def _room(self) -> list[Statement]:
        """Checks of the sizes at which stages would drop entries, where not all sizes are fine."""
        found: list[Statement] = []
        for net in self.model.nets:
            for stage in net.stages:
                if stage.room is None:
                    continue
                more, less = (resolved(self.model, size) for size in stage.room)
                if more.at_least(less):
                    continue
                self.runtime["has_room"] = None
                words = (Text(f'"{stage.kind} of {net.name}"'), Text(f'"{stage.room[0]} >= {stage.room[1]}"'))
                check = Do(call("has_room", *words, *(self.sizes.size(size) for size in stage.room)))
                found += [check] if check not in found else []
        return found

    def _dim(self, dim: Dim) -> Statement:
        name = attribute(dim.name)
        self.runtime["whole"] = None
        value: Expression = Name(argument(dim.name)) if dim.is_free else self.sizes.polynomial(dim.value)
        return Assign((f"self.{name}",), call("whole", Name(f'"{name}"'), value))

    # --- parameters ---------------------------------------------------------------------------------------------

    def _context(self, slot: Slot) -> Computed:
        """Values of parameters as the flows of a slot see them."""

        def find(name: str) -> Slot:
            return self.slots.of_flow(slot.flows[0], name) if slot.flows else self.slots.of_any(name)

        return Computed(self.model, self.locals, self.runtime, find, Name(self.locals.like), name=self._kept_name)

    def _kept_name(self, slot: Slot) -> str:
        """A local name for the value of a slot: several may hold one parameter."""
        if slot not in self._names:
            single = sum(s.name == slot.name for s in self.slots.all) == 1
            self._names[slot] = self.locals[slot.name] if single else self.locals.names.new(slot.attribute)
        return self._names[slot]

    def _values(self) -> list[Function]:
        body: list[Statement] = []
        entries: list[tuple[str, Expression]] = []
        done: dict[tuple[str, ...], Computed] = {}
        for slot in self.slots.all:
            flows = slot.flows[:1]
            if flows not in done:
                done[flows] = self._context(slot)
            entries.append((slot.attribute, done[flows].parameter(slot.name).code))
        body = _merged([computed.body for computed in done.values()])
        entries += [(f"{name}.weight", _weight(name, self.modules)) for name in self.stages]
        if not entries:
            return []
        about = (
            "The constrained values that the model uses, by the keys of the state dict; stacked as the raw ones are."
        )
        return [
            Function(
                "parameter_values", ("self",), "dict[str, Tensor]", (about,), (*body, Return(Entries(tuple(entries))))
            )
        ]

    def _reset(self) -> list[Function]:
        if not self.slots.all:
            return []
        like = Name(self.locals.like)
        inner: list[Statement] = []
        uses_like = False
        for slot in self.slots.all:
            context = self._context(slot)
            writer = Writer(self.model, self.locals.inner(), context._leaf, like, self.runtime)
            chart = Chart(self.model, self.sizes, self.runtime, context._scalar)
            statements = started(slot, writer, chart)
            inner += [*context.body, *statements]
            uses_like = uses_like or writer.used_like
        body: list[Statement] = []
        if any(slot.parameter.initial is not None and slot.parameter.sets for slot in self.slots.all):
            body.append(Verbatim(f"if self.{self.slots.all[0].attribute}.is_meta:  # nothing to fill yet\n    return"))
        if uses_like:
            body.append(Assign((self.locals.like,), call("torch.zeros", items(), dtype=Name("torch.float64"))))
        body.append(With(call("torch.no_grad"), tuple(inner)))
        about = "Begin again: initial values where the spec gives them, random numbers elsewhere."
        return [Function("reset_parameters", ("self",), "None", (about,), tuple(body))]


def called(methods: tuple[Function, ...]) -> tuple[Function, ...]:
    """The methods that are public, or that one of those that stay calls."""
    uses = {m.name: set(re.findall(r"self\.(_\w+)", repr(m.body))) for m in methods if m.name != "backprop"}
    found = {name for name in uses if not name.startswith("_") or name.startswith("__")}
    waiting = sorted(found)
    while waiting:
        fresh = (uses[waiting.pop()] & uses.keys()) - found
        found |= fresh
        waiting += sorted(fresh)
    return tuple(m for m in methods if m.name in found or m.name == "backprop")


def _merged(bodies: list[list[Statement]]) -> list[Statement]:
    """The statements of several bodies, equal ones once."""
    found: list[Statement] = []
    for body in bodies:
        found += [s for s in body if s not in found]
    return found


def _weight(name: str, modules: list[Statement]) -> Expression:
    statement = next(s for s in modules if isinstance(s, Assign) and s.targets == (f"self.{name}",))
    assert isinstance(statement, Assign) and isinstance(statement.value, Call)
    is_plain = statement.value.function == Name("nn.Linear")
    return Name(f"self.{name}.weight") if is_plain else call(f"self.{name}.value")


def _text(statement: Statement) -> str:
    from odenet.emit.printer import text

    value = getattr(statement, "value", None)
    return text(value) if value is not None else ""


def module_tree(
    model: Model, plans: dict[str, Plan], findings: tuple[Finding, ...], digests: tuple[str, str], version: str,
    dims: dict[str, int],
) -> Module:
    """The whole module."""
    text = ModuleText(model, plans, findings, dims)
    made_class = text.class_()
    made_class = replace(made_class, body=(Verbatim(f'{DIGEST} = "{clean(digests[0], 128)}"'), *made_class.body))
    words = set(re.findall(r"\w+", repr(made_class)))
    library = closure(name for name in text.runtime if name in words)  # a part that nothing calls may have asked for more
    pieces: list[Statement] = [Verbatim(entry.text) for entry in library]
    return Module(header(model, findings, digests, version), (), (*pieces, made_class))
