"""Lipschitz constants of one substep, in the norms 1, 2 and inf."""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from odenet.algebra.inequalities import at_most, is_nonnegative
from odenet.algebra.scalars import ONE, ZERO, Scalar, TooLarge, exponential, power, rational
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import absolute, largest
from odenet.ir.model import Table
from odenet.plan.steps import Closed, Linear, RungeKutta
from odenet.proof.context import Context, Rates
from odenet.proof.fields import metric
from odenet.proof.fields.metric import contractive, jacobian_norm, symmetric_spectrum
from odenet.proof.fields.structure import gradient
from odenet.proof.finding import Proof
from odenet.proof.maps.cocoercive import cocoercivity
from odenet.proof.maps.diagonals import split, split_norm
from odenet.proof.maps.formula import euler_move, formula
from odenet.proof.maps.substeps import Move, forward, is_affine, settled, solved
from odenet.proof.rules import by
from odenet.schemes.contractivity import inverse_radius
from odenet.schemes.monotonicity import is_implicit_euler, ssp_coefficient
from odenet.schemes.reversal import is_left_stable

Bound = tuple[Scalar, Proof]


def substep_constants(context: Context, move: Move, setting: Setting, order: str = "2") -> list[Bound] | str:
    """Lipschitz constants of one substep on all blocks of the flow, the sharpest first; or what is missing."""
    problem, found = "", []
    for rule in _RULES:
        try:
            option = rule(context, move, setting, order)
        except TooLarge:
            continue
        if isinstance(option, str):
            problem = option or problem
            continue
        found.append(option if move.is_whole else (largest(ONE, option[0]), option[1]))  # the identity on blocks left alone
        if rule in _SHARP:
            return found
    return found or problem


def _exact(context: Context, move: Move, setting: Setting, order: str) -> Bound | str:
    """exp(h mu) for mu at least the logarithmic norm of Df."""
    ahead = forward(move, setting)
    if not move.is_exact or ahead is None:
        return ""
    rates, h = ahead
    outcome = contractive(context, rates, ZERO, setting, order)
    measure = logarithmic_norm(context, rates, setting, order)
    if isinstance(outcome, Proof) and (measure is None or not is_nonnegative(-measure, setting)):
        return ONE, by("exact flow of a contraction", f"the substep of `{move.field}` is nonexpansive", outcome, measure=ZERO)
    if measure is not None and (move.is_timed or "state " in measure.key):
        measure = settled(measure, setting)
    if measure is None:
        return f"the logarithmic norm of Df has no known bound: {outcome}" if isinstance(outcome, str) else ""
    value = exponential(h * measure)
    premise = contractive(context, rates, -measure, setting, order)
    if isinstance(premise, str):
        return premise
    return value, by("exact flow of a contraction", f"the substep of `{move.field}` has the constant exp(h mu) = {value.key}",
                     premise, measure=measure)


def logarithmic_norm(context: Context, rates: Rates, setting: Setting, order: str) -> Scalar | None:
    """A bound of the logarithmic norm of Df on all blocks of the model: at least 0 where a block does not move."""
    if order == "2":
        found = symmetric_spectrum(context, rates, setting)
        high = None if isinstance(found, str) else found.high
    else:
        high = _measure(context, rates, setting, order)
    is_idle = any(b not in context.blocks_of(rates) for b in context.model.blocks)
    return high if high is None or not is_idle else largest(ZERO, high)


def _measure(context: Context, rates: Rates, setting: Setting, order: str) -> Scalar | None:
    names, totals = [b.name for b in context.blocks_of(rates)], []
    for i in names:
        total = ZERO
        for j in names:
            piece = context.jacobian(rates, i, j) if order == "inf" else context.jacobian(rates, j, i)
            ends = split(piece, setting, order)
            if ends is None:
                return None
            total = total + (ends[1] + ends[2] if i == j else largest(ends[1], -ends[0]) + ends[2])
        totals.append(total)
    return largest(*totals)


def _spectrum_of_gradient(context: Context, move: Move, setting: Setting) -> tuple[Scalar, Scalar, Proof] | str:
    symmetry = gradient(context, move.rates, ())
    if isinstance(symmetry, str):
        return symmetry
    found = symmetric_spectrum(context, move.rates, setting)
    if isinstance(found, str) or found.low is None or found.high is None:
        return found if isinstance(found, str) else "the spectrum of Df has no known bound"
    return found.low, found.high, symmetry


