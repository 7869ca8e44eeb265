"""Constructors that keep products tidy: numbers in front, factors outside of maps, like terms together.

They are what the builder and the differentiator put nodes together with, so that the text emitted from them is what a careful
person would write. Each keeps the value exactly.
"""
from __future__ import annotations

from fractions import Fraction

import odenet.ir.node as nodes
from odenet.ir.node import Node, add, is_number, mul, number, ones, scale, zeros
from odenet.ir.sizes import SCALAR, AnySpace, MapSpace, Size, Space, codomain, transposed

MINUS = Fraction(-1)


def split(node: Node) -> tuple[Fraction, Node]:
    """A node as (number, rest), with node = number * rest."""
    if node.op == "number":
        return node.data[0], number(1)
    if node.op in ("mul", "scale") and is_number(node.args[0]):
        return node.args[0].data[0], node.args[1]
    if node.op == "scale":
        coefficient, factor = split(node.args[0])
        return coefficient, node if coefficient == 1 else scale(factor, node.args[1])
    if node.op == "spread" and not isinstance(node.space, MapSpace):
        coefficient, inner = split(node.args[0])
        return coefficient, node if coefficient == 1 else spread(inner, node.space)
    return Fraction(1), node


def scaled(coefficient: Fraction, node: Node) -> Node:
    """A number times anything; it joins the scalar that stands in front."""
    own, rest = split(node)
    coefficient = coefficient * own
    if rest.op == "scale" and coefficient not in (0, 1):
        return Node("scale", (mul(number(coefficient), rest.args[0]), rest.args[1]), (), rest.space)
    return scale(number(coefficient), rest)


def spread(value: Node, space: Space) -> Node:
    """A tensor with all entries equal to a scalar."""
    if space == SCALAR:
        return value
    if is_number(value, 1):
        return ones(space)
    return zeros(space) if is_number(value, 0) else nodes.spread(value, space)


def times(left: Node, right: Node) -> Node:
    """Entrywise product of one space, or scalar times anything; numbers come to the front."""
    if left.space == SCALAR and right.space != SCALAR:
        return by_scalar(left, right)
    if right.space == SCALAR and left.space != SCALAR:
        return by_scalar(right, left)
    (a, x), (b, y) = split(left), split(right)
    if x.op == "spread":
        return scaled(a * b, by_scalar(x.args[0], y))
    if y.op == "spread":
        return scaled(a * b, by_scalar(y.args[0], x))
    return scaled(a * b, _merged(x, y))


def _merged(x: Node, y: Node) -> Node:
    """x * y, with x^a x^b = x^(a+b) where no domain is lost."""
    (base, a), (other, b) = _power(x), _power(y)
    same_sign = (a > 0) == (b > 0)
    whole = a.denominator == 1 and b.denominator == 1
    if base == other and base.op not in ("number", "ones") and whole and same_sign :
        return nodes.power(base, a + b)
    return mul(x, y)


def _power(x: Node) -> tuple[Node, Fraction]:
    return (x.args[0], x.data[0]) if x.op == "power" else (x, Fraction(1))


def by_scalar(factor: Node, value: Node) -> Node:
    """A scalar times a tensor or a map."""
    if value.space == SCALAR:
        return times(factor, value)
    (a, s), (b, x) = split(factor), split(value)
    if x.op == "ones":
        return scaled(a * b, spread(s, x.space))  # type: ignore[arg-type]
    if x.op == "spread":
        return scaled(a * b, spread(times(s, x.args[0]), x.space))  # type: ignore[arg-type]
    if x.op == "scale":
        return scaled(a * b, scale(times(s, x.args[0]), x.args[1]))
    return scaled(a * b, scale(s, x))


def powered(base: Node, exponent: Fraction) -> Node:
    """A power of a power by whole exponents is one power, where no domain is lost: (x^3)^-1 = x^-3."""
    if base.op == "power" and exponent.denominator == 1 and base.data[0].denominator == 1 and not (
            base.data[0] < 0 and exponent < 0):
        return nodes.power(base.args[0], base.data[0] * exponent)
    if exponent == 0:
        return spread(number(1), base.space)  # type: ignore[arg-type]
    return nodes.power(base, exponent)


