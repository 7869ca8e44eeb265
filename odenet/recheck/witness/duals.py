"""Values with derivatives, exactly or in balls.

A *dual* is an array of numbers with one axis more in front: entry 0 is the value, the others are its derivatives along the
directions that were seeded. Derivatives of expressions come from `odenet.ir.differentiate`.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb, fmpq

from odenet.ir.balls import ALONG, Undefined, evaluate
from odenet.ir.differentiate import tangent
from odenet.ir.interpret import Environment
from odenet.ir.node import Node, add, mul, scalar, variable
from odenet.ir.sizes import MapSpace

Dual = Any
Duals = Mapping[str, Dual]


@lru_cache(maxsize=1024)
def _moved(node: Node, names: frozenset[str]) -> tuple[Node, tuple[Node, ...]]:
    """The derivative of a node along directions of the named blocks, and its parts that no direction enters."""
    leaves = {n.data[0]: n.space for n in node.walk() if n.op in ("state", "variable") and n.data[0] in names}
    found = tangent(node, {name: variable(ALONG + name, space) for name, space in leaves.items()})
    moving: set[Node] = set()
    for n in found.walk():
        if (n.op == "variable" and n.data[0].startswith(ALONG)) or any(a in moving for a in n.args):
            moving.add(n)
    return found, tuple(n for n in found.walk() if n not in moving and not isinstance(n.space, MapSpace))


def lift(node: Node, env: Environment, duals: Duals, kind: str = "states") -> Dual:
    """The value of a node and its derivatives, where blocks (or, for kind "variables", arguments) have the given duals."""
    values = {name: dual[0] for name, dual in duals.items()}
    here = replace(env, variables={**env.variables, **values}) if kind == "variables" else replace(env, states=values)
    known: dict[Node, Any] = {}
    rows = [evaluate(node, here, known)]
    count = max((len(dual) for dual in duals.values()), default=1)
    masks: dict[str, Any] = {}
    moved, still = _moved(_settled(node, known, masks), frozenset(duals)) if count > 1 else (node, ())
    here = replace(here, variables={**here.variables, **masks})
    for part in still:
        evaluate(part, here, known)
    for k in range(1, count):
        along = {ALONG + name: dual[k] for name, dual in duals.items()}
        rows.append(evaluate(moved, replace(here, variables={**here.variables, **along}), dict(known)))
    return np.stack(rows)


def _settled(node: Node, known: dict[Node, Any], masks: dict[str, Any]) -> Node:
    """The node with each maximum and minimum as a sum over the entries that may be it, so that it has the same derivatives.

    The weights are put into `masks`: 1, or the ball [0, 1] where several entries share the maximum.
    """
    if not any(n.op in ("largest", "smallest") for n in node.walk()):
        return node
    parts = [_settled(argument, known, masks) for argument in node.args]
    if node.op not in ("largest", "smallest"):
        return Node(node.op, tuple(parts), node.data, node.space)
    terms = []
    for argument, part in zip(node.args, parts, strict=True):
        ends = known[node] if len(parts) > 1 else np.full(known[argument].shape, known[node][()], dtype=object)
        rooms = (ends - known[argument]) if node.op == "largest" else (known[argument] - ends)
        name = f"mask {len(masks)}"
        masks[name] = np.array([fmpq(0) if room > 0 else fmpq(1) for room in rooms.flat], dtype=object).reshape(rooms.shape)
        terms.append(mul(variable(name, argument.space), part))
    if sum(sum(x != 0 for x in mask.flat) for mask in list(masks.values())[-len(terms):]) > known[node].size:
        for mask in list(masks.values())[-len(terms):]:
            mask[mask == 1] = arb(0.5, 0.5)
    return scalar("sum", terms[0]) if len(terms) == 1 else add(*terms)


def product(factor: Dual, dual: Dual) -> Dual:
    """The product rule, for a scalar factor."""
    rows = [factor[0] * dual[0]] + [factor[k] * dual[0] + factor[0] * dual[k] for k in range(1, len(dual))]
    return np.stack([np.asarray(row, dtype=object) for row in rows])


def inverse(dual: Dual) -> Dual:
    """1/u and -u'/u^2 of a scalar."""
    if (not isinstance(dual[0], fmpq) and dual[0].contains(0)) or dual[0] == 0:
        raise Undefined("division by a number that may be zero")
    return np.array([1 / dual[0], *(-entry / (dual[0] * dual[0]) for entry in dual[1:])], dtype=object)


def flat(duals: Duals, names: tuple[str, ...]) -> Dual:
    return np.concatenate([duals[name].reshape(len(duals[name]), -1) for name in names], axis=1)


def split(dual: Dual, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Dual]:
    found, place = {}, 0
    for name, shape in shapes.items():
        stop = place + int(np.prod(shape, dtype=int))
        found[name] = dual[:, place:stop].reshape(len(dual), *shape)
        place = stop
    return found


def seeded(point: Any, directions: Any) -> Dual:
    """A flat point and its directions as a dual."""
    return np.stack([point, *directions])


def units(size: int) -> Any:
    return np.array([[fmpq(int(i == j)) for j in range(size)] for i in range(size)], dtype=object).reshape(size, size)
