"""Vectors and matrices made of others."""

from __future__ import annotations

from odenet.emit.arithmetic import (
    tensor_space,
)
from odenet.emit.tree import (
    Attribute,
    Binary,
    Expression,
    Items,
    Number,
    Subscript,
    call,
    is_simple,
    items,
    method,
)
from odenet.emit.values import Value, aligned
from odenet.emit.writing import Writing
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR, Size


class Vectors(Writing):
    """Operations that rearrange entries."""

    def _cumsum(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return value.with_code(call("torch.cumsum", value.code, dim=Number(-1)))

    def _softmax(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return value.with_code(call("torch.softmax", value.code, dim=Number(-1)))

    def _diag(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return Value(call("torch.diag_embed", value.code), rank=2, lead=value.lead)

    def _skew(self, node: Node) -> Value:
        self.runtime["skew"] = None
        value = self.full(node.args[0])
        return Value(call("skew", value.code, self.sizes.shape(tensor_space(node))[0]), rank=2, lead=value.lead)

    def _unskew(self, node: Node) -> Value:
        self.runtime["unskew"] = None
        value = self.full(node.args[0])
        return Value(call("unskew", value.code), rank=1, lead=value.lead)

    def _sym(self, node: Node) -> Value:
        value = self.full(node.args[0])
        if not is_simple(value.code):
            value = self.named(value, "z")
        total = Binary("+", value.code, Attribute(value.code, "mT"))
        return value.with_code(Binary("/", total, Number(2)))

    def _outer(self, node: Node) -> Value:
        left, right = self.full(node.args[0]), self.full(node.args[1])
        code = Binary("*", method(left.code, "unsqueeze", Number(-1)), method(right.code, "unsqueeze", Number(-2)))
        return Value(code, rank=2, lead=left.lead or right.lead)

    def _concat(self, node: Node) -> Value:
        parts = []
        for argument in node.args:
            value = self.filled(self.value(argument), argument.space)
            parts.append(
                value if value.rank else Value(method(value.code, "unsqueeze", Number(-1)), rank=1, lead=value.lead)
            )
        return self._gathered("torch.cat", parts)

    def _stack(self, node: Node) -> Value:
        return self._gathered("torch.stack", [self.filled(self.value(a), SCALAR) for a in node.args])

    def _gathered(self, function: str, parts: list[Value]) -> Value:
        """Parts joined along their last axis; those that are the same for all samples are repeated."""
        lead = next((part for part in parts if part.lead), None)
        if lead is not None and not all(part.lead for part in parts):
            if not is_simple(lead.code):
                named = self.named(lead, "z")
                parts = [named if part is lead else part for part in parts]
                lead = named
            count = Subscript(Attribute(lead.code, "shape"), "0")
            parts = [part if part.lead else self._repeated(part, count) for part in parts]
        return Value(call(function, Items(tuple(p.code for p in parts)), dim=Number(-1)), rank=1, lead=lead is not None)

    def _repeated(self, part: Value, count: Expression) -> Value:
        axes = (Number(-1),) * part.rank
        return Value(method(part.code, "expand", count, *axes), rank=part.rank, lead=True)

    def _index(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return Value(Subscript(value.code, f"..., {node.data[0]}"), lead=value.lead)

    def _slice(self, node: Node) -> Value:
        start, stop = node.data
        assert isinstance(start, Size) and isinstance(stop, Size)
        value = self.full(node.args[0])
        length = self.sizes.size(stop - start)
        return Value(method(value.code, "narrow", Number(-1), self.sizes.size(start), length), rank=1, lead=value.lead)

    def _spread(self, node: Node) -> Value:
        value, rank = self.value(node.args[0]), tensor_space(node).rank
        if value.is_number:
            return Value(value.code, is_number=True, is_full=False)
        return Value(aligned(value, rank), rank=rank if value.lead else 0, lead=value.lead, is_full=False)

    def _channels(self, node: Node) -> Value:
        value = self.value(node.args[0])
        if value.is_number or value.rank == 0:
            return Value(value.code, value.is_number, value.rank, value.lead, is_full=False)
        index = ":, :, None, None" if value.lead else ":, None, None"
        return Value(Subscript(value.code, index), rank=3, lead=value.lead, is_full=False)

    def _unchannels(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return Value(method(value.code, "sum", items(Number(-2), Number(-1))), rank=1, lead=value.lead)
