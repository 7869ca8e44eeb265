"""The degree of a scalar in some blocks, read off its structure."""
from __future__ import annotations

from odenet.ir.node import Node, states

_LINEAR = frozenset((
    "transpose", "sum", "mean", "cumsum", "diag", "skew", "unskew", "sym", "concat", "stack", "index", "slice", "spread",
    "channels", "unchannels"))
_BILINEAR = frozenset(("mul", "scale", "apply", "compose", "dot", "outer"))


def degree(node: Node, blocks: frozenset[str]) -> int | None:
    """At most this degree as a polynomial in the blocks; None when it is not seen to be a polynomial."""
    known: dict[Node, int | None] = {}
    for n in node.walk():
        known[n] = _degree(n, [known[a] for a in n.args], blocks)
    return known[node]


def _degree(n: Node, below: list[int | None], blocks: frozenset[str]) -> int | None:
    if not states(n) & blocks:
        return 0
    if n.op == "state":
        return 1
    if n.op == "power" and n.args[0].op == "norm" and n.data[0].denominator == 1 and n.data[0] % 2 == 0:
        below = [degree(n.args[0].args[0], blocks)]
    degrees = [d for d in below if d is not None]
    if len(degrees) < len(below):
        return None
    if n.op == "add" or n.op in _LINEAR:
        return max(degrees)
    if n.op in _BILINEAR:
        return sum(degrees)
    if n.op == "power" and n.data[0].denominator == 1 and n.data[0] >= 0:
        return degrees[0] * int(n.data[0])
    return degrees[0] * 2 if n.op == "function" and n.data == ("square",) else None
