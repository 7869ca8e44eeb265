"""Fields and flows run in rationals and balls, with derivatives: what the recheck of a witness looks at."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx, fmpq

from odenet.ir.balls import Undefined, evaluate, larger
from odenet.ir.interpret import Environment
from odenet.ir.model import ConvolutionSpace, Model
from odenet.ir.node import Node
from odenet.plan.steps import DURATION, Advance, Closed, DiscreteGradient, Linear, Plan, Relax, RungeKutta
from odenet.recheck.witness.duals import Dual, Duals, flat, inverse, lift, product, seeded, split, units
from odenet.recheck.witness.uniqueness import has_one_solution
from odenet.schemes.numbers import Exact

ROUNDS = 60


@dataclass
class World:
    """Sizes and parameters. `values[name]` of a parameter with a schedule has in maps one leading axis: steps or knots."""

    model: Model
    plans: Mapping[str, Plan]
    dims: Mapping[str, int]
    values: Mapping[str, Any]
    time: Any

    def environment(self, values: Mapping[str, Any] | None = None, time: Any = None) -> Environment:
        convolutions = {p.name: p.space for p in self.model.parameters if isinstance(p.space, ConvolutionSpace)}
        return Environment(self.dims, {}, self.values if values is None else values, {}, self.time if time is None else time,
                           convolutions)

    def number(self, node: Node) -> Any:
        return evaluate(node, self.environment())[()]

    def rates(self, fields: tuple[str, ...], states: Duals) -> dict[str, Dual]:
        """The right-hand side of a sum of fields."""
        found = {name: dual * fmpq(0) for name, dual in states.items()}
        for name in fields:
            for block, node in self.model.field(name).rows:
                found[block] = found[block] + lift(node, self.environment(), states)
        return found


@dataclass
class Run:
    """One flow in a world."""

    world: World
    plan: Plan

    def __post_init__(self) -> None:
        flow = self.plan.flow
        self.start, self.end, self.length = (self.world.number(n) for n in (flow.start, flow.end, flow.step))
        self.steps = int(flow.steps.evaluate(self.world.dims))

    def flow(self, states: Duals) -> Duals:
        for index in range(self.steps):
            states = self.step(states, index, self.start + index * self.length, self.length)
        return states

    def step(self, states: Duals, index: int, start: Any, length: Any) -> Duals:
        """One step with the parameters of step `index`; a negative length runs backwards."""
        for substep in self.plan.step:
            moment = _Moment(self, index, start + plain(substep.clock) * length, plain(substep.coefficient) * length,
                             substep.part == 0)
            states = {**states, **moment.advance(self.plan.advances[substep.part], states)}
        return states

    def is_a_map(self, states: Duals, index: int, length: Any) -> bool:
        """Whether each implicit substep of a step is seen to have one solution from every state."""
        for substep in self.plan.step:
            advance = self.plan.advances[substep.part]
            method = advance.inner if isinstance(advance, Relax) else advance
            if isinstance(method, RungeKutta) and not method.is_explicit:
                begins = self.start + index * self.length + (self.length if length < 0 else 0)
                moment = _Moment(self, index, begins + plain(substep.clock) * length, plain(substep.coefficient) * length,
                                 substep.part == 0)
                if not moment.is_a_map(method, {name: dual.shape[1:] for name, dual in states.items()}):
                    return False
            elif isinstance(method, DiscreteGradient):
                return False
        return True

    def parameters(self, index: int, time: Any) -> dict[str, Any]:
        """All parameters as they are in a step, at a time."""
        found = dict(self.world.values)
        for p in self.world.model.parameters:
            if p.schedule is not None and p.name in found:
                given = found[p.name]
                found[p.name] = given[index] if p.schedule.kind == "piecewise" else np.asarray(
                    sum((w * v for w, v in zip(self.weights(p.schedule.kind, len(given), time), given, strict=True))), dtype=object)
        return found

    def weights(self, kind: str, count: int, time: Any) -> list[Any]:
        """Hat functions, powers or waves at a time, on [start, end]."""
        place = (time - self.start) / (self.end - self.start)
        if kind == "linear":
            return [fmpq(1)] if count == 1 else [larger(fmpq(0), 1 - abs(place * (count - 1) - k)) for k in range(count)]
        if kind == "poly":
            return [place**k if k else fmpq(1) for k in range(count)]
        turns = [2 * arb(place) * ((k + 1) // 2) for k in range(count)]
        return [fmpq(1) if k == 0 else turn.cos_pi() if k % 2 else turn.sin_pi() for k, turn in enumerate(turns)]


def plain(value: Exact) -> Any:
    """An exact number as a rational or a ball."""
    rational = value.as_fraction()
    return value.ball(ctx.prec) if rational is None else fmpq(rational.numerator, rational.denominator)


@dataclass
class _Moment:
    """One substep: its step, the clock at its start, its duration, and whether its own clock runs."""

    run: Run
    index: int
    clock: Any
    duration: Any
    runs: bool

    def environment(self, node: Any = 0) -> Environment:
        """Everything but the states, at a fraction of the substep."""
        time = self.clock + node * self.duration if self.runs else self.clock
        return replace(self.run.world.environment(self.run.parameters(self.index, time), time),
                       variables={DURATION: self.duration})

    def advance(self, advance: Advance, states: Duals) -> dict[str, Dual]:
        if isinstance(advance, Closed):
            env = self.environment()
            return {name: lift(node, env, states) for name, node in advance.rows}
        if isinstance(advance, Linear):
            return self.linear(advance, states)
        if isinstance(advance, RungeKutta):
            return self.runge_kutta(advance, states)
        if isinstance(advance, Relax):
            return self.relax(advance, states)
        return self.discrete_gradient(advance, states)

    def is_a_map(self, method: RungeKutta, shapes: dict[str, tuple[int, ...]]) -> bool:
        nodes, matrix, _ = self.table(method)
        return has_one_solution(method, [self.environment(node) for node in nodes], matrix, self.duration, shapes)

    def table(self, method: RungeKutta) -> tuple[list[Any], list[list[Any]], list[Any]]:
        """Nodes, matrix and weights as numbers."""
        env = self.environment()
        nodes, weights = ([evaluate(n, env)[()] for n in row] for row in (method.table.nodes, method.table.weights))
        return nodes, [[evaluate(n, env)[()] for n in row] for row in method.table.matrix], weights

    def linear(self, advance: Linear, states: Duals) -> dict[str, Dual]:
        env, shapes = self.environment(), {name: states[name].shape[1:] for name in advance.blocks}
        sizes = {name: int(np.prod(shape, dtype=int)) for name, shape in shapes.items()}

        def block(entry: Node | None, row: str, column: str) -> Any:
            if entry is None:
                return np.full((sizes[row], sizes[column]), fmpq(0), dtype=object)
            value = evaluate(entry, env)
            return value if value.ndim == 2 else units(sizes[row]) * value[()]  # a scalar in front of a block

        rows = [np.concatenate([block(e, row, column) for column, e in zip(advance.blocks, line, strict=True)], axis=1)
                for row, line in zip(advance.blocks, advance.matrix, strict=True)]
        offsets = [np.full(sizes[name], fmpq(0), dtype=object) if node is None else evaluate(node, env).reshape(-1)
                   for name, node in zip(advance.blocks, advance.offset, strict=True)]
        matrix = np.concatenate([np.concatenate(rows), np.concatenate(offsets)[:, None]], axis=1) * self.duration
        last = np.full((1, matrix.shape[1]), fmpq(0), dtype=object)
        moving = np.array(_balls(np.concatenate([matrix, last])).exp().tolist(), dtype=object)
        old = flat(states, advance.blocks)
        affine = np.array([[fmpq(int(k == 0))] for k in range(len(old))], dtype=object)
        return split(np.dot(np.concatenate([old, affine], axis=1), moving.T)[:, :-1], shapes)

    def runge_kutta(self, advance: RungeKutta, states: Duals) -> dict[str, Dual]:
        nodes, matrix, weights = self.table(advance)
        names = tuple(name for name, _ in advance.rates)

        def rate(stage: int, place: Dual, is_still: bool = False) -> Dual:
            """The rates at a stage, flat, where the moved blocks have the flat dual `place` and the others may stand still."""
            there = {name: _padded(dual[:1] if is_still else dual, len(place))
                     for name, dual in states.items() if name not in names}
            there.update(split(place, {name: states[name].shape[1:] for name in names}))
            env = self.environment(nodes[stage])
            return flat({name: lift(node, env, there) for name, node in advance.rates}, names)

        old = flat(states, names)
        stages: list[Dual] = []
        if advance.is_explicit:
            for i, row in enumerate(matrix):
                moves = [a * k for a, k in zip(row, stages, strict=False)]
                stages.append(rate(i, old + self.duration * sum(moves) if moves else old))
        else:
            stages = _Stages(old, self.duration, matrix, rate).solved()
        moved = old + self.duration * sum(b * k for b, k in zip(weights, stages, strict=True))
        return split(moved, {name: states[name].shape[1:] for name in names})

    def relax(self, advance: Relax, states: Duals) -> dict[str, Dual]:
        """x + s d with the s for which I(x + s d) = I(x): I is quadratic, so s = (I(x-d) - I(x+d)) / (I(x+d) + I(x-d) - 2 I(x))."""
        moved = self.runge_kutta(advance.inner, states)
        steps = {name: moved[name] - states[name] for name in moved}
        if all(entry == 0 for dual in steps.values() for entry in dual.flat):
            return moved
        env = self.environment()
        here, ahead, behind = (lift(advance.invariant, env, {**states, **{n: states[n] + sign * d for n, d in steps.items()}})
                               for sign in (0, 1, -1))
        share = product(behind - ahead, inverse(ahead + behind - 2 * here))
        return {name: states[name] + product(share, d) for name, d in steps.items()}


    def discrete_gradient(self, advance: DiscreteGradient, states: Duals) -> dict[str, Dual]:
        """y = x + h S g: the solution near that of a few Newton steps from Euler's."""
        names, env = tuple(name for name, _ in advance.rates), self.environment(fmpq(1, 2))
        shapes, old = {name: states[name].shape[1:] for name in names}, flat(states, names)
        if advance.potential is None:
            raise Undefined("a discrete gradient without a potential")
        potential: Node = advance.potential

        def turned(dual: Dual) -> Dual:
            """S: J of positions and momenta by turns, or the identity."""
            parts = split(dual, shapes)
            pairs = zip(names[::2], names[1::2], strict=True) if advance.is_hamiltonian else ()
            parts |= {name: part for q, p in pairs for name, part in ((q, parts[p]), (p, -parts[q]))}
            return flat(parts, names)

        def at(place: Dual, is_still: bool) -> Duals:
            there = {name: _padded(dual[:1] if is_still else dual, len(place)) for name, dual in states.items()}
            return {**there, **split(place, shapes)}

        def residual(x: Dual, y: Dual, is_still: bool) -> Dual:
            """y - x - h S g(x, y) with Gonzalez' midpoint discrete gradient g."""
            middle, step = at((x + y) / fmpq(2), is_still), y - x
            rate = flat({name: lift(node, env, middle) for name, node in advance.rates}, names)
            slope = -turned(rate) if advance.is_hamiltonian else rate
            rise = lift(potential, env, at(y, is_still)) - lift(potential, env, at(x, is_still)) - paired(slope, step)
            return step - self.duration * (rate + product(product(rise, inverse(paired(step, step))), turned(step)))

        def equation(y: arb_mat) -> tuple[arb_mat, arb_mat]:
            place = seeded(np.array(y.entries(), dtype=object), units(old.shape[1]))
            found = residual(_padded(old[:1], len(place)), place, True)
            return _balls(found[0][:, None]), _balls(found[1:].T)

        start = old[:1] + self.duration * flat({name: lift(node, env, at(old[:1], True)) for name, node in advance.rates}, names)
        new = enclosed(equation, _balls(start.T), is_wide=False)
        value = np.array(new.entries(), dtype=object)[None]
        if len(old) > 1:
            change = residual(old, _padded(value, len(old)), False)[1:]
            value = np.concatenate([value, -np.array(equation(new)[1].solve(_balls(change.T)).tolist(), dtype=object).T])
        return split(value, shapes)


