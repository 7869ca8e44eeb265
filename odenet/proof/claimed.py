"""The blocks of the state that a claim is about."""
from __future__ import annotations

from odenet.ir.model import Claim, Model
from odenet.ir.node import Node, states
from odenet.operators.properties import PAIRED


def subject_blocks(model: Model, claim: Claim) -> tuple[str, ...]:
    """The blocks a field or flow claim is about: read or moved by the subject, read by the claim, and the partners of pairs."""
    names = set(claim_states(claim))
    if claim.kind == "flow":
        names |= set(model.flow(claim.subject).blocks)
    for name in claim.fields:
        for block, node in model.field(name).rows:
            names |= {block} | states(node)
    if claim.property in PAIRED:
        for pair in model.pairs:
            names |= {pair.position, pair.momentum} if {pair.position, pair.momentum} & names else set()
    return tuple(block.name for block in model.blocks if block.name in names)


def claim_states(claim: Claim) -> frozenset[str]:
    """The blocks that the arguments and the region of a claim read."""
    nodes = [a for a in claim.arguments if isinstance(a, Node)]
    nodes += [side for comparison in claim.region for side in (comparison.left, comparison.right)]
    return frozenset(name for node in nodes for name in states(node))
