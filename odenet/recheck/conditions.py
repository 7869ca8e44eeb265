"""Order conditions, by running one step on the problem that shows them.

A rooted tree with coloured vertices is an initial value problem: one component for each vertex, y_v' = the product of the
components of its children, moved by the field of its colour, from y = 0. Its root has y(h) = h^n times a number: 1/density for the
exact flow of the sum, the elementary weight for a composition of methods. Where they differ a step has a local error of degree n.
Source: J. C. Butcher, Numerical Methods for Ordinary Differential Equations (2016), 313 and 314.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from odenet.ir.model import Flow, Model, Table
from odenet.ir.node import states
from odenet.schemes.numbers import Exact, exact

CLOCK = "t"
Series = list[Exact]  # a polynomial in the time since the start of a substep


@dataclass(frozen=True)
class Vertex:
    """`colour`: the number of a part, or None for t, which part 0 moves."""

    colour: int | None
    children: tuple[int, ...]


def vertices(tree: Any, names: tuple[str, ...], found: list[Vertex] | None = None) -> list[Vertex]:
    """The vertices of `[field, child, child, ...]`, children first. Raises ValueError where it is no such tree."""
    found = [] if found is None else found
    if not isinstance(tree, (list, tuple)) or not tree:
        raise ValueError("a tree is a list that begins with the name of a field")
    name, children = tree[0], []
    if name == CLOCK and len(tree) == 1 and name not in names:
        found.append(Vertex(None, ()))
        return found
    for child in tree[1:]:
        vertices(child, names, found)
        children.append(len(found) - 1)
    found.append(Vertex(names.index(name), tuple(children)))
    return found


def has_series(flow: Flow, tree: Any) -> bool:
    """Whether each part that moves a vertex of the tree is advanced exactly or by a table. Raises ValueError for no tree."""
    system = vertices(tree, tuple(part.field for part in flow.parts))
    return all(v.colour is None or flow.parts[v.colour].method.kind in ("exact", "runge_kutta") for v in system)


def sees(model: Model, flow: Flow) -> list[tuple[frozenset[int], bool]]:
    """Of each part: the parts that move something it reads, and whether it depends on time within a step."""
    rows = [model.field(part.field).rows for part in flow.parts]
    read = [frozenset().union(*(states(node) for _, node in own)) for own in rows]
    return [(frozenset(i for i, moved in enumerate(rows) if blocks & {name for name, _ in moved}),
             model.is_timed(own)) for own, blocks in zip(rows, read, strict=True)]


def is_of_such_parts(model: Model, flow: Flow, tree: Any) -> bool:
    """Whether parts that read and move what those of the flow do have such a tree: each field sees its children.

    Raises ValueError where it is no tree.
    """
    below, system = sees(model, flow), vertices(tree, tuple(part.field for part in flow.parts))
    return all(below[v.colour][1] if system[child].colour is None else system[child].colour in below[v.colour][0]
               for v in system if v.colour is not None for child in v.children)


def residual(flow: Flow, tree: Any) -> tuple[Exact, int]:
    """The root after one step of the flow minus the root of the exact flow, for h = 1, and the degree of the tree."""
    system = vertices(tree, tuple(part.field for part in flow.parts))
    if system[-1].colour is None:
        raise ValueError("the root of the tree is the clock")
    values = [Exact(0)] * len(system)
    for part, coefficient in flow.scheme.stages:
        method, length = flow.parts[part].method, exact(coefficient)
        if method.kind == "exact":
            values = _flowed(system, values, {part}, length)
        elif method.table is not None and method.kind == "runge_kutta":
            values = _stepped(system, values, part, method.table, length)
        elif any(v.colour == part or (v.colour is None and part == 0) for v in system):
            raise ValueError(f"no step of `{method.name}` is run on a tree")
    return values[-1] - _flowed(system, [Exact(0)] * len(system), set(range(len(flow.parts))), Exact(1))[-1], len(system)


def _flowed(system: list[Vertex], values: list[Exact], parts: set[int], length: Exact) -> list[Exact]:
    """The exact flow of the sum of some parts: polynomials, integrated from the leaves down to the root."""
    paths: list[Series] = []
    for vertex, value in zip(system, values, strict=True):
        rate: Series = [Exact(1)]
        for child in vertex.children:
            rate = [sum((rate[i] * paths[child][k - i] for i in range(len(rate)) if 0 <= k - i < len(paths[child])), Exact(0))
                    for k in range(len(rate) + len(paths[child]) - 1)]
        moves = (0 if vertex.colour is None else vertex.colour) in parts
        paths.append([value, *(c / (k + 1) for k, c in enumerate(rate))] if moves else [value])
    return [sum((c * length**k for k, c in enumerate(path)), Exact(0)) for path in paths]


def _stepped(system: list[Vertex], values: list[Exact], part: int, table: Table, length: Exact) -> list[Exact]:
    """One Runge-Kutta step: the stages of a vertex follow from those of its children, so implicit ones are solved as well."""
    nodes, weights = [exact(c) for c in table.nodes], [exact(b) for b in table.weights]
    matrix = [[exact(a) for a in row] for row in table.matrix]
    stages: list[Series] = []  # the value of each vertex at each stage
    after = []
    for vertex, value in zip(system, values, strict=True):
        if vertex.colour is None:
            stages.append([value + (c * length if part == 0 else 0) for c in nodes])
            after.append(value + length if part == 0 else value)
            continue
        rates = [Exact(1)] * len(weights)
        for child in vertex.children:
            rates = [rate * there for rate, there in zip(rates, stages[child], strict=True)]
        moves = vertex.colour == part
        stages.append([value + length * sum((a * k for a, k in zip(row, rates, strict=True)), Exact(0)) if moves else value
                       for row in matrix])
        after.append(value + length * sum((b * k for b, k in zip(weights, rates, strict=True)), Exact(0)) if moves else value)
    return after
