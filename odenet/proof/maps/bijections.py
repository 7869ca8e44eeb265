"""invertible: substeps that are bijections of the state space."""
from __future__ import annotations

from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import absolute
from odenet.ir.node import states
from odenet.plan.steps import Closed, Linear
from odenet.proof.context import Context, Outcome
from odenet.proof.fields.metric import jacobian_norm, symmetric_spectrum
from odenet.proof.finding import Proof
from odenet.proof.maps.straight import is_straight
from odenet.proof.maps.substeps import Move, below_one, forward, settled, solved
from odenet.proof.rules import by
from odenet.schemes.numbers import Exact, as_node
from odenet.schemes.tables import coefficients, reduced


def invertible(context: Context, move: Move, setting: Setting) -> Outcome:
    """One substep is a bijection of the state space."""
    if is_cascade(move):
        return by("shear", f"the substep of `{move.field}` is undone block by block")
    if isinstance(move.advance, Linear | Closed):
        return by("exact flow", f"the flow of the linear part `{move.field}` is a bijection")
    if move.table is None:
        return "no rule shows that this method is a bijection"
    if is_straight(context, move):
        return by("straight flow", f"the substep of `{move.field}` is undone by x - h f(x)")
    problems = []
    for rule in (_one_stage, _adjoint):
        outcome = rule(context, move, setting)
        if isinstance(outcome, Proof):
            return outcome
        problems.append(outcome)
    return next(p for p in problems if p)


def is_cascade(move: Move) -> bool:
    """Whether no moved block enters its own rate, nor round about: then any Runge-Kutta step adds to each block what depends on
    blocks that come before it."""
    if not move.is_exact and move.table is None:
        return False
    reads = {name: states(node) & {n for n, _ in move.rates.rows} for name, node in move.rates.rows}
    while free := [name for name, needed in reads.items() if not needed]:
        reads = {name: needed - set(free) for name, needed in reads.items() if name not in free}
    return not reads


def _adjoint(context: Context, move: Move, setting: Setting) -> Outcome:
    """The inverse is the adjoint step with -h, whose stages solve a contraction when |h| |1 b' - A| Lip(f) < 1."""
    found = jacobian_norm(context, move.rates, setting)
    if isinstance(found, str) or move.table is None:
        return "h Lip(f) < 1 is not shown"
    solution = solved(context, move, setting)
    exacts = reduced(coefficients(move.table))
    rows = [[b - a for a, b in zip(row, exacts.weights, strict=True)] for row in exacts.matrix]
    size = max((sum((max(e, -e) for e in row), Exact(0)) for row in rows), default=Exact(0))
    constant = settled(found[0], setting) if move.is_timed else found[0]
    if constant is None:
        return "|Df| has no bound that holds for all times"
    reach = absolute(move.duration, setting) * constant * context.translator.scalar(as_node(size))
    top = below_one(reach, setting)
    if top is not None:
        return by("invertible contraction", f"h |1 b' - A| Lip(f) = {reach.key} < 1 for `{move.field}`", found[1],
                  *solution, size=constant, top=top)
    return f"the inverse of the substep is a contraction when h |1 b' - A| Lip(f) < 1; here it is {reach.key}"


def _one_stage(context: Context, move: Move, setting: Setting) -> Outcome:
    """Y = x + a h f(Y), then Y + (b - a) h f(Y): a bijection when the second map is, as the first is one where it is solvable."""
    assert move.table is not None
    exacts = reduced(coefficients(move.table))
    if exacts.stages != 1:
        return ""
    solution = solved(context, move, setting)
    share = exacts.weights[0] - exacts.matrix[0][0]
    if not share:
        return by("monotone step", f"the substep of `{move.field}` solves for its new state", *solution)
    ahead = forward(move, setting)
    if ahead is None:
        return "the direction of the substep is not known"
    found = symmetric_spectrum(context, ahead[0], setting)
    if isinstance(found, str):
        return found
    end = found.low if share > 0 else found.high
    if end is None:
        return "h Df has no known lower bound"
    least = ahead[1] * end * context.translator.scalar(as_node(share))
    top = below_one(-least, setting)
    if top is not None:
        return by("monotone step", f"the symmetric part of I + h Df is at least 1 + {least.key} > 0", *solution, top=top)
    return f"the symmetric part of I + h Df is not shown to be positive definite: that of h Df reaches {least.key}"
