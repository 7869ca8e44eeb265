"""`flow` statements: a scheme, its parts with their methods, the time interval, the steps."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from odenet.ir.declarations import entry_of
from odenet.ir.differentiate import products
from odenet.ir.expressions import Reader
from odenet.ir.model import Field, Flow, Method, Part, Scheme
from odenet.ir.node import Node, depends_on, number, states
from odenet.ir.schemes import find_scheme
from odenet.ir.scope import Scope
from odenet.ir.sizes import Size
from odenet.ir.spaces import check_size, default_dims, read_size
from odenet.ir.values import constant_value
from odenet.syntax import tree
from odenet.text import Span

MOST_STEPS = 1_000_000


def read_flow(scope: Scope, statement: tree.FlowStatement) -> Flow | None:
    """A discretised map. Errors: ODE501, ODE503 to ODE507 and those of names."""
    parts = [_read_part(scope, p) for p in statement.parts]
    scheme = find_scheme(scope, statement.scheme)
    expanded = None if scheme is None else _expand(scope, statement, scheme)
    interval = _read_interval(scope, statement)
    steps = _read_steps(scope, statement)
    entry = entry_of(scope, statement.name)
    known = [p for p in parts if p is not None]
    _check_repeats(scope, statement)
    if len(known) < len(parts) or expanded is None or interval is None or steps is None or entry is None:
        return None
    start, end = interval
    step = step_length(start, end, steps)
    blocks = _blocks(scope, known)
    flow = Flow(statement.name.text, expanded, tuple(known), start, end, steps, step, blocks, statement.span)
    entry.value = flow
    return flow


def _expand(scope: Scope, statement: tree.FlowStatement, scheme: Scheme) -> Scheme | None:
    """The scheme for as many parts as the flow has. Errors: ODE501."""
    from odenet.schemes.lifting import expand

    given = len(statement.parts)
    stages = expand(scheme, given)
    if stages is not None:
        names = scheme.parts if len(scheme.parts) == given else tuple(p.field.text for p in statement.parts)
        return replace(scheme, parts=names, stages=stages)
    plural = "part" if given == 1 else "parts"
    labels = [(statement.scheme.span, f"composes {len(scheme.parts)} parts")]
    if scheme.span is not None and scheme.name in scope.entries:
        labels.append((scope.entries[scheme.name].span, "declared here"))
    scope.faults.report("ODE501", f"`{scheme.name}` cannot compose {given} {plural}", *labels,
                        help=f"name {len(scheme.parts)} parts, or write a scheme for {given}")
    return None


def _check_repeats(scope: Scope, statement: tree.FlowStatement) -> None:
    first: dict[str, tree.FlowPart] = {}
    for part in statement.parts:
        earlier = first.setdefault(part.field.text, part)
        if earlier is not part:
            scope.faults.report("ODE507", f"`{part.field.text}` is a part of `{statement.name.text}` twice",
                                (part.span, "named again"), (earlier.span, "first named here"),
                                help="the ODE is the sum of the parts; let a scheme move one of them more than once")


# --- parts and methods ------------------------------------------------------------------------------------------------


def _read_part(scope: Scope, part: tree.FlowPart) -> Part | None:
    entry = scope.find(part.field, ("field",), "field")
    if part.method is None:
        method: Method | None = Method("exact", "exact")
    else:
        method = _read_method(scope, part.method)
    if entry is None or method is None:
        return None
    return Part(part.field.text, method, part.span)


def _read_method(scope: Scope, use: tree.MethodUse) -> Method | None:
    """A method by name. Errors: ODE105 unknown, ODE507 malformed."""
    name = use.name.text
    if name == "relax":
        return _read_relax(scope, use)
    if use.arguments:
        scope.faults.report("ODE507", f"`{name}` takes no argument", (use.span, "written with an argument"),
                            help=f"write `{name}`", edits=[(use.span, name)])
        return None
    if name in ("exact", "discrete_gradient"):
        return Method(name, name)
    return _table_method(scope, use.name)


def _table_method(scope: Scope, name: tree.Name) -> Method | None:
    from odenet.schemes import methods

    if name.text in scope.entries:
        entry = scope.find(name, ("method",), "method")
        return None if entry is None else entry.value
    table = methods.named(name.text)
    if table is not None:
        return Method(name.text, "runge_kutta", table)
    scope.report_unknown(name, ("method",), "method", ("exact", *methods.names(), "discrete_gradient", "relax"))
    return None


def _read_relax(scope: Scope, use: tree.MethodUse) -> Method | None:
    """`relax(heun)` or `relax(heun, I)` with I a quadratic of the state."""
    if not 1 <= len(use.arguments) <= 2 or not isinstance(use.arguments[0], tree.Name):
        scope.faults.report("ODE507", "`relax` needs the method that it corrects", (use.span, "no method named"),
                            help="write `relax(heun)`, or `relax(heun, I)` with the quadratic `I` to keep")
        return None
    inner = _table_method(scope, use.arguments[0])
    if len(use.arguments) == 1:
        return None if inner is None else Method("relax", "relax", inner=inner)
    invariant = Reader(scope).scalar(use.arguments[1], "what `relax` keeps")
    if inner is None or invariant is None or not _is_invariant(scope, use.arguments[1], invariant):
        return None
    return Method("relax", "relax", inner=inner, invariant=invariant)


def _is_invariant(scope: Scope, expression: tree.Expression, invariant: Node) -> bool:
    why = "" if states(invariant) else "it is the same at every state"
    if depends_on(invariant, "time"):
        why = "it uses `t`"
    for n in invariant.walk():
        if n.op == "param" and scope.entries[n.data[0]].value.schedule is not None:
            why = f"`{n.data[0]}` depends on t"
    if why:
        scope.faults.report("ODE507", "`relax` keeps a quadratic of the state", (expression.span, why))
    return not why


# --- time -------------------------------------------------------------------------------------------------------------


def _read_interval(scope: Scope, statement: tree.FlowStatement) -> tuple[Node, Node] | None:
    """Errors: ODE504 not an interval of time, ODE505 none is given."""
    if statement.start is None or statement.end is None:
        end = statement.span.end
        scope.faults.report("ODE505", f"`{statement.name.text}` has no interval of time",
                            (statement.name.span, "`over [t0, t1]` is missing"), help="write `over [0, 1]`",
                            edits=[(Span(end, end), " over [0, 1]")])
        return None
    ends = [_read_time(scope, e) for e in (statement.start, statement.end)]
    if ends[0] is None or ends[1] is None:
        return None
    low, high = (constant_value(e, default_dims(scope)) for e in ends if e is not None)
    if low is not None and high is not None and low >= high:
        texts = [scope.faults.text(e.span) for e in (statement.start, statement.end)]
        source = scope.faults.source.text
        swap = [(statement.start.span, source[statement.end.span.start:statement.end.span.end]),
                (statement.end.span, source[statement.start.span.start:statement.start.span.end])]
        scope.faults.report("ODE504", f"the interval of time [{texts[0]}, {texts[1]}] has no length",
                            (statement.start.span.to(statement.end.span), "time runs from left to right"),
                            help=f"write `over [{texts[1]}, {texts[0]}]`" if low > high else "end it later",
                            edits=swap if low > high else [])
        return None
    return ends[0], ends[1]


def _read_time(scope: Scope, expression: tree.Expression) -> Node | None:
    value = Reader(scope).scalar(expression, "an end of the interval")
    if value is None:
        return None
    for n in value.walk():
        if n.op in ("state", "param", "time"):
            name = n.data[0] if n.data else "t"
            scope.faults.report("ODE504", "an end of the interval of time is a constant",
                                (expression.span, f"it uses `{name}`"), help="use numbers, constants and dims")
            return None
    return value.at(None)


def _read_steps(scope: Scope, statement: tree.FlowStatement) -> Size | None:
    """Errors: ODE503 not a number of steps, ODE505 none is given."""
    if statement.steps is None:
        end = statement.span.end
        scope.faults.report("ODE505", f"`{statement.name.text}` has no number of steps",
                            (statement.name.span, "`steps N` is missing"), help="write `steps 10`",
                            edits=[(Span(end, end), " steps 10")])
        return None
    steps = read_size(scope, statement.steps)
    if steps is None or not check_size(scope, steps, statement.steps.span, default_dims(scope)):
        return None
    if steps.evaluate(default_dims(scope)) > MOST_STEPS:
        scope.faults.report("ODE503", "too many steps", (statement.steps.span, f"more than {MOST_STEPS:,}"),
                            help=f"at most {MOST_STEPS:,} steps; a longer run is several calls")
        return None
    return steps


def step_length(start: Node, end: Node, steps: Size) -> Node:
    """(end - start) / steps, a number where the dims cancel: over [0, 2*L] in L steps it is 2."""
    length = products.collect(end, products.scaled(Fraction(-1), start))
    size = as_size(length)
    if size is not None and size.terms and steps.terms:
        ratio = size.terms[0][1] / steps.terms[0][1]
        if size == steps.scaled(ratio):
            return number(ratio)
    return products.times(length, products.powered(products.size_node(steps), Fraction(-1)))


def as_size(node: Node) -> Size | None:
    """A node as a polynomial in dims, where it is one."""
    known: dict[Node, Size] = {}
    for n in node.walk():
        if n.op == "number":
            known[n] = Size.number(n.data[0])
        elif n.op == "dim":
            known[n] = Size.dim(n.data[0])
        elif n.op == "add":
            known[n] = sum((known[a] for a in n.args), Size())
        elif n.op == "mul":
            known[n] = known[n.args[0]] * known[n.args[1]]
        elif n.op == "power" and n.data[0].denominator == 1 and 0 < n.data[0] < 8:
            for _ in range(int(n.data[0])):
                known[n] = known.get(n, Size.number(1)) * known[n.args[0]]
        else:
            return None
    return known[node]


def _blocks(scope: Scope, parts: list[Part]) -> tuple[str, ...]:
    """The blocks that the fields read or move, and those of what `relax` keeps, in the order of their declaration."""
    used: set[str] = set()
    for part in parts:
        used |= set() if part.method.invariant is None else states(part.method.invariant)
        field: Field = scope.entries[part.field].value
        for name, rate in field.rows:
            used |= {name} | states(rate)
    return tuple(e.name for e in scope.entries.values() if e.kind == "state" and e.name in used)
