"""What each operation of torch means for bounds: one row each.

A row reads a node of the tape and gives its `Step`: an affine map, a function entry by entry, the largest of some entries, or
another view of the same numbers. `rounding` counts in the rounding unit u of the module's precision: sums of n products have
errors up to n u in any order; functions of one number are taken to be right to 4 units in the last place.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from odenet.certify.enclosures import Array, up
from odenet.certify.functions import average, clamp, function, gelu, largest, softplus
from odenet.certify.linear_maps import Convolution, Diagonal, LinearMap, Matrix, Scaling, Written, numbers
from odenet.certify.moves import getitem, joined, merged, pad, total, view, written
from odenet.certify.steps import Affine, Row, Step, arguments, call_of, length, only, pair, scalar
from odenet.certify.tape import Node, Tape, Unbounded, Use


def step_of(node: Node, tape: Tape) -> Step:
    """What a node does. Raises Unbounded, with what is not known."""
    row = _ROWS.get(node.name)
    if row is None:
        raise Unbounded(f"no bound is known of {node.name.removeprefix('torch.')}")
    if node.value.dtype != tape.dtype:
        raise Unbounded(f"the precision changes from {tape.dtype} to {node.value.dtype}")
    try:
        return row(node, tape)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
        raise Unbounded(f"{node.name.removeprefix('torch.')} is called in a way that is not known") from error


# -- sums and products -----------------------------------------------------------------------------------------------------------


def _add(node: Node, tape: Tape) -> Step:
    given = arguments(node, ("input", "other", "alpha"))
    alpha = scalar(given.get("alpha", 1), tape)
    first, second = given["input"], given["other"]
    if node.name.endswith("rsub__"):
        first, second = second, first
    return _sum_of([(first, 1.0), (second, -alpha if "sub" in node.name else alpha)], node, tape)


def _sum_of(parts: list[tuple[Any, float]], node: Node, tape: Tape) -> Affine:
    terms: list[tuple[int, LinearMap]] = []
    constant = 0.0
    for value, factor in parts:
        if isinstance(value, Use):
            terms.append((value.index, _spread(value.index, factor, node, tape)))
        else:
            constant += abs(factor) * length(value, node)
    return Affine(tuple(terms), float(up(constant)), roundings=4)


def _spread(source: int, factor: float, node: Node, tape: Tape) -> LinearMap:
    """factor times a value, repeated where it is broadcast."""
    shape = tape.nodes[source].shape
    if math.prod(shape) == node.count:
        return Scaling(node.count, factor)
    return Written(lambda x: (factor * x).expand(node.shape).clone(), shape, node.count, units=1)


def _multiply(node: Node, tape: Tape) -> Step:
    given = arguments(node, ("input", "other"))
    first, second = given["input"], given["other"]
    if isinstance(first, Use) and isinstance(second, Use):
        raise Unbounded("two values that depend on the state are multiplied")
    use, factor = (first, second) if isinstance(first, Use) else (second, first)
    return Affine(((use.index, _factors(use.index, factor, node, tape)),), roundings=3)


def _divide(node: Node, tape: Tape) -> Step:
    given = arguments(node, ("input", "other"))
    use, divisor = given["input"], given["other"]
    if isinstance(divisor, Use):
        raise Unbounded("division by a value that depends on the state")
    source, shape = use.index, tape.nodes[use.index].shape
    if isinstance(divisor, Tensor):
        wide = divisor.to(torch.float64)
        if not bool((wide != 0).all()):
            raise Unbounded("division by 0")
        divided = Written(lambda x: (x / wide).expand(node.shape).clone(), shape, node.count, units=1)
        return Affine(((source, divided),), roundings=3)
    if divisor == 0:
        raise Unbounded("division by 0")
    inverse = 1 / scalar(divisor, tape)
    return Affine(((source, Scaling(node.count, inverse, 1)),), roundings=3)


def _negate(node: Node, tape: Tape) -> Step:
    return Affine(((only(node), Scaling(node.count, -1.0)),), roundings=0)


def _factors(source: int, factor: Any, node: Node, tape: Tape) -> LinearMap:
    if not isinstance(factor, Tensor):
        return _spread(source, scalar(factor, tape), node, tape)
    if factor.numel() == 1 and math.prod(tape.nodes[source].shape) == node.count:
        return Scaling(node.count, float(factor))
    if math.prod(tape.nodes[source].shape) == node.count:
        return Diagonal(numbers(factor.expand(node.shape)).reshape(-1))
    wide = factor.to(torch.float64)
    return Written(lambda x: (wide * x).expand(node.shape).clone(), tape.nodes[source].shape, node.count)


def _linear(node: Node, tape: Tape) -> Step:
    given = arguments(node, ("input", "weight", "bias"))
    if not isinstance(given["input"], Use) or isinstance(given["weight"], Use) or isinstance(given.get("bias"), Use):
        raise Unbounded("a matrix that depends on the state")
    source, weight, bias = given["input"].index, numbers(given["weight"]), given.get("bias")
    if weight.ndim != 2 or math.prod(tape.nodes[source].shape) != weight.shape[1]:
        raise Unbounded("a matrix that acts along one axis of several")
    return Affine(((source, Matrix(weight)),), length(bias, node) if bias is not None else 0.0)


def _matmul(node: Node, tape: Tape) -> Step:
    given = arguments(node, ("input", "other" if node.name.endswith("matmul") else "mat2"))
    first, second = given.values()
    if isinstance(first, Use) and isinstance(second, Use):
        raise Unbounded("two values that depend on the state are multiplied")
    use, matrix, is_left = (first, second, True) if isinstance(first, Use) else (second, first, False)
    shape = tape.nodes[use.index].shape
    if is_left and matrix.dim() == 2 and math.prod(shape) == matrix.shape[0]:
        return Affine(((use.index, Matrix(numbers(matrix).T)),))
    return written(units=1)(node, tape)


def _addmm(node: Node, tape: Tape) -> Step:
    """beta * input + alpha * first @ second, of which `second` is a matrix of the module."""
    given = arguments(node, ("input", "mat1", "mat2", "beta", "alpha"))
    first, second, rest = given["mat1"], given["mat2"], given["input"]
    alpha, beta = scalar(given.get("alpha", 1), tape), scalar(given.get("beta", 1), tape)
    if not isinstance(first, Use) or isinstance(second, Use):
        raise Unbounded("a matrix that depends on the state")
    if math.prod(tape.nodes[first.index].shape) != second.shape[0]:
        raise Unbounded("a matrix that acts on several rows")
    matrix = numbers(second).T
    if alpha not in (1.0, -1.0):
        weights: LinearMap = Written(
            lambda x: alpha * (x.reshape(1, -1) @ second.to(torch.float64)), tape.nodes[first.index].shape, node.count, units=2
        )
    else:
        weights = Matrix(alpha * matrix)
    start = _sum_of([(rest, beta)], node, tape)
    return Affine((*start.terms, (first.index, weights)), start.constant, roundings=6)


def _convolve(node: Node, tape: Tape) -> Step:
    given = arguments(node, ("input", "weight", "bias", "stride", "padding", "dilation", "groups"))
    if not isinstance(given["input"], Use) or isinstance(given["weight"], Use):
        raise Unbounded("a kernel that depends on the state")
    source, kernel, bias = given["input"].index, numbers(given["weight"]), given.get("bias")
    constant = length(bias.reshape(-1, 1, 1), node) if bias is not None else 0.0
    pads, strides = pair(given.get("padding", 0)), pair(given.get("stride", 1))
    is_one = node.value.dim() == 3 or node.shape[0] == 1  # one image, not several in the place of the batch
    is_plain = is_one and given.get("groups", 1) == 1 and pair(given.get("dilation", 1)) == (1, 1) and strides == (1, 1)
    found = _same_size(node, source, kernel, pads, tape) if is_plain else None
    if found is not None:
        return Affine((found,), constant)
    return Affine(
        tuple((k, Written(call_of(node, k, without=("bias", 2)), tape.nodes[k].shape, node.count, units=1)) for k in (source,)),
        constant,
        roundings=2 + kernel[0].size,
    )


def _same_size(node: Node, source: int, kernel: Array, pads: tuple[int, int], tape: Tape) -> tuple[int, LinearMap] | None:
    """A convolution that keeps the size of its image, with the padding before it taken in."""
    height, width = node.shape[-2:]
    if pads != (0, 0):
        if tape.nodes[source].shape[-2:] != (height, width):
            return None
        return source, Convolution(kernel, pads, False, height, width)
    before = tape.nodes[source]
    if kernel.shape[-2:] == (1, 1):
        return source, Convolution(kernel, (0, 0), True, height, width)
    if before.name != "torch.nn.functional.pad":
        return None
    given = arguments(before, ("input", "pad", "mode", "value"))
    mode, pad = given.get("mode", "constant"), given["pad"]
    inner = given["input"].index
    if mode not in ("constant", "circular") or len(pad) != 4 or tape.nodes[inner].shape[-2:] != (height, width):
        return None
    if given.get("value") not in (None, 0, 0.0) or min(pad) < 0:
        return None
    return inner, Convolution(kernel, (pad[2], pad[0]), mode == "circular", height, width)


_ROWS: dict[str, Row] = {
    **dict.fromkeys(
        (
            "torch.Tensor.reshape",
            "torch.Tensor.view",
            "torch.Tensor.flatten",
            "torch.flatten",
            "torch.Tensor.unflatten",
            "torch.Tensor.unsqueeze",
            "torch.unsqueeze",
            "torch.Tensor.squeeze",
            "torch.Tensor.contiguous",
            "torch.Tensor.clone",
            "torch.Tensor.detach",
            "torch.clone",
        ),
        view,
    ),
    "torch.Tensor.to": view,
    "torch.Tensor.__getitem__": getitem,
    "torch.Tensor.expand": written(),
    "torch.Tensor.index_copy": merged,
    "torch.where": merged,
    **dict.fromkeys(("torch.Tensor.repeat", "torch.Tensor.index_select", "torch.index_select"), written()),
    "torch.functional.split": written(norm=1.0),
    **dict.fromkeys(("torch.Tensor.mT.__get__", "torch.Tensor.T.__get__", "torch.Tensor.split"), written(norm=1.0)),
    **{
        f"torch.{kind}{name}": written(norm=1.0)  # each entry goes to one place or is left out
        for name in ("chunk", "unbind", "permute", "transpose", "movedim", "flip", "roll", "narrow", "triu", "tril")
        for kind in ("", "Tensor.")
    },
    "torch.Tensor.sum": total,
    "torch.Tensor.mean": total,
    "torch.cat": joined,
    "torch.stack": joined,
    "torch.nn.functional.pad": pad,
    **dict.fromkeys(
        ("torch.add", "torch.Tensor.add", "torch.Tensor.__radd__", "torch.sub", "torch.Tensor.sub", "torch.Tensor.__rsub__"), _add
    ),
    **dict.fromkeys(("torch.Tensor.mul", "torch.mul", "torch.Tensor.__rmul__"), _multiply),
    **dict.fromkeys(("torch.Tensor.div", "torch.div"), _divide),
    **dict.fromkeys(("torch.Tensor.neg", "torch.neg"), _negate),
    "torch.nn.functional.linear": _linear,
    **dict.fromkeys(("torch.Tensor.matmul", "torch.matmul", "torch.Tensor.mm", "torch.spmm", "torch.bmm"), _matmul),
    "torch.addmm": _addmm,
    "torch.conv2d": _convolve,
    "torch.nn.functional.conv2d": _convolve,
    "torch.relu": function("relu"),
    "torch.nn.functional.leaky_relu": function("leaky_relu", "negative_slope"),
    **{f"torch.{name}": function(name) for name in ("tanh", "sigmoid", "sin", "cos", "atan", "abs")},
    **{f"torch.Tensor.{name}": function(name) for name in ("tanh", "sigmoid", "sin", "cos", "atan", "abs", "relu")},
    **{f"torch.nn.functional.{name}": function(name) for name in ("silu", "softsign")},
    "torch.nn.functional.gelu": gelu,
    "torch.nn.functional.elu": function("elu", "alpha"),
    "torch.nn.functional.celu": function("celu", "alpha"),
    "torch.nn.functional.relu": function("relu"),
    "torch.nn.functional.softplus": softplus,
    "torch.nn.functional.avg_pool2d": average,
    "torch.nn.functional.max_pool2d": largest,
    "torch.clamp": clamp,
    "torch.Tensor.clamp": clamp,
}
