"""Directional derivatives of nodes by forward mode, Jacobians as linear maps, traces."""
from __future__ import annotations

from collections.abc import Callable, Mapping

import odenet.ir.node as nodes
from odenet.ir.differentiate.products import (
    apply,
    by_scalar,
    collect,
    compose,
    dot,
    nodes_count,
    powered,
    scaled,
    size_node,
    spread,
    times,
    total,
    transpose,
)
from odenet.ir.differentiate.reverse import (
    MINUS,
    NotSupported,
    active,
    diagonal,
    extreme_weights,
    leaves,
    placed,
    reverse,
    slope,
    zero,
)
from odenet.ir.node import Node, number
from odenet.ir.sizes import SCALAR, Size, Space

_LARGEST_UNROLLED = 32  # a divergence over a block of known size is unrolled up to here


def tangent(node: Node, directions: Mapping[str, Node]) -> Node:
    """The derivative of a node when each named block (or `def` argument) moves in its direction.

    With J the Jacobian, this is J @ direction, without J being formed. A direction has its block's space.
    """
    moving = {leaf: directions[name] for name, leaf in leaves(node, directions).items()}
    found = tangents(node, moving)
    return found if found is not None else zero(node.space)  # type: ignore[arg-type]


def tangents(node: Node, moving: Mapping[Node, Node]) -> Node | None:
    """The same with leaves given as nodes; None is zero."""
    known: dict[Node, Node | None] = {}
    for n in node.walk():
        if n in moving:
            known[n] = moving[n]
        elif all(known[a] is None for a in n.args):
            known[n] = None
        else:
            known[n] = _push(n, [known[a] for a in n.args])
    return known[node]


def _push(n: Node, d: list[Node | None]) -> Node:
    rule = _PUSH.get(n.op)
    return rule(n, d) if rule else _linear(n, d)


def _linear(n: Node, d: list[Node | None]) -> Node:
    """An operation that is linear in all its arguments together."""
    moved = [zero(a.space) if da is None else da for a, da in zip(n.args, d, strict=True)]  # type: ignore[arg-type]
    return Node(n.op, tuple(moved), n.data, n.space)


def _product(rule: Callable[[Node, Node], Node]) -> Callable[[Node, list[Node | None]], Node]:
    """The product rule of a bilinear operation."""

    def push(n: Node, d: list[Node | None]) -> Node:
        (x, y), (dx, dy) = n.args, d
        terms = [] if dx is None else [rule(dx, y)]
        return collect(*terms, *([] if dy is None else [rule(x, dy)]))

    return push


def _push_extreme(n: Node, d: list[Node | None]) -> Node:
    join = dot if len(n.args) == 1 else times
    return collect(*(join(w, da) for w, da in zip(extreme_weights(n), d, strict=True) if da is not None))


def _push_softmax(n: Node, d: Node) -> Node:
    return collect(times(n, d), scaled(MINUS, by_scalar(dot(n, d), n)))


def _outer(u: Node, v: Node) -> Node:
    return Node("outer", (u, v), (), Space((u.space.sizes[0], v.space.sizes[0])))  # type: ignore[union-attr]


_PUSH: dict[str, Callable[[Node, list[Node | None]], Node]] = {
    "add": lambda n, d: collect(*(x for x in d if x is not None)),
    "mul": _product(times),
    "scale": _product(by_scalar),
    "power": lambda n, d: times(slope(n), _some(d)),
    "function": lambda n, d: times(slope(n), _some(d)),
    "apply": _product(apply),
    "compose": _product(compose),
    "transpose": lambda n, d: transpose(_some(d)),
    "sum": lambda n, d: total(_some(d)),
    "mean": lambda n, d: times(powered(size_node(nodes_count(n.args[0].space)), MINUS), total(_some(d))),
    "dot": _product(dot),
    "norm": lambda n, d: times(powered(n, MINUS), dot(n.args[0], _some(d))),
    "largest": _push_extreme,
    "smallest": _push_extreme,
    "softmax": lambda n, d: _push_softmax(n, _some(d)),
    "outer": _product(_outer),
    "spread": lambda n, d: spread(_some(d), n.space),  # type: ignore[arg-type]
}


def _some(d: list[Node | None]) -> Node:
    assert d[0] is not None
    return d[0]


# --- Jacobians and traces ------------------------------------------------------------------------------------------


