"""Whether the equation of an implicit step has one solution from every state, so that the step is a map of the whole space."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq

from odenet.ir.balls import ALONG, Undefined, evaluate
from odenet.ir.differentiate import tangent
from odenet.ir.interpret import Environment
from odenet.ir.node import Node, states, variable
from odenet.ir.sizes import Space
from odenet.operators.functions import FUNCTIONS
from odenet.plan.steps import RungeKutta


def has_one_solution(advance: RungeKutta, environments: list[Environment], matrix: list[list[Any]], duration: Any,
                     shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether K = f(x + h A K) has one solution K for every x.

    g(K) = K - f(x + h A K) has slopes in I - h A * S, S all slopes of f. With C near the inverse of one of them and |I - C g'| < 1
    for all, K -> K - C g(K) is a contraction of the whole space. Source: Banach's fixed-point theorem.
    """
    if any(n.op == "function" and FUNCTIONS[n.data[0]].smoothness == -1 for _, node in advance.rates for n in node.walk()):
        return False
    slopes = [_slopes(advance, env, shapes) for env in environments]
    size = len(slopes[0])
    whole = np.array([[fmpq(int(i == j)) for j in range(size * len(matrix))] for i in range(size * len(matrix))], dtype=object)
    for i, row in enumerate(matrix):
        for j, a in enumerate(row):
            at = slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size)
            whole[at] = whole[at] - duration * a * slopes[i]
    found = arb_mat([[arb(x) for x in row] for row in whole])
    inverse = arb_mat([[x.mid() for x in row] for row in found.tolist()]).inv()
    unit = arb_mat([[int(i == j) for j in range(found.ncols())] for i in range(found.nrows())])
    rest = unit - inverse * found
    return all(sum((abs(x) for x in row), arb(0)) < 1 for row in rest.tolist())


def _slopes(advance: RungeKutta, env: Environment, shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """Balls that hold Df in the moved blocks, row by row, at all states. Raises Undefined, or KeyError where it is unbounded."""
    names = [name for name, _ in advance.rates]
    spaces: dict[str, Space] = {n.data[0]: n.space for _, node in advance.rates for n in node.walk()  # type: ignore[misc]
                                if n.op == "state" and n.data[0] in names}
    directions = {name: variable(ALONG + name, space) for name, space in spaces.items()}
    rows = []
    for name, node in advance.rates:
        moved, ranges = _anywhere(tangent(node, directions)), dict[str, Any]()
        for n in moved.walk():
            if n.op == "variable" and n.data[0].startswith(_RANGE):
                ends = [arb(fmpq(*map(int, end.split("/")))) for end in n.data[0].removeprefix(_RANGE).split()]
                ranges[n.data[0]] = np.full(env.shape(n.space), ends[0].union(ends[1]), dtype=object)  # type: ignore[arg-type]
        columns = []
        for block in names:
            for k in range(int(np.prod(shapes[block], dtype=int))):
                unit = {ALONG + b: np.array([fmpq(int(b == block and i == k)) for i in range(int(np.prod(s, dtype=int)))],
                                            dtype=object).reshape(s) for b, s in shapes.items() if b in names}
                here = Environment(env.dims, {}, env.parameters, {**unit, **ranges}, env.time, env.convolutions)
                columns.append(np.broadcast_to(evaluate(moved, here), shapes[name]).reshape(-1))
        rows.append(np.stack(columns, axis=1))
    return np.concatenate(rows)


_RANGE = "range "


def _anywhere(node: Node) -> Node:
    """The node with each bounded function of the state replaced by a variable for its range."""
    if node.op == "function" and states(node):
        name, *parameters = node.data
        values = FUNCTIONS[name].values(*parameters)
        if values.low is None or values.high is None:
            raise Undefined(f"{name} is not bounded")
        return Node("variable", (), (f"{_RANGE}{values.low} {values.high}",), node.space)
    return Node(node.op, tuple(_anywhere(a) for a in node.args), node.data, node.space) if node.args else node
