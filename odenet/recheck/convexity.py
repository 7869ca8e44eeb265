"""Convexity by composition: sums, convex functions of affine maps, increasing convex functions of convex ones, norms, maxima."""
from __future__ import annotations

from odenet.ir.node import Node, depends_on, transpose
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS
from odenet.recheck.case import Case, Goal, Step

AFFINE, CONVEX, CONCAVE, UNKNOWN = "affine", "convex", "concave", "unknown"
_TURNED = {AFFINE: AFFINE, CONVEX: CONCAVE, CONCAVE: CONVEX, UNKNOWN: UNKNOWN}
_LINEAR = frozenset(("add", "sum", "mean", "index", "slice", "concat", "stack", "spread", "channels", "cumsum"))


def convex_composition(case: Case, goal: Goal, step: Step) -> None:
    case.demand(goal.kind == "def" and goal.property == "convex", "the rule is about convex defs")
    demand_convex(case, goal, case.model.definition(goal.subject).body)


def demand_convex(case: Case, goal: Goal, body: Node) -> None:
    """A scalar node is convex in its arguments by its parts."""
    known: dict[Node, str] = {}
    for node in body.walk():
        known[node] = _kind(case, goal, node, [known[a] for a in node.args])
    case.demand(known[body] in (AFFINE, CONVEX), "convexity does not follow from the parts")


def _moves(node: Node) -> bool:
    return depends_on(node, "variable") or depends_on(node, "state")


def _kind(case: Case, goal: Goal, node: Node, a: list[str]) -> str:
    if not _moves(node) or node.op in ("state", "variable"):
        return AFFINE
    if node.op in _LINEAR:
        kinds = set(a) - {AFFINE}
        if node.op == "cumsum" and kinds:
            return UNKNOWN
        return AFFINE if not kinds else kinds.pop() if len(kinds) == 1 else UNKNOWN
    is_affine = all(kind == AFFINE for kind in a)
    if node.op in ("scale", "mul"):
        return _times(case, goal, node, a)
    if node.op == "apply":
        return AFFINE if is_affine and not _moves(node.args[0]) else UNKNOWN
    if node.op == "dot":
        same = CONVEX if node.args[0] == node.args[1] or _is_quadratic(case, *node.args) else UNKNOWN
        return UNKNOWN if not is_affine else AFFINE if not all(map(_moves, node.args)) else same
    if node.op == "norm" or (node.op == "power" and node.data[0] > 0 and node.data[0] % 2 == 0):
        return CONVEX if is_affine or (node.op == "power" and _is_risen(node, a[0])) else UNKNOWN
    if node.op == "power":
        return CONVEX if _is_risen(node, a[0]) else UNKNOWN
    if node.op in ("largest", "smallest"):
        wanted = CONVEX if node.op == "largest" else CONCAVE
        return wanted if all(kind in (AFFINE, wanted) for kind in a) else UNKNOWN
    return _function(node, a[0]) if node.op == "function" else UNKNOWN


def _is_quadratic(case: Case, u: Node, v: Node) -> bool:
    """dot(u, P @ u) with P positive semidefinite: by its set, or A.T @ A."""
    for one, other in ((u, v), (v, u)):
        if other.op == "apply" and other.args[1] == one and not _moves(other.args[0]):
            p = other.args[0]
            if p.op == "param" and {s.name for s in case.model.parameter(p.data[0]).sets} & {"psd", "laplacian"}:
                return True
            if p.op == "compose" and p.args[0] == transpose(p.args[1]):
                return True
    return False


def _times(case: Case, goal: Goal, node: Node, a: list[str]) -> str:
    """A constant of known sign times something of known curvature."""
    for constant, other in ((0, 1), (1, 0)):
        if _moves(node.args[constant]):
            continue
        if a[other] in (AFFINE, UNKNOWN):
            return a[other]
        form, signs = case.reader.form(node.args[constant]), case.signs(goal)
        if form.start == form.end == SCALAR:
            return a[other] if signs.holds(form.scalar()) else _TURNED[a[other]] if signs.holds(-form.scalar()) else UNKNOWN
    return UNKNOWN


def _is_risen(node: Node, inner: str) -> bool:
    """z^p, p >= 1, of a convex z >= 0: a norm, or a function with such values."""
    z = node.args[0]
    exponent = node.data[0] if node.op == "power" else 2
    low = FUNCTIONS[z.data[0]].values(*z.data[1:]).low if z.op == "function" else 0 if z.op == "norm" else None
    return bool(inner == CONVEX and exponent >= 1 and low is not None and low >= 0)


def _function(node: Node, inner: str) -> str:
    if node.data[0] == "square" and _is_risen(node, inner):
        return CONVEX
    row, parameters = FUNCTIONS[node.data[0]], node.data[1:]
    if not row.convex(*parameters) or row.domain != "all":
        return UNKNOWN
    return CONVEX if inner == AFFINE or (inner == CONVEX and row.increasing(*parameters)) else UNKNOWN
