"""The one printer of the tree: Python text in the layout of `ruff format`, lines of at most 120 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
        return "-" + _held(expression.operand, SIGN)
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
        left, right = _held(expression.left, ATOM), _held(expression.right, SIGN)
        return f"{left}**{right}" if _hugs(expression.left) and _hugs(expression.right) else f"{left} ** {right}"
    return f"{_held(expression.left, own)} {expression.operator} {_held(expression.right, own + 1)}"


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
        return _line(f"{', '.join(statement.targets)} = ", statement.value, depth)
    if isinstance(statement, Return):
        return _line("return ", statement.value, depth)
    if isinstance(statement, Do):
        return _line("", statement.value, depth)
    if isinstance(statement, Raise):
        return [f'{pad}raise {statement.error}("{statement.message}")']
    if isinstance(statement, Comment):
        return [f"{pad}# {statement.text}"]
    if isinstance(statement, Verbatim):
        return [pad + line if line else "" for line in statement.text.rstrip("\n").split("\n")]
    if isinstance(statement, For):
        head = f"{pad}for {statement.targets} in {_bare(statement.iterable)}:"
        return [*_broken_head(head, depth), *_suite(statement.body, depth)]
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


def _line(start: str, value: Expression, depth: int) -> list[str]:
    """`start` and an expression; broken at its outermost brackets when it is too long for one line."""
    pad = INDENT * depth
    if isinstance(value, Entries):
        inner = [f'{pad}{INDENT}"{key}": {text(entry)},' for key, entry in value.items]
        return [f"{pad}{start}{{", *inner, f"{pad}}}"] if inner else [f"{pad}{start}{{}}"]
    line = f"{pad}{start}{_bare(value)}"
    if len(line) <= WIDTH:
        return [line]
    if isinstance(value, Call):
        return _broken(f"{pad}{start}{_held(value.function, ATOM)}(", _arguments(value), ")", depth, joins=True)
    if isinstance(value, Items):
        ends = ("[", "]") if value.is_list else ("(", ")")
        return _broken(f"{pad}{start}{ends[0]}", list(map(text, value.items)), ends[1], depth, joins=False)
    return [f"{pad}{start}(", f"{pad}{INDENT}{text(value)}", f"{pad})"]


def _broken(head: str, parts: list[str], tail: str, depth: int, joins: bool) -> list[str]:
    """The parts between two brackets: on one line of their own where that may be and fits, else one a line."""
    pad = INDENT * (depth + 1)
    together = pad + ", ".join(parts)
    if joins and len(together) <= WIDTH:
        return [head, together, INDENT * depth + tail]
    return [head, *(f"{pad}{part}," for part in parts), INDENT * depth + tail]


def _broken_head(head: str, depth: int) -> list[str]:
    """The head of a loop over `zip(...)`, broken at its last brackets when it is too long."""
    if len(head) <= WIDTH:
        return [head]
    cut = head.index(" in ") + 4
    targets = head[len(INDENT * depth) + 4 : cut - 4]
    pad = INDENT * depth
    return [f"{pad}for (", *(f"{pad}{INDENT}{part}," for part in targets.strip("()").split(", ")), f"{pad}) in {head[cut:]}"]


def _function(statement: Function, depth: int) -> Iterator[str]:
    pad = INDENT * depth
    yield from (f"{pad}@{decorator}" for decorator in statement.decorators)
    head = f"{pad}def {statement.name}({', '.join(statement.parameters)}) -> {statement.returns}:"
    if len(head) <= WIDTH:
        yield head
    else:
        yield from _broken(f"{pad}def {statement.name}(", list(statement.parameters), f") -> {statement.returns}:", depth, True)
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
    if len(lines) == 1:
        yield f'{pad}"""{lines[0]}"""'
    elif lines:
        yield f'{pad}"""{lines[0]}'
        yield from (pad + line if line else "" for line in lines[1:])
        yield f'{pad}"""'
