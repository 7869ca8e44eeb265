"""Gradients of scalar nodes by reverse mode.

Where a function has a kink, the derivative is the one that holds almost everywhere.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

import odenet.ir.node as nodes
from odenet.ir.differentiate.products import (
    apply,
    by_scalar,
    collect,
    compose,
    dot,
    powered,
    scaled,
    size_node,
    spread,
    times,
    total,
    transpose,
)
from odenet.ir.node import Node, number, ones, zeros
from odenet.ir.sizes import SCALAR, MapSpace, Size, Space, count
from odenet.operators.functions import row_of

MINUS = Fraction(-1)


class NotSupported(Exception):
    """A derivative that has no form in the IR."""


def leaves(node: Node, names: Iterable[str]) -> dict[str, Node]:
    """The `state` and `variable` leaves of the given names that occur in the node."""
    wanted = frozenset(names)
    return {n.data[0]: n for n in node.walk() if n.op in ("state", "variable") and n.data[0] in wanted}


def gradient(node: Node, blocks: Mapping[str, Space] | Iterable[str]) -> dict[str, Node]:
    """The gradient of a scalar node with respect to blocks (or arguments of a `def`) of the given names.

    A block that does not occur gives zeros where `blocks` maps names to spaces, and is left out otherwise.
    """
    found = leaves(node, blocks)
    grown = reverse(node, tuple(found.values()))
    result = {name: grown[leaf] for name, leaf in found.items()}
    if isinstance(blocks, Mapping):
        return {name: result.get(name, zero(space)) for name, space in blocks.items()}
    return result


def zero(space: Space) -> Node:
    return number(0) if space == SCALAR else zeros(space)


def active(node: Node, wanted: frozenset[Node]) -> frozenset[Node]:
    """The nodes below that depend on one of the leaves."""
    found: set[Node] = set()
    for n in node.walk():
        if n in wanted or any(a in found for a in n.args):
            found.add(n)
    return frozenset(found)


def reverse(node: Node, wanted: tuple[Node, ...]) -> dict[Node, Node]:
    """d node / d leaf for each leaf, by reverse accumulation. `node` is a scalar."""
    assert node.space == SCALAR
    live = active(node, frozenset(wanted))
    pending: dict[Node, list[Node]] = {node: [number(1)]}
    result: dict[Node, Node] = {}
    for n in reversed(list(node.walk())):
        if n not in live or n not in pending:
            continue
        adjoint = collect(*pending.pop(n))
        if n in wanted:
            result[n] = adjoint
            continue
        for argument, share in _pull(n, adjoint, live):
            pending.setdefault(argument, []).append(share)
    return {leaf: result.get(leaf, zero(leaf.space)) for leaf in wanted}  # type: ignore[arg-type]


def _pull(n: Node, g: Node, live: frozenset[Node]) -> list[tuple[Node, Node]]:
    """The adjoints of the arguments of `n`, from its own."""
    rule = _PULL.get(n.op)
    if rule is None:
        raise NotSupported(n.op)
    return [(a, share()) for a, share in zip(n.args, rule(n, g), strict=True) if a in live]


Share = Callable[[], Node]


def _pull_extreme(n: Node, g: Node) -> list[Share]:
    weights = extreme_weights(n)
    return [lambda w=w: times(g, w) for w in weights]  # type: ignore[misc]


def extreme_weights(n: Node) -> list[Node]:
    """For `largest` and `smallest`: the derivative by each argument (zero where it does not win), almost everywhere."""
    sign = MINUS if n.op == "smallest" else Fraction(1)
    if len(n.args) == 1:
        x = n.args[0]
        gap = scaled(sign, collect(spread(n, x.space), scaled(MINUS, x)))  # type: ignore[arg-type]
        hits = collect(ones(x.space), scaled(MINUS, nodes.function("sign", gap)))  # type: ignore[arg-type]
        return [by_scalar(powered(nodes.scalar("sum", hits), MINUS), hits)]  # equal entries share the slope
    weights: list[Node] = []
    left = spread(number(1), n.space)  # type: ignore[arg-type]
    for i, x in enumerate(n.args[:-1]):
        rest = n.args[i + 1:]
        other = rest[0] if len(rest) == 1 else nodes.same(n.op, *rest)
        wins = nodes.function("threshold", scaled(sign, collect(x, scaled(MINUS, other))))
        weights.append(times(left, wins))
        left = times(left, collect(spread(number(1), n.space), scaled(MINUS, wins)))  # type: ignore[arg-type]
    return [*weights, left]


def _pull_concat(n: Node, g: Node) -> list[Share]:
    shares: list[Share] = []
    start = Size()
    for a in n.args:
        stop = start + count(a.space)  # type: ignore[arg-type]
        shares.append(lambda a=a, start=start, stop=stop: part(g, start, stop, a.space))  # type: ignore[misc]
        start = stop
    return shares


def part(vector: Node, start: Size, stop: Size, space: Space) -> Node:
    """Entries start <= i < stop of a vector, in the given space (R or R[stop - start])."""
    if vector.op in ("zeros", "ones", "spread"):
        return spread({"zeros": number(0), "ones": number(1)}.get(vector.op) or vector.args[0], space)
    if space == SCALAR and (at := start.constant()) is not None:
        return Node("index", (vector,), (int(at),), SCALAR)
    piece = Node("slice", (vector,), (start, stop), Space((stop - start,)))
    return nodes.scalar("sum", piece) if space == SCALAR else piece


def placed(value: Node, start: Size, length: Size) -> Node:
    """A vector of the given length, zero but for `value` from `start` on."""
    stop = start + count(value.space)  # type: ignore[arg-type]
    before = [zeros(Space((start,)))] if start.terms else []
    after = [zeros(Space((length - stop,)))] if (length - stop).terms else []
    return Node("concat", (*before, value, *after), (), Space((length,)))


def diagonal(matrix: Node) -> Node:
    """The diagonal of a square matrix, as a vector."""
    if matrix.op == "scale":
        return by_scalar(matrix.args[0], diagonal(matrix.args[1]))
    vector = Space(matrix.space.sizes[:1])  # type: ignore[union-attr]
    if matrix.op == "outer":
        return times(*matrix.args)
    if matrix.op == "diag":
        return matrix.args[0]
    if matrix.op == "eye":
        return ones(vector)
    if matrix.op == "compose":  # (X Y)_ii = sum over j of X_ij Y'_ij
        x, y = matrix.args[0], transpose(matrix.args[1])
        inner = nodes.function("square", x) if x == y else nodes.mul(x, y)
        return nodes.apply(inner, ones(Space(inner.space.sizes[1:])))  # type: ignore[union-attr]
    return nodes.apply(nodes.mul(matrix, nodes.eye(vector.sizes[0])), ones(vector))


def _outer(u: Node, v: Node) -> Node:
    return Node("outer", (u, v), (), Space((u.space.sizes[0], v.space.sizes[0])))  # type: ignore[union-attr]


def matrix_adjoint(n: Node, g: Node) -> Node:
    """The adjoint of the map of an `apply` node."""
    if isinstance(n.args[0].space, MapSpace) or n.args[1].space.rank != 1:  # type: ignore[union-attr]
        raise NotSupported("a linear map that depends on the state")
    return _outer(g, n.args[1])


def _reversed_sums(g: Node) -> Node:
    return collect(spread(total(g), g.space), scaled(MINUS, nodes.same("cumsum", g)), g)  # type: ignore[arg-type]


def _softmax(n: Node, g: Node) -> Node:
    # D softmax = diag(s) - s s', which is symmetric
    return collect(times(n, g), scaled(MINUS, by_scalar(dot(n, g), n)))


def slope(n: Node) -> Node:
    """The derivative of a `function` or `power` node by its argument, entry by entry."""
    if n.op == "function":
        return row_of(n).derivative(n.args[0], *n.data[1:])
    return scaled(n.data[0], powered(n.args[0], n.data[0] - 1))


def _per_entry(n: Node) -> Node:
    return powered(size_node(count(n.args[0].space)), MINUS)  # type: ignore[arg-type]


_PULL: dict[str, Callable[[Node, Node], list[Share]]] = {
    "add": lambda n, g: [lambda: g for _ in n.args],
    "mul": lambda n, g: [lambda: times(g, n.args[1]), lambda: times(g, n.args[0])],
    "scale": lambda n, g: [lambda: dot(g, n.args[1]), lambda: by_scalar(n.args[0], g)],
    "power": lambda n, g: [lambda: times(g, slope(n))],
    "function": lambda n, g: [lambda: times(g, slope(n))],
    "apply": lambda n, g: [lambda: matrix_adjoint(n, g), lambda: apply(transpose(n.args[0]), g)],
    "compose": lambda n, g: [lambda: compose(g, transpose(n.args[1])), lambda: compose(transpose(n.args[0]), g)],
    "transpose": lambda n, g: [lambda: transpose(g)],
    "sum": lambda n, g: [lambda: spread(g, n.args[0].space)],  # type: ignore[arg-type]
    "mean": lambda n, g: [lambda: spread(times(g, _per_entry(n)), n.args[0].space)],  # type: ignore[arg-type]
    "dot": lambda n, g: [lambda: by_scalar(g, n.args[1]), lambda: by_scalar(g, n.args[0])],
    "norm": lambda n, g: [lambda: by_scalar(times(g, powered(n, MINUS)), n.args[0])],
    "largest": _pull_extreme,
    "smallest": _pull_extreme,
    "cumsum": lambda n, g: [lambda: _reversed_sums(g)],
    "softmax": lambda n, g: [lambda: _softmax(n, g)],
    "diag": lambda n, g: [lambda: diagonal(g)],
    "skew": lambda n, g: [lambda: Node("unskew", (g,), (), n.args[0].space)],
    "unskew": lambda n, g: [lambda: Node("skew", (g,), (), n.args[0].space)],
    "sym": lambda n, g: [lambda: nodes.same("sym", g)],
    "outer": lambda n, g: [lambda: apply(g, n.args[1]), lambda: apply(transpose(g), n.args[0])],
    "concat": _pull_concat,
    "stack": lambda n, g: [lambda i=i: part(g, Size.number(i), Size.number(i + 1), SCALAR)  # type: ignore[misc]
                           for i in range(len(n.args))],
    "index": lambda n, g: [lambda: placed(g, Size.number(n.data[0]), n.args[0].space.sizes[0])],  # type: ignore[union-attr]
    "slice": lambda n, g: [lambda: placed(g, n.data[0], n.args[0].space.sizes[0])],  # type: ignore[union-attr]
    "spread": lambda n, g: [lambda: total(g)],
    "channels": lambda n, g: [lambda: Node("unchannels", (g,), (), n.args[0].space)],
    "unchannels": lambda n, g: [lambda: Node("channels", (g,), (), n.args[0].space)],
}
