"""A writer that knows slopes by values of the step forward, and statements that add gradients to totals."""

from __future__ import annotations

from odenet.emit.arithmetic import split_factor
from odenet.emit.expressions import Writer
from odenet.emit.gradients.shares import KernelShare
from odenet.emit.gradients.slopes import SLOPES, known_slope
from odenet.emit.printer import text
from odenet.emit.tree import Attribute, Call, Do, Expression, Name, Number, call, method
from odenet.emit.values import Value
from odenet.ir.differentiate import products
from odenet.ir.model import ConvolutionSpace
from odenet.ir.node import Node, number
from odenet.ir.sizes import MapSpace, Space


class GradientWriter(Writer):
    """A writer that knows slopes by values of the step forward."""

    forward: frozenset[Node] = frozenset()

    def _mul(self, node: Node) -> Value:
        for slope, other in (node.args, node.args[::-1]):
            known = known_slope(slope, self.forward)
            if known is not None and not (factor := self.value(other)).is_number and factor.is_full and factor.lead:
                return self._slope_product(slope, known, factor)
        return super()._mul(node)

    def _slope_product(self, slope: Node, known: Node, factor: Value) -> Value:
        value, row = self.full(known), SLOPES[slope.data[0]]
        more = [Name(m.replace("{1}", text(self.number(slope.data[1])))) if "{" in m else Name(m) for m in row.more]
        return value.with_code(call(row.product, factor.code, value.code, *more))

    def _function(self, node: Node) -> Value:
        known = known_slope(node, self.forward)
        if known is None:
            return super()._function(node)
        value = self.full(known)
        return self._slope_product(node, known, value.with_code(call("torch.ones_like", value.code)))

    def know(self, node: Node, name: str) -> None:
        """A node that is kept under a name."""
        space = node.space
        assert not isinstance(space, MapSpace)
        self._known[node] = Value(Name(name), rank=space.rank, lead=True)

    def _deserves_name(self, node: Node, value: Value) -> bool:
        return not value.is_number and super()._deserves_name(node, value)


def accumulate(writer: GradientWriter, total: str, gradient: Node, outside: Node | None = None) -> None:
    """Statements that add a gradient, summed over the batch and times a Python number `outside`, to its total."""
    factor, inner = split_factor(gradient)
    if outside is not None:
        factor = outside if factor is None else products.times(outside, factor)
    if inner.op == "add":
        for term in inner.args:
            accumulate(writer, total, term, factor)
        return
    keywords = {} if factor is None else {"alpha": writer.value(factor).code}
    pair = _outer_pair(writer, inner)
    if pair is not None:
        left, right = pair
        arguments: tuple[Expression, ...] = (Attribute(left.code, "mT"), right.code)
        writer.body.append(Do(Call(Name(f"{total}.addmm_"), arguments, tuple(keywords.items()))))
        return
    value = writer.full(inner)
    summed: Expression = method(value.code, "sum", Number(0)) if value.lead else value.code
    writer.body.append(Do(Call(Name(f"{total}.add_"), (summed,), tuple(keywords.items()))))


def accumulate_kernel(writer: GradientWriter, total: str, share: KernelShare) -> None:
    """The statement that adds a share of the gradient by a kernel."""
    parameter = writer.model.parameter(share.name)
    space = parameter.space
    assert isinstance(space, ConvolutionSpace)
    writer.runtime["kernel_gradient"] = None
    kernel = writer.leaf(Node("param", (), (share.name,), Space(())))
    source, image = writer.full(share.source), writer.full(share.image)
    keywords: dict[str, Expression] = {"circular": Name(str(space.padding == "circular"))}
    if space.stride != 1:
        keywords["stride"] = Number(space.stride)
    made = call("kernel_gradient", source.code, image.code, kernel.code, **keywords)
    added = {} if share.factor == number(1) else {"alpha": writer.value(share.factor).code}
    writer.body.append(Do(Call(Name(f"{total}.add_"), (made,), tuple(added.items()))))


def _outer_pair(writer: GradientWriter, node: Node) -> tuple[Value, Value] | None:
    """The two vectors of an outer product, each with a batch."""
    if node.op == "scale" and node.args[1].op == "outer":
        left, right = node.args[1].args
        node = Node("outer", (products.by_scalar(node.args[0], left), right), (), node.space)
    if node.op != "outer":
        return None
    left_value, right_value = writer.full(node.args[0]), writer.full(node.args[1])
    return (left_value, right_value) if left_value.lead and right_value.lead else None
