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
from odenet.ir.node import Node, depends_on, parameters, states
from odenet.plan.steps import Advance, Closed, DiscreteGradient, Linear, Plan, Relax, RungeKutta
from odenet.proof.context import Context, Outcome, Rates, negated
from odenet.proof.finding import Proof
from odenet.proof.rules import by
from odenet.schemes.numbers import Exact, as_node, exact
from odenet.schemes.reversal import is_left_stable


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
    is_whole: bool  # the field reads or moves every block of the flow (else the substep is the identity on some)

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
        found.append(Move(field, rates, advance, substep.coefficient, duration, length, is_timed(context, rates), is_whole))
    return found


GRID = 10**6


def settled(scalar: Scalar, setting: Setting) -> Scalar | None:
    """A number at least the scalar, whatever time and parameters are; for bounds of quantities at different times."""
    high = setting.enclosure(scalar).high
    if high is not None and high.denominator > GRID:
        high = Fraction(-(-high.numerator * GRID // high.denominator), GRID)  # upwards, to be readable
    if (high is None or high > 1) and at_most(scalar, rational(1), setting):
        return rational(1)
    return None if high is None else rational(high)


def is_timed(context: Context, rates: Rates) -> bool:
    """Whether the right-hand side may change within a step."""
    return any(depends_on(node, "time") or any(moves_within_steps(context, name) for name in parameters(node))
               for _, node in rates.rows)


def moves_within_steps(context: Context, parameter: str) -> bool:
    schedule = context.model.parameter(parameter).schedule
    return schedule is not None and schedule.kind != "piecewise"


def is_consistent(table: Table) -> bool:
    """Whether the weights sum to one."""
    return sum((exact(w) for w in table.weights), Exact(0)) == Exact(1)


def each(substeps: list[Move], prove: Callable[[Move], Outcome], what: str) -> Outcome:
    """All substeps have the property, hence the step, hence the flow: maps with the property are closed under composition."""
    known: dict[tuple[str, str], Proof] = {}
    for move in substeps:
        key = (move.field, move.duration.key)
        if key in known:
            continue
        outcome = prove(move)
        if isinstance(outcome, str):
            return f"part `{move.field}`: {outcome}"
        known[key] = outcome
    premises = tuple(dict.fromkeys(known.values()))
    return by("composition", f"every substep {what}, so every step and the whole flow do", *premises)


class NoSolution(Exception):
    """An implicit substep whose step bound is known and broken: whether it is a map at all is open."""


def solvable(context: Context, move: Move, setting: Setting, is_two_sided: bool = False) -> tuple[str, ...]:
    """The condition under which an implicit substep is a map: none for explicit ones, or when the step bound is shown to hold.

    `is_two_sided`: the substep with -h must be a map too, as for its inverse.

    Raises:
        NoSolution: the bound is shown to be broken, or depends on the state and may be.
    """
    if not move.is_implicit or move.is_exact:
        return ()
    if _is_monotone(context, move, setting, is_two_sided):
        return ()
    bound = step_bound(context, move, setting)
    if bound is None:
        return (f"the implicit equation of each substep of `{move.field}` has one solution",)
    ends = setting.enclosure(bound)
    if ends.high is not None and ends.high < 1:
        return ()
    if (ends.low is not None and ends.low >= 1) or is_nonnegative(bound - rational(1), setting):
        raise NoSolution(_unsolved(move, bound.key))
    if any(kind in bound.key for kind in ("state ", "time", "variable ")):
        if ends.high is not None:
            raise NoSolution(_unsolved(move, str(ends.high)))
        return (f"the implicit equation of each substep of `{move.field}` has one solution",)
    return (f"h |A| Lip({move.field}) = {bound.key} < 1, so that the implicit equation has one solution",)


def _unsolved(move: Move, bound: str) -> str:
    return (f"the implicit equation of `{move.field}` is only shown to have one solution when h |A| Lip(f) < 1; here the bound is "
            f"{bound}: take more steps")


def _is_monotone(context: Context, move: Move, setting: Setting, is_two_sided: bool) -> bool:
    """One stage Y - h a f(Y) = x, a >= 0, of a field with logarithmic norm <= 0 in some norm: one solution for every h >= 0.

    The same for linear fields and methods with |R(z)| <= 1 where Re z <= 0: their Q(h A) is regular.
    Source: Deimling, Nonlinear Functional Analysis (1985), Thm 13.3; Hairer, Wanner, Solving ODEs II (1996), IV.14.
    """
    from odenet.algebra.scalars import ZERO
    from odenet.proof.fields.metric import contractive

    table, ahead = move.table, forward(move, setting)
    if table is None or ahead is None:
        return False
    fields = [ahead[0], *([opposite(ahead[0])] if is_two_sided else [])]
    if len(table.weights) == 1 and exact(table.matrix[0][0]) >= 0:
        return all(any(isinstance(contractive(context, field, ZERO, setting, order), Proof) for order in ("2", "inf", "1"))
                   for field in fields)
    if move.is_timed or not is_left_stable(table) or not is_affine(context, move):
        return False
    return all(isinstance(contractive(context, f, ZERO, setting), Proof) for f in fields)


def is_affine(context: Context, move: Move) -> bool:
    """Whether the Jacobian over all blocks that the field reads or moves holds no state."""
    names = [b.name for b in context.blocks_of(move.rates)]
    return not any("state " in context.jacobian(move.rates, i, j).key for i in names for j in names)


def step_bound(context: Context, move: Move, setting: Setting) -> Scalar | None:
    """|h| |A|_inf Lip(f): below 1 the stages of a Runge-Kutta method are the one fixed point of a contraction."""
    from odenet.algebra.spectrum import absolute, largest
    from odenet.proof.fields.metric import jacobian_norm

    inner = move.advance.inner if isinstance(move.advance, Relax) else move.advance
    if not isinstance(inner, RungeKutta):
        return None
    found = jacobian_norm(context, move.rates, setting)
    if isinstance(found, str):
        return None
    rows = []
    for row in inner.table.matrix:
        total = absolute(context.translator.scalar(row[0]), setting)
        for entry in row[1:]:
            total = total + absolute(context.translator.scalar(entry), setting)
        rows.append(total)
    return absolute(move.duration, setting) * found[0] * largest(*rows)


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
