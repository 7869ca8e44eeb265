"""An explicit substep in closed form: what holds of a map can be read off its formula, as of any field."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from odenet.ir.differentiate.products import times
from odenet.ir.model import Table
from odenet.ir.node import Node, add, number, state
from odenet.plan.steps import RungeKutta
from odenet.proof.context import Context, Rates, substituted
from odenet.proof.maps.substeps import Move
from odenet.schemes.numbers import as_node, exact

MOST_STAGES = 2


def formula(context: Context, move: Move) -> Rates | None:
    """The state after one explicit substep as nodes of the state before, for every block that the field reads or moves.

    Euler's method and, where nothing depends on time within a step, methods of few stages. Of one stage t and the parameters are
    those at its node; what is shown for all times and all values in their sets holds there.
    """
    if not isinstance(move.advance, RungeKutta) or not move.advance.is_explicit:
        return None
    size = len(move.advance.table.weights)
    if size > MOST_STAGES or (size > 1 and move.is_timed):
        return None
    slopes: list[dict[str, Node]] = []
    for row in move.advance.table.matrix:
        reached = _moved(context, move, row, slopes)
        slopes.append({name: substituted(node, reached) for name, node in move.rates.rows})
    after = _moved(context, move, move.advance.table.weights, slopes)
    return Rates(tuple((b.name, after[b.name]) for b in context.blocks_of(move.rates)))


def _moved(context: Context, move: Move, factors: tuple[Node, ...], slopes: list[dict[str, Node]]) -> dict[str, Node]:
    """x + h sum of factor times slope, block by block."""
    after = {}
    for block in context.blocks_of(move.rates):
        terms = [state(block.name, block.space)]
        for factor, slope in zip(factors, slopes, strict=False):
            if block.name in slope and exact(factor) != 0:
                terms.append(times(times(as_node(exact(factor)), move.length), slope[block.name]))
        after[block.name] = terms[0] if len(terms) == 1 else add(*terms)
    return after


def euler_move(move: Move, parts: Fraction) -> Move:
    """The Euler step of length h / parts."""
    table = Table((number(0),), ((number(0),),), (number(1),))
    return replace(move, advance=RungeKutta(move.rates.rows, table, True), duration=move.duration.times(1 / parts),
                   length=times(number(1 / parts), move.length), coefficient=move.coefficient / parts)
