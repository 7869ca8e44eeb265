"""Parts whose solutions are straight lines: f(x + s f(x)) = f(x) for all s, as where the argument of a ridge is conserved.

Then every stage of an explicit Runge-Kutta method finds the same rates, and a consistent one makes the exact flow x + h f(x), which
x - h f(x) undoes. Source: Tapley, arXiv 2408.09821 (ridge Hamiltonians).
"""
from __future__ import annotations

from odenet.algebra.scalars import TooLarge, Unsupported
from odenet.ir.node import add, scale, state, variable
from odenet.ir.sizes import SCALAR
from odenet.proof.context import Context, substituted
from odenet.proof.maps.substeps import Move, is_consistent


def is_straight(context: Context, move: Move) -> bool:
    """Whether a substep is x -> x + h f(x) along such a line, by an explicit method."""
    if move.table is None or move.is_implicit or move.is_timed or not is_consistent(move.table):
        return False
    along = variable("s", SCALAR)
    there = {name: add(state(name, context.model.block(name).space), scale(along, node)) for name, node in move.rates.rows}
    try:
        return all((context.form(substituted(node, there)) - context.form(node)).is_zero() for _, node in move.rates.rows)
    except (TooLarge, Unsupported):
        return False
