"""Calls in expressions: elementwise functions, tensor operations, derivatives, and `def`s."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import odenet.ir.node as nodes
from odenet.ir.arithmetic import join
from odenet.ir.differentiate.products import by_scalar, powered
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR, Size, Space
from odenet.ir.spaces import check_size, default_dims, read_size
from odenet.operators.functions import FUNCTIONS, Function, public_names
from odenet.operators.tensors import TENSORS, Tensor, Unfit
from odenet.syntax import tree
from odenet.text import Span

if TYPE_CHECKING:
    from odenet.ir.expressions import Reader

LARGEST_EXPRESSION = 20_000  # operations, counted where they are written out
DEEPEST_EXPRESSION = 250  # operations inside each other
_ENTRY_BY_ENTRY = frozenset(("add", "mul", "scale", "power", "function", "largest", "smallest"))

_REDUCTIONS = ("sum", "mean", "norm", "dot")


@dataclass(frozen=True)
class Template:
    """A `def` as read: its body holds `variable` nodes. `is_open`: the argument has no space, and takes any."""

    arguments: tuple[tuple[str, Space], ...]
    is_open: tuple[bool, ...]
    body: Node
    spans: tuple[Span, ...]


def read_call(reader: Reader, call: tree.Call) -> Node | None:
    """The node of a call. Errors: ODE105, ODE106, ODE110 and those of its arguments."""
    name = call.function.text
    entry = reader.scope.entries.get(name)
    if entry is None and name in TENSORS:
        return _read_tensor(reader, call, TENSORS[name])
    if entry is None and name in FUNCTIONS and FUNCTIONS[name].is_public:
        return _read_function(reader, call, FUNCTIONS[name])
    if entry is None:
        reader.scope.report_unknown(call.function, ("def",), "function", (*public_names(), *TENSORS))
        _read_all(reader, call)
        return None
    if entry.kind != "def":
        return _report_no_function(reader, call)
    found = reader.scope.find(call.function, ("def",), "function")
    arguments = _read_all(reader, call)
    return None if found is None else _expand(reader, call, found.value, arguments)


def _report_no_function(reader: Reader, call: tree.Call) -> None:
    entry = reader.scope.entries[call.function.text]
    if entry.is_read and entry.value is None:
        return
    product = f"{entry.name} * ({reader.text(call.arguments[0])})" if call.arguments else entry.name
    reader.fault("ODE106", f"`{entry.name}` is {entry.words}, not a function", call.function, "called here",
                 (entry.span, f"`{entry.name}` is declared here"), help=f"a product is written `{product}`")


def _read_all(reader: Reader, call: tree.Call) -> list[Node | None]:
    for keyword in call.keywords:
        reader.fault("ODE110", f"`{call.function.text}` takes no argument named `{keyword.name.text}`", keyword,
                     "not known here")
    found = [reader.read(a) for a in call.arguments]
    return [*found, None] if call.keywords else found


# --- elementwise functions ------------------------------------------------------------------------------------------


def _read_function(reader: Reader, call: tree.Call, row: Function) -> Node | None:
    form = ", ".join(["z", *("a" if d is None else f"a = {d}" for d in row.defaults)])
    expressions = _positions(reader, call, row, f"{row.name}({form})")
    if expressions is None:
        return None
    argument, *rest = [reader.read(e) for e in expressions]
    if argument is None or any(r is None for r in rest):
        return None
    parameters = _parameters(reader, row, expressions[1:], [r for r in rest if r is not None])
    if parameters is None:
        return None
    if row.name == "sqrt" and argument.op == "number" and argument.data[0] >= 0:
        return powered(argument, Fraction(1, 2))
    return nodes.function(row.name, argument, *parameters)


def _positions(reader: Reader, call: tree.Call, row: Function, form: str) -> list[tree.Expression] | None:
    """The argument and the parameters in order; a parameter may be given as `a = …`."""
    given = list(call.arguments)
    for keyword in call.keywords:
        if keyword.name.text != "a" or len(given) != 1 or not row.defaults:
            return reader.fault("ODE110", f"`{row.name}` takes no argument named `{keyword.name.text}`", keyword,
                                "not known here", help=f"write `{form}`")
        given.append(keyword.value)
    least = 1 + sum(d is None for d in row.defaults)
    if not least <= len(given) <= 1 + len(row.defaults):
        return _report_count(reader, call, len(given), form)
    return given


def _report_count(reader: Reader, call: tree.Call, given: int, form: str) -> None:
    word = "argument" if given == 1 else "arguments"
    reader.fault("ODE110", f"`{call.function.text}` does not take {given} {word}", call, f"{given} {word}",
                 help=f"write `{form}`")


def _parameters(reader: Reader, row: Function, at: list[tree.Expression], given: list[Node]) -> list[Fraction] | None:
    values: list[Fraction] = []
    for expression, node in zip(at, given, strict=True):
        if node.op != "number":
            return reader.fault("ODE212", f"the parameter of `{row.name}` is an exact rational number", expression,
                                "this may vary")
        values.append(node.data[0])
    values += [d for d in row.defaults[len(values):] if d is not None]
    if row.admits is not None and not row.admits[0](*values):
        return reader.fault("ODE213", f"the parameter of `{row.name}` must be {row.admits[1]}", at[0], f"it is {values[0]}")
    return values


# --- tensor operations ----------------------------------------------------------------------------------------------


def _read_tensor(reader: Reader, call: tree.Call, row: Tensor) -> Node | None:
    given = len(call.arguments)
    if given < row.least or (row.most is not None and given > row.most):
        return _report_count(reader, call, given, row.form)
    if row.make is None:
        from odenet.ir.derivatives import read_derivative

        return read_derivative(reader, call)
    if row.takes == "sizes":
        return _read_constant(reader, call, row)
    values = _read_all(reader, call)
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return None
    if (row.name in _REDUCTIONS or len(known) == 1) and not reader.reduces(call, *known):
        return None
    try:
        if len({v.op for v in known}) == 1 and known[0].op == "number" and row.name in ("max", "min") and len(known) > 1:
            return nodes.number((max if row.name == "max" else min)(v.data[0] for v in known))
        return row.make(*known)
    except Unfit as unfit:
        return _report_unfit(reader, call, unfit)


def _report_unfit(reader: Reader, call: tree.Call, unfit: Unfit) -> None:
    name = call.function.text
    if unfit.argument is None:
        return reader.fault("ODE209", f"cannot take `{name}` of these", call, unfit.why, *reader.declared(*call.arguments),
                            help=unfit.help)
    argument = call.arguments[unfit.argument]
    return reader.fault("ODE209", f"cannot take `{name}` of `{reader.text(argument)}`", argument, f"this {unfit.why}",
                        *reader.declared(argument), help=unfit.help)


def _read_constant(reader: Reader, call: tree.Call, row: Tensor) -> Node | None:
    sizes = [read_size(reader.scope, a) for a in call.arguments]
    defaults = default_dims(reader.scope)
    known: list[Size] = [s for s in sizes if s is not None]
    if len(known) < len(sizes):
        return None
    if not all(check_size(reader.scope, s, a.span, defaults) for s, a in zip(known, call.arguments, strict=True)):
        return None
    assert row.make is not None
    return row.make(*known)


# --- defs -------------------------------------------------------------------------------------------------------------


def _expand(reader: Reader, call: tree.Call, template: Template, given: list[Node | None]) -> Node | None:
    names = ", ".join(name for name, _ in template.arguments)
    if len(call.arguments) != len(template.arguments):
        return _report_count(reader, call, len(call.arguments), f"{call.function.text}({names})")
    values: dict[str, Node] = {}
    for (name, space), is_open, span, node, e in zip(template.arguments, template.is_open, template.spans, given,
                                                      call.arguments, strict=False):
        if node is None:
            return None
        if not is_open and node.space != space:
            return reader.fault("ODE210", f"`{call.function.text}` takes its argument `{name}` in {space}", e,
                                f"`{reader.text(e)}` is in {node.space}", (span, f"`{name}` is in {space}"),
                                *reader.declared(e))
        values[name] = node
    return _substitute(reader, call, template, values)


def _substitute(reader: Reader, call: tree.Call, template: Template, values: dict[str, Node]) -> Node | None:
    try:
        found = lift(template.body, values)
    except Unfit as unfit:
        return reader.fault("ODE210", f"`{call.function.text}` cannot be used entry by entry", call, unfit.why,
                            (template.spans[0], "this argument has no space of its own"),
                            help="give the argument its space in the `def`: `def f(z : R[n]) = …`")
    return checked(reader, call, found)


def checked(reader: Reader, expression: tree.Expression, found: Node) -> Node | None:
    """An expression, unless it has grown out of all bounds. Errors: ODE109."""
    weight, depth = extent(found)
    if weight <= LARGEST_EXPRESSION and depth <= DEEPEST_EXPRESSION:
        return found
    why = f"more than {LARGEST_EXPRESSION:,} operations" if weight > LARGEST_EXPRESSION else (
        f"more than {DEEPEST_EXPRESSION} operations inside each other")
    return reader.fault("ODE109", "this expression is too large when it is written out", expression, why,
                        help="use fewer or smaller `def`s")


def lift(body: Node, values: dict[str, Node]) -> Node:
    """The body of a `def` with its variables replaced; scalar ones may become tensors, entry by entry. Raises Unfit."""
    known: dict[Node, Node] = {}
    for n in body.walk():
        if n.op == "variable" and n.data[0] in values:
            known[n] = values[n.data[0]]
            continue
        arguments = tuple(known[a] for a in n.args)
        if arguments == n.args:
            known[n] = n
        elif all(a.space == b.space for a, b in zip(arguments, n.args, strict=True)):
            known[n] = Node(n.op, arguments, n.data, n.space, n.span)
        else:
            known[n] = _lifted(n, arguments)
    return known[body]


def _lifted(n: Node, arguments: tuple[Node, ...]) -> Node:
    if n.op not in _ENTRY_BY_ENTRY or n.space != SCALAR or (n.op in ("largest", "smallest") and len(n.args) == 1):
        raise Unfit(None, "its body is more than a function of one entry")
    wide = next(a.space for a in arguments if a.space != SCALAR)
    if n.op == "mul":
        left, right = arguments
        if left.space == right.space:
            return Node("mul", arguments, (), wide, n.span)
        scalar, tensor = (left, right) if left.space == SCALAR else (right, left)
        if scalar.space != SCALAR:
            raise Unfit(None, f"its arguments are in {left.space} and {right.space}")
        return by_scalar(scalar, tensor)
    joined = [join(a, nodes.zeros(wide)) for a in arguments]
    spread = [j[0] for j in joined if j is not None]
    if len(spread) < len(arguments) or any(s.space != wide for s in spread):
        raise Unfit(None, "its arguments are in different spaces")
    return nodes.add(*spread) if n.op == "add" else Node(n.op, tuple(spread), n.data, wide, n.span)


def extent(node: Node) -> tuple[int, int]:
    """The number of operations of a node where it is written out in full, and how many stand inside each other."""
    known: dict[Node, tuple[int, int]] = {}
    for n in node.walk():
        inner = [known[a] for a in n.args]
        known[n] = 1 + sum(w for w, _ in inner), 1 + max((d for _, d in inner), default=0)
    return known[node]
