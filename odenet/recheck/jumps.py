"""Whether an expression is continuous although functions with a jump occur in it.

Those functions jump at 0 only and are bounded; so a product of factors is continuous where, for each that jumps at z = 0, another
is a locally Lipschitz function of z that is 0 there.
"""
from __future__ import annotations

from odenet.ir.node import Node
from odenet.operators.functions import FUNCTIONS
from odenet.recheck.scalars import ZERO_AT_ZERO

_PRODUCTS = ("mul", "scale")

def first_jump(root: Node) -> str:
    """The first function that jumps, or the empty text. Every place of the expression is looked at, from outside."""
    pending, met = [root], set()
    while pending:
        node = pending.pop()
        if node in met:
            continue
        met.add(node)
        parts = _parts(node)
        for part in parts:
            if _jumps(part) and not any(_is_zero_with(other, part.args[0]) for other in parts):
                return str(part.data[0])
            pending.extend(part.args)
    return ""


def _parts(node: Node) -> list[Node]:
    """The factors of a product, those of its factors included; a node that is no product is its own only part."""
    parts, open_products = [], [node]
    while open_products:
        one = open_products.pop()
        if one.op in _PRODUCTS:
            open_products.extend(one.args)
        else:
            parts.append(one)
    return parts


def _jumps(node: Node) -> bool:
    return node.op == "function" and FUNCTIONS[node.data[0]].smoothness == -1 and any(
        leaf.op in ("state", "variable") for leaf in node.walk())


def _is_zero_with(node: Node, z: Node) -> bool:
    while node.op == "power" and node.data[0].denominator == 1 and node.data[0] >= 1:
        node = node.args[0]
    if node == z or node.op != "function" or node.args[0] != z:
        return node == z
    return node.data[0] == "square" or (node.data[0] in ZERO_AT_ZERO and FUNCTIONS[node.data[0]].smoothness != -1)
