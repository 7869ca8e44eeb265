"""Which steps of a flow do nothing, given which of its parameters are zero there."""

from __future__ import annotations

from odenet.ir.model import Flow, Model
from odenet.ir.node import Node
from odenet.operators.functions import FUNCTIONS

_ANY = frozenset({"mul", "scale", "apply", "compose", "dot", "outer"})  # zero when one argument is
_ALL = frozenset(
    {
        "add",
        "concat",
        "stack",
        "largest",
        "smallest",
        "transpose",
        "sum",
        "mean",
        "norm",
        "cumsum",
        "diag",
        "skew",
        "unskew",
        "sym",
        "index",
        "slice",
        "spread",
        "channels",
        "unchannels",
    }
)  # zero when all are


def is_still(model: Model, flow: Flow, zeros: frozenset[str]) -> bool:
    """Whether no part of a flow moves any state, at any time, where the parameters `zeros` are zero.

    Every method is then the identity: an Euler step adds h * 0, an exact flow of x' = 0 stays, and so on.
    """
    return not moving(model, flow, zeros)


def moving(model: Model, flow: Flow, zeros: frozenset[str]) -> tuple[str, ...]:
    """The fields of a flow that are not seen to be zero where the parameters `zeros` are."""
    return tuple(
        part.field for part in flow.parts if not all(vanishes(rate, zeros) for _, rate in model.field(part.field).rows)
    )


def vanishes(node: Node, zeros: frozenset[str]) -> bool:
    """Whether a node is zero for all states where the parameters `zeros` are, by its structure; False may be a miss."""
    known: dict[Node, bool] = {}
    for n in node.walk():
        known[n] = _vanishes(n, known, zeros)
    return known[node]


def _vanishes(n: Node, known: dict[Node, bool], zeros: frozenset[str]) -> bool:
    if n.op in _ANY:
        return any(known[a] for a in n.args)
    if n.op in _ALL:
        return all(known[a] for a in n.args)
    if n.op == "power":
        return known[n.args[0]] and n.data[0] > 0
    if n.op == "function":
        return known[n.args[0]] and _is_zero_at_zero(n)
    return n.op == "zeros" or (n.op == "number" and n.data[0] == 0) or (n.op == "param" and n.data[0] in zeros)


def _is_zero_at_zero(n: Node) -> bool:
    row = FUNCTIONS[n.data[0]]
    if row.domain not in ("all", "nonnegative", "off the poles"):
        return False
    return float(row.numpy(0.0, *map(float, n.data[1:]))) == 0.0
