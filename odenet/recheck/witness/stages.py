"""Nets run in rationals and balls, with derivatives."""
from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
from flint import arb, fmpq

from odenet.ir.balls import larger, linear_map
from odenet.ir.model import ConvolutionSpace, NetStage
from odenet.ir.node import function, param, variable
from odenet.ir.sizes import MapSpace
from odenet.recheck.witness.duals import Dual, lift
from odenet.recheck.witness.runs import Run, World


def net_value(world: World, name: str, image: Dual) -> Dual:
    """All stages of a net, from the input [directions + 1, *shape]."""
    env = world.environment()
    for place, stage in enumerate(world.model.net(name).stages, 1):
        image = _stage(world, stage, f"{stage.kind} {place}", image, env.shape(stage.codomain))
    return image


def _stage(world: World, stage: NetStage, weights: str, image: Dual, shape: tuple[int, ...]) -> Dual:
    env, rows = world.environment(), len(image)
    if stage.kind == "flow":
        (block,) = world.model.flow(stage.data[0]).blocks
        return Run(world, world.plans[stage.data[0]]).flow({block: image})[block]
    if stage.kind == "function":
        name, *parameters = stage.data
        return lift(function(name, variable("z", stage.domain), *parameters), env, {"z": image}, "variables")
    if stage.kind == "def":
        definition = world.model.definition(stage.data[0])
        return lift(definition.body, env, {definition.arguments[0][0]: image}, "variables")
    if stage.kind == "linear":
        return np.dot(image, world.values[weights].T)
    if stage.kind == "conv":
        size, padding, stride = stage.data
        space = ConvolutionSpace(stage.domain.sizes[0], stage.codomain.sizes[0], size, padding, stride)
        node = param(weights, MapSpace(stage.domain, stage.codomain))
        return np.stack([linear_map(node, row, replace(env, convolutions={weights: space}), {}) for row in image])
    if stage.kind in ("maxpool", "avgpool"):
        return _pooled(stage.kind, image, shape)
    return _resized(stage.kind, image.reshape(rows, -1), int(np.prod(shape, dtype=int))).reshape(rows, *shape)


def _resized(kind: str, rows: Dual, after: int) -> Dual:
    """`flatten`, `embed` and `lift` (zeros are appended), `take`, `fold` (the rest is shared)."""
    before = rows.shape[1]
    if kind in ("embed", "lift", "flatten") and before <= after:
        return np.concatenate([rows, np.full((len(rows), after - before), fmpq(0), dtype=object)], axis=1)
    if kind == "take":
        return rows[:, :after]
    assert kind == "fold", kind
    return rows[:, :after] + rows[:, after:].sum(axis=1, keepdims=True) / fmpq(after) if before > after else rows


def _pooled(kind: str, image: Dual, shape: tuple[int, ...]) -> Dual:
    rows, (channels, height, width) = len(image), shape
    down, across = image.shape[2] // height, image.shape[3] // width
    windows = image.reshape(rows, channels, height, down, width, across).transpose(0, 1, 2, 4, 3, 5)
    windows = windows.reshape(rows, channels * height * width, down * across)
    if kind == "avgpool":
        return (windows.sum(axis=2) / fmpq(down * across)).reshape(rows, *shape)
    return np.stack([_largest(windows[:, k]) for k in range(windows.shape[1])], axis=1).reshape(rows, *shape)


def _largest(window: Dual) -> Any:
    """The largest entry, and the hull of the derivatives of those that may be it."""
    best = reduce(larger, window[0])
    near = [k for k, entry in enumerate(window[0]) if not entry < best]
    return np.array([best, *(_hull(row[near]) for row in window[1:])], dtype=object)


def _hull(entries: Any) -> Any:
    first = entries[0]
    return first if all(entry == first for entry in entries) else reduce(lambda a, b: arb(a).union(arb(b)), entries)
