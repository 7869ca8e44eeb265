"""Settings drawn for a claim: small sizes, and parameter values certainly inside their sets."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod
from random import Random
from typing import Any

from odenet.ir.model import ConvolutionSpace, Parameter
from odenet.ir.sizes import Space, count
from odenet.proof.refute.cases import Setting
from odenet.proof.refute.draws import STYLES, member
from odenet.proof.refute.evaluate import Evaluator
from odenet.proof.refute.members import is_member
from odenet.proof.refute.relevant import Scope
from odenet.proof.refute.rotations import plane, turned
from odenet.proof.refute.scalars import Scalar, Undefined, exact
from odenet.proof.refute.shapes import shape_of
from odenet.proof.refute.tensors import nested, tensor

PATTERNS = ((2,), (2, 1), (1, 2), (2, 3), (3, 2), (1,), (3,), (1, 2, 2), (2, 2, 3), (3, 1), (4,), (5, 6))
TIMES = (Fraction(0), Fraction(1), Fraction(1, 2), Fraction(2), Fraction(3))
LARGE = 64
MANY = 8  # steps beyond which two values of a parameter take turns


def sizes(scope: Scope) -> list[dict[str, int]]:
    """Small sizes of all dims at which every space of the claim has one, the default sizes last."""
    found: list[dict[str, int]] = []
    given = [{name: pattern[i % len(pattern)] + (2 if name in scope.image_dims else 0)
              for i, name in enumerate(scope.dims)} for pattern in PATTERNS]
    for choice in [*given, {}]:
        dims = scope.model.dim_values(choice)
        if dims not in found and _fits(scope, dims):
            found.append(dims)
    found = found[:-1] if len(found) > 1 else found
    if found and entries(scope, found[0]) > LARGE:  # images of a given size: every entry costs
        found.sort(key=lambda dims: entries(scope, dims))
    return found


def entries(scope: Scope, dims: Mapping[str, int]) -> int:
    """How many numbers a state has."""
    return sum(int(count(space).evaluate(dims)) for space in scope.spaces)


def _fits(scope: Scope, dims: Mapping[str, int]) -> bool:
    """Whether every size is a positive whole number (a derived dim is rounded when it is not: compare it with its definition)."""
    for dim in scope.model.dims:
        if dim.value.evaluate(dims) != dims[dim.name] and not dim.is_free:
            return False
    values = [size.evaluate(dims) for size in scope.sizes]
    if not scope.has_room(dims):
        return False
    return all(value.denominator == 1 and value >= 1 for value in values) and all(v >= 1 for v in dims.values())


def draw(scope: Scope, dims: Mapping[str, int], chance: Random, attempt: int) -> Setting:
    """A setting; the first attempts take the plainest values.

    Raises:
        Undefined: a set is empty at these values, or the value drawn is not certainly inside.
    """
    time = TIMES[attempt % len(TIMES)] if scope.depends_on_time else Fraction(0)
    if not scope.is_map:
        return Setting(dims, _values(scope, dims, {}, scope.parameters, chance, attempt, time), time)
    still = [p for p in scope.parameters if p.schedule is None]
    moving = [p for p in scope.parameters if p.schedule is not None]
    values = _values(scope, dims, {}, still, chance, attempt, time)
    values.update(_scheduled(scope, dims, values, moving, chance, attempt))
    return Setting(dims, values, time)


def _scheduled(scope: Scope, dims: Mapping[str, int], known: Mapping[str, Any], moving: Sequence[Parameter], chance: Random,
               attempt: int) -> dict[str, Any]:
    """Values for each step or knot: drawn for the first few, then taking turns; sometimes one for all."""
    steps = max(shape_of(Space(tuple(plan.flow.steps for plan in scope.plans)), dims), default=0)
    if any(_mixes(p, moving) for p in moving):
        raise Undefined("a bound that moves otherwise than what it bounds")
    lengths = {p.name: _length(p, steps) for p in moving}
    rounds = max(lengths.values(), default=0)
    drawn: list[dict[str, Any]] = []
    for index in range(min(rounds, MANY if rounds <= MANY else 2)):
        if index and attempt % 2 and attempt % 8 != 3:
            drawn.append(drawn[0])
        else:
            drawn.append(_values(scope, dims, known, moving, chance, attempt, Fraction(0)))
    found = {name: tuple(drawn[i % len(drawn)][name] for i in range(length)) for name, length in lengths.items()}
    if attempt % 6 == 4 and rounds <= MANY:
        for parameter in moving:
            if parameter in scope.movable and parameter.sets[0].name != "interval":
                bounds = bounds_of(parameter, dims, {**known, **drawn[0]}, Fraction(0))
                first = member(parameter, kernel_shape(parameter, dims), bounds, chance, "plain")
                found[parameter.name] = _turning(first, lengths[parameter.name], chance)
            elif not parameter.sets and len(kernel_shape(parameter, dims)) < 2:  # a bias that keeps to one side of kinks
                shape = kernel_shape(parameter, dims)
                side = Fraction(8 if attempt % 12 == 4 else -8)
                found[parameter.name] = (nested(shape, [side] * prod(shape)),) * lengths[parameter.name]
    return found


def _turning(first: Any, length: int, chance: Random) -> tuple[Any, ...]:
    """A value that is turned step by step by one angle, about once round a part of the circle in all."""
    where = replace(plane(first, chance), half=Fraction(chance.choice((1, -1)), length * chance.choice((1, 2, 4))))
    found = [first]
    for _ in range(length - 1):
        found.append(turned(found[-1], where))
    return tuple(found)


def _mixes(parameter: Parameter, moving: Sequence[Parameter]) -> bool:
    """Whether a bound of the parameter depends on one that moves, unless both have one value a step."""
    read = {n.data[0] for s in parameter.sets for a in s.arguments for n in a.walk() if n.op == "param"}
    others = [p for p in moving if p.name in read]
    return any(p.schedule is None or p.schedule.kind != "piecewise" for p in [*others, parameter]) and bool(others)


def _length(parameter: Parameter, steps: int) -> int:
    assert parameter.schedule is not None
    return steps if parameter.schedule.kind == "piecewise" else int(parameter.schedule.knots or 1)


def _values(scope: Scope, dims: Mapping[str, int], known: Mapping[str, Any], wanted: Sequence[Parameter], chance: Random,
            attempt: int, time: Fraction) -> dict[str, Any]:
    values: dict[str, Any] = {}
    common = STYLES[attempt % len(STYLES)]
    for parameter in wanted:
        style = common if attempt == 0 or chance.random() < 0.6 else chance.choice(STYLES)
        bounds = bounds_of(parameter, dims, {**known, **values}, time)
        values[parameter.name] = member(parameter, kernel_shape(parameter, dims), bounds, chance, style)
        if not is_member(parameter, tensor(values[parameter.name]), bounds):
            raise Undefined("a value that is not certainly inside its set")
    return values


def bounds_of(parameter: Parameter, dims: Mapping[str, int], values: Mapping[str, Any], time: Fraction) -> list[list[Scalar]]:
    """The arguments of the parameter's sets at given values of the parameters before it."""
    if not any(s.arguments for s in parameter.sets):
        return [[] for _ in parameter.sets]
    evaluator = Evaluator(dims, {name: tensor(value) for name, value in values.items()})
    return [[evaluator.scalar(argument, {}, exact(time)) for argument in s.arguments] for s in parameter.sets]


