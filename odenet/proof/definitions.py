"""convex and smooth of a `def` with a scalar value: its Hessian's spectrum."""
from __future__ import annotations

from fractions import Fraction

from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.jacobian import Differentiator
from odenet.algebra.scalars import ZERO, Scalar, rational
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import spectrum
from odenet.ir.model import Definition
from odenet.ir.sizes import SCALAR
from odenet.proof.context import Context, Outcome
from odenet.proof.fields.metric import psd_by_minors
from odenet.proof.rules import by


def _hessian(context: Context, definition: Definition) -> list[list[object]] | str:
    form = context.form(definition.body)
    if form.end != SCALAR:
        return "its value is no scalar"
    slopes = [Differentiator(context.translator, name, context.translator.plain(space), "variable")
              for name, space in definition.arguments]
    gradients = [d.scalar(form.scalar()).T for d in slopes]
    return [[d.of(g) for d in slopes] for g in gradients]


def convex(context: Context, definition: Definition, setting: Setting) -> Outcome:
    return _definite(context, definition, setting, None)


def smooth(context: Context, definition: Definition, bound: Scalar, setting: Setting) -> Outcome:
    """|grad V(x) - grad V(y)| <= bound |x - y|"""
    return _definite(context, definition, setting, bound)


def _definite(context: Context, definition: Definition, setting: Setting, bound: Scalar | None) -> Outcome:
    hessian = _hessian(context, definition)
    if isinstance(hessian, str):
        return hessian
    if len(hessian) == 1 and hessian[0][0].end != SCALAR:  # type: ignore[attr-defined]
        return _by_spectrum(hessian[0][0], setting, bound)
    if any(form.end != SCALAR or form.start != SCALAR for row in hessian for form in row):  # type: ignore[attr-defined]
        return "the Hessian of a def with several vector arguments is not handled"
    matrix = [[form.scalar() for form in row] for row in hessian]  # type: ignore[attr-defined]
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


def _by_spectrum(form: object, setting: Setting, bound: Scalar | None) -> Outcome:
    from odenet.algebra.forms import Form

    assert isinstance(form, Form)
    found = spectrum((form + form.T).scaled(rational(Fraction(1, 2))), setting)
    if found.low is None or (bound is not None and found.high is None):
        return "the spectrum of the Hessian has no known bound"
    if bound is None:
        if is_nonnegative(found.low, setting):
            return by("hessian", "the Hessian is positive semidefinite")
        return f"the Hessian is only bounded below by {found.low.key}"
    assert found.high is not None
    if is_nonnegative(bound - found.high, setting) and is_nonnegative(bound + found.low, setting):
        return by("hessian", f"the Hessian has its spectrum in [{found.low.key}, {found.high.key}]")
    return f"the Hessian has its spectrum in [{found.low.key}, {found.high.key}], not shown to be within {bound.key}"
