"""What `relax` needs beside an invariant to have its order: a definite quadratic, and a field that does not stop at a time.

Both are conditions of the verdict; here they are decided where the spec's own numbers break them.
"""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.scalars import TooLarge, Unsupported
from odenet.algebra.spectrum import spectrum
from odenet.ir.model import Flow
from odenet.ir.node import Node, depends_on, replaced
from odenet.ir.sizes import SCALAR
from odenet.plan.steps import Relax, RungeKutta
from odenet.proof.context import Context, Rates
from odenet.schemes.tables import is_symplectic


def is_not_definite(context: Context, rates: Rates, invariant: Node) -> bool:
    """Whether the Hessian over the moved blocks is seen not to be definite: then <d, Q d> vanishes for some d that is not 0,
    and `relax` may lose an order. False where it is definite, and where it depends on more than numbers."""
    blocks = [name for name, _ in rates.rows]
    hessian = [[context.differentiator(j).of(context.gradient(invariant, i)) for j in blocks] for i in blocks]
    try:
        if all(context.space(name) == SCALAR for name in blocks):
            entries = [[form.scalar().value() for form in row] for row in hessian]
            if all(e is not None for row in entries for e in row):
                return not _is_definite([[Fraction(e or 0) for e in row] for row in entries])
        found = [spectrum(hessian[i][i], context.setting()) for i in range(len(blocks))]
    except (TooLarge, Unsupported):
        return False
    ends = [(None if s.low is None else s.low.value(), None if s.high is None else s.high.value()) for s in found if s is not None]
    return any(high is not None and high <= 0 for _, high in ends) and any(low is not None and low >= 0 for low, _ in ends)


def _is_definite(matrix: list[list[Fraction]]) -> bool:
    """By elimination: all pivots positive, or all negative (Sylvester's law of inertia)."""
    signs = set()
    while matrix:
        pivot = matrix[0][0]
        if not pivot:
            return False
        signs.add(pivot > 0)
        matrix = [[e - row[0] * matrix[0][j + 1] / pivot for j, e in enumerate(row[1:])] for row in matrix[1:]]
    return len(signs) == 1


def keeps_quadratics(advance: Relax) -> bool:
    """Whether the method that is relaxed keeps the quadratic by itself: then s = 1 wherever it moves."""
    return isinstance(advance.inner, RungeKutta) and is_symplectic(advance.inner.table)


def stops(context: Context, rates: Rates, flow: Flow) -> bool:
    """Whether the field is seen to vanish everywhere at a time of the flow: at an end of its interval, or between the ends.

    Between them a factor of all rates that depends on t alone changes its sign. Where f = 0 at such a time and moves as (t - a)^k
    after it, the step d of the method is of size h^(k+1) and s - 1, a quotient by <d, Q d>, loses 2k powers of h: an error of size
    h^(p-k), or a step that stands still, of size h^(k+1).
    """
    nodes = [node for _, node in rates.rows]
    if any(all(context.form(_at(node, end)).is_zero() for node in nodes) for end in (flow.start, flow.end)):
        return True
    shared = set.intersection(*(set(_clock_factors(node)) for node in nodes))
    for factor in shared:
        first, last = (context.form(_at(factor, end)).scalar().value() for end in (flow.start, flow.end))
        if first is not None and last is not None and (first < 0 < last or last < 0 < first):
            return True  # by continuity
    return False


def _at(node: Node, moment: Node) -> Node:
    """The node where t is `moment`."""
    return replaced(node, lambda inner: moment if inner.op == "time" else None)


def _clock_factors(node: Node) -> list[Node]:
    """The factors of a product that depend on t and numbers alone."""
    if node.op in ("mul", "scale"):
        return [factor for argument in node.args for factor in _clock_factors(argument)]
    if node.op == "power" and node.data[0] > 0:  # zero where its base is, also where it does not change its sign: t^2
        return _clock_factors(node.args[0])
    is_free = not any(inner.op in ("state", "param", "variable") for inner in node.walk())
    return [node] if is_free and depends_on(node, "time") and node.space == SCALAR else []
