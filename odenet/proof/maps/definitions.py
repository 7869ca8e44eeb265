"""A `def` as a stage of a net: the orthant, symmetries, and the constant of the map as a whole."""
from __future__ import annotations

from odenet.algebra.forms import Form
from odenet.algebra.scalars import Scalar
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import largest, spectrum
from odenet.ir.model import NetStage
from odenet.ir.node import Node, replaced, variable
from odenet.ir.sizes import SCALAR
from odenet.proof import domains
from odenet.proof.context import Context, negated
from odenet.proof.fields.integrals import is_nonnegative_sum

# entry by entry, or the same for all orders of the entries
ENTRYWISE = frozenset({
    "number", "dim", "time", "variable", "ones", "zeros", "add", "mul", "scale", "power", "function", "sum", "mean", "dot", "norm",
    "largest", "smallest", "softmax", "spread",
})


def is_positive(context: Context, stage: NetStage, setting: Setting) -> bool:
    """Whether it maps x >= 0 to values >= 0."""
    body = _body(context, stage, setting)
    return body is not None and is_nonnegative_sum(context.form(body), "", setting.in_orthant())


def commutes(context: Context, stage: NetStage, setting: Setting, action: object) -> bool:
    """Whether f(g x) = g f(x): by substitution for the sign; entrywise operations and sums commute with rearrangements."""
    body = _body(context, stage, setting)
    if body is None:
        return False
    if action == "sign":
        (name, space), = context.model.definition(stage.data[0]).arguments
        own = variable(name, space)
        turned = replaced(body, lambda inner: negated(inner) if inner == own else None)
        return any((c.form(turned) + c.form(body)).is_zero() for c in (context, context.basic))
    if action not in ("permutation", "translation") or stage.domain != stage.codomain or stage.domain.rank == 2:
        return False
    if action == "permutation" and stage.domain.rank > 1:
        return False
    return all(node.op in ENTRYWISE or (node.op == "param" and node.space == SCALAR) for node in body.walk())


def norm(slopes: Form, setting: Setting) -> Scalar | None:
    """The 2-norm of a symmetric Jacobian, by its spectrum."""
    if slopes.start != slopes.end or not (slopes - slopes.T).is_zero():
        return None
    own = spectrum(slopes, setting)
    return None if own.low is None or own.high is None else largest(own.high, -own.low)


def _body(context: Context, stage: NetStage, setting: Setting) -> Node | None:
    body = context.model.definition(stage.data[0]).body
    return None if domains.obstacle(context, (body,), setting) else body
