"""What each operation of torch means for bounds: one row each.

A row reads a node of the tape and gives its `Step`: an affine map, a function entry by entry, the largest of some entries, or
another view of the same numbers. `rounding` counts in the rounding unit u of the module's precision: sums of n products have
errors up to n u in any order; functions of one number are taken to be right to 4 units in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from odenet.certify.enclosures import Array, up
from odenet.certify.linear_maps import Convolution, Diagonal, LinearMap, Matrix, Scaling, Written, numbers
from odenet.certify.tape import Node, Tape, Unbounded, Use, _with
from odenet.ir.node import Node as Expression
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS, call
from odenet.operators.ranges import value_range
from odenet.operators.row import Range


@dataclass(frozen=True)
class View:
    """The same numbers in the same order, in another shape."""

    source: int


@dataclass(frozen=True)
class Affine:
    """The sum of linear maps of nodes, and a constant of length at most `constant`.

    roundings: how many roundings an entry sees beside those of its products.
    """

    terms: tuple[tuple[int, LinearMap], ...]
    constant: float = 0.0
    roundings: int = 2


@dataclass(frozen=True)
class Entrywise:
    """A function of each entry, with slopes between `low` and `high`, of length `at_zero` where all entries are 0."""

    source: int
    low: float
    high: float
    at_zero: float
    units: int


@dataclass(frozen=True)
class Largest:
    """The largest of groups of entries that do not overlap: no distance grows, nothing is rounded."""

    source: int


Step = View | Affine | Entrywise | Largest
Row = Callable[[Node, Tape], Step]
_UNITS = 8  # 4 units in the last place


def step_of(node: Node, tape: Tape) -> Step:
    """What a node does. Raises Unbounded, with what is not known."""
    row = _ROWS.get(node.name)
    if row is None:
        raise Unbounded(f"no bound is known of {node.name.removeprefix('torch.')}")
    return row(node, tape)


# -- views and selections ------------------------------------------------------------------------------------------------------


def _view(node: Node, tape: Tape) -> Step:
    source = _only(node)
    if tape.nodes[source].count != node.count:
        raise Unbounded(f"{node.name} changes the number of entries")
    return View(source)


def _to(node: Node, tape: Tape) -> Step:
    if node.value.dtype != tape.dtype:
        raise Unbounded(f"the precision changes from {tape.dtype} to {node.value.dtype}")
    return View(_only(node))


def _written(norm: float | None = None, units: int = 0) -> Row:
    """A linear call with numbers that move entries about (`norm` 1 if none is used twice), or sum them."""

    def row(node: Node, tape: Tape) -> Step:
        terms = tuple((k, Written(_call_of(node, k), tape.nodes[k].shape, node.count, units=units, norm=norm)) for k in node.inputs)
        return Affine(terms, roundings=0 if not units else 2)

    return row


def _getitem(node: Node, tape: Tape) -> Step:
    index = node.args[1]
    parts = index if isinstance(index, tuple) else (index,)
    is_plain = all(isinstance(part, int | slice) or part is None or part is Ellipsis for part in parts)
    return _written(norm=1.0 if is_plain else None)(node, tape)


def _pad(node: Node, tape: Tape) -> Step:
    """Zeros about the entries, or what lies at the other border; that of a convolution is read together with it."""
    arguments = _arguments(node, ("input", "pad", "mode", "value"))
    if arguments.get("mode", "constant") not in ("constant", "circular") or arguments.get("value") not in (None, 0, 0.0):
        raise Unbounded("padding with numbers other than zeros")
    return _written(norm=1.0 if arguments.get("mode", "constant") == "constant" else None)(node, tape)


def _sum(node: Node, tape: Tape) -> Step:
    return _written(units=1)(node, tape)


# -- sums and products -----------------------------------------------------------------------------------------------------------


def _add(node: Node, tape: Tape) -> Step:
    arguments = _arguments(node, ("input", "other", "alpha"))
    alpha = float(arguments.get("alpha", 1))
    sign = -1.0 if node.name.endswith("sub") else 1.0
    parts = [(arguments["input"], 1.0), (arguments["other"], sign * alpha)]
    if node.name.endswith(("__rsub__", "rsub")):
        parts = [(arguments["other"], alpha), (arguments["input"], -1.0)]
    return _sum_of(parts, node, tape)


def _sum_of(parts: list[tuple[Any, float]], node: Node, tape: Tape) -> Affine:
    terms: list[tuple[int, LinearMap]] = []
    constant = 0.0
    for value, factor in parts:
        if isinstance(value, Use):
            terms.append((value.index, _spread(value.index, factor, node, tape)))
        else:
            constant += abs(factor) * _length(value, node)
    return Affine(tuple(terms), float(up(constant)), roundings=4)


def _spread(source: int, factor: float, node: Node, tape: Tape) -> LinearMap:
    """factor times a value, repeated where it is broadcast."""
    shape = tape.nodes[source].shape
    if math.prod(shape) == node.count:
        return Scaling(node.count, factor)
    return Written(lambda x: (factor * x).expand(node.shape).clone(), shape, node.count, units=1)


def _multiply(node: Node, tape: Tape) -> Step:
    first, second = node.args[0], node.args[1]
    if isinstance(first, Use) and isinstance(second, Use):
        raise Unbounded("two values that depend on the state are multiplied")
    use, factor = (first, second) if isinstance(first, Use) else (second, first)
    return Affine(((use.index, _factors(use.index, factor, node, tape)),), roundings=3)


def _divide(node: Node, tape: Tape) -> Step:
    first, second = node.args[0], node.args[1]
    if isinstance(second, (Use, Tensor)) or second == 0:
        raise Unbounded("division by a value that depends on the state" if isinstance(second, Use) else "division by a tensor")
    return Affine(
        (
            (
                first.index,
                Written(lambda x: (x / second).expand(node.shape).clone(), tape.nodes[first.index].shape, node.count, units=1),
            ),
        ),
        roundings=3,
    )


def _negate(node: Node, tape: Tape) -> Step:
    return Affine(((_only(node), Scaling(node.count, -1.0)),), roundings=0)


def _factors(source: int, factor: Any, node: Node, tape: Tape) -> LinearMap:
    if not isinstance(factor, Tensor):
        return _spread(source, float(factor), node, tape)
    if factor.numel() == 1 and math.prod(tape.nodes[source].shape) == node.count:
        return Scaling(node.count, float(factor))
    if math.prod(tape.nodes[source].shape) == node.count:
        return Diagonal(numbers(factor.expand(node.shape)).reshape(-1))
    wide = factor.to(torch.float64)
    return Written(lambda x: (wide * x).expand(node.shape).clone(), tape.nodes[source].shape, node.count)


def _linear(node: Node, tape: Tape) -> Step:
    arguments = _arguments(node, ("input", "weight", "bias"))
    if not isinstance(arguments["input"], Use) or isinstance(arguments["weight"], Use) or isinstance(arguments.get("bias"), Use):
        raise Unbounded("a matrix that depends on the state")
    source, weight, bias = arguments["input"].index, numbers(arguments["weight"]), arguments.get("bias")
    if math.prod(tape.nodes[source].shape) != weight.shape[1]:
        raise Unbounded("a matrix that acts along one axis of several")
    return Affine(((source, Matrix(weight)),), _length(bias, node) if bias is not None else 0.0)


def _matmul(node: Node, tape: Tape) -> Step:
    first, second = node.args[0], node.args[1]
    if isinstance(first, Use) and isinstance(second, Use):
        raise Unbounded("two values that depend on the state are multiplied")
    use, matrix, is_left = (first, second, True) if isinstance(first, Use) else (second, first, False)
    shape = tape.nodes[use.index].shape
    if is_left and matrix.dim() == 2 and math.prod(shape) == matrix.shape[0]:
        return Affine(((use.index, Matrix(numbers(matrix).T)),))
    return _written(units=1)(node, tape)


def _addmm(node: Node, tape: Tape) -> Step:
    """beta * input + alpha * first @ second, of which `second` is a matrix of the module."""
    arguments = _arguments(node, ("input", "mat1", "mat2", "beta", "alpha"))
    first, second, rest = arguments["mat1"], arguments["mat2"], arguments["input"]
    alpha, beta = float(arguments.get("alpha", 1)), float(arguments.get("beta", 1))
    if not isinstance(first, Use) or isinstance(second, Use):
        raise Unbounded("a matrix that depends on the state")
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
    arguments = _arguments(node, ("input", "weight", "bias", "stride", "padding", "dilation", "groups"))
    if not isinstance(arguments["input"], Use) or isinstance(arguments["weight"], Use):
        raise Unbounded("a kernel that depends on the state")
    source, kernel, bias = arguments["input"].index, numbers(arguments["weight"]), arguments.get("bias")
    constant = _length(bias.reshape(-1, 1, 1), node) if bias is not None else 0.0
    pads, strides = _pair(arguments.get("padding", 0)), _pair(arguments.get("stride", 1))
    is_plain = arguments.get("groups", 1) == 1 and _pair(arguments.get("dilation", 1)) == (1, 1) and strides == (1, 1)
    found = _same_size(node, source, kernel, pads, tape) if is_plain else None
    if found is not None:
        return Affine((found,), constant)
    return Affine(
        tuple((k, Written(_call_of(node, k, without=("bias", 2)), tape.nodes[k].shape, node.count, units=1)) for k in (source,)),
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
    arguments = _arguments(before, ("input", "pad", "mode", "value"))
    mode, pad = arguments.get("mode", "constant"), arguments["pad"]
    inner = arguments["input"].index
    if mode not in ("constant", "circular") or len(pad) != 4 or tape.nodes[inner].shape[-2:] != (height, width):
        return None
    if arguments.get("value") not in (None, 0, 0.0) or min(pad) < 0:
        return None
    return inner, Convolution(kernel, (pad[2], pad[0]), mode == "circular", height, width)


# -- functions of each entry, pools -----------------------------------------------------------------------------------------------


def _function(name: str, *keys: str) -> Row:
    """A function of the language, whose slopes are on record there; `keys` name its parameters in torch."""

    def row(node: Node, tape: Tape) -> Step:
        arguments = _arguments(node, ("input", *keys))
        return _entrywise(name, tuple(Fraction(arguments[k]) for k in keys if k in arguments), node)

    return row


def _entrywise(name: str, parameters: tuple[Fraction, ...], node: Node) -> Entrywise:
    low, high = _slopes(name, parameters)
    at_zero = float(FUNCTIONS[name].numpy(np.zeros(1), *(float(p) for p in call(name, _Z, *parameters).data[1:]))[0])
    units = 0 if name in ("relu", "abs") else _UNITS
    return Entrywise(_only(node), low, high, float(up(abs(at_zero) * math.sqrt(node.count))), units)


_Z = Expression("variable", (), ("z",), SCALAR)


def _slopes(name: str, parameters: tuple[Fraction, ...]) -> tuple[float, float]:
    row = FUNCTIONS[name]
    full = call(name, _Z, *parameters).data[1:]
    found = value_range(row.derivative(_Z, *full), lambda _: Range(None, None))
    if found.low is None or found.high is None:
        raise Unbounded(f"the slopes of {name} have no bound on the whole line")
    return _toward(found.low, -math.inf), _toward(found.high, math.inf)


def _toward(value: Fraction, end: float) -> float:
    """The number itself where float64 has it, else one beyond it."""
    near = float(value)
    return near if Fraction(near) == value else float(np.nextafter(near, end))


def _softplus(node: Node, tape: Tape) -> Step:
    arguments = _arguments(node, ("input", "beta", "threshold"))
    if arguments.get("beta", 1) != 1 or arguments.get("threshold", 20) < 36:
        raise Unbounded("softplus that is the identity from a number below 36 on")  # above, the difference is less than a rounding
    return _entrywise("softplus", (), node)


def _average(node: Node, tape: Tape) -> Step:
    arguments = _arguments(node, ("input", "kernel_size", "stride", "padding", "ceil_mode"))
    size = _pair(arguments["kernel_size"])
    stride = _pair(arguments.get("stride") or size)
    shape = tape.nodes[_only(node)].shape
    if stride != size or _pair(arguments.get("padding", 0)) != (0, 0) or any(n % k for n, k in zip(shape[-2:], size, strict=True)):
        return _written(units=size[0] * size[1])(node, tape)
    norm = float(up(1 / math.sqrt(size[0] * size[1])))  # disjoint means of k entries
    return Affine(((_only(node), _Pool(_call_of(node, _only(node)), shape, node.count, units=size[0] * size[1], norm=norm)),))


class _Pool(Written):
    @property
    def terms(self) -> int:  # type: ignore[override]
        return self.units


def _largest(node: Node, tape: Tape) -> Step:
    arguments = _arguments(node, ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"))
    size = _pair(arguments["kernel_size"])
    if _pair(arguments.get("stride") or size) != size or _pair(arguments.get("dilation", 1)) != (1, 1):
        raise Unbounded("pools that overlap")
    return Largest(_only(node))


def _clamp(node: Node, tape: Tape) -> Step:
    bounds = [v for v in (*node.args[1:], *node.kwargs.values()) if v is not None]
    if any(isinstance(v, Tensor | Use) for v in bounds):
        raise Unbounded("clamping between tensors")
    nearest = min((abs(float(v)) for v in bounds), default=0.0)
    return Entrywise(_only(node), 0.0, 1.0, float(up(nearest * math.sqrt(node.count))), 2)


# -- reading calls ----------------------------------------------------------------------------------------------------------------


def _only(node: Node) -> int:
    if len(node.inputs) != 1:
        raise Unbounded(f"{node.name} of several values that depend on the state")
    return node.inputs[0]


def _arguments(node: Node, names: tuple[str, ...]) -> dict[str, Any]:
    found = dict(zip(names, node.args, strict=False))
    for key, value in node.kwargs.items():
        found[{"self": "input"}.get(key, key)] = value
    return {k: v for k, v in found.items() if v is not None or k == "value"}


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, str):
        raise Unbounded(f"padding given as {value!r}")
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[-1]))


def _length(value: Any, node: Node) -> float:
    """The length of a constant, as it is broadcast."""
    if not isinstance(value, Tensor):
        return float(up(abs(float(value)) * math.sqrt(node.count)))
    return float(up(np.linalg.norm(numbers(value.expand(node.shape)).reshape(-1))))


def _call_of(node: Node, source: int, without: tuple[str, int] | None = None) -> Callable[[Tensor], Tensor]:
    """The call as a linear function of one of its values, the others being 0; in float64."""

    def function(x: Tensor) -> Tensor:
        look = lambda use: x if use.index == source else torch.zeros((), dtype=torch.float64).expand(_shape_of(node, use))  # noqa: E731
        args = [_with(v, look, torch.float64) for v in node.args]
        kwargs = {k: _with(v, look, torch.float64) for k, v in node.kwargs.items()}
        if without is not None:
            kwargs.pop(without[0], None)
            if len(args) > without[1]:
                args[without[1]] = None
        assert node.function is not None
        result: Tensor = node.function(*args, **kwargs)
        return result

    return function


def _shape_of(node: Node, use: Use) -> tuple[int, ...]:
    raise Unbounded(f"{node.name} of several values that depend on the state")


def _cat(node: Node, tape: Tape) -> Step:
    parts = _arguments(node, ("tensors", "dim"))["tensors"]
    axis = _arguments(node, ("tensors", "dim")).get("dim", 0)
    terms: list[tuple[int, LinearMap]] = []
    constant = 0.0
    for place, part in enumerate(parts):
        if not isinstance(part, Use):
            constant += float(numbers(part).__abs__().sum())
            continue

        def placed(x: Tensor, place: int = place) -> Tensor:
            row = [
                x if k == place else torch.zeros(tape.nodes[p.index].shape if isinstance(p, Use) else p.shape, dtype=x.dtype)
                for k, p in enumerate(parts)
            ]
            return torch.cat(row, axis) if node.name.endswith("cat") else torch.stack(row, axis)

        terms.append((part.index, Written(placed, tape.nodes[part.index].shape, node.count, norm=1.0)))
    return Affine(tuple(terms), float(up(constant)), roundings=0)


_ROWS: dict[str, Row] = {
    **dict.fromkeys(
        (
            "torch.Tensor.reshape",
            "torch.Tensor.view",
            "torch.Tensor.flatten",
            "torch.flatten",
            "torch.Tensor.unsqueeze",
            "torch.Tensor.squeeze",
            "torch.Tensor.contiguous",
            "torch.Tensor.clone",
            "torch.Tensor.detach",
            "torch.clone",
        ),
        _view,
    ),
    "torch.Tensor.to": _to,
    "torch.Tensor.__getitem__": _getitem,
    "torch.Tensor.expand": _written(),
    "torch.Tensor.mT.__get__": _written(norm=1.0),
    "torch.Tensor.chunk": _written(norm=1.0),
    "torch.functional.split": _written(norm=1.0),
    "torch.Tensor.sum": _sum,
    "torch.Tensor.mean": _sum,
    "torch.cat": _cat,
    "torch.stack": _cat,
    "torch.nn.functional.pad": _pad,
    **dict.fromkeys(
        ("torch.add", "torch.Tensor.add", "torch.Tensor.__radd__", "torch.sub", "torch.Tensor.sub", "torch.Tensor.__rsub__"), _add
    ),
    **dict.fromkeys(("torch.Tensor.mul", "torch.mul", "torch.Tensor.__rmul__"), _multiply),
    **dict.fromkeys(("torch.Tensor.div", "torch.div"), _divide),
    **dict.fromkeys(("torch.Tensor.neg", "torch.neg"), _negate),
    "torch.nn.functional.linear": _linear,
    **dict.fromkeys(("torch.Tensor.matmul", "torch.matmul", "torch.Tensor.mm"), _matmul),
    "torch.addmm": _addmm,
    "torch.conv2d": _convolve,
    "torch.nn.functional.conv2d": _convolve,
    "torch.relu": _function("relu"),
    "torch.nn.functional.leaky_relu": _function("leaky_relu", "negative_slope"),
    **{f"torch.{name}": _function(name) for name in ("tanh", "sigmoid", "sin", "cos", "atan", "abs")},
    **{f"torch.Tensor.{name}": _function(name) for name in ("tanh", "sigmoid", "sin", "cos", "atan", "abs", "relu")},
    **{f"torch.nn.functional.{name}": _function(name) for name in ("silu", "gelu", "softsign")},
    "torch.nn.functional.elu": _function("elu", "alpha"),
    "torch.nn.functional.celu": _function("celu", "alpha"),
    "torch.nn.functional.relu": _function("relu"),
    "torch.nn.functional.softplus": _softplus,
    "torch.nn.functional.avg_pool2d": _average,
    "torch.nn.functional.max_pool2d": _largest,
    "torch.clamp": _clamp,
    "torch.Tensor.clamp": _clamp,
}
