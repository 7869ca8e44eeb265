"""What a claim speaks of, at given sizes and parameters: a map on flat lists of scalars."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from odenet.ir.model import Comparison, Field, Model, Pair
from odenet.ir.node import Node, subtract
from odenet.ir.sizes import SCALAR
from odenet.proof.refute.advance import Runner
from odenet.proof.refute.cases import Layout, Setting, seeded
from odenet.proof.refute.evaluate import Evaluator
from odenet.proof.refute.scalars import ZERO, Jet, Scalar, exact, is_nonnegative, is_positive
from odenet.proof.refute.shapes import shape_of
from odenet.proof.refute.tensors import Tensor


class Subject(Protocol):
    """A map from states to states (rates, for a field)."""

    evaluator: Evaluator

    @property
    def layout(self) -> Layout: ...

    @property
    def image(self) -> Layout: ...

    def value(self, items: Sequence[Scalar]) -> list[Scalar]: ...

    def scalar(self, node: Node, items: Sequence[Scalar]) -> Scalar: ...


def pushed(subject: Subject, items: Sequence[Scalar], directions: Sequence[Sequence[Scalar]]) -> list[list[Scalar]]:
    """The derivatives of the map along directions, each a flat list."""
    images = subject.value(seeded(items, directions))
    return [[image.tangents[k] if isinstance(image, Jet) else ZERO for image in images] for k in range(len(directions))]


def jacobian(subject: Subject, items: Sequence[Scalar]) -> list[list[Scalar]]:
    """The matrix of derivatives, row by row."""
    size = subject.layout.size
    images = subject.value(seeded(items, [[exact(int(i == j)) for i in range(size)] for j in range(size)]))
    return [list(image.tangents) if isinstance(image, Jet) else [ZERO] * size for image in images]


def gradient(subject: Subject, node: Node, items: Sequence[Scalar]) -> list[Scalar]:
    """The gradient of a scalar node of the states."""
    size = subject.layout.size
    value = subject.scalar(node, seeded(items, [[exact(int(i == j)) for i in range(size)] for j in range(size)]))
    return list(value.tangents) if isinstance(value, Jet) else [ZERO] * size


@dataclass
class FieldSubject:
    """The rates of a sum of fields over the blocks they read or move (and those of the claim)."""

    fields: tuple[Field, ...]
    layout: Layout
    evaluator: Evaluator
    time: Scalar

    @property
    def image(self) -> Layout:
        return self.layout

    def value(self, items: Sequence[Scalar]) -> list[Scalar]:
        states = self.layout.split(items)
        rates: dict[str, Tensor] = {}
        for part in self.fields:
            for name, node in part.rows:
                rate = self.evaluator.tensor(node, states, self.time)
                rates[name] = rates[name].zip(rate, lambda a, b: a + b) if name in rates else rate
        return [item for name, _ in self.layout.blocks
                for item in (rates[name].items if name in rates else [ZERO] * len(states[name].items))]

    def scalar(self, node: Node, items: Sequence[Scalar]) -> Scalar:
        return self.evaluator.scalar(node, self.layout.split(items), self.time)


@dataclass
class FlowSubject:
    """All steps of a flow; blocks of the claim that no part moves stay where they are. `sees_time`: some rate depends on t."""

    runner: Runner
    layout: Layout
    evaluator: Evaluator
    sees_time: bool = False

    @property
    def image(self) -> Layout:
        return self.layout

    def value(self, items: Sequence[Scalar]) -> list[Scalar]:
        return self.layout.join(self.runner.flow(self.layout.split(items)))

    def step(self, items: Sequence[Scalar], start: Scalar, length: Scalar) -> list[Scalar]:
        """One step with the parameters of the first."""
        return self.layout.join(self.runner.step(self.layout.split(items), 0, start, length))

    def trajectory(self, items: Sequence[Scalar]) -> Iterator[list[Scalar]]:
        """The states after each step, the start first.

        Where nothing depends on t there is one step: a later one, with its parameters, is the first from where it begins.
        """
        runner = self.runner
        states: Mapping[str, Tensor] = self.layout.split(items)
        yield list(items)
        for index in range(runner.steps if self.sees_time else 1):
            states = runner.step(states, index, runner.start + index * runner.length, runner.length)
            yield self.layout.join(states)

    def scalar(self, node: Node, items: Sequence[Scalar]) -> Scalar:
        return self.evaluator.scalar(node, self.layout.split(items), self.runner.start)


@dataclass
class DefinitionSubject:
    """A scalar function of its arguments."""

    body: Node
    layout: Layout
    evaluator: Evaluator
    time: Scalar

    @property
    def image(self) -> Layout:
        return Layout((("value", ()),))

    def value(self, items: Sequence[Scalar]) -> list[Scalar]:
        return [self.evaluator.scalar(self.body, {}, self.time, self.layout.split(items))]

    def scalar(self, node: Node, items: Sequence[Scalar]) -> Scalar:
        split = self.layout.split(items)
        return self.evaluator.scalar(node, split, self.time, split)


def layout(model: Model, names: tuple[str, ...], setting: Setting) -> Layout:
    return Layout(tuple((name, shape_of(model.block(name).space, setting.dims)) for name in names))


@lru_cache(maxsize=256)
def _room(comparison: Comparison) -> Node:
    """By how much a comparison holds: right - left, the least of its entries for a vector."""
    room = subtract(comparison.right, comparison.left)
    return room if room.space == SCALAR else Node("smallest", (room,), (), SCALAR)


def in_region(subject: Subject, region: tuple[Comparison, ...], items: Sequence[Scalar]) -> bool:
    """Whether a state certainly satisfies every comparison."""
    for comparison in region:
        room = subject.scalar(_room(comparison), items)
        if not (is_positive(room) if comparison.is_strict else is_nonnegative(room)):
            return False
    return True


def momenta(model: Model, blocks: Layout) -> tuple[list[tuple[int, int]], bool]:
    """(place of a position, place of its momentum) for each pair of entries, and whether the pairs cover all entries."""
    known = [name for name, _ in blocks.blocks]
    places: list[tuple[int, int]] = []
    for pair in model.pairs:
        if pair.position in known and pair.momentum in known:
            places.extend(_halves(pair, blocks))
    return places, 2 * len(places) == blocks.size


def _halves(pair: Pair, blocks: Layout) -> list[tuple[int, int]]:
    if not pair.is_halved:
        return list(zip(blocks.place(pair.position), blocks.place(pair.momentum), strict=True))
    whole = list(blocks.place(pair.position))
    half = len(whole) // 2
    return list(zip(whole[:half], whole[half:], strict=True))
