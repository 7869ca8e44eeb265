"""Expressions of a spec, turned into nodes with spaces."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Union

import odenet.ir.node as nodes
from odenet.ir import maps
from odenet.ir.arithmetic import add_values, apply_map, divide, multiply, raise_power
from odenet.ir.differentiate import products
from odenet.ir.faults import Faults
from odenet.ir.maps import Convolution, OpenMap, Product, Scaled, Sum
from odenet.ir.model import ConvolutionSpace
from odenet.ir.node import Node
from odenet.ir.scope import VALUES, Entry, Scope
from odenet.ir.sizes import SCALAR, Size, Space, is_map
from odenet.syntax import tree
from odenet.text import Span

Value = Union[Node, Convolution, Product, Scaled, Sum]
_DEEPEST = 250


@dataclass
class Reader:
    """Reads expressions in one place of a spec. `arguments` are those of the `def` that is being read."""

    scope: Scope
    arguments: dict[str, Node] = field(default_factory=dict)
    without_space: dict[str, Span] = field(default_factory=dict)  # those of the arguments that take any space
    depth: int = 0

    @property
    def faults(self) -> Faults:
        return self.scope.faults

    def read(self, expression: tree.Expression) -> Node | None:
        """A tensor or a matrix. None: there was a fault, and it is reported."""
        value = self.value(expression)
        if value is None or isinstance(value, Node):
            return value
        return self.fault("ODE219", f"`{self.text(expression)}` is a linear map without sizes", expression,
                          "a convolution has a size only where it is applied", help="apply it with `@`")

    def scalar(self, expression: tree.Expression, owner: str) -> Node | None:
        """A scalar. Errors: ODE214."""
        found = self.read(expression)
        if found is None or found.space == SCALAR:
            return found
        return self.fault("ODE214", f"{owner} must be a scalar", expression,
                          f"`{self.text(expression)}` is in {found.space}", *self.declared(expression))

    def value(self, expression: tree.Expression) -> Value | None:
        """A node, or a map whose sizes are still open."""
        self.depth += 1
        if self.depth > _DEEPEST:
            self.depth = 0
            return self.fault("ODE109", "this expression is nested too deeply", expression, "too deep")
        found = self._dispatch(expression)
        self.depth = max(self.depth - 1, 0)
        return found.at(expression.span) if isinstance(found, Node) else found

    def _dispatch(self, expression: tree.Expression) -> Value | None:
        if isinstance(expression, tree.Number):
            return nodes.number(expression.value)
        if isinstance(expression, tree.Name):
            return self._name(expression)
        if isinstance(expression, tree.Binary):
            return self._binary(expression)
        if isinstance(expression, tree.Call):
            from odenet.ir.calls import read_call

            return read_call(self, expression)
        return self._other(expression)

    def _other(self, expression: tree.Expression) -> Value | None:
        if isinstance(expression, tree.Negation):
            return self._negation(expression)
        if isinstance(expression, tree.Transpose):
            return self._transpose(expression)
        if isinstance(expression, tree.NormBars):
            return self._bars(expression)
        if isinstance(expression, tree.Vector):
            return self._vector(expression)
        assert isinstance(expression, tree.Index)
        return self._index(expression)

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _name(self, name: tree.Name) -> Value | None:
        if name.text in self.arguments:
            return self.arguments[name.text]
        if name.text == "t":
            return nodes.time()
        if self._is_function(name):
            return None
        if name.text not in self.scope.entries:
            self.scope.report_unknown(name, VALUES, "value", self.arguments)
            return None
        entry = self.scope.find(name, VALUES, "value")
        return None if entry is None else _leaf(entry)

    def _is_function(self, name: tree.Name) -> bool:
        from odenet.operators.functions import FUNCTIONS
        from odenet.operators.tensors import TENSORS

        entry = self.scope.entries.get(name.text)
        if name.text in self.scope.misnamed:
            return True
        if entry is not None and entry.kind != "def":
            return False
        public = name.text in FUNCTIONS and FUNCTIONS[name.text].is_public
        if entry is None and not public and name.text not in TENSORS:
            return False
        if entry is not None and not entry.is_read:
            self.scope.find(name, ("def",), "function")  # reports that it stands below
            return True
        labels = [(name.span, "used as a value")] + ([(entry.span, "declared here as a def")] if entry else [])
        if entry is None or entry.value is not None:
            own = self.own_arguments(name)
            call = f"{name.text}({'…' if own is None else ', '.join(own)})"
            self.faults.report("ODE106", f"`{name.text}` is a function, not a value", *labels, help=f"call it: `{call}`",
                               edits=[] if own is None else [(name.span, call)])
        return True

    def own_arguments(self, name: tree.Name) -> tuple[str, ...] | None:
        """The arguments of a `def`, where all of them are called like what can be read here: blocks, or arguments of this `def`."""
        from odenet.ir.calls import Template

        entry = self.scope.entries.get(name.text)
        if name.text in self.arguments or entry is None or entry.kind != "def" or not isinstance(entry.value, Template):
            return None
        names = tuple(argument for argument, _ in entry.value.arguments)
        blocks = {e.name for e in self.scope.entries.values() if e.kind == "state"}
        return names if all(n in self.arguments or n in blocks for n in names) else None

    # --- operators ----------------------------------------------------------------------------------------------

    def _binary(self, expression: tree.Binary) -> Value | None:
        if expression.operator in "+-":
            return self._sum(expression)
        if expression.operator == "^":
            return raise_power(self, expression)
        left, right = self.value(expression.left), self.value(expression.right)
        if left is None or right is None:
            return None
        return {"*": multiply, "/": divide, "@": apply_map}[expression.operator](self, expression, left, right)

    def _sum(self, expression: tree.Binary) -> Value | None:
        """A chain of + and -, from the left, without recursion along the chain."""
        chain: list[tree.Binary] = []
        head: tree.Expression = expression
        while isinstance(head, tree.Binary) and head.operator in "+-":
            chain.append(head)
            head = head.left
        found = self.value(head)
        is_whole = found is not None
        for link in reversed(chain):
            right = self.value(link.right)
            if found is None or right is None:
                found, is_whole = None, False
                continue
            found = add_values(self, link, found, right)
        return found if is_whole else None

    def _negation(self, expression: tree.Negation) -> Value | None:
        inner = self.value(expression.operand)
        if inner is None:
            return None
        if isinstance(inner, Node):
            return products.scaled(products.MINUS, inner)
        return Scaled(nodes.number(-1), inner)

    def _transpose(self, expression: tree.Transpose) -> Value | None:
        inner = self.value(expression.operand)
        if inner is None:
            return None
        if not isinstance(inner, Node):
            return maps.adjoint(inner)
        if is_map(inner.space):
            return products.transpose(inner)
        return self.fault("ODE208", f"`.T` needs a matrix or a convolution, and `{self.text(expression.operand)}` is none",
                          expression, f"`{self.text(expression.operand)}` is in {inner.space}",
                          *self.declared(expression.operand),
                          help="a vector has no transpose; an inner product is `dot(x, y)`, a matrix `outer(x, y)`")

    def _bars(self, expression: tree.NormBars) -> Value | None:
        inner = self.read(expression.operand)
        if inner is None or not self.reduces(expression, inner):
            return None
        if inner.space == SCALAR:
            return nodes.function("abs", inner)
        if is_map(inner.space):
            return self.fault("ODE209", "`|…|` is the 2-norm of a vector, not of a matrix", expression,
                              f"in {inner.space}", *self.declared(expression.operand),
                              help="the sum of squared entries is `sum(square(A))`")
        return nodes.scalar("norm", inner)

    def _vector(self, expression: tree.Vector) -> Value | None:
        items = [self.scalar(item, "an entry of `[…]`") for item in expression.items]
        if any(item is None for item in items):
            return None
        scalars = tuple(item for item in items if item is not None)
        return Node("stack", scalars, (), Space((Size.number(len(scalars)),)))

    def _index(self, expression: tree.Index) -> Value | None:
        inner, index = self.read(expression.operand), self.read(expression.index)
        if inner is None or index is None:
            return None
        whole = index.op == "number" and index.data[0].denominator == 1 and index.data[0] >= 0
        if not whole:
            return self.fault("ODE211", "an index is a whole number from 0", expression.index, "not a whole number >= 0")
        if not isinstance(inner.space, Space) or inner.space.rank != 1:
            return self.fault("ODE211", "only a vector has entries `x[i]`", expression, f"in {inner.space}",
                              *self.declared(expression.operand))
        return self._entry(expression, inner, int(index.data[0]))

    def _entry(self, expression: tree.Index, vector: Node, index: int) -> Value | None:
        from odenet.ir.spaces import default_dims

        size = vector.space.sizes[0]  # type: ignore[union-attr]
        if size.evaluate(default_dims(self.scope)) <= index:
            return self.fault("ODE211", f"`{self.text(expression.operand)}` has no entry {index}", expression.index,
                              f"entries are counted from 0 and there are {size}", *self.declared(expression.operand))
        return nodes.Node("index", (vector,), (index,), SCALAR)

    def reduces(self, expression: tree.Expression, *values: Node) -> bool:
        """Whether values may be reduced to one number: not those that take any space. Errors: ODE210."""
        for value in values:
            for n in value.walk():
                if n.op == "variable" and n.data[0] in self.without_space:
                    name = n.data[0]
                    self.fault("ODE210", f"the argument `{name}` needs a space", self.without_space[name],
                               "no block of the state has this name", (expression.span, "not a function of one entry"),
                               help=f"say it: `{name} : R[n]`; without a space a `def` works entry by entry")
                    return False
        return True

    # --- reporting ------------------------------------------------------------------------------------------------

    def text(self, expression: tree.Expression) -> str:
        return self.faults.text(expression.span)

    def fault(self, code: str, message: str, at: tree.Expression | tree.Keyword | Span, label: str, *labels: tuple[Span, str],
              help: str = "", edits: Iterable[tuple[Span, str]] = ()) -> None:
        """Report a fault and poison the value."""
        span = at if isinstance(at, Span) else at.span
        self.faults.report(code, message, (span, label), *labels, help=help, edits=edits)

    def declared(self, *expressions: tree.Expression) -> list[tuple[Span, str]]:
        """Labels at the declarations of the blocks and parameters that the expressions mention (at most three)."""
        names = [n for e in expressions for n in names_in(e)]
        entries = {n: self.scope.entries[n] for n in names if n in self.scope.entries and n not in self.arguments}
        found = [e for e in entries.values() if e.kind in ("state", "param") and e.space is not None]
        return [(e.space_span or e.span, f"`{e.name}` is in {e.space}") for e in found[:3]]


def names_in(expression: tree.Expression) -> list[str]:
    """The names in an expression outside of calls' own names, in order, without repetition."""
    found: dict[str, None] = {}
    stack: list[tree.Expression] = [expression]
    while stack:
        item = stack.pop()
        if isinstance(item, tree.Name):
            found[item.text] = None
        stack.extend(reversed(list(_children(item))))
    return list(found)


def _children(item: tree.Expression) -> Iterable[tree.Expression]:
    if isinstance(item, tree.Binary):
        return (item.left, item.right)
    if isinstance(item, (tree.Negation, tree.Transpose, tree.NormBars)):
        return (item.operand,)
    if isinstance(item, tree.Call):
        return (*item.arguments, *(k.value for k in item.keywords))
    if isinstance(item, tree.Index):
        return (item.operand, item.index)
    return item.items if isinstance(item, tree.Vector) else ()


def _leaf(entry: Entry) -> Value:
    if entry.kind == "dim":
        return products.size_node(entry.value)
    if entry.kind == "const":
        return entry.value  # type: ignore[no-any-return]
    if entry.kind == "state":
        return nodes.state(entry.name, entry.value)
    space = entry.value.space
    if isinstance(space, ConvolutionSpace):
        return Convolution(entry.name, space)
    return nodes.param(entry.name, space)


__all__ = ["OpenMap", "Reader", "Value", "names_in"]
