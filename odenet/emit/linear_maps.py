"""Linear maps: matrices, convolutions and their adjoints, applied and composed."""

from __future__ import annotations

from odenet.emit.arithmetic import (
    flipped,
)
from odenet.emit.sums import STRUCTURED, Sums
from odenet.emit.tree import (
    Binary,
    Expression,
    Name,
    Number,
    Subscript,
    call,
    method,
)
from odenet.emit.values import Value, aligned
from odenet.ir.model import ConvolutionSpace
from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace, codomain, domain


class LinearMaps(Sums):
    """Maps applied to tensors."""

    def _apply(self, node: Node) -> Value:
        return self._applied(node.args[0], node.args[1])

    def _applied(self, map: Node, tensor: Node, transposed: bool = False) -> Value:
        if map.op == "transpose":
            return self._applied(map.args[0], tensor, not transposed)
        if map in self._known and not isinstance(map.space, MapSpace):
            return self._matrix_applied(map, tensor, transposed)
        if map.op == "scale":
            return self._times(self.value(map.args[0]), self._applied(map.args[1], tensor, transposed))
        if map.op == "compose":
            outer, inner = (map.args[1], map.args[0]) if transposed else map.args
            between = self._applied(inner, tensor, transposed)
            return self._applied(outer, self._as_node(between, inner, transposed), transposed)
        if map.op == "add" and isinstance(map.space, MapSpace):
            terms: list[tuple[Value | None, Value]] = [(None, self._applied(t, tensor, transposed)) for t in map.args]
            return self._plain_sum(terms, 3)
        if map.op in STRUCTURED:
            return self._structured(map, tensor, transposed)
        if isinstance(map.space, MapSpace):
            return self._convolved(map, tensor, transposed)
        return self._matrix_applied(map, tensor, transposed)

    def _as_node(self, value: Value, map: Node, transposed: bool) -> Node:
        """A value that was computed, as a node that stands for it."""
        space = domain(map.space) if transposed else codomain(map.space)
        node = Node("variable", (), (f" between {len(self._known)}",), space)  # no name of a spec holds a blank
        self._known[node] = value
        return node

    def _structured(self, map: Node, tensor: Node, transposed: bool) -> Value:
        if map.op == "zeros":
            return Value(Number(0), is_number=True, is_full=False)
        if map.op == "eye":
            return self.value(tensor)
        if map.op == "diag":
            return self._times(self.value(map.args[0]), self.value(tensor))
        left, right = (map.args[1], map.args[0]) if transposed else map.args  # outer(u, v) x = u (v . x)
        return self._times(self._dotted(right, tensor), self.value(left))

    def _convolved(self, map: Node, tensor: Node, transposed: bool) -> Value:
        assert map.op == "param"
        space = self.model.parameter(map.data[0]).space
        assert isinstance(space, ConvolutionSpace)
        image, kernel = self.full(tensor), self.leaf(map)
        name = "convolve_adjoint" if transposed else "convolve"
        self.runtime[name] = None
        code = image.code if image.lead else Subscript(image.code, "None")
        keywords: dict[str, Expression] = {"circular": Name(str(space.padding == "circular"))}
        if space.stride != 1:
            keywords["stride"] = Number(space.stride)
        result: Expression = call(name, code, kernel.code, **keywords)
        return Value(result if image.lead else Subscript(result, "0"), rank=3, lead=image.lead)

    def _matrix_applied(self, map: Node, tensor: Node, transposed: bool) -> Value:
        matrix = self.full(map)
        if tensor.op == "ones":
            return Value(method(matrix.code, "sum", Number(-2 if transposed else -1)), rank=1, lead=matrix.lead)
        vector = self.full(tensor)
        if not matrix.lead and vector.lead:
            if transposed:
                return Value(Binary("@", vector.code, matrix.code), rank=1, lead=True)
            return Value(call("F.linear", vector.code, matrix.code), rank=1, lead=True)
        turned = flipped(matrix) if transposed else matrix
        if not vector.lead:
            return Value(Binary("@", turned.code, vector.code), rank=1, lead=matrix.lead)
        column = Binary("@", turned.code, method(vector.code, "unsqueeze", Number(-1)))
        return Value(method(column, "squeeze", Number(-1)), rank=1, lead=True)

    def _compose(self, node: Node) -> Value:
        left, right = node.args
        if left.op == "diag":
            rows, matrix = self.full(left.args[0]), self.full(right)
            made = Value(matrix.code, rank=2, lead=rows.lead or matrix.lead)
            return made.with_code(Binary("*", method(rows.code, "unsqueeze", Number(-1)), aligned(matrix, 2)))
        if right.op == "diag":
            columns, matrix = self.full(right.args[0]), self.full(left)
            made = Value(matrix.code, rank=2, lead=columns.lead or matrix.lead)
            return made.with_code(Binary("*", matrix.code, method(columns.code, "unsqueeze", Number(-2))))
        first, second = self.full(left), self.full(right)
        return Value(Binary("@", first.code, second.code), rank=2, lead=first.lead or second.lead)

    def _transpose(self, node: Node) -> Value:
        return flipped(self.full(node.args[0]))
