"""Guards: a field must be defined and continuous where a claim speaks of it."""
from __future__ import annotations

import re
from collections.abc import Callable

from odenet.algebra.forms import Form
from odenet.algebra.inequalities import is_positive
from odenet.algebra.setting import Setting
from odenet.algebra.vectors import entry
from odenet.ir.node import Node, depends_on
from odenet.ir.sizes import SCALAR, Space
from odenet.operators.functions import FUNCTIONS
from odenet.proof import continuity
from odenet.proof.context import Context


def obstacle(context: Context, nodes: tuple[Node, ...], setting: Setting, where: str = "") -> str | None:
    """Why Jacobians would not tell the whole truth about these expressions, or None when they do.

    `where` is said after what is not shown to be positive.
    """
    for root in nodes:
        name = continuity.jump_of(root)
        if name:
            return f"`{name}` is not continuous"
        for node in root.walk():
            if not depends_on(node, "state") and not depends_on(node, "variable"):
                continue
            reason = _obstacle(context, node, setting, where)
            if reason:
                return reason
    return None


def _obstacle(context: Context, node: Node, setting: Setting, where: str) -> str | None:
    if node.op == "function":
        row = FUNCTIONS[node.data[0]]
        if row.domain == "positive" and not is_positive_node(context, node.args[0], setting):
            return f"the argument of `{node.data[0]}` is not shown to be positive{where}"
        if row.domain not in ("all", "positive", "nonnegative"):
            return f"`{node.data[0]}` is not defined everywhere"
        if row.domain == "nonnegative":
            return _root_obstacle(context, node.args[0], setting, where)
    if node.op == "power":
        exponent = node.data[0]
        if exponent < 0 and not is_positive_node(context, node.args[0], setting):
            return f"a divisor is not shown to be positive{where}"
        if exponent > 0 and exponent.denominator != 1:
            return _root_obstacle(context, node.args[0], setting, where)
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


def _root_obstacle(context: Context, base: Node, setting: Setting, where: str) -> str | None:
    if is_positive_node(context, base, setting):
        return None
    return f"the base of a root is not shown to be positive{where}"


def under_powers(node: Node) -> Node:
    """What is positive exactly where a power (or root) of it is: z for z^e."""
    while node.op == "power" or (node.op == "function" and node.data[0] == "sqrt"):
        node = node.args[0]
    return node


def is_positive_node(context: Context, node: Node, setting: Setting) -> bool:
    """Whether a scalar, or every entry of a vector, is shown to be > 0."""
    base = under_powers(node)
    form = context.form(base)
    return form.start == SCALAR and (bool(is_positive(entry(form), setting)) or sign(context, base) == POSITIVE)


UNKNOWN, NONNEGATIVE, POSITIVE = 0, 1, 2


def sign(context: Context, root: Node) -> int:
    """The sign of all entries that an expression has as it is written: 1 + dot(u, u) > 0 whatever u is."""
    known: dict[Node, int] = {}
    for node in root.walk():
        known[node] = _sign(context, node, [known[a] for a in node.args])
    return known[root]


# sums, and the largest of the entries of one argument or of several
_OF_SIGNS: dict[str, Callable[[list[int]], int]] = {"sum": min, "mean": min, "spread": min, "largest": max, "smallest": min}


def _sign_of_parameter(context: Context, node: Node) -> int:
    if not isinstance(node.space, Space) or node.space.rank == 2:  # a diagonal matrix has zeros
        return UNKNOWN
    sets = context.model.parameter(node.data[0]).sets
    names, ends = {s.name for s in sets}, [s.arguments[0].data[0] for s in sets
                                           if s.name == "interval" and s.arguments[0].op == "number"]
    if "positive" in names or any(end > 0 for end in ends):
        return POSITIVE
    return NONNEGATIVE if "nonnegative" in names or any(end >= 0 for end in ends) else UNKNOWN


def _sign(context: Context, node: Node, a: list[int]) -> int:
    if node.op == "number":
        return POSITIVE if node.data[0] > 0 else NONNEGATIVE if node.data[0] == 0 else UNKNOWN
    if node.op == "param":
        return _sign_of_parameter(context, node)
    if node.op in ("dim", "ones"):
        return POSITIVE
    if node.op == "add":
        return UNKNOWN if min(a) == UNKNOWN else max(a)
    if node.op in ("mul", "scale"):
        return NONNEGATIVE if node.args[0] == node.args[1] and min(a) == UNKNOWN else min(a)
    if node.op in _OF_SIGNS:
        return _OF_SIGNS[node.op](a)
    if node.op == "dot":
        return NONNEGATIVE if node.args[0] == node.args[1] else min(a)
    if node.op == "function":
        values = FUNCTIONS[node.data[0]].values(*node.data[1:])
        if values.low is None or values.low < 0:
            return UNKNOWN
        return POSITIVE if values.low > 0 or not values.low_reached else NONNEGATIVE
    if node.op == "power":
        is_even = node.data[0].denominator == 1 and node.data[0] > 0 and node.data[0] % 2 == 0
        return max(a[0], NONNEGATIVE) if is_even else a[0]
    return NONNEGATIVE if node.op == "norm" else UNKNOWN
