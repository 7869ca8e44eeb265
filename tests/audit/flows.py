"""Flows and nets run from their definitions: the stages of the scheme one after the other, each part by its method.

A step length may be a number or a power series in h.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any

from flint import arb, arb_mat, arb_series, ctx

from odenet.ir.model import ConvolutionSpace, Flow, Method, Model, Net, NetStage
from odenet.ir.node import depends_on, states
from odenet.plan.steps import DiscreteGradient, Plan
from tests.audit.arithmetic import Number, Unsure, function, larger, sign
from tests.audit.evaluate import Tensor, Values, convolution, evaluate, matmul, number, plus, total
from tests.audit.members import Members, bounded, kernel

States = dict[str, Tensor]
ROUNDS = 60


class Misfit(Exception):
    """Sizes at which a stage of a net makes no sense: a claim for all sizes says nothing there."""


def packed(states: States) -> list[Number]:
    return [item for tensor in states.values() for item in tensor.items]


def unpacked(items: list[Number], like: States) -> States:
    found, place = {}, 0
    for name, tensor in like.items():
        found[name], place = Tensor(tensor.shape, items[place:place + len(tensor.items)]), place + len(tensor.items)
    return found


Rate = Callable[[list[Number], Number], list[Number]]  # moved blocks and the clock -> their rates


@dataclass(frozen=True)
class Runner:
    """One flow in one world. `potentials` are those of discrete gradients."""

    model: Model
    flow: Flow
    members: Members
    plan: Plan
    memory: Memory = field(default_factory=dict)

    @property
    def values(self) -> Values:
        return Values(self.model, self.members.dims)

    @property
    def steps(self) -> int:
        return int(self.flow.steps.evaluate(self.members.dims))

    @property
    def length(self) -> Number:
        return (self._end - self._start) / self.steps

    @property
    def _start(self) -> Number:
        return number(self.flow.start, self.values)

    @property
    def _end(self) -> Number:
        return number(self.flow.end, self.values)

    def trajectory(self, x: States, most: int | None = None) -> list[States]:
        found = [x]
        for step in range(self.steps if most is None else min(most, self.steps)):
            found.append(self.step(found[-1], step))
        return found

    def step(self, x: States, step: int, length: Number | None = None, start: Number | None = None) -> States:
        """One step; with the length and the start of the step given, a step back for instance."""
        h = self.length if length is None else length
        clock = self._start + self.length * step if start is None else start
        for place, (part, node) in enumerate(self.flow.scheme.stages):
            c = number(node, self.values)
            x = self._substep(part, x, step, clock, c * h, (step, place, length is None))
            if part == 0:
                clock = clock + c * h
        return x

    def parameters(self, step: int, clock: Number) -> dict[str, Tensor]:
        return self.members.at(step, (clock - self._start) / (self._end - self._start))

    def rate(self, name: str, x: States, step: int) -> tuple[Rate, States]:
        """The rates of a part's moved blocks as a function of those blocks and the clock, and these blocks."""
        rows = self.model.field(name).rows
        moved = {block: x[block] for block, _ in rows}
        is_timed = any(depends_on(node, "time") for _, node in rows) or any(
            p.schedule is not None and p.schedule.kind != "piecewise" for p in self.model.parameters)
        fixed = None if is_timed else self.parameters(step, self._start)

        def at(items: list[Number], clock: Number) -> list[Number]:
            given = self.parameters(step, clock) if fixed is None else fixed
            values = Values(self.model, self.members.dims, {**x, **unpacked(items, moved)}, given, clock)
            return [item for _, node in rows for item in evaluate(node, values).items]

        return at, moved

    def _substep(self, part: int, x: States, step: int, clock: Number, h: Number, key: Any) -> States:
        chosen = self.flow.parts[part]
        rate, moved = self.rate(chosen.field, x, step)
        before = packed(moved)
        runs = 1 if part == 0 else 0  # the clock stands still in all parts but the first
        at: Rate = (lambda items, c: rate(items, clock + c * h)) if runs else (lambda items, c: rate(items, clock))
        after = self._advance(chosen.field, chosen.method, part, at, before, h, x, step, clock, key)
        return {**x, **unpacked(after, moved)}

    def _advance(self, name: str, method: Method, part: int, at: Rate, before: list[Number], h: Number, x: States, step: int,
                 clock: Number, key: Any) -> list[Number]:
        if method.kind == "exact":
            return self._exact(name, part, at, before, h)
        if method.kind == "discrete_gradient":
            return self._discrete_gradient(part, at, before, h, x, step, key)
        if method.kind == "relax":
            assert method.inner is not None
            return self._relaxed(name, method, self._runge_kutta(method.inner, at, before, h, key), before, x, step, clock)
        return self._runge_kutta(method, at, before, h, key)

    # --- methods -----------------------------------------------------------------------------------------------------------

    def _runge_kutta(self, method: Method, at: Rate, before: list[Number], h: Number, key: Any) -> list[Number]:
        assert method.table is not None
        nodes = [number(c, self.values) for c in method.table.nodes]
        matrix = [[number(a, self.values) for a in row] for row in method.table.matrix]
        weights = [number(b, self.values) for b in method.table.weights]
        slopes = stages(nodes, matrix, at, before, h, self.memory, key)
        return [item + h * total([w * k[i] for w, k in zip(weights, slopes, strict=True)]) for i, item in enumerate(before)]

    def _exact(self, name: str, part: int, at: Rate, before: list[Number], h: Number) -> list[Number]:
        rows = self.model.field(name).rows
        moved = {block for block, _ in rows}
        is_timed = part == 0 and (any(depends_on(node, "time") for _, node in rows) or any(
            p.schedule is not None and p.schedule.kind != "piecewise" for p in self.model.parameters))
        if not is_timed and not any(states(node) & moved for _, node in rows):
            return [item + h * k for item, k in zip(before, at(before, arb(0)), strict=True)]
        if not is_timed and not isinstance(h, arb_series):
            found = _affine(at, before, h)
            if found is not None:
                return found
        return gauss(at, before, h)

    def _relaxed(self, field_name: str, method: Method, after: list[Number], before: list[Number], x: States, step: int,
                 clock: Number) -> list[Number]:
        """x + s d with I(x + s d) = I(x), s not 0: I along the line is I(x) + b s + a s^2."""
        moved = {block: x[block] for block, _ in self.model.field(field_name).rows}
        d = [b - a for a, b in zip(before, after, strict=True)]

        def invariant(s: int) -> Number:
            items = [a + s * b for a, b in zip(before, d, strict=True)]
            if method.invariant is None:
                return total([item * item for item in items])
            values = Values(self.model, self.members.dims, {**x, **unpacked(items, moved)}, self.parameters(step, clock), clock)
            return number(method.invariant, values)

        low, here, high = invariant(-1), invariant(0), invariant(1)
        a, b = (high + low) / 2 - here, (high - low) / 2
        s = (arb(1) if sign(b) == 0 else arb(0)) if sign(a) == 0 else -b / a
        return [item + s * e for item, e in zip(before, d, strict=True)]

    def _discrete_gradient(self, part: int, at: Rate, before: list[Number], h: Number, x: States, step: int,
                           key: Any) -> list[Number]:
        """y = x + h S g, g = grad V(m) + (V(y) - V(x) - grad V(m).d) d / d.d, S = I or J (Gonzalez 1996)."""
        advance = self.plan.advances[part]
        assert isinstance(advance, DiscreteGradient) and advance.potential is not None
        names = [name for name, _ in advance.rates]
        moved = {name: x[name] for name in names}
        field_order = [name for name, _ in self.model.field(self.flow.parts[part].field).rows]
        if names != field_order:
            raise Unsure("rows in another order")

        def potential(items: list[Number]) -> Number:
            values = Values(self.model, self.members.dims, {**x, **unpacked(items, moved)}, self.parameters(step, arb(0)))
            return number(advance.potential, values)

        def turned(items: list[Number], sign_: int) -> list[Number]:
            """J (sign 1) or its inverse (sign -1)."""
            if not advance.is_hamiltonian:
                return items
            parts = unpacked(items, moved)
            found: dict[str, list[Number]] = {}
            for q, p in zip(names[::2], names[1::2], strict=True):
                found[q] = [sign_ * item for item in parts[p].items]
                found[p] = [-sign_ * item for item in parts[q].items]
            return [item for name in names for item in found[name]]

        def residual(y: list[Number]) -> list[Number]:
            d = [b - a for a, b in zip(before, y, strict=True)]
            f = at([(a + b) / 2 for a, b in zip(before, y, strict=True)], arb(1) / 2)
            length = total([item * item for item in d])
            slope = turned(f, -1)
            gap = (potential(y) - potential(before) - total([a * b for a, b in zip(slope, d, strict=True)])) / length
            return [e - h * (k + gap * j) for e, k, j in zip(d, f, turned(d, 1), strict=True)]

        guess = [a + h * k for a, k in zip(before, at(before, arb(0)), strict=True)]
        if all(sign(a - b) == 0 for a, b in zip(guess, before, strict=True)):
            raise Unsure("a point of rest")
        return newton(residual, guess, self.memory, key)


