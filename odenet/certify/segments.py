"""The network as a chain of layers: where few numbers pass, the tape is cut.

Between two cuts a layer is a map with affine parts and functions entry by entry. Differences of two of its runs obey
    v_j = D_j w_j,   w_j = C_j x + sum_i D_ji v_i,   y = E x + sum_j F_j v_j
with x, y the differences before and after it, v_j those after its j-th functions and D_j diagonal with slopes in [low, high].
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from odenet.certify.enclosures import Ball, exact, up
from odenet.certify.linear_maps import DENSE_LIMIT, Convolution, Torus
from odenet.certify.operations import step_of
from odenet.certify.steps import Affine, Entrywise, Largest, Step, View
from odenet.certify.tape import Tape

_SMALL = 128  # entries of images up to which matrices cost no more than plane waves


@dataclass(frozen=True)
class Slopes:
    """The range of slopes of functions entry by entry: 0 lies between them where entries may be cut away."""

    low: float
    high: float

    @property
    def largest(self) -> float:
        return max(abs(self.low), abs(self.high))


@dataclass(frozen=True)
class Network:
    """Matrices of a layer: `out` [stack, y, z] and `before` [stack, w_j, z] act on z = (x, v_1, v_2, ...).

    places: where v_j lies in z. inputs: entries of x.
    """

    inputs: int
    out: Ball
    before: tuple[Ball, ...]
    places: tuple[slice, ...]
    slopes: tuple[Slopes, ...]
    kind: object  # neighbours of one kind can share metrics: "whole" vectors, or plane waves of one torus; None for no metric

    @property
    def is_whole(self) -> bool:
        """Whether the matrices act on the layer's vectors themselves, not on their plane waves."""
        return self.kind == "whole"


@dataclass
class Segment:
    """Nodes between two cuts. `sources` and `targets` are the nodes that pass the cuts, in one order."""

    sources: tuple[int, ...]
    targets: tuple[int, ...]
    nodes: tuple[int, ...]
    chain: Chain = field(repr=False)

    @property
    def sizes(self) -> tuple[int, int]:
        """Entries before and after."""
        count = self.chain.tape.nodes
        return sum(count[k].count for k in self.sources), sum(count[k].count for k in self.targets)

    @property
    def shapes(self) -> tuple[str, str]:
        nodes = self.chain.tape.nodes
        before, after = (
            " + ".join("x".join(map(str, nodes[k].shape[1:])) or "1" for k in part) for part in (self.sources, self.targets)
        )
        return before, after

    @property
    def operations(self) -> str:
        """The calls of torch in it, in a few words."""
        names = [self.chain.tape.nodes[k].name.split(".")[-1].strip("_") for k in self.nodes]
        return ", ".join(dict.fromkeys(name for name in names if name != "get"))

    def gains(self) -> dict[int, float]:
        """For each node a Lipschitz constant of the map from it to the targets, by products and sums of norms."""
        steps, gains = self.chain.steps, dict.fromkeys((*self.sources, *self.nodes), 0.0)
        for k in self.targets:
            gains[k] += 1.0  # more than once for a value that is given out more than once
        for k in reversed(self.nodes):
            match steps[k]:
                case Affine(terms):
                    for source, linear in terms:
                        gains[source] = float(up(gains[source] + gains[k] * linear.norm))
                case Entrywise(source, low, high):
                    gains[source] = float(up(gains[source] + gains[k] * max(abs(low), abs(high))))
                case Largest(source):
                    gains[source] = float(up(gains[source] + gains[k]))
        return gains

    def simple_bound(self) -> float:
        """The Lipschitz constant by products and sums of norms: the square root of the sum of the squares over the sources."""
        gains = self.gains()
        return float(up(math.sqrt(sum(gains[k] ** 2 for k in self.sources))))

    @cached_property
    def network(self) -> Network | None:
        """Its matrices, or their symbols; None where it has neither, or is too large."""
        nodes = self.chain.tape.nodes
        if any(isinstance(self.chain.steps[k], Largest) for k in self.nodes):
            return None
        torus = self._torus()
        count = max(nodes[k].count for k in (*self.sources, *self.nodes))
        if torus is not None and count > _SMALL and torus == Torus(*nodes[self.sources[0]].shape[2:]):
            return _Builder(self, torus).build()
        if sum(nodes[k].count for k in (*self.sources, *self._functions())) <= 2 * DENSE_LIMIT and all(
            nodes[k].count <= DENSE_LIMIT for k in (*self.sources, *self.nodes)
        ):
            return _Builder(self, None).build()
        return _Builder(self, torus).build() if torus is not None else None

    def _functions(self) -> list[int]:
        return [k for k in self.nodes if isinstance(self.chain.steps[k], Entrywise)]

    def _torus(self) -> Torus | None:
        """The torus of all its convolutions, if they share one and all its values are images of one size."""
        nodes = self.chain.tape.nodes
        found = {
            linear.torus
            for k in self.nodes
            if isinstance(step := self.chain.steps[k], Affine)
            for _, linear in step.terms
            if isinstance(linear, Convolution)
        }
        images = {nodes[k].shape[2:] for k in (*self.sources, *self.nodes, *self.targets)}
        is_one = all(nodes[k].shape[0] == 1 for k in (*self.sources, *self.nodes, *self.targets))
        return found.pop() if is_one and len(found) == 1 and len(images) == 1 and all(len(i) == 2 for i in images) else None


