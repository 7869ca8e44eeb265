"""A small tree of statements and expressions, free of layout: what a module does, not how its lines are broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union

# How strongly an expression holds together, from loosest to tightest; the printer adds brackets by it.
LOOSE, SUM, PRODUCT, SIGN, POWER, ATOM = 0, 10, 20, 30, 40, 50


@dataclass(frozen=True)
class Name:
    """A name, or dotted names."""

    text: str


@dataclass(frozen=True)
class Number:
    """A Python number, printed by `repr`."""

    value: int | float


@dataclass(frozen=True)
class Text:
    """Text that holds together as strongly as `strength` says."""

    text: str
    strength: int = ATOM


@dataclass(frozen=True)
class Negative:
    operand: Expression


@dataclass(frozen=True)
class Binary:
    """`operator` is one of + - * / // @ **."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Call:
    function: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True)
class Attribute:
    value: Expression
    name: str


@dataclass(frozen=True)
class Subscript:
    """`value[index]`; the index is text such as `:, None`."""

    value: Expression
    index: str


@dataclass(frozen=True)
class Items:
    """A tuple or, with square brackets, a list."""

    items: tuple[Expression, ...]
    is_list: bool = False


@dataclass(frozen=True)
class Entries:
    """A dict with string keys, one entry a line."""

    items: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True)
class Lambda:
    arguments: str
    body: Expression


Expression = Union[Name, Number, Text, Negative, Binary, Call, Attribute, Subscript, Items, Entries, Lambda]


@dataclass(frozen=True)
class Assign:
    """`targets = value`; several targets unpack."""

    targets: tuple[str, ...]
    value: Expression


@dataclass(frozen=True)
class Do:
    """An expression for its effect."""

    value: Expression


@dataclass(frozen=True)
class Return:
    value: Expression


@dataclass(frozen=True)
class Raise:
    error: str
    message: str


@dataclass(frozen=True)
class For:
    targets: str
    iterable: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class With:
    context: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class If:
    """A condition without an alternative; `condition` is text."""

    condition: str
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Comment:
    text: str


@dataclass(frozen=True)
class Function:
    """A function or method. `parameters` are texts with their annotations and defaults."""

    name: str
    parameters: tuple[str, ...]
    returns: str
    docstring: tuple[str, ...]
    body: tuple[Statement, ...]
    decorators: tuple[str, ...] = ()


@dataclass(frozen=True)
class Class:
    name: str
    base: str
    docstring: tuple[str, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Verbatim:
    """Source text that is copied as it stands (functions of `odenet.emit.runtime`)."""

    text: str


Statement = Union[Assign, Do, Return, Raise, For, With, If, Comment, Function, Class, Verbatim]


@dataclass(frozen=True)
class Module:
    docstring: tuple[str, ...]
    imports: tuple[str, ...]
    body: tuple[Statement, ...] = field(default=())


# --- short forms ------------------------------------------------------------------------------------------------------


def call(function: str, *arguments: Expression, **keywords: Expression) -> Call:
    """A call of a function by its dotted name."""
    return Call(Name(function), arguments, tuple(keywords.items()))


def method(value: Expression, name: str, *arguments: Expression, **keywords: Expression) -> Call:
    """A call of a method of a value."""
    return Call(Attribute(value, name), arguments, tuple(keywords.items()))


def items(*values: Expression) -> Items:
    return Items(values)


def targets(names: list[str]) -> tuple[str, ...]:
    """The targets of an assignment that unpacks a tuple."""
    return (f"({names[0]},)",) if len(names) == 1 else tuple(names)


def unpacking(names: list[str]) -> str:
    """The target of an assignment that unpacks a tuple."""
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def strength(expression: Expression) -> int:
    """How strongly an expression holds together."""
    if isinstance(expression, Text):
        return expression.strength
    if isinstance(expression, Number):
        return ATOM if expression.value >= 0 else SIGN
    if isinstance(expression, Negative):
        return SIGN
    if isinstance(expression, Binary):
        return {"+": SUM, "-": SUM, "**": POWER}.get(expression.operator, PRODUCT)
    return LOOSE if isinstance(expression, Lambda) else ATOM


def is_simple(expression: Expression) -> bool:
    """A name, a plain number or an attribute of one: nothing that is computed twice when it is written twice."""
    if isinstance(expression, Attribute):
        return is_simple(expression.value)
    return isinstance(expression, Name) or (isinstance(expression, Number) and expression.value >= 0)
