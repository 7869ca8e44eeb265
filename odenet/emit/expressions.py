"""From nodes to expressions of the tree: one method for each operation of the IR.

A `Writer` writes the body of one function. Nodes that are used twice, and long ones, become named temporaries.
"""

from __future__ import annotations

from odenet.emit.linear_maps import LinearMaps
from odenet.emit.reductions import Reductions
from odenet.emit.vectors import Vectors
from odenet.emit.writing import LEAVES
from odenet.ir.node import OPERATIONS


class Writer(LinearMaps, Reductions, Vectors):
    """Writes nodes as expressions into a body of statements; the method of operation `op` is `_op`."""


WRITTEN = frozenset(name for name in OPERATIONS if name in LEAVES or hasattr(Writer, f"_{name}"))