def _symmetric_step(context: Context, move: Move, setting: Setting, order: str) -> Bound | str:
    """x + h f(x) with a symmetric Jacobian."""
    if not move.is_euler or order != "2":
        return ""
    found = _spectrum_of_gradient(context, move, setting)
    if isinstance(found, str):
        return found
    low, high, symmetry = found
    h = move.duration
    value = largest(absolute(ONE + h * low, setting), absolute(ONE + h * high, setting))
    return value, by("symmetric step", f"h Df has its spectrum in [{(h * low).key}, {(h * high).key}], so the substep of "
                     f"`{move.field}` has the constant {value.key}", symmetry)


def _resolvent(context: Context, move: Move, setting: Setting, order: str) -> Bound | str:
    """y = x + h f(y): |y - z| <= |x - w| / (1 - h mu)."""
    ahead = forward(move, setting)
    if ahead is None or move.table is None or not is_implicit_euler(move.table):
        return ""
    rates, h = ahead
    measure = logarithmic_norm(context, rates, setting, order)
    if measure is not None and (move.is_timed or "state " in measure.key):
        measure = settled(measure, setting)
    if measure is None or not is_nonnegative(-measure, setting):
        measure = ZERO  # where no end is known as a number the sign may be
    premise = contractive(context, rates, -measure, setting, order)
    if isinstance(premise, str):
        return premise
    value = power(ONE - h * measure, Fraction(-1), lambda _: False)
    return value, by("resolvent", f"the substep of `{move.field}` has the constant 1/(1 - h mu) = {value.key}", premise,
                     *solved(context, move, setting), measure=measure)


def _circle(context: Context, move: Move, setting: Setting, order: str) -> Bound | str:
    """Runge-Kutta methods on fields with <Df d, d> <= -|Df d|^2 / L: nonexpansive when rho h L <= 2."""
    if order != "2" or move.table is None or move.is_exact:
        return ""
    rho, ahead = inverse_radius(move.table), forward(move, setting)
    if rho is None or ahead is None:
        return "the method is not contractive in any circle"
    rates, h = ahead
    if rho <= 0:
        outcome = contractive(context, rates, ZERO, setting)
        if isinstance(outcome, str):
            return outcome
        return ONE, by("b-stability", f"the substep of `{move.field}` is nonexpansive", outcome,
                       *solved(context, move, setting))
    found = cocoercivity(context, rates, setting)
    if isinstance(found, str):
        return found
    size, premise = found
    if not at_most((h * size).times(rho), rational(2), setting):
        return f"h L = {(h * size).key} is not shown to be at most 2 r = {2 / rho}"
    return ONE, by("circle contractivity", f"h L = {(h * size).key} <= 2 r = {2 / rho}", premise,
                   *solved(context, move, setting), size=size, rho=rational(rho))


def _linear(context: Context, move: Move, setting: Setting, order: str) -> Bound | str:
    """|R(h A)| <= 1 for <A d, d> <= 0 and |R(z)| <= 1 in the left half-plane."""
    ahead = forward(move, setting)
    if order != "2" or move.table is None or ahead is None or move.is_timed or not is_left_stable(move.table):
        return ""
    if not is_affine(context, move):
        return ""
    outcome = contractive(context, ahead[0], ZERO, setting)
    if isinstance(outcome, str):
        return outcome
    return ONE, by("von Neumann", f"`{move.field}` is linear and nonexpansive, and |R(z)| <= 1 where Re z <= 0", outcome,
                   *solved(context, move, setting))


def _euler_steps(context: Context, move: Move, setting: Setting, order: str) -> Bound | str:
    """A convex combination of Euler steps of length h/r that are nonexpansive."""
    if move.table is None or move.is_euler or move.is_exact or move.is_implicit:
        return ""
    limit = ssp_coefficient(move.table)
    if not limit:
        return ""
    found = substep_constants(context, euler_move(move, limit), setting, order)
    one = "" if isinstance(found, str) else next((proof for value, proof in found if at_most(value, ONE, setting)), None)
    if not isinstance(one, Proof):
        return found if isinstance(found, str) else "the Euler step of the method is not shown to be nonexpansive"
    return ONE, by("convex combination of Euler steps", f"the Euler step of length h/{limit} is nonexpansive", one,
                   coefficient=rational(limit))


