"""Cases as witnesses."""
from __future__ import annotations

from typing import Any

from odenet.proof.finding import Witness
from odenet.proof.refute.actions import moves
from odenet.proof.refute.attack import Measure, Problem, shown
from odenet.proof.refute.building import build
from odenet.proof.refute.cases import Case, Layout, Setting, Vector
from odenet.proof.refute.networks import INPUT
from odenet.proof.refute.relevant import Scope
from odenet.proof.refute.shapes import shape_of
from odenet.proof.refute.subjects import layout
from odenet.proof.refute.tensors import nested

TIME, ORDER = "t", "entries of g x"


def witness(scope: Scope, case: Case, measure: Measure) -> Witness:
    """The case as a witness: sizes, parameters, time, the blocks of the state, then those of the second state `y.block` or of the
    direction `v.block`, and which entry of x stands at each place of g x."""
    blocks = case_layout(scope, case.setting)
    values: list[tuple[str, Any]] = [(p.name, case.setting.values[p.name]) for p in scope.parameters]
    if scope.depends_on_time:
        values.append((TIME, case.setting.time))
    for name in ("x", "y", "v"):
        if name in case.points:
            prefix = "" if name == "x" else f"{name}."
            values.extend((prefix + block, value) for block, value in _split(blocks, case.points[name]))
    if "g" in case.points and scope.claim.property == "equivariant":
        problem = Problem(scope.model, scope.claim, build(scope, case.setting))
        values.append((ORDER, moves(problem)[int(case.points["g"][0])][1]))
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
