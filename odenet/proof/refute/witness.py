"""Cases as witnesses, and back."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

from odenet.proof.finding import Witness
from odenet.proof.refute.attack import Measure, shown
from odenet.proof.refute.cases import Case, Layout, Setting, Vector
from odenet.proof.refute.networks import INPUT
from odenet.proof.refute.relevant import Scope
from odenet.proof.refute.shapes import shape_of
from odenet.proof.refute.subjects import layout
from odenet.proof.refute.tensors import nested

TIME = "t"


def witness(scope: Scope, case: Case, measure: Measure) -> Witness:
    """The case as a witness: sizes, parameters, time, the blocks of the state, then those of the second state `y.block` or of the
    direction `v.block`, and a rearrangement `g`."""
    blocks = case_layout(scope, case.setting)
    values: list[tuple[str, Any]] = [(p.name, case.setting.values[p.name]) for p in scope.parameters]
    if scope.depends_on_time:
        values.append((TIME, case.setting.time))
    for name in ("x", "y", "v"):
        if name in case.points:
            prefix = "" if name == "x" else f"{name}."
            values.extend((prefix + block, value) for block, value in _split(blocks, case.points[name]))
    if "g" in case.points:
        values.append(("g", case.points["g"]))
    dims = tuple((d.name, case.setting.dims[d.name]) for d in scope.model.dims if _matters(scope, d.name))
    return Witness(dims, tuple(values), measure.quantity, shown(measure.value), measure.expected)


def _matters(scope: Scope, name: str) -> bool:
    free = set(scope.dims)
    dim = next(d for d in scope.model.dims if d.name == name)
    return name in free or (not dim.is_free and bool(dim.value.dims() & free))


def _split(blocks: Layout, point: Vector) -> list[tuple[str, Any]]:
    start, found = 0, []
    for name, shape in blocks.blocks:
        stop = start + len(blocks.place(name))
        found.append((name, nested(shape, point[start:stop])))
        start = stop
    return found


def case_layout(scope: Scope, setting: Setting) -> Layout:
    """The blocks a case of this claim gives values for."""
    if scope.claim.kind == "def":
        arguments = scope.model.definition(scope.claim.subject).arguments
        return Layout(tuple((name, shape_of(space, setting.dims)) for name, space in arguments))
    if scope.net is not None:
        return Layout(((INPUT, shape_of(scope.net.domain, setting.dims)),))
    return layout(scope.model, scope.blocks, setting)


def case(scope: Scope, found: Witness) -> Case:
    """The case that a witness describes.

    Raises:
        KeyError: a value is missing.
    """
    values = dict(found.values)
    dims = scope.model.dim_values(dict(found.dims))
    if any(dims[name] != size for name, size in found.dims):
        raise KeyError("a derived dim that is not what its definition says")
    setting = Setting(dims, {p.name: values[p.name] for p in scope.parameters}, values.get(TIME, Fraction(0)))
    blocks = case_layout(scope, setting)
    points = {"x": _flat(values, "", blocks)}
    for name in ("y", "v"):
        if f"{name}.{blocks.blocks[0][0]}" in values:
            points[name] = _flat(values, f"{name}.", blocks)
    if "g" in values:
        points["g"] = values["g"]
    return Case(setting, points)


def _flat(values: dict[str, Any], prefix: str, blocks: Layout) -> Vector:
    return tuple(entry for name, _ in blocks.blocks for entry in _entries(values[prefix + name]))


def _entries(value: Any) -> list[Fraction]:
    return [e for below in value for e in _entries(below)] if isinstance(value, tuple) else [value]


