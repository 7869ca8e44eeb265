"""The oracle: every operation of the IR in NumPy, slow and obvious.

Everything else is held against this: the derivatives, the enclosures, the emitted modules. So it prefers the definition of an
operation to a clever way of computing it, and shares no code with what it judges.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odenet.ir.model import ConvolutionSpace, Model
from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace, Size, Space
from odenet.operators.functions import FUNCTIONS

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Environment:
    """Values for an evaluation.

    dims: every free dim. states, parameters, variables: arrays by name, of the shapes of their spaces; for a
    convolution the kernel [outputs, inputs, size, size]. convolutions: the spaces of the convolution parameters.
    """

    dims: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    time: float = 0.0
    convolutions: Mapping[str, ConvolutionSpace] = field(default_factory=dict)

    def size(self, size: Size) -> int:
        """A size as a number."""
        value = size.evaluate(self.dims)
        assert value.denominator == 1
        return int(value)

    def shape(self, space: Space) -> tuple[int, ...]:
        """A space as a shape."""
        return tuple(self.size(s) for s in space.sizes)


def environment(model: Model, dims: Mapping[str, int] | None = None, states: Mapping[str, Any] | None = None,
                parameters: Mapping[str, Any] | None = None, time: float = 0.0,
                variables: Mapping[str, Any] | None = None) -> Environment:
    """An environment for a model: its defaults of dims, its convolutions, and the given values."""
    convolutions = {p.name: p.space for p in model.parameters if isinstance(p.space, ConvolutionSpace)}
    return Environment(model.dim_values(dict(dims or {})), dict(states or {}), dict(parameters or {}),
                       dict(variables or {}), time, convolutions)


def evaluate(node: Node, env: Environment) -> Array:
    """The value of a tensor or matrix node, in float64.

    Maps that are not matrices have no value of their own; `linear_map` applies them.
    """
    known: dict[Node, Array] = {}
    for n in node.walk():
        if not isinstance(n.space, MapSpace):
            known[n] = np.asarray(operate(n, env, known), dtype=np.float64)
    return known[node]


def operate(n: Node, env: Environment, known: Mapping[Node, Array]) -> Any:
    """The value of one operation, from those of its arguments."""
    if n.op in ("apply", "compose", "transpose", "scale") or not n.args:
        return _SPECIAL[n.op](n, env, known)
    return _PLAIN[n.op](n, env, *(known[a] for a in n.args))


# --- leaves and maps ------------------------------------------------------------------------------------------------


def _constant(value: float) -> Callable[..., Array]:
    return lambda n, env, known: np.full(env.shape(n.space), value)


def _apply(n: Node, env: Environment, known: Mapping[Node, Array]) -> Array:
    return linear_map(n.args[0], known[n.args[1]], env, known)


def linear_map(map: Node, tensor: Array, env: Environment, known: Mapping[Node, Array]) -> Array:
    """A map node applied to a tensor."""
    if isinstance(map.space, Space):
        return np.asarray(known[map] @ tensor)
    if map.op == "param":
        return convolve(np.asarray(env.parameters[map.data[0]], dtype=np.float64), tensor, env.convolutions[map.data[0]])
    if map.op == "transpose":
        return _adjoint_map(map.args[0], tensor, env, known)
    if map.op == "scale":
        return np.asarray(known[map.args[0]] * linear_map(map.args[1], tensor, env, known))
    if map.op == "compose":
        return linear_map(map.args[0], linear_map(map.args[1], tensor, env, known), env, known)
    if map.op == "zeros":
        return np.zeros(env.shape(map.space.codomain))
    assert map.op == "add", map.op
    return np.asarray(np.sum([linear_map(term, tensor, env, known) for term in map.args], axis=0))


def _adjoint_map(map: Node, tensor: Array, env: Environment, known: Mapping[Node, Array]) -> Array:
    assert isinstance(map.space, MapSpace)
    if map.op == "param":
        space, kernel = env.convolutions[map.data[0]], np.asarray(env.parameters[map.data[0]], dtype=np.float64)
        return convolve_adjoint(kernel, tensor, space, env.shape(map.space.domain))
    if map.op == "transpose":
        return linear_map(map.args[0], tensor, env, known)
    if map.op == "scale":
        return np.asarray(known[map.args[0]] * _adjoint_map(map.args[1], tensor, env, known))
    if map.op == "compose":
        return _adjoint_map(map.args[1], _adjoint_map(map.args[0], tensor, env, known), env, known)
    if map.op == "zeros":
        return np.zeros(env.shape(map.space.domain))
    assert map.op == "add", map.op
    return np.asarray(np.sum([_adjoint_map(term, tensor, env, known) for term in map.args], axis=0))


def taps(size: int, padding: str, height: int, width: int, stride: int) -> list[tuple[int, int, int, int, int, int]]:
    """Every (tap row, tap column, output row, output column, input row, input column) of a convolution.

    The output at (i, j) reads the input at (stride i + a - r, stride j + b - r), r = (size - 1) / 2, as torch's conv2d with
    padding r does: wrapped round (circular), or left out where it is outside (zero).
    """
    reach, found = (size - 1) // 2, []
    for a in range(size):
        for b in range(size):
            for i in range(height // stride):
                for j in range(width // stride):
                    y, x = stride * i + a - reach, stride * j + b - reach
                    if padding == "circular":
                        y, x = y % height, x % width
                    if 0 <= y < height and 0 <= x < width:
                        found.append((a, b, i, j, y, x))
    return found


def convolve(kernel: Array, image: Array, space: ConvolutionSpace) -> Array:
    """Cross-correlation of an image [inputs, h, w] with a kernel [outputs, inputs, size, size]."""
    _, height, width = image.shape
    result = np.zeros((kernel.shape[0], height // space.stride, width // space.stride))
    for a, b, i, j, y, x in taps(space.size, space.padding, height, width, space.stride):
        result[:, i, j] += kernel[:, :, a, b] @ image[:, y, x]
    return result


def convolve_adjoint(kernel: Array, image: Array, space: ConvolutionSpace, shape: tuple[int, ...]) -> Array:
    """The exact adjoint of `convolve` for images of the given shape: the same taps, read the other way."""
    result = np.zeros(shape)
    for a, b, i, j, y, x in taps(space.size, space.padding, shape[1], shape[2], space.stride):
        result[:, y, x] += kernel[:, :, a, b].T @ image[:, i, j]
    return result


_SPECIAL: dict[str, Callable[[Node, Environment, Mapping[Node, Array]], Any]] = {
    "number": lambda n, env, known: float(n.data[0]),
    "dim": lambda n, env, known: float(env.dims[n.data[0]]),
    "time": lambda n, env, known: env.time,
    "state": lambda n, env, known: env.states[n.data[0]],
    "param": lambda n, env, known: env.parameters[n.data[0]],
    "variable": lambda n, env, known: env.variables[n.data[0]],
    "ones": _constant(1.0),
    "zeros": _constant(0.0),
    "eye": lambda n, env, known: np.eye(env.size(n.space.sizes[0])),  # type: ignore[union-attr]
    "apply": _apply,
    "compose": lambda n, env, known: known[n.args[0]] @ known[n.args[1]],
    "transpose": lambda n, env, known: known[n.args[0]].T,
    "scale": lambda n, env, known: known[n.args[0]] * known[n.args[1]],
}


# --- operations on tensors --------------------------------------------------------------------------------------------


def _extreme(n: Node, pick: Callable[[Any], Any], *values: Array) -> Any:
    return pick(values[0]) if len(values) == 1 else [pick(entry) for entry in np.array([v.ravel() for v in values]).T]


def _largest(n: Node, env: Environment, *values: Array) -> Any:
    return np.reshape(_extreme(n, np.max, *values), env.shape(n.space))  # type: ignore[arg-type]


def _smallest(n: Node, env: Environment, *values: Array) -> Any:
    return np.reshape(_extreme(n, np.min, *values), env.shape(n.space))  # type: ignore[arg-type]


def _skew(n: Node, env: Environment, v: Array) -> Array:
    size = env.size(n.space.sizes[0])  # type: ignore[union-attr]
    result = np.zeros((size, size))
    for k, (i, j) in enumerate(zip(*np.triu_indices(size, 1), strict=True)):
        result[i, j], result[j, i] = v[k], -v[k]
    return result


def _unskew(n: Node, env: Environment, m: Array) -> Array:
    return np.array([m[i, j] - m[j, i] for i, j in zip(*np.triu_indices(len(m), 1), strict=True)])


def _softmax(n: Node, env: Environment, v: Array) -> Any:
    weights = np.exp(v - v.max())
    return weights / weights.sum()


def _function(n: Node, env: Environment, z: Array) -> Any:
    return FUNCTIONS[n.data[0]].numpy(z, *(float(a) for a in n.data[1:]))


def _slice(n: Node, env: Environment, v: Array) -> Array:
    return v[env.size(n.data[0]):env.size(n.data[1])]


def _channels(n: Node, env: Environment, v: Array) -> Array:
    return v[:, None, None] * np.ones(env.shape(n.space))  # type: ignore[arg-type]


_PLAIN: dict[str, Callable[..., Any]] = {
    "add": lambda n, env, *terms: np.sum(terms, axis=0),
    "mul": lambda n, env, x, y: x * y,
    "power": lambda n, env, x: x ** (int(n.data[0]) if n.data[0].denominator == 1 and n.data[0] > 0 else float(n.data[0])),
    "function": _function,
    "sum": lambda n, env, x: x.sum(),
    "mean": lambda n, env, x: x.mean(),
    "dot": lambda n, env, x, y: (x * y).sum(),
    "norm": lambda n, env, x: np.sqrt((x * x).sum()),
    "largest": _largest,
    "smallest": _smallest,
    "cumsum": lambda n, env, v: np.cumsum(v),
    "softmax": _softmax,
    "diag": lambda n, env, v: np.diag(v),
    "skew": _skew,
    "unskew": _unskew,
    "sym": lambda n, env, m: (m + m.T) / 2,
    "outer": lambda n, env, u, v: np.outer(u, v),
    "concat": lambda n, env, *parts: np.concatenate([np.atleast_1d(p) for p in parts]),
    "stack": lambda n, env, *parts: np.array(parts),
    "index": lambda n, env, v: v[n.data[0]],
    "slice": _slice,
    "spread": lambda n, env, x: np.full(env.shape(n.space), x),
    "channels": _channels,
    "unchannels": lambda n, env, image: image.sum(axis=(1, 2)),
}


def field_rate(model: Model, fields: str | tuple[str, ...], env: Environment) -> dict[str, Array]:
    """The right-hand side: the sum of the named fields, for every block of the state (zero for blocks that stand still)."""
    names = (fields,) if isinstance(fields, str) else fields
    rates = {b.name: np.zeros(env.shape(b.space)) for b in model.blocks}
    for name in names:
        for block, node in model.field(name).rows:
            rates[block] = rates[block] + evaluate(node, env)
    return rates
