"""One substep of a flow as the rules see it: a part's field, how it is advanced, and for how long."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from odenet.algebra.inequalities import at_most, is_nonnegative
from odenet.algebra.scalars import Scalar, rational
from odenet.algebra.setting import Setting
from odenet.ir.differentiate.products import times
from odenet.ir.model import Table
from odenet.ir.node import Node, states
from odenet.plan.steps import Advance, Closed, DiscreteGradient, Linear, Plan, Relax, RungeKutta
from odenet.proof.context import Context, Outcome, Rates, negated
from odenet.proof.finding import Proof
from odenet.proof.rules import by
from odenet.schemes.numbers import Exact, as_node, exact
from odenet.schemes.reversal import is_left_regular, is_left_stable


@dataclass(frozen=True)
class Move:
    """Part `field` of a flow moves for `duration` (a scalar), by `advance`."""

    field: str
    rates: Rates
    advance: Advance
    coefficient: Exact
    duration: Scalar
    length: Node  # the duration as a node
    is_timed: bool  # the rates hold t, or a parameter that moves within a step
    times: tuple[Exact, Exact]  # the clock before and after it, in steps since the start of the step
    is_whole: bool  # the field reads or moves every block of the flow (else the substep is the identity on some)

    @property
    def key(self) -> tuple[str, str]:
        """What tells substeps of one step apart."""
        return self.field, self.duration.key

    @property
    def is_shear(self) -> bool:
        """Whether the moved blocks do not enter the rates (then every consistent method is exact but for explicit time)."""
        moved = {name for name, _ in self.rates.rows}
        return not any(states(node) & moved for _, node in self.rates.rows)

    @property
    def is_exact(self) -> bool:
        if isinstance(self.advance, Closed | Linear):
            return True
        return isinstance(self.advance, RungeKutta) and self.is_shear and not self.is_timed and is_consistent(self.advance.table)

    @property
    def is_shift(self) -> bool:
        """Whether it is x -> x + h g(y) with y not moved: every Runge-Kutta method makes one of a shear, whatever its weights."""
        return self.is_shear and (self.is_exact or isinstance(self.advance, RungeKutta))

    @property
    def table(self) -> Table | None:
        return self.advance.table if isinstance(self.advance, RungeKutta) else None

    @property
    def is_euler(self) -> bool:
        table = self.table
        if table is None or len(table.weights) != 1 or not isinstance(self.advance, RungeKutta):
            return False
        return self.advance.is_explicit and is_consistent(table)

    @property
    def is_implicit(self) -> bool:
        inner = self.advance.inner if isinstance(self.advance, Relax) else self.advance
        return isinstance(inner, DiscreteGradient) or (isinstance(inner, RungeKutta) and not inner.is_explicit)


def moves(context: Context, plan: Plan) -> list[Move]:
    """The substeps of one step of a flow."""
    step = context.translator.scalar(plan.flow.step)
    found = []
    for substep in plan.step:
        field = plan.flow.parts[substep.part].field
        duration = step * context.translator.scalar(as_node(substep.coefficient))
        rates = context.rates((field,))
        is_whole = {b.name for b in context.blocks_of(rates)} >= set(plan.flow.blocks)
        advance = plan.advances[substep.part]
        length = times(as_node(substep.coefficient), plan.flow.step)
        times_ = substep.clock, substep.clock + (substep.coefficient if substep.part == 0 else 0)
        is_timed = context.model.is_timed(rates.rows)
        found.append(Move(field, rates, advance, substep.coefficient, duration, length, is_timed, times_, is_whole))
    return found


GRID = 10**6


def settled(scalar: Scalar, setting: Setting) -> Scalar | None:
    """A number at least the scalar, whatever time and parameters are; for bounds of quantities at different times."""
    if scalar.value() is not None:
        return scalar
    high = setting.enclosure(scalar).high
    if high is not None and high.denominator > GRID:
        high = Fraction(-(-high.numerator * GRID // high.denominator), GRID)  # upwards, to be readable
    if (high is None or high > 1) and at_most(scalar, rational(1), setting):
        return rational(1)
    return None if high is None or not at_most(scalar, rational(high), setting) else rational(high)


def is_consistent(table: Table) -> bool:
    """Whether the weights sum to one."""
    return sum((exact(w) for w in table.weights), Exact(0)) == Exact(1)


def each(substeps: list[Move], prove: Callable[[Move], Outcome], what: str) -> Outcome:
    """All substeps have the property, hence the step, hence the flow: maps with the property are closed under composition."""
    premises = []
    for move in distinct(substeps):
        outcome = prove(move)
        if isinstance(outcome, str):
            return f"part `{move.field}`: {outcome}"
        premises.append(outcome)
    return by("composition", f"every substep {what}, so every step and the whole flow do", *premises)


def distinct(substeps: list[Move]) -> list[Move]:
    """Substeps of one field and one duration are the same map: the first of each kind."""
    found: dict[tuple[str, str], Move] = {}
    for move in substeps:
        found.setdefault(move.key, move)
    return list(found.values())


class NoSolution(Exception):
    """An implicit substep whose step bound is known and broken: whether it is a map at all is open."""


def solved(context: Context, move: Move, setting: Setting, is_two_sided: bool = False) -> tuple[Proof, ...]:
    """That the equation of an implicit substep has one solution; nothing for explicit ones. A proof, perhaps with a condition.

    `is_two_sided`: the substep with -h must be a map too, as for its inverse.

    Raises:
        NoSolution: the step bound is shown to be broken, or depends on the state and may be.
    """
    if not move.is_implicit or move.is_exact:
        return ()
    monotone = _monotone(context, move, setting, is_two_sided)
    if monotone is not None:
        return (monotone,)
    assumed = by("one solution", "assumed", how="assumed",
                 conditions=(f"the implicit equation of each substep of `{move.field}` has one solution",))
    found = _contraction(context, move, setting)
    if found is None:
        return (assumed,)
    bound, premise, size = found
    top = below_one(bound, setting)
    if top is not None:
        return (by("one solution", f"h |A| Lip(f) = {bound.key} < 1", premise, how="contraction", size=size, top=top),)
    ends = setting.enclosure(bound)
    if (ends.low is not None and ends.low >= 1) or is_nonnegative(bound - rational(1), setting):
        raise NoSolution(_unsolved(move, bound.key))
    if ends.high is not None and any(kind in bound.key for kind in ("state ", "time", "variable ")):
        raise NoSolution(_unsolved(move, str(ends.high)))
    return (assumed,)


def solvable(context: Context, move: Move, setting: Setting, is_two_sided: bool = False) -> bool:
    """Whether the equation is shown to have one solution, without a condition."""
    return not any(proof.conditions for proof in solved(context, move, setting, is_two_sided))


def below_one(scalar: Scalar, setting: Setting) -> Scalar | None:
    """A number below 1 that is at least the scalar: the end of its enclosure, or 999/1000."""
    high = scalar.value() if scalar.value() is not None else setting.enclosure(scalar).high
    for top in (high, Fraction(999, 1000)):
        if top is not None and top < 1 and at_most(scalar, rational(top), setting):
            return rational(top)
    return None


def _unsolved(move: Move, bound: str) -> str:
    return (f"the implicit equation of `{move.field}` is only shown to have one solution when h |A| Lip(f) < 1; here the bound is "
            f"{bound}: take more steps")


def _monotone(context: Context, move: Move, setting: Setting, is_two_sided: bool) -> Proof | None:
    """One stage Y - h a f(Y) = x, a >= 0, of a field with logarithmic norm <= 0 in some norm: one solution for every h >= 0.

    The same for linear fields and methods with |R(z)| <= 1 where Re z <= 0, whose I - h A (x) M is regular with all the stages of
    the table as it is written.
    """
    from odenet.algebra.scalars import ZERO
    from odenet.proof.fields.metric import contractive

    table, ahead = move.table, forward(move, setting)
    if table is None or ahead is None:
        return None
    is_single = len(table.weights) == 1 and exact(table.matrix[0][0]) >= 0
    is_regular = is_single or (is_left_stable(table) and is_left_regular(table))
    if not is_regular or (not is_single and (move.is_timed or not is_affine(context, move))):
        return None
    for order in ("2", "inf", "1") if is_single else ("2",):
        fields = [ahead[0], *([opposite(ahead[0])] if is_two_sided else [])]
        found = [contractive(context, field, ZERO, setting, order) for field in fields]
        proofs = [proof for proof in found if isinstance(proof, Proof)]
        if len(proofs) == len(found):
            return by("one solution", f"`{move.field}` has a logarithmic norm of at most 0", *proofs,
                      how="monotone" if is_single else "linear", norm=order)
    return None


def is_affine(context: Context, move: Move) -> bool:
    """Whether the Jacobian over all blocks that the field reads or moves holds no state."""
    names = [b.name for b in context.blocks_of(move.rates)]
    return not any("state " in context.jacobian(move.rates, i, j).key for i in names for j in names)


def _contraction(context: Context, move: Move, setting: Setting) -> tuple[Scalar, Proof, Scalar] | None:
    """|h| |A|_inf Lip(f), with the proof of Lip(f): below 1 the stages of a Runge-Kutta method are the one fixed point of a
    contraction."""
    from odenet.algebra.spectrum import absolute
    from odenet.proof.fields.metric import jacobian_norm

    inner = move.advance.inner if isinstance(move.advance, Relax) else move.advance
    if not isinstance(inner, RungeKutta):
        return None
    found = jacobian_norm(context, move.rates, setting)
    if isinstance(found, str):
        return None
    size = context.translator.scalar(as_node(row_sum(inner.table)))
    return absolute(move.duration, setting) * found[0] * size, found[1], found[0]


def row_sum(table: Table) -> Exact:
    """|A|_inf"""
    return max((sum((max(a, -a) for a in map(exact, row)), Exact(0)) for row in table.matrix), default=Exact(0))


def forward(move: Move, setting: Setting) -> tuple[Rates, Scalar] | None:
    """The field and a duration >= 0 that make the same substep: h f = (-h) (-f). None when the sign of h is not known."""
    if is_nonnegative(move.duration, setting):
        return move.rates, move.duration
    if is_nonnegative(-move.duration, setting):
        return opposite(move.rates), -move.duration
    return None


def opposite(rates: Rates) -> Rates:
    return Rates(tuple((name, negated(node)) for name, node in rates.rows))


def is_forward(move: Move, setting: Setting) -> bool:
    """Whether the duration is shown to be >= 0 (some schemes step backwards)."""
    return bool(is_nonnegative(move.duration, setting))
