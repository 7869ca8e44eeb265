"""Exact flows in closed form: shears, entrywise affine parts, linear parts."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from odenet.ir.differentiate import products
from odenet.ir.model import Field, Model
from odenet.ir.node import Node, add, depends_on, function, is_number, number, parameters, state, states
from odenet.ir.show import node_text
from odenet.ir.sizes import SCALAR, Space
from odenet.plan.affine import Affine, Entrywise, affine, entrywise
from odenet.plan.integrals import duration, exponential_step, over_time
from odenet.plan.signs import sign
from odenet.plan.steps import Closed, Linear


@dataclass(frozen=True)
class NoExactFlow:
    """Why no exact flow was found, in words that follow the name of the part."""

    reason: str


def exact_flow(model: Model, field: Field, moves_clock: bool) -> Closed | Linear | NoExactFlow:
    """The exact flow of a field, its parameters as they are in the step.

    `moves_clock`: the field is the part named first, so t runs inside it; elsewhere t is a constant.
    """
    moved = frozenset(field.moves)
    varying = moves_clock and model.is_timed(field.rows)
    if varying and any(model.parameter(name).moves_within_steps for _, rate in field.rows for name in parameters(rate)):
        return NoExactFlow("uses a parameter that changes within a step, while its clock runs")
    closed = _shear(model, field, moved, varying) or _diagonal(model, field, moved, varying)
    if closed is not None:
        return closed
    linear = None if model.is_timed(field.rows) else _linear(field, moved)
    return linear or NoExactFlow(_why(model, field, moved, varying))


def _why(model: Model, field: Field, moved: frozenset[str], varying: bool) -> str:
    if not any(states(rate) & moved for _, rate in field.rows):
        return "depends on t in a way that is not integrated in closed form, while its clock runs"
    inner = sorted({name for _, rate in field.rows for name in states(rate)} & moved)
    curved = [name for name in inner if any(affine(rate, frozenset((name,))) is None for _, rate in field.rows)]
    if curved:
        return f"moves `{curved[0]}`, which is not seen to enter its rates linearly"
    found = [affine(rate, moved) for _, rate in field.rows]
    if any(row is None for row in found):
        return f"moves {_listed(inner)}, which are not seen to enter its rates linearly together"
    if varying:
        return f"moves `{inner[0]}` and depends on t, while its clock runs"
    unsigned = _factor_of_no_sign(model, field, moved)
    if unsigned is not None:
        return f"moves `{unsigned[0]}` at a rate with the factor `{node_text(unsigned[1])}`, which is not known to keep one sign"
    standing = sorted({name for row in found if row is not None for node in (row.rest, *row.coefficients.values())
                       for name in states(node)})
    if standing:
        return (f"moves {_listed(inner)} linearly, but with the state {_listed(standing)} beside, and a matrix exponential is "
                "written for numbers and parameters alone")
    return f"moves {_listed(inner)}, whose linear rates are not all scalars or all vectors"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _factor_of_no_sign(model: Model, field: Field, moved: frozenset[str]) -> tuple[str, Node] | None:
    """A block x with x' = d x + e entry by entry, where d might be 0: (exp(d h) - 1) / d is not written then."""
    for name, rate in field.rows:
        found = entrywise(rate, _block(rate, name), moved)
        if found is None:
            return None
        is_pure = found.rest.op == "zeros" or is_number(found.rest, 0)
        if not is_pure and sign(found.factor, model) == 0 and not is_number(found.factor, 0) and found.factor.op != "zeros":
            return name, found.factor
    return None


# --- shears --------------------------------------------------------------------------------------------------------


def _shear(model: Model, field: Field, moved: frozenset[str], varying: bool) -> Closed | None:
    """Rates free of the moved blocks stay as they are along the flow, but for t."""
    if any(states(rate) & moved for _, rate in field.rows):
        return None
    rows: list[tuple[str, Node]] = []
    for name, rate in field.rows:
        move = over_time(rate, model) if varying else products.times(duration(), rate)
        if move is None:
            return None
        rows.append((name, add(_block(rate, name), move)))
    return Closed(tuple(rows), "shear")


def _block(rate: Node, name: str) -> Node:
    assert isinstance(rate.space, Space)
    return state(name, rate.space)


# --- entry by entry ------------------------------------------------------------------------------------------------


def _diagonal(model: Model, field: Field, moved: frozenset[str], varying: bool) -> Closed | None:
    """x' = d x + e entry by entry, d and e free of the moved blocks: x exp(d h) + e (exp(d h) - 1) / d."""
    rows: list[tuple[str, Node]] = []
    for name, rate in field.rows:
        found = entrywise(rate, _block(rate, name), moved)
        new = None if found is None else _grown(model, _block(rate, name), found, varying)
        if new is None:
            return None
        rows.append((name, new))
    return Closed(tuple(rows), "scalar" if all(rate.space == SCALAR for _, rate in field.rows) else "diagonal")


def _grown(model: Model, block: Node, found: Entrywise, varying: bool) -> Node | None:
    is_pure = found.rest.op == "zeros" or is_number(found.rest, 0)
    timed = varying and (depends_on(found.factor, "time") or depends_on(found.rest, "time"))
    if is_number(found.factor, 0) or found.factor.op == "zeros":
        move = over_time(found.rest, model) if timed else products.times(duration(), found.rest)
        return None if move is None else add(block, move)
    exponent = over_time(found.factor, model) if timed else products.times(duration(), found.factor)
    if exponent is None:
        return None
    grown = products.times(function("exp", exponent), block)
    if is_pure:
        return grown
    if timed or sign(found.factor, model) == 0:
        return None
    step = exponential_step(products.times(number(Fraction(1, 2)), exponent), found.factor)
    return add(grown, products.times(step, found.rest))


# --- linear --------------------------------------------------------------------------------------------------------


def _linear(field: Field, moved: frozenset[str]) -> Linear | None:
    """x' = M x + b, M and b free of all states, over blocks that are all scalars or all vectors."""
    ranks = {rate.space.rank for _, rate in field.rows if isinstance(rate.space, Space)}
    found = [affine(rate, moved) for _, rate in field.rows]
    rows = [row for row in found if row is not None and not _uses_states(row)]
    if len(ranks) != 1 or len(rows) < len(found):
        return None
    matrix = tuple(tuple(_unless_zero(row.coefficients.get(block)) for block in field.moves) for row in rows)
    return Linear(field.moves, matrix, tuple(_unless_zero(row.rest) for row in rows))


def _unless_zero(node: Node | None) -> Node | None:
    return None if node is None or node.op == "zeros" or is_number(node, 0) else node


def _uses_states(row: Affine) -> bool:
    return bool(states(row.rest)) or any(states(c) for c in row.coefficients.values())
