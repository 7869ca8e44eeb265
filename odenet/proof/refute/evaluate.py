"""Nodes evaluated on scalars of the attack (rationals, balls, jets), at given dims and parameters."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from odenet.ir.model import ConvolutionSpace
from odenet.ir.node import Node
from odenet.ir.sizes import Space
from odenet.proof.refute.operations import RULES, Value
from odenet.proof.refute.scalars import ZERO, Scalar, Undefined
from odenet.proof.refute.shapes import shape_of
from odenet.proof.refute.tensors import Tensor

MOVING = frozenset(("state", "time", "variable"))


@lru_cache(maxsize=4096)
def _moves(node: Node) -> bool:
    """Whether the node depends on a state, the time or a variable."""
    return node.op in MOVING or any(_moves(argument) for argument in node.args)


@dataclass
class Evaluator:
    """Evaluates nodes at fixed dims and parameter values.

    `spaces` has the space of each parameter that is a convolution. What does not move is evaluated once.
    """

    dims: Mapping[str, int]
    parameters: Mapping[str, Tensor]
    spaces: Mapping[str, ConvolutionSpace] = field(default_factory=dict)
    still: dict[Node, Value] = field(default_factory=dict)

    def tensor(self, node: Node, states: Mapping[str, Tensor], time: Scalar = ZERO,
               variables: Mapping[str, Tensor] | None = None) -> Tensor:
        """The value of a node that is not a map.

        Raises:
            Undefined: it has no value there, or none that can be enclosed.
        """
        value = Evaluation(self, states, time, variables or {}).value(node)
        assert isinstance(value, Tensor)
        return value

    def scalar(self, node: Node, states: Mapping[str, Tensor] | None = None, time: Scalar = ZERO,
               variables: Mapping[str, Tensor] | None = None) -> Scalar:
        return self.tensor(node, states or {}, time, variables).scalar


@dataclass
class Evaluation:
    """One evaluation: the moving leaves and what is known so far."""

    evaluator: Evaluator
    states: Mapping[str, Tensor]
    time: Scalar
    variables: Mapping[str, Tensor]
    known: dict[Node, Value] = field(default_factory=dict)

    @property
    def dims(self) -> Mapping[str, int]:
        return self.evaluator.dims

    def value(self, node: Node) -> Value:
        memory = self.known if _moves(node) else self.evaluator.still
        found = memory.get(node)
        if found is None:
            found = RULES[node.op](self, node)
            memory[node] = found
        return found

    def tensor(self, node: Node) -> Tensor:
        value = self.value(node)
        if not isinstance(value, Tensor):
            raise Undefined("a map where a tensor is meant")
        return value

    def arguments(self, node: Node) -> list[Tensor]:
        return [self.tensor(argument) for argument in node.args]

    def shape(self, node: Node) -> tuple[int, ...]:
        assert isinstance(node.space, Space)
        return shape_of(node.space, self.dims)
