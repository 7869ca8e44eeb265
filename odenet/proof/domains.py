"""Guards: a field must be defined and continuous where a claim speaks of it."""
from __future__ import annotations

import re

from odenet.algebra.forms import Form
from odenet.algebra.inequalities import is_positive
from odenet.algebra.setting import Setting
from odenet.algebra.vectors import entry
from odenet.ir.node import Node, depends_on
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS
from odenet.proof.context import Context


def obstacle(context: Context, nodes: tuple[Node, ...], setting: Setting) -> str | None:
    """Why Jacobians would not tell the whole truth about these expressions, or None when they do."""
    for root in nodes:
        for node in root.walk():
            if not depends_on(node, "state") and not depends_on(node, "variable"):
                continue
            reason = _obstacle(context, node, setting)
            if reason:
                return reason
    return None


def _obstacle(context: Context, node: Node, setting: Setting) -> str | None:
    if node.op == "function":
        row = FUNCTIONS[node.data[0]]
        if row.smoothness == -1:
            return f"`{node.data[0]}` is not continuous"
        if row.domain == "positive" and not _is_positive(context, node.args[0], setting):
            return f"the argument of `{node.data[0]}` is not shown to be positive; say where the claim holds with `on`"
        if row.domain not in ("all", "positive", "nonnegative"):
            return f"`{node.data[0]}` is not defined everywhere"
        if row.domain == "nonnegative":
            return _root_obstacle(context, node.args[0], setting)
    if node.op == "power":
        exponent = node.data[0]
        if exponent < 0 and not _is_positive(context, node.args[0], setting):
            return "a divisor is not shown to be positive; say where the claim holds with `on`"
        if exponent > 0 and exponent.denominator != 1:
            return _root_obstacle(context, node.args[0], setting)
    return None


def kink(nodes: tuple[Node, ...]) -> str | None:
    """Why first derivatives may not be continuous."""
    for root in nodes:
        for node in root.walk():
            if node.op in ("norm", "largest", "smallest"):
                return f"`{node.op}` has kinks, which its second derivative does not see"
            if node.op == "function":
                smoothness = FUNCTIONS[node.data[0]].smoothness
                if smoothness is not None and smoothness < 1:
                    return f"`{node.data[0]}` has kinks, which its second derivative does not see"
    return None


def jump(root: Node, gradients: list[Form]) -> str | None:
    """Why second derivatives almost everywhere would not tell the whole truth: the first are not continuous."""
    for node in root.walk():
        if node.op in ("norm", "largest", "smallest"):
            return f"`{node.op}` has kinks, which its second derivative does not see"
    for gradient in gradients:  # relu has a jump in its slope, relu^2 has none
        found = JUMPS.search(gradient.key)
        if found:
            return f"the gradient jumps, by `{found[1]}`; second derivatives do not see it"
    return None


JUMPS = re.compile(rf"\b({'|'.join(sorted(name for name, row in FUNCTIONS.items() if row.smoothness == -1))})\(")


def _root_obstacle(context: Context, base: Node, setting: Setting) -> str | None:
    if _is_positive(context, base, setting):
        return None
    return "the base of a root is not shown to be positive; say where the claim holds with `on`"


def under_powers(node: Node) -> Node:
    """What is positive exactly where a power (or root) of it is: z for z^e."""
    while node.op == "power" or (node.op == "function" and node.data[0] == "sqrt"):
        node = node.args[0]
    return node


def _is_positive(context: Context, node: Node, setting: Setting) -> bool:
    form = context.form(under_powers(node))
    return form.start == SCALAR and bool(is_positive(entry(form), setting))
