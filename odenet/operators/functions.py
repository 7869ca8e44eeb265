"""Elementwise functions: one row each, with all that is true of the function.

The derivative of a row is a node; for the functions users write it is one function node again, so that its range of values is on
record: the slope range of `tanh` is the value range of `tanh_slope`.
"""
from __future__ import annotations

from fractions import Fraction

from odenet.ir.node import Node, function
from odenet.operators.kinked import KINKED
from odenet.operators.row import Function, Range
from odenet.operators.smooth import SMOOTH

__all__ = ["FUNCTIONS", "Function", "Range", "call", "public_names", "row_of", "values_of"]

FUNCTIONS: dict[str, Function] = {row.name: row for row in (*SMOOTH, *KINKED)}


def public_names() -> tuple[str, ...]:
    """The functions that users may write, in alphabetical order."""
    return tuple(sorted(name for name, row in FUNCTIONS.items() if row.is_public))


def row_of(node: Node) -> Function:
    """The row of a `function` node."""
    return FUNCTIONS[node.data[0]]


def values_of(node: Node) -> Range:
    """The range of values of a `function` node, whatever its argument."""
    return row_of(node).values(*node.data[1:])


def call(name: str, argument: Node, *parameters: Fraction) -> Node:
    """A `function` node with the defaults of missing parameters put in."""
    given = list(parameters)
    for default in FUNCTIONS[name].defaults[len(given):]:
        assert default is not None, name
        given.append(default)
    return function(name, argument, *given)
