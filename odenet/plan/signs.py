"""The sign of a node, where it is certain from its structure and the sets of its parameters."""
from __future__ import annotations

from odenet.ir.model import Model, Parameter
from odenet.ir.node import Node


def sign(node: Node, model: Model) -> int:
    """1 when every entry is > 0 for all parameters in their sets, -1 when every entry is < 0, else 0 (not known)."""
    if node.op == "number":
        return int(node.data[0] > 0) - int(node.data[0] < 0)
    if node.op in ("dim", "ones"):
        return 1
    if node.op == "param":
        return _of_parameter(model.parameter(node.data[0]))
    if node.op in ("mul", "scale"):
        return sign(node.args[0], model) * sign(node.args[1], model)
    if node.op == "add":
        signs = [sign(term, model) for term in node.args]
        return signs[0] if len(set(signs)) == 1 else 0
    if node.op == "power":
        return 1 if sign(node.args[0], model) == 1 else 0
    if node.op in ("spread", "sum", "mean"):
        return sign(node.args[0], model)
    return int(node.op == "function" and node.data[0] == "exp")


def _of_parameter(parameter: Parameter) -> int:
    if parameter.set_named("positive") is not None:
        return 1
    interval = parameter.set_named("interval")
    if interval is None:
        return 0
    low, high = interval.arguments
    if low.op == "number" and low.data[0] > 0:
        return 1
    return -1 if high.op == "number" and high.data[0] < 0 else 0
