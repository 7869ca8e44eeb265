"""Flows seen from the frame of an orthogonal map: x' = A' g(A x) is y' = g(y) in y = A x, and so is each step of it.

Where all parts of a flow have one such A that does not change in time, the state is turned once before the steps and once after
them, and no step multiplies by A. A has to be square: then A'A = I and AA' = I, so that a Runge-Kutta step of x, mapped by A, is
that of y (the affine equivariance of such methods).
Source: McLachlan, Modin, Munthe-Kaas, Verdier (2016), B-series methods are exactly the affine equivariant methods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from odenet.ir.model import ConvolutionSpace, Field, Flow, Model
from odenet.ir.node import Node, state, transpose, variable
from odenet.ir.sizes import Space, codomain, domain
from odenet.plan.steps import Plan, RungeKutta


@dataclass(frozen=True)
class Frame:
    """A flow in the frame of `map`, a parameter: `plan` has its fields there; `enter` and `leave` turn the state."""

    map: Node
    plan: Plan
    enter: Node
    leave: Node


def with_turned_fields(model: Model, plans: dict[str, Plan]) -> tuple[Model, dict[str, Frame]]:
    """The model with the fields of turned flows beside its own, and the frames by the name of the flow."""
    fields: dict[tuple[str, Node], Field] = {}
    frames: dict[str, Frame] = {}
    for flow in model.flows:
        map = frame_of(model, flow, plans[flow.name])
        if map is not None:
            frames[flow.name] = _turned(model, plans[flow.name], map, fields)
    return replace(model, fields=(*model.fields, *fields.values())), frames


def frame_of(model: Model, flow: Flow, plan: Plan) -> Node | None:
    """The orthogonal parameter in whose frame no part of a flow multiplies by it, or None."""
    if len(flow.blocks) != 1 or not all(isinstance(a, RungeKutta) for a in plan.advances):
        return None
    rates = [rate for part in flow.parts for _, rate in model.field(part.field).rows]
    for node in rates[0].walk():
        if node.op == "param" and _is_rotation(model, node) and all(turned(rate, node) is not None for rate in rates):
            return node
    return None


def _is_rotation(model: Model, node: Node) -> bool:
    """Whether a parameter is one square orthogonal map for all time."""
    parameter = model.parameter(node.data[0])
    if parameter.schedule is not None or not any(s.name == "orthogonal" for s in parameter.sets):
        return False
    if isinstance(parameter.space, ConvolutionSpace):
        return bool(domain(node.space) == codomain(node.space))
    return parameter.space.rank == 2 and parameter.space.sizes[0] == parameter.space.sizes[1]


def turned(rate: Node, map: Node) -> Node | None:
    """g, when the rate of x is map' g(map x); the argument of g is again called x. None for other rates."""
    if rate.op == "state":
        return rate  # x = map' (map x)
    if rate.op == "zeros":
        return rate
    if rate.op == "apply" and rate.args[0] == transpose(map):
        return _inside(rate.args[1], map)
    if rate.op == "add":
        terms = [turned(term, map) for term in rate.args]
        found = tuple(term for term in terms if term is not None)
        return Node("add", found, (), rate.space) if len(found) == len(terms) else None
    if rate.op == "scale":
        factor, value = _inside(rate.args[0], map), turned(rate.args[1], map)
        return None if factor is None or value is None else Node("scale", (factor, value), (), rate.space)
    return None


def _inside(node: Node, map: Node) -> Node | None:
    """A node that reads the state through the map alone, with map x written as x."""
    known: dict[Node, Node] = {}
    for n in node.walk():
        if n.op == "apply" and n.args[0] == map and n.args[1].op == "state":
            known[n] = variable(f" {n.args[1].data[0]}", n.space)  # no name of a spec begins with a blank
        else:
            known[n] = Node(n.op, tuple(known[a] for a in n.args), n.data, n.space) if n.args else n
    found = known[node]
    if any(n.op == "state" or n == map for n in found.walk()):
        return None
    for n in found.walk():
        seen = n.op == "variable" and n.data[0].startswith(" ")
        arguments = tuple(known[a] for a in n.args)
        known[n] = state(n.data[0][1:], n.space) if seen else Node(n.op, arguments, n.data, n.space) if n.args else n  # type: ignore[arg-type]
    return known[found]


def _turned(model: Model, plan: Plan, map: Node, fields: dict[tuple[str, Node], Field]) -> Frame:
    flow, space = plan.flow, model.block(plan.flow.blocks[0]).space
    parts, advances = [], []
    for part, advance in zip(flow.parts, plan.advances, strict=True):
        field = fields.setdefault((part.field, map), _turned_field(model, part.field, map, fields))
        parts.append(replace(part, field=field.name))
        assert isinstance(advance, RungeKutta)
        advances.append(replace(advance, rates=field.rows))
    x = state(flow.blocks[0], space)
    made = replace(plan, flow=replace(flow, parts=tuple(parts)), advances=tuple(advances))
    return Frame(map, made, _applied(map, x, space), _applied(transpose(map), x, space))


def _turned_field(model: Model, name: str, map: Node, others: dict[tuple[str, Node], Field]) -> Field:
    field, new = model.field(name), f"{name}_turned"
    while any(f.name == new for f in (*model.fields, *others.values())):
        new += "_"
    rows = tuple((block, found) for block, rate in field.rows if (found := turned(rate, map)) is not None)
    return Field(new, rows, field.span)


def _applied(map: Node, x: Node, space: Space) -> Node:
    return Node("apply", (map, x), (), space)
