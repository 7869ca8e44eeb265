"""Linear maps whose spaces are not known before they are applied: convolutions, and products and sums of them."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Union

from odenet.ir.differentiate import products
from odenet.ir.model import ConvolutionSpace
from odenet.ir.node import Node, add, param
from odenet.ir.sizes import MapSpace, Size, Space
from odenet.operators.tensors import Unfit


@dataclass(frozen=True)
class Convolution:
    """A convolution parameter, or its adjoint."""

    name: str
    space: ConvolutionSpace
    is_adjoint: bool = False


@dataclass(frozen=True)
class Product:
    left: OpenMap
    right: OpenMap


@dataclass(frozen=True)
class Scaled:
    factor: Node
    map: OpenMap


@dataclass(frozen=True)
class Sum:
    terms: tuple[OpenMap, ...]


OpenMap = Union[Convolution, Product, Scaled, Sum]


def adjoint(map: OpenMap) -> OpenMap:
    """The adjoint, pushed down to the convolutions."""
    if isinstance(map, Convolution):
        return Convolution(map.name, map.space, not map.is_adjoint)
    if isinstance(map, Product):
        return Product(adjoint(map.right), adjoint(map.left))
    if isinstance(map, Scaled):
        return Scaled(map.factor, adjoint(map.map))
    return Sum(tuple(adjoint(term) for term in map.terms))


def close(map: OpenMap, domain: Space) -> Node:
    """The map as a node, now that it is known where it starts. Raises Unfit when it cannot start there."""
    if isinstance(map, Convolution):
        return _close_convolution(map, domain)
    if isinstance(map, Scaled):
        return products.by_scalar(map.factor, close(map.map, domain))
    if isinstance(map, Sum):
        return add(*(close(term, domain) for term in map.terms))
    right = close(map.right, domain)
    assert isinstance(right.space, MapSpace)
    return products.compose(close(map.left, right.space.codomain), right)


def _close_convolution(map: Convolution, start: Space) -> Node:
    name = f"{map.name}.T" if map.is_adjoint else map.name
    before = map.space.outputs if map.is_adjoint else map.space.inputs
    after = map.space.inputs if map.is_adjoint else map.space.outputs
    if start.rank != 3:
        raise Unfit(1, f"is in {start}, and `{name}` maps images R[c, h, w]")
    if start.sizes[0] != before:
        raise Unfit(1, f"has {start.sizes[0]} channels, and `{name}` starts at {before}",
                    f"declare `{map.name}` for these channels: `conv({start.sizes[0]}, …)`" if not map.is_adjoint else "")
    stride = Fraction(map.space.stride)
    end = Space((after, *(s.scaled(stride if map.is_adjoint else 1 / stride) for s in start.sizes[1:])))
    if not all(_is_size(s) for s in end.sizes):
        raise Unfit(1, f"is in {start}: its height and width are not multiples of the stride {map.space.stride}")
    if map.is_adjoint:
        return products.transpose(param(map.name, MapSpace(end, start)))
    return param(map.name, MapSpace(start, end))


def _is_size(size: Size) -> bool:
    from odenet.ir.spaces import is_whole

    return is_whole(size)
