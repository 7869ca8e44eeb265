"""The one printer of the tree: Python text in the layout of `ruff format`, lines of at most 120 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from odenet.emit.tree import (
    ATOM,
    SIGN,
    Assign,
    Attribute,
    Binary,
    Call,
    Class,
    Comment,
    Do,
    Entries,
    Expression,
    For,
    Function,
    Items,
    Lambda,
    Module,
    Name,
    Negative,
    Number,
    Raise,
    Return,
    Statement,
    Subscript,
    Text,
    Verbatim,
    With,
    call,
    is_simple,
    strength,
)

WIDTH = 120
INDENT = "    "


def show(module: Module) -> str:
    """The text of a module."""
    lines = ['"""' + module.docstring[0], *module.docstring[1:], '"""', "", *module.imports]
    for statement in module.body:
        lines += ["", "", *_statement(statement, 0)]
    return "\n".join(lines) + "\n"


# --- expressions ------------------------------------------------------------------------------------------------------


def text(expression: Expression) -> str:
    """An expression on one line."""
    if isinstance(expression, Name | Text):
        return expression.text
    if isinstance(expression, Number):
        return repr(expression.value)
    if isinstance(expression, Negative):
        return "-" + _held(expression.operand, ATOM if _is_power(expression.operand) else SIGN)
    if isinstance(expression, Binary):
        return _binary(expression)
    if isinstance(expression, Call):
        return f"{_held(expression.function, ATOM)}({', '.join(_arguments(expression))})"
    if isinstance(expression, Attribute):
        return f"{_held(expression.value, ATOM)}.{expression.name}"
    if isinstance(expression, Subscript):
        return f"{_held(expression.value, ATOM)}[{expression.index}]"
    if isinstance(expression, Lambda):
        return f"lambda {expression.arguments}: {text(expression.body)}"
    if isinstance(expression, Entries):
        return "{" + ", ".join(f'"{key}": {text(value)}' for key, value in expression.items) + "}"
    return _items(expression)


def _held(expression: Expression, least: int) -> str:
    inner = text(expression)
    plain = isinstance(expression, Number) and least == ATOM  # `2.real` is no attribute
    return f"({inner})" if strength(expression) < least or plain else inner


def _binary(expression: Binary) -> str:
    own = strength(expression)
    if expression.operator == "**":
        left = text(expression.left) if isinstance(expression.left, Number) else _held(expression.left, ATOM)
        right = _held(expression.right, SIGN)
        return f"{left}**{right}" if _hugs(expression.left) and _hugs(expression.right) else f"{left} ** {right}"
    return f"{_held(expression.left, own)} {expression.operator} {_held(expression.right, own + 1)}"


def _is_power(operand: Expression) -> bool:
    return isinstance(operand, Binary) and operand.operator == "**"


def _hugs(operand: Expression) -> bool:
    """Whether `**` stands beside the operand without a space."""
    if isinstance(operand, Number):
        return True
    return is_simple(operand) or (isinstance(operand, Negative) and is_simple(operand.operand))


def _arguments(expression: Call) -> list[str]:
    return [*map(text, expression.arguments), *(f"{name}={text(value)}" for name, value in expression.keywords)]


def _items(expression: Items) -> str:
    inner = ", ".join(map(text, expression.items))
    if expression.is_list:
        return f"[{inner}]"
    return f"({inner},)" if len(expression.items) == 1 else f"({inner})"


# --- statements -------------------------------------------------------------------------------------------------------


def _statement(statement: Statement, depth: int) -> list[str]:
    pad = INDENT * depth
    if isinstance(statement, Assign):
        return _assigned(statement, depth)
    if isinstance(statement, Return):
        return _line("return ", statement.value, depth)
    if isinstance(statement, Do):
        return _line("", statement.value, depth)
    if isinstance(statement, Raise):
        return _line("raise ", call(statement.error, Text(f'"{statement.message}"')), depth)
    if isinstance(statement, Comment):
        return [f"{pad}# {statement.text}"]
    if isinstance(statement, Verbatim):
        return [pad + line if line else "" for line in statement.text.rstrip("\n").split("\n")]
    if isinstance(statement, For):
        return [f"{pad}for {statement.targets} in {_bare(statement.iterable)}:", *_suite(statement.body, depth)]
    if isinstance(statement, With):
        return [f"{pad}with {text(statement.context)}:", *_suite(statement.body, depth)]
    if isinstance(statement, Function):
        return list(_function(statement, depth))
    return list(_class(statement, depth))


def _suite(body: Iterable[Statement], depth: int) -> list[str]:
    return [line for statement in body for line in _statement(statement, depth + 1)]


def _bare(expression: Expression) -> str:
    """An expression where a tuple needs no brackets."""
    if isinstance(expression, Items) and not expression.is_list and len(expression.items) > 1:
        return text(expression)[1:-1]
    return text(expression)


def _line(start: str, value: Expression, depth: int, end: str = "") -> list[str]:
    """`start`, an expression and `end`; broken at its outermost brackets when it is too long for one line."""
    pad = INDENT * depth
    if isinstance(value, Entries):
        inner = [line for key, entry in value.items for line in _line(f'"{key}": ', entry, depth + 1, ",")]
        return [f"{pad}{start}{{", *inner, f"{pad}}}{end}"] if inner else [f"{pad}{start}{{}}{end}"]
    line = f"{pad}{start}{text(value) if end == ',' else _bare(value)}{end}"
    if len(line) <= WIDTH:
        return [line]
    if isinstance(value, Subscript) and isinstance(value.value, Call):
        return _line(start, value.value, depth, f"[{value.index}]{end}")
    if isinstance(value, Call):
        parts = [("", a) for a in value.arguments] + [(f"{name}=", a) for name, a in value.keywords]
        return _broken(f"{start}{_held(value.function, ATOM)}(", parts, f"){end}", depth, joins=True)
    if isinstance(value, Items):
        ends = ("[", "]") if value.is_list else ("(", ")")
        return _broken(f"{start}{ends[0]}", [("", item) for item in value.items], ends[1] + end, depth, joins=False)
    if start == "" and end == ",":  # inside brackets already
        inside = _operands(value, depth)
        return [*inside[:-1], inside[-1] + end]
    return [f"{pad}{start}(", *_operands(value, depth + 1), f"{pad}){end}"]


def _operands(value: Expression, depth: int) -> list[str]:
    """A sum or product that needs a line of its own, or one for each operand."""
    pad = INDENT * depth
    if len(pad) + len(text(value)) <= WIDTH or not isinstance(value, Binary) or value.operator == "**":
        return [pad + text(value)]
    own = strength(value)
    parts: list[str] = []
    here: Expression = value
    while isinstance(here, Binary) and strength(here) == own:
        parts.insert(0, f"{here.operator} {_held(here.right, own + 1)}")
        here = here.left
    return [pad + _held(here, own), *(pad + part for part in parts)]


def _broken(head: str, parts: list[tuple[str, Expression]], tail: str, depth: int, joins: bool) -> list[str]:
    """The parts between two brackets: on one line of their own where that may be and fits, else one a line."""
    pad = INDENT * depth
    together = pad + INDENT + ", ".join(start + text(part) for start, part in parts)
    if joins and len(together) <= WIDTH:
        return [pad + head, together, pad + tail]
    comma = "" if joins and len(parts) == 1 else ","
    return [pad + head, *(line for start, part in parts for line in _line(start, part, depth + 1, comma)), pad + tail]


def _assigned(statement: Assign, depth: int) -> list[str]:
    """An assignment; targets that are too many for one line stand one a line."""
    start = f"{', '.join(statement.targets)} = "
    if len(statement.targets) == 1 or len(start) + len(INDENT) * depth + 12 <= WIDTH:
        return _line(start, statement.value, depth)
    pad = INDENT * depth
    return [f"{pad}(", *(f"{pad}{INDENT}{name}," for name in statement.targets), *_line(") = ", statement.value, depth)]


def _function(statement: Function, depth: int) -> Iterator[str]:
    pad = INDENT * depth
    yield from (f"{pad}@{decorator}" for decorator in statement.decorators)
    head = f"{pad}def {statement.name}({', '.join(statement.parameters)}) -> {statement.returns}:"
    if len(head) <= WIDTH:
        yield head
    else:
        parts: list[tuple[str, Expression]] = [("", Text(parameter)) for parameter in statement.parameters]
        yield from _broken(f"def {statement.name}(", parts, f") -> {statement.returns}:", depth, True)
    yield from _docstring(statement.docstring, depth + 1)
    yield from _suite(statement.body, depth)


def _class(statement: Class, depth: int) -> Iterator[str]:
    yield f"{INDENT * depth}class {statement.name}({statement.base}):"
    yield from _docstring(statement.docstring, depth + 1)
    for inner in statement.body:
        yield ""
        yield from _statement(inner, depth + 1)


def _docstring(lines: tuple[str, ...], depth: int) -> Iterator[str]:
    pad = INDENT * depth
    if len(lines) == 1 and len(pad) + len(lines[0]) + 6 > WIDTH:
        lines = tuple(wrap(lines[0], WIDTH - len(pad) - 6))
    if len(lines) == 1:
        yield f'{pad}"""{lines[0]}"""'
    elif lines:
        yield f'{pad}"""{lines[0]}'
        yield from (pad + line if line else "" for line in lines[1:])
        yield f'{pad}"""'
