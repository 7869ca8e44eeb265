"""Exact symbolic derivatives: what the other stages use, in one place.

`gradient` (reverse mode), `tangent` (forward mode: Jacobian times direction), `divergence`, `laplacian`, `jacobian`.
Where a function has a kink, the derivative is the one that holds almost everywhere.
"""
from __future__ import annotations

from odenet.ir.differentiate.forward import divergence, jacobian, tangent, tangents, trace
from odenet.ir.differentiate.reverse import NotSupported, gradient, leaves, reverse, slope
from odenet.ir.differentiate.slopes import slope_range
from odenet.ir.node import Node

__all__ = ["NotSupported", "divergence", "gradient", "jacobian", "laplacian", "leaves", "reverse", "slope", "slope_range",
           "tangent", "tangents", "trace"]


def laplacian(node: Node, leaf: Node) -> Node:
    """div grad of a scalar node by one leaf. Raises NotSupported."""
    return divergence(reverse(node, (leaf,))[leaf], leaf)
