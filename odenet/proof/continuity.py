"""Where functions with a jump do no harm: beside a factor that vanishes there.

The functions on record that jump do so at 0 and are bounded near it. So f(z) g(z) is continuous, and locally Lipschitz, where g is
and g(0) = 0: relu(z) threshold(z), z sign(z), elu(z) elu_slope(z).
"""
from __future__ import annotations

from odenet.algebra.functions import vanishes_at_zero
from odenet.ir.node import Node, depends_on
from odenet.operators.functions import FUNCTIONS


def jump_of(root: Node) -> str | None:
    """The name of a function of the state that jumps where nothing beside it vanishes, or None.

    From outside; products of products are looked at whole, and then what stands in their factors.
    """
    waiting, met = [root], set()
    while waiting:
        node = waiting.pop()
        if node in met:
            continue
        met.add(node)
        factors = _factors(node)
        for factor in factors:
            if _is_jump(factor) and not any(_vanishes_with(other, factor.args[0]) for other in factors):
                return str(factor.data[0])
            waiting.extend(factor.args)
    return None


def _factors(node: Node) -> list[Node]:
    """All factors of a product of products."""
    if node.op not in ("mul", "scale"):
        return [node]
    return [factor for argument in node.args for factor in _factors(argument)]


def _is_jump(node: Node) -> bool:
    if node.op != "function" or FUNCTIONS[node.data[0]].smoothness != -1:
        return False
    return depends_on(node, "state") or depends_on(node, "variable")


def _vanishes_with(node: Node, z: Node) -> bool:
    """Whether a factor is 0 wherever z is."""
    if node == z:
        return True
    if node.op == "power" and node.data[0] >= 1 and node.data[0].denominator == 1:
        return _vanishes_with(node.args[0], z)
    return node.op == "function" and node.args[0] == z and _is_zero_at_zero(node.data[0])


def _is_zero_at_zero(name: str) -> bool:
    """Of a continuous function, locally Lipschitz."""
    return name == "square" or (vanishes_at_zero(name) and FUNCTIONS[name].smoothness != -1)
