"""lipschitz, nonexpansive, averaged, invertible, positive of flows: bounds of one substep, multiplied with their coupling kept."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.inequalities import at_most, is_nonnegative
from odenet.algebra.scalars import ONE, ZERO, Scalar, exponential, rational
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import absolute, largest
from odenet.ir.model import Table
from odenet.ir.sizes import SCALAR, Size
from odenet.plan.steps import Closed, Linear, RungeKutta
from odenet.proof.context import Context, Outcome
from odenet.proof.fields import integrals
from odenet.proof.fields.metric import contractive, jacobian_norm, symmetric_spectrum
from odenet.proof.fields.structure import gradient
from odenet.proof.finding import Proof
from odenet.proof.maps.substeps import Move, is_forward, solvable
from odenet.proof.rules import by
from odenet.schemes.contractivity import circle_radius
from odenet.schemes.tables import is_symmetric

Bound = tuple[Scalar, Proof]
GRID = 10**6


def lipschitz(context: Context, substeps: list[Move], steps: Size, bound: Scalar, setting: Setting) -> Outcome:
    """|Phi(x) - Phi(y)| <= bound |x - y| for the whole flow."""
    total, premises = ONE, []
    is_coupled = not any(move.is_timed for move in substeps)
    for move in substeps:
        found = substep_constant(context, move, setting)
        if isinstance(found, str):
            return f"part `{move.field}`: {found}"
        # two substeps share the parameters of their step, but neither the state nor what moves within the step
        is_shared = is_coupled and "state " not in found[0].key
        value = found[0] if is_shared else settled(found[0], setting)
        if value is None:
            return (f"part `{move.field}` has the constant {found[0].key}; what moves within a step is not the same in two "
                    "substeps, so each substep would need a bound of its own")
        total = total * value
        premises.append(found[1])
    return _all_steps(total, steps, bound, setting, tuple(dict.fromkeys(premises)))


def settled(scalar: Scalar, setting: Setting) -> Scalar | None:
    """A number at least the scalar, whatever time and parameters are; for bounds of quantities at different times."""
    high = setting.enclosure(scalar).high
    if high is not None and high.denominator > GRID:
        high = Fraction(-(-high.numerator * GRID // high.denominator), GRID)  # upwards, to be readable
    if at_most(scalar, ONE, setting):
        return ONE if high is None or high > 1 else rational(high)
    return None if high is None else rational(high)


def _all_steps(total: Scalar, steps: Size, bound: Scalar, setting: Setting, premises: tuple[Proof, ...]) -> Outcome:
    if is_nonnegative(bound - ONE, setting) and at_most(total, ONE, setting):
        return by("coupled product", f"one step has the constant {total.key} <= 1 for all parameters in their sets", *premises)
    count = steps.constant()
    if count is None or count > 64:
        return f"one step is bounded by {total.key}, which does not give {bound.key} over {steps} steps"
    worst = total if count == 1 else settled(total, setting)  # other steps have other parameters
    if worst is None:
        return f"one step is bounded by {total.key}, which has no known upper end"
    product = worst.power(int(count))
    if at_most(product, bound, setting):
        return by("coupled product", f"{count} steps have the constant {product.key} <= {bound.key}", *premises)
    return f"{count} steps are bounded by {product.key}, which is not shown to be at most {bound.key}"


def substep_constant(context: Context, move: Move, setting: Setting) -> Bound | str:
    """A Lipschitz constant of one substep, on all blocks of the flow."""
    options = [rule(context, move, setting) for rule in (_contraction, _symmetric_step, _circle, _stages)]
    proved = [option for option in options if not isinstance(option, str)]
    if not proved:
        return str(options[-1])
    best = next((p for p in proved if p[0] == ONE), proved[0])
    if move.is_whole:
        return best
    return largest(ONE, best[0]), best[1]  # the identity on the blocks that the part leaves alone


def _contraction(context: Context, move: Move, setting: Setting) -> Bound | str:
    """Exact flows and algebraically stable methods of nonexpansive fields."""
    radius = None if move.table is None or move.is_euler else circle_radius(move.table)
    is_stable = radius is not None and radius.value is None  # algebraically stable
    if not (move.is_exact or is_stable) or not is_forward(move, setting):
        return "no rule for contractions applies"
    outcome = contractive(context, move.rates, ZERO, setting)
    if isinstance(outcome, Proof):
        rule = "exact flow of a contraction" if move.is_exact else "b-stability"
        return ONE, by(rule, f"the substep of `{move.field}` is nonexpansive", outcome,
                       conditions=solvable(context, move, setting))
    return outcome


def _spectrum_of_gradient(context: Context, move: Move, setting: Setting) -> tuple[Scalar, Scalar, Proof] | str:
    symmetry = gradient(context, move.rates, ())
    if isinstance(symmetry, str):
        return symmetry
    found = symmetric_spectrum(context, move.rates, setting)
    if isinstance(found, str) or found.low is None or found.high is None:
        return found if isinstance(found, str) else "the spectrum of Df has no known bound"
    return found.low, found.high, symmetry


def _symmetric_step(context: Context, move: Move, setting: Setting) -> Bound | str:
    """x + h f(x) with a symmetric Jacobian."""
    if not (move.is_euler or (isinstance(move.advance, Closed) and move.is_shear)):
        return "the method is not Euler's"
    found = _spectrum_of_gradient(context, move, setting)
    if isinstance(found, str):
        return found
    low, high, symmetry = found
    h = move.duration
    value = largest(absolute(ONE + h * low, setting), absolute(ONE + h * high, setting))
    return value, by("symmetric step", f"h Df has its spectrum in [{(h * low).key}, {(h * high).key}], so the substep of "
                     f"`{move.field}` has the constant {value.key}", symmetry)


def _circle(context: Context, move: Move, setting: Setting) -> Bound | str:
    """Runge-Kutta on the gradient flow of a convex potential."""
    if move.table is None or move.is_euler:
        return "no Runge-Kutta method"
    radius = circle_radius(move.table)
    found = _spectrum_of_gradient(context, move, setting)
    if isinstance(found, str):
        return found
    low, high, symmetry = found
    if radius is None or radius.value is None or not is_nonnegative(-high, setting) or not is_forward(move, setting):
        return "the field is not the descent of a convex potential"
    if at_most(-(move.duration * low), rational(2 * radius.value), setting):
        return ONE, by("circle contractivity", f"h L = {(-(move.duration * low)).key} <= 2 r = {2 * radius.value}", symmetry)
    return f"h L = {(-(move.duration * low)).key} is not shown to be at most 2 r = {2 * radius.value}"


def _stages(context: Context, move: Move, setting: Setting) -> Bound | str:
    """1 + |h| sum |b_i| K_i with K_i = L (1 + |h| sum |a_ij| K_j), for explicit methods; exp(h L) for exact flows."""
    found = jacobian_norm(context, move.rates, setting)
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
        return value, by("norm of the step", f"the exact flow of `{move.field}` has the constant exp(h L)", premise)
    growth = reach * constant if move.is_exact else increment_constant(context, move, reach, constant, setting)
    if growth is None:
        return "no Lipschitz constant is known for this method"
    value = ONE + growth
    return value, by("norm of the step", f"the substep of `{move.field}` has the constant {value.key}", premise)


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


# --- averaged ---------------------------------------------------------------------------------------------------


def averaged(context: Context, substeps: list[Move], steps: Size, share: Scalar, setting: Setting) -> Outcome:
    """Composition of averaged maps: a/(1-a) adds up (Bauschke, Combettes, Prop. 4.46)."""
    wanted = share.value()
    if wanted is None:
        return "the constant of `averaged` is not a number"
    total, premises = Fraction(0), []
    for move in substeps:
        found = _share(context, move, setting)
        if isinstance(found, str):
            return f"part `{move.field}`: {found}"
        if found[0] >= 1:
            return f"part `{move.field}` is only shown to be {found[0]}-averaged"
        total += found[0] / (1 - found[0])
        premises.append(found[1])
    count = steps.constant()
    if count is None:
        return "the number of steps is symbolic, and compositions of averaged maps lose with each step"
    total *= count
    value = total / (1 + total)
    if value > wanted:
        return f"the flow is shown to be averaged({value}), not averaged({wanted})"
    return by("averaged composition", f"{count * len(substeps)} substeps compose to averaged({value})", *dict.fromkeys(premises))


def _share(context: Context, move: Move, setting: Setting) -> tuple[Fraction, Proof] | str:
    if not (move.is_euler or (isinstance(move.advance, Closed) and move.is_shear)):
        return "only explicit Euler steps of gradient fields are shown to be averaged"
    found = _spectrum_of_gradient(context, move, setting)
    if isinstance(found, str):
        return found
    low, high, symmetry = found
    if not is_forward(move, setting):
        return "a substep that runs backwards is not shown to be averaged"
    low, high = move.duration * low, move.duration * high
    if not is_nonnegative(-high, setting):
        return "h Df is not shown to be negative semidefinite"
    least = setting.enclosure(low).low
    if least is None:
        return "h Df has no known lower bound"
    share = -least / 2
    return share, by("averaged step", f"h Df has its spectrum in [{least}, 0]: averaged({share})", symmetry)


# --- invertible -------------------------------------------------------------------------------------------------


def invertible(context: Context, move: Move, setting: Setting) -> Outcome:
    """One substep is a bijection of the state space."""
    if move.is_shear and move.is_exact:
        return by("shear", f"the substep of `{move.field}` is undone by the one with -h")
    if isinstance(move.advance, Linear | Closed):
        return by("exact flow", f"the flow of the linear part `{move.field}` is a bijection")
    if move.is_implicit:
        return _invertible_implicit(context, move, setting)
    if not isinstance(move.advance, RungeKutta):
        return "no rule shows that this method is a bijection"
    found = jacobian_norm(context, move.rates, setting)
    constant = None if isinstance(found, str) else settled(found[0], setting) if move.is_timed else found[0]
    if constant is not None and not isinstance(found, str):
        reach = absolute(move.duration, setting)
        if not move.is_euler:
            constant, reach = _plain(constant, setting), _plain(reach, setting)
        growth = increment_constant(context, move, reach, constant, setting)
        if growth is not None and _is_below_one(growth, setting):
            return by("invertible contraction", f"the increment of `{move.field}` has the constant {growth.key} < 1", found[1])
    return _monotone(context, move, setting)


def _monotone(context: Context, move: Move, setting: Setting) -> Outcome:
    """x + h f(x) with a symmetric Jacobian that stays above a positive number (its upper end does not matter)."""
    if not move.is_euler:
        return "h Lip(f) < 1 is not shown"
    symmetry = gradient(context, move.rates, ())
    found = symmetric_spectrum(context, move.rates, setting)
    if isinstance(symmetry, str) or isinstance(found, str):
        return f"h Lip(f) < 1 is not shown, and the step is not shown to be monotone: {symmetry}"
    end = found.low if is_forward(move, setting) else found.high if is_nonnegative(-move.duration, setting) else None
    if end is None:
        return "h Lip(f) < 1 is not shown, and h Df has no known lower bound"
    least = move.duration * end
    if _is_below_one(-least, setting):
        return by("monotone step", f"I + h Df >= 1 + {least.key} > 0", symmetry)
    return f"I + h Df is not shown to be positive definite: h Df reaches {least.key}"


def _is_below_one(scalar: Scalar, setting: Setting) -> bool:
    high = setting.enclosure(scalar).high
    if high is not None and high < 1:
        return True
    return bool(is_nonnegative(rational(Fraction(999, 1000)) - scalar, setting))


def _invertible_implicit(context: Context, move: Move, setting: Setting) -> Outcome:
    if move.table is None or not is_symmetric(move.table):
        return "only symmetric implicit methods are shown to be bijections"
    return by("implicit midpoint is invertible", f"the substep of `{move.field}` is undone by the one with -h",
              conditions=solvable(context, move, setting, is_two_sided=True))


# --- positive ---------------------------------------------------------------------------------------------------


def positive(context: Context, move: Move, setting: Setting) -> Outcome:
    """One substep maps the orthant to itself."""
    if move.is_exact and is_forward(move, setting):
        outcome = integrals.positive(context, move.rates, setting)
        return outcome if isinstance(outcome, str) else by("exact flow", f"the flow of `{move.field}` keeps the orthant", outcome)
    if not move.is_euler:
        return "only exact flows and Euler steps are shown to keep the orthant"
    orthant = setting.in_orthant()
    for block, node in move.rates.rows:
        rate = context.form(node)
        if context.space(block) == SCALAR:
            from odenet.algebra.scalars import of_atom
            from odenet.algebra.translate import state_atom

            after = of_atom(state_atom(block)) + move.duration * rate.scalar()
            if not is_nonnegative(after, orthant):
                return f"{block} + h {block}' = {after.key[:160]} is not shown to be >= 0"
            continue
        problem = _bad_entry(rate.scaled(move.duration), block, orthant)
        if problem:
            return problem
    return by("nonnegative step", f"x + h f(x) >= 0 for x >= 0, for part `{move.field}`")


def _bad_entry(change: object, block: str, setting: Setting) -> str | None:
    """x_i (1 + sum of the factors of x_i) plus nonnegative terms."""
    from odenet.algebra.forms import Form

    assert isinstance(change, Form)
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


def _factor_low(word: object, scalar: Scalar, block: str, setting: Setting) -> Scalar | None:
    from odenet.algebra.letters import entries

    assert isinstance(word, tuple)
    if len(word) != 2 or word[0].kind != "diag":
        return None
    # only x_i itself divides out: f(x_i) with f(0) = 0 may be steeper than x_i
    if not any(a.kind == "state" and a.data[0] == block and e >= 1 for a, e in entries(word[0])):
        return None
    rest = tuple((a, e - 1 if a.kind == "state" and a.data[0] == block else e) for a, e in entries(word[0]))
    box = setting.entries_interval(tuple((a, e) for a, e in rest if e))
    end = box.low if is_nonnegative(scalar, setting, 3) else box.high if is_nonnegative(-scalar, setting, 3) else None
    return None if end is None else scalar * rational(end)
