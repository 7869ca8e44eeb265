"""Where functions with a jump do no harm: beside a factor that vanishes there.

The functions on record that jump do so at 0 and are bounded near it. So f(z) g(z) is continuous, and locally Lipschitz, where g is
and g(0) = 0: relu(z) threshold(z), z sign(z), elu(z) elu_slope(z).
"""
from __future__ import annotations

from odenet.ir.node import Node, depends_on
from odenet.operators.functions import FUNCTIONS

# continuous functions with f(0) = 0, locally Lipschitz
VANISHING = frozenset({"relu", "leaky_relu", "abs", "elu", "celu", "softsign", "tanh", "sin", "tan", "atan", "silu", "gelu",
                       "logcosh", "square"})


def jump_of(root: Node) -> str | None:
    """The name of a function of the state that jumps where nothing beside it vanishes, or None."""
    inside = {node for outer in root.walk() if _is_product(outer) for node in outer.args if _is_product(node)}
    seen_alone: dict[Node, bool] = {root: True}  # whether a node occurs otherwise than as a factor
    order = list(root.walk())
    for node in reversed(order):  # what stands outside first
        for argument in node.args:
            seen_alone[argument] = seen_alone.get(argument, False) or not _is_product(node)
    for node in order:
        if _is_jump(node) and seen_alone[node]:
            return str(node.data[0])
        if _is_product(node) and (node not in inside or seen_alone[node]):
            name = _jump_of_product(_factors(node))
            if name:
                return name
    return None


def _jump_of_product(factors: list[Node]) -> str | None:
    for factor in factors:
        if _is_jump(factor) and not any(_vanishes_with(other, factor.args[0]) for other in factors):
            return str(factor.data[0])
    return None


def _is_product(node: Node) -> bool:
    return node.op in ("mul", "scale")


def _factors(node: Node) -> list[Node]:
    """All factors of a product of products."""
    if not _is_product(node):
        return [node]
    return [factor for argument in node.args for factor in _factors(argument)]


def _is_jump(node: Node) -> bool:
    moves = depends_on(node, "state") or depends_on(node, "variable")
    return node.op == "function" and FUNCTIONS[node.data[0]].smoothness == -1 and moves


def _vanishes_with(node: Node, z: Node) -> bool:
    """Whether a factor is 0 wherever z is."""
    if node == z:
        return True
    if node.op == "power" and node.data[0] >= 1 and node.data[0].denominator == 1:
        return _vanishes_with(node.args[0], z)
    return node.op == "function" and node.data[0] in VANISHING and node.args[0] == z