def jacobian(node: Node, leaf: Node) -> Node | None:
    """The Jacobian of a vector node by a vector leaf, as a matrix node; None is zero. Raises NotSupported."""
    known: dict[Node, Node | None] = {}
    live = active(node, frozenset({leaf}))
    for n in node.walk():
        if n == leaf:
            known[n] = nodes.eye(leaf.space.sizes[0])  # type: ignore[union-attr]
        elif n not in live or n.space == SCALAR:
            known[n] = None
        else:
            known[n] = _row(n, leaf, known)
    return known[node]


def _row(n: Node, leaf: Node, known: Mapping[Node, Node | None]) -> Node:
    if n.op in ("scale", "spread", "softmax"):
        return _special_row(n, leaf, known)
    parts = [known[a] for a in n.args]
    if n.op == "add":
        return collect(*(p for p in parts if p is not None))
    if n.op == "mul":
        x, y = n.args
        return collect(*(compose(_diag(f), p) for f, p in zip((y, x), parts, strict=True) if p is not None))
    if n.op in ("function", "power") and parts[0] is not None:
        return compose(_diag(slope(n)), parts[0])
    if n.op == "apply" and leaf not in n.args[0].walk() and parts[1] is not None:
        return compose(n.args[0], parts[1])
    raise NotSupported(n.op)


def _special_row(n: Node, leaf: Node, known: Mapping[Node, Node | None]) -> Node:
    if n.op == "softmax":
        inner = known[n.args[0]]
        assert inner is not None
        return compose(collect(_diag(n), scaled(MINUS, _outer(n, n))), inner)
    slope_row = reverse(n.args[0], (leaf,))[leaf]
    if n.op == "spread":
        return _outer(spread(number(1), n.space), slope_row)  # type: ignore[arg-type]
    inner = known[n.args[1]]
    terms = [] if inner is None else [by_scalar(n.args[0], inner)]
    return collect(*terms, *([] if slope_row.op == "zeros" else [_outer(n.args[1], slope_row)]))


def _diag(v: Node) -> Node:
    size = v.space.sizes[0]  # type: ignore[union-attr]
    return nodes.eye(size) if v.op == "ones" else Node("diag", (v,), (), Space((size, size)))


def trace(matrix: Node) -> Node:
    """The trace of a square matrix node."""
    if matrix.op == "add":
        return collect(*(trace(term) for term in matrix.args))
    if matrix.op == "scale":
        return times(matrix.args[0], trace(matrix.args[1]))
    if matrix.op == "skew":
        return number(0)  # a skew matrix has a zero diagonal
    if matrix.op == "compose":
        return _trace_of_product(*matrix.args)
    return dot(*matrix.args) if matrix.op == "outer" else total(diagonal(matrix))


def _trace_of_product(left: Node, right: Node) -> Node:
    for one, other in ((left, right), (right, left)):
        if one.op == "diag":
            return dot(one.args[0], diagonal(other))
    if right.op == "compose" and right.args[0].op == "diag":  # tr(X D Y) = tr(D Y X)
        return dot(right.args[0].args[0], diagonal(compose(right.args[1], left)))
    if left.op == "compose":  # tr(X Y Z) = tr(X (Y Z)), so that a diagonal in the middle meets its neighbour
        return _trace_of_product(left.args[0], compose(left.args[1], right))
    return nodes.scalar("dot", transpose(left), right)  # tr(XY) = sum of X'_ij Y_ij


def divergence(node: Node, leaf: Node) -> Node:
    """The trace of the Jacobian of a node by a leaf of the same space. Raises NotSupported."""
    assert node.space == leaf.space
    if leaf.space == SCALAR:
        return reverse(node, (leaf,))[leaf]
    try:
        found = jacobian(node, leaf)
        return number(0) if found is None else trace(found)
    except NotSupported:
        return _unrolled(node, leaf)


def _unrolled(node: Node, leaf: Node) -> Node:
    """A divergence entry by entry, for a vector of known small size."""
    if leaf.space.rank != 1:  # type: ignore[union-attr]
        raise NotSupported("a divergence over a tensor")
    size = leaf.space.sizes[0]  # type: ignore[union-attr]
    length = size.constant()
    if length is None or length > _LARGEST_UNROLLED:
        raise NotSupported("a divergence over a block of this size")
    terms = []
    for i in range(int(length)):
        moved = tangents(node, {leaf: placed(number(1), Size.number(i), size)})
        if moved is not None:
            terms.append(Node("index", (moved,), (i,), SCALAR))
    return collect(*terms) if terms else number(0)


__all__ = ["NotSupported", "divergence", "jacobian", "tangent", "tangents", "trace"]
