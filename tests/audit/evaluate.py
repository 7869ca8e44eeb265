"""The value of a node: every operation by its definition, on lists of numbers."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

from flint import arb

from odenet.ir.model import ConvolutionSpace, Model
from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace, Size, Space
from tests.audit.arithmetic import Number, Unsure, function, is_finite, larger, power, real, root, smaller


@dataclass(frozen=True)
class Tensor:
    """Entries in the order of rows."""

    shape: tuple[int, ...]
    items: list[Number]

    def rows(self) -> list[list[Number]]:
        """Of a matrix."""
        m, n = self.shape
        return [self.items[i * n:(i + 1) * n] for i in range(m)]


def scalar(value: Number) -> Tensor:
    return Tensor((), [value])


def of_rows(rows: list[list[Number]], columns: int) -> Tensor:
    return Tensor((len(rows), columns), [item for row in rows for item in row])


@dataclass(frozen=True)
class Values:
    """Numbers for all that a node may speak of."""

    model: Model
    dims: Mapping[str, int]
    states: Mapping[str, Tensor] = field(default_factory=dict)
    parameters: Mapping[str, Tensor] = field(default_factory=dict)
    time: Number = field(default_factory=lambda: arb(0))
    variables: Mapping[str, Tensor] = field(default_factory=dict)

    def size(self, size: Size) -> int:
        return _size(size, tuple(self.dims.items()))

    def shape(self, space: Any) -> tuple[int, ...]:
        return _shape(space.sizes, tuple(self.dims.items()))

    def at(self, states: Mapping[str, Tensor], **more: Any) -> Values:
        return replace(self, states={**self.states, **states}, **more)


@lru_cache(maxsize=4096)
def _size(size: Size, dims: tuple[tuple[str, int], ...]) -> int:
    value = size.evaluate(dict(dims))
    if value.denominator != 1 or value < 0:
        raise Unsure("a size that is not whole")
    return int(value)


@lru_cache(maxsize=4096)
def _shape(sizes: tuple[Size, ...], dims: tuple[tuple[str, int], ...]) -> tuple[int, ...]:
    return tuple(_size(size, dims) for size in sizes)


@lru_cache(maxsize=1024)
def _order(node: Node) -> tuple[Node, ...]:
    """The nodes that have a value, arguments first."""
    return tuple(n for n in node.walk() if not isinstance(n.space, MapSpace))


def evaluate(node: Node, values: Values) -> Tensor:
    """The value of a tensor or matrix node. Raises Unsure."""
    known: dict[Node, Tensor] = {}
    for n in _order(node):
        known[n] = _operate(n, values, known)
    found = known[node]
    if not all(map(is_finite, found.items)):
        raise Unsure("a number that is not finite")
    return found


def number(node: Node, values: Values) -> Number:
    return evaluate(node, values).items[0]


def _operate(n: Node, v: Values, known: dict[Node, Tensor]) -> Tensor:
    if n.op == "apply":
        return linear(n.args[0], known[n.args[1]], v, known)
    return _OPERATIONS[n.op](n, v, *(known[a] for a in n.args))


# --- linear maps ---------------------------------------------------------------------------------------------------------------


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """A matrix times a vector or a matrix."""
    width = b.shape[1] if len(b.shape) == 2 else 1
    inner = b.shape[0]
    items: list[Number] = []
    for row in a.rows():
        for j in range(width):
            items.append(total([row[k] * b.items[k * width + j] for k in range(inner)]))
    return Tensor((a.shape[0], *b.shape[1:]), items)


def total(items: list[Number]) -> Number:
    result: Number = arb(0)
    for item in items:
        result = result + item
    return result


def flipped(a: Tensor) -> Tensor:
    m, n = a.shape
    return Tensor((n, m), [a.items[i * n + j] for j in range(n) for i in range(m)])


def linear(map: Node, x: Tensor, v: Values, known: dict[Node, Tensor], is_adjoint: bool = False) -> Tensor:
    """A map, or its adjoint, applied."""
    if map in known:
        return matmul(flipped(known[map]) if is_adjoint else known[map], x)
    assert isinstance(map.space, MapSpace)
    if map.op == "param":
        space = v.model.parameter(map.data[0]).space
        assert isinstance(space, ConvolutionSpace)
        shape = v.shape(map.space.domain if is_adjoint else map.space.codomain)
        return convolution(v.parameters[map.data[0]], x, space, shape, is_adjoint)
    if map.op == "transpose":
        return linear(map.args[0], x, v, known, not is_adjoint)
    if map.op == "scale":
        return scaled(known[map.args[0]].items[0], linear(map.args[1], x, v, known, is_adjoint))
    if map.op == "compose":
        first, last = (map.args[0], map.args[1]) if is_adjoint else (map.args[1], map.args[0])
        return linear(last, linear(first, x, v, known, is_adjoint), v, known, is_adjoint)
    shape = v.shape(map.space.domain if is_adjoint else map.space.codomain)
    result = Tensor(shape, [arb(0)] * prod(shape))
    for term in map.args:  # a sum; of no terms: zeros
        result = plus(result, linear(term, x, v, known, is_adjoint))
    return result


def plus(a: Tensor, b: Tensor) -> Tensor:
    return Tensor(a.shape, [x + y for x, y in zip(a.items, b.items, strict=True)])


def scaled(factor: Number, a: Tensor) -> Tensor:
    return Tensor(a.shape, [factor * x for x in a.items])


def convolution(kernel: Tensor, x: Tensor, space: ConvolutionSpace, shape: tuple[int, ...], is_adjoint: bool = False) -> Tensor:
    """out[o, i, j] = sum kernel[o, c, a, b] in[c, s i + a - r, s j + b - r], r = (size - 1)/2; its adjoint gathers what it spread."""
    small, big = (x.shape[1:], shape[1:]) if is_adjoint else (shape[1:], x.shape[1:])
    items: list[Number] = [arb(0)] * prod(shape)
    for k, here, there in _taps(kernel.shape, small, big, space.stride, space.padding == "circular"):
        tap = kernel.items[k]
        if tap == 0:
            continue
        if is_adjoint:
            items[there] = items[there] + tap * x.items[here]
        else:
            items[here] = items[here] + tap * x.items[there]
    return Tensor(shape, items)


@lru_cache(maxsize=64)
def _taps(shape: tuple[int, ...], small: tuple[int, ...], big: tuple[int, ...], stride: int, is_circular: bool) -> list[tuple[int, int, int]]:
    """Which entry of the kernel joins which entry of the output with which of the input."""
    outputs, inputs, taps, _ = shape
    found = []
    for i, j, a, b in product(range(small[0]), range(small[1]), range(taps), range(taps)):
        y, z = stride * i + a - (taps - 1) // 2, stride * j + b - (taps - 1) // 2
        if is_circular:
            y, z = y % big[0], z % big[1]
        if not (0 <= y < big[0] and 0 <= z < big[1]):
            continue
        for o, c in product(range(outputs), range(inputs)):
            found.append((((o * inputs + c) * taps + a) * taps + b, (o * small[0] + i) * small[1] + j, (c * big[0] + y) * big[1] + z))
    return found


# --- operations ----------------------------------------------------------------------------------------------------------------


def _filled(value: int) -> Callable[..., Tensor]:
    def fill(n: Node, v: Values) -> Tensor:
        shape = v.shape(n.space)
        return Tensor(shape, [arb(value)] * prod(shape))

    return fill


def identity(size: int) -> Tensor:
    return Tensor((size, size), [arb(int(i == j)) for i in range(size) for j in range(size)])


def _entrywise(operation: Callable[..., Number]) -> Callable[..., Tensor]:
    def apply(n: Node, v: Values, *arguments: Tensor) -> Tensor:
        return Tensor(arguments[0].shape, [operation(*items) for items in zip(*(a.items for a in arguments), strict=True)])

    return apply


def _sum(*items: Number) -> Number:
    return total(list(items))


def _extreme(pick: Callable[[Number, Number], Number]) -> Callable[..., Tensor]:
    def best(items: list[Number]) -> Number:
        found = items[0]
        for item in items[1:]:
            found = pick(found, item)
        return found

    def apply(n: Node, v: Values, *arguments: Tensor) -> Tensor:
        if len(arguments) == 1:
            return scalar(best(arguments[0].items))
        return Tensor(arguments[0].shape, [best(list(items)) for items in zip(*(a.items for a in arguments), strict=True)])

    return apply


def _cumsum(n: Node, v: Values, x: Tensor) -> Tensor:
    return Tensor(x.shape, [total(x.items[:i + 1]) for i in range(len(x.items))])


def softmax(items: list[Number]) -> list[Number]:
    weights = [(item - items[0]).exp() for item in items]
    whole = total(weights)
    return [weight / whole for weight in weights]


def skew_matrix(items: list[Number], size: int) -> Tensor:
    """Filled above the diagonal, row by row."""
    rows: list[list[Number]] = [[arb(0)] * size for _ in range(size)]
    left = iter(items)
    for i in range(size):
        for j in range(i + 1, size):
            rows[i][j] = next(left)
            rows[j][i] = -rows[i][j]
    return of_rows(rows, size)


def _unskew(n: Node, v: Values, m: Tensor) -> Tensor:
    rows = m.rows()
    items = [rows[i][j] - rows[j][i] for i in range(len(rows)) for j in range(i + 1, len(rows))]
    return Tensor((len(items),), items)


def _diag(n: Node, v: Values, x: Tensor) -> Tensor:
    k = len(x.items)
    return Tensor((k, k), [x.items[i] if i == j else arb(0) for i in range(k) for j in range(k)])


def _concat(n: Node, v: Values, *parts: Tensor) -> Tensor:
    items = [item for part in parts for item in part.items]
    return Tensor((len(items),), items)


def _slice(n: Node, v: Values, x: Tensor) -> Tensor:
    items = x.items[v.size(n.data[0]):v.size(n.data[1])]
    return Tensor((len(items),), items)


def _index(n: Node, v: Values, x: Tensor) -> Tensor:
    if not -len(x.items) <= int(n.data[0]) < len(x.items):
        raise Unsure("an entry that is not there at this size")
    return scalar(x.items[int(n.data[0])])


def _spread(n: Node, v: Values, x: Tensor) -> Tensor:
    shape = v.shape(n.space)
    return Tensor(shape, [x.items[0]] * prod(shape))


def _channels(n: Node, v: Values, x: Tensor) -> Tensor:
    shape = v.shape(n.space)
    return Tensor(shape, [item for item in x.items for _ in range(prod(shape[1:]))])


def _unchannels(n: Node, v: Values, x: Tensor) -> Tensor:
    area = prod(x.shape[1:])
    return Tensor(x.shape[:1], [total(x.items[c * area:(c + 1) * area]) for c in range(x.shape[0])])


def _mean(n: Node, v: Values, x: Tensor) -> Tensor:
    return scalar(total(x.items) / len(x.items))


def _dot(n: Node, v: Values, x: Tensor, y: Tensor) -> Tensor:
    return scalar(total([a * b for a, b in zip(x.items, y.items, strict=True)]))


HALF = Fraction(1, 2)
_OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "number": lambda n, v: scalar(real(n.data[0])), "dim": lambda n, v: scalar(real(v.dims[n.data[0]])),
    "time": lambda n, v: scalar(v.time), "state": lambda n, v: v.states[n.data[0]], "param": lambda n, v: v.parameters[n.data[0]],
    "variable": lambda n, v: v.variables[n.data[0]], "ones": _filled(1), "zeros": _filled(0),
    "eye": lambda n, v: identity(v.size(n.space.sizes[0])), "add": _entrywise(_sum), "mul": _entrywise(lambda a, b: a * b),
    "scale": lambda n, v, c, x: scaled(c.items[0], x),
    "power": lambda n, v, x: Tensor(x.shape, [power(item, Fraction(n.data[0])) for item in x.items]),
    "function": lambda n, v, x: Tensor(x.shape, [function(n.data[0], item, *n.data[1:]) for item in x.items]),
    "compose": lambda n, v, a, b: matmul(a, b), "transpose": lambda n, v, a: flipped(a),
    "sum": lambda n, v, x: scalar(total(x.items)), "mean": _mean, "dot": _dot,
    "norm": lambda n, v, x: scalar(root(total([item * item for item in x.items]))),
    "largest": _extreme(larger), "smallest": _extreme(smaller), "cumsum": _cumsum,
    "softmax": lambda n, v, x: Tensor(x.shape, softmax(x.items)), "diag": _diag,
    "skew": lambda n, v, x: skew_matrix(x.items, v.size(n.space.sizes[0])), "unskew": _unskew,
    "sym": lambda n, v, m: scaled(real(HALF), plus(m, flipped(m))),
    "outer": lambda n, v, x, y: Tensor((len(x.items), len(y.items)), [a * b for a in x.items for b in y.items]),
    "concat": _concat, "stack": _concat, "index": _index, "slice": _slice, "spread": _spread, "channels": _channels,
    "unchannels": _unchannels,
}
__all__ = ["Space", "Tensor", "Values", "evaluate", "number"]
