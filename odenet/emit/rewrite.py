"""Rewriting rates before they are written: what does not depend on the state is computed once, for all steps at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from odenet.ir.node import Node, apply, mul, scale, transpose
from odenet.ir.sizes import MapSpace


def is_fixed(node: Node) -> bool:
    """Whether a node depends on parameters and dims only: not on states, arguments, the clock or a duration."""
    return _free_of(node, ("state", "variable", "time"))


@lru_cache(maxsize=4096)
def _free_of(node: Node, leaves: tuple[str, ...]) -> bool:
    return node.op not in leaves and all(_free_of(argument, leaves) for argument in node.args)


def regrouped(node: Node) -> Node:
    """The same value, with scalar parameters moved into the matrices they stand before: c (A z) is (c A) z."""
    known: dict[Node, Node] = {}
    for n in node.walk():
        arguments = tuple(known[a] for a in n.args)
        known[n] = _regroup(Node(n.op, arguments, n.data, n.space) if n.args else n)
    return known[node]


def _regroup(node: Node) -> Node:
    if node.op != "scale":
        return node
    factor, inner = node.args
    if inner.op == "scale" and _is_plain(inner.args[0]) and _has_parameters(factor):  # c (2 x) is 2 (c x)
        return scale(inner.args[0], _regroup(Node("scale", (factor, inner.args[1]), (), node.space)))
    if inner.op != "apply" or isinstance(inner.args[0].space, MapSpace) or not is_fixed(inner.args[0]):
        return node
    inside, outside = _split(factor)
    if inside is None or is_fixed(inner):
        return node
    map, tensor = inner.args
    grown = transpose(scale(inside, map.args[0])) if map.op == "transpose" else scale(inside, map)
    product = apply(grown, tensor)
    return product if outside is None else scale(outside, product)


def _split(factor: Node) -> tuple[Node | None, Node | None]:
    """A scalar as (what holds parameters and is fixed, the rest)."""
    factors = _factors(factor)
    inside = [f for f in factors if is_fixed(f) and _has_parameters(f)]
    outside = [f for f in factors if not (is_fixed(f) and _has_parameters(f))]
    return _product(inside), _product(outside)


def _factors(node: Node) -> list[Node]:
    if node.op == "mul":
        return [*_factors(node.args[0]), *_factors(node.args[1])]
    return [node]


def _product(factors: list[Node]) -> Node | None:
    found: Node | None = None
    for factor in factors:
        found = factor if found is None else mul(found, factor)
    return found


def _is_plain(node: Node) -> bool:
    return _free_of(node, ("state", "param"))


def _has_parameters(node: Node) -> bool:
    return not _free_of(node, ("param",))


def hoisted(node: Node, name: Callable[[Node], str | None]) -> Node:
    """The node with each largest part that is fixed and holds parameters replaced by a `variable` of the given name.

    `name` may refuse a part (None); then its parts are tried.
    """
    known: dict[Node, Node] = {}

    def replaced(n: Node) -> Node:
        if n not in known:
            known[n] = _hoist(n)
        return known[n]

    def _hoist(n: Node) -> Node:
        if not n.args or n.op in ("spread", "channels", "transpose", "diag") or not _can_hoist(n):
            return Node(n.op, tuple(map(replaced, n.args)), n.data, n.space) if n.args else n
        found = name(n)
        if found is None:
            return Node(n.op, tuple(map(replaced, n.args)), n.data, n.space)
        return Node("variable", (), (found,), n.space)

    return replaced(node)


def _can_hoist(node: Node) -> bool:
    has_maps = any(isinstance(n.space, MapSpace) for n in node.walk())
    return not has_maps and is_fixed(node) and _has_parameters(node)
