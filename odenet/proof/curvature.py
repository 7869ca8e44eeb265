"""Convexity by composition, entry by entry; needs no derivatives, so kinks do no harm."""
from __future__ import annotations

from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.setting import Setting
from odenet.ir.node import Node, depends_on, transpose
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS
from odenet.proof.context import Context

AFFINE, CONVEX, CONCAVE, UNKNOWN = "affine", "convex", "concave", "unknown"
_FLIPPED = {AFFINE: AFFINE, CONVEX: CONCAVE, CONCAVE: CONVEX, UNKNOWN: UNKNOWN}
_LINEAR = frozenset({"sum", "mean", "index", "slice", "concat", "stack", "spread", "channels"})


def is_convex(context: Context, root: Node, setting: Setting) -> bool:
    """Whether a scalar node is shown to be convex in its arguments."""
    known: dict[Node, str] = {}
    for node in root.walk():
        known[node] = _curvature(context, node, [known[a] for a in node.args], setting)
    return known[root] in (AFFINE, CONVEX)


def _curvature(context: Context, node: Node, a: list[str], setting: Setting) -> str:
    if not depends_on(node, "variable") and not depends_on(node, "state"):
        return AFFINE
    if node.op in ("state", "variable"):
        return AFFINE
    if node.op == "add" or node.op in _LINEAR:
        return _join(a)
    if node.op in ("scale", "mul"):
        return _product(context, node, a, setting)
    if node.op in ("apply", "cumsum"):
        return AFFINE if a[-1] == AFFINE and (node.op == "cumsum" or _is_constant(node.args[0])) else UNKNOWN
    if node.op == "function":
        return _function(node, a[0])
    if node.op in ("norm", "largest", "smallest"):
        return _extreme(node.op, a)
    if node.op == "dot":
        return _dot(context, node, a)
    if node.op == "power" and node.data[0].denominator == 1 and node.data[0] % 2 == 0 and node.data[0] > 0 and a[0] == AFFINE:
        return CONVEX
    if node.op == "power" and node.data[0] >= 1 and a[0] == CONVEX and _is_never_negative(node.args[0]):
        return CONVEX  # z^p rises and is convex for z >= 0
    return UNKNOWN


def _is_never_negative(node: Node) -> bool:
    """A norm, or a function whose values are >= 0."""
    if node.op != "function":
        return node.op == "norm"
    low = FUNCTIONS[node.data[0]].values(*node.data[1:]).low
    return low is not None and low >= 0


def _is_constant(node: Node) -> bool:
    return not depends_on(node, "variable") and not depends_on(node, "state")


def _join(a: list[str]) -> str:
    kinds = set(a) - {AFFINE}
    return AFFINE if not kinds else kinds.pop() if len(kinds) == 1 else UNKNOWN


def _product(context: Context, node: Node, a: list[str], setting: Setting) -> str:
    """A constant of known sign times something of known curvature."""
    for factor, other in ((0, 1), (1, 0)):
        if not _is_constant(node.args[factor]):
            continue
        if a[other] in (AFFINE, UNKNOWN):
            return a[other]
        form = context.form(node.args[factor])
        if form.end != SCALAR or form.start != SCALAR:
            return UNKNOWN
        if is_nonnegative(form.scalar(), setting):
            return a[other]
        return _FLIPPED[a[other]] if is_nonnegative(-form.scalar(), setting) else UNKNOWN
    return UNKNOWN


def _function(node: Node, inner: str) -> str:
    row, parameters = FUNCTIONS[node.data[0]], node.data[1:]
    if node.data[0] == "square" and inner == CONVEX and _is_never_negative(node.args[0]):
        return CONVEX
    if not row.convex(*parameters) or row.domain != "all":
        return UNKNOWN
    # convex o affine; convex increasing o convex
    return CONVEX if inner == AFFINE or (inner == CONVEX and row.increasing(*parameters)) else UNKNOWN


def _extreme(op: str, a: list[str]) -> str:
    if op == "norm":
        return CONVEX if a[0] == AFFINE else UNKNOWN
    wanted = CONVEX if op == "largest" else CONCAVE
    return wanted if all(kind in (AFFINE, wanted) for kind in a) else UNKNOWN


def _is_psd(context: Context, matrix: Node) -> bool:
    """Whether it is a parameter that is positive semidefinite, or A.T @ A."""
    if matrix.op == "param":
        return bool({s.name for s in context.model.parameter(matrix.data[0]).sets} & {"psd", "laplacian"})
    return matrix.op == "compose" and _is_constant(matrix) and matrix.args[0] == transpose(matrix.args[1])


def _dot(context: Context, node: Node, a: list[str]) -> str:
    if node.args[0] == node.args[1]:
        return CONVEX if a[0] == AFFINE else UNKNOWN
    for one, other in (node.args, node.args[::-1]):  # dot(u, P @ u) with P >= 0
        if other.op == "apply" and other.args[1] == one and _is_psd(context, other.args[0]):
            return CONVEX if a[0] == AFFINE and a[1] == AFFINE else UNKNOWN
    constant = [_is_constant(x) for x in node.args]
    return AFFINE if any(constant) and all(kind == AFFINE for kind in a) else UNKNOWN
