"""Models from short texts, and numerical orders, for the tests beside this file."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from odenet.ir import build
from odenet.ir.interpret import environment, evaluate
from odenet.ir.model import Model
from odenet.plan import plan_flow
from odenet.plan.interpret import Runner
from odenet.plan.steps import Plan
from odenet.syntax import parse
from odenet.text import Source


def model(body: str) -> Model:
    return build(parse(Source("test.ode", "model Test\n" + body)))


def plan(body: str, flow: str = "net") -> tuple[Model, Plan]:
    built = model(body)
    return built, plan_flow(built, built.flow(flow))


def runner(body: str, parameters: Mapping[str, Any] | None = None) -> Runner:
    return Runner(*plan(body), parameters or {})


def reference(built: Model, fields: tuple[str, ...], states: Mapping[str, Any], start: float, end: float,
              parameters: Mapping[str, Any] | None = None, frozen: bool = False, steps: int = 60) -> dict[str, Any]:
    """The solution of the sum of fields by many steps of an eighth-order extrapolation of the midpoint rule."""
    current = {name: np.asarray(value, dtype=float) for name, value in states.items()}
    h = (end - start) / steps
    for n in range(steps):
        t = start if frozen else start + n * h
        current = _extrapolated(built, fields, current, t, h, parameters or {}, frozen)
    return current


def _rate(built: Model, fields: tuple[str, ...], states: Mapping[str, Any], t: float, parameters: Any) -> dict[str, Any]:
    env = environment(built, None, states, parameters, t)
    total = {name: np.zeros_like(value) for name, value in states.items()}
    for field in fields:
        for block, node in built.field(field).rows:
            total[block] = total[block] + evaluate(node, env)
    return total


def _extrapolated(built: Model, fields: tuple[str, ...], x: Any, t: float, h: float, parameters: Any, frozen: bool) -> Any:
    sizes, table = (2, 4, 6, 8), []
    for m in sizes:
        k = h / m
        before, now = x, _sum(x, _rate(built, fields, x, t, parameters), k)
        for i in range(1, m):
            rate = _rate(built, fields, now, t if frozen else t + i * k, parameters)
            before, now = now, _sum(before, rate, 2 * k)
        table.append(now)
    for level in range(1, len(sizes)):
        for i in range(len(sizes) - 1, level - 1, -1):
            ratio = (sizes[i] / sizes[i - level]) ** 2 - 1
            table[i] = {b: table[i][b] + (table[i][b] - table[i - 1][b]) / ratio for b in x}
    return table[-1]


def _sum(x: Any, d: Any, factor: float) -> Any:
    return {b: x[b] + factor * d[b] for b in x}


def distance(a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
    return max(float(np.abs(np.asarray(a[name]) - np.asarray(b[name])).max()) for name in a)


def observed_order(body: str, fields: tuple[str, ...], states: Mapping[str, Any], end: float, steps: int) -> float:
    """log2 of the ratio of the errors at `end` with `steps` and twice as many steps; `body` has {steps} and {end}."""
    errors = []
    for count in (steps, 2 * steps):
        made = runner(body.format(steps=count, end=end))
        exact = reference(made.model, fields, states, 0.0, end)
        errors.append(distance(made.run(states), exact))
    return float(np.log2(errors[0] / errors[1]))
