"""Sums, means, norms and extremes over all entries."""

from __future__ import annotations

from odenet.emit.arithmetic import (
    axes,
    joined,
    tensor_space,
)
from odenet.emit.sums import Sums
from odenet.emit.tree import (
    call,
    method,
)
from odenet.emit.values import Value, aligned
from odenet.ir.node import Node


class Reductions(Sums):
    """Operations with a scalar result, and entrywise extremes."""

    def _sum(self, node: Node) -> Value:
        return self._reduced(node.args[0], "sum")

    def _mean(self, node: Node) -> Value:
        return self._reduced(node.args[0], "mean")

    def _reduced(self, node: Node, name: str) -> Value:
        if tensor_space(node).rank == 0:
            return self.value(node)
        value = self.full(node)
        return Value(method(value.code, name, axes(value.rank)), lead=value.lead)

    def _dot(self, node: Node) -> Value:
        return self._dotted(*node.args)

    def _norm(self, node: Node) -> Value:
        if tensor_space(node.args[0]).rank == 0:
            value = self.value(node.args[0])
            return value.with_code(call("abs" if value.is_number else "torch.abs", value.code))
        value = self.full(node.args[0])
        return Value(call("torch.linalg.vector_norm", value.code, dim=axes(value.rank)), lead=value.lead)

    def _largest(self, node: Node) -> Value:
        return self._extreme(node, "max", "maximum", "amax", "min")

    def _smallest(self, node: Node) -> Value:
        return self._extreme(node, "min", "minimum", "amin", "max")

    def _extreme(self, node: Node, python: str, pairwise: str, reduce: str, clamp: str) -> Value:
        if len(node.args) == 1:
            value = self.full(node.args[0]) if tensor_space(node.args[0]).rank else self.value(node.args[0])
            return value if value.rank == 0 else Value(method(value.code, reduce, axes(value.rank)), lead=value.lead)
        values = [self.value(argument) for argument in node.args]
        total = values[0]
        for value in values[1:]:
            made = joined(total, value)
            if total.is_number and value.is_number:
                total = made.with_code(call(python, total.code, value.code))
            elif total.is_number or value.is_number:
                tensor, number = (value, total) if total.is_number else (total, value)
                total = made.with_code(method(tensor.code, "clamp", **{clamp: number.code}))
            else:
                rank = made.rank
                total = made.with_code(call(f"torch.{pairwise}", aligned(total, rank), aligned(value, rank)))
        return total
