"""Writing nodes as expressions: what is written already, temporaries, leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from odenet.emit.arithmetic import (
    tensor_space,
)
from odenet.emit.faults import refuse
from odenet.emit.names import Names
from odenet.emit.printer import text
from odenet.emit.sizes import Sizes
from odenet.emit.tree import (
    Assign,
    Attribute,
    Expression,
    Items,
    Name,
    Number,
    Statement,
    call,
    is_simple,
    method,
)
from odenet.emit.values import Value, aligned
from odenet.ir.model import Model
from odenet.ir.node import Node
from odenet.ir.sizes import Space

LONGEST = 76  # columns of an expression before it gets a name of its own
LEAVES = frozenset(("number", "dim", "time", "state", "param", "variable", "ones", "zeros"))


class Writing:
    """The core of a `Writer`: what is known, temporaries, leaves.

    leaf: the value of a `state`, `param`, `variable` or `time` node.
    like: a tensor whose type and device new tensors take; `used_like` tells whether any did.
    time_is_tensor: t is a tensor, not a Python number.
    runtime: names of runtime functions that the text calls (filled here).
    """

    def __init__(
        self,
        model: Model,
        names: Names,
        leaf: Callable[[Node], Value],
        like: Expression,
        runtime: dict[str, None],
        time_is_tensor: bool = False,
    ) -> None:
        self.model, self.names, self.leaf, self._like, self.runtime = model, names, leaf, like, runtime
        self.sizes = Sizes(model)
        self.body: list[Statement] = []
        self.used_like = False
        self.time_is_tensor = time_is_tensor
        self._known: dict[Node, Value] = {}
        self._uses: dict[Node, int] = {}

    # --- entry --------------------------------------------------------------------------------------------------

    def count(self, *roots: Node) -> None:
        """Note how often each node below is used, so that what is used twice gets a name."""
        seen: set[Node] = set()
        for root in roots:
            self._uses[root] = self._uses.get(root, 0) + 1
            for node in root.walk():
                if node not in seen:
                    seen.add(node)
                    for argument in node.args:
                        self._uses[argument] = self._uses.get(argument, 0) + 1

    def name_apart(self, nodes: Iterable[Node]) -> None:
        """Give each of the nodes a name of its own when it is written."""
        for node in nodes:
            self._uses[node] = self._uses.get(node, 0) + 2

    def value(self, node: Node) -> Value:
        """The value of a tensor or matrix node."""
        found = self._known.get(node)
        if found is None:
            found = self._leaf(node) if node.op in LEAVES else getattr(self, f"_{node.op}")(node)
            if node.op not in LEAVES and not is_simple(found.code) and self._deserves_name(node, found):
                found = self.named(found, "z")
            self._known[node] = found
        return found

    def _deserves_name(self, node: Node, value: Value) -> bool:
        return self._uses.get(node, 0) > 1 or len(text(value.code)) > LONGEST

    def named(self, value: Value, hint: str) -> Value:
        """The value under a name of its own."""
        name = self.names.new(hint)
        self.body.append(Assign((name,), value.code))
        return value.with_code(Name(name))

    def full(self, node: Node) -> Value:
        """The value with every entry of its space."""
        return self.filled(self.value(node), node.space)

    def filled(self, value: Value, space: object) -> Value:
        """A value that was left to broadcast, written out."""
        assert isinstance(space, Space)
        shape = self.sizes.shape(space)
        if value.is_full and not value.is_number:
            return value
        if value.is_number:
            code = method(self.like, "new_full", Items(shape), value.code)
            return Value(code, rank=len(shape))
        start = aligned(value, len(shape))
        lead = (Number(-1),) if value.lead else ()
        return Value(method(start, "expand", *lead, *shape), rank=len(shape), lead=value.lead)

    @property
    def like(self) -> Expression:
        self.used_like = True
        return self._like

    # --- leaves -------------------------------------------------------------------------------------------------

    def _leaf(self, node: Node) -> Value:
        if node.op == "number":
            return Value(self.number(node.data[0]), is_number=True)
        if node.op == "dim":
            return Value(self.sizes.dim(node.data[0]), is_number=True)
        if node.op in ("ones", "zeros"):
            return Value(Number(int(node.op == "ones")), is_number=True, is_full=False)
        return self.leaf(node)

    def number(self, value: Fraction) -> Expression:
        """The nearest Python number. Errors: ODE602."""
        if value.denominator == 1 and abs(value) < 2**53:
            return Number(int(value))
        try:
            return Number(float(value))
        except OverflowError:
            raise refuse(
                self.model.source,
                "ODE602",
                "a number is too large for floating point",
                None,
                f"about 10^{_digits(value)}",
            ) from None

    def _eye(self, node: Node) -> Value:
        size = self.sizes.shape(tensor_space(node))[0]
        like = self.like
        code = call("torch.eye", size, dtype=Attribute(like, "dtype"), device=Attribute(like, "device"))
        return Value(code, rank=2)


def _digits(value: Fraction) -> int:
    return len(str(abs(value.numerator))) - len(str(value.denominator))