def _closed_form(context: Context, move: Move, setting: Setting, order: str) -> Bound | str:
    """The norm of I + h Df, block by block, or of the Jacobian of what the method makes of it."""
    after = formula(context, move)
    if after is None:
        return ""
    if order == "2":
        outcome = metric.lipschitz(context, after, ONE, setting)
        if isinstance(outcome, Proof):
            return ONE, by("step in closed form", f"the substep of `{move.field}` is nonexpansive", outcome)
    value = _step_norm(context, after, setting, order)
    if value is None:
        return "no bound is known for the norm of I + h Df"
    return value, by("norm of the step", f"|I + h Df| <= {value.key} for the substep of `{move.field}`")


def _step_norm(context: Context, after: Rates, setting: Setting, order: str) -> Scalar | None:
    """The largest sum of the norms of the blocks in a row (inf) or column (1); |.|_2^2 <= |.|_1 |.|_inf of the blocks' norms."""
    names = [b.name for b in context.blocks_of(after)]
    sizes = {}
    for i in names:
        for j in names:
            size = split_norm(context.jacobian(after, i, j), setting, order)
            if size is None:
                return None
            sizes[i, j] = size
    rows = largest(*(_sum(sizes[i, j] for j in names) for i in names))
    columns = largest(*(_sum(sizes[i, j] for i in names) for j in names))
    if order != "2" or rows == columns:
        return columns if order == "1" else rows
    return power(rows * columns, Fraction(1, 2), lambda _: False)


def _sum(terms: Iterator[Scalar]) -> Scalar:
    total = ZERO
    for term in terms:
        total = total + term
    return total


def _stages(context: Context, move: Move, setting: Setting, order: str) -> Bound | str:
    """1 + |h| sum |b_i| K_i with K_i = L (1 + |h| sum |a_ij| K_j), for explicit methods; exp(h L) for exact flows."""
    found = jacobian_norm(context, move.rates, setting, order)
    if isinstance(found, str):
        return found
    constant, premise = found
    if move.is_timed:  # the stages see other times and parameters
        numeric = settled(constant, setting)
        if numeric is None:
            return f"|Df| <= {constant.key} has no bound that holds for all times"
        constant = numeric
    reach = absolute(move.duration, setting)
    if not move.is_euler:  # many stages of long scalars are slow, and their coupling is seldom needed
        constant, reach = _plain(constant, setting), _plain(reach, setting)
    if isinstance(move.advance, Closed | Linear) and not move.is_shear:
        value = exponential(reach * constant)
        return value, by("norm of the step", f"the exact flow of `{move.field}` has the constant exp(h L)", premise, size=constant,
                         reach=reach)
    growth = reach * constant if move.is_exact else increment_constant(context, move, reach, constant, setting)
    if growth is None:
        return "no Lipschitz constant is known for this method"
    value = ONE + growth
    return value, by("norm of the step", f"the substep of `{move.field}` has the constant {value.key}", premise, size=constant,
                     reach=reach)


def _plain(scalar: Scalar, setting: Setting) -> Scalar:
    """A number at least the scalar, where one is known; numbers stay as they are."""
    return scalar if scalar.value() is not None else settled(scalar, setting) or scalar


def increment_constant(context: Context, move: Move, reach: Scalar, constant: Scalar, setting: Setting) -> Scalar | None:
    """A Lipschitz constant of (step - identity) for an explicit Runge-Kutta method."""
    if not isinstance(move.advance, RungeKutta) or not move.advance.is_explicit:
        return None
    table: Table = move.advance.table
    slopes: list[Scalar] = []
    for row in table.matrix:
        inner = ZERO
        for entry, slope in zip(row, slopes, strict=False):
            inner = inner + absolute(context.translator.scalar(entry), setting) * slope
        slopes.append(constant * (ONE + reach * inner))
    total = ZERO
    for weight, slope in zip(table.weights, slopes, strict=True):
        total = total + absolute(context.translator.scalar(weight), setting) * slope
    return reach * total


_SHARP = (_symmetric_step, _exact, _resolvent, _circle, _linear, _euler_steps)
_RULES = (_symmetric_step, _exact, _resolvent, _circle, _linear, _euler_steps, _closed_form, _stages)
