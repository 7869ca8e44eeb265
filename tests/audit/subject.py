"""The subject of a claim in one world: its states, its map, and differences of it.

Jacobians are central differences in numbers of many bits, so that their error is far below what counts as a violation.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import prod
from random import Random
from typing import Any

import numpy as np
from flint import arb, ctx

from odenet.ir.model import Claim, Comparison, Model
from odenet.ir.node import Node
from odenet.plan.steps import Plan
from tests.audit.arithmetic import Number, Unsure, real
from tests.audit.evaluate import Tensor, Values, evaluate, number, plus, total
from tests.audit.flows import Runner, States, net_runner, packed, unpacked
from tests.audit.members import Members, draw_states

Vector = list[Number]
Matrix = list[Vector]  # rows
Map = Callable[[Vector], Vector]
MOST = 60  # entries of a state
STEPS = 8  # of a flow that has many, where each step is spoken of


@dataclass(frozen=True)
class Excess:
    """How far a claim is broken, and of what size the numbers are that it is made of."""

    value: arb
    size: arb

    @property
    def is_violation(self) -> bool:
        return bool(self.value > arb(2) ** -46 * (1 + self.size))


@dataclass
class Subject:
    """The subject of a claim in one world: the state, the map, the group."""

    model: Model
    claim: Claim
    plans: dict[str, Plan]
    members: Members
    chance: Random
    conditions: tuple[str, ...] = ()
    log: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def time(self) -> arb:
        return real(Fraction(self.chance.randint(-300, 700), 97))

    @cached_property
    def step_number(self) -> int:
        return self.chance.randrange(self.runner.steps) if self.claim.kind == "flow" else 0

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        """Of a field, a def and of arguments: at any step and any place within the interval of time."""
        return self.members.at(0, real(Fraction(self.chance.randint(0, 16), 16)))

    @cached_property
    def values(self) -> Values:
        return Values(self.model, self.members.dims, {}, self.parameters, self.time)

    @cached_property
    def blocks(self) -> dict[str, tuple[int, ...]]:
        """All blocks; of a net its input."""
        sizes = Values(self.model, self.members.dims)
        if self.claim.kind == "net":
            return {"": sizes.shape(self.model.net(self.claim.subject).domain)}
        if self.claim.kind == "def":
            return {name: sizes.shape(space) for name, space in self.model.definition(self.claim.subject).arguments}
        return {b.name: sizes.shape(b.space) for b in self.model.blocks}

    @cached_property
    def like(self) -> States:
        return {name: Tensor(shape, [arb(0)] * prod(shape)) for name, shape in self.blocks.items()}

    @property
    def size(self) -> int:
        return sum(prod(shape) for shape in self.blocks.values())

    def active(self) -> list[int]:
        """The entries that a flow holds; all of a field."""
        places, start = [], 0
        for name, shape in self.blocks.items():
            if self.claim.kind != "flow" or name in self.model.flow(self.claim.subject).blocks:
                places += range(start, start + prod(shape))
            start += prod(shape)
        return places

    @cached_property
    def runner(self) -> Runner:
        return Runner(self.model, self.model.flow(self.claim.subject), self.members, self.plans[self.claim.subject])

    # --- points ----------------------------------------------------------------------------------------------------------

    def draw(self) -> Vector:
        """A state, in the region of the claim. Raises Unsure where none is found."""
        for _ in range(60):
            if self.claim.kind in ("net", "def"):
                x = self._free_state()
            else:
                x = packed(draw_states(self.model, self.values, tuple(self.blocks), self.chance))
            x = [item + real(Fraction(self.chance.randint(-9973, 9973), 10**9)) for item in self._pulled(x)]  # off the kinks
            if self.inside(x):
                return x
        raise Unsure("no state in the region")

    def _free_state(self) -> Vector:
        size = Fraction(self.chance.choice((1, 1, 4)), self.chance.choice((1, 4, 50)))
        return [real(Fraction(self.chance.randint(-10**6, 10**6), 314159) * size) for _ in range(self.size)]

    def _pulled(self, x: Vector) -> Vector:
        if not self.claim.region:
            return x
        kind = self.chance.randrange(4)
        if kind == 0:
            return [abs(item) for item in x]
        if kind == 1:
            factor = real(Fraction(1, self.chance.choice((2, 5, 20))))
            return [item * factor for item in x]
        shift = real(Fraction(self.chance.randint(-8, 8), 4))
        return [item + shift for item in x] if kind == 2 else x

    def inside(self, x: Vector) -> bool:
        """Whether a state lies in the region of the claim."""
        return all(self._holds(c, x) for c in self.claim.region)

    def _holds(self, comparison: Comparison, x: Vector) -> bool:
        at = self.at(x)
        left, right = evaluate(comparison.left, at).items, evaluate(comparison.right, at).items
        size = max(len(left), len(right))
        pairs = zip(left * (size // len(left)), right * (size // len(right)), strict=True)
        return all((b - a) > 0 if comparison.is_strict else (b - a) >= 0 for a, b in pairs)

    def at(self, x: Vector) -> Values:
        states = unpacked(x, self.like)
        variables = states if self.claim.kind == "def" else {}
        return Values(self.model, self.members.dims, states, self.parameters, self.time, variables)

    # --- maps ------------------------------------------------------------------------------------------------------------

    def rate(self, x: Vector) -> Vector:
        at, result = self.at(x), dict(self.like)
        for name in self.claim.fields:
            for block, node in self.model.field(name).rows:
                result[block] = plus(result[block], evaluate(node, at))
        return packed(result)

    @cached_property
    def map(self) -> Map:
        if self.claim.kind == "field":
            return self.rate
        if self.claim.kind == "flow":
            return lambda x: packed(self.trajectory(x)[-1])
        if self.claim.kind == "def":
            body = self.model.definition(self.claim.subject).body
            return lambda x: evaluate(body, self.at(x)).items
        net = net_runner(self.model, self.model.net(self.claim.subject), self.members, self.plans)
        return lambda x: net.run(Tensor(self.blocks[""], x)).items

    def trajectory(self, x: Vector) -> list[States]:
        found = self.runner.trajectory(unpacked(x, self.like))
        self._mind(found)
        return found

    def step(self, x: Vector, length: Number | None = None, start: Number | None = None) -> Vector:
        return packed(self.runner.step(unpacked(x, self.like), self.step_number, length, start))

    def _mind(self, states: list[States]) -> None:
        """Under the condition that implicit equations have one solution: only where h |A| |Df| is well below 1 on the way."""
        if not self.conditions or "minded" in self.log:
            return
        self.log["minded"] = True
        for part in self.runner.flow.parts:
            table = part.method.table or (part.method.inner.table if part.method.inner else None)
            rows = self.model.field(part.field).rows
            weight = Fraction(1) if table is None else None
            size = arb(1) if weight is not None else max(
                (sum((abs(arb(number(a, self.values).mid())) for a in row), arb(0)) for row in table.matrix), key=lambda a: float(a.mid()))
            for x in (states[0], states[-1]):
                rate, moved = self.runner.rate(part.field, x, 0)
                j = jacobian(lambda items, rate=rate: rate(items, arb(0)), packed(moved))
                steepest = max((float(sum((abs(item) for item in row), arb(0)).mid()) for row in j), default=0.0)
                if not abs(float(self.runner.length.mid())) * 4 * steepest * float(size.mid()) < 0.9:
                    raise Unsure("a step whose equation may have several solutions")
            del rows

    def argument(self) -> Number:
        node = self.claim.arguments[0]
        assert isinstance(node, Node)
        return number(node, self.values)

    def scalar(self, x: Vector) -> Number:
        node = self.claim.arguments[0]
        assert isinstance(node, Node)
        return number(node, self.at(x))

    @property
    def norm(self) -> str:
        for name, value in self.claim.keywords:
            if name == "norm":
                return str(value.data[0]) if isinstance(value, Node) else str(value)
        return "2"

    def pairs(self) -> list[tuple[list[int], list[int]]]:
        """Positions and momenta."""
        place, found, start = {}, [], 0
        for name, shape in self.blocks.items():
            place[name] = list(range(start, start + prod(shape)))
            start += prod(shape)
        for pair in self.model.pairs:
            if pair.is_halved:
                whole = place[pair.position]
                found.append((whole[:len(whole) // 2], whole[len(whole) // 2:]))
            else:
                found.append((place[pair.position], place[pair.momentum]))
        return found


# --- differences -----------------------------------------------------------------------------------------------------------------


def width() -> arb:
    return arb(2) ** (-ctx.prec * 7 // 24)


def jacobian(f: Map, x: Vector, e: arb | None = None) -> Matrix:
    """Rows of Df(x)."""
    e = width() if e is None else e
    columns = []
    for k in range(len(x)):
        ahead, behind = list(x), list(x)
        ahead[k], behind[k] = x[k] + e, x[k] - e
        columns.append([(a - b) / (2 * e) for a, b in zip(f(ahead), f(behind), strict=True)])
    return [list(row) for row in zip(*columns, strict=True)]


def along(f: Map, x: Vector, v: Vector) -> Vector:
    """Df(x) v"""
    e = width()
    ahead, behind = [a + e * b for a, b in zip(x, v, strict=True)], [a - e * b for a, b in zip(x, v, strict=True)]
    return [(a - b) / (2 * e) for a, b in zip(f(ahead), f(behind), strict=True)]


def gradient(value: Callable[[Vector], Number], x: Vector) -> Vector:
    return jacobian(lambda z: [value(z)], x)[0]


def biggest(items: Any) -> arb:
    return max((abs(item) for item in items), key=lambda a: float(a.mid()), default=arb(0))


def entries(j: Matrix) -> list[Number]:
    return [item for row in j for item in row]


def floats(j: Matrix) -> Any:
    return np.array([[float(item.mid()) for item in row] for row in j], dtype=float)


def times(j: Matrix, v: Vector) -> Vector:
    return [total([a * b for a, b in zip(row, v, strict=True)]) for row in j]


def length(v: Vector) -> arb:
    return total([item * item for item in v]).sqrt() if any(item != 0 for item in v) else arb(0)


def norm(v: Vector, order: str) -> arb:
    if order == "2":
        return length(v)
    return total([abs(item) for item in v]) if order == "1" else biggest(v)


def restricted(j: Matrix, keep: list[int]) -> Matrix:
    return [[j[i][k] for k in keep] for i in keep]


def steepest(j: Matrix, order: str) -> Vector:
    """A direction in which |J v| / |v| is (nearly) the norm of J."""
    a = floats(j)
    if not np.all(np.isfinite(a)):
        raise Unsure("a slope that floats do not hold")
    if order == "2":
        return [arb(v) for v in np.linalg.svd(a)[2][0]]
    if order == "1":
        k = int(np.abs(a).sum(axis=0).argmax())
        return [arb(int(i == k)) for i in range(a.shape[1])]
    row = a[int(np.abs(a).sum(axis=1).argmax())]
    return [arb(1 if item >= 0 else -1) for item in row]


def logarithmic(j: Matrix, order: str) -> arb:
    """A lower bound of the logarithmic norm, attained nearly."""
    if order == "2":
        a = floats(j)
        if not np.all(np.isfinite(a)):
            raise Unsure("a slope that floats do not hold")
        v = [arb(item) for item in np.linalg.eigh((a + a.T) / 2)[1][:, -1]]
        return total([a_ * b for a_, b in zip(v, times(j, v), strict=True)]) / total([item * item for item in v])
    rows = j if order == "inf" else [list(column) for column in zip(*j, strict=True)]
    sums = [row[i] + total([abs(item) for k, item in enumerate(row) if k != i]) for i, row in enumerate(rows)]
    return max(sums, key=lambda a_: float(a_.mid()))


