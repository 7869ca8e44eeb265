"""Refutations checked again: a witness, from its data alone, breaks the claim by the definition of the property.

Nothing of the search is used: sizes, membership in the sets, the region and the violated quantity are evaluated here, in rationals
where they stay rational and in balls elsewhere. A violation excludes equality.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from odenet.ir.balls import Undefined, evaluate, to_balls
from odenet.ir.differentiate import NotSupported
from odenet.ir.model import Claim, ConvolutionSpace, Model, Parameter, ParameterSet
from odenet.ir.node import Node, states
from odenet.ir.sizes import Size, Space
from odenet.plan.steps import Plan
from odenet.recheck.conditions import has_series, is_of_such_parts, residual, sees
from odenet.recheck.nets import SIZED, room
from odenet.recheck.scalars import Rejected
from odenet.recheck.witness.duals import Dual, flat, lift, split
from odenet.recheck.witness.members import MEMBERS
from odenet.recheck.witness.others import others_have_members
from odenet.recheck.witness.place import INPUT, Place, demand, flows_of, net_of
from odenet.recheck.witness.plane import first_difference
from odenet.recheck.witness.runs import Run, World
from odenet.recheck.witness.stages import net_value
from odenet.recheck.witness.violations import VIOLATIONS
from odenet.schemes.numbers import ExactError

TIME, ORDER, TREE = "t", "entries of g x", "tree"
BITS = 256
FAULTS = (Undefined, NotSupported, ExactError, ArithmeticError, ValueError, KeyError, IndexError, TypeError, AttributeError,
          AssertionError, RecursionError, StopIteration)


def recheck_witness(model: Model, plans: Mapping[str, Plan], claim: Claim, witness: Mapping[str, Any]) -> str:
    """What was evaluated and its enclosure.

    Args:
        plans: the plans of all flows by name.
        witness: the `witness` of `verify --format json`: sizes (`dims`) and exact numbers (`values`).

    Raises:
        Rejected: a size, a value or the state is not where it has to be, or the claim is not seen to be violated there.
    """
    try:
        with ctx.workprec(BITS):
            if claim.property == "order":
                return _order(model, claim, witness["values"])
            place = _place(model, plans, claim, witness)
            quantity, value, excess = VIOLATIONS[claim.property](place)
    except FAULTS as fault:
        raise Rejected(f"{type(fault).__name__}: {fault}") from fault
    if not excess:
        raise Rejected(f"{quantity} is {shown(value)}, which is no violation")
    return f"{quantity} is {shown(value)}"


def shown(value: Any) -> str:
    return str(value) if isinstance(value, fmpq) and len(str(value)) <= 40 else str(arb(value).str(12)).strip("[]")


def _order(model: Model, claim: Claim, values: Mapping[str, Any]) -> str:
    """A condition up to the claimed order that fails."""
    flow, wanted = model.flow(claim.subject), claim.arguments[0]
    assert isinstance(wanted, Node)
    if TREE in values and has_series(flow, values[TREE]):
        demand(is_of_such_parts(model, flow, values[TREE]), "a field that does not see what its child moves")
        found, degree = residual(flow, values[TREE])
        what = f"the residual of the tree {values[TREE]}"
    else:
        found, degree = first_difference(flow, int(wanted.data[0]), sees(model, flow))
        what = f"the coefficient of h^{degree} less that of the exact flow, for fields of the plane"
    demand(degree <= wanted.data[0], "the tree is of a higher degree than the order")
    demand(bool(found > 0 or found < 0), "the condition holds")
    return f"{what} is {shown(found) if isinstance(found, (fmpq, arb)) else found}"


# --- reading: sizes, members, states ------------------------------------------------------------------------------------------


def _place(model: Model, plans: Mapping[str, Plan], claim: Claim, witness: Mapping[str, Any]) -> Place:
    given = {name: _numbers(value) for name, value in witness["values"].items()}
    dims = _dims(model, witness["dims"])
    spaces = _spaces(model, claim, given)
    _demand_room(model, claim, dims)
    runs = [plans[name] for name in flows_of(model, claim)]
    sizes = [*(s for space in spaces.values() for s in space.sizes), *(plan.flow.steps for plan in runs)]
    demand(all(_is_size(size.evaluate(dims)) for size in sizes), "a size that is no positive whole number")
    world = World(model, plans, dims, {}, fmpq(0))
    if TIME in given and claim.kind != "flow":
        world.time = given[TIME][()]
    steps = max((int(plan.flow.steps.evaluate(dims)) for plan in runs), default=0)
    _members(world, given, steps if claim.kind in ("flow", "net") else None, _weights(model, claim))
    others_have_members(world, claim.kind in ("flow", "net"))
    shapes = {name: tuple(int(s.evaluate(dims)) for s in space.sizes) for name, space in spaces.items()}
    points = {}
    for name, prefix in (("x", ""), ("y", "y."), ("v", "v.")):
        if name == "x" or prefix + next(iter(shapes)) in given:
            points[name] = np.concatenate([_shaped(given, prefix + block, shape).reshape(-1) for block, shape in shapes.items()])
    order = given[ORDER].tolist() if ORDER in given else None
    demand(order is None or all(i.q == 1 for i in order), "an entry with a number that is not whole")
    place = Place(model, claim, world, shapes, points, order and [int(i.p) for i in order], _map(world, claim, shapes))
    demand(place.holds_region(points["x"]), "the state is not certainly in the region")
    demand("v" not in points or any(e != 0 for e in points["v"]), "the direction is zero")
    return place


def _demand_room(model: Model, claim: Claim, dims: Mapping[str, int]) -> None:
    """Stages that append entries have fewer before them, those that pick some have more."""
    net = net_of(model, claim)
    for stage in net.stages if net else ():
        if stage.kind in SIZED:
            more, less = room(stage)
            demand(more.evaluate(dims) >= less.evaluate(dims), "a stage without room")


def _numbers(value: Any) -> Any:
    """Nested lists of numbers as an array of rationals."""
    def read(v: Any) -> Any:
        return tuple(read(e) for e in v) if isinstance(v, (list, tuple)) else Fraction(v)

    return to_balls(read(value))


def _shaped(given: Mapping[str, Any], name: str, shape: tuple[int, ...]) -> Any:
    demand(name in given, f"no value of {name}")
    demand(given[name].shape == shape, f"{name} has the shape {given[name].shape}, not {shape}")
    return given[name]


def _is_size(value: Fraction) -> bool:
    return value.denominator == 1 and value >= 1


def _dims(model: Model, given: Mapping[str, Any]) -> dict[str, int]:
    """All dims: the given ones, defaults for the other free ones, and those derived from them."""
    found: dict[str, int] = {}
    for dim in model.dims:
        value = dim.value.evaluate(found) if dim.name not in given or not dim.is_free else Fraction(given[dim.name])
        demand(_is_size(value) and Fraction(given.get(dim.name, value)) == value, f"the size {dim.name} does not fit")
        found[dim.name] = int(value)
    demand(set(given) <= set(found), "a size of no dim")
    return found


def _spaces(model: Model, claim: Claim, given: Mapping[str, Any]) -> dict[str, Space]:
    """The blocks of the state: all that the witness has, among them those that the subject and the claim speak of."""
    net = net_of(model, claim)
    if net is not None:
        return {INPUT: net.domain}
    if claim.kind == "def":
        return dict(model.definition(claim.subject).arguments)
    asked: set[str] = set(model.flow(claim.subject).blocks) if claim.kind == "flow" else set()
    for name in claim.fields:
        asked |= {n for block, rate in model.field(name).rows for n in (block, *states(rate))}
    for node in (*(a for a in claim.arguments if isinstance(a, Node)), *(s for c in claim.region for s in (c.left, c.right))):
        asked |= states(node)
    found = {block.name: block.space for block in model.blocks if block.name in given}
    demand(asked <= set(found), "a block without a value")
    return found


def _weights(model: Model, claim: Claim) -> list[Parameter]:
    """The weights of the stages of a net, as parameters: `linear 3` of the third stage."""
    net, found = net_of(model, claim), []
    for place, stage in enumerate(net.stages if net else (), 1):
        sets = () if stage.norm is None else (ParameterSet("norm", (stage.norm,), stage.span),)
        space: Space | ConvolutionSpace = Space((stage.codomain.sizes[0], stage.domain.sizes[0])) if stage.domain.sizes else Space()
        if stage.kind == "conv":
            space = ConvolutionSpace(stage.domain.sizes[0], stage.codomain.sizes[0], *stage.data)
        if stage.kind in ("linear", "conv"):
            found.append(Parameter(f"{stage.kind} {place}", space, None, sets, False, None, stage.span))
    return found


def _members(world: World, given: Mapping[str, Any], steps: int | None, weights: list[Parameter]) -> None:
    """Puts the parameter values into the world; each has to lie in its sets, with the bounds as they are then."""
    read = {p.name: _moving(world.model, p) for p in world.model.parameters}
    for p in (*world.model.parameters, *weights):
        if p.name not in given:
            continue
        shape = tuple(int(s.evaluate(world.dims)) for s in _kernel(p.space))
        is_list, count = p.schedule is not None and steps is not None, 1
        if is_list:
            assert p.schedule is not None
            count = steps if p.schedule.kind == "piecewise" else int(p.schedule.knots or 1)  # type: ignore[assignment]
            demand(not read[p.name] or p.schedule.kind == "piecewise", f"the bound of {p.name} moves otherwise")
        value = _shaped(given, p.name, (count, *shape) if is_list else shape)
        for index in range(count):
            values = {name: v[index] if is_list and name in read[p.name] else v for name, v in world.values.items()} \
                if p.name in read else world.values
            env = world.environment(values)
            for one in p.sets:
                bounds = [evaluate(node, env)[()] for node in one.arguments]
                demand(MEMBERS[one.name](np.asarray(value[index] if is_list else value, dtype=object), *bounds),
                        f"{p.name} is not certainly in its set")
        world.values = {**world.values, p.name: value}


def _kernel(space: Space | ConvolutionSpace) -> tuple[Size, ...]:
    if isinstance(space, Space):
        return space.sizes
    return space.outputs, space.inputs, Size.number(space.size), Size.number(space.size)


def _moving(model: Model, parameter: Parameter) -> frozenset[str]:
    """The parameters that depend on time and bound this one. Raises Rejected where they are not piecewise."""
    names = {n.data[0] for s in parameter.sets for a in s.arguments for n in a.walk() if n.op == "param"}
    return frozenset(p.name for p in model.parameters if p.name in names and p.schedule is not None)


def _map(world: World, claim: Claim, shapes: dict[str, tuple[int, ...]]) -> Callable[[Dual], Dual]:
    names = tuple(shapes)
    if claim.kind == "field":
        return lambda dual: flat(world.rates(claim.fields, split(dual, shapes)), names)
    if claim.kind == "flow":
        return lambda dual: flat(Run(world, world.plans[claim.subject]).flow(split(dual, shapes)), names)
    if claim.kind == "net":
        return lambda dual: net_value(world, claim.subject, split(dual, shapes)[INPUT]).reshape(len(dual), -1)
    body = world.model.definition(claim.subject).body
    return lambda dual: lift(body, world.environment(), split(dual, shapes), "variables")[:, None]
