"""The tensor operations that users can call: one row each, arity, shape rule and node.

Arguments come with their spaces; a rule that they break raises `Unfit` with the number of the argument at fault.
`grad`, `div` and `laplacian` have rows without a maker: the builder differentiates.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import odenet.ir.node as nodes
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR, MapSpace, Size, Space, count


class Unfit(Exception):
    """An argument that does not fit: its number (None: all together), and why, to follow its source text."""

    def __init__(self, argument: int | None, why: str, help: str = "") -> None:
        super().__init__(why)
        self.argument = argument
        self.why = why
        self.help = help


@dataclass(frozen=True)
class Tensor:
    """One operation. `least` and `most` count its arguments (None: any number); `make` builds the node.

    `takes`: "values", or "sizes" for `ones(n)`, `zeros(m, n)`, `eye(n)`, whose arguments are sizes.
    """

    name: str
    least: int
    most: int | None
    make: Callable[..., Node] | None
    form: str
    takes: str = "values"


def _space(node: Node, argument: int = 0) -> Space:
    if isinstance(node.space, MapSpace):
        raise Unfit(argument, "is a linear map, not a tensor")
    return node.space


def _vector(node: Node, argument: int = 0) -> Size:
    space = _space(node, argument)
    if space.rank != 1:
        raise Unfit(argument, f"is in {space}, not a vector R[n]")
    return space.sizes[0]


def _square(node: Node, argument: int = 0) -> Size:
    space = _space(node, argument)
    if space.rank != 2 or space.sizes[0] != space.sizes[1]:
        raise Unfit(argument, f"is in {space}, not a square matrix R[n, n]")
    return space.sizes[0]


def _reduce(op: str) -> Callable[[Node], Node]:
    def make(x: Node) -> Node:
        if _space(x) == SCALAR:
            return nodes.function("abs", x) if op == "norm" else x
        return nodes.scalar(op, x)

    return make


def _dot(x: Node, y: Node) -> Node:
    if _space(x) != _space(y, 1):
        raise Unfit(None, f"`dot` needs two tensors of one space: {x.space} and {y.space}")
    if x.space != SCALAR:
        return nodes.scalar("dot", x, y)
    return nodes.power(x, 2) if x == y else nodes.mul(x, y)


def _extreme(op: str) -> Callable[..., Node]:
    def make(*arguments: Node) -> Node:
        if len(arguments) == 1:
            return arguments[0] if _space(arguments[0]) == SCALAR else nodes.scalar(op, arguments[0])
        spaces = [_space(a, i) for i, a in enumerate(arguments)]
        wide = next((s for s in spaces if s != SCALAR), SCALAR)
        for i, s in enumerate(spaces):
            if s not in (SCALAR, wide):
                raise Unfit(i, f"is in {s}, the others are in {wide}")
        return nodes.same(op, *(_spread(a, wide) for a in arguments))

    return make


def _spread(value: Node, space: Space) -> Node:
    if value.space != SCALAR or space == SCALAR:
        return value
    if nodes.is_number(value, 0) or nodes.is_number(value, 1):
        return nodes.ones(space) if value.data[0] else nodes.zeros(space)
    return nodes.spread(value, space)


def triangle_side(size: Size) -> Size | None:
    """The n with n(n-1)/2 == size, as a polynomial, or None."""
    eight = size.scaled(Fraction(8)) + Size.number(1)  # (2n - 1)^2
    root = square_root(eight)
    return None if root is None else (root + Size.number(1)).scaled(Fraction(1, 2))


def square_root(size: Size) -> Size | None:
    """The polynomial whose square it is, with a positive leading coefficient, or None."""
    if (value := size.constant()) is not None:
        if value < 0 or value.denominator != 1 or isqrt(int(value)) ** 2 != value:
            return None
        return Size.number(isqrt(int(value)))
    root, rest = Size(), size
    for _ in range(len(size.terms) + 1):
        if not rest.terms:
            return root
        term = _next_term(root, rest)
        if term is None:
            return None
        root = root + term
        rest = size - root * root
    return None


def _leading(size: Size, names: list[str]) -> tuple[tuple[tuple[str, int], ...], Fraction]:
    """The term of the highest degree, the first in the lexicographic order of exponents."""

    def key(term: tuple[tuple[tuple[str, int], ...], Fraction]) -> tuple[int, tuple[int, ...]]:
        powers = dict(term[0])
        return sum(powers.values()), tuple(powers.get(name, 0) for name in names)

    return max(size.terms, key=key)


def _next_term(root: Size, rest: Size) -> Size | None:
    """The next term of the root, from the leading term of what is left."""
    names = sorted(rest.dims() | root.dims())
    monomial, coefficient = _leading(rest, names)
    if not root.terms:
        top, bottom = isqrt(max(coefficient.numerator, 0)), isqrt(coefficient.denominator)
        if any(e % 2 for _, e in monomial) or Fraction(top * top, bottom * bottom) != coefficient:
            return None
        return Size.collect({tuple((name, e // 2) for name, e in monomial): Fraction(top, bottom)})
    head, factor = _leading(root, names)
    powers = dict(monomial)
    for name, e in head:
        powers[name] = powers.get(name, 0) - e
    if any(e < 0 for e in powers.values()):
        return None
    quotient = tuple(sorted((name, e) for name, e in powers.items() if e))
    return Size.collect({quotient: coefficient / (2 * factor)})


def _skew(v: Node) -> Node:
    size = _vector(v)
    side = triangle_side(size)
    if side is None:
        raise Unfit(0, f"has {size} entries, and that is not n*(n-1)/2 for any n",
                    "`skew` fills an n by n skew matrix from a vector of n*(n-1)/2 numbers")
    return Node("skew", (v,), (), Space((side, side)))


def _diag(v: Node) -> Node:
    size = _vector(v)
    return Node("diag", (v,), (), Space((size, size)))


def _sym(m: Node) -> Node:
    _square(m)
    return nodes.same("sym", m)


def _outer(u: Node, v: Node) -> Node:
    return Node("outer", (u, v), (), Space((_vector(u), _vector(v, 1))))


def _concat(*parts: Node) -> Node:
    total = Size()
    for i, part in enumerate(parts):
        if _space(part, i).rank > 1:
            raise Unfit(i, f"is in {part.space}; `concat` joins vectors and scalars")
        total = total + count(_space(part, i))
    return Node("concat", parts, (), Space((total,)))


def _along(op: str) -> Callable[[Node], Node]:
    def make(v: Node) -> Node:
        _vector(v)
        return nodes.same(op, v)

    return make


def _ones(*sizes: Size) -> Node:
    return nodes.ones(Space(sizes)) if sizes else nodes.number(1)


def _zeros(*sizes: Size) -> Node:
    return nodes.zeros(Space(sizes)) if sizes else nodes.number(0)


TENSORS: dict[str, Tensor] = {row.name: row for row in (
    Tensor("sum", 1, 1, _reduce("sum"), "sum(x)"),
    Tensor("mean", 1, 1, _reduce("mean"), "mean(x)"),
    Tensor("norm", 1, 1, _reduce("norm"), "norm(x)"),
    Tensor("dot", 2, 2, _dot, "dot(x, y)"),
    Tensor("max", 1, None, _extreme("largest"), "max(x, y)"),
    Tensor("min", 1, None, _extreme("smallest"), "min(x, y)"),
    Tensor("cumsum", 1, 1, _along("cumsum"), "cumsum(x)"),
    Tensor("softmax", 1, 1, _along("softmax"), "softmax(x)"),
    Tensor("diag", 1, 1, _diag, "diag(v)"),
    Tensor("skew", 1, 1, _skew, "skew(v)"),
    Tensor("sym", 1, 1, _sym, "sym(M)"),
    Tensor("outer", 2, 2, _outer, "outer(u, v)"),
    Tensor("concat", 1, None, _concat, "concat(x, y)"),
    Tensor("ones", 0, 3, _ones, "ones(n)", "sizes"),
    Tensor("zeros", 0, 3, _zeros, "zeros(n)", "sizes"),
    Tensor("eye", 1, 1, nodes.eye, "eye(n)", "sizes"),
    Tensor("grad", 2, 2, None, "grad(V, q)"),
    Tensor("div", 2, 2, None, "div(f, q)"),
    Tensor("laplacian", 2, 2, None, "laplacian(V, q)"),
)}
