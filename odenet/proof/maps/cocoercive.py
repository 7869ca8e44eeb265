"""averaged: fields with <Df d, d> <= -|Df d|^2 / L, and what methods make of them."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.forms import size_scalar
from odenet.algebra.inequalities import at_most, is_nonnegative
from odenet.algebra.scalars import ZERO, Scalar, rational
from odenet.algebra.setting import Setting
from odenet.ir.sizes import Size
from odenet.proof.context import Context, Outcome, Rates
from odenet.proof.fields.metric import contractive, jacobian_norm, symmetric_spectrum
from odenet.proof.fields.structure import gradient
from odenet.proof.finding import Proof
from odenet.proof.maps.diagonals import split
from odenet.proof.maps.substeps import Move, distinct, forward, is_consistent, settled, solved
from odenet.proof.rules import by
from odenet.schemes.contractivity import inverse_radius

Share = tuple[Scalar, Proof]  # a / (1 - a) at most, for an a-averaged substep


def cocoercivity(context: Context, rates: Rates, setting: Setting) -> tuple[Scalar, Proof] | str:
    """L with <Df d, d> <= -|Df d|^2 / L: of the descent of a convex potential, or a contraction that is Lipschitz."""
    symmetry = gradient(context, rates, ())
    found = symmetric_spectrum(context, rates, setting)
    if isinstance(found, str):
        return found
    if isinstance(symmetry, Proof) and found.low is not None and found.high is not None and is_nonnegative(-found.high, setting):
        size = -found.low
        return size, by("cocoercive descent", f"Df is symmetric with spectrum in [{found.low.key}, 0]", symmetry)
    ball = _ball(context, rates, setting)
    if ball is not None:
        return ball
    bound = jacobian_norm(context, rates, setting)
    if isinstance(bound, str) or found.high is None:
        return symmetry if isinstance(symmetry, str) else "the spectrum of Df has no known bound"
    rate = setting.enclosure(-found.high).low
    if rate is None or rate <= 0:
        return f"the field is not shown to be cocoercive: {symmetry}" if isinstance(symmetry, str) else \
            "the field is not the descent of a convex potential"
    premise = contractive(context, rates, rational(rate), setting)
    if isinstance(premise, str):
        return premise
    size = (bound[0] * bound[0]).times(1 / rate)
    return size, by("cocoercive contraction", f"<Df d, d> <= -c |d|^2 <= -(c/K^2) |Df d|^2 with c = {rate}, K = {bound[0].key}",
                    premise, bound[1], rate=rational(rate), norm=bound[0])


def _ball(context: Context, rates: Rates, setting: Setting) -> tuple[Scalar, Proof] | None:
    """Df = D + W with D in [lo, hi], |W| <= r and hi + r <= 0: |Df + (L/2) I| <= L/2 for L = r - lo."""
    names = [b.name for b in context.blocks_of(rates)]
    ends = split(context.jacobian(rates, names[0], names[0]), setting, "2") if len(names) == 1 else None
    if ends is None or not is_nonnegative(-(ends[1] + ends[2]), setting):
        return None
    size = ends[2] - ends[0]
    return size, by("cocoercive ball", f"|Df + L/2| <= L/2 with L = {size.key}")


def averaged(context: Context, substeps: list[Move], steps: Size, share: Scalar, setting: Setting) -> Outcome:
    """Composition of averaged maps: a/(1-a) adds up (Bauschke, Combettes, Prop. 4.44)."""
    wanted = share.value()
    if wanted is None:
        return "the constant of `averaged` is not a number"
    shares = _shares(context, substeps, setting)
    if isinstance(shares, str):
        return shares
    every, limit = _total(substeps, shares, steps), rational(wanted / (1 - wanted))
    if at_most(every, limit, setting):
        return by("averaged composition", f"a/(1-a) adds up to {every.key} <= {limit.key} over {steps} steps",
                  *(proof for _, proof in shares.values()), shares=tuple(tau for tau, _ in shares.values()))
    high = setting.enclosure(every).high
    if high is None:
        return f"a/(1-a) adds up to {every.key}, which is not shown to be at most {limit.key}; each step adds to it"
    return f"the flow is shown to be averaged({high / (1 + high)}), not averaged({wanted})"


def least_share(context: Context, substeps: list[Move], steps: Size, setting: Setting) -> Fraction | str:
    """A number that bounds a/(1-a) for the whole flow."""
    shares = _shares(context, substeps, setting)
    if isinstance(shares, str):
        return shares
    every = settled(_total(substeps, shares, steps), setting)
    return "a/(1-a) has no upper end" if every is None else max(every.value() or Fraction(0), Fraction(1, 1000))


def _total(substeps: list[Move], shares: dict[tuple[str, str], Share], steps: Size) -> Scalar:
    total = ZERO
    for move in substeps:
        total = total + shares[move.key][0]
    return total * size_scalar(steps)


def _shares(context: Context, substeps: list[Move], setting: Setting) -> dict[tuple[str, str], Share] | str:
    shares: dict[tuple[str, str], Share] = {}
    is_coupled = not any(move.is_timed for move in substeps)
    for move in distinct(substeps):
        found = _share(context, move, setting)
        if isinstance(found, str):
            return f"part `{move.field}`: {found}"
        # two substeps share the parameters of their step, but neither the state nor what moves within the step
        is_shared = is_coupled and "state " not in found[0].key
        value = found[0] if is_shared else settled(found[0], setting)
        if value is None:
            return f"part `{move.field}` has a/(1-a) = {found[0].key}, which has no known upper end"
        shares[move.key] = value, found[1]
    return shares


def _share(context: Context, move: Move, setting: Setting) -> Share | str:
    """a/(1-a) = h L / (2 - rho h L), with rho = 0 for the exact flow; at most 1/|rho| where rho < 0."""
    ahead = forward(move, setting)
    if ahead is None:
        return "a substep of unknown direction is not shown to be averaged"
    rho = Fraction(0) if move.is_exact else _inverse_radius(move)
    if rho is None:
        return "the method is not contractive in any circle"
    solution = solved(context, move, setting)
    found = cocoercivity(context, ahead[0], setting)
    if isinstance(found, str):
        outcome = contractive(context, ahead[0], ZERO, setting) if rho < 0 else found
        if isinstance(outcome, str):
            return found
        tau = rational(-1 / rho)
        return tau, by("averaged step", f"a resolvent: `{move.field}` has a/(1-a) = {tau.key}", outcome, *solution,
                       rho=rational(rho))
    reach = ahead[1] * found[0]
    below = _denominator(rho, reach, setting)
    if below is None:
        return f"h L = {reach.key} is not shown to be below 2 r = {2 / rho}"
    tau = reach.times(1 / below)
    return tau, by("averaged step", f"h L = {reach.key}, so `{move.field}` has a/(1-a) = {tau.key}", found[1],
                   *solution, size=found[0], rho=rational(rho), below=rational(below))


def _inverse_radius(move: Move) -> Fraction | None:
    return inverse_radius(move.table) if move.table is not None and is_consistent(move.table) else None


def _denominator(rho: Fraction, reach: Scalar, setting: Setting) -> Fraction | None:
    """A number with 0 < d <= 2 - rho z, the value itself where z is a number."""
    if rho == 0 or (rho < 0 and reach.value() is None):
        return Fraction(2)
    top = settled(reach, setting)
    if top is None:
        return None
    below = 2 - rho * (top.value() or Fraction(0))
    return below if below > 0 else None
