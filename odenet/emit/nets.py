"""Nets: stages composed into one forward method, and the modules of the stages that hold parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from odenet.emit.computed import Computed
from odenet.emit.expressions import Writer
from odenet.emit.locals import Locals
from odenet.emit.maps import entered, left, shape_words, typed_by
from odenet.emit.names import Names, attribute
from odenet.emit.sizes import Sizes
from odenet.emit.slots import Slots, net_nodes, used_parameters
from odenet.emit.tree import (
    Assign,
    Expression,
    Function,
    Name,
    Number,
    Return,
    Statement,
    Text,
    call,
    method,
)
from odenet.emit.values import Value
from odenet.ir.model import Model, Net, NetStage
from odenet.ir.node import Node, function, replaced, state
from odenet.ir.sizes import Space


@dataclass
class NetText:
    """Writes one net. `runners` are the methods of the flows, by name; `numbers` counts the stages with parameters."""

    model: Model
    net: Net
    locals: Locals
    slots: Slots
    runtime: dict[str, None]
    methods: Names
    runners: dict[str, str]
    numbers: dict[str, int]
    made: list[Statement] = field(default_factory=list)  # for the constructor
    names: list[str] = field(default_factory=list)  # of the submodules

    def forward(self, is_main: bool) -> Function:
        """The forward method: x [..., domain] -> [..., codomain]."""
        sizes, names = Sizes(self.model), self.locals.inner()
        x, batch = names.new("x"), self.locals.batch
        inner = self.parameters(x, names)
        for stage in self.net.stages:
            inner += self._stage(stage, x, names, sizes)
        body = [*entered({"x": x}, batch, {"x": sizes.shape(self.net.domain)}, self.runtime, self.like()), *inner]
        body.append(Return(left(Name(x), batch, sizes.shape(self.net.codomain))))
        about = f"The net `{self.net.name}`: {shape_words(self.net.domain)} to {shape_words(self.net.codomain)}."
        name = "forward" if is_main else self.methods.new(attribute(self.net.name))
        return Function(name, ("self", f"{x}: Tensor"), "Tensor", (about,), tuple(body))

    def like(self) -> str:
        """A parameter of the type that the argument needs, once the stages are written."""
        found = f"self.{self.names[0]}.weight" if self.names else ""
        own = [self.slots.of_any(name) for name in used_parameters(self.model, net_nodes(self.model, self.net))]
        return found or typed_by([*own, *(s for s in self.slots.all if self.flows & set(s.flows))])

    @property
    def flows(self) -> set[str]:
        """The flows among the stages."""
        return {stage.data[0] for stage in self.net.stages if stage.kind == "flow"}

    def parameters(self, x: str, names: Names) -> list[Statement]:
        """The constrained parameters that `def` stages use."""
        nodes = net_nodes(self.model, self.net)
        computed = Computed(self.model, self.locals, self.runtime, self.slots.of_any, Name(x))
        self._values = {n: computed.parameter(n) for n in used_parameters(self.model, nodes)}
        return computed.body

    def _stage(self, stage: NetStage, x: str, names: Names, sizes: Sizes) -> list[Statement]:
        if stage.kind in ("linear", "conv"):
            name = self._module(stage, sizes)
            return [Assign((x,), call(f"self.{name}", Name(x)))]
        if stage.kind == "flow":
            return [Assign((x,), call(f"self.{self.runners[stage.data[0]]}", Name(x)))]
        if stage.kind in ("function", "def"):
            return self._written(stage, x, names)
        return [Assign((x,), self.plain(stage, Name(x), sizes))]

    def plain(self, stage: NetStage, x: Expression, sizes: Sizes) -> Expression:
        if stage.kind == "flatten":
            return method(x, "flatten", Number(1))
        size = sizes.size(stage.data[0])
        if stage.kind in ("maxpool", "avgpool"):
            return call(f"F.{stage.kind[:3]}_pool2d", x, size)
        if stage.kind == "take":
            return method(x, "narrow", Number(-1), Number(0), size)
        self.runtime[stage.kind] = None
        return call(stage.kind, x, size)

    def _written(self, stage: NetStage, x: str, names: Names) -> list[Statement]:
        """A stage that is an expression."""
        body, writer = self.expression(stage), self.writer(stage, x, names)
        writer.count(body)
        value = writer.full(body)
        code = value.code
        if not value.lead:
            sizes = Sizes(self.model).shape(stage.codomain)
            code = method(code, "expand", Text(f"{x}.shape[0]"), *sizes)
        return [*writer.body, Assign((x,), code)]

    def expression(self, stage: NetStage) -> Node:
        """A stage that is a function or a `def`, as a node over `argument(stage)`."""
        if stage.kind == "function":
            return function(stage.data[0], argument(stage), *(Fraction(p) for p in stage.data[1:]))
        return self._instantiated(stage, argument(stage))

    def writer(self, stage: NetStage, x: str, names: Names) -> Writer:
        """A writer for expressions of a stage whose argument has the local name x."""

        def leaf(node: Node) -> Value:
            if node.op == "state":
                return Value(Name(x), rank=stage.domain.rank, lead=True)
            return self._values[node.data[0]]

        return Writer(self.model, names, leaf, Name(x), self.runtime)

    def _instantiated(self, stage: NetStage, block: Node) -> Node:
        """The body of a `def` with its argument replaced; an elementwise one takes the space of the stage."""
        definition = self.model.definition(stage.data[0])
        name, given = definition.arguments[0]
        if given == stage.domain:
            leaves = {n: block for n in definition.body.walk() if n.op == "variable" and n.data[0] == name}
            return replaced(definition.body, leaves.get)
        return _lifted(definition.body, block)

    # --- modules ------------------------------------------------------------------------------------------------

    def _module(self, stage: NetStage, sizes: Sizes) -> str:
        self.numbers[stage.kind] = self.numbers.get(stage.kind, 0) + 1
        name = self.methods.new(f"{stage.kind}_{self.numbers[stage.kind]}")
        inside = Sizes(self.model)
        made = self._linear(stage, inside) if stage.kind == "linear" else self._convolution(stage, inside)
        self.made.append(Assign((f"self.{name}",), made))
        self.names.append(name)
        return name

    def _bound(self, stage: NetStage) -> Expression | None:
        if stage.norm is None:
            return None
        computed = Computed(self.model, self.locals, self.runtime, self.slots.of_any, Name("self"))
        code = computed.writer.value(stage.norm).code
        return code

    def _linear(self, stage: NetStage, sizes: Sizes) -> Expression:
        ends = (sizes.size(stage.domain.sizes[0]), sizes.size(stage.codomain.sizes[0]))
        bound = self._bound(stage)
        if bound is None:
            return call("nn.Linear", *ends, Text("**factory"))
        self.runtime["BoundedLinear"] = None
        return call("BoundedLinear", *ends, bound, Text("**factory"))

    def _convolution(self, stage: NetStage, sizes: Sizes) -> Expression:
        size, padding, stride = stage.data
        channels = (sizes.size(stage.domain.sizes[0]), sizes.size(stage.codomain.sizes[0]))
        circular = padding == "circular"
        given = (*channels, Number(int(size)), Name(str(circular)), *((Number(int(stride)),) if stride != 1 else ()))
        bound = self._bound(stage)
        if bound is None:
            self.runtime["Convolution"] = None
            return call("Convolution", *given, Text("**factory"))
        self.runtime["BoundedConvolution"] = None
        image = f"({', '.join(map(_text, sizes.shape(Space(stage.domain.sizes[1:]))))})"
        more = [Text(f"bound={_text(bound)}")] + ([Text(f"image={image}")] if circular else [])
        return call("BoundedConvolution", *given, *more, Text("**factory"))


def changes_nothing(stage: NetStage) -> bool:
    """Whether a stage is the identity."""
    return stage.kind in ("take", "embed", "lift") and stage.domain == stage.codomain


def argument(stage: NetStage) -> Node:
    """What stands for the argument of a stage."""
    return state(" x", stage.domain)  # no name of a spec holds a blank


def _lifted(body: Node, block: Node) -> Node:
    """A body written for a scalar, applied entry by entry to a block."""
    known: dict[Node, Node] = {}
    for n in body.walk():
        arguments = tuple(known[a] for a in n.args)
        if n.op == "variable":
            known[n] = block
        elif any(a.space == block.space for a in arguments):
            spread = tuple(a if a.space == block.space or n.op == "scale" else _spread(a, block) for a in arguments)
            op = "mul" if n.op == "scale" and spread[0].space == block.space else n.op
            known[n] = Node(op, spread, n.data, block.space)
        else:
            known[n] = Node(n.op, arguments, n.data, n.space) if n.args else n
    return known[body]


def _spread(node: Node, block: Node) -> Node:
    return Node("spread", (node,), (), block.space)


def _text(expression: Expression) -> str:
    from odenet.emit.printer import text

    return text(expression)
