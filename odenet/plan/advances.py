"""One substep of each kind in NumPy, for the oracle: definitions, not clever ways.

`at(values, node)` is the environment at a fraction `node` of the substep with some blocks replaced by `values`.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odenet.ir.interpret import Environment, evaluate
from odenet.ir.node import Node
from odenet.plan.steps import Advance, Closed, DiscreteGradient, Linear, Relax, RungeKutta
from odenet.schemes.tables import coefficients

Array = NDArray[np.float64]
States = dict[str, Array]
At = Callable[[States, float], Environment]

TOLERANCE = 1e-13
MAX_ITERATIONS = 60


class NoSolution(Exception):
    """The equation of an implicit substep was not solved."""


def advance(kind: Advance, states: States, duration: float, at: At) -> States:
    """The new values of the moved blocks."""
    if isinstance(kind, Closed):
        env = at({}, 0.0)
        return {name: evaluate(node, env) for name, node in kind.rows}
    if isinstance(kind, Linear):
        return _linear(kind, states, duration, at({}, 0.0))
    if isinstance(kind, RungeKutta):
        return _runge_kutta(kind, states, duration, at)
    if isinstance(kind, Relax):
        return _relax(kind, states, duration, at)
    return _discrete_gradient(kind, states, duration, at)


# --- packing blocks into one vector --------------------------------------------------------------------------------


def _pack(values: States) -> Array:
    return np.concatenate([np.ravel(value) for value in values.values()])


def _unpack(vector: Array, like: States) -> States:
    found, place = {}, 0
    for name, value in like.items():
        found[name] = vector[place:place + value.size].reshape(value.shape)
        place += value.size
    return found


# --- exact linear flows --------------------------------------------------------------------------------------------


def _linear(kind: Linear, states: States, duration: float, env: Environment) -> States:
    old = {name: states[name] for name in kind.blocks}
    blocks = [[_entry(entry, old[row], old[column], env) for column, entry in zip(kind.blocks, entries, strict=True)]
              for row, entries in zip(kind.blocks, kind.matrix, strict=True)]
    matrix = np.block(blocks)
    offset = _pack({name: np.zeros_like(old[name]) if node is None else evaluate(node, env)
                    for name, node in zip(kind.blocks, kind.offset, strict=True)})
    size = len(offset)
    extended = np.zeros((size + 1, size + 1))
    extended[:size, :size], extended[:size, size] = matrix, offset
    return _unpack((exponential(duration * extended) @ np.append(_pack(old), 1.0))[:size], old)


def _entry(entry: Node | None, row: Array, column: Array, env: Environment) -> Array:
    shape = (row.size, column.size)
    return np.zeros(shape) if entry is None else np.reshape(evaluate(entry, env), shape)


def exponential(matrix: Array) -> Array:
    """The exponential of a matrix: its series after halving, then squaring."""
    norm = float(np.abs(matrix).sum(axis=1).max(initial=0.0))
    halvings = max(0, int(np.ceil(np.log2(norm))) + 3) if norm > 0 else 0
    small = matrix / 2.0**halvings
    term = total = np.eye(len(matrix))
    for k in range(1, 20):
        term = term @ small / k
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return np.asarray(total)


# --- Runge-Kutta ---------------------------------------------------------------------------------------------------


def _runge_kutta(kind: RungeKutta, states: States, duration: float, at: At) -> States:
    exacts = coefficients(kind.table)
    nodes = [float(c) for c in exacts.nodes]
    matrix = np.array([[float(a) for a in row] for row in exacts.matrix])
    weights = np.array([float(b) for b in exacts.weights])
    old = {name: states[name] for name, _ in kind.rates}
    start = _pack(old)

    def rate(vector: Array, node: float) -> Array:
        env = at(_unpack(vector, old), node)
        return _pack({name: evaluate(node_, env) for name, node_ in kind.rates})

    if kind.is_explicit:
        rates = np.zeros((len(weights), len(start)))
        for i, c in enumerate(nodes):
            rates[i] = rate(start + duration * matrix[i] @ rates, c)
    else:
        rates = _stages(matrix, nodes, start, duration, rate)
    return _unpack(start + duration * weights @ rates, old)


def _stages(matrix: Array, nodes: list[float], start: Array, duration: float, rate: Callable[[Array, float], Array]) -> Array:
    """The rates at the stages of an implicit method."""
    shape = (len(nodes), len(start))

    def residual(flat: Array) -> Array:
        rates = flat.reshape(shape)
        return np.asarray(flat - np.ravel([rate(start + duration * matrix[i] @ rates, c) for i, c in enumerate(nodes)]))

    guess = np.ravel([rate(start, c) for c in nodes])
    return np.reshape(solve(residual, guess), shape)


def solve(residual: Callable[[Array], Array], guess: Array) -> Array:
    """A zero of a function by Newton's method with differences for derivatives.

    Raises:
        NoSolution: the iteration does not converge.
    """
    current = guess
    for _ in range(MAX_ITERATIONS):
        value = residual(current)
        scale = 1.0 + float(np.abs(current).max(initial=0.0))
        if float(np.abs(value).max(initial=0.0)) <= TOLERANCE * scale:
            return np.asarray(current)
        current = current - np.linalg.lstsq(_jacobian(residual, current), value, rcond=None)[0]
        if not np.all(np.isfinite(current)):
            break
    raise NoSolution


def _jacobian(residual: Callable[[Array], Array], point: Array) -> Array:
    columns = []
    for i in range(len(point)):
        width = 1e-6 * (1.0 + abs(point[i]))
        move = np.zeros_like(point)
        move[i] = width
        columns.append((residual(point + move) - residual(point - move)) / (2 * width))
    return np.stack(columns, axis=1)


# --- relaxation ----------------------------------------------------------------------------------------------------


def _relax(kind: Relax, states: States, duration: float, at: At) -> States:
    """x + s d, with d the step of the inner method and s such that the invariant is kept: I(x + s d) = I(x).

    I is quadratic, so I(x + s d) - I(x) = s b + s^2 a with a = (I(x+d) + I(x-d)) / 2 - I(x), b = (I(x+d) - I(x-d)) / 2.
    An indefinite I may have a = 0. Then x alone keeps the value and the step stands still, or with b = 0 the whole line
    keeps it and the step is that of the inner method.
    """
    old = {name: states[name] for name, _ in kind.inner.rates}
    moved = _runge_kutta(kind.inner, states, duration, at)
    step = {name: moved[name] - old[name] for name in old}

    def invariant(sign: float) -> float:
        return float(evaluate(kind.invariant, at({name: old[name] + sign * step[name] for name in old}, 0.0)))

    before, ahead, behind = invariant(0.0), invariant(1.0), invariant(-1.0)
    a, b = (ahead + behind) / 2 - before, (ahead - behind) / 2
    if a == 0:
        return moved if b == 0 else old
    return {name: old[name] - (b / a) * step[name] for name in old}


# --- discrete gradients --------------------------------------------------------------------------------------------


def _discrete_gradient(kind: DiscreteGradient, states: States, duration: float, at: At) -> States:
    """y = x + h S g(x, y) with Gonzalez' midpoint discrete gradient g. The correction along d is applied through S,
    which turns the rates f = S grad V: S g = f(m) + (V(y) - V(x) - grad V(m) . d) S d / (d . d)."""
    assert kind.potential is not None
    old = {name: states[name] for name, _ in kind.rates}
    start = _pack(old)
    potential: Any = kind.potential

    def value(vector: Array) -> float:
        return float(evaluate(potential, at(_unpack(vector, old), 0.5)))

    def turned(vector: Array) -> Array:
        return _pack(_turn(_unpack(vector, old), kind)) if kind.is_hamiltonian else vector

    def residual(new: Array) -> Array:
        step, middle = new - start, (new + start) / 2
        env = at(_unpack(middle, old), 0.5)
        rate = _pack({name: evaluate(node, env) for name, node in kind.rates})
        slope = -turned(rate) if kind.is_hamiltonian else rate  # J^-1 = -J
        length = float(step @ step)
        gap = (value(new) - value(start) - float(slope @ step)) / length if length > 0 else 0.0
        return np.asarray(step - duration * (rate + gap * turned(step)))

    env = at({}, 0.0)
    euler = start + duration * _pack({name: evaluate(node, env) for name, node in kind.rates})
    return _unpack(solve(residual, euler), old)


def _turn(values: States, kind: DiscreteGradient) -> States:
    """J applied to blocks that are (position, momentum) by turns: (q, p) -> (p, -q)."""
    names = [name for name, _ in kind.rates]
    found: States = {}
    for position, momentum in zip(names[::2], names[1::2], strict=True):
        found[position], found[momentum] = values[momentum], -values[position]
    return {name: found[name] for name in values}
