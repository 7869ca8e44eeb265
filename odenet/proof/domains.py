"""Guards: a field must be defined and continuous where a claim speaks of it."""
from __future__ import annotations

from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.scalars import Atom, Monomial, Scalar, of_atom
from odenet.algebra.setting import Setting
from odenet.ir.node import Node, depends_on
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS
from odenet.proof.context import Context


def obstacle(context: Context, nodes: tuple[Node, ...], setting: Setting, strict: tuple[Scalar, ...] = ()) -> str | None:
    """Why Jacobians would not tell the whole truth about these expressions, or None when they do."""
    for root in nodes:
        for node in root.walk():
            if not depends_on(node, "state") and not depends_on(node, "variable"):
                continue
            reason = _obstacle(context, node, setting, strict)
            if reason:
                return reason
    return None


def _obstacle(context: Context, node: Node, setting: Setting, strict: tuple[Scalar, ...]) -> str | None:
    if node.op == "function":
        row = FUNCTIONS[node.data[0]]
        if row.smoothness == -1:
            return f"`{node.data[0]}` is not continuous"
        if row.domain == "positive" and not _is_positive(context, node.args[0], setting, strict):
            return f"the argument of `{node.data[0]}` is not shown to be positive; say where the claim holds with `on`"
        if row.domain not in ("all", "positive", "nonnegative"):
            return f"`{node.data[0]}` is not defined everywhere"
        if row.domain == "nonnegative":
            return _root_obstacle(context, node.args[0], setting, strict)
    if node.op == "power":
        exponent = node.data[0]
        if exponent < 0 and not _is_positive(context, node.args[0], setting, strict):
            return "a divisor is not shown to be positive; say where the claim holds with `on`"
        if exponent > 0 and exponent.denominator != 1:
            return _root_obstacle(context, node.args[0], setting, strict)
    return None


def kink(nodes: tuple[Node, ...]) -> str | None:
    """Why second derivatives almost everywhere would not tell the whole truth: the first are not continuous."""
    for root in nodes:
        for node in root.walk():
            if node.op in ("norm", "largest", "smallest"):
                return f"`{node.op}` has kinks, which its second derivative does not see"
            if node.op == "function":
                smoothness = FUNCTIONS[node.data[0]].smoothness
                if smoothness is not None and smoothness < 1:
                    return f"`{node.data[0]}` has kinks, which its second derivative does not see"
    return None


def _root_obstacle(context: Context, base: Node, setting: Setting, strict: tuple[Scalar, ...]) -> str | None:
    if _is_positive(context, base, setting, strict):
        return None
    return "the base of a root is not shown to be positive; say where the claim holds with `on`"


def _is_positive(context: Context, node: Node, setting: Setting, strict: tuple[Scalar, ...]) -> bool:
    form = context.form(node)
    if form.end != SCALAR:
        return False
    return is_positive(form.scalar(), setting, strict)


def is_positive(scalar: Scalar, setting: Setting, strict: tuple[Scalar, ...] = ()) -> bool:
    """Whether a scalar is shown to be > 0: by its enclosure, by a strict assumption below it, or as a sum of positive terms."""
    low = setting.enclosure(scalar).low
    if low is not None and low > 0:
        return True
    if any(known.terms and is_nonnegative(scalar - known, setting, 3) for known in strict):
        return True
    terms = [(_term_sign(factors, setting, strict) if c > 0 else 0) for factors, c in scalar.terms]
    return bool(terms) and min(terms) >= 1 and max(terms) == 2


def _term_sign(factors: Monomial, setting: Setting, strict: tuple[Scalar, ...]) -> int:
    """2 for a monomial that is > 0, 1 for one that is >= 0, 0 when neither is known."""
    if all(_atom_is_positive(atom, setting, strict) for atom, _ in factors):
        return 2
    return 1 if setting.entries_interval(factors).is_nonnegative() else 0


def _atom_is_positive(atom: Atom, setting: Setting, strict: tuple[Scalar, ...]) -> bool:
    if atom.kind == "param" and setting.model.parameter(atom.data[0]).set_named("positive"):
        return True
    low = setting.interval(atom).low
    if low is not None and low > 0:
        return True
    return any(of_atom(atom) == known for known in strict) or (atom.kind == "function" and atom.data[0] == "exp")
