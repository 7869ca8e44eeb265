"""A network as a graph of its operators: each tensor a node, each linear map an edge with its shape and norm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx
import numpy as np

from odenet.ir.interpret import Environment, environment, evaluate
from odenet.ir.model import Flow, NetStage
from odenet.ir.node import Node, states
from odenet.ir.sizes import SCALAR, AnySpace, MapSpace, codomain, domain
from odenet.ir.spelling import Unspellable, ode_text
from odenet.plan.interpret import Runner
from odenet.plan.steps import Advance, Closed, RungeKutta
from odenet.schemes.tables import coefficients
from odenet.trained.network import Network


@dataclass(frozen=True)
class Term:
    """factors times maps (the last one first) applied to the tensor of a node."""

    source: str
    maps: tuple[Node, ...] = ()
    factors: tuple[Node | float, ...] = ()


@dataclass(frozen=True)
class Sum:
    """A sum of terms, and of expressions (as text) in which no state is."""

    terms: tuple[Term, ...] = ()
    constants: tuple[str, ...] = ()

    def times(self, factor: Node | float) -> Sum:
        terms = tuple(replace(t, factors=(factor, *t.factors)) for t in self.terms)
        return Sum(terms, tuple(f"{_text(factor)} * ({c})" for c in self.constants))

    def under(self, map: Node) -> Sum:
        """The sum under a linear map; scalars pass through it."""
        terms = tuple(replace(t, maps=(map, *t.maps)) for t in self.terms)
        return Sum(terms, tuple(f"{_text(map)} @ ({c})" for c in self.constants))


def _text(value: Node | float) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    try:
        return ode_text(value)
    except Unspellable:
        return str(value)


def plus(*sums: Sum) -> Sum:
    return Sum(tuple(t for s in sums for t in s.terms), tuple(c for s in sums for c in s.constants))


def operator_graph(network: Network) -> Any:
    """The graph of the map of the module, a `networkx.DiGraph` without cycles; with norms where there are weights."""
    return _Operators(network).graph_of_module()


@dataclass
class _Operators:
    network: Network
    graph: Any = field(default_factory=nx.DiGraph)
    where: dict[str, Any] = field(default_factory=dict)
    env: Environment | None = None  # the parameters now, for norms

    # --- nodes and edges --------------------------------------------------------------------------------------------

    def node(self, arguments: list[Sum], space: AnySpace, op: str, **more: Any) -> Sum:
        """A node that is `op` of its arguments: one is put in as it is, several become nodes of their own."""
        if len(arguments) > 1:
            arguments = [self._single(a, space) for a in arguments]
        name = f"n{len(self.graph)}"
        size = self._shape(space)
        bias = " + ".join(c for a in arguments for c in a.constants)
        facts = {"op": op, "shape": str(list(size)), "entries": int(np.prod(size)), "bias": bias}
        self.graph.add_node(name, **{"kind": "unit", **self.where, **more, **facts})
        for k, argument in enumerate(arguments):
            for term in argument.terms:
                self._edge(term, name, k)
        return Sum((Term(name),))

    def _single(self, value: Sum, space: AnySpace) -> Sum:
        is_one = len(value.terms) == 1 and not value.constants
        return value if is_one else self.node([value], space, "identity")

    def _edge(self, term: Term, target: str, argument: int) -> None:
        facts = self._facts(term)
        before = self.graph.get_edge_data(term.source, target)
        if before is not None:  # two ways between two nodes: their sum
            facts = {"map": f"{before['map']} + {facts['map']}", "argument": before["argument"]}
        self.graph.add_edge(term.source, target, **{"argument": argument, **facts})

    def _facts(self, term: Term) -> dict[str, Any]:
        """The map of an edge in words, and, where numbers are known, its norm or a bound of it."""
        factors = [_text(f) for f in term.factors if f != 1.0]
        maps = [_text(m) if m.op in ("param", "transpose") else f"({_text(m)})" for m in term.maps]
        facts: dict[str, Any] = {"map": " * ".join([*factors, *([" @ ".join(maps)] if maps else [])]) or "1"}
        if term.maps:
            facts["rows"] = int(np.prod(self._shape(codomain(term.maps[0].space))))
            facts["columns"] = int(np.prod(self._shape(domain(term.maps[-1].space))))
        if self.env is not None:
            facts |= self._norm(term, self.env)
        return facts

    def _norm(self, term: Term, env: Environment) -> dict[str, float]:
        factor = float(
            np.prod([abs(f) if isinstance(f, float) else abs(float(evaluate(f, env))) for f in term.factors])
        )
        if any(isinstance(m.space, MapSpace) for m in term.maps):
            norms = [norm for m in term.maps if (norm := self._kernel_norm(m, env)) is not None]
            return {"norm_at_most": factor * float(np.prod(norms))} if len(norms) == len(term.maps) else {}
        matrix = None
        for m in term.maps:
            value = evaluate(m, env)
            matrix = value if matrix is None else matrix @ value
        return {"norm": factor * (1.0 if matrix is None else float(np.linalg.norm(matrix, 2)))}

    def _kernel_norm(self, map: Node, env: Environment) -> float | None:
        """A bound of the norm of a convolution or its adjoint on the images it sees."""
        import torch

        from odenet.emit.runtime.convolution import convolution_norm

        inner = map.args[0] if map.op == "transpose" else map
        if inner.op != "param" or not isinstance(inner.space, MapSpace):
            return None
        space = env.convolutions[inner.data[0]]
        kernel = torch.tensor(env.parameters[inner.data[0]], dtype=torch.float64)
        height, width = self._shape(inner.space.domain)[1:]
        is_exact = space.padding == "circular" and space.stride == 1
        return float(convolution_norm(kernel, (height, width) if is_exact else None))

    def _shape(self, space: AnySpace) -> tuple[int, ...]:
        env = environment(self.network.model, self.network.dims)
        return env.shape(codomain(space)) if isinstance(space, MapSpace) else env.shape(space)

    # --- expressions ------------------------------------------------------------------------------------------------

    def value(self, node: Node, leaves: Mapping[str, Sum]) -> Sum:
        known: dict[Node, Sum | None] = {}  # None: no state is in it
        for n in node.walk():
            if n.op == "state":
                known[n] = leaves[n.data[0]]
            elif not states(n):
                known[n] = None
            else:
                known[n] = self._operation(n, [known[a] for a in n.args])
        found = known[node]
        return Sum((), (_text(node),)) if found is None else found

    def _operation(self, n: Node, values: list[Sum | None]) -> Sum:
        given = [Sum((), (_text(a),)) if v is None else v for a, v in zip(n.args, values, strict=True)]
        if n.op == "add":
            return plus(*given)
        if n.op == "scale" and values[0] is None:
            return given[1].times(n.args[0])
        if n.op == "mul" and n.space == SCALAR and None in values:
            fixed = values.index(None)
            return given[1 - fixed].times(n.args[fixed])
        if n.op == "apply" and values[0] is None:
            return given[1].under(n.args[0])
        more = {"parameters": " ".join(map(str, n.data[1:] if n.op == "function" else n.data))}
        if None in values:
            more["operand"] = ", ".join(_text(a) for a, v in zip(n.args, values, strict=True) if v is None)
        moving = [v for v in values if v is not None]
        return self.node(moving, n.space, n.data[0] if n.op == "function" else n.op, **more)

    # --- flows and nets ---------------------------------------------------------------------------------------------

    def graph_of_module(self) -> Any:
        model = self.network.model
        if model.nets:
            net = model.nets[-1]
            value = self.node([], net.domain, "identity", kind="input", block="x")
            for index, stage in enumerate(net.stages):
                self.where = {"net": net.name, "stage": index}
                value = self._stage(net.name, index, stage, value)
            found = {"y": (value, net.codomain)}
        else:
            flow = model.flows[-1]
            spaces = {b: model.block(b).space for b in flow.blocks}
            start = {b: self.node([], space, "identity", kind="input", block=b) for b, space in spaces.items()}
            found = {b: (value, spaces[b]) for b, value in self._flow(flow, start).items()}
        self.where, self.env = {}, None
        for block, (value, space) in found.items():
            self.node([value], space, "identity", kind="output", block=block)
        return self.graph

    def _flow(self, flow: Flow, values: dict[str, Sum]) -> dict[str, Sum]:
        runner = Runner(
            self.network.model, self.network.plans[flow.name], self.network.values_of(flow), self.network.dims
        )
        outer = self.where
        length, start = runner.number(flow.step), runner.number(flow.start)
        for step in range(runner.steps):
            for substep in runner.plan.step:
                self.where = {**outer, "flow": flow.name, "step": step, "part": flow.parts[substep.part].field}
                clock, duration = start + length * (step + float(substep.clock)), float(substep.coefficient) * length
                self.where["h"] = duration
                self.env = runner.environment({}, step, clock, duration) if self.network.values is not None else None
                moved = self._advance(runner.plan.advances[substep.part], values, duration)
                for block, value in moved.items():
                    space = self.network.model.block(block).space
                    values = {**values, block: self.node([value], space, "identity", kind="state", block=block)}
        self.where, self.env = outer, None
        return values

    def _advance(self, kind: Advance, values: dict[str, Sum], duration: float) -> dict[str, Sum]:
        if isinstance(kind, Closed):
            return {name: self.value(node, values) for name, node in kind.rows}
        if isinstance(kind, RungeKutta) and kind.is_explicit:
            exacts = coefficients(kind.table)
            rates: list[dict[str, Sum]] = []
            for row in exacts.matrix:
                at = {name: _moved(values[name], duration, row, [r[name] for r in rates]) for name, _ in kind.rates}
                rates.append({name: self.value(rate, {**values, **at}) for name, rate in kind.rates})
            return {
                name: _moved(values[name], duration, exacts.weights, [r[name] for r in rates]) for name, _ in kind.rates
            }
        return self._whole(kind, values)

    def _whole(self, kind: Advance, values: dict[str, Sum]) -> dict[str, Sum]:
        """A substep that is no composition of simple operations is one node for each block that it moves."""
        rates = kind.inner.rates if hasattr(kind, "inner") else getattr(kind, "rates", ())
        moved = kind.blocks if hasattr(kind, "blocks") else tuple(name for name, _ in rates)
        read = tuple(dict.fromkeys((*moved, *(name for _, rate in rates for name in sorted(states(rate))))))
        op = {"Linear": "linear flow", "Relax": "relaxed step", "DiscreteGradient": "discrete gradient"}.get(
            type(kind).__name__, "implicit step"
        )
        space = {name: self.network.model.block(name).space for name in moved}
        return {name: self.node([values[b] for b in read], space[name], op) for name in moved}

    def _stage(self, net: str, index: int, stage: NetStage, value: Sum) -> Sum:
        if stage.kind == "flow":
            flow = self.network.model.flow(stage.data[0])
            return self._flow(flow, {flow.blocks[0]: value})[flow.blocks[0]]
        if stage.kind in ("function", "def"):
            body, argument = self.network.stage_expression(net, index)
            return self.value(body, {argument: value})
        made = self.node([value], stage.codomain, stage.kind, parameters=" ".join(map(str, stage.data)))
        if stage.kind in ("linear", "conv"):
            ((source, target),) = self.graph.in_edges(made.terms[0].source)
            self.graph.edges[source, target].update(self._stage_facts(net, index, stage))
        return made

    def _stage_facts(self, net: str, index: int, stage: NetStage) -> dict[str, Any]:
        shapes = [int(np.prod(self._shape(space))) for space in (stage.codomain, stage.domain)]
        facts: dict[str, Any] = {"map": "weight", "rows": shapes[0], "columns": shapes[1]}
        if self.network.values is not None and stage.kind == "linear":
            facts["norm"] = float(np.linalg.norm(self.network.stage_weights(net, index)[0], 2))
        return facts


def _moved(start: Sum, duration: float, row: Any, rates: list[Sum]) -> Sum:
    return plus(start, *(rate.times(duration * float(a)) for a, rate in zip(row, rates, strict=False) if float(a)))
