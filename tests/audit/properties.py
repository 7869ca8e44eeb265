"""What each property says, evaluated at one point of one world: a positive excess is a violation.

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
from tests.audit.arithmetic import Number, Undefined, Unsure, real
from tests.audit.evaluate import Tensor, Values, evaluate, matmul, number, plus, total
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
            x = self._pulled(x)
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


# --- one rule for each property ----------------------------------------------------------------------------------------------------


def _differs(items: Any, size: arb) -> Excess:
    return Excess(biggest(items), size)


def _divergence(s: Subject) -> Excess:
    j = jacobian(s.rate, s.draw())
    return _differs([total([j[i][i] for i in range(len(j))])], biggest(entries(j)))


def _turned(s: Subject, j: Matrix) -> Matrix:
    """Omega J with Omega (q, p) -> (p, -q)."""
    rows = [[item * 0 for item in row] for row in j]
    for position, momentum in s.pairs():
        for q, p in zip(position, momentum, strict=True):
            rows[q], rows[p] = j[p], [-item for item in j[q]]
    return rows


def _hamiltonian(s: Subject) -> Excess:
    x = s.draw()
    if s.claim.arguments:
        slope = [[item] for item in gradient(s.scalar, x)]
        wanted = [row[0] for row in _turned(s, slope)]
        f = s.rate(x)
        return _differs([a - b for a, b in zip(f, wanted, strict=True)], biggest(f))
    j = jacobian(s.rate, x)
    paired = [i for q, p in s.pairs() for i in (*q, *p)]
    turned = _turned(s, j)
    gaps = [turned[i][k] - turned[k][i] for i in paired for k in paired]
    return _differs(gaps, biggest(entries(j)))


def _gradient(s: Subject) -> Excess:
    x = s.draw()
    if s.claim.arguments:
        f = s.rate(x)
        return _differs([a - b for a, b in zip(f, gradient(s.scalar, x), strict=True)], biggest(f))
    j = jacobian(s.rate, x)
    return _differs([j[i][k] - j[k][i] for i in range(len(j)) for k in range(i)], biggest(entries(j)))


def _symplectic(s: Subject) -> Excess:
    j = jacobian(s.map, s.draw())
    columns = [list(column) for column in zip(*j, strict=True)]
    turned = _turned(s, j)
    size = biggest(entries(j))
    n = len(j)
    eye = [[arb(int(i == k)) for k in range(n)] for i in range(n)]
    omega = _turned(s, eye)
    gaps = [total([a * row[k] for a, row in zip(columns[i], turned, strict=True)]) - omega[i][k] for i in range(n) for k in range(n)]
    return _differs(gaps, size * size)


def _volume(s: Subject) -> Excess:
    from flint import arb_mat

    j = restricted(jacobian(s.map, s.draw()), s.active()) if s.claim.kind == "flow" else jacobian(s.map, s.draw())
    if len(j) != len(j[0]):
        return Excess(arb(1), arb(0))
    size = arb(1)
    for row in j:
        size = size * (1 + length(row))
    return Excess(abs(abs(arb_mat(j).det()) - 1), size)


def _slope(s: Subject, x: Vector) -> Matrix:
    j = jacobian(s.map, x)
    return restricted(j, s.active()) if s.claim.kind == "flow" else j


def _lipschitz(s: Subject) -> Excess:
    bound = arb(1) if s.claim.property == "nonexpansive" else s.argument()
    if not s.claim.region and s.chance.randrange(2):
        return _pair(s, bound)
    j = _slope(s, s.draw())
    v = steepest(j, s.norm)
    return Excess(norm(times(j, v), s.norm) - bound * norm(v, s.norm), biggest(entries(j)))


def _second(s: Subject, x: Vector) -> Vector:
    """Another state that differs in what the subject holds: near, or across, or far."""
    keep, y = set(s.active()), s.draw()
    kind = s.chance.randrange(3)
    if kind == 0:
        y = [a + (b - a) / 1000 for a, b in zip(x, y, strict=True)]
    elif kind == 1:
        y = [-a + (b - a) / 10 for a, b in zip(x, y, strict=True)]
    return [b if i in keep else a for i, (a, b) in enumerate(zip(x, y, strict=True))]


def _pair(s: Subject, bound: Number) -> Excess:
    x = s.draw()
    y = _second(s, x)
    there = [a - b for a, b in zip(s.map(x), s.map(y), strict=True)]
    gap = [a - b for a, b in zip(x, y, strict=True)]
    return Excess(norm(there, s.norm) - bound * norm(gap, s.norm), norm(there, s.norm) + norm(gap, s.norm))


def _contractive(s: Subject) -> Excess:
    bound = arb(0) if s.claim.property == "nonexpansive" else s.argument()
    if s.norm == "2" and not s.claim.region and s.chance.randrange(2):
        x = s.draw()
        y = _second(s, x)
        gap = [a - b for a, b in zip(x, y, strict=True)]
        there = [a - b for a, b in zip(s.rate(x), s.rate(y), strict=True)]
        squared = total([item * item for item in gap])
        return Excess(total([a * b for a, b in zip(there, gap, strict=True)]) + bound * squared, squared + length(there) * length(gap))
    j = jacobian(s.rate, s.draw())
    return Excess(logarithmic(j, s.norm) + bound, biggest(entries(j)))


def _nonexpansive(s: Subject) -> Excess:
    return _contractive(s) if s.claim.kind == "field" else _lipschitz(s)


def _averaged(s: Subject) -> Excess:
    """|Phi x - Phi y - (1 - a)(x - y)| <= a |x - y|"""
    a = s.argument()
    if not s.claim.region and s.chance.randrange(2):
        x = s.draw()
        y = _second(s, x)
        gap = [p - q for p, q in zip(x, y, strict=True)]
        rest = [p - q - (1 - a) * g for p, q, g in zip(s.map(x), s.map(y), gap, strict=True)]
        return Excess(length(rest) - a * length(gap), length(rest) + length(gap))
    j = _slope(s, s.draw())
    part = [[item - (1 - a if i == k else 0) for k, item in enumerate(row)] for i, row in enumerate(j)]
    v = steepest(part, "2")
    return Excess(length(times(part, v)) - a * length(v), biggest(entries(j)))


def _changes(s: Subject) -> list[Excess]:
    """How much an invariant rises in each step (how fast, along a field), once up and once down."""
    x = s.draw()
    if s.claim.kind == "field":
        slope, f = gradient(s.scalar, x), s.rate(x)
        size = total([abs(a * b) for a, b in zip(slope, f, strict=True)])
        return [Excess(total([a * b for a, b in zip(slope, f, strict=True)]), size)]
    if s.claim.kind == "net":
        return [_change_of_net(s, x)]
    found = []
    states = s.trajectory(x) if s.runner.steps <= STEPS else s.runner.trajectory(unpacked(x, s.like), STEPS)
    for before, after in zip(states, states[1:], strict=False):
        low, high = s.scalar(packed(before)), s.scalar(packed(after))
        found.append(Excess(high - low, abs(low) + abs(high) + biggest(packed(before)) ** 2 + biggest(packed(after)) ** 2))
    return found


def _change_of_net(s: Subject, x: Vector) -> Excess:
    """Of a net the quantity is that of its input, and of its output: a sum, a length, an entry of what is there."""
    node = s.claim.arguments[0]
    assert isinstance(node, Node)

    def value(shape: tuple[int, ...], items: Vector) -> Number:
        states = {b.name: Tensor(shape, items) for b in s.model.blocks}
        return number(node, Values(s.model, s.members.dims, states, s.parameters))

    net = s.model.net(s.claim.subject)
    before, after = value(s.values.shape(net.domain), x), value(s.values.shape(net.codomain), s.map(x))
    return Excess(after - before, abs(before) + abs(after))


def _worst(found: list[Excess]) -> Excess:
    return max(found, key=lambda e: float((e.value / (1 + e.size)).mid()))


def _preserves(s: Subject) -> Excess:
    return _worst([Excess(abs(e.value), e.size) for e in _changes(s)])


def _dissipates(s: Subject) -> Excess:
    return _worst(_changes(s))


def _positive(s: Subject) -> Excess:
    x = [abs(item) if s.chance.randrange(3) else arb(0) for item in s.draw()]
    if not s.inside(x):
        raise Unsure("a state outside of the region")
    if s.claim.kind == "field":
        f = s.rate(x)
        lows = [-f[i] for i, item in enumerate(x) if item == 0]
        return _worst([Excess(low, biggest(f)) for low in lows]) if lows else Excess(arb(-1), arb(0))
    if s.claim.kind == "net":
        y = s.map(x)
        return _worst([Excess(-item, biggest(y)) for item in y])
    states = s.trajectory(x) if s.runner.steps <= STEPS else s.runner.trajectory(unpacked(x, s.like), STEPS)
    keep = s.active()
    return _worst([Excess(-packed(y)[i], biggest(packed(y))) for y in states for i in keep])


def group(s: Subject) -> Callable[[Vector, dict[str, tuple[int, ...]]], Vector]:
    """An element of the group, on states of the given blocks."""
    word = s.claim.arguments[0]
    if word == "sign":
        return lambda x, blocks: [-item for item in x]
    orders: dict[Any, list[int]] = {}
    rows = s.chance.randrange(2)

    def order(key: Any, size: int) -> list[int]:
        if key not in orders:
            orders[key] = [(i + 1) % size for i in range(size)] if word == "translation" else s.chance.sample(range(size), size)
        return orders[key]

    def one(name: str, x: Tensor) -> Vector:
        space = s.model.block(name).space if name else s.model.net(s.claim.subject).domain
        if isinstance(word, Node):
            q = s.parameters[word.data[0]]
            if q.shape != 2 * x.shape or not x.shape:
                raise Unsure("an action on a block that it does not fit")
            return matmul(q, x).items
        if len(x.shape) == 1:
            return [x.items[k] for k in order(space.sizes[0] if word == "permutation" else x.shape, len(x.items))]
        if word == "translation" and len(x.shape) == 3:
            c, h, w = x.shape
            down, right = (1, 0) if rows else (0, 1)
            return [x.items[(k * h + (i + down) % h) * w + (j + right) % w] for k in range(c) for i in range(h) for j in range(w)]
        if x.shape:
            raise Unsure("an action on matrices")
        return x.items

    def act(x: Vector, blocks: dict[str, tuple[int, ...]]) -> Vector:
        like = {name: Tensor(shape, [arb(0)] * prod(shape)) for name, shape in blocks.items()}
        return [item for name, tensor in unpacked(x, like).items() for item in one(name, tensor)]

    return act


def _equivariant(s: Subject) -> Excess:
    x, g = s.draw(), group(s)
    moved, here = g(x, s.blocks), s.map(x)
    there = s.blocks
    if s.claim.kind == "net":
        net = s.model.net(s.claim.subject)
        there = {"": s.values.shape(net.codomain)}
        if prod(there[""]) != prod(s.blocks[""]):
            raise Unsure("an action on another space")
    try:
        left = s.map(moved)
    except Undefined:
        return Excess(arb(1), arb(0))  # the claim speaks of f(g x), which is not there
    right = g(here, there)
    return _differs([a - b for a, b in zip(left, right, strict=True)], biggest(left) + biggest(right))


def _flipped(s: Subject, x: Vector) -> Vector:
    found = list(x)
    for _, momentum in s.pairs():
        for k in momentum:
            found[k] = -x[k]
    return found


def _reversible(s: Subject) -> Excess:
    x = s.draw()
    if s.claim.kind == "field":
        f = s.rate(x)
        return _differs([a + b for a, b in zip(s.rate(_flipped(s, x)), _flipped(s, f), strict=True)], biggest(f))
    s.trajectory(x) if s.conditions else None
    middle = s.step(x)
    back = _flipped(s, s.step(_flipped(s, middle)))
    return _differs([a - b for a, b in zip(back, x, strict=True)], _condition(s, x) * (biggest(middle) + biggest(x)))


def _condition(s: Subject, x: Vector) -> arb:
    j = jacobian(s.step, x)
    size = biggest(entries(j))
    return (1 + size) ** 2


def _symmetric(s: Subject) -> Excess:
    """Phi_-h from where Phi_h ends, the clock at the end of the step, is back at the start."""
    x = s.draw()
    s.trajectory(x) if s.conditions else None
    h = s.runner.length
    start = number(s.runner.flow.start, s.values) + h * s.step_number
    middle = s.step(x)
    back = s.step(middle, -h, start + h)
    return _differs([a - b for a, b in zip(back, x, strict=True)], _condition(s, x) * (biggest(middle) + biggest(x)))


def _invertible(s: Subject) -> Excess:
    """The determinants of two places have one sign."""
    from flint import arb_mat

    signs = []
    for _ in range(2):
        j = _slope(s, s.draw())
        if len(j) != len(j[0]):
            return Excess(arb(1), arb(0))
        size = arb(1)
        for row in j:
            size = size * (arb(2) ** -60 + length(row))
        det = arb_mat(j).det()
        signs.append(0 if not abs(det) > arb(2) ** -50 * size else 1 if det > 0 else -1)
    return Excess(arb(1 if signs[0] * signs[1] < 0 else -1), arb(0))


def _convex(s: Subject) -> Excess:
    x = s.draw()
    y = s.draw()
    if s.chance.randrange(2):
        y = [a + (b - a) / 100 for a, b in zip(x, y, strict=True)]
    middle = [(a + b) / 2 for a, b in zip(x, y, strict=True)]
    low, mid, high = s.map(x)[0], s.map(middle)[0], s.map(y)[0]
    return Excess(mid - (low + high) / 2, (abs(low) + abs(high)) * arb(2) ** -100)


def _smooth(s: Subject) -> Excess:
    """|grad V(x) - grad V(y)| <= L |x - y|"""
    x = s.draw()
    y = s.draw() if s.chance.randrange(2) else [a + (b - a) / 1000 for a, b in zip(x, s.draw(), strict=True)]
    slopes = [gradient(lambda z: s.map(z)[0], point) for point in (x, y)]
    gap = [a - b for a, b in zip(x, y, strict=True)]
    there = [a - b for a, b in zip(*slopes, strict=True)]
    if s.chance.randrange(2) or s.size == 1:
        return Excess(length(there) - s.argument() * length(gap), length(there) + length(gap))
    hessian = jacobian(lambda z: gradient(lambda u: s.map(u)[0], z), x, arb(2) ** -40)
    v = steepest(hessian, "2")
    return Excess(length(times(hessian, v)) - s.argument() - arb(2) ** -30 * (1 + biggest(entries(hessian))), biggest(entries(hessian)))


RULES: dict[str, Callable[[Subject], Excess]] = {
    "divergence_free": _divergence, "hamiltonian": _hamiltonian, "gradient": _gradient, "symplectic": _symplectic,
    "volume_preserving": _volume, "lipschitz": _lipschitz, "contractive": _contractive, "nonexpansive": _nonexpansive,
    "averaged": _averaged, "preserves": _preserves, "dissipates": _dissipates, "positive": _positive, "equivariant": _equivariant,
    "reversible": _reversible, "symmetric": _symmetric, "invertible": _invertible, "convex": _convex, "smooth": _smooth,
}
