"""The slope range of a function of one variable."""
from __future__ import annotations

from odenet.ir.differentiate.forward import tangents
from odenet.ir.node import Node, number, ones
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import Range
from odenet.operators.ranges import FREE, value_range


def slope_range(node: Node, variable: Node) -> Range | None:
    """The range of d node / d variable over all values of the variable, for an expression that works entry by entry.

    Rigorous: every slope (almost everywhere) lies in it, and it is sharp where it says so. None: no finite end is known.
    Other leaves than the variable (parameters, states) may have any value.
    """
    one = number(1) if variable.space == SCALAR else ones(variable.space)  # type: ignore[arg-type]
    slope = tangents(node, {variable: one})
    if slope is None:
        return Range(number(0).data[0], number(0).data[0], True, True)
    found = value_range(slope, lambda leaf: FREE)
    return None if found.low is None and found.high is None else found
