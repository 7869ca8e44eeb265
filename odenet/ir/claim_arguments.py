"""The arguments and keywords of a claimed property."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from difflib import get_close_matches
from typing import Union

from odenet.ir.expressions import Reader
from odenet.ir.model import Parameter
from odenet.ir.node import Node, states
from odenet.ir.scope import Scope
from odenet.ir.sizes import Space
from odenet.ir.spaces import default_dims
from odenet.ir.values import constant_value
from odenet.operators.properties import ACTIONS, Property
from odenet.syntax import tree

Argument = Union[Node, str]
_FORMS = {"contractive": "contractive(1/2)", "lipschitz": "lipschitz(1)", "averaged": "averaged(1/2)",
          "preserves": "preserves(dot(x, x))", "dissipates": "dissipates(dot(x, x))",
          "equivariant": "equivariant(permutation)", "order": "order(2)", "smooth": "smooth(1)",
          "hamiltonian": "hamiltonian(H)", "gradient": "gradient(V)"}
_AT_EACH_TIME = ("hamiltonian", "gradient")  # their potentials may depend on t: f = J grad H at each time


def read_arguments(scope: Scope, syntax: tree.PropertySyntax, row: Property, blocks: tuple[str, ...],
                   kind: str) -> tuple[Argument, ...] | None:
    """What stands in the brackets. Errors: ODE403, ODE406, ODE409."""
    given = len(syntax.arguments)
    if not row.least <= given <= len(row.arguments):
        form = _FORMS.get(row.name, row.name)
        scope.faults.report("ODE403", f"`{row.name}` does not take {given} argument{'' if given == 1 else 's'}",
                            (syntax.span, "claimed like this"), help=f"write `{form}`",
                            edits=[(syntax.span, row.name)] if not row.arguments else [])
        return None
    found = [_read(scope, row, what, e, blocks, kind) for what, e in zip(row.arguments, syntax.arguments, strict=False)]
    known = tuple(a for a in found if a is not None)
    return known if len(known) == len(found) else None


def _read(scope: Scope, row: Property, what: str, expression: tree.Expression, blocks: tuple[str, ...],
          kind: str) -> Argument | None:
    if what == "action":
        return _read_action(scope, expression)
    value = Reader(scope).scalar(expression, f"the argument of `{row.name}`")
    if value is None:
        return None
    if row.name not in _AT_EACH_TIME and (why := _not_fixed(scope, what, value)):
        numbers = what in ("number", "order")
        scope.faults.report("ODE406", f"the argument of `{row.name}` cannot use this", (expression.span, why),
                            help="constants, dims and parameters that do not depend on t" if numbers else
                            "an invariant is made of states, constants and parameters that do not depend on t")
        return None
    if what == "invariant":
        return _check_invariant(scope, row, expression, value, blocks, kind)
    return _check_number(scope, row, what, expression, value)


def _not_fixed(scope: Scope, what: str, value: Node) -> str:
    """Why an argument does not mean one thing for all times (and all states, where it is a number)."""
    for n in value.walk():
        if n.op == "time":
            return "it uses `t`"
        if n.op == "param" and scope.entries[n.data[0]].value.schedule is not None:
            return f"`{n.data[0]}` depends on t"
        if n.op == "state" and what in ("number", "order"):
            return f"`{n.data[0]}` is a block of the state"
    return ""


def _check_invariant(scope: Scope, row: Property, expression: tree.Expression, value: Node, blocks: tuple[str, ...],
                     kind: str) -> Node | None:
    strangers = [b for b in sorted(states(value)) if b not in blocks]
    if kind in ("field", "flow") and blocks and strangers and len(strangers) == len(states(value)):
        entry = scope.entries[strangers[0]]
        scope.faults.report("ODE403", f"`{row.name}` speaks of a block that the subject neither reads nor moves",
                            (expression.span, f"`{strangers[0]}` has no part in it"), (entry.span, "declared here"))
        return None
    return value


def _check_number(scope: Scope, row: Property, what: str, expression: tree.Expression, value: Node) -> Node | None:
    number = constant_value(value, default_dims(scope))
    why = ""
    if what == "order" and (number is None or number.denominator != 1 or not 1 <= number <= 20):
        why = "an order is a whole number from 1 to 20"
    elif number is not None and row.name == "averaged" and not 0 < number <= 1:
        why = "an averaged map has its number in (0, 1]"
    elif number is not None and row.name in ("lipschitz", "smooth") and number < 0:
        why = "a Lipschitz constant is at least 0"
    if why:
        scope.faults.report("ODE403", f"`{row.name}` cannot take this number", (expression.span, why))
        return None
    return value


def _read_action(scope: Scope, expression: tree.Expression) -> Argument | None:
    """`permutation`, `translation`, `sign`, or a named orthogonal matrix. Errors: ODE409."""
    if isinstance(expression, tree.Name):
        if expression.text in ACTIONS and expression.text not in scope.entries:
            return expression.text
        entry = scope.entries.get(expression.text)
        if entry is not None and entry.is_read and entry.value is None:
            return None
        if entry is not None and entry.kind == "param" and _is_orthogonal_matrix(entry.value):
            return Reader(scope).read(expression)
    near = get_close_matches(scope.faults.text(expression.span), ACTIONS, 1, 0.6)
    scope.faults.report("ODE409", "no group acts by this", (expression.span, "no group and no orthogonal matrix"),
                        help=f"did you mean `{near[0]}`?" if near else
                        "`permutation`, `translation`, `sign`, or a parameter that is `orthogonal`",
                        edits=[(expression.span, near[0])] if near else [])
    return None


def _is_orthogonal_matrix(parameter: Parameter) -> bool:
    return parameter.set_named("orthogonal") is not None and isinstance(parameter.space, Space)


def read_keywords(scope: Scope, syntax: tree.PropertySyntax, row: Property) -> tuple[tuple[str, Argument], ...] | None:
    """`norm = 1`, `norm = 2`, `norm = inf`. Errors: ODE410."""
    found: list[tuple[str, Argument]] = []
    for keyword in syntax.keywords:
        words = dict(row.keywords).get(keyword.name.text)
        if words is None:
            asked = f"`{row.name}` takes `norm`" if row.keywords else f"`{row.name}` takes none"
            scope.faults.report("ODE410", f"`{row.name}` has no `{keyword.name.text}`", (keyword.span, "not known here"),
                                help=asked)
            return None
        text = scope.faults.text(keyword.value.span)
        if text not in words:
            scope.faults.report("ODE410", f"`{text}` is no {keyword.name.text} of `{row.name}`",
                                (keyword.value.span, f"{', '.join(words)}"), help=f"write `norm = {words[-1]}`",
                                edits=[(keyword.value.span, words[-1])])
            return None
        found.append((keyword.name.text, text))
    return tuple(found)


