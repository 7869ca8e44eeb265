"""The parameters that a witness does not name have members beside those that it names.

A claim speaks of members of all parameters together: where one value leaves another parameter none, nothing is said.
"""
from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

from odenet.ir.balls import evaluate, to_balls
from odenet.ir.model import ConvolutionSpace, Parameter
from odenet.ir.sizes import Size, Space
from odenet.recheck.scalars import Rejected
from odenet.recheck.witness.members import below
from odenet.recheck.witness.runs import World
from odenet.sets import sample


def others_have_members(world: World, is_map: bool) -> None:
    """Raises Rejected where a set of a parameter without a value is not certainly there. `is_map`: of what moves with the time,
    the values are one for each step."""
    unnamed = [p for p in world.model.parameters if p.name not in world.values and any(s.arguments for s in p.sets)]
    if not unnamed:
        return
    used = {n.data[0] for p in unnamed for s in p.sets for a in s.arguments for n in a.walk() if n.op == "param"}
    lists = {p.name for p in world.model.parameters if is_map and p.schedule is not None and p.name in world.values}
    for index in range(max((len(world.values[name]) for name in lists & used), default=1)):
        values = {name: v[min(index, len(v) - 1)] if name in lists else v for name, v in world.values.items()}
        for parameter in world.model.parameters:
            if parameter.name in values or not (parameter in unnamed or parameter.name in used):
                continue
            sets = [(s.name, _ends(s.name, [evaluate(a, world.environment(values))[()] for a in s.arguments]))
                    for s in parameter.sets]
            if parameter.name in used:
                values[parameter.name] = to_balls(sample(Random(0), _shape(world, parameter), sets))


def _ends(name: str, bounds: list[Any]) -> tuple[Fraction, ...]:
    """Rational bounds as strict as the given ones, and of a set that is not empty."""
    if name == "interval":
        low, high = -_rational(-bounds[0]), _rational(bounds[1])
        if low > high:
            raise Rejected("the interval of another parameter may be empty there")
        return low, high
    found = tuple(map(_rational, bounds))
    if any(bound < 0 for bound in found):
        raise Rejected("the set of another parameter may be empty there")
    return found


def _rational(bound: Any) -> Fraction:
    number = below(bound)
    return Fraction(int(number.p), int(number.q))


def _shape(world: World, parameter: Parameter) -> tuple[int, ...]:
    space: Space | ConvolutionSpace = parameter.space
    listed = space.sizes if isinstance(space, Space) else (space.outputs, space.inputs, *[Size.number(space.size)] * 2)
    return tuple(int(size.evaluate(world.dims)) for size in listed)
