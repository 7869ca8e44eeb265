"""Sums, products, powers and elementwise functions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from odenet.emit import elementwise
from odenet.emit.arithmetic import (
    axes,
    flipped,
    is_negative,
    is_negative_number,
    joined,
    opposite,
    split_factor,
    tensor_space,
)
from odenet.emit.printer import text
from odenet.emit.tree import (
    Binary,
    Negative,
    Number,
    call,
    is_simple,
    items,
    method,
)
from odenet.emit.values import Value, aligned
from odenet.emit.writing import LONGEST, Writing
from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace

WIDEST = 96  # columns of two operands before one gets a name of its own
STRUCTURED = frozenset(("zeros", "eye", "diag", "outer"))  # matrices that are applied without being made


class Sums(Writing):
    """Operations entry by entry; a matrix product in a sum is one call with it."""

    def _add(self, node: Node) -> Value:
        return self._fused(node) or self._plain_sum([self._term(t) for t in node.args], tensor_space(node).rank)

    def _fused(self, node: Node) -> Value | None:
        """`A @ z + b` and `x + c * (A @ z)` as one call."""
        for place, term in enumerate(node.args):
            factor, inner = split_factor(term, self.time_is_tensor)
            found = self._matrix_product(inner) if self._uses.get(term, 0) <= 1 >= self._uses.get(inner, 0) else None
            if found is None:
                continue
            vector, matrix, transposed = found
            others = [t for i, t in enumerate(node.args) if i != place]
            if factor is None and not transposed:
                bias = next((t for t in others if self._is_bias(t)), None)
                if bias is not None:
                    code = call("F.linear", vector.code, matrix.code, self.value(bias).code)
                    rest = [self._term(t) for t in others if t is not bias]
                    return self._plain_sum([(None, Value(code, rank=1, lead=True)), *rest], 1)
            return self._product_added(factor, vector, matrix if transposed else flipped(matrix), others)
        return None

    def _product_added(self, factor: Node | None, vector: Value, matrix: Value, others: list[Node]) -> Value | None:
        base = self._short(self._plain_sum([self._term(t) for t in others], 1))
        if base.is_number or base.rank != 1:
            return None
        keywords = {} if factor is None else {"alpha": self.value(factor).code}
        return Value(call("torch.addmm", base.code, vector.code, matrix.code, **keywords), rank=1, lead=True)

    def _matrix_product(self, node: Node) -> tuple[Value, Value, bool] | None:
        """Vector, matrix and whether it is transposed, when the node is one matrix times one vector for each sample."""
        if node.op != "apply" or isinstance(node.args[0].space, MapSpace) or node in self._known:
            return None
        map, transposed = node.args[0], False
        if map.op == "transpose":
            map, transposed = map.args[0], True
        if map.op in STRUCTURED or node.args[1].op == "ones":
            return None
        matrix, vector = self.value(map), self.value(node.args[1])
        if matrix.lead or not matrix.is_full or not vector.lead or not vector.is_full or vector.rank != 1:
            return None
        return vector, matrix, transposed

    def _is_bias(self, node: Node) -> bool:
        value = self.value(node)
        return not value.lead and not value.is_number and value.rank == 1 and value.is_full

    def _term(self, node: Node) -> tuple[Value | None, Value]:
        """A term of a sum: its Python factor (None: one) and the rest."""
        factor, inner = split_factor(node, self.time_is_tensor)
        if factor is None or self._uses.get(node, 0) > 1:
            return None, self.value(node)
        rest = self.value(inner)
        return (None, self.value(node)) if rest.is_number else (self.value(factor), rest)

    def _plain_sum(self, terms: Sequence[tuple[Value | None, Value]], rank: int) -> Value:
        ordered = sorted(terms, key=lambda term: is_negative(term[0]) or is_negative_number(term))
        factor, value = ordered[0]
        total = value if factor is None else self._times(factor, value)
        for factor, value in ordered[1:]:
            total = self._plus(total, factor, value, rank)
        return total

    def _plus(self, total: Value, factor: Value | None, value: Value, rank: int) -> Value:
        total, value = self._fitting(total, value)
        left, right = aligned(total, rank), aligned(value, rank)
        made = joined(total, value)
        if factor is None and value.is_number and is_negative(value):
            return made.with_code(Binary("-", left, opposite(right)))
        if factor is None:
            return made.with_code(Binary("+", left, right))
        if factor.code == Number(-1):
            return made.with_code(Binary("-", left, right))
        if not total.is_number and not value.is_number:
            left = aligned(self._short(total), rank)
            return made.with_code(call("torch.add", left, right, alpha=factor.code))
        operator = "-" if is_negative(factor) else "+"
        positive = opposite(factor.code) if operator == "-" else factor.code
        return made.with_code(Binary(operator, left, Binary("*", positive, right)))

    def _short(self, value: Value) -> Value:
        return value if len(text(value.code)) <= LONGEST else self.named(value, "z")

    def _fitting(self, left: Value, right: Value) -> tuple[Value, Value]:
        """The values; the longer one by a name when both would not go on a line."""
        lengths = [len(text(value.code)) for value in (left, right)]
        if sum(lengths) <= WIDEST or min(lengths) == 0:
            return left, right
        if lengths[0] >= lengths[1]:
            return self.named(left, "z"), right
        return left, self.named(right, "z")

    def _times(self, left: Value, right: Value) -> Value:
        left, right = self._fitting(left, right)
        made = joined(left, right)
        if left.code == Number(-1):
            return made.with_code(Negative(right.code))
        rank = made.rank
        return made.with_code(Binary("*", aligned(left, rank), aligned(right, rank)))

    def _mul(self, node: Node) -> Value:
        left, right = node.args
        if right.op == "power" and right.data[0] == -1:
            return self._over(self.value(left), self.value(right.args[0]))
        if left.op == "power" and left.data[0] == -1:
            return self._over(self.value(right), self.value(left.args[0]))
        return self._times(self.value(left), self.value(right))

    _scale = _mul

    def _over(self, top: Value, bottom: Value) -> Value:
        made = joined(top, bottom)
        return made.with_code(Binary("/", aligned(top, made.rank), aligned(bottom, made.rank)))

    def _power(self, node: Node) -> Value:
        value, exponent = self.value(node.args[0]), node.data[0]
        if exponent == -1:
            return value.with_code(Binary("/", Number(1), value.code))
        if not value.is_number and exponent == 2:
            return value.with_code(method(value.code, "square"))
        if not value.is_number and exponent == Fraction(1, 2):
            return value.with_code(method(value.code, "sqrt"))
        return value.with_code(Binary("**", value.code, self.number(exponent)))

    def _function(self, node: Node) -> Value:
        name, *parameters = node.data
        value = self.value(node.args[0])
        if value.is_number and name == "log" and not isinstance(value.code, Number):  # it may be 0 at some durations
            self.runtime["log_of"] = None
            return value.with_code(call("log_of", value.code))
        if value.is_number and name in elementwise.PYTHON:
            return value.with_code(elementwise.framed(elementwise.PYTHON[name].replace("{0}", text(value.code))))
        if value.is_number:
            value = Value(method(self.like, "new_full", items(), value.code), is_full=value.is_full)
        if elementwise.times_used(name) > 1 and not is_simple(value.code):
            value = self.named(value, "z")
        if name in elementwise.RUNTIME:
            self.runtime[elementwise.RUNTIME[name]] = None
        return value.with_code(elementwise.tensor_text(name, value.code, text(value.code), parameters))

    def _dotted(self, left: Node, right: Node) -> Value:
        if tensor_space(left).rank == 0:
            return self._times(self.value(left), self.value(right))
        if left == right:
            value = self.full(left)
            product = value.with_code(method(value.code, "square"))
        else:
            first, second = self.value(left), self.value(right)
            if not (first.is_full or second.is_full):
                first = self.full(left)
            product = self._times(first, second)
        return Value(method(product.code, "sum", axes(tensor_space(left).rank)), lead=product.lead)
