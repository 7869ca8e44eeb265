"""`grad(V, q)`, `div(f, q)` and `laplacian(V, q)`: differentiated when the model is built."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from typing import TYPE_CHECKING

from odenet.ir.calls import checked
from odenet.ir.differentiate import NotSupported, divergence, laplacian, reverse
from odenet.ir.differentiate.products import collect
from odenet.ir.node import Node, state
from odenet.ir.sizes import SCALAR, Size, Space
from odenet.syntax import tree

if TYPE_CHECKING:
    from odenet.ir.expressions import Reader


def read_derivative(reader: Reader, call: tree.Call) -> Node | None:
    """The node of a derivative. Errors: ODE214, ODE216 and those of its arguments."""
    name = call.function.text
    subject = reader.read(_called(reader, call.arguments[0]))
    leaves = _leaves(reader, call.arguments[1])
    if subject is None or leaves is None:
        return None
    if name != "div" and subject.space != SCALAR:
        first = call.arguments[0]
        return reader.fault("ODE214", f"`{name}` is taken of a scalar", first, f"this is in {subject.space}",
                            *reader.declared(first), help="a potential is a scalar, say a `sum(…)`")
    try:
        found = _derivative(reader, call, subject, leaves)
        return None if found is None else checked(reader, call, found)
    except NotSupported:
        return reader.fault("ODE216", f"`{name}` of this has no closed form for a block of symbolic size", call,
                            f"over {leaves[0].space}",
                            help="write the trace out by hand, or declare the block with a number: `R[3]`")


def _called(reader: Reader, subject: tree.Expression) -> tree.Expression:
    """`V` written for `V(q, p)`: a `def` whose arguments are called like what can be read here, applied to those."""
    names = reader.own_arguments(subject) if isinstance(subject, tree.Name) else None
    if names is None:
        return subject
    assert isinstance(subject, tree.Name)
    return tree.Call(subject, tuple(tree.Name(name, subject.span) for name in names), (), subject.span)


def _leaves(reader: Reader, expression: tree.Expression) -> list[Node] | None:
    """The blocks to differentiate by: a name, or `[x, y]` of scalar blocks."""
    items = expression.items if isinstance(expression, tree.Vector) else (expression,)
    found: list[Node] = []
    for item in items:
        leaf = _leaf(reader, item)
        if leaf is None:
            return None
        found.append(leaf)
    if isinstance(expression, tree.Vector) and any(leaf.space != SCALAR for leaf in found):
        return reader.fault("ODE216", "`[…]` of blocks differentiates by scalar blocks only", expression,
                            "one of them is no scalar", *reader.declared(expression))
    return found


def _leaf(reader: Reader, item: tree.Expression) -> Node | None:
    if isinstance(item, tree.Name):
        if item.text in reader.arguments:
            return reader.arguments[item.text]
        entry = reader.scope.entries.get(item.text)
        if entry is None or entry.kind == "state":
            entry = reader.scope.find(item, ("state",), "block of the state")
            return None if entry is None else state(entry.name, entry.value)
        if entry.is_read and entry.value is None:
            return None
    return reader.fault("ODE216", f"cannot differentiate by `{reader.text(item)}`", item, "no block of the state",
                        help="name a block: `grad(V(q), q)`")


def _derivative(reader: Reader, call: tree.Call, subject: Node, leaves: list[Node]) -> Node | None:
    if call.function.text == "grad":
        grown = reverse(subject, tuple(leaves))
        rows = [grown[leaf] for leaf in leaves]
        return rows[0] if isinstance(call.arguments[1], tree.Name) else _stack(rows)
    if call.function.text == "laplacian":
        return collect(*(laplacian(subject, leaf) for leaf in leaves))
    return _divergence(reader, call, subject, leaves)


def _divergence(reader: Reader, call: tree.Call, subject: Node, leaves: list[Node]) -> Node | None:
    if isinstance(call.arguments[1], tree.Name):
        parts = [subject]
    elif subject.op == "stack":
        parts = list(subject.args)
    else:
        parts = [Node("index", (subject,), (i,), SCALAR) for i in range(len(leaves))]
    whole = subject.space == Space((Size.number(len(leaves)),)) or len(parts) == 1
    if not whole or len(parts) != len(leaves) or any(p.space != q.space for p, q in zip(parts, leaves, strict=True)):
        return reader.fault("ODE216", "`div` needs as many components as it differentiates by", call,
                            f"{subject.space} by `{reader.text(call.arguments[1])}`",
                            *reader.declared(*call.arguments))
    return collect(*(divergence(p, q) for p, q in zip(parts, leaves, strict=True)))


def _stack(rows: list[Node]) -> Node:
    return Node("stack", tuple(rows), (), Space((Size.number(len(rows)),)))
