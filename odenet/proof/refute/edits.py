"""Small changes of a case: one entry of a state, a direction or a free parameter; one parameter drawn again."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

from odenet.operators.properties import EACH_STEP
from odenet.proof.refute.cases import Case, Vector
from odenet.proof.refute.draws import inside
from odenet.proof.refute.relevant import Scope
from odenet.proof.refute.rotations import plane, turned
from odenet.proof.refute.scalars import Undefined
from odenet.proof.refute.settings import LARGE, bounds_of, check, draw

Spot = tuple[str, str, tuple[int, ...]]  # "point" or "value", its name, the path to the entry


def places(scope: Scope, case: Case, directions: bool) -> list[Spot]:
    """The entries that may be changed at will: of points that are not images, and of parameters without a set."""
    names = [name for name in case.points if name == "x" or (directions and name in ("y", "v"))]
    found: list[Spot] = [("point", name, (i,)) for name in names for i in range(len(case.points[name]))
                         if len(case.points[name]) <= LARGE]
    for parameter in scope.parameters:
        if all(s.name == "frozen" for s in parameter.sets):
            found += [("value", parameter.name, path) for path in _paths(case.setting.values[parameter.name])]
    return found


def _paths(value: Any) -> Iterator[tuple[int, ...]]:
    if not isinstance(value, tuple):
        yield ()
        return
    for i, below in enumerate(value):
        yield from ((i, *path) for path in _paths(below))


def read(case: Case, spot: Spot) -> Fraction:
    kind, name, path = spot
    value: Any = case.points[name] if kind == "point" else case.setting.values[name]
    for i in path:
        value = value[i]
    assert isinstance(value, Fraction)
    return value


def edited(case: Case, spot: Spot, change: Callable[[Fraction], Fraction]) -> Case:
    """The case with one entry changed."""
    kind, name, path = spot
    if kind == "point":
        return case.at(name, _put(case.points[name], path, change))
    values = {**case.setting.values, name: _put(case.setting.values[name], path, change)}
    return replace(case, setting=replace(case.setting, values=values))


def _put(value: Any, path: tuple[int, ...], change: Callable[[Fraction], Fraction]) -> Any:
    if not path:
        return change(value)
    return tuple(_put(below, path[1:], change) if i == path[0] else below for i, below in enumerate(value))


def drawn_again(scope: Scope, case: Case, chance: Random) -> Case:
    """The case with the parameters that lie in sets drawn again; free ones stay."""
    fresh = draw(scope, case.setting.dims, chance, chance.randrange(1, 40))
    kept = {p.name for p in scope.parameters if all(s.name == "frozen" for s in p.sets)}
    values = {name: case.setting.values[name] if name in kept else value for name, value in fresh.values.items()}
    return replace(case, setting=replace(case.setting, values=values))


def plainer(scope: Scope, case: Case) -> list[Callable[[Case], Case]]:
    """Changes that put one parameter that lies in sets at its plainest value, or the time at zero."""
    try:
        values = draw(scope, case.setting.dims, Random(0), 0).values
    except (Undefined, ZeroDivisionError):
        values = {}
    changes: list[Callable[[Case], Case]] = [_setter(name, value) for name, value in values.items()
                                             if value != case.setting.values[name]]
    if scope.claim.kind == "flow" and scope.claim.property in EACH_STEP:  # the first step may be all that is needed
        moving = {p.name for p in scope.parameters if p.schedule is not None and p.schedule.kind == "piecewise"}
        changes.append(lambda old: replace(old, setting=replace(old.setting, values={
            n: (v[0],) * len(v) if n in moving else v for n, v in old.setting.values.items()})))
    for name in (n for n in case.points if n != "g" and len(case.points[n]) > LARGE):
        zeros = (Fraction(0),) * len(case.points[name])
        ones = (Fraction(1),) * len(zeros)
        changes += [_mover(name, point) for point in (ones, (Fraction(1), *zeros[1:]), zeros)]
    if case.setting.time:
        changes.append(lambda old: replace(old, setting=replace(old.setting, time=Fraction(0))))
    return changes


def _mover(name: str, point: Vector) -> Callable[[Case], Case]:
    return lambda old: old.at(name, point)


def _setter(name: str, value: Any) -> Callable[[Case], Case]:
    return lambda old: replace(old, setting=replace(old.setting, values={**old.setting.values, name: value}))


# --- inside a set ------------------------------------------------------------------------------------------------------------


def moved_inside(scope: Scope, case: Case, chance: Random) -> Case:
    """The case with one parameter moved inside its set: a matrix turned in a plane, an entry put elsewhere in its interval.

    Raises:
        Undefined: it cannot be moved there.
    """
    parameter = scope.movable[chance.randrange(len(scope.movable))]
    value: Any = case.setting.values[parameter.name]
    is_list = scope.is_map and parameter.schedule is not None
    index = chance.randrange(len(value)) if is_list else 0
    old = value[index] if is_list else value
    if parameter.sets[0].name == "interval":
        values = {n: v[min(index, len(v) - 1)] if scope.is_map and scope.model.parameter(n).schedule is not None else v
                  for n, v in case.setting.values.items() if " " not in n}
        ((low, high),) = bounds_of(parameter, case.setting.dims, values, case.setting.time)
        new = _placed(old, inside(low, high), chance)
    else:
        new = turned(old, plane(old, chance))
    changed = _put_at(value, index, new) if is_list else new
    setting = replace(case.setting, values={**case.setting.values, parameter.name: changed})
    if not check(scope, setting):
        raise Undefined("a value that is not certainly inside its set")
    return replace(case, setting=setting)


def _put_at(value: Any, index: int, new: Any) -> Any:
    return (*value[:index], new, *value[index + 1:])


def _placed(value: Any, ends: tuple[Fraction, Fraction], chance: Random) -> Any:
    """One entry at an end of its interval, or in between."""
    paths = list(_paths(value))
    low, high = ends
    share = chance.choice((Fraction(0), Fraction(1), Fraction(1, 2), Fraction(1, 4), Fraction(3, 4)))
    return _put(value, paths[chance.randrange(len(paths))], lambda _: low + share * (high - low))
