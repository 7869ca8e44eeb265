"""A plan run in NumPy: the oracle for emitted flows. One state at a time, in float64, slow and obvious.

States and parameters are arrays by name, in the shapes of their spaces. A `param(t)` has one leading axis more: one value
for each step when it is piecewise, else one for each knot or coefficient of its schedule.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odenet.ir.interpret import Environment, environment, evaluate
from odenet.ir.model import Model, Schedule
from odenet.ir.node import Node
from odenet.ir.sizes import Space
from odenet.plan.advances import advance
from odenet.plan.steps import Closed, Linear, Plan, RungeKutta, Substep

Array = NDArray[np.float64]
States = dict[str, Array]


class NotInvertible(Exception):
    """The plan has a part whose substep is not inverted by running it backwards."""


@dataclass(frozen=True)
class Runner:
    """A plan with numbers for everything but the states."""

    model: Model
    plan: Plan
    parameters: Mapping[str, Any]
    dims: Mapping[str, int] = field(default_factory=dict)

    def environment(self, states: Mapping[str, Any], step: int, time: float, duration: float = 0.0) -> Environment:
        """Everything a node needs during a substep of step `step` whose clock shows `time`."""
        values = {p.name: self.value(p.name, step, time) for p in self.model.parameters if p.name in self.parameters}
        env = environment(self.model, self.dims, states, values, time)
        return replace(env, variables={"h": duration})

    def value(self, name: str, step: int, time: float) -> Array:
        """A parameter as it is in a step, at a time."""
        given, schedule = np.asarray(self.parameters[name], dtype=np.float64), self.model.parameter(name).schedule
        if schedule is None:
            return given
        if schedule.kind == "piecewise":
            return np.asarray(given[step])
        start, end = self.number(self.plan.flow.start), self.number(self.plan.flow.end)
        weights = basis(schedule, (time - start) / (end - start))
        return np.tensordot(weights, given, axes=1)

    def number(self, node: Node) -> float:
        """A node of constants and dims as a number."""
        return float(evaluate(node, environment(self.model, self.dims)))

    @property
    def steps(self) -> int:
        return int(self.plan.flow.steps.evaluate(self.model.dim_values(dict(self.dims))))

    def run(self, states: Mapping[str, Any]) -> States:
        """All steps, one by one."""
        return self.trajectory(states)[-1]

    def trajectory(self, states: Mapping[str, Any]) -> list[States]:
        """The states before the first step and after each."""
        found = [self.arrays(states)]
        for step in range(self.steps):
            found.append(self.step(found[-1], step))
        return found

    def step(self, states: Mapping[str, Any], step: int, scale: float = 1.0) -> States:
        """One step (or `scale` of one, from the same start) with the parameters of step `step`."""
        return self.substeps(self.plan.step, self.arrays(states), step, scale)

    def substeps(self, substeps: tuple[Substep, ...], states: States, step: int, scale: float = 1.0) -> States:
        """Substeps whose clocks count from the start of step `step`."""
        length = self.number(self.plan.flow.step) * scale
        start = self.number(self.plan.flow.start) + self.number(self.plan.flow.step) * step
        for substep in substeps:
            clock, duration = start + float(substep.clock) * length, float(substep.coefficient) * length
            states = self._advance(substep.part, states, step, clock, duration)
        return states

    def _advance(self, part: int, states: States, step: int, clock: float, duration: float) -> States:
        def at(values: States, node: float) -> Environment:
            time = clock + node * duration if part == 0 else clock
            return self.environment({**states, **values}, step, time, duration)

        return {**states, **advance(self.plan.advances[part], states, duration, at)}

    def merged(self, states: Mapping[str, Any]) -> States:
        """All steps with the substeps joined across steps, as emitted modules run them.

        In `repeated` the first substep belongs to the earlier step, the others to the later one.
        """
        if not self.plan.merged:
            return self.run(states)
        current = self.substeps(self.plan.opening, self.arrays(states), 0)
        has_joint = len(self.plan.repeated) > len(self.plan.step) - 2
        for step in range(self.steps - 1):
            joint = self.plan.repeated[:1] if has_joint else ()
            later = tuple(replace(s, clock=s.clock - 1) for s in self.plan.repeated[len(joint):])
            current = self.substeps(later, self.substeps(joint, current, step), step + 1)
        return self.substeps(self.plan.closing, current, self.steps - 1)

    def inverse(self, states: Mapping[str, Any]) -> States:
        """The states before all steps, from those after.

        Raises:
            NotInvertible: a part is advanced neither exactly nor by a symmetric method.
        """
        current = self.arrays(states)
        length, start = self.number(self.plan.flow.step), self.number(self.plan.flow.start)
        for step in reversed(range(self.steps)):
            for substep in reversed(self.plan.step):
                self._check_inverse(substep.part)
                end = substep.clock + substep.coefficient if substep.part == 0 else substep.clock
                clock = start + length * step + float(end) * length
                current = self._advance(substep.part, current, step, clock, -float(substep.coefficient) * length)
        return current

    def _check_inverse(self, part: int) -> None:
        from odenet.schemes.tables import is_symmetric

        found = self.plan.advances[part]
        exact = isinstance(found, Closed | Linear)
        if not exact and not (isinstance(found, RungeKutta) and is_symmetric(found.table)):
            raise NotInvertible(self.plan.flow.parts[part].field)

    def arrays(self, states: Mapping[str, Any]) -> States:
        """States as arrays in the shapes of their spaces."""
        env = environment(self.model, self.dims)
        return {name: np.asarray(value, dtype=np.float64).reshape(env.shape(self._space(name)))
                for name, value in states.items()}

    def _space(self, name: str) -> Space:
        return self.model.block(name).space


def run(model: Model, plan: Plan, states: Mapping[str, Any], parameters: Mapping[str, Any],
        dims: Mapping[str, int] | None = None) -> States:
    """The states after all steps of a plan."""
    return Runner(model, plan, parameters, dims or {}).run(states)


def trajectory(model: Model, plan: Plan, states: Mapping[str, Any], parameters: Mapping[str, Any],
               dims: Mapping[str, int] | None = None) -> list[States]:
    """The states before the first step and after each."""
    return Runner(model, plan, parameters, dims or {}).trajectory(states)


def inverse(model: Model, plan: Plan, states: Mapping[str, Any], parameters: Mapping[str, Any],
            dims: Mapping[str, int] | None = None) -> States:
    """The states before all steps, from those after. Raises NotInvertible."""
    return Runner(model, plan, parameters, dims or {}).inverse(states)


def basis(schedule: Schedule, place: float) -> Array:
    """Weights of the knots or coefficients of a schedule at a place in [0, 1] of the interval of time."""
    count = schedule.knots or 1
    if schedule.kind == "linear":
        if count == 1:
            return np.ones(1)
        distance = np.abs(min(max(place, 0.0), 1.0) * (count - 1) - np.arange(count))
        return np.asarray(np.maximum(0.0, 1.0 - distance), dtype=np.float64)
    if schedule.kind == "poly":
        return np.array([place**k for k in range(count)])
    waves = [1.0] + [f(2 * np.pi * k * place) for k in range(1, count) for f in (np.cos, np.sin)]
    return np.array(waves[:count])

