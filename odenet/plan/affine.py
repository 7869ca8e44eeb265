"""Rates that are affine in the blocks they move: coefficients and the rest, read off the structure of the node.

Nothing is differentiated: a moved block may stand under linear operations only, so what is found holds everywhere.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from odenet.ir.differentiate import products
from odenet.ir.node import Node, eye, number, ones, spread, states, zeros
from odenet.ir.sizes import SCALAR, MapSpace, Space


@dataclass(frozen=True)
class Entrywise:
    """rate = factor * block + rest, entry by entry; `factor` is a scalar or a tensor of the block's space."""

    factor: Node
    rest: Node


def entrywise(rate: Node, block: Node, moved: frozenset[str]) -> Entrywise | None:
    """The rate as a multiple of the block, entry by entry, plus what is free of all moved blocks; else None."""
    if not states(rate) & moved:
        return Entrywise(number(0), rate)
    if rate == block:
        return Entrywise(number(1), _zero(rate))
    if rate.op == "add":
        terms = [entrywise(term, block, moved) for term in rate.args]
        known = [term for term in terms if term is not None]
        if len(known) < len(terms):
            return None
        return Entrywise(_sum([term.factor for term in known], rate), products.collect(*(t.rest for t in known)))
    if rate.op in ("scale", "mul"):
        return _entrywise_product(rate, block, moved)
    return None


def _entrywise_product(rate: Node, block: Node, moved: frozenset[str]) -> Entrywise | None:
    left, right = rate.args
    if states(left) & moved and rate.op == "mul":
        left, right = right, left
    if states(left) & moved:
        return None
    inner = entrywise(right, block, moved)
    if inner is None:
        return None
    return Entrywise(products.times(left, inner.factor), products.times(left, inner.rest))


def _sum(factors: list[Node], rate: Node) -> Node:
    """The sum of scalars and tensors; scalars are spread when a tensor is among them."""
    if all(factor.space == SCALAR for factor in factors):
        return products.collect(*factors)
    assert isinstance(rate.space, Space)
    return products.collect(*(products.spread(f, rate.space) if f.space == SCALAR else f for f in factors))


def _zero(node: Node) -> Node:
    return number(0) if node.space == SCALAR else zeros(node.space)


@dataclass(frozen=True)
class Affine:
    """node = sum of coefficient(block) applied to block, plus rest.

    A coefficient from a vector block into a vector is a matrix, into a scalar the vector it is dotted with; from a scalar
    block it is a scalar or vector that the block multiplies.
    """

    coefficients: Mapping[str, Node]
    rest: Node


def affine(node: Node, moved: frozenset[str]) -> Affine | None:
    """The node as an affine function of scalar and vector blocks, or None when it is not seen to be one."""
    if not states(node) & moved:
        return Affine({}, node)
    if not isinstance(node.space, Space) or node.space.rank > 1:
        return None
    if node.op == "state":
        own = eye(node.space.sizes[0]) if node.space.rank else number(1)
        return Affine({node.data[0]: own}, _zero(node))
    if node.op == "add":
        return _add([affine(term, moved) for term in node.args])
    if node.op in ("scale", "mul"):
        return _product(node, moved)
    rule = _LINEAR.get(node.op)
    return None if rule is None else rule(node, moved)


def _add(terms: list[Affine | None]) -> Affine | None:
    known = [term for term in terms if term is not None]
    if len(known) < len(terms):
        return None
    gathered: dict[str, list[Node]] = {}
    for term in known:
        for block, coefficient in term.coefficients.items():
            gathered.setdefault(block, []).append(coefficient)
    return Affine({block: products.collect(*found) for block, found in gathered.items()},
                  products.collect(*(term.rest for term in known)))


def _product(node: Node, moved: frozenset[str]) -> Affine | None:
    left, right = node.args
    if not states(left) & moved:
        inner = affine(right, moved)
        return None if inner is None else Affine(
            {b: _by(left, c) for b, c in inner.coefficients.items()}, products.times(left, inner.rest))
    if states(right) & moved:
        return None
    inner = affine(left, moved)
    if inner is None:
        return None
    by = _by if node.op == "mul" else _spread_by
    return Affine({b: by(right, c) for b, c in inner.coefficients.items()}, products.times(inner.rest, right))


def _by(factor: Node, coefficient: Node) -> Node:
    """A free factor times a coefficient: entry by entry, so a diagonal matrix in front of a matrix."""
    if factor.space in (SCALAR, coefficient.space):
        return products.times(factor, coefficient)
    if coefficient.space == SCALAR:
        return products.times(coefficient, factor)
    return products.compose(Node("diag", (factor,), (), _square(factor)), coefficient)


def _spread_by(vector: Node, coefficient: Node) -> Node:
    """A scalar that is affine, times a free vector."""
    if coefficient.space == SCALAR:
        return products.times(coefficient, vector)
    return _outer(vector, coefficient)


def _square(vector: Node) -> Space:
    assert isinstance(vector.space, Space)
    return Space(vector.space.sizes * 2)


def _outer(left: Node, right: Node) -> Node:
    assert isinstance(left.space, Space) and isinstance(right.space, Space)
    return Node("outer", (left, right), (), Space(left.space.sizes + right.space.sizes))


def _apply(node: Node, moved: frozenset[str]) -> Affine | None:
    matrix, vector = node.args
    inner = affine(vector, moved)
    if inner is None or states(matrix) & moved or isinstance(matrix.space, MapSpace):
        return None
    return Affine({b: (products.compose if _is_matrix(c) else products.apply)(matrix, c)
                   for b, c in inner.coefficients.items()}, products.apply(matrix, inner.rest))


def _dot(node: Node, moved: frozenset[str]) -> Affine | None:
    free, moving = node.args
    if states(free) & moved:
        free, moving = moving, free
    return None if states(free) & moved else _dotted(free, affine(moving, moved))


def _dotted(free: Node, inner: Affine | None) -> Affine | None:
    if inner is None:
        return None
    return Affine({b: products.apply(products.transpose(c), free) if _is_matrix(c) else products.dot(free, c)
                   for b, c in inner.coefficients.items()}, products.dot(free, inner.rest))


def _sum_of_entries(node: Node, moved: frozenset[str]) -> Affine | None:
    space = node.args[0].space
    if not isinstance(space, Space) or space.rank > 1:
        return None
    inner = affine(node.args[0], moved) if space.rank == 0 else _dotted(ones(space), affine(node.args[0], moved))
    if node.op == "sum" or inner is None:
        return inner
    share = products.powered(products.size_node(products.nodes_count(space)), Fraction(-1))
    return Affine({b: products.times(share, c) for b, c in inner.coefficients.items()},
                  products.times(share, inner.rest))


def _spread(node: Node, moved: frozenset[str]) -> Affine | None:
    inner = affine(node.args[0], moved)
    if inner is None or not isinstance(node.space, Space) or node.space.rank != 1:
        return None
    everywhere = ones(node.space)
    return Affine({b: _spread_by(everywhere, c) for b, c in inner.coefficients.items()}, spread(inner.rest, node.space))


def _is_matrix(coefficient: Node) -> bool:
    return isinstance(coefficient.space, Space) and coefficient.space.rank == 2


_LINEAR = {"apply": _apply, "dot": _dot, "sum": _sum_of_entries, "mean": _sum_of_entries, "spread": _spread}
