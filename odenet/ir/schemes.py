"""`scheme` and `method` statements, and the prelude that ships with the product."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from functools import lru_cache

from odenet.ir.declarations import entry_of
from odenet.ir.expressions import Reader
from odenet.ir.faults import Faults
from odenet.ir.model import Method, Scheme, Table
from odenet.ir.node import Node
from odenet.ir.scope import Scope
from odenet.schemes.lifting import scaled
from odenet.syntax import tree
from odenet.text import Source, Span

_MOST_STAGES = 5_000


def read_scheme(scope: Scope, statement: tree.SchemeStatement) -> Scheme | None:
    """A composition. Errors: ODE501 a stage that is no part, ODE502 its coefficient, ODE104 a part named twice."""
    parts = [p.text for p in statement.parts]
    is_whole = True
    for i, part in enumerate(statement.parts):
        if part.text in parts[:i]:
            scope.faults.report("ODE104", f"`{part.text}` is declared twice", (part.span, "named again"),
                                (statement.parts[parts.index(part.text)].span, "first named here"),
                                help="give each part its own letter")
            is_whole = False
    stages: list[tuple[int, Node]] = []
    for stage in statement.stages:
        found = _read_stage(scope, statement, stage, parts)
        is_whole = is_whole and found is not None
        stages.extend(found or ())
    is_whole = is_whole and _uses_all(scope, statement, parts, stages)
    entry = entry_of(scope, statement.name)
    if len(stages) > _MOST_STAGES:
        scope.faults.report("ODE501", f"`{statement.name.text}` has more than {_MOST_STAGES} stages",
                            (statement.name.span, "too long"))
        return None
    if not is_whole or entry is None:
        return None
    found_scheme = Scheme(statement.name.text, tuple(parts), tuple(stages), statement.span)
    entry.value = found_scheme
    return found_scheme


def _uses_all(scope: Scope, statement: tree.SchemeStatement, parts: list[str], stages: list[tuple[int, Node]]) -> bool:
    used = {index for index, _ in stages}
    idle = [p for i, p in enumerate(statement.parts) if i not in used]
    if not idle or len(stages) < len(statement.stages):
        return True
    scope.faults.report("ODE501", f"the part `{idle[0].text}` of `{statement.name.text}` never moves",
                        (idle[0].span, "in no stage"), help=f"give it a stage, say `{idle[0].text}(1)`")
    return False


def _read_stage(scope: Scope, statement: tree.SchemeStatement, stage: tree.SchemeStage,
                parts: list[str]) -> list[tuple[int, Node]] | None:
    coefficient = _coefficient(scope, stage)
    name = stage.part.text
    if name in parts:
        return None if coefficient is None else [(parts.index(name), coefficient)]
    inner = find_scheme(scope, stage.part, tuple(parts))
    if inner is None or coefficient is None:
        return None
    if len(inner.parts) != len(parts):
        scope.faults.report("ODE501", f"`{name}` composes {len(inner.parts)} parts, and `{statement.name.text}` has "
                            f"{len(parts)}", (stage.part.span, f"of {len(inner.parts)} parts"))
        return None
    return list(scaled(inner, coefficient))


def _coefficient(scope: Scope, stage: tree.SchemeStage) -> Node | None:
    if len(stage.arguments) != 1:
        scope.faults.report("ODE502", f"the stage `{stage.part.text}` needs one coefficient",
                            (stage.span, f"{len(stage.arguments)} are given"),
                            help=f"write `{stage.part.text}(1/2)`: the part of the step that it moves")
        return None
    return read_exact(scope, stage.arguments[0], "a coefficient")


def read_exact(scope: Scope, expression: tree.Expression, owner: str) -> Node | None:
    """An exact number: rationals, + - * /, exact powers, sqrt. Errors: ODE502."""
    from odenet.schemes.numbers import ExactError, exact

    value = Reader(scope).scalar(expression, owner)
    if value is None or value.op == "number":
        return value
    try:
        exact(value)
    except ExactError as error:
        scope.faults.report("ODE502", f"{owner} is an exact number", (expression.span, str(error)))
        return None
    return value.at(None)


# --- finding schemes --------------------------------------------------------------------------------------------------


def find_scheme(scope: Scope, name: tree.Name, extra: tuple[str, ...] = ()) -> Scheme | None:
    """A scheme of the spec or of the prelude."""
    if name.text in scope.entries or name.text not in prelude():
        if name.text not in scope.entries:
            scope.report_unknown(name, ("scheme",), "scheme", (*extra, *prelude()))
            return None
        entry = scope.find(name, ("scheme",), "scheme")
        return None if entry is None else entry.value
    return prelude()[name.text]


@lru_cache(maxsize=1)
def prelude() -> dict[str, Scheme]:
    """The schemes that ship with the product, read from `odenet/specs/prelude.ode`."""
    from importlib.resources import files

    from odenet.syntax import parse

    text = files("odenet.specs").joinpath("prelude.ode").read_text(encoding="utf-8")
    spec = parse(Source("prelude.ode", text), prelude=True)
    return read_prelude(spec)


def read_prelude(spec: tree.Spec) -> dict[str, Scheme]:
    """The schemes of a spec that holds nothing else. Raises Rejected."""
    scope = Scope(Faults(spec.source))
    found: dict[str, Scheme] = {}
    for order, statement in enumerate(spec.statements):
        assert isinstance(statement, tree.SchemeStatement)
        scope.now = order
        scope.declare(statement.name, "scheme", statement.span, order)
        scheme = read_scheme(scope, statement)
        if scheme is not None:
            found[statement.name.text] = scheme
            scope.entries[statement.name.text].is_read = True
    scope.faults.reject()
    return found


# --- methods ----------------------------------------------------------------------------------------------------------


def read_method(scope: Scope, statement: tree.MethodStatement) -> Method | None:
    """`method name = table(nodes, matrix, weights)`. Errors: ODE506."""
    call = statement.value
    if call.function.text != "table" or len(call.arguments) != 3 or call.keywords:
        return _bad_table(scope, call.span, "a table has three arguments: nodes, matrix and weights")
    nodes, matrix, weights = (_items(scope, a) for a in call.arguments)
    if nodes is None or matrix is None or weights is None:
        return None
    rows = [_items(scope, row) for row in matrix]
    size = len(weights)
    known = [row for row in rows if row is not None]
    if len(known) < len(rows):
        return None
    if len(nodes) != size or len(known) != size or any(len(row) != size for row in known):
        return _bad_table(scope, call.span, f"{len(nodes)} nodes, {len(known)} rows and {size} weights do not fit")
    table = _table(scope, nodes, known, weights)
    entry = entry_of(scope, statement.name)
    if table is None or entry is None:
        return None
    method = Method(statement.name.text, "runge_kutta", table)
    entry.value = method
    return method


def _items(scope: Scope, expression: tree.Expression) -> tuple[tree.Expression, ...] | None:
    if isinstance(expression, tree.Vector):
        return expression.items
    return _bad_table(scope, expression.span, "a list `[…]` is needed here")


def _table(scope: Scope, nodes: tuple[tree.Expression, ...], matrix: list[tuple[tree.Expression, ...]],
           weights: tuple[tree.Expression, ...]) -> Table | None:
    c = [read_exact(scope, e, "an entry of a table") for e in nodes]
    a = [[read_exact(scope, e, "an entry of a table") for e in row] for row in matrix]
    b = [read_exact(scope, e, "an entry of a table") for e in weights]
    if any(x is None for x in (*c, *b, *(x for row in a for x in row))):
        return None
    return Table(tuple(x for x in c if x), tuple(tuple(x for x in row if x) for row in a), tuple(x for x in b if x))


def _bad_table(scope: Scope, span: Span, why: str) -> None:
    scope.faults.report("ODE506", "this is not a Runge-Kutta table", (span, why),
                        help="write `table([0, 2/3], [[0, 0], [2/3, 0]], [1/4, 3/4])`")

