"""Order conditions, by running one step on the problem that shows them.

A rooted tree with coloured vertices is an initial value problem: one component for each vertex, y_v' = the product of the
components of its children, moved by the field of its colour, from y = 0. Its root has y(h) = h^n times a number: 1/density for the
exact flow of the sum, the elementary weight for a composition of methods. Where they differ a step has a local error of degree n.
Source: J. C. Butcher, Numerical Methods for Ordinary Differential Equations (2016), 313 and 314.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from odenet.ir.model import Flow, Table
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
    name, children = tree[0], []
    if name == CLOCK and len(tree) == 1 and name not in names:
        found.append(Vertex(None, ()))
        return found
    for child in tree[1:]:
        vertices(child, names, found)
        children.append(len(found) - 1)
    found.append(Vertex(names.index(name), tuple(children)))
    return found


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


# --- methods without trees: a problem in the plane, with power series in h ----------------------------------------------------


def series_residual(flow: Flow, field: str, degree: int) -> tuple[Exact, int]:
    """The first coefficient up to h^degree where a step differs from the exact flow when all other parts stand still, and its
    power; zero where all agree. For `relax` the part is a rotation of varying speed, for `discrete_gradient` x' = x."""
    index = [part.field for part in flow.parts].index(field)
    method, size = flow.parts[index].method, degree + 2
    lengths = [exact(c) for part, c in flow.scheme.stages if part == index]
    start = [[Exact(1)] + [Exact(0)] * (degree + 1), [Exact(0)] * size]
    if method.kind == "relax" and method.inner is not None and method.inner.table is not None and method.invariant is None:
        rate, after = _rotating, start
        for length in lengths:
            after = _relaxed(after, method.inner.table, length, size)
    elif method.kind == "discrete_gradient":  # (1 + c h/2) / (1 - c h/2), since the gradient of x^2/2 is linear
        rate, after = _growing, start
        for length in lengths:
            growth = [Exact(1)] + [length**k / 2 ** (k - 1) for k in range(1, size)]
            after = [_times(x, growth) for x in after]
    else:
        raise ValueError(f"no problem is known that shows the error of `{method.name}`")
    there = start
    for _ in range(size):  # Picard's iteration gains one power each time
        there = [_integrated(x, r) for x, r in zip(start, rate(there), strict=True)]
    gaps = [(a - b, k) for k in range(degree + 1) for a, b in ((x[k], y[k]) for x, y in zip(after, there, strict=True)) if a - b]
    return gaps[0] if gaps else (Exact(0), degree)


def _times(x: Series, y: Series) -> Series:
    return [sum((x[i] * y[k - i] for i in range(k + 1)), Exact(0)) for k in range(len(x))]


def _integrated(start: Series, rate: Series) -> Series:
    return [start[0], *(r / (k + 1) for k, r in enumerate(rate[:-1]))]


def _rotating(x: list[Series]) -> list[Series]:
    speed = [1 + x[0][0] + 2 * x[1][0], *(a + 2 * b for a, b in zip(x[0][1:], x[1][1:], strict=True))]
    return [[-a for a in _times(x[1], speed)], _times(x[0], speed)]


def _growing(x: list[Series]) -> list[Series]:
    return x


def _relaxed(x: list[Series], table: Table, length: Exact, size: int) -> list[Series]:
    """x + s d, d the step of the table, with the s for which x . x is kept: s = -2 x . d / d . d."""
    matrix, weights = [[exact(a) for a in row] for row in table.matrix], [exact(b) for b in table.weights]
    stages = [[[Exact(0)] * size, [Exact(0)] * size] for _ in weights]
    for _ in range(size):
        stages = [_rotating([_plus(a, row, [k[i] for k in stages], length) for i, a in enumerate(x)]) for row in matrix]
    zero = [Exact(0)] * size
    step = [_plus(zero, weights, [k[i] for k in stages], length) for i in range(2)]
    above = [a + b for a, b in zip(_times(x[0], step[0]), _times(x[1], step[1]), strict=True)]
    below = [a + b for a, b in zip(_times(step[0], step[0]), _times(step[1], step[1]), strict=True)]
    share = _quotient([-2 * a for a in above[2:]], below[2:])  # both begin with h^2; what is lost at the end meets d = O(h)
    moves = [_times([*share, Exact(0), Exact(0)], d) for d in step]
    return [[a + b for a, b in zip(old, move, strict=True)] for old, move in zip(x, moves, strict=True)]


def _plus(x: Series, row: Series, stages: list[Series], length: Exact) -> Series:
    """x + c h sum a_j K_j"""
    moves = [sum((a * k[i] for a, k in zip(row, stages, strict=True)), Exact(0)) * length for i in range(len(x) - 1)]
    return [x[0], *(a + b for a, b in zip(x[1:], moves, strict=True))]


def _quotient(above: Series, below: Series) -> Series:
    found: Series = []
    for k in range(len(above)):
        found.append((above[k] - sum((found[i] * below[k - i] for i in range(k)), Exact(0))) / below[0])
    return found
