"""What the parts of a flow see of each other: which trees there are for a choice of parts that read and move the same blocks.

`order` is said of every smooth choice of the parts that reads and moves the blocks that the parts of the flow do, and that
depends on time where they do. A tree with a vertex whose field does not see what one of its children moves belongs to no
such choice: its elementary differential is zero. So a shear has no child of its own colour, and every consistent method
advances it exactly while the clock stands still.
"""
from __future__ import annotations

from odenet.ir.model import Flow, Model
from odenet.ir.node import states
from odenet.schemes.trees import CLOCK, Sight


def sight(model: Model, flow: Flow) -> Sight:
    """For each part CLOCK where its field depends on time, and the parts that move a block which it reads."""
    moved, found = [frozenset(model.field(part.field).moves) for part in flow.parts], []
    for part in flow.parts:
        rows = model.field(part.field).rows
        reads = frozenset().union(*(states(node) for _, node in rows))
        found.append((*((CLOCK,) if model.is_timed(rows) else ()), *(i for i, blocks in enumerate(moved) if blocks & reads)))
    return tuple(found)
