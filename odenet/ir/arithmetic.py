"""The operators + - * / @ ^ between values, with the messages for shapes that do not fit."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import odenet.ir.node as nodes
from odenet.ir import maps
from odenet.ir.differentiate import products
from odenet.ir.maps import OpenMap, Product, Scaled, Sum
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR, Space, codomain, domain, is_map, transposed
from odenet.operators.tensors import Unfit
from odenet.syntax import tree
from odenet.text import Span

if TYPE_CHECKING:
    from odenet.ir.expressions import Reader, Value

_MOST_BITS = 20_000  # of an exact number


# --- sums -----------------------------------------------------------------------------------------------------------


def add_values(reader: Reader, expression: tree.Binary, left: Value, right: Value) -> Value | None:
    """left + right or left - right. Errors: ODE206, ODE219."""
    sign = Fraction(-1 if expression.operator == "-" else 1)
    if not isinstance(left, Node) or not isinstance(right, Node):
        return _add_maps(reader, expression, left, right, sign)
    if right.op == "number":
        right, sign = nodes.number(sign * right.data[0]), Fraction(1)
        if left.op == "number":
            return nodes.number(left.data[0] + right.data[0])
    joined = join(left, right)
    if joined is None:
        return _report_sum(reader, expression, left, right)
    return nodes.add(joined[0], products.scaled(sign, joined[1]))


def _add_maps(reader: Reader, expression: tree.Binary, left: Value, right: Value, sign: Fraction) -> OpenMap | None:
    if isinstance(left, Node) or isinstance(right, Node):
        return reader.fault("ODE219", "a convolution adds only to another linear map without sizes", expression,
                            "apply each to the state first: `K @ x + A @ x`")
    return Sum((left, right if sign == 1 else Scaled(nodes.number(-1), right)))


def join(left: Node, right: Node) -> tuple[Node, Node] | None:
    """Two terms brought to one space: a scalar joins anything, R[c] joins R[c, h, w]; else None."""
    if left.space == right.space:
        return left, right
    if left.space == SCALAR and isinstance(right.space, Space):
        return products.spread(left, right.space), right
    if right.space == SCALAR and isinstance(left.space, Space):
        return left, products.spread(right, left.space)
    if _is_channels(left.space, right.space):
        return Node("channels", (left,), (), right.space, left.span), right
    if _is_channels(right.space, left.space):
        return left, Node("channels", (right,), (), left.space, right.span)
    return None


def _is_channels(vector: object, image: object) -> bool:
    return (isinstance(vector, Space) and isinstance(image, Space) and vector.rank == 1 and image.rank == 3
            and vector.sizes[0] == image.sizes[0])


def _report_sum(reader: Reader, e: tree.Binary, left: Node, right: Node) -> None:
    word = "add" if e.operator == "+" else "subtract"
    pair = f"`{reader.text(e.left)}` and `{reader.text(e.right)}`"
    reader.fault("ODE206", f"cannot {word} {pair}: they are in different spaces", e,
                 f"{left.space} {e.operator} {right.space}", *reader.declared(e.left, e.right),
                 help=_respace_help(reader, e, left, right)[0], edits=_respace_help(reader, e, left, right)[1])


def _respace_help(reader: Reader, e: tree.Binary, left: Node, right: Node) -> tuple[str, list[tuple[Span, str]]]:
    """When one side is a parameter by itself, declare it in the space of the other."""
    for side, other in ((e.right, left), (e.left, right)):
        if isinstance(side, tree.Name) and isinstance(other.space, Space):
            entry = reader.scope.entries.get(side.text)
            if entry is not None and entry.kind == "param" and entry.space_span and side.text not in reader.arguments:
                return f"declare `{side.text} : {other.space}`", [(entry.space_span, str(other.space))]
    return "only a scalar joins a tensor, and R[c] joins R[c, h, w] channel by channel", []


# --- products -------------------------------------------------------------------------------------------------------


def multiply(reader: Reader, e: tree.Binary, left: Value, right: Value) -> Value | None:
    """Scalar times anything, or entry by entry. Errors: ODE206, ODE213, ODE219."""
    if not isinstance(left, Node) or not isinstance(right, Node):
        return _scale_map(reader, e, left, right)
    if SCALAR in (left.space, right.space) or (left.space == right.space and isinstance(left.space, Space)):
        return bounded(reader, e, products.times(left, right))
    help, edits = _product_help(reader, e, left, right)
    return reader.fault("ODE206", f"cannot multiply `{reader.text(e.left)}` and `{reader.text(e.right)}` entry by entry",
                        e, f"{left.space} * {right.space}", *reader.declared(e.left, e.right), help=help, edits=edits)


def _scale_map(reader: Reader, e: tree.Binary, left: Value, right: Value) -> Value | None:
    for factor, map in ((left, right), (right, left)):
        if isinstance(factor, Node) and factor.space == SCALAR and not isinstance(map, Node):
            return Scaled(factor, map)
    return reader.fault("ODE219", "a convolution is multiplied with a scalar by `*`, applied with `@`", e,
                        "no scalar here", help="apply it with `@`", edits=[(e.place, "@")])


def _product_help(reader: Reader, e: tree.Binary, left: Node, right: Node) -> tuple[str, list[tuple[Span, str]]]:
    inner = e.left
    if isinstance(inner, tree.Binary) and inner.operator == "@":  # A.T @ d * z is (A.T @ d) * z
        z, d = reader.text(e.right), reader.text(inner.right)
        if left.op in ("apply", "scale") and right.space == _applied(left):
            edits = [(Span(inner.right.span.start, inner.right.span.start), "("), (Span(e.span.end, e.span.end), ")")]
            return f"`@` and `*` bind alike, from the left; write `{reader.text(inner.left)} @ ({d} * {z})`", edits
    if is_map(left.space) and domain(left.space) == right.space:
        return f"a matrix is applied with `@`: `{reader.text(e.left)} @ {reader.text(e.right)}`", [(e.place, "@")]
    if is_map(right.space):
        return f"apply the matrix first: `{reader.text(e.left)} * ({reader.text(e.right)} @ …)`", []
    return "only a scalar multiplies a tensor of another space", []


def _applied(node: Node) -> object:
    """The space of the vector that the outermost map was applied to."""
    inner = node.args[1] if node.op == "scale" else node
    return inner.args[1].space if inner.op == "apply" else None


def divide(reader: Reader, e: tree.Binary, left: Value, right: Value) -> Value | None:
    """By a scalar, or entry by entry. Errors: ODE206, ODE213, ODE219."""
    if not isinstance(right, Node):
        return reader.fault("ODE219", "cannot divide by a linear map", e.right, "a linear map")
    if nodes.is_number(right, 0) or right.op == "zeros":
        return reader.fault("ODE213", "division by zero", e.right, "this is 0")
    inverse = products.powered(right, Fraction(-1))
    if not isinstance(left, Node):
        return Scaled(inverse, left) if right.space == SCALAR else multiply(reader, e, left, right)
    if SCALAR in (left.space, right.space) or (left.space == right.space and not is_map(left.space)):
        if is_map(right.space):
            return _report_quotient(reader, e, left, right)
        return bounded(reader, e, products.times(left, inverse))
    return _report_quotient(reader, e, left, right)


def _report_quotient(reader: Reader, e: tree.Binary, left: Node, right: Node) -> None:
    reader.fault("ODE206", f"cannot divide `{reader.text(e.left)}` by `{reader.text(e.right)}`", e,
                 f"{left.space} / {right.space}", *reader.declared(e.left, e.right),
                 help="divide by a scalar, or by a tensor of the same space entry by entry")


def raise_power(reader: Reader, e: tree.Binary) -> Node | None:
    """An exact power, entry by entry. Errors: ODE212 the exponent, ODE213 a number too large."""
    base, exponent = reader.read(e.left), reader.read(e.right)
    if base is None or exponent is None:
        return None
    if exponent.op != "number":
        is_constant = not any(n.op in ("state", "param", "variable", "time") for n in exponent.walk())
        advice = f"write `exp({reader.text(e.right)} * log({reader.text(e.left)}))`"
        return reader.fault("ODE212", "an exponent is an exact rational number", e.right,
                            "not a rational number" if is_constant else "this may vary", help=advice)
    if is_map(base.space):
        return reader.fault("ODE209", "a power of a matrix could mean two things", e, f"a matrix in {base.space}",
                            help="write `A @ A` for the product, `square(A)` for the squares of the entries")
    value: Fraction = exponent.data[0]
    if nodes.is_number(base, 0) and value <= 0:
        return reader.fault("ODE213", "division by zero", e, "zero has no such power")
    if nodes.is_number(base) and base.data[0] < 0 and value.denominator != 1:
        return reader.fault("ODE213", "a root of a negative number", e, "not a real number")
    if _bits(base) * abs(value) > _MOST_BITS or abs(value) > _MOST_BITS:
        return reader.fault("ODE213", "this power is too large", e, "more than 20000 bits")
    return products.powered(base, value)


def _bits(node: Node) -> int:
    if node.op != "number":
        return 0
    value: Fraction = node.data[0]
    return max(abs(value.numerator).bit_length(), value.denominator.bit_length())


def bounded(reader: Reader, e: tree.Expression, node: Node) -> Node | None:
    """A product, unless its numbers have grown out of all bounds. Errors: ODE213."""
    if _bits(node) > _MOST_BITS:
        return reader.fault("ODE213", "this number is too large", e, "more than 20000 bits")
    return node


# --- linear maps ------------------------------------------------------------------------------------------------------


def apply_map(reader: Reader, e: tree.Binary, left: Value, right: Value) -> Value | None:
    """left @ right: a map applied, or two maps composed. Errors: ODE205, ODE207, ODE215."""
    if not isinstance(left, Node):
        return _apply_open(reader, e, left, right)
    if not is_map(left.space):
        return _report_no_map(reader, e, left, right)
    if not isinstance(right, Node):
        return reader.fault("ODE215", "a matrix cannot be composed with a convolution", e,
                            "matrices map vectors, convolutions map images")
    if is_map(right.space) and codomain(right.space) == domain(left.space):
        return products.compose(left, right)
    if not is_map(right.space) and right.space == domain(left.space):
        return products.apply(left, right)
    return _report_product(reader, e, left, right)


def _apply_open(reader: Reader, e: tree.Binary, left: OpenMap, right: Value) -> Value | None:
    if not isinstance(right, Node):
        return Product(left, right)
    try:
        assert isinstance(right.space, Space) or is_map(right.space)
        if not isinstance(right.space, Space):
            raise Unfit(1, "is a linear map with sizes; apply from the right: `K @ (L @ x)`")
        return products.apply(maps.close(left, right.space), right)
    except Unfit as unfit:
        declared = reader.declared(e.left, e.right)
        return reader.fault("ODE215", f"cannot apply `{reader.text(e.left)}` to `{reader.text(e.right)}`", e,
                            f"`{reader.text(e.right)}` {unfit.why}", *declared, help=unfit.help)


def _report_no_map(reader: Reader, e: tree.Binary, left: Node, right: Value) -> None:
    name, other = reader.text(e.left), reader.text(e.right)
    if _is_slip(e):
        return _report_slip(reader, e, left)
    same = isinstance(right, Node) and (left.space in (SCALAR, right.space) or right.space == SCALAR)
    edits = [(e.place, "*")] if same else []
    help = f"write `{name} * {other}`" if same else "`@` applies a matrix or a convolution"
    if same and isinstance(right, Node) and left.space == right.space and left.space != SCALAR:
        help += f", or `dot({name}, {other})` for the inner product"
    return reader.fault("ODE207", f"`@` needs a linear map on its left, and `{name}` is none", e.left,
                        f"in {left.space}", *reader.declared(e.left), help=help, edits=edits)


def _is_slip(e: tree.Binary) -> bool:
    return isinstance(e.left, tree.Binary) and e.left.operator == "*"


def _report_slip(reader: Reader, e: tree.Binary, left: Node) -> None:
    """(A @ d * z) @ …, or d * z @ …: both sides of `*` were vectors."""
    assert isinstance(e.left, tree.Binary)
    a, b, c = reader.text(e.left.left), reader.text(e.left.right), reader.text(e.right)
    reader.fault("ODE207", f"`@` needs a linear map on its left, and `{a} * {b}` is none", e.left, f"in {left.space}",
                 *reader.declared(e.left), help=f"`@` and `*` bind alike, from the left; did you mean `{a} * ({b} @ {c})`?")


def _report_product(reader: Reader, e: tree.Binary, left: Node, right: Node) -> None:
    inner, start = domain(left.space), codomain(right.space) if is_map(right.space) else right.space
    help, edits = _shape_help(reader, e, left, right)
    verb = "multiply" if is_map(right.space) else "apply"
    link = "by" if is_map(right.space) else "to"
    reader.fault("ODE205", f"cannot {verb} `{reader.text(e.left)}` {link} `{reader.text(e.right)}`: inner sizes differ", e,
                 f"{left.space} times {right.space}: `{_sizes(inner)}` is not `{_sizes(start)}`",
                 *reader.declared(e.left, e.right), help=help, edits=edits)


def _sizes(space: object) -> str:
    assert isinstance(space, Space)
    return ", ".join(map(str, space.sizes)) or "1"


def _shape_help(reader: Reader, e: tree.Binary, left: Node, right: Node) -> tuple[str, list[tuple[Span, str]]]:
    """Turn the matrix round, at its use or at its declaration."""
    start = codomain(right.space) if is_map(right.space) else right.space
    if domain(transposed(left.space)) != start:
        return "the columns of a matrix are as many as the entries of what it is applied to", []
    if isinstance(e.left, tree.Transpose):
        inner = e.left.operand
        return f"write `{reader.text(inner)} @ {reader.text(e.right)}`", [(Span(inner.span.end, e.left.span.end), "")]
    entry = reader.scope.entries.get(e.left.text) if isinstance(e.left, tree.Name) else None
    if entry is not None and entry.space_span is not None and entry.kind == "param":
        return f"declare `{entry.name} : {transposed(left.space)}`", [(entry.space_span, str(transposed(left.space)))]
    return f"write `{reader.text(e.left)}.T`", [(Span(e.left.span.end, e.left.span.end), ".T")]


