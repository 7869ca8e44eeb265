"""A network with numbers as a graph of its entries: each unit a node, each weight an edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from odenet.ir.interpret import Environment, environment, operate
from odenet.ir.model import Flow, NetStage
from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace
from odenet.plan.advances import advance
from odenet.plan.interpret import Runner
from odenet.plan.steps import Advance, Closed, Linear, Relax, RungeKutta
from odenet.schemes.tables import coefficients
from odenet.trained.forms import Form, Units, Value, constant, jointly, total
from odenet.trained.network import Network

States = dict[str, Form]


class NotEntrywise(Exception):
    """Something that a graph of entries does not show; the text says what."""


def entry_graph(network: Network, limit: int) -> Any:
    """The graph of the map of the module, a `networkx.DiGraph` without cycles (see `Units` for its nodes).

    Raises:
        NotEntrywise: it has convolutions, or steps that solve an equation.
        TooLarge: it has more than `limit` edges.
    """
    return _Entries(network, Units(limit)).graph()


class _Entries:
    def __init__(self, network: Network, units: Units) -> None:
        self.network, self.model, self.units = network, network.model, units

    def graph(self) -> Any:
        env = environment(self.model, self.network.dims)
        if self.model.nets:
            net = self.model.nets[-1]
            value = self._input("x", env.shape(net.domain))
            for index, stage in enumerate(net.stages):
                self.units.where = {"net": net.name, "stage": index}
                value = self._stage(net.name, index, stage, value)
            found = {"y": value}
        else:
            flow = self.model.flows[-1]
            found = self._flow(flow, {b: self._input(b, env.shape(self.model.block(b).space)) for b in flow.blocks})
        self.units.where = {}
        for block, form in found.items():
            self.units.entrywise(form, "identity", kind="output", block=block)
        return self.units.graph

    def _input(self, block: str, shape: tuple[int, ...]) -> Form:
        return self.units.entrywise(constant(np.zeros(shape)), "identity", kind="input", block=block)

    # --- flows ------------------------------------------------------------------------------------------------------

    def _flow(self, flow: Flow, states: States) -> States:
        runner = Runner(self.model, self.network.plans[flow.name], self.network.values_of(flow), self.network.dims)
        length, start = runner.number(flow.step), runner.number(flow.start)
        for step in range(runner.steps):
            for substep in runner.plan.step:
                self.units.where = {
                    **self.units.where,
                    "flow": flow.name,
                    "step": step,
                    "part": flow.parts[substep.part].field,
                }
                clock, duration = start + length * (step + float(substep.clock)), float(substep.coefficient) * length

                def at(
                    node: float,
                    first: bool = substep.part == 0,
                    clock: float = clock,
                    duration: float = duration,
                    step: int = step,
                ) -> Environment:
                    return runner.environment({}, step, clock + node * duration if first else clock, duration)

                moved = self._advance(runner.plan.advances[substep.part], states, duration, at)
                states = {**states, **{b: self.units.kept(form, kind="state", block=b) for b, form in moved.items()}}
        for key in ("flow", "step", "part"):
            self.units.where.pop(key, None)
        return states

    def _advance(self, kind: Advance, states: States, duration: float, at: Callable[[float], Environment]) -> States:
        if isinstance(kind, Closed):
            env = at(0.0)
            return {name: constant(self._value(node, env, states)) for name, node in kind.rows}
        if isinstance(kind, Linear):
            return self._linear(kind, states, duration, at)
        if isinstance(kind, RungeKutta) and kind.is_explicit:
            return self._runge_kutta(kind, states, duration, at)
        if isinstance(kind, Relax) and kind.inner.is_explicit:
            return self._relax(kind, states, duration, at)
        raise NotEntrywise("steps that solve an equation")

    def _relax(self, kind: Relax, states: States, duration: float, at: Callable[[float], Environment]) -> States:
        """x + g d with Q(x + g d) = Q(x): Q(x + g d) - Q(x) = g B + g^2 C, so g = -B / C; C = 0 is left out."""
        after = self._runge_kutta(kind.inner, states, duration, at)
        old = {b: states[b] for b in after}
        moves = {b: self.units.kept(total([after[b], _scaled(old[b], -1.0)])) for b in after}

        def invariant(scale: float, values: States) -> Form:
            scaled = {b: _scaled(form, scale) for b, form in values.items()}
            return constant(self._value(kind.invariant, at(0.0), {**states, **scaled}))

        square = total([_scaled(invariant(1.0, moves), 0.5), _scaled(invariant(-1.0, moves), 0.5),
                        _scaled(invariant(0.0, moves), -1.0)])
        linear = total([invariant(1.0, after), _scaled(invariant(1.0, old), -1.0), _scaled(square, -1.0)])
        factor = self._product("scale", linear, self.units.entrywise(square, "power", (-1.0,)))
        return {b: total([old[b], _scaled(self._product("scale", factor, moves[b]), -1.0)]) for b in after}

    def _runge_kutta(
        self, kind: RungeKutta, states: States, duration: float, at: Callable[[float], Environment]
    ) -> States:
        exacts = coefficients(kind.table)
        rates: list[dict[str, Value]] = []
        for node, row in zip(exacts.nodes, exacts.matrix, strict=True):
            moved = {name: _moved(states[name], duration, row, [r[name] for r in rates]) for name, _ in kind.rates}
            env = at(float(node))
            rates.append({name: self._value(rate, env, {**states, **moved}) for name, rate in kind.rates})
        return {
            name: _moved(states[name], duration, exacts.weights, [r[name] for r in rates]) for name, _ in kind.rates
        }

    def _linear(self, kind: Linear, states: States, duration: float, at: Callable[[float], Environment]) -> States:
        """An affine map is known by its values at 0 and at the unit vectors."""

        def run(values: Mapping[str, Any]) -> dict[str, Any]:
            return dict(advance(kind, dict(values), duration, lambda _, node: at(node)))

        zero = {b: np.zeros(states[b].shape) for b in kind.blocks}
        start = run(zero)
        terms: dict[str, list[Value]] = {b: [start[b]] for b in kind.blocks}
        for block in kind.blocks:
            flat = states[block].mapped(np.ravel)
            columns = []
            for k in range(zero[block].size):
                unit = zero[block].copy()
                unit.flat[k] = 1.0
                columns.append(run({**zero, block: unit}))
            for row in kind.blocks:
                matrix = np.array([np.ravel(column[row] - start[row]) for column in columns]).T
                terms[row].append(flat.mapped(_matrix_of(matrix, start[row].shape)))
        return {b: total(parts) for b, parts in terms.items()}

    # --- expressions ------------------------------------------------------------------------------------------------

    def _value(self, node: Node, env: Environment, states: Mapping[str, Form]) -> Value:
        """The value of an expression: numbers where no state is in it."""
        known: dict[Node, Any] = {}
        for n in node.walk():
            if isinstance(n.space, MapSpace):
                raise NotEntrywise("convolutions")
            if n.op == "state":
                known[n] = states[n.data[0]]
            elif any(isinstance(known[a], Form) for a in n.args):
                known[n] = self._operation(n, env, [known[a] for a in n.args])
            else:
                known[n] = np.asarray(operate(n, env, known), dtype=np.float64)
        found: Value = known[node]
        return found

    def _operation(self, n: Node, env: Environment, arguments: list[Value]) -> Form:
        if n.op in _PRODUCTS or n.op == "mul":
            return self._product(n.op, *arguments)
        if n.op == "function":
            return self.units.entrywise(constant(arguments[0]), n.data[0], tuple(map(float, n.data[1:])))
        if n.op == "power":
            return self.units.entrywise(constant(arguments[0]), "power", (float(n.data[0]),))
        if n.op == "norm":
            return self.units.entrywise(self._product("dot", arguments[0], arguments[0]), "sqrt")
        if n.op == "softmax":
            powers = self.units.entrywise(constant(arguments[0]), "exp")
            return self._product("scale", self.units.entrywise(powers.mapped(np.sum), "power", (-1.0,)), powers)
        if n.op in ("largest", "smallest"):
            return self._extreme("max" if n.op == "largest" else "min", [constant(a) for a in arguments])
        return jointly(arguments, lambda *parts: operate(n, env, dict(zip(n.args, parts, strict=True))))

    def _product(self, op: str, left: Value, right: Value) -> Form:
        letters = "abcd"[: right.ndim if isinstance(right, np.ndarray) else len(right.shape)]
        indices = {
            "mul": f"{letters},{letters}->{letters}",
            "scale": f",{letters}->{letters}",
            "dot": f"{letters},{letters}->",
        }.get(op) or _PRODUCTS[op]
        return self.units.product(left, right, indices)

    def _extreme(self, combine: str, values: list[Form]) -> Form:
        if len(values) == 1:
            return self.units.extreme([_entry_of(values[0], place) for place in np.ndindex(values[0].shape)], combine)
        shape = values[0].shape
        entries = [self.units.extreme([_entry_of(v, place) for v in values], combine) for place in np.ndindex(shape)]
        return jointly(entries, lambda *parts: np.reshape(parts, shape))

    # --- nets -------------------------------------------------------------------------------------------------------

    def _stage(self, net: str, index: int, stage: NetStage, value: Form) -> Form:
        env = environment(self.model, self.network.dims, {}, self.network.constants())
        if stage.kind == "flow":
            flow = self.model.flow(stage.data[0])
            return self._flow(flow, {flow.blocks[0]: value})[flow.blocks[0]]
        if stage.kind == "conv":
            raise NotEntrywise("convolutions")
        if stage.kind == "linear":
            weight, bias = self.network.stage_weights(net, index)
            return total([value.mapped(lambda row: weight @ row), bias])
        if stage.kind in ("function", "def"):
            body, argument = self.network.stage_expression(net, index)
            return constant(self._value(body, env, {argument: value}))
        if stage.kind == "maxpool":
            return self._maxpool(value, env.size(stage.data[0]))
        size = env.size(stage.data[0]) if stage.data else 0
        return value.mapped(lambda row: _PLAIN[stage.kind](row, size))

    def _maxpool(self, value: Form, size: int) -> Form:
        channels, height, width = value.shape
        shape = (channels, height // size, width // size)
        windows = [
            [(c, size * i + a, size * j + b) for a in range(size) for b in range(size)] for c, i, j in np.ndindex(shape)
        ]
        entries = [self.units.extreme([_entry_of(value, place) for place in window], "max") for window in windows]
        return jointly(entries, lambda *parts: np.reshape(parts, shape))


_PRODUCTS = {"scale": "", "dot": "", "apply": "ij,j->i", "compose": "ij,jk->ik", "outer": "i,j->ij"}


def _moved(start: Form, duration: float, row: Any, rates: list[Value]) -> Form:
    """The start and the duration times a sum of rates."""
    weights = [duration * float(a) for a in row]
    return total([start, *(_scaled(rate, a) for a, rate in zip(weights, rates, strict=False) if a)])


def _scaled(value: Value, factor: float) -> Form:
    return constant(value).mapped(lambda row: factor * row)


def _matrix_of(matrix: Any, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    return lambda row: (matrix @ row).reshape(shape)


def _entry_of(value: Form, place: tuple[int, ...]) -> Form:
    return value.mapped(lambda row: row[place])


def _padded(x: Any, size: int) -> Any:
    return np.concatenate([x, np.zeros((size - len(x), *x.shape[1:]))])


def _folded(x: Any, size: int) -> Any:
    return x[:size] + x[size:].sum() / size


def _averaged(x: Any, size: int) -> Any:
    c, h, w = x.shape
    return x.reshape(c, h // size, size, w // size, size).mean(axis=(2, 4))


_PLAIN: dict[str, Callable[[Any, int], Any]] = {
    "embed": _padded,
    "lift": _padded,
    "fold": _folded,
    "take": lambda x, size: x[:size],
    "flatten": lambda x, size: x.ravel(),
    "avgpool": _averaged,
}
