"""Names inside functions of the emitted module: blocks, parameters and hoisted values keep theirs everywhere."""

from __future__ import annotations

from odenet.emit.library import entries
from odenet.emit.names import BARE, Names
from odenet.emit.rewrite import is_fixed
from odenet.ir.model import Model
from odenet.ir.node import Node, parameters
from odenet.plan.steps import DURATION


class Locals:
    """The local name of everything in a spec, and of each value that is computed before the steps."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.names = Names(BARE | frozenset(entries()))
        declared = [*(b.name for b in model.blocks), *(p.name for p in model.parameters)]
        self._of_spec = {name: self.names.new(name) for name in declared}
        self.duration, self.time = self.names.new(DURATION), self.names.new("t")
        self.step, self.steps, self.batch = self.names.new("step"), self.names.new("steps"), self.names.new("batch")
        self.index, self.place = self.names.new("index"), self.names.new("place")
        self.like = self.names.new("like")
        self.values, self.raw = self.names.new("values"), self.names.new("raw")
        self.log_det, self.probes = self.names.new("log_det"), self.names.new("probes")
        self.constants, self.stacks = self.names.new("constants"), self.names.new("stacks")
        for name in ("kept", "gradients", "totals"):
            self.names.new(name)
        self._raw: dict[str, str] = {}
        self._gradients: dict[str, str] = {}
        self._kept: dict[int, str] = {}
        self.hoisted: dict[Node, str] = {}

    def __getitem__(self, name: str) -> str:
        return self._of_spec[name]

    def raw_name(self, attribute: str) -> str:
        """The local name of a raw tensor that a method is given."""
        if attribute not in self._raw:
            self._raw[attribute] = self.names.new(f"{self.raw}_{attribute}")
        return self._raw[attribute]

    def gradient_name(self, name: str) -> str:
        """The local name of the gradient by something with a local name."""
        if name not in self._gradients:
            self._gradients[name] = self.names.new(f"g_{name}")
        return self._gradients[name]

    def kept_name(self, number: int) -> str:
        """The local name of what substep `number` keeps for its gradient."""
        if number not in self._kept:
            self._kept[number] = self.names.new(f"kept_{number}")
        return self._kept[number]

    def hoist(self, node: Node) -> str | None:
        """The name of a value that is the same for all samples; None for one that cannot be computed before the steps."""
        assert is_fixed(node)
        if any(self.model.parameter(name).moves_within_steps for name in parameters(node)):
            return None
        if node not in self.hoisted:
            self.hoisted[node] = self.names.new(_hint(node, self))
        return self.hoisted[node]

    def hoisted_node(self, name: str) -> Node:
        return next(node for node, found in self.hoisted.items() if found == name)

    def inner(self) -> Names:
        """Names for the temporaries of one function."""
        return self.names.copy()


def _hint(node: Node, locals: Locals) -> str:
    leaf = node.args[-1]
    if node.op == "scale" and leaf.op == node.args[0].op == "param":
        return f"{locals[node.args[0].data[0]]}_{locals[leaf.data[0]]}"
    if node.op == "scale" and leaf.op == "param":
        return f"scaled_{locals[leaf.data[0]]}"
    if node.op == "function" and leaf.op == "param":
        return f"{node.data[0]}_{locals[leaf.data[0]]}"
    return "fixed"
