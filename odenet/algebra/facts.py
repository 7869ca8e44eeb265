"""What the sets of parameters say about letters and atoms."""
from __future__ import annotations

from fractions import Fraction

from odenet.ir.model import ConvolutionSpace, Model, Parameter
from odenet.ir.node import Node
from odenet.ir.sizes import AnySpace, Size, codomain, domain

# Facts that hold for every member of a set; each line is a definition or a one-line consequence of it.
_FACTS: dict[str, frozenset[str]] = {
    "skew": frozenset({"skew"}),
    "symmetric": frozenset({"symmetric"}),
    "psd": frozenset({"symmetric", "psd"}),
    "stochastic": frozenset({"rows sum to one", "nonnegative"}),
    "doubly_stochastic": frozenset({"rows sum to one", "columns sum to one", "nonnegative"}),
    # x'Lx = sum over i < j of -L_ij (x_i - x_j)^2 >= 0
    "laplacian": frozenset({"symmetric", "psd", "rows sum to zero", "columns sum to zero", "metzler negative"}),
    "positive": frozenset({"nonnegative"}),
    "nonnegative": frozenset({"nonnegative"}),
    "lower": frozenset({"lower"}),
    "upper": frozenset({"upper"}),
    "orthogonal": frozenset({"orthogonal"}),
}


def matrix_facts(parameter: Parameter, space: AnySpace) -> frozenset[str]:
    """The facts of a matrix or convolution parameter."""
    found: frozenset[str] = frozenset()
    for item in parameter.sets:
        found |= _FACTS.get(item.name, frozenset())
        if item.name == "interval" and (low := _number(item.arguments[0])) is not None and low >= 0:
            found |= {"nonnegative"}
    if "orthogonal" in found:
        found |= _shape_facts(space)
    if isinstance(parameter.space, ConvolutionSpace):
        found |= {"convolution", parameter.space.padding}
        if _has_equal_sums(parameter.space, space):
            found |= {"equal sums"}
    return found


def _shape_facts(space: AnySpace) -> frozenset[str]:
    """Of a matrix by its rows and columns, of a convolution by its channels: its stride is 1, so images keep their size."""
    rows, columns = codomain(space).sizes[0], domain(space).sizes[0]
    facts = set()
    if rows.at_least(columns):
        facts.add("tall")
    if columns.at_least(rows):
        facts.add("wide")
    if rows == columns:
        facts.add("square")
    return frozenset(facts)


def _has_equal_sums(kernel: ConvolutionSpace, space: AnySpace) -> bool:
    """Whether all rows and columns of a convolution of one channel have the sum of the taps, K|1> = K'|1>: it must be circular."""
    one = Size.number(1)
    is_single = codomain(space).sizes[0] == one and domain(space).sizes[0] == one
    return is_single and (kernel.padding, kernel.stride) == ("circular", 1)


def _number(node: Node) -> Fraction | None:
    return node.data[0] if node.op == "number" else None


def is_diagonal(parameter: Parameter) -> bool:
    return parameter.set_named("diagonal") is not None


def resolved(model: Model, size: Size) -> Size:
    """A size with derived dims replaced by their definitions."""
    for d in reversed(model.dims):
        if not d.is_free:
            size = size.substitute({d.name: d.value})
    return size
