"""Sizes and spaces from what was written."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from itertools import product
from math import lcm

from odenet.ir.model import ConvolutionSpace
from odenet.ir.node import Node
from odenet.ir.scope import Scope
from odenet.ir.sizes import Size, Space
from odenet.syntax import tree
from odenet.text import Span

LARGEST_SIZE = 10**9  # of a dim, and of the number of entries along one axis
_MOST_TERMS = 64
_MOST_RANK = 3


def read_size(scope: Scope, expression: tree.Expression) -> Size | None:
    """A polynomial in dims. Errors: ODE201 not a polynomial in dims, and those of names."""
    if isinstance(expression, tree.Number):
        return Size.number(expression.value)
    if isinstance(expression, tree.Name):
        return _named_size(scope, expression)
    if isinstance(expression, tree.Negation):
        inner = read_size(scope, expression.operand)
        return None if inner is None else -inner
    if isinstance(expression, tree.Binary) and expression.operator in "+-*/^":
        return _combined(scope, expression)
    return _no_size(scope, expression.span, "only numbers, dims and + - * / ^ make a size")


def _named_size(scope: Scope, name: tree.Name) -> Size | None:
    entry = scope.find(name, ("dim", "const"), "dim")
    if entry is None:
        return None
    if entry.kind == "dim":
        return entry.value  # type: ignore[no-any-return]
    value: Node = entry.value
    return Size.number(value.data[0]) if value.op == "number" else _no_size(scope, name.span, "not a rational number")


def _combined(scope: Scope, expression: tree.Binary) -> Size | None:
    left, right = read_size(scope, expression.left), read_size(scope, expression.right)
    if left is None or right is None:
        return None
    found = _operate(expression.operator, left, right)
    if found is None or len(found.terms) > _MOST_TERMS:
        return _no_size(scope, expression.span, "not a polynomial in dims with rational coefficients")
    return found


def _operate(operator: str, left: Size, right: Size) -> Size | None:
    if operator in "+-":
        return left + right if operator == "+" else left - right
    if operator == "*":
        return left * right if len(left.terms) * len(right.terms) <= _MOST_TERMS**2 else None
    value = right.constant()
    if operator == "/":
        return left.scaled(1 / value) if value else None
    if value is None or value.denominator != 1 or not 0 <= value <= 16 or len(left.terms) > 8:
        return None
    found = Size.number(1)
    for _ in range(int(value)):
        found = found * left
        if len(found.terms) > _MOST_TERMS:
            return None
    return found


def _no_size(scope: Scope, span: Span, why: str) -> None:
    scope.faults.report("ODE201", f"`{scope.faults.text(span)}` is not a size", (span, why))


def is_whole(size: Size) -> bool:
    """Whether the polynomial is a whole number for all whole dims: decided on one period of its denominators."""
    period = lcm(*(c.denominator for _, c in size.terms)) if size.terms else 1
    if period == 1:
        return True
    names = sorted(size.dims())
    if period ** len(names) > 20_000:
        return False
    points = product(range(1, period + 1), repeat=len(names))
    return all(size.evaluate(dict(zip(names, point, strict=True))).denominator == 1 for point in points)


def check_size(scope: Scope, size: Size, span: Span, defaults: dict[str, int]) -> bool:
    """Whether a size is a positive whole number. Errors: ODE202."""
    text = scope.faults.text(span)
    if not is_whole(size):
        dims = ", ".join(f"`{d}`" for d in sorted(size.dims()))
        scope.faults.report("ODE202", f"`{text}` is not a whole number for all {dims}" if dims
                            else f"`{text}` is not a whole number", (span, f"the size {size}"),
                            help="declare the smaller dim and write the larger as its multiple: `dim m = 4, n = 2*m`"
                            if dims else "sizes are whole numbers")
        return False
    value = size.evaluate(defaults)
    if not 0 < value <= LARGEST_SIZE:
        at = "" if size.constant() is not None else f"; it is {value} at the given dims"
        scope.faults.report("ODE202", f"`{text}` is not a size between 1 and 10^9", (span, f"the size {size}{at}"))
        return False
    return True


def default_dims(scope: Scope) -> dict[str, int]:
    """The values of the free dims read so far, as written; not to be changed."""
    return scope.dims


def read_space(scope: Scope, syntax: tree.SpaceSyntax) -> Space | ConvolutionSpace | None:
    """A space as written. Errors: ODE201, ODE202, ODE203 for a malformed `conv`, ODE204 for too many sizes."""
    if isinstance(syntax, tree.ConvolutionSpace):
        return read_convolution(scope, syntax)
    sizes = [read_size(scope, s) for s in syntax.sizes]
    known = [s for s in sizes if s is not None]
    if len(known) < len(sizes):
        return None
    if len(known) > _MOST_RANK:
        scope.faults.report("ODE204", f"`{scope.faults.text(syntax.span)}` has {len(known)} sizes",
                            (syntax.span, "at most three: R[c, h, w]"))
        return None
    defaults = default_dims(scope)
    fits = [check_size(scope, size, e.span, defaults) for size, e in zip(known, syntax.sizes, strict=True)]
    return Space(tuple(known)) if all(fits) else None


def read_tensor_space(scope: Scope, syntax: tree.SpaceSyntax, owner: str) -> Space | None:
    """A space that is not `conv(...)`."""
    found = read_space(scope, syntax)
    if isinstance(found, ConvolutionSpace):
        scope.faults.report("ODE203", f"{owner} cannot be in `conv(...)`",
                            (syntax.span, "a space of linear maps; only parameters have it"))
        return None
    return found


def read_convolution(scope: Scope, syntax: tree.ConvolutionSpace) -> ConvolutionSpace | None:
    """`conv(c, k, size = 3, padding = circular, stride = 1)`. Errors: ODE203."""
    before = len(scope.faults.found)
    if len(syntax.arguments) != 2:
        return _bad_convolution(scope, syntax.span, "two sizes are needed: the channels before and after",
                                "write `conv(c, k, size = 3, padding = circular)`")
    channels = [read_size(scope, a) for a in syntax.arguments]
    known = [c for c in channels if c is not None]
    if len(known) < 2:
        return None
    defaults = default_dims(scope)
    for size, argument in zip(known, syntax.arguments, strict=True):
        check_size(scope, size, argument.span, defaults)
    options = read_convolution_options(scope, syntax.keywords)
    if len(scope.faults.found) > before:
        return None
    return ConvolutionSpace(known[0], known[1], options.size, options.padding, options.stride)


class ConvolutionOptions:
    """What the keywords of a `conv` say."""

    size = 3
    padding = "circular"
    stride = 1


def read_convolution_options(scope: Scope, keywords: tuple[tree.Keyword, ...]) -> ConvolutionOptions:
    """`size`, `padding` and `stride` of a convolution. Errors: ODE203."""
    options = ConvolutionOptions()
    for keyword in keywords:
        name, value = keyword.name.text, keyword.value
        if name == "padding":
            if isinstance(value, tree.Name) and value.text in ("circular", "zero"):
                options.padding = value.text
            else:
                _bad_convolution(scope, value.span, "`circular` or `zero`", "write `padding = circular`")
        elif name in ("size", "stride"):
            whole = _whole_number(value)
            if whole is None or whole > 1024 or (name == "size" and whole % 2 == 0):
                asked = "an odd whole number" if name == "size" else "a whole number from 1"
                _bad_convolution(scope, value.span, asked, f"write `{name} = {3 if name == 'size' else 1}`")
            else:
                setattr(options, name, whole)
        else:
            _bad_convolution(scope, keyword.name.span, "`size`, `padding` or `stride`", "")
    return options


def _whole_number(value: tree.Expression) -> int | None:
    if isinstance(value, tree.Number) and value.value.denominator == 1 and value.value > 0:
        return int(value.value)
    return None


def _bad_convolution(scope: Scope, span: Span, why: str, help: str) -> None:
    scope.faults.report("ODE203", "this `conv` is not a convolution", (span, why), help=help)


