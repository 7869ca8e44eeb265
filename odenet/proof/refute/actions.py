"""The group actions a claim of equivariance can name, on flat states."""
from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from odenet.ir.model import Model
from odenet.ir.node import Node
from odenet.ir.sizes import Size
from odenet.proof.refute.cases import Case, Layout, Vector
from odenet.proof.refute.scalars import Scalar, Undefined, inner

if TYPE_CHECKING:
    from odenet.proof.refute.attack import Problem


def action_name(problem: Problem) -> str:
    """`sign`, `permutation`, `translation`, or the name of an orthogonal matrix."""
    word = problem.claim.arguments[0]
    if isinstance(word, Node):
        if word.op != "param":
            raise Undefined("an action that is no parameter")
        return str(word.data[0])
    return str(word)


def moves(problem: Problem) -> tuple[Vector, ...]:
    """Generators of the group as rearrangements of the flat state: entry i of g x is entry g[i] of x."""
    name, layout = action_name(problem), problem.subject.layout
    if name == "permutation":
        return _permutations(problem.model, layout)
    if name == "translation":
        return _translations(problem.model, layout)
    return ()


def acted(problem: Problem, case: Case, items: list[Scalar]) -> list[Scalar]:
    """g x, with the rearrangement the case has chosen."""
    name = action_name(problem)
    if name == "sign":
        return [-item for item in items]
    if name in ("permutation", "translation"):
        if case.points["g"] not in moves(problem):
            raise Undefined("a rearrangement that is not in the group")
        return [items[int(place)] for place in case.points["g"]]
    return _turned(problem, name, items)


def _turned(problem: Problem, name: str, items: list[Scalar]) -> list[Scalar]:
    """Every block of vectors times the matrix. Only for states whose blocks all fit it."""
    evaluator = problem.subject.evaluator
    if name not in evaluator.parameters:
        raise Undefined(f"the action {name}")
    matrix = evaluator.parameters[name]
    result: list[Scalar] = []
    for block in problem.subject.layout.split(items).values():
        if len(block.shape) != 1 or matrix.shape != (block.shape[0], block.shape[0]):
            raise Undefined("a block that the matrix does not fit")
        result.extend(inner(row, block.items) for row in matrix.rows())
    return result


def _sizes(model: Model, layout: Layout) -> list[tuple[str, tuple[Size, ...]]]:
    return [(name, model.block(name).space.sizes) for name, _ in layout.blocks]


def _rearranged(layout: Layout, blocks: set[str], order: list[int]) -> Vector:
    """The flat rearrangement that permutes the entries of some blocks alike."""
    result = list(range(layout.size))
    for name in blocks:
        place = layout.place(name)
        for i, source in enumerate(order):
            result[place[i]] = place[source]
    return tuple(Fraction(i) for i in result)


def _permutations(model: Model, layout: Layout) -> tuple[Vector, ...]:
    sizes = _sizes(model, layout)
    if any(len(s) > 1 for _, s in sizes):
        raise Undefined("a permutation of matrices or images")
    found = []
    for size in dict.fromkeys(s for _, s in sizes if len(s) == 1):
        blocks = {name for name, s in sizes if s == size}
        n = len(layout.place(min(blocks)))
        found += [_rearranged(layout, blocks, [1, 0, *range(2, n)])] if n > 1 else []
        found += [_rearranged(layout, blocks, [*range(1, n), 0])] if n > 2 else []
    return tuple(found)


def _translations(model: Model, layout: Layout) -> tuple[Vector, ...]:
    sizes = dict.fromkeys(s[-2:] if len(s) == 3 else s for _, s in _sizes(model, layout))
    ranks = {len(s) for _, s in _sizes(model, layout)}
    if len(sizes) != 1 or ranks not in ({1}, {3}):
        raise Undefined("a translation of blocks of several sizes")
    if ranks == {1}:
        n = len(layout.place(layout.blocks[0][0]))
        return (_rearranged(layout, {name for name, _ in layout.blocks}, [*range(1, n), 0]),)
    return (_shifted(layout, 0, 1), _shifted(layout, 1, 0))


def _shifted(layout: Layout, down: int, right: int) -> Vector:
    result: list[Fraction] = []
    for _, (channels, height, width) in layout.blocks:
        start = len(result)
        for c in range(channels):
            for i in range(height):
                for j in range(width):
                    source = (c * height + (i + down) % height) * width + (j + right) % width
                    result.append(Fraction(start + source))
    assert len(result) == sum(prod(shape) for _, shape in layout.blocks)
    return tuple(result)
