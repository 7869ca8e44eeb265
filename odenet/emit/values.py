"""Values of nodes as they stand in the emitted text: an expression, and what is known of the tensor it makes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from odenet.emit.tree import Expression, Subscript


@dataclass(frozen=True)
class Value:
    """An expression.

    is_number: a Python number, not a tensor.
    rank: how many axes of its own the tensor has; fewer than its space when it is left to broadcast.
    lead: it has one axis in front of its own: the batch, or (in the computation of parameters) the steps.
    is_full: it has every entry of its space, so it can be summed, applied, stacked.
    """

    code: Expression
    is_number: bool = False
    rank: int = 0
    lead: bool = False
    is_full: bool = True

    def with_code(self, code: Expression) -> Value:
        return replace(self, code=code)


def aligned(value: Value, rank: int) -> Expression:
    """The expression with axes of length one behind its leading axis, so that it broadcasts with tensors of `rank`."""
    missing = rank - value.rank
    if value.is_number or not value.lead or missing <= 0:
        return value.code
    return Subscript(value.code, ", ".join((":", *("None",) * missing)))