class Chain:
    """All segments of a tape, in order, and what each node does."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.steps: dict[int, Step] = {}
        self._views: dict[int, int] = {}
        self.outputs = tuple(self.place(k) for k in tape.outputs)
        self._read()
        self.segments = self._cut()

    def place(self, node: int) -> int:
        """The node whose numbers a node shows."""
        while node in self._views or (node not in self.steps and node not in self.tape.inputs):
            if node not in self._views:
                step = step_of(self.tape.nodes[node], self.tape)
                if not isinstance(step, View):
                    self.steps[node] = step
                    return node
                self._views[node] = step.source
            node = self._views[node]
        return node

    def _read(self) -> None:
        waiting = list(self.outputs)
        seen: set[int] = set()
        while waiting:
            node = waiting.pop()
            if node in seen or node in self.tape.inputs:
                continue
            seen.add(node)
            step = self.steps[node]
            if isinstance(step, Affine):
                step = Affine(tuple((self.place(k), linear) for k, linear in step.terms), step.constant, step.roundings)
                waiting.extend(k for k, _ in step.terms)
            elif isinstance(step, Entrywise):
                step = Entrywise(self.place(step.source), step.low, step.high, step.at_zero, step.units)
                waiting.append(step.source)
            elif isinstance(step, Largest):
                step = Largest(self.place(step.source))
                waiting.append(step.source)
            self.steps[node] = step
        self.steps = {k: self.steps[k] for k in sorted(seen)}

    def _cut(self) -> tuple[Segment, ...]:
        last: dict[int, float] = {}
        for node in self.steps:
            for source in sources_of(self.steps[node]):
                last[source] = node
        last.update(dict.fromkeys(self.outputs, math.inf))
        counts = self.tape.nodes
        segments: list[Segment] = []
        live = tuple(k for k in self.tape.inputs)
        start, inside = live, []
        for node in self.steps:
            inside.append(node)
            live = tuple(k for k in (*live, node) if last.get(k, -1) > node)
            is_narrow = sum(counts[k].count for k in live) <= sum(counts[k].count for k in start)  # no wider than at the last cut
            if len(live) <= 1 or is_narrow or node == max(self.steps):
                targets = self.outputs if node == max(self.steps) else live
                segments.append(Segment(start, targets, tuple(inside), self))
                start, inside = targets, []
        return tuple(segments) or (Segment(live, self.outputs, (), self),)


def sources_of(step: Step) -> tuple[int, ...]:
    return tuple(k for k, _ in step.terms) if isinstance(step, Affine) else (step.source,)


class _Builder:
    """The matrices of one segment, or their symbols on a torus.

    On a torus that is larger than the image (zero padding) a value is that of the torus, cut back to the image. Functions of it
    are cut with it: then their slopes are 0 outside. A value that reaches a convolution without a function is cut by one with
    slopes in [0, 1].
    """

    def __init__(self, segment: Segment, torus: Torus | None) -> None:
        self.segment, self.torus = segment, torus
        self.sizes: list[int] = []  # of x's blocks, then of v_1, v_2, ...
        self.before: list[tuple[dict[int, Ball], int, Slopes]] = []
        self.values: dict[int, dict[int, Ball]] = {}
        self.is_cut: dict[int, bool] = {}
        image = segment.chain.tape.nodes[segment.sources[0]].shape[-2:]
        self.is_larger = torus is not None and (torus.height, torus.width) != image

    def build(self) -> Network | None:
        for source in self.segment.sources:
            self.values[source] = {len(self.sizes): self._identity(self._size(source))}
            self.is_cut[source] = True
            self.sizes.append(self._size(source))
        blocks = len(self.sizes)
        for node in self.segment.nodes:
            step = self.segment.chain.steps[node]
            if isinstance(step, Entrywise):
                self.values[node] = self._function(
                    self.values[step.source], self._size(node), Slopes(step.low, step.high), self.is_cut[step.source]
                )
                self.is_cut[node] = True
            else:
                assert isinstance(step, Affine)
                found = self._sum(step, node)
                if found is None:
                    return None
                self.values[node] = found
        return self._stacked(blocks)

    def _size(self, node: int) -> int:
        """Entries, or on a torus channels."""
        value = self.segment.chain.tape.nodes[node]
        return value.count if self.torus is None else value.shape[1]

    def _identity(self, size: int) -> Ball:
        stack = 1 if self.torus is None else self.torus.frequencies
        return exact(np.broadcast_to(np.eye(size), (stack, size, size)))

    def _function(self, argument: dict[int, Ball], size: int, slopes: Slopes, is_cut: bool) -> dict[int, Ball]:
        if self.is_larger:
            slopes = Slopes(min(slopes.low, 0.0), max(slopes.high, 0.0))
        place = len(self.sizes)
        self.before.append((argument, size, slopes))
        self.sizes.append(size)
        return {place: self._identity(size)}

    def _sum(self, step: Affine, node: int) -> dict[int, Ball] | None:
        total: dict[int, Ball] = {}
        is_cut = True
        for source, linear in step.terms:
            if self.torus is None:
                ball: Ball | None = linear.matrix()
            else:
                ball = linear.symbol(self.torus, self._size(source))
                if isinstance(linear, Convolution) and self.is_larger:
                    if not self.is_cut[source]:
                        self.values[source] = self._function(self.values[source], self._size(source), Slopes(0.0, 1.0), False)
                        self.is_cut[source] = True
                    is_cut = False
                is_cut = is_cut and self.is_cut[source]
            if ball is None:
                return None
            for place, value in self.values[source].items():
                product = ball @ value
                total[place] = total[place] + product if place in total else product
        self.is_cut[node] = is_cut
        return total

    def _stacked(self, blocks: int) -> Network:
        ends = np.cumsum([0, *self.sizes])
        spots = [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]
        total = int(ends[-1])

        def row(parts: list[tuple[dict[int, Ball], int]]) -> Ball:
            stack = 1 if self.torus is None else self.torus.frequencies
            is_complex = any(np.iscomplexobj(b.middle) for values, _ in parts for b in values.values())
            matrix = np.zeros((stack, sum(size for _, size in parts), total), complex if is_complex else float)
            error, top = np.zeros(stack), 0
            for values, size in parts:
                for place, ball in values.items():
                    matrix[:, top : top + size, spots[place]] = ball.middle
                    error = error + ball.error
                top += size
            return Ball(matrix, np.asarray(up(error)))

        kind: object = "whole" if self.torus is None else None if self.is_larger else self.torus
        out = row([(self.values[k], self._size(k)) for k in self.segment.targets])
        before = tuple(row([(values, size)]) for values, size, _ in self.before)
        return Network(int(ends[blocks]), out, before, tuple(spots[blocks:]), tuple(s for _, _, s in self.before), kind)
