"""What each operation of the node does to tensors of scalars."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any, Union

from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace
from odenet.proof.refute import elementary
from odenet.proof.refute.scalars import ONE, ZERO, Scalar, Undefined, exact, inner, largest, power, smallest, total
from odenet.proof.refute.scalars import core as core_of
from odenet.proof.refute.shapes import shape_of, whole
from odenet.proof.refute.tensors import LinearMap, Tensor, constant, convolution, zeros

if TYPE_CHECKING:
    from odenet.proof.refute.evaluate import Evaluation

Value = Union[Tensor, LinearMap]


def _single(value: Scalar) -> Tensor:
    return Tensor((), [value])


# --- leaves ------------------------------------------------------------------------------------------------------


def _param(run: Evaluation, node: Node) -> Value:
    value, name = run.evaluator.parameters[node.data[0]], node.data[0]
    if isinstance(node.space, MapSpace):
        space = run.evaluator.spaces[name]
        return convolution(value, shape_of(node.space.domain, run.dims), shape_of(node.space.codomain, run.dims),
                           space.stride, space.padding == "circular")
    return value


def _eye(run: Evaluation, node: Node) -> Tensor:
    n = run.shape(node)[0]
    return Tensor((n, n), [ONE if i == j else ZERO for i in range(n) for j in range(n)])


# --- sums and products -------------------------------------------------------------------------------------------


def _add(run: Evaluation, node: Node) -> Value:
    result = run.value(node.args[0])
    for argument in node.args[1:]:
        other = run.value(argument)
        if isinstance(result, LinearMap) and isinstance(other, LinearMap):
            result = result.plus(other)
        elif isinstance(result, Tensor) and isinstance(other, Tensor):
            result = result.zip(other, lambda a, b: a + b)
        else:
            raise Undefined("a sum of a matrix and a map")
    return result


def _mul(run: Evaluation, node: Node) -> Tensor:
    left, right = run.arguments(node)
    return left.zip(right, lambda a, b: a * b)


def _scale(run: Evaluation, node: Node) -> Value:
    factor, value = run.tensor(node.args[0]).scalar, run.value(node.args[1])
    return value.scaled(factor) if isinstance(value, LinearMap) else value.map(lambda a: factor * a)


def _apply(run: Evaluation, node: Node) -> Tensor:
    return run.value(node.args[0]).apply(run.tensor(node.args[1]))


def _compose(run: Evaluation, node: Node) -> Value:
    left, right = run.value(node.args[0]), run.value(node.args[1])
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return left.compose(right)
    return _as_map(left).compose(right)


def _as_map(value: Value) -> LinearMap:
    return value if isinstance(value, LinearMap) else LinearMap(value.apply, value.transposed().apply)


# --- sums over entries -------------------------------------------------------------------------------------------


def _dot(run: Evaluation, node: Node) -> Tensor:
    left, right = run.arguments(node)
    return _single(inner(left.items, right.items))


def _norm(run: Evaluation, node: Node) -> Tensor:
    items = run.arguments(node)[0].items
    if len(items) == 1:  # |a| of one number is smooth off zero, a root of a square of a ball is wider
        return _single(elementary.apply("abs", (), items[0]))
    return _single(power(inner(items, items), Fraction(1, 2)))


def _extreme(choose: Callable[[list[Scalar]], Scalar]) -> Callable[[Evaluation, Node], Tensor]:
    def rule(run: Evaluation, node: Node) -> Tensor:
        values = run.arguments(node)
        if len(values) == 1:
            return _single(choose(values[0].items))
        return values[0].with_items([choose(list(entries)) for entries in zip(*(v.items for v in values), strict=True)])

    return rule


def _cumsum(run: Evaluation, node: Node) -> Tensor:
    value, sums, so_far = run.arguments(node)[0], [], ZERO
    for item in value.items:
        so_far = so_far + item
        sums.append(so_far)
    return value.with_items(sums)


def _softmax(run: Evaluation, node: Node) -> Tensor:
    value = run.arguments(node)[0]
    shift = core_of(value.items[0])  # softmax does not change when one number is taken from every entry
    weights = [elementary.apply("exp", (), item - shift) for item in value.items]
    share = power(total(weights), Fraction(-1))
    return value.with_items([weight * share for weight in weights])


# --- rearrangements ----------------------------------------------------------------------------------------------


def _diag(run: Evaluation, node: Node) -> Tensor:
    items = run.arguments(node)[0].items
    n = len(items)
    return Tensor((n, n), [items[i] if i == j else ZERO for i in range(n) for j in range(n)])


def _skew(run: Evaluation, node: Node) -> Tensor:
    items, n = iter(run.arguments(node)[0].items), run.shape(node)[0]
    entries = [ZERO] * (n * n)
    for i in range(n):
        for j in range(i + 1, n):
            value = next(items)
            entries[i * n + j], entries[j * n + i] = value, -value
    return Tensor((n, n), entries)


def _unskew(run: Evaluation, node: Node) -> Tensor:
    rows = run.arguments(node)[0].rows()
    n = len(rows)
    entries = [rows[i][j] - rows[j][i] for i in range(n) for j in range(i + 1, n)]
    return Tensor((len(entries),), entries)


def _sym(run: Evaluation, node: Node) -> Tensor:
    value = run.arguments(node)[0]
    return value.zip(value.transposed(), lambda a, b: (a + b) * exact(Fraction(1, 2)))


def _outer(run: Evaluation, node: Node) -> Tensor:
    left, right = run.arguments(node)
    return Tensor((*left.shape, *right.shape), [a * b for a in left.items for b in right.items])


def _joined(run: Evaluation, node: Node) -> Tensor:
    items = [item for value in run.arguments(node) for item in value.items]
    return Tensor((len(items),), items)


def _index(run: Evaluation, node: Node) -> Tensor:
    items, place = run.arguments(node)[0].items, int(node.data[0])
    if not 0 <= place < len(items):
        raise Undefined("an index beyond the end")
    return _single(items[place])


def _slice(run: Evaluation, node: Node) -> Tensor:
    start, stop = (whole(size, run.dims, least=0) for size in node.data)
    items = run.arguments(node)[0].items
    if not start < stop <= len(items):
        raise Undefined("an empty slice")
    return Tensor((stop - start,), items[start:stop])


def _channels(run: Evaluation, node: Node) -> Tensor:
    shape, items = run.shape(node), run.arguments(node)[0].items
    area = prod(shape[1:])
    return Tensor(shape, [item for item in items for _ in range(area)])


def _unchannels(run: Evaluation, node: Node) -> Tensor:
    image = run.arguments(node)[0]
    channels, area = image.shape[0], prod(image.shape[1:])
    return Tensor((channels,), [total(image.items[k * area:(k + 1) * area]) for k in range(channels)])


Rule = Callable[["Evaluation", Node], Any]

RULES: dict[str, Rule] = {
    "number": lambda run, node: _single(exact(node.data[0])),
    "dim": lambda run, node: _single(exact(run.dims[node.data[0]])),
    "time": lambda run, node: _single(run.time),
    "state": lambda run, node: run.states[node.data[0]],
    "variable": lambda run, node: run.variables[node.data[0]],
    "param": _param,
    "ones": lambda run, node: constant(run.shape(node), ONE),
    "zeros": lambda run, node: zeros(run.shape(node)),
    "eye": _eye,
    "add": _add,
    "mul": _mul,
    "scale": _scale,
    "power": lambda run, node: run.arguments(node)[0].map(lambda a: power(a, node.data[0])),
    "function": lambda run, node: run.arguments(node)[0].map(lambda a: elementary.apply(node.data[0], node.data[1:], a)),
    "apply": _apply,
    "compose": _compose,
    "transpose": lambda run, node: run.value(node.args[0]).transposed(),
    "sum": lambda run, node: _single(total(run.arguments(node)[0].items)),
    "mean": lambda run, node: _single(_mean(run.arguments(node)[0].items)),
    "dot": _dot,
    "norm": _norm,
    "largest": _extreme(largest),
    "smallest": _extreme(smallest),
    "cumsum": _cumsum,
    "softmax": _softmax,
    "diag": _diag,
    "skew": _skew,
    "unskew": _unskew,
    "sym": _sym,
    "outer": _outer,
    "concat": _joined,
    "stack": _joined,
    "index": _index,
    "slice": _slice,
    "spread": lambda run, node: constant(run.shape(node), run.tensor(node.args[0]).scalar),
    "channels": _channels,
    "unchannels": _unchannels,
}


def _mean(items: list[Scalar]) -> Scalar:
    return total(items) * exact(Fraction(1, len(items)))
