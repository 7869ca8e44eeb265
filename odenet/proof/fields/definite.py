"""Whether the quadratic that `relax` keeps is definite on the blocks that move, where its numbers are known."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.scalars import TooLarge, Unsupported
from odenet.algebra.spectrum import spectrum
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR
from odenet.proof.context import Context, Rates


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
