"""Where each parameter of the spec is kept in the module: its name, its shape, how many values it has."""

from __future__ import annotations

from dataclasses import dataclass

from odenet.emit.names import Names, attribute
from odenet.emit.sizes import Sizes
from odenet.emit.tree import Expression, Number, call
from odenet.ir.model import ConvolutionSpace, Flow, Model, Net, Parameter
from odenet.ir.node import Node, parameters
from odenet.ir.sizes import MapSpace, Size


@dataclass(frozen=True)
class Slot:
    """One trained (or frozen) tensor. `steps`: it is a stack of one value for each step; `knots`: of one for each knot.

    `attribute` is its key in the state dict, `flows` are the flows that use it.
    """

    parameter: Parameter
    attribute: str
    steps: Size | None
    flows: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.parameter.name

    @property
    def knots(self) -> int | None:
        schedule = self.parameter.schedule
        return schedule.knots if schedule is not None and self.parameter.moves_within_steps else None

    @property
    def is_stacked(self) -> bool:
        return self.steps is not None or self.knots is not None

    @property
    def rank(self) -> int:
        """Axes of one value."""
        space = self.parameter.space
        return 4 if isinstance(space, ConvolutionSpace) else space.rank

    def raw_rank(self) -> int:
        """Axes of the raw tensor of one value."""
        if self.is_orthogonal_kernel:
            return 3
        return 1 if self.parameter.set_named("diagonal") else self.rank

    @property
    def is_orthogonal_kernel(self) -> bool:
        """Whether its raw tensor is [size, m, m], m the larger number of channels."""
        return isinstance(self.parameter.space, ConvolutionSpace) and self.parameter.set_named("orthogonal") is not None

    def shape(self, sizes: Sizes) -> tuple[Expression, ...]:
        """The shape of the tensor that is kept. A single scalar has shape (1,): sharded training refuses no axes at all."""
        space = self.parameter.space
        own: tuple[Expression, ...]
        if isinstance(space, ConvolutionSpace):
            ends = (sizes.size(space.outputs), sizes.size(space.inputs))
            own = (*ends, Number(space.size), Number(space.size))
            if self.is_orthogonal_kernel:
                own = (Number(space.size), *(_larger(space, sizes),) * 2)
        else:
            own = sizes.shape(space)[: self.raw_rank()]
        stack = self._stack(sizes)
        return (*stack, *own) or (Number(1),)

    def _stack(self, sizes: Sizes) -> tuple[Expression, ...]:
        if self.knots is not None:
            return (Number(self.knots),)
        return () if self.steps is None else (sizes.size(self.steps),)


def _larger(space: ConvolutionSpace, sizes: Sizes) -> Expression:
    """The larger number of channels."""
    one, other = space.outputs, space.inputs
    if one.at_least(other) or other.at_least(one):
        return sizes.size(one if one.at_least(other) else other)
    return call("max", sizes.size(one), sizes.size(other))


@dataclass(frozen=True)
class Slots:
    """All slots of a model, in the order of the declarations."""

    all: tuple[Slot, ...]

    def of_flow(self, flow: str, name: str) -> Slot:
        """The slot that a flow reads for a parameter."""
        return next(s for s in self.all if s.name == name and flow in s.flows)

    def of_any(self, name: str) -> Slot:
        return next(s for s in self.all if s.name == name)


def used_parameters(model: Model, nodes: tuple[Node, ...]) -> tuple[str, ...]:
    """The parameters in the nodes and in the bounds of their sets, in the order of their declaration."""
    found: set[str] = set()
    waiting = [name for node in nodes for name in sorted(parameters(node))]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            bounds = [argument for s in model.parameter(name).sets for argument in s.arguments]
            waiting.extend(other for bound in bounds for other in sorted(parameters(bound)))
    return tuple(p.name for p in model.parameters if p.name in found)


def flow_nodes(model: Model, flow: Flow) -> tuple[Node, ...]:
    """The rates of all parts of a flow."""
    return tuple(rate for part in flow.parts for _, rate in model.field(part.field).rows)


def net_nodes(model: Model, net: Net) -> tuple[Node, ...]:
    """The bodies of the `def` stages of a net."""
    return tuple(model.definition(stage.data[0]).body for stage in net.stages if stage.kind == "def")


def find_slots(model: Model, names: Names) -> Slots:
    """The slots of all parameters that a flow or net uses (of a model without flows: that a field uses)."""
    users: dict[str, list[Flow]] = {}
    for flow in model.flows:
        for name in used_parameters(model, flow_nodes(model, flow)):
            users.setdefault(name, []).append(flow)
    others = {name for net in model.nets for name in used_parameters(model, net_nodes(model, net))}
    if not model.flows:
        rates = tuple(rate for field in model.fields for _, rate in field.rows)
        others |= set(used_parameters(model, rates))
    found: list[Slot] = []
    for parameter in model.parameters:
        if parameter.name in users or parameter.name in others:
            found.extend(_slots(parameter, users.get(parameter.name, []), names))
    return Slots(tuple(found))


def _slots(parameter: Parameter, flows: list[Flow], names: Names) -> list[Slot]:
    """One slot; of a piecewise parameter one for each number of steps that its flows have."""
    kept = attribute(parameter.name)
    if parameter.schedule is None or parameter.schedule.kind != "piecewise" or not flows:
        return [Slot(parameter, names.new(kept), None, tuple(f.name for f in flows))]
    groups: dict[Size, list[Flow]] = {}
    for flow in flows:
        groups.setdefault(flow.steps, []).append(flow)
    if len(groups) == 1:
        return [Slot(parameter, names.new(kept), flows[0].steps, tuple(f.name for f in flows))]
    return [
        Slot(parameter, names.new(f"{parameter.name}_{group[0].name}"), group[0].steps, tuple(f.name for f in group))
        for group in groups.values()
    ]


def image_sizes(model: Model, name: str) -> tuple[Size, Size] | None:
    """Height and width of the images that a convolution acts on, when all its uses agree."""
    found: set[tuple[Size, Size]] = set()
    bodies = [rate for field in model.fields for _, rate in field.rows]
    for node in (*bodies, *(definition.body for definition in model.definitions)):
        for n in node.walk():
            if n.op == "param" and n.data[0] == name and isinstance(n.space, MapSpace):
                found.add((n.space.domain.sizes[1], n.space.domain.sizes[2]))
    return found.pop() if len(found) == 1 else None
