"""What is known of results of operations on values, and small rewritings of expressions."""

from __future__ import annotations

from odenet.emit.tree import Attribute, Binary, Expression, Negative, Number, items
from odenet.emit.values import Value
from odenet.ir.node import Node, mul
from odenet.ir.sizes import SCALAR, Space
from odenet.plan.steps import DURATION


def split_factor(node: Node, time_is_tensor: bool = False) -> tuple[Node | None, Node]:
    """A term as a Python number (numbers, dims, h, t) times the rest; None is one."""
    factors: list[Node] = []
    while node.op in ("scale", "mul"):
        left, right = node.args
        if is_python(left, time_is_tensor):
            factors.append(left)
            node = right
        elif left.op == "mul" and is_python(left.args[0], time_is_tensor):  # (-1 c) x
            factors.append(left.args[0])
            node = Node(node.op, (left.args[1], right), (), node.space)
        else:
            break
    if not factors:
        return None, node
    product = factors[0]
    for factor in factors[1:]:
        product = mul(product, factor)
    return product, node


def is_python(node: Node, time_is_tensor: bool = False) -> bool:
    """Whether a scalar node is known before any tensor: made of numbers, dims, the clock and the duration."""
    return node.space == SCALAR and not any(
        n.op in ("state", "param")
        or (n.op == "variable" and n.data[0] != DURATION)
        or (n.op == "time" and time_is_tensor)
        or n.space != SCALAR
        for n in node.walk()
    )


def tensor_space(node: Node) -> Space:
    assert isinstance(node.space, Space)
    return node.space


def flipped(value: Value) -> Value:
    if isinstance(value.code, Attribute) and value.code.name == "mT":
        return value.with_code(value.code.value)
    return value.with_code(Attribute(value.code, "mT"))


def joined(left: Value, right: Value) -> Value:
    """What is known of an elementwise result of two values."""
    rank = max(left.rank, right.rank)
    is_full = any(v.is_full and v.rank == rank and not v.is_number for v in (left, right)) or (
        rank == 0 and left.is_full and right.is_full
    )
    return Value(left.code, left.is_number and right.is_number, rank, left.lead or right.lead, is_full)


def axes(rank: int) -> Expression:
    return Number(-1) if rank == 1 else items(*(Number(-k) for k in range(rank, 0, -1)))


def is_negative(value: Value | None) -> bool:
    if value is None:
        return False
    code = value.code
    while isinstance(code, Binary) and code.operator in "*/":
        code = code.left
    return isinstance(code, Negative) or (isinstance(code, Number) and code.value < 0)


def is_negative_number(term: tuple[Value | None, Value]) -> bool:
    return term[0] is None and term[1].is_number and is_negative(term[1])


def opposite(code: Expression) -> Expression:
    if isinstance(code, Negative):
        return code.operand
    if isinstance(code, Number):
        return Number(-code.value)
    if isinstance(code, Binary) and code.operator in "*/":
        left = opposite(code.left)
        return code.right if left == Number(1) and code.operator == "*" else Binary(code.operator, left, code.right)
    return Negative(code)