def paired(left: Dual, right: Dual) -> Dual:
    """The inner product of two flat duals."""
    first, second = np.dot(left, right[0]), np.dot(right, left[0])
    return np.concatenate([first[:1], first[1:] + second[1:]])


def _padded(dual: Dual, count: int) -> Dual:
    """A dual with more directions, along which it stands still; or with fewer."""
    zeros = np.full((max(count - len(dual), 0), *dual.shape[1:]), fmpq(0), dtype=object)
    return np.concatenate([dual[:count], zeros])


def _balls(matrix: Any) -> arb_mat:
    return arb_mat([[arb(x) for x in row] for row in matrix])


def _middle(matrix: arb_mat) -> arb_mat:
    return arb_mat([[x.mid() for x in row] for row in matrix.tolist()])


def enclosed(equation: Callable[[arb_mat], tuple[arb_mat, arb_mat]], start: arb_mat, is_wide: bool) -> arb_mat:
    """The zero of an equation (value and slope) near a start; `is_wide`: the only one in a box that holds the start.

    Source: R. Krawczyk, Newton-Algorithmen zur Bestimmung von Nullstellen mit Fehlerschranken, Computing 4 (1969) 187-201: when
    x - C g(x) + (I - C Dg(X)) (X - x) lies inside X, there is one zero of g in X, and it lies in there.
    """
    point = _middle(start)
    for _ in range(ROUNDS):
        value, slope = equation(point)
        step = _middle(slope).solve(_middle(value))
        point = _middle(point - step)
        if all(abs(s) <= (1 + abs(p)) * arb(2) ** (8 - ctx.prec) for s, p in zip(step.entries(), point.entries(), strict=True)):
            break
    value, slope = equation(point)
    turn, tiny = _middle(slope).inv(), arb(2) ** (-ctx.prec // 2)
    box = arb_mat([[p.union(s) + arb(0, abs(p - s).upper() / 8 + tiny) if is_wide else p + arb(0, tiny)]
                   for p, s in zip(point.entries(), start.entries(), strict=True)])
    for round_ in range(4):
        image = point - turn * value + (_balls(units(box.nrows())) - turn * equation(box)[1]) * (box - point)
        if round_ == 0 and not all(b.contains_interior(i) for b, i in zip(box.entries(), image.entries(), strict=True)):
            raise Undefined("an implicit step without one solution near its start, for all that is seen")
        box = arb_mat([[b.intersection(i)] for b, i in zip(box.entries(), image.entries(), strict=True)])
    return box


@dataclass
class _Stages:
    """The rates K_i = f(x + h sum_j a_ij K_j) of an implicit method, enclosed; each is a flat dual [directions + 1, n]."""

    old: Dual
    duration: Any
    matrix: list[list[Any]]
    rate: Callable[..., Dual]

    def solved(self) -> list[Dual]:
        """The one solution in a box that holds the rates at the start."""
        start = _balls(np.concatenate([self.rate(i, self.old[:1])[0] for i in range(len(self.matrix))])[:, None])
        return self.with_tangents(enclosed(self.equation, start, is_wide=True))

    def places(self, rates: arb_mat) -> list[Any]:
        """Where the stages evaluate the field: x + h sum_j a_ij K_j."""
        k = np.array(rates.entries(), dtype=object).reshape(len(self.matrix), -1)
        return [self.old[0] + self.duration * np.dot(np.array(row, dtype=object), k) for row in self.matrix]

    def equation(self, rates: arb_mat) -> tuple[arb_mat, arb_mat]:
        """g(K) = K - f and its derivative, over balls."""
        size, count = self.old.shape[1], len(self.matrix)
        values, slopes = [], np.array([[fmpq(int(i == j)) for j in range(size * count)] for i in range(size * count)], dtype=object)
        for i, place in enumerate(self.places(rates)):
            rate = self.rate(i, seeded(place, units(size)), True)
            values.extend(rate[0])
            for j, a in enumerate(self.matrix[i]):
                at = slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size)
                slopes[at] = slopes[at] - self.duration * a * rate[1:].T
        return rates - _balls(np.array(values, dtype=object)[:, None]), _balls(slopes)

    def with_tangents(self, rates: arb_mat) -> list[Dual]:
        """(I - h a_ij Df_i) K' = Df x'."""
        size, count = self.old.shape[1], len(self.matrix)
        found = np.array(rates.entries(), dtype=object).reshape(count, 1, size)
        if len(self.old) == 1:
            return list(found)
        right = [self.rate(i, seeded(place, self.old[1:]))[1:].T for i, place in enumerate(self.places(rates))]
        solved = self.equation(rates)[1].solve(_balls(np.concatenate(right)))
        tangents = np.array(solved.tolist(), dtype=object).reshape(count, size, -1)
        return [np.concatenate([value, tangent.T]) for value, tangent in zip(found, tangents, strict=True)]
