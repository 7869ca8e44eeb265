"""`dim`, `state`, `const`, `def` and `field` statements."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from fractions import Fraction

import odenet.ir.node as nodes
from odenet.ir.calls import Template, checked, lift
from odenet.ir.expressions import Reader
from odenet.ir.model import Block, Definition, Dim, Field, Pair
from odenet.ir.node import Node
from odenet.ir.scope import Entry, Scope
from odenet.ir.sizes import SCALAR, Size, Space
from odenet.ir.spaces import check_size, default_dims, is_whole, read_size, read_tensor_space
from odenet.operators.tensors import Unfit
from odenet.syntax import tree


def entry_of(scope: Scope, name: tree.Name) -> Entry | None:
    """The entry that this very statement declared; None for a name that could not be entered."""
    entry = scope.entries.get(name.text)
    return entry if entry is not None and entry.span == name.span else None


def read_dim(scope: Scope, statement: tree.DimStatement) -> Dim | None:
    """A dim: free with a default, or a polynomial in earlier dims."""
    size = read_size(scope, statement.value)
    entry = entry_of(scope, statement.name)
    if size is None or not check_size(scope, size, statement.value.span, default_dims(scope)) or entry is None:
        return None
    value = size.constant()
    if value is None:
        entry.value = size
    else:
        entry.value, scope.dims[entry.name] = Size.dim(entry.name), int(value)
    return Dim(entry.name, size, statement.span)


def read_state(scope: Scope, statement: tree.StateStatement) -> list[Block]:
    """The blocks of one `state` statement."""
    space = read_tensor_space(scope, statement.space, "a block of the state")
    if space is None:
        return []
    blocks = []
    for name in statement.names:
        if (entry := entry_of(scope, name)) is not None:
            entry.value = entry.space = space
            entry.space_span = statement.space.span
            blocks.append(Block(name.text, space, name.span))
    return blocks


def read_pairs(statements: list[list[Block]]) -> tuple[Pair, ...]:
    """The conjugate pairs: two names of one statement, or a single block of even size alone."""
    pairs = tuple(Pair(group[0].name, group[1].name) for group in statements if len(group) == 2)
    if not pairs and len(statements) == 1 and len(statements[0]) == 1:
        block = statements[0][0]
        if block.space.rank == 1 and is_whole(block.space.sizes[0].scaled(Fraction(1, 2))):
            return (Pair(block.name, block.name),)
    return pairs


def read_const(scope: Scope, statement: tree.ConstStatement) -> tuple[str, Node] | None:
    """An exact number. Errors: ODE309 where it is none."""
    value = Reader(scope).scalar(statement.value, "a constant")
    if value is None:
        return None
    if stranger := not_constant(value):
        scope.faults.report("ODE309", f"`{statement.name.text}` is not a constant", (statement.value.span, stranger),
                            help="a constant is made of numbers, dims and earlier constants; use `def` for the rest")
        return None
    if (entry := entry_of(scope, statement.name)) is not None:
        entry.value = value.at(None)
    return statement.name.text, value.at(None)


def not_constant(value: Node) -> str | None:
    """Why a node is not made of constants and dims, or None when it is."""
    for n in value.walk():
        if n.op == "time":
            return "it uses `t`"
        if n.op in ("state", "param", "variable"):
            return f"it uses `{n.data[0]}`"
    return None


# --- defs -------------------------------------------------------------------------------------------------------------


def read_def(scope: Scope, statement: tree.DefStatement) -> Definition | None:
    """A `def`: its arguments have the space that is given, or that of the state block of the same name, or any."""
    arguments = _read_arguments(scope, statement)
    if arguments is None:
        return None
    spans = {a.name.text: a.span for a in statement.arguments}
    reader = Reader(scope, {name: nodes.variable(name, space) for name, space, _ in arguments},
                    {name: spans[name] for name, _, is_open in arguments if is_open})
    body = reader.read(statement.body)
    if body is None:
        return None
    if checked(reader, statement.body, body) is None:
        return None
    pairs = tuple((name, space) for name, space, _ in arguments)
    template = Template(pairs, tuple(is_open for _, _, is_open in arguments), body,
                        tuple(a.span for a in statement.arguments))
    if (entry := entry_of(scope, statement.name)) is not None and _is_entrywise(scope, statement, template):
        entry.value = template
    return Definition(statement.name.text, pairs, body, statement.span)


def _read_arguments(scope: Scope, statement: tree.DefStatement) -> list[tuple[str, Space, bool]] | None:
    found: list[tuple[str, Space, bool]] = []
    for argument in statement.arguments:
        name = argument.name.text
        if name in {n for n, _, _ in found}:
            scope.faults.report("ODE104", f"`{name}` is declared twice", (argument.name.span, "a second argument"),
                                help="give each argument its own name")
            return None
        block = scope.entries.get(name)
        if argument.space is not None:
            space = read_tensor_space(scope, argument.space, "an argument of a `def`")
            if space is None:
                return None
            found.append((name, space, False))
        elif block is not None and block.kind == "state":
            if block.value is None:
                scope.find(argument.name, ("state",), "block of the state")
                return None
            found.append((name, block.value, False))
        else:
            found.append((name, SCALAR, True))
    return found


def _is_entrywise(scope: Scope, statement: tree.DefStatement, template: Template) -> bool:
    """A `def` whose argument has no space must work entry by entry. Errors: ODE210."""
    if not any(template.is_open) or template.body.space != SCALAR:
        return _report_open(scope, statement, template) if any(template.is_open) else True
    probe = Space((Size.number(2),))
    values = {name: nodes.variable(name, probe if is_open else space)
              for (name, space), is_open in zip(template.arguments, template.is_open, strict=True)}
    try:
        lift(template.body, values)
    except Unfit:
        return _report_open(scope, statement, template)
    return True


def _report_open(scope: Scope, statement: tree.DefStatement, template: Template) -> bool:
    index = template.is_open.index(True)
    name = template.arguments[index][0]
    scope.faults.report("ODE210", f"the argument `{name}` of `{statement.name.text}` needs a space",
                        (template.spans[index], "no block of the state has this name"),
                        (statement.body.span, "not a function of one entry"),
                        help=f"say it: `{name} : R[n]`; without a space a `def` works entry by entry")
    return False


# --- fields -----------------------------------------------------------------------------------------------------------


def read_field(scope: Scope, statement: tree.FieldStatement) -> Field | None:
    """One part of the right-hand side. Errors: ODE111 two rates of a block, ODE217 a rate in another space."""
    rows: dict[str, Node] = {}
    seen: dict[str, tree.FieldRow] = {}
    is_whole_field = True
    for row in statement.rows:
        rate = _read_row(scope, row)
        name = row.block.text
        if name in seen:
            scope.faults.report("ODE111", f"`{name}'` is given twice in one field", (row.block.span, "given again here"),
                                (seen[name].block.span, "first given here"),
                                help=f"add the two rates, or put one into another field: `{name}' = … + …`")
            is_whole_field = False
        seen.setdefault(name, row)
        if rate is None:
            is_whole_field = False
        else:
            rows[name] = rate
    entry = entry_of(scope, statement.name)
    if not is_whole_field or entry is None:
        return None
    found = Field(statement.name.text, tuple(rows.items()), statement.span)
    entry.value = found
    return found


def _read_row(scope: Scope, row: tree.FieldRow) -> Node | None:
    reader = Reader(scope)
    rate = reader.read(row.rate)
    entry = scope.entries.get(row.block.text)
    if entry is not None and entry.kind != "state" and entry.value is not None:
        scope.faults.report("ODE106", f"`{row.block.text}` is {entry.words}, and only the state moves",
                            (row.block.span, "a block of the state is needed here"),
                            (entry.span, f"`{row.block.text}` is declared here"))
        return None
    block = scope.find(row.block, ("state",), "block of the state")
    if block is None or rate is None:
        return None
    if rate.space == block.value:
        return rate
    if rate.space == SCALAR and (nodes.is_number(rate, 0)):
        return nodes.zeros(block.value)
    scope.faults.report("ODE217", f"the rate of `{block.name}` is not in the space of `{block.name}`",
                        (row.rate.span, f"this is in {rate.space}"),
                        (block.space_span or block.span, f"`{block.name}` is in {block.value}"),
                        *[d for d in reader.declared(row.rate) if d[0] != block.space_span],
                        help="a rate has the space of its block; `ones(…)` makes a vector of a scalar"
                        if rate.space == SCALAR else "a rate has the space of its block")
    return None
