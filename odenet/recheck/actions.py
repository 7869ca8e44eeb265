"""Permutations and translations: what becomes of the values of a field's nodes when they act on the state."""
from __future__ import annotations

from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR, Space
from odenet.recheck.case import Case, Goal, Step

_BOTH = frozenset((
    "number", "dim", "time", "state", "ones", "zeros", "add", "mul", "scale", "power", "function", "sum", "mean", "dot", "norm",
    "largest", "smallest", "softmax", "spread", "apply", "compose", "transpose"))
_COMMUTE = {"permutation": _BOTH | {"eye", "diag", "outer", "sym"}, "translation": _BOTH}


def commuting_letters(case: Case, goal: Goal, step: Step) -> None:
    """Every operation commutes with every permutation (translation); parameters that do not are absent."""
    case.demand(goal.property == "equivariant", f"the rule does not prove `{goal.property}`")
    action = goal.arguments[0]
    case.demand(action in _COMMUTE, "the rule knows permutations and translations only")
    for block, root in goal.rows:
        case.demand(case.model.block(block).space.rank != 2, "an action on matrices")
        case.demand(_turned(case, root, action)[root], f"an operation does not commute with every {action}")


def _turned(case: Case, root: Node, action: str) -> dict[Node, bool]:
    """By node: whether its value at g x is g of that at x. Kept beside it: whether it is the value at x.

    Of a scalar both are the same. An image constant over each channel is fixed where the channels' values are; a shift of an
    image keeps the sums of its channels.
    """
    fixed: dict[Node, bool] = {}
    turned: dict[Node, bool] = {}
    for node in root.walk():
        fixed[node] = (node.op != "state" and all(fixed[a] for a in node.args)) or (
            node.op == "unchannels" and turned[node.args[0]])
        if node.op == "channels":
            turned[node] = fixed[node.args[0]]
        elif node.op == "param":
            turned[node] = _is_fixed(case, node, action)
        else:
            turned[node] = (node.op in _COMMUTE[action] and all(turned[a] for a in node.args)
                            and not (node.op == "state" and case.model.block(node.data[0]).space.rank == 2))
        if node.space == SCALAR:
            fixed[node] = turned[node] = fixed[node] or turned[node]
    return turned


def _is_fixed(case: Case, node: Node, action: str) -> bool:
    """A linear map that commutes: a circular convolution with shifts. A vector has an index that moves."""
    if node.space == SCALAR:
        return True
    space = case.model.parameter(node.data[0]).space
    return action == "translation" and not isinstance(space, Space) and space.padding == "circular" and space.stride == 1
