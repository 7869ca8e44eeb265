"""What changes along a field, a flow or a net: `preserves`, `dissipates`, `positive`. Of a flow they speak of every step."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from odenet.ir.node import states
from odenet.recheck.witness.duals import Duals, flat, lift, seeded, split
from odenet.recheck.witness.place import INPUT, Place, demand
from odenet.recheck.witness.runs import Run

Found = tuple[str, Any, bool]  # what was evaluated, its value, whether it certainly breaks the claim


def _changes(place: Place) -> Iterator[Any]:
    """grad I . f, or I(Φ(x)) - I(x); of a flow, the change in each step of the trajectory."""
    if place.claim.kind == "field":
        yield place.scalar(place.node(), place.dual("x", place.image()))[1]
        return
    if place.claim.kind == "flow":
        values = (place.scalar(place.node(), state)[0] for state in _trajectory(place))
        before = next(values)
        for after in values:
            yield after - before
            before = after
        return
    node, net = place.node(), place.model.net(place.claim.subject)
    (name,) = states(node)
    of_any_size = node.op in ("sum", "dot", "norm") and all(a.op == "state" for a in node.args)
    demand(of_any_size or {net.domain, net.codomain} == {place.model.block(name).space}, "an invariant of another space")
    env, shape = place.world.environment(), place.shapes[INPUT] if net.domain == net.codomain else (-1,)
    after, before = (lift(node, env, {name: seeded(x, ()).reshape(1, *shape)})[0] for x in (place.image(), place.points["x"]))
    yield after - before


def _trajectory(place: Place) -> Iterator[Any]:
    """The state at the start and after each step of a flow, as flat duals without directions."""
    run = Run(place.world, place.world.plans[place.claim.subject])
    there: Duals = split(place.dual(), place.shapes)
    yield flat(there, tuple(place.shapes))
    for index in range(run.steps):
        there = run.step(there, index, run.start + index * run.length, run.length)
        yield flat(there, tuple(place.shapes))


def _worst(quantity: str, values: Iterable[Any], is_broken: Callable[[Any], bool]) -> Found:
    """The first value that certainly breaks the claim, or else the last: later steps are not run when one is found."""
    value = None
    for value in values:
        if is_broken(value):
            return quantity, value, True
    return quantity, value, False


def preserves(place: Place) -> Found:
    return _worst("the change of the invariant", _changes(place), lambda x: bool(x > 0) or bool(x < 0))


def dissipates(place: Place) -> Found:
    return _worst("the change of the quantity", _changes(place), lambda x: bool(x > 0))


def positive(place: Place) -> Found:
    x = place.points["x"]
    demand(all(e >= 0 for e in x), "a state outside the orthant")
    if place.claim.kind == "flow":
        values = (e for state in _trajectory(place) for e in state[0])
    else:
        at_edge = place.claim.kind == "field"
        values = (e for e, at in zip(place.image(), x, strict=True) if not at_edge or at == 0)
    return _worst("an entry that has to be >= 0", values, lambda e: bool(e < 0))