def stages(nodes: list[Number], matrix: list[list[Number]], at: Rate, before: list[Number], h: Number, memory: Memory,
           key: Any) -> list[list[Number]]:
    """The slopes of a Runge-Kutta method."""
    count, size = len(nodes), len(before)

    def inside(i: int, slopes: list[list[Number]]) -> list[Number]:
        return [item + h * total([matrix[i][j] * slopes[j][k] for j in range(len(slopes)) if matrix[i][j] != 0])
                for k, item in enumerate(before)]

    if all(matrix[i][j] == 0 for i in range(count) for j in range(i, count)):
        found: list[list[Number]] = []
        for i in range(count):
            found.append(at(inside(i, found), nodes[i]))
        return found
    if isinstance(h, arb_series):  # each round has one more power of h right
        found = [at(before, c) for c in nodes]
        for _ in range(ctx.cap):
            found = [at(inside(i, found), nodes[i]) for i in range(count)]
        return found

    def residual(flat: list[Number]) -> list[Number]:
        slopes = [flat[i * size:(i + 1) * size] for i in range(count)]
        return [a - b for i in range(count) for a, b in zip(slopes[i], at(inside(i, slopes), nodes[i]), strict=True)]

    flat = newton(residual, [item for c in nodes for item in at(before, c)], memory, key)
    return [flat[i * size:(i + 1) * size] for i in range(count)]


