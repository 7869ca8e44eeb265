"""Every operation of the IR in exact and in ball arithmetic: rigorous enclosures of values and of directional derivatives.

Values are NumPy arrays (dtype object) of `flint.fmpq` as long as they stay rational, else of `flint.arb`. Given values may be
Fractions, ints, floats (taken exactly), balls, or nested tuples of them; so a member drawn by `odenet.sets.sample` goes in as
it is. The working precision of balls is `flint.ctx.prec`.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from math import isqrt
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from odenet.ir.differentiate import tangent
from odenet.ir.interpret import Environment, environment, taps
from odenet.ir.model import ConvolutionSpace, Model
from odenet.ir.node import Node, variable
from odenet.ir.sizes import MapSpace, Size, Space
from odenet.operators import enclosures
from odenet.operators.enclosures import enclose
from odenet.operators.functions import FUNCTIONS

Number = Any  # fmpq | arb
Balls = Any  # an array of numbers, dtype object; a scalar is an array of no axes

ALONG = "direction of "
LONGEST = 2000  # bits of a rational beyond which it goes on as a ball


class Undefined(ArithmeticError):
    """The expression is not seen to be defined on these balls."""


def to_number(value: Any) -> Number:
    """A rational as it is; a float as the dyadic number that it is."""
    if isinstance(value, (fmpq, arb)):
        return value
    return arb(value) if isinstance(value, float) else fmpq(value.numerator, value.denominator)


def to_balls(value: Any) -> Balls:
    """Numbers, nested tuples, lists or arrays of them, as an array of numbers."""
    if isinstance(value, np.ndarray):
        shape = value.shape
        flat = [to_number(v) for v in value.ravel().tolist()]
    else:
        flat, shape = _flatten(value)
    result = np.empty(len(flat), dtype=object)
    result[:] = flat
    return result.reshape(shape)


def _flatten(value: Any) -> tuple[list[Number], tuple[int, ...]]:
    if not isinstance(value, (tuple, list)):
        return [to_number(value)], ()
    parts = [_flatten(v) for v in value]
    return [x for flat, _ in parts for x in flat], (len(parts), *(parts[0][1] if parts else ()))


def evaluate(node: Node, env: Environment, known: dict[Node, Balls] | None = None) -> Balls:
    """An enclosure of the value of a tensor or matrix node; nodes in `known` have the values given there. Raises Undefined."""
    known = {} if known is None else known
    for n in node.walk():
        if n not in known and not isinstance(n.space, MapSpace):
            known[n] = _checked(n, _evaluate(n, env, known))
    return known[node]


def evaluate_tangent(node: Node, env: Environment, directions: Mapping[str, Any]) -> tuple[Balls, Balls]:
    """Enclosures of the value and of its derivative along directions of blocks (by name, in the shapes of the blocks).

    At a kink the derivative's enclosure covers both slopes. Raises Undefined where there is no finite enclosure.
    """
    spaces = {n.data[0]: n.space for n in node.walk() if n.op in ("state", "variable") and n.data[0] in directions}
    moved = tangent(node, {name: variable(ALONG + name, space) for name, space in spaces.items()})
    along = {ALONG + name: directions[name] for name in spaces}
    return evaluate(node, env), evaluate(moved, replace(env, variables={**env.variables, **along}))


def field_rate(model: Model, fields: str | tuple[str, ...], env: Environment) -> dict[str, Balls]:
    """The right-hand side: the sum of the named fields, for every block of the state."""
    names = (fields,) if isinstance(fields, str) else fields
    rates = {b.name: _full(env.shape(b.space), ZERO) for b in model.blocks}
    for name in names:
        for block, node in model.field(name).rows:
            rates[block] = _array(rates[block] + evaluate(node, env))
    return rates


def _checked(n: Node, value: Any) -> Balls:
    found = _array(value)
    for place, x in enumerate(found.ravel().tolist()):
        if isinstance(x, fmpq):
            if x.p.bit_length() + x.q.bit_length() > LONGEST:
                found = found.copy()
                found.flat[place] = arb(x)
        elif not x.is_finite():
            raise Undefined(f"no finite enclosure of `{n.op}`")
    return found


def _array(value: Any) -> Balls:
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value
    result = np.empty((), dtype=object)
    result[()] = value
    return result


def _full(shape: tuple[int, ...], value: Number) -> Balls:
    result = np.empty(shape, dtype=object)
    result[...] = value
    return result


def _each(rule: Callable[..., Number], *arrays: Balls) -> Balls:
    result = np.empty(arrays[0].shape, dtype=object)
    for index in np.ndindex(*arrays[0].shape):
        result[index] = rule(*(a[index] for a in arrays))
    return result


# --- single numbers ---------------------------------------------------------------------------------------------------

ZERO, ONE = fmpq(0), fmpq(1)


def power(x: Number, exponent: Any) -> Number:
    """x^exponent for an exact exponent, exact where it is a rational."""
    if isinstance(x, fmpq) and (exponent > 0 or x != 0):
        if exponent.denominator == 1:
            return x ** int(exponent)
        if exponent.denominator == 2 and x >= 0:
            found = root(x)
            return found ** int(exponent.numerator) if isinstance(found, fmpq) else enclosures.power(arb(x), exponent)
    return enclosures.power(arb(x), exponent)


def root(x: Number) -> Number:
    """The square root, exact where it is a rational."""
    if isinstance(x, fmpq) and x >= 0:
        p, q = isqrt(int(x.p)), isqrt(int(x.q))
        if p * p == x.p and q * q == x.q:
            return fmpq(p, q)
    return enclosures.root(arb(x))


# Piecewise rational functions at a rational, away from their jumps.
_EXACT: dict[str, Callable[..., fmpq]] = {
    "relu": lambda z: max(z, ZERO), "leaky_relu": lambda z, a: z if z > 0 else a * z, "abs": abs, "square": lambda z: z * z,
    "sqrt": root, "sign": lambda z: ONE if z > 0 else -ONE, "threshold": lambda z: ONE if z > 0 else ZERO,
    "leaky_relu_slope": lambda z, a: ONE if z > 0 else a, "softsign": lambda z: z / (1 + abs(z)),
    "softsign_slope": lambda z: 1 / (1 + abs(z)) ** 2, "atan_slope": lambda z: 1 / (1 + z * z),
}


def function(name: str, z: Number, *parameters: Any) -> Number:
    """An elementwise function; at a jump the hull of both sides, so that what is certain there is certain beside it."""
    if FUNCTIONS[name].smoothness == -1 and not (z > 0 or z < 0):
        return enclose(name, arb(z) + arb(0, arb(2) ** -ctx.prec), *parameters)
    if isinstance(z, fmpq) and name in _EXACT and not (name == "sqrt" and z < 0):
        return _EXACT[name](z, *(to_number(p) for p in parameters))
    return enclose(name, arb(z), *parameters)


def larger(x: Number, y: Number) -> Number:
    return max(x, y) if isinstance(x, fmpq) and isinstance(y, fmpq) else arb(x).max(arb(y))


def smaller(x: Number, y: Number) -> Number:
    return min(x, y) if isinstance(x, fmpq) and isinstance(y, fmpq) else arb(x).min(arb(y))


# --- operations -------------------------------------------------------------------------------------------------------


def _evaluate(n: Node, env: Environment, known: Mapping[Node, Balls]) -> Any:
    if n.op == "apply":
        return linear_map(n.args[0], known[n.args[1]], env, known)
    if not n.args:
        return _leaf(n, env)
    return _RULES[n.op](n, env, *(known[a] for a in n.args))


def _leaf(n: Node, env: Environment) -> Balls:
    if n.op == "time":
        return _array(to_number(env.time))
    if n.op in ("number", "dim"):
        return _array(to_number(n.data[0] if n.op == "number" else env.dims[n.data[0]]))
    if n.op in ("ones", "zeros"):
        assert isinstance(n.space, Space)
        return _full(env.shape(n.space), ONE if n.op == "ones" else ZERO)
    if n.op == "eye":
        return to_balls(np.eye(env.size(n.space.sizes[0]), dtype=int))  # type: ignore[union-attr]
    given = {"state": env.states, "param": env.parameters, "variable": env.variables}[n.op]
    return to_balls(given[n.data[0]])


def linear_map(map: Node, tensor: Balls, env: Environment, known: Mapping[Node, Balls], is_adjoint: bool = False) -> Balls:
    """A map node, or its adjoint, applied to a tensor of balls."""
    if isinstance(map.space, Space):
        return np.dot(known[map].T if is_adjoint else known[map], tensor)
    if map.op == "param":
        return _convolve(map, tensor, env, is_adjoint)
    if map.op == "transpose":
        return linear_map(map.args[0], tensor, env, known, not is_adjoint)
    if map.op == "scale":
        return known[map.args[0]][()] * linear_map(map.args[1], tensor, env, known, is_adjoint)
    if map.op == "compose":
        first, last = map.args[::-1] if not is_adjoint else map.args
        return linear_map(last, linear_map(first, tensor, env, known, is_adjoint), env, known, is_adjoint)
    if map.op == "zeros":
        return _full(env.shape(map.space.domain if is_adjoint else map.space.codomain), ZERO)
    assert map.op == "add", map.op
    return reduce(np.add, [linear_map(term, tensor, env, known, is_adjoint) for term in map.args])


def _convolve(map: Node, tensor: Balls, env: Environment, is_adjoint: bool) -> Balls:
    assert isinstance(map.space, MapSpace)
    space, kernel = env.convolutions[map.data[0]], to_balls(env.parameters[map.data[0]])
    _, height, width = env.shape(map.space.domain)
    result = _full(env.shape(map.space.domain if is_adjoint else map.space.codomain), ZERO)
    for a, b, i, j, y, x in taps(space.size, space.padding, height, width, space.stride):
        if is_adjoint:
            result[:, y, x] = result[:, y, x] + np.dot(kernel[:, :, a, b].T, tensor[:, i, j])
        else:
            result[:, i, j] = result[:, i, j] + np.dot(kernel[:, :, a, b], tensor[:, y, x])
    return result


def _sum(x: Balls) -> Number:
    return sum(x.ravel().tolist(), ZERO)


def _extreme(pick: Callable[[Number, Number], Number]) -> Callable[..., Any]:
    def rule(n: Node, env: Environment, *values: Balls) -> Any:
        if len(values) == 1:
            return reduce(pick, values[0].ravel().tolist())
        return reduce(lambda x, y: _each(pick, x, y), values)

    return rule


def _skew(n: Node, env: Environment, v: Balls) -> Balls:
    size = env.size(n.space.sizes[0])  # type: ignore[union-attr]
    result = _full((size, size), ZERO)
    for k, (i, j) in enumerate(zip(*np.triu_indices(size, 1), strict=True)):
        result[i, j], result[j, i] = v[k], -v[k]
    return result


def _unskew(n: Node, env: Environment, m: Balls) -> Balls:
    return to_balls([m[i, j] - m[j, i] for i, j in zip(*np.triu_indices(len(m), 1), strict=True)])


def _softmax(n: Node, env: Environment, v: Balls) -> Balls:
    # 1 / sum_j exp(v_j - v_i), so that each entry is monotone in each argument
    return to_balls([1 / sum((arb(y - x).exp() if i != j else arb(1) for j, y in enumerate(v)), arb(0))
                     for i, x in enumerate(v)])


def _diag(n: Node, env: Environment, v: Balls) -> Balls:
    result = _full((len(v), len(v)), ZERO)
    for i, x in enumerate(v):
        result[i, i] = x
    return result


def _norm(n: Node, env: Environment, x: Balls) -> Number:
    return root(_sum(_each(lambda e: power(e, 2), x)))


def _concat(n: Node, env: Environment, *parts: Balls) -> Balls:
    return to_balls([e for part in parts for e in part.ravel().tolist()])


def _channels(n: Node, env: Environment, v: Balls) -> Balls:
    result = _full(env.shape(n.space), ZERO)  # type: ignore[arg-type]
    for i, x in enumerate(v):
        result[i] = x
    return result


def _size(size: Size, env: Environment) -> int:
    return env.size(size)


_RULES: dict[str, Callable[..., Any]] = {
    "add": lambda n, env, *terms: reduce(np.add, terms),
    "mul": lambda n, env, x, y: _each(lambda a: power(a, 2), x) if n.args[0] == n.args[1] else x * y,
    "scale": lambda n, env, s, x: s[()] * x,
    "power": lambda n, env, x: _each(lambda e: power(e, n.data[0]), x),
    "function": lambda n, env, x: _each(lambda e: function(n.data[0], e, *n.data[1:]), x),
    "compose": lambda n, env, x, y: np.dot(x, y),
    "transpose": lambda n, env, x: x.T,
    "sum": lambda n, env, x: _sum(x),
    "mean": lambda n, env, x: _sum(x) / fmpq(x.size),
    "dot": lambda n, env, x, y: _sum(_each(lambda a: power(a, 2), x) if n.args[0] == n.args[1] else x * y),
    "norm": _norm,
    "largest": _extreme(larger),
    "smallest": _extreme(smaller),
    "cumsum": lambda n, env, v: to_balls([_sum(v[:i + 1]) for i in range(len(v))]),
    "softmax": _softmax,
    "diag": _diag,
    "skew": _skew,
    "unskew": _unskew,
    "sym": lambda n, env, m: (m + m.T) / fmpq(2),
    "outer": lambda n, env, u, v: np.multiply.outer(u, v),
    "concat": _concat,
    "stack": _concat,
    "index": lambda n, env, v: v[n.data[0]],
    "slice": lambda n, env, v: v[_size(n.data[0], env):_size(n.data[1], env)],
    "spread": lambda n, env, x: _full(env.shape(n.space), x[()]),
    "channels": _channels,
    "unchannels": lambda n, env, x: to_balls([_sum(c) for c in x]),
}

__all__ = ["Balls", "ConvolutionSpace", "Environment", "Undefined", "environment", "evaluate", "evaluate_tangent",
           "field_rate", "to_balls"]