def apply(matrix: Node, tensor: Node) -> Node:
    """A map applied; scalars move in front, identities and diagonals are not built as matrices."""
    if matrix.op == "scale":
        return by_scalar(matrix.args[0], apply(matrix.args[1], tensor))
    if tensor.op == "scale":
        return by_scalar(tensor.args[0], apply(matrix, tensor.args[1]))
    if matrix.op == "eye":
        return tensor
    if matrix.op == "zeros" or tensor.op == "zeros":
        return zeros(codomain(matrix.space))
    if matrix.op == "diag":
        return times(matrix.args[0], tensor)
    if matrix.op == "outer":
        return by_scalar(nodes.scalar("dot", matrix.args[1], tensor), matrix.args[0])
    return nodes.apply(matrix, tensor)


def transpose(matrix: Node) -> Node:
    """The adjoint, pushed inside where that makes it simpler."""
    if matrix.op in ("eye", "diag", "sym"):
        return matrix
    if matrix.op == "scale":
        return by_scalar(matrix.args[0], transpose(matrix.args[1]))
    if matrix.op == "skew":
        return scaled(Fraction(-1), matrix)
    if matrix.op == "outer":
        return Node("outer", matrix.args[::-1], (), transposed(matrix.space))
    return nodes.transpose(matrix)


def compose(left: Node, right: Node) -> Node:
    """A product of maps; scalars move in front, identities vanish."""
    if left.op == "scale":
        return by_scalar(left.args[0], compose(left.args[1], right))
    if right.op == "scale":
        return by_scalar(right.args[0], compose(left, right.args[1]))
    if left.op == "eye":
        return right
    if right.op == "eye":
        return left
    found = nodes.compose(left, right)
    return zeros(found.space) if "zeros" in (left.op, right.op) else found


def dot(left: Node, right: Node) -> Node:
    """An inner product; with all-equal tensors it is a sum."""
    if left.space == SCALAR:
        return times(left, right)
    (a, x), (b, y) = split(left), split(right)
    for one, other in ((x, y), (y, x)):
        if one.op == "ones":
            return scaled(a * b, total(other))
        if one.op == "spread":
            return scaled(a * b, times(one.args[0], total(other)))
        if one.op == "zeros":
            return number(0)
    return scaled(a * b, nodes.scalar("dot", x, y))


def total(value: Node) -> Node:
    """The sum of all entries; scalars move in front."""
    if value.space == SCALAR:
        return value
    coefficient, rest = split(value)
    if rest.op == "zeros":
        return number(0)
    if rest.op == "ones":
        return scaled(coefficient, size_node(nodes_count(rest.space)))
    if rest.op == "scale":
        return scaled(coefficient, times(rest.args[0], total(rest.args[1])))
    return scaled(coefficient, nodes.scalar("sum", rest))


def nodes_count(space: AnySpace) -> Size:
    assert isinstance(space, Space)
    product = Size.number(1)
    for size in space.sizes:
        product = product * size
    return product


def collect(*terms: Node) -> Node:
    """A sum with like terms joined: x + x is 2 x."""
    flat: list[Node] = []
    for term in terms:
        flat.extend(term.args if term.op == "add" else (term,))
    totals: dict[Node, Fraction] = {}
    for term in flat:
        coefficient, rest = split(term)
        totals[rest] = totals.get(rest, Fraction(0)) + coefficient
    kept = [scaled(coefficient, rest) for rest, coefficient in totals.items() if coefficient]
    if not kept:
        return number(0) if terms[0].space == SCALAR else zeros(terms[0].space)
    return add(*kept)


def size_node(size: Size) -> Node:
    """A size as a scalar node."""
    terms = []
    for monomial, coefficient in size.terms:
        factor = number(coefficient)
        for name, exponent in monomial:
            factor = mul(factor, nodes.power(nodes.dim(name), exponent))
        terms.append(factor)
    return add(*terms) if terms else number(0)