Memory = dict[Any, tuple[list[Any], arb_mat]]


def newton(residual: Callable[[list[Number]], list[Number]], guess: list[Number], memory: Memory, key: Any) -> list[Number]:
    """A zero to working precision, by Newton's method with differences. Raises Unsure where there is none.

    `memory` holds the last solution of this equation and its inverse Jacobian: near it they need no other.
    """
    small, known = arb(2) ** (-ctx.prec // 3), memory.get(key)
    if known is not None:
        try:
            return _chord(residual, *known, small)
        except Unsure:
            pass
    x = [arb(item.mid()) for item in guess]
    inverse = None
    for _ in range(12):
        value, size = _middles(residual(x)), _whole(x)
        if inverse is not None and all(abs(v) < small * size for v in value):
            break
        inverse = _inverse(residual, x, value, small * size)
        x = _moved(x, inverse, value)
    if inverse is None:
        raise Unsure("an equation that is not solved")
    x = _chord(residual, x, inverse, small)
    memory[key] = (x, inverse)
    return x


def _middles(items: list[Number]) -> list[Any]:
    return [arb(item.mid()) for item in items]


def _whole(x: list[Any]) -> arb:
    return 1 + sum((abs(item) for item in x), arb(0))


def _moved(x: list[Any], inverse: arb_mat, value: list[Any]) -> list[Any]:
    step = inverse * arb_mat([[v] for v in value])
    x = [arb((item - step[i, 0]).mid()) for i, item in enumerate(x)]
    if not all(item.is_finite() for item in x):
        raise Unsure("an equation that is not solved")
    return x


def _inverse(residual: Callable[[list[Number]], list[Number]], x: list[Any], value: list[Any], width: arb) -> arb_mat:
    columns = []
    for k in range(len(x)):
        moved = [item + (width if i == k else 0) for i, item in enumerate(x)]
        columns.append([arb(((b - a) / width).mid()) for a, b in zip(value, residual(moved), strict=True)])
    try:
        found = arb_mat([[columns[j][i] for j in range(len(x))] for i in range(len(x))]).inv()
    except ZeroDivisionError:
        raise Unsure("an equation that is not solved") from None
    return arb_mat([[arb(found[i, j].mid()) for j in range(len(x))] for i in range(len(x))])


def _chord(residual: Callable[[list[Number]], list[Number]], x: list[Any], inverse: arb_mat, small: arb) -> list[Any]:
    """The last rounds, with one Jacobian for all."""
    for _ in range(8):
        value = _middles(residual(x))
        if all(abs(v) < small * small * _whole(x) for v in value):
            return x
        x = _moved(x, inverse, value)
    raise Unsure("an equation that is not solved")


def _affine(at: Rate, before: list[Number], h: Number) -> list[Number] | None:
    """x' = M x + b by the exponential of [[M, b], [0, 0]]; None where the rate is not affine."""
    size = len(before)
    zero = [arb(0)] * size
    try:
        b = at(zero, arb(0))
        columns = [[v - w for v, w in zip(at([arb(int(i == k)) for i in range(size)], arb(0)), b, strict=True)] for k in range(size)]
        probe = [arb(3 + 7 * k) / (11 + k) for k in range(size)]
        wanted = at(probe, arb(0))
    except Unsure:
        return None
    for i in range(size):
        linear = b[i] + total([columns[k][i] * probe[k] for k in range(size)])
        if not (linear - wanted[i]).overlaps(arb(0)) or not abs(linear - wanted[i]) < arb(2) ** -80 * (1 + abs(wanted[i])):
            return None
    rows = [[h * columns[k][i] for k in range(size)] + [h * b[i]] for i in range(size)] + [[arb(0)] * (size + 1)]
    e = arb_mat(rows).exp()
    return [total([e[i, k] * before[k] for k in range(size)]) + e[i, size] for i in range(size)]


@lru_cache(maxsize=16)
def gauss_table(count: int, bits: int) -> tuple[list[Any], list[list[Any]], list[Any]]:
    """Gauss' method of `count` stages: nodes are the roots of the shifted Legendre polynomial, the rest its quadrature."""
    nodes = sorted((1 + arb.legendre_p_root(count, k)) / 2 for k in range(count))
    powers = arb_mat([[c**k for c in nodes] for k in range(count)])  # sum_j a_ij c_j^k = c_i^(k+1) / (k + 1)
    rows = []
    for end in [*nodes, arb(1)]:
        right = arb_mat([[end ** (k + 1) / (k + 1)] for k in range(count)])
        solved = powers.solve(right)
        rows.append([arb(solved[j, 0]) for j in range(count)])
    return [arb(c) for c in nodes], rows[:-1], rows[-1]


def gauss(at: Rate, before: list[Number], h: Number, pieces: int = 4) -> list[Number]:
    """The exact flow: of a series by a method of higher order, of a number by small steps of order 24, twice and compared."""
    if isinstance(h, arb_series):
        return _gauss_step(at, before, h, arb(0), arb(1), ctx.cap // 2 + 1)
    coarse, fine = before, before
    for k in range(pieces):
        coarse = _gauss_step(at, coarse, h / pieces, arb(k) / pieces, arb(1) / pieces, 10)
    for k in range(2 * pieces):
        fine = _gauss_step(at, fine, h / (2 * pieces), arb(k) / (2 * pieces), arb(1) / (2 * pieces), 10)
    for a, b in zip(coarse, fine, strict=True):
        if not abs(a - b) < arb(2) ** -40 * (1 + abs(b)):
            raise Unsure("an exact flow that is too wild")
    return fine


def _gauss_step(at: Rate, before: list[Number], h: Number, place: arb, part: arb, count: int) -> list[Number]:
    nodes, matrix, weights = gauss_table(count, ctx.prec)
    here: Rate = lambda items, c: at(items, place + c * part)  # noqa: E731
    if isinstance(h, arb_series):
        slopes = stages(nodes, matrix, here, before, h, {}, None)
    else:
        slopes = _iterated(nodes, matrix, here, before, h)
    return [item + h * total([w * k[i] for w, k in zip(weights, slopes, strict=True)]) for i, item in enumerate(before)]


def _iterated(nodes: list[Number], matrix: list[list[Number]], at: Rate, before: list[Number], h: Number) -> list[list[Number]]:
    """Stages by iteration, which contracts for small steps."""
    slopes = [at(before, c) for c in nodes]
    for _ in range(ROUNDS):
        previous = slopes
        slopes = []
        for i, c in enumerate(nodes):
            inside = [arb((item + h * total([matrix[i][j] * previous[j][k] for j in range(len(nodes))])).mid())
                      for k, item in enumerate(before)]
            slopes.append([arb(k.mid()) for k in at(inside, c)])
        change = max(abs(float((a - b).mid())) for old, new in zip(previous, slopes, strict=True) for a, b in zip(old, new, strict=True))
        if change < 1e-30:
            return slopes
    raise Unsure("an exact flow that is too wild")


# --- nets ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NetRunner:
    """A net with its parameters drawn: one map for each stage."""

    maps: tuple[Callable[[Tensor], Tensor], ...]

    def run(self, x: Tensor) -> Tensor:
        for one in self.maps:
            x = one(x)
        return x


def net_runner(model: Model, net: Net, members: Members, plans: dict[str, Plan]) -> NetRunner:
    values = Values(model, members.dims)
    return NetRunner(tuple(_stage(model, stage, values, members, plans) for stage in net.stages))


def _stage(model: Model, stage: NetStage, values: Values, members: Members, plans: dict[str, Plan]) -> Callable[[Tensor], Tensor]:
    shape = values.shape(stage.codomain)
    if stage.kind in ("linear", "conv"):
        return _affine_stage(stage, values, members)
    if stage.kind == "function":
        return lambda x: Tensor(x.shape, [function(stage.data[0], item, *stage.data[1:]) for item in x.items])
    if stage.kind == "def":
        return _definition(model, stage.data[0], values, members)
    if stage.kind == "flow":
        return _flow_stage(model, stage.data[0], members, plans, shape)
    before = values.shape(stage.domain)
    if (stage.kind in ("embed", "lift") and shape[0] < before[0]) or (stage.kind in ("take", "fold") and shape[0] > before[0]):
        raise Misfit(f"`{stage.kind}` from {before[0]} to {shape[0]}")
    return lambda x: Tensor(shape, PLAIN[stage.kind](x, shape))


def _affine_stage(stage: NetStage, values: Values, members: Members) -> Callable[[Tensor], Tensor]:
    chance = members.chance
    inputs, outputs = values.size(stage.domain.sizes[0]), values.size(stage.codomain.sizes[0])
    bound = arb(chance.choice((1, 3))) if stage.norm is None else number(stage.norm, values)
    bias = [arb(chance.randint(-9, 9)) / 7 for _ in range(outputs)]
    if stage.kind == "linear":
        matrix = bounded(chance, outputs, inputs, bound)
        return lambda x: plus(matmul(matrix, x), Tensor((outputs,), bias))
    size, padding, stride = stage.data
    space = ConvolutionSpace(stage.domain.sizes[0], stage.codomain.sizes[0], size, padding, stride)
    taps = kernel(chance, (outputs, inputs, size, size), bound)
    shape = values.shape(stage.codomain)

    return lambda x: convolution(taps, x, space, shape)  # without a bias


def _definition(model: Model, name: str, values: Values, members: Members) -> Callable[[Tensor], Tensor]:
    definition = model.definition(name)
    (argument, _), = definition.arguments

    def apply(x: Tensor) -> Tensor:
        return evaluate(definition.body, Values(model, members.dims, {}, members.at(0, arb(0)), arb(0), {argument: x}))

    return apply


def _flow_stage(model: Model, name: str, members: Members, plans: dict[str, Plan], shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    flow = model.flow(name)
    runner = Runner(model, flow, members, plans[name])
    shapes = {b: Values(model, members.dims).shape(model.block(b).space) for b in flow.blocks}

    def apply(x: Tensor) -> Tensor:
        like = {b: Tensor(s, [arb(0)] * prod(s)) for b, s in shapes.items()}
        after = runner.trajectory(unpacked(x.items, like))[-1]
        return Tensor(shape, packed({b: after[b] for b in flow.blocks}))

    return apply


def _fold(x: Tensor, shape: tuple[int, ...]) -> list[Number]:
    rest = total(x.items[shape[0]:])
    return [item + rest / shape[0] for item in x.items[:shape[0]]]


def _pool(x: Tensor, shape: tuple[int, ...], join: Callable[[list[Number]], Number]) -> list[Number]:
    channels, height, width = shape
    factor = x.shape[1] // height
    items = []
    for c in range(channels):
        for i in range(height):
            for j in range(width):
                items.append(join([x.items[(c * x.shape[1] + factor * i + a) * x.shape[2] + factor * j + b]
                                   for a in range(factor) for b in range(factor)]))
    return items


def _best(items: list[Number]) -> Number:
    found = items[0]
    for item in items[1:]:
        found = larger(found, item)
    return found


PLAIN: dict[str, Callable[[Tensor, tuple[int, ...]], list[Number]]] = {
    "embed": lambda x, shape: x.items + [arb(0)] * (shape[0] - len(x.items)),
    "lift": lambda x, shape: x.items + [arb(0)] * (prod(shape) - len(x.items)),
    "take": lambda x, shape: x.items[:shape[0]], "fold": _fold, "flatten": lambda x, shape: x.items,
    "maxpool": lambda x, shape: _pool(x, shape, _best), "avgpool": lambda x, shape: _pool(x, shape, lambda w: total(w) / len(w)),
}
