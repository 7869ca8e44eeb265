"""convex and smooth of a `def` with a scalar value: its Hessian's spectrum."""
from __future__ import annotations

from odenet.algebra.congruences import whole
from odenet.algebra.forms import Form
from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.jacobian import Differentiator
from odenet.algebra.scalars import ZERO, Scalar, Unsupported
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import Spectrum, block_spectrum, half_sum, spectrum
from odenet.ir.model import Definition
from odenet.ir.sizes import SCALAR
from odenet.proof.context import Context, Outcome
from odenet.proof.fields.metric import psd_by_minors
from odenet.proof.finding import Proof
from odenet.proof.rules import by


def _slopes(context: Context, definition: Definition) -> list[Differentiator]:
    return [Differentiator(context.translator, name, context.translator.plain(space), "variable")
            for name, space in definition.arguments]


def gradients(context: Context, definition: Definition) -> list[Form]:
    """The gradient by each argument. Raises Unsupported where its value is no scalar."""
    form = context.form(definition.body)
    if form.end != SCALAR:
        raise Unsupported("the Hessian of a vector")
    return [d.scalar(form.scalar()).T for d in _slopes(context, definition)]


def _hessian(context: Context, definition: Definition) -> list[list[Form]]:
    return [[d.of(g) for d in _slopes(context, definition)] for g in gradients(context, definition)]


def convex(context: Context, definition: Definition, setting: Setting) -> Outcome:
    return _definite(context, definition, setting, None)


def smooth(context: Context, definition: Definition, bound: Scalar, setting: Setting) -> Outcome:
    """|grad V(x) - grad V(y)| <= bound |x - y|"""
    return _definite(context, definition, setting, bound)


def _definite(context: Context, definition: Definition, setting: Setting, bound: Scalar | None) -> Outcome:
    hessian = _hessian(context, definition)
    if any(form.end != SCALAR or form.start != SCALAR for row in hessian for form in row):
        return _by_spectrum(hessian, setting, bound)
    matrix = [[form.scalar() for form in row] for row in hessian]
    if bound is None:
        return psd_by_minors(matrix, setting, "the Hessian")
    sides = []
    for sign in (1, -1):
        shifted = [[(bound if i == j else ZERO) - matrix[i][j].times(sign) for j in range(len(matrix))] for i in range(len(matrix))]
        outcome = psd_by_minors(shifted, setting, f"L I {'-' if sign > 0 else '+'} Hessian")
        if isinstance(outcome, str):
            return outcome
        sides.append(outcome)
    return by("hessian", f"-({bound.key}) <= Hessian <= {bound.key}", *sides)


def _by_spectrum(hessian: list[list[Form]], setting: Setting, bound: Scalar | None) -> Outcome:
    """By the blocks of the Hessian, or by squares of the whole."""
    joined = whole(hessian)
    outcome: Outcome = "no bound is known for the Hessian"
    for how in ("blocks", "whole"):
        found = block_spectrum(hessian, setting) if how == "blocks" else spectrum(half_sum(joined), setting) if joined else None
        if found is not None:
            outcome = _within(found, setting, bound, how)
            if isinstance(outcome, Proof):
                return outcome
    return outcome


def _within(found: Spectrum, setting: Setting, bound: Scalar | None, how: str) -> Outcome:
    if found.low is None or (bound is not None and found.high is None):
        return "the spectrum of the Hessian has no known bound"
    if bound is None:
        if is_nonnegative(found.low, setting):
            return by("hessian", "the Hessian is positive semidefinite", how=how)
        return f"the Hessian is only bounded below by {found.low.key}"
    assert found.high is not None
    if is_nonnegative(bound - found.high, setting) and is_nonnegative(bound + found.low, setting):
        return by("hessian", f"the Hessian has its spectrum in [{found.low.key}, {found.high.key}]", how=how)
    return f"the Hessian has its spectrum in [{found.low.key}, {found.high.key}], not shown to be within {bound.key}"