def kernel_shape(parameter: Parameter, dims: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of one value of a parameter; a convolution's is that of its kernel."""
    space = parameter.space
    if isinstance(space, ConvolutionSpace):
        return (*shape_of(Space((space.outputs, space.inputs)), dims), space.size, space.size)
    return shape_of(space, dims)


def check(scope: Scope, setting: Setting) -> bool:
    """Whether every value of a setting certainly lies in its set, step by step, and every size fits."""
    if not _fits(scope, setting.dims) or {p.name for p in scope.parameters} - set(setting.values):
        return False
    return all(_check_once(scope, setting, index) for index in range(_rounds(scope, setting)))


def _rounds(scope: Scope, setting: Setting) -> int:
    if not scope.is_map:
        return 1
    return max((len(setting.values[p.name]) for p in scope.parameters if p.schedule is not None), default=1)


def _check_once(scope: Scope, setting: Setting, index: int) -> bool:
    values = dict(_now(scope, setting, index))
    for parameter in scope.parameters:
        if parameter.name in values:
            value = tensor(values[parameter.name])
            bounds = bounds_of(parameter, setting.dims, values, setting.time)
            if value.shape != kernel_shape(parameter, setting.dims) or not is_member(parameter, value, bounds):
                return False
    return True


def _now(scope: Scope, setting: Setting, index: int) -> Iterator[tuple[str, Any]]:
    """The values of one step or knot."""
    for parameter in scope.parameters:
        value = setting.values[parameter.name]
        if parameter.schedule is None or not scope.is_map:
            yield parameter.name, value
        elif index < len(value):
            yield parameter.name, value[index]
