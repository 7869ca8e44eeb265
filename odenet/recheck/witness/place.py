"""The place where a claim is looked at: sizes, parameters, states, and the map that the claim is about."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from odenet.ir.model import Claim, Comparison, Model, Net
from odenet.ir.node import Node, subtract
from odenet.recheck.scalars import Rejected
from odenet.recheck.witness.duals import Dual, lift, seeded, split, units
from odenet.recheck.witness.runs import World

INPUT = "the input"


def demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Rejected(otherwise)


def net_of(model: Model, claim: Claim) -> Net | None:
    return model.net(claim.subject) if claim.kind == "net" else None


def flows_of(model: Model, claim: Claim) -> list[str]:
    net = net_of(model, claim)
    stages = [stage.data[0] for stage in net.stages if stage.kind == "flow"] if net else []
    return [claim.subject] if claim.kind == "flow" else stages


@dataclass
class Place:
    """Where a claim is looked at. Points are flat arrays; `map` sends a flat dual to one."""

    model: Model
    claim: Claim
    world: World
    shapes: dict[str, tuple[int, ...]]
    points: dict[str, Any]
    order: list[int] | None
    map: Callable[[Dual], Dual]

    def dual(self, name: str = "x", *directions: Any) -> Dual:
        return seeded(self.points[name], directions)

    def image(self, name: str = "x") -> Any:
        return self.map(self.dual(name))[0]

    def jacobian(self, name: str = "x") -> Any:
        """DΦ or Df, row by row."""
        return self.map(self.dual(name, *units(len(self.points[name]))))[1:].T

    def scalar(self, node: Node, dual: Dual) -> Dual:
        kind = "variables" if self.claim.kind == "def" else "states"
        return lift(node, self.world.environment(), split(dual, self.shapes), kind)

    def number(self) -> Any:
        """The number that is the claim's argument."""
        return self.world.number(self.node())

    def node(self) -> Node:
        argument = self.claim.arguments[0]
        assert isinstance(argument, Node)
        return argument

    def norm(self) -> str:
        word = dict(self.claim.keywords).get("norm", "2")
        return str(word.data[0]) if isinstance(word, Node) else word

    def holds_region(self, point: Any) -> bool:
        """Whether a state certainly satisfies every comparison."""
        return all(_satisfies(c, self.scalar(subtract(c.right, c.left), seeded(point, ()))[0]) for c in self.claim.region)


def _satisfies(comparison: Comparison, room: Any) -> bool:
    return all(x > 0 if comparison.is_strict else x >= 0 for x in np.asarray(room, dtype=object).flat)
