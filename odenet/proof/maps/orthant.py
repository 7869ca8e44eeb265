"""positive of flows: substeps that map the orthant to itself."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.forms import Form
from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.letters import Word, entries
from odenet.algebra.scalars import ONE, Scalar, rational
from odenet.algebra.setting import Setting
from odenet.ir.sizes import SCALAR
from odenet.proof.context import Context, Outcome, Rates
from odenet.proof.fields import integrals
from odenet.proof.finding import Proof
from odenet.proof.maps.formula import euler_move, formula
from odenet.proof.maps.substeps import Move, forward, solvable, solved
from odenet.proof.rules import by
from odenet.proof.spelling import shortened
from odenet.schemes.monotonicity import is_implicit_euler, ssp_coefficient


def positive(context: Context, move: Move, setting: Setting) -> Outcome:
    """One substep maps the orthant to itself."""
    ahead = forward(move, setting)
    is_resolvent = move.table is not None and is_implicit_euler(move.table)
    if ahead is not None and (move.is_exact or _is_resolvent(context, move, setting)):
        outcome = integrals.positive(context, ahead[0], setting)
        if isinstance(outcome, Proof):
            rule = "exact flow" if move.is_exact else "positive resolvent"
            return by(rule, f"the substep of `{move.field}` keeps the orthant", outcome, *solved(context, move, setting))
        if is_resolvent or (move.is_exact and not move.is_shear):
            return outcome
    if move.table is None and not (move.is_shear and move.is_exact and not move.is_timed):
        return "only exact flows and Runge-Kutta methods are shown to keep the orthant"
    if move.is_euler or (move.is_shear and move.is_exact and not move.is_timed):
        return _euler(context, euler_move(move, Fraction(1)), setting)
    limit = ssp_coefficient(move.table) if move.table is not None else Fraction(0)
    if not limit:
        return "the method is no convex combination of Euler steps"
    if is_resolvent:
        return ("implicit Euler keeps the orthant where its equation has one solution for every step up to h, which is not shown"
                if ahead is not None else "the step is not shown to go forward in time")
    if move.is_implicit:
        return "only exact flows, implicit Euler and explicit methods are shown to keep the orthant"
    outcome = _euler(context, euler_move(move, limit), setting)
    if isinstance(outcome, str):
        return outcome
    return by("convex combination of Euler steps", f"the Euler step of length h/{limit} keeps the orthant", outcome,
              coefficient=rational(limit))


def _is_resolvent(context: Context, move: Move, setting: Setting) -> bool:
    """Implicit Euler with one solution for every step up to h."""
    return move.table is not None and is_implicit_euler(move.table) and solvable(context, move, setting)


def _euler(context: Context, move: Move, setting: Setting) -> Outcome:
    """x + h f(x) >= 0 for x >= 0, block by block."""
    inside, after = setting.in_orthant(), formula(context, move)
    assert after is not None
    for block, _ in move.rates.rows:
        problem = _bad_block(context, after, move, block, inside)
        if problem:
            return problem
    return by("nonnegative step", f"x + h f(x) >= 0 for x >= 0, for part `{move.field}`")


def _bad_block(context: Context, after: Rates, move: Move, block: str, inside: Setting) -> str | None:
    if context.space(block) == SCALAR:
        value = context.rate(after, block).scalar()
        return None if is_nonnegative(value, inside) else f"{block} + h {block}' = {shortened(value.key)} is not shown to be >= 0"
    return _bad_entry(context.rate(move.rates, block).scaled(move.duration), block, inside)


def _bad_entry(change: Form, block: str, setting: Setting) -> str | None:
    """x_i (1 + sum of the factors of x_i) plus nonnegative terms."""
    total = ONE
    for word, scalar in change.terms:
        if integrals.is_nonnegative_vector(word, scalar, setting):
            continue
        low = _factor_low(word, scalar, block, setting)
        if low is None:
            return f"the term {word[0].key if word else ''} of the step is not shown to be >= 0"
        total = total + low
    if not is_nonnegative(total, setting):
        return f"1 + (factors of {block}) is bounded below by {total.key}, which is not shown to be >= 0"
    return None


def _factor_low(word: Word, scalar: Scalar, block: str, setting: Setting) -> Scalar | None:
    """A lower bound of what x_i is multiplied with in a word whose other terms are >= 0."""
    if len(word) != 2 or word[0].kind != "diag":
        return None
    # only x_i itself divides out: f(x_i) with f(0) = 0 may be steeper than x_i
    if not any(a.kind == "state" and a.data[0] == block and e >= 1 for a, e in entries(word[0])):
        return None
    rest = tuple((a, e - 1 if a.kind == "state" and a.data[0] == block else e) for a, e in entries(word[0]))
    box = setting.entries_interval(tuple((a, e) for a, e in rest if e))
    end = box.low if is_nonnegative(scalar, setting, 3) else box.high if is_nonnegative(-scalar, setting, 3) else None
    return None if end is None else scalar * rational(end)
