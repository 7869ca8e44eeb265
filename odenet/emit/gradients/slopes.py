"""Slopes of elementwise functions in a gradient, by what the step forward has computed already."""

from __future__ import annotations

from dataclasses import dataclass

from odenet.ir.node import Node, function


@dataclass(frozen=True)
class SlopeRow:
    """How the slope of `base` is written where its value f, or its argument f, is known.

    product: the function that gives g times the slope from g and f, one fused operation; `more` are texts of its further
    arguments, {1} the parameter of `base`. from_argument: f is the argument.
    """

    base: str
    product: str
    more: tuple[str, ...] = ()
    from_argument: bool = False


# Keyed by the slope's name. Values that decide the slope: relu(z) > 0 where z > 0, and so for a leaky one with a > 0.
SLOPES = {
    "tanh_slope": SlopeRow("tanh", "torch.ops.aten.tanh_backward"),
    "sigmoid_slope": SlopeRow("sigmoid", "torch.ops.aten.sigmoid_backward"),
    "threshold": SlopeRow("relu", "torch.ops.aten.threshold_backward", ("0",)),
    "leaky_relu_slope": SlopeRow("leaky_relu", "torch.ops.aten.leaky_relu_backward", ("{1}", "True")),
    "silu_slope": SlopeRow("silu", "torch.ops.aten.silu_backward", from_argument=True),
    "gelu_slope": SlopeRow("gelu", "torch.ops.aten.gelu_backward", from_argument=True),
}


def known_slope(node: Node, forward: frozenset[Node]) -> Node | None:
    """The node f of the step forward that decides the slope `node`, or None."""
    if node.op != "function" or node.data[0] not in SLOPES:
        return None
    row = SLOPES[node.data[0]]
    if row.base == "leaky_relu" and not node.data[1] > 0:
        return None
    base = function(row.base, node.args[0], *node.data[1:])
    if base not in forward:
        return None
    return node.args[0] if row.from_argument else base
