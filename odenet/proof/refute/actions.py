"""The group actions a claim of equivariance can name, on flat states."""
from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from odenet.ir.node import Node
from odenet.ir.sizes import Size, Space
from odenet.proof.refute.cases import Case, Layout
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


Rearrangement = tuple[int, ...]  # entry i of g x is entry g[i] of x


def moves(problem: Problem) -> tuple[tuple[str, Rearrangement], ...]:
    """Generators of the group, with their names, as rearrangements of the flat state."""
    name, layout = action_name(problem), problem.subject.layout
    sizes = [(block, _space(problem, block).sizes) for block, _ in layout.blocks]
    if name == "permutation":
        return _permutations(sizes, layout)
    return _translations(sizes, layout) if name == "translation" else ()


def _space(problem: Problem, block: str) -> Space:
    """The space of a block; of the input of a net, on which the group acts as on its output."""
    if problem.claim.kind != "net":
        return problem.model.block(block).space
    net = problem.model.net(problem.claim.subject)
    if net.domain != net.codomain:
        raise Undefined("a group that acts on input and output alike")
    return net.domain


def acted(problem: Problem, case: Case, items: list[Scalar]) -> list[Scalar]:
    """g x; of a group of rearrangements, with the generator whose number is `g` in the case."""
    name = action_name(problem)
    if name == "sign":
        return [-item for item in items]
    if name in ("permutation", "translation"):
        return [items[place] for place in _chosen(problem, case)[1]]
    return _turned(problem, name, items)


def described(problem: Problem, case: Case) -> str:
    """What g is, to follow a formula that speaks of g."""
    name = action_name(problem)
    if name in ("permutation", "translation"):
        return f", g {_chosen(problem, case)[0]}"
    return ", g x = -x" if name == "sign" else f", g = {name}"


def _chosen(problem: Problem, case: Case) -> tuple[str, Rearrangement]:
    (number,), known = case.points["g"], moves(problem)
    if number.denominator != 1 or not 0 <= number < len(known):
        raise Undefined("a rearrangement that is not in the group")
    return known[int(number)]


def _turned(problem: Problem, name: str, items: list[Scalar]) -> list[Scalar]:
    """Every block of vectors times the matrix. Only for states whose blocks all fit it."""
    evaluator = problem.subject.evaluator
    if name not in evaluator.parameters:
        raise Undefined(f"the action {name}")
    matrix = evaluator.parameters[name]
    result: list[Scalar] = []
    for known, _ in problem.subject.layout.blocks:
        _space(problem, known)
    for block in problem.subject.layout.split(items).values():
        if len(block.shape) != 1 or matrix.shape != (block.shape[0], block.shape[0]):
            raise Undefined("a block that the matrix does not fit")
        result.extend(inner(row, block.items) for row in matrix.rows())
    return result


def _rearranged(layout: Layout, blocks: list[str], order: list[int]) -> Rearrangement:
    """The flat rearrangement that permutes the entries of some blocks alike."""
    result = list(range(layout.size))
    for name in blocks:
        place = layout.place(name)
        for i, source in enumerate(order):
            result[place[i]] = place[source]
    return tuple(result)


def _permutations(sizes: list[tuple[str, tuple[Size, ...]]], layout: Layout) -> tuple[tuple[str, Rearrangement], ...]:
    if any(len(s) > 1 for _, s in sizes):
        raise Undefined("a permutation of matrices or images")
    found = []
    for size in dict.fromkeys(s for _, s in sizes if len(s) == 1):
        blocks = [name for name, s in sizes if s == size]
        n, names = len(layout.place(blocks[0])), ", ".join(blocks)
        if n > 1:
            found.append((f"swaps the first two entries of {names}", _rearranged(layout, blocks, [1, 0, *range(2, n)])))
        if n > 2:
            found.append((f"moves each entry of {names} one place down", _rearranged(layout, blocks, [*range(1, n), 0])))
    return tuple(found)


def _translations(sizes: list[tuple[str, tuple[Size, ...]]], layout: Layout) -> tuple[tuple[str, Rearrangement], ...]:
    """Shifts of all images and of all vectors, where there is one size of each at most. Beside images vectors are shifted too."""
    images = dict.fromkeys(s[-2:] for _, s in sizes if len(s) == 3)
    vectors = dict.fromkeys(s for _, s in sizes if len(s) == 1)
    if len(images) > 1 or len(vectors) > 1 or not (images or vectors) or any(len(s) == 2 for _, s in sizes):
        raise Undefined("a translation of blocks of several sizes")
    if not images:
        return (("moves each entry one place down", _shifted(layout, 0, 0)),)
    also = " and each entry of vectors one place down" if vectors else ""
    return ((f"shifts by one column{also}", _shifted(layout, 0, 1)), (f"shifts by one row{also}", _shifted(layout, 1, 0)))


def _shifted(layout: Layout, down: int, right: int) -> Rearrangement:
    """Images shifted by rows and columns, vectors by one place; numbers stay where they are."""
    result: list[int] = []
    for _, shape in layout.blocks:
        start = len(result)
        if len(shape) < 2:
            entries = prod(shape)
            result.extend(start + (i + 1) % entries for i in range(entries))
            continue
        channels, height, width = shape
        result.extend(start + (c * height + (i + down) % height) * width + (j + right) % width
                      for c in range(channels) for i in range(height) for j in range(width))
    assert len(result) == sum(prod(shape) for _, shape in layout.blocks)
    return tuple(result)
