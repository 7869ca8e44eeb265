"""Steps that do nothing, taken out of a network: its number of steps and its weights together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from odenet.certify.files import Unreadable
from odenet.emit.slots import flow_nodes, used_parameters
from odenet.ir.model import ConvolutionSpace, Flow, Model
from odenet.ir.node import Node, depends_on
from odenet.ir.sizes import MapSpace, Size, Space
from odenet.plan.still import moving
from odenet.trained.weights import Trained, Weights, trained

SAMPLES = 256


@dataclass(frozen=True)
class Group:
    """Flows that take the same number of steps, the free dim `dim` of them.

    kept, removed: steps, counted from 0. smallest: the least size of what would have to be zero in any kept step.
    """

    flows: tuple[str, ...]
    dim: str
    kept: tuple[int, ...]
    removed: tuple[int, ...]
    smallest: float | None


@dataclass(frozen=True)
class Pruned:
    """A network without the steps that do nothing.

    groups: what was looked at; refused: why others were not. change: the largest change of an output of `SAMPLES`
    random normal inputs, in float64; size: the largest output.
    """

    before: Trained
    after: Trained
    groups: tuple[Group, ...]
    refused: tuple[str, ...]
    change: float
    size: float


def prune(network: Trained, below: float = 0.0, **proving: Any) -> Pruned:
    """The network without the steps in which all parts of a flow stand still.

    A part stands still where parameters that all its rates are multiples of are at most `below` in size, entry by
    entry.

    Raises:
        Unreadable: no flow of the spec can lose steps; the text says why.
    """
    model = network.loaded.model
    refused: list[str] = []
    groups = []
    for flows in _groups(model):
        why = next(filter(None, (_obstacle(model, flow) for flow in flows)), "") or _shared_dim(model, flows)
        if why:
            refused.append(why)
        else:
            groups.append(_group(network, flows, below))
    if not groups:
        raise Unreadable("\n".join(refused) or f"{model.name} has no flow, so no steps")
    dims = {**network.dims, **{group.dim: len(group.kept) for group in groups}}
    after = trained(network.loaded, _cut(network, groups), dims, **proving)
    return Pruned(network, after, tuple(groups), tuple(refused), *_difference(network, after))


# --- which flows ----------------------------------------------------------------------------------------------------


def _groups(model: Model) -> list[list[Flow]]:
    """Flows by the expression for their number of steps: those share their stacks."""
    found: dict[Size, list[Flow]] = {}
    for flow in model.flows:
        found.setdefault(flow.steps, []).append(flow)
    return list(found.values())


def _obstacle(model: Model, flow: Flow) -> str:
    """Why no step of a flow can be taken out, or nothing."""
    dim = _dim(model, flow)
    if dim is None:
        return (
            f"{flow.name}: its number of steps, {flow.steps}, is not a dim of its own: declare `dim L = …` and write "
            f"`over [0, L] steps L`"
        )
    if depends_on(flow.step, "dim", frozenset({dim})):
        return (
            f"{flow.name}: with fewer steps each would be longer, so the others would change: write "
            f"`over [0, {dim}] steps {dim}`, whose steps have length 1"
        )
    nodes = flow_nodes(model, flow)
    if any(depends_on(node, "time") for node in nodes):
        return f"{flow.name}: it depends on t, and without a step the later ones would see another time"
    used = [model.parameter(name) for name in used_parameters(model, nodes)]
    for parameter in used:
        if parameter.schedule is not None and parameter.moves_within_steps:
            return (
                f"{flow.name}: `{parameter.name}` is `{parameter.schedule.kind}` in time, with no value of its own "
                "for each step"
            )
    stay = moving(model, flow, frozenset(p.name for p in used if p.schedule is not None))
    if stay:
        return (
            f"{flow.name}: `{stay[0]}` is no multiple of a `param(t)`, "
            "so none of its steps can do nothing: give it a step size"
        )
    return ""


def _dim(model: Model, flow: Flow) -> str | None:
    return next((d.name for d in model.dims if d.is_free and flow.steps == Size.dim(d.name)), None)


def _shared_dim(model: Model, flows: list[Flow]) -> str:
    """Why the dim of flows may not change, or nothing: it says something else too."""
    dim = _dim(model, flows[0])
    assert dim is not None
    names = {flow.name for flow in flows}
    for place, sizes in _places(model, names):
        if any(dim in size.dims() for size in sizes):
            who = ", ".join(sorted(names))
            return f"{who}: `{dim}` is also a size in {place}: give the number of steps a dim of its own"
    return ""


def _places(model: Model, flows: set[str]) -> Iterator[tuple[str, Iterable[Size]]]:
    """What mentions sizes, but for the steps of the flows."""
    for d in model.dims:
        yield f"dim {d.name}", () if d.is_free else (d.value,)
    for block in model.blocks:
        yield f"state {block.name}", block.space.sizes
    for parameter in model.parameters:
        space = parameter.space
        own = (space.inputs, space.outputs) if isinstance(space, ConvolutionSpace) else space.sizes
        nodes = [a for s in parameter.sets for a in s.arguments] + ([parameter.initial] if parameter.initial else [])
        yield f"param {parameter.name}", (*own, *_sizes(nodes))
    for name, node in model.constants:
        yield f"const {name}", _sizes([node])
    for definition in model.definitions:
        yield f"def {definition.name}", _sizes([definition.body])
    for field in model.fields:
        yield f"field {field.name}", _sizes([rate for _, rate in field.rows])
    for flow in model.flows:
        if flow.name not in flows:
            yield f"flow {flow.name}", (flow.steps, *_sizes([flow.start, flow.end]))
    for net in model.nets:
        spaces = [space for stage in net.stages for space in (stage.domain, stage.codomain)]
        yield f"net {net.name}", [size for space in spaces for size in space.sizes]


def _sizes(nodes: Iterable[Node]) -> list[Size]:
    """Every size that nodes speak of."""
    found: list[Size] = []
    for node in nodes:
        for n in node.walk():
            found += [Size.dim(n.data[0])] if n.op == "dim" else []
            found += [part for part in n.data if isinstance(part, Size)]
            spaces = (n.space.domain, n.space.codomain) if isinstance(n.space, MapSpace) else (n.space,)
            found += [size for space in spaces for size in space.sizes]
    return found


# --- which steps ----------------------------------------------------------------------------------------------------


def _group(network: Trained, flows: list[Flow], below: float) -> Group:
    model = network.loaded.model
    count = network.dims[_dim(model, flows[0]) or ""]
    sizes = {flow.name: _magnitudes(network, flow) for flow in flows}
    levels = [max(_level(model, flow, sizes[flow.name], step) for flow in flows) for step in range(count)]
    removed = [step for step, level in enumerate(levels) if level <= below]
    if len(removed) == count:
        removed = removed[1:]  # a dim is at least 1, so one step that does nothing stays
    kept = tuple(step for step in range(count) if step not in removed)
    smallest = min((levels[step] for step in kept if levels[step] > below), default=None)
    return Group(tuple(f.name for f in flows), _dim(model, flows[0]) or "", kept, tuple(removed), smallest)


def _magnitudes(network: Trained, flow: Flow) -> dict[str, list[float]]:
    """The largest entry of each parameter of a flow, in absolute value, step by step; of one for all time, the one."""
    values = network.values()
    return {
        slot.name: _sizes_of(values[slot.attribute], slot.steps is not None)
        for slot in network.slots
        if flow.name in slot.flows
    }


def _sizes_of(value: Tensor, is_stacked: bool) -> list[float]:
    rows = value.reshape(len(value) if is_stacked else 1, -1)
    return [float(size) for size in rows.abs().amax(1)]


def _level(model: Model, flow: Flow, sizes: dict[str, list[float]], step: int) -> float:
    """The least bound such that the flow stands still in a step where all parameters up to it are taken as zero."""
    now = {name: size[step if len(size) > 1 else 0] for name, size in sizes.items()}
    for bound in sorted(set(now.values())):
        if not moving(model, flow, frozenset(name for name, size in now.items() if size <= bound)):
            return bound
    return float("inf")


def _cut(network: Trained, groups: list[Group]) -> Weights:
    """The weights without the rows of removed steps."""
    found = dict(network.weights)
    for group in groups:
        for slot in network.slots:
            if slot.steps == Size.dim(group.dim) and set(slot.flows) & set(group.flows):
                found[slot.attribute] = found[slot.attribute][list(group.kept)]
    return found


# --- what it changes ------------------------------------------------------------------------------------------------


def _difference(before: Trained, after: Trained) -> tuple[float, float]:
    """The largest change of any output, and the largest output, of random normal inputs."""
    model = before.loaded.model
    dims = model.dim_values(before.dims)
    generator = torch.Generator().manual_seed(0)
    shapes = [(SAMPLES, *(int(size.evaluate(dims)) for size in space.sizes)) for space in _inputs(model)]
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    with torch.no_grad():
        one, other = (_blocks(network.module(*inputs)) for network in (before, after))
    change = max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))
    return change, max(float(a.abs().max()) for a in one)


def _inputs(model: Model) -> list[Space]:
    """What the module takes: the domain of the last net, or the blocks of the last flow."""
    if model.nets:
        return [model.nets[-1].domain]
    return [model.block(name).space for name in model.flows[-1].blocks]


def _blocks(value: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (value,) if isinstance(value, Tensor) else value
