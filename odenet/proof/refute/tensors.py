"""Tensors of scalars and linear maps on them: what nodes evaluate to."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from odenet.proof.refute.scalars import ZERO, Scalar, exact, inner, is_zero


@dataclass(frozen=True)
class Tensor:
    """Entries in row-major order. A scalar has shape ()."""

    shape: tuple[int, ...]
    items: list[Scalar]

    def with_items(self, items: list[Scalar]) -> Tensor:
        return Tensor(self.shape, items)

    def map(self, function: Callable[[Scalar], Scalar]) -> Tensor:
        return Tensor(self.shape, [function(item) for item in self.items])

    def zip(self, other: Tensor, function: Callable[[Scalar, Scalar], Scalar]) -> Tensor:
        return Tensor(self.shape, [function(a, b) for a, b in zip(self.items, other.items, strict=True)])

    @property
    def scalar(self) -> Scalar:
        assert len(self.items) == 1
        return self.items[0]

    def rows(self) -> list[list[Scalar]]:
        """The rows of a matrix."""
        width = self.shape[1]
        return [self.items[i * width:(i + 1) * width] for i in range(self.shape[0])]

    def transposed(self) -> Tensor:
        rows, columns = self.shape
        return Tensor((columns, rows), [self.items[i * columns + j] for j in range(columns) for i in range(rows)])

    def apply(self, vector: Tensor) -> Tensor:
        """Matrix times vector."""
        return Tensor(self.shape[:1], [inner(row, vector.items) for row in self.rows()])

    def compose(self, other: Tensor) -> Tensor:
        """Matrix times matrix."""
        columns = other.transposed().rows()
        return Tensor((self.shape[0], other.shape[1]), [inner(row, column) for row in self.rows() for column in columns])


@dataclass(frozen=True)
class LinearMap:
    """A linear map that is not written as a matrix, with its adjoint."""

    forward: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor], Tensor]

    def apply(self, tensor: Tensor) -> Tensor:
        return self.forward(tensor)

    def transposed(self) -> LinearMap:
        return LinearMap(self.backward, self.forward)

    def compose(self, other: LinearMap | Tensor) -> LinearMap:
        adjoint = other.transposed()
        return LinearMap(lambda t: self.forward(other.apply(t)), lambda t: adjoint.apply(self.backward(t)))

    def scaled(self, factor: Scalar) -> LinearMap:
        return LinearMap(lambda t: self.forward(t).map(lambda a: factor * a),
                         lambda t: self.backward(t).map(lambda a: factor * a))

    def plus(self, other: LinearMap) -> LinearMap:
        return LinearMap(lambda t: self.forward(t).zip(other.forward(t), lambda a, b: a + b),
                         lambda t: self.backward(t).zip(other.backward(t), lambda a, b: a + b))


def zeros(shape: Sequence[int]) -> Tensor:
    return Tensor(tuple(shape), [ZERO] * prod(shape))


def constant(shape: Sequence[int], value: Scalar) -> Tensor:
    return Tensor(tuple(shape), [value] * prod(shape))


def tensor(value: Any) -> Tensor:
    """A nested tuple of Fractions (or one Fraction) as a tensor."""
    if not isinstance(value, tuple):
        return Tensor((), [exact(value)])
    below = [tensor(v) for v in value]
    return Tensor((len(below), *below[0].shape), [item for t in below for item in t.items])


def nested(shape: Sequence[int], items: Sequence[Any]) -> Any:
    """Entries in row-major order as nested tuples of the given shape (one entry for shape ())."""
    if not shape:
        return items[0]
    width = prod(shape[1:])
    return tuple(nested(shape[1:], items[i * width:(i + 1) * width]) for i in range(shape[0]))


def _taps(kernel: Tensor, height: int, width: int, stride: int, circular: bool) -> Iterator[tuple[int, int, Scalar]]:
    """(index of the output, index of the input, weight) of a convolution; exact zeros of the kernel are left out."""
    _, inputs, size, _ = kernel.shape
    half, rows, columns = (size - 1) // 2, height // stride, width // stride
    for place, weight in enumerate(kernel.items):
        if is_zero(weight):
            continue
        rest, b = divmod(place, size)
        rest, a = divmod(rest, size)
        k, c = divmod(rest, inputs)
        for i in range(rows):
            y = i * stride + a - half
            if not circular and not 0 <= y < height:
                continue
            for j in range(columns):
                x = j * stride + b - half
                if circular or 0 <= x < width:
                    yield ((k * rows + i) * columns + j, (c * height + y % height) * width + x % width, weight)


def convolution(kernel: Tensor, domain: tuple[int, ...], codomain: tuple[int, ...], stride: int, circular: bool) -> LinearMap:
    """The convolution (cross-correlation, as in machine learning) R[c, h, w] -> R[k, h/stride, w/stride]."""
    taps = list(_taps(kernel, domain[1], domain[2], stride, circular))

    def forward(image: Tensor) -> Tensor:
        result = zeros(codomain)
        for out, source, weight in taps:
            result.items[out] = result.items[out] + weight * image.items[source]
        return result

    def backward(image: Tensor) -> Tensor:
        result = zeros(domain)
        for out, source, weight in taps:
            result.items[source] = result.items[source] + weight * image.items[out]
        return result

    return LinearMap(forward, backward)
