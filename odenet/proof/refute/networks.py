"""Nets: stages one after the other, with the weights of `linear` and `conv` stages as parameters of their own."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from odenet.ir.model import ConvolutionSpace, Model, Net, NetStage, Parameter, ParameterSet
from odenet.ir.node import Node, states
from odenet.ir.sizes import Space
from odenet.operators.functions import FUNCTIONS
from odenet.proof.refute import elementary
from odenet.proof.refute.advance import Runner
from odenet.proof.refute.cases import Layout
from odenet.proof.refute.evaluate import Evaluator
from odenet.proof.refute.scalars import ZERO, Scalar, Undefined, exact, largest, total
from odenet.proof.refute.shapes import shape_of
from odenet.proof.refute.tensors import Tensor, convolution

INPUT, OUTPUT = "the input", "the output"  # no names, so that no parameter has them


def stage_weights(net: Net) -> tuple[Parameter, ...]:
    """The weights of the stages that have some: `linear 3` for a linear third stage."""
    found = []
    for place, stage in enumerate(net.stages, 1):
        sets = () if stage.norm is None else (ParameterSet("norm", (stage.norm,), stage.span),)
        if stage.kind == "linear":
            space: Space | ConvolutionSpace = Space((stage.codomain.sizes[0], stage.domain.sizes[0]))
        elif stage.kind == "conv":
            size, padding, stride = stage.data
            space = ConvolutionSpace(stage.domain.sizes[0], stage.codomain.sizes[0], size, padding, stride)
        else:
            continue
        found.append(Parameter(f"{stage.kind} {place}", space, None, sets, False, None, stage.span))
    return tuple(found)


def not_onto(net: Net) -> int | None:
    """The number of a stage that keeps the net from reaching all outputs: a function with bounded values (what is continuous maps
    their closure to a compact set), or a last one with values on one side of a bound."""
    for place, stage in enumerate(net.stages, 1):
        if stage.kind == "function":
            name, *parameters = stage.data
            ends = FUNCTIONS[name].values(*parameters)
            bounded = (ends.low is not None) + (ends.high is not None)
            if bounded == 2 or (bounded == 1 and place == len(net.stages)):
                return place
    return None


@dataclass
class NetSubject:
    """All stages of a net at fixed dims and weights; `runners` run the stages that are flows."""

    model: Model
    net: Net
    runners: Mapping[str, Runner]
    evaluator: Evaluator

    @property
    def layout(self) -> Layout:
        return Layout(((INPUT, shape_of(self.net.domain, self.evaluator.dims)),))

    @property
    def image(self) -> Layout:
        return Layout(((OUTPUT, shape_of(self.net.codomain, self.evaluator.dims)),))

    def value(self, items: Sequence[Scalar]) -> list[Scalar]:
        here = Tensor(shape_of(self.net.domain, self.evaluator.dims), list(items))
        for place, stage in enumerate(self.net.stages, 1):
            here = self.pass_through(stage, place, here, shape_of(stage.codomain, self.evaluator.dims))
        return here.items

    def scalar(self, node: Node, items: Sequence[Scalar]) -> Scalar:
        """A number, or an invariant: the block that it reads stands for the input, or for the output.

        Raises:
            Undefined: the invariant is made for another space.
        """
        names, net = states(node), self.net
        of_any_size = node.op in ("sum", "dot", "norm") and all(a.op == "state" for a in node.args)
        if len(names) > 1 or (names and not of_any_size
                              and any(s != self.model.block(n).space for n in names for s in (net.domain, net.codomain))):
            raise Undefined("an invariant of another space")
        whole = Tensor((len(items),) if of_any_size else shape_of(net.domain, self.evaluator.dims), list(items))
        return self.evaluator.scalar(node, dict.fromkeys(names, whole))

    def pass_through(self, stage: NetStage, place: int, here: Tensor, shape: tuple[int, ...]) -> Tensor:
        """One stage; `shape` is the shape after it."""
        if stage.kind == "flow":
            return self.flow(stage.data[0], here)
        if stage.kind == "function":
            name, *parameters = stage.data
            return here.map(lambda item: elementary.apply(name, tuple(parameters), item))
        if stage.kind == "def":
            definition = self.model.definition(stage.data[0])
            return self.evaluator.tensor(definition.body, {}, ZERO, {definition.arguments[0][0]: here})
        if stage.kind in ("linear", "conv"):
            weights = self.evaluator.parameters[f"{stage.kind} {place}"]
            if stage.kind == "linear":
                return weights.apply(here)
            return convolution(weights, here.shape, shape, stage.data[2], stage.data[1] == "circular").apply(here)
        if stage.kind in ("maxpool", "avgpool"):
            return _pooled(stage.kind, here, shape)
        return _resized(stage.kind, here, shape)

    def flow(self, name: str, here: Tensor) -> Tensor:
        (block,) = self.model.flow(name).blocks
        return self.runners[name].flow({block: here})[block]


def _resized(kind: str, here: Tensor, shape: tuple[int, ...]) -> Tensor:
    """`flatten`, `embed`, `lift`, `take`, `fold`."""
    before, after = len(here.items), prod(shape)
    if kind == "flatten" and before == after:
        return Tensor(shape, here.items)
    if kind in ("embed", "lift") and before <= after:
        return Tensor(shape, [*here.items, *[ZERO] * (after - before)])
    if kind in ("take", "fold") and before >= after:
        rest = total(here.items[after:]) * exact(Fraction(1, after)) if kind == "fold" else ZERO
        return Tensor(shape, [item + rest for item in here.items[:after]])
    raise Undefined(f"a stage {kind} from {before} to {after} entries")


def _pooled(kind: str, image: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Windows of equal size, side by side."""
    (channels, height, width), (_, rows, columns) = image.shape, shape
    down, across = height // rows, width // columns
    items = []
    for c in range(channels):
        for i in range(rows):
            for j in range(columns):
                window = [image.items[(c * height + y) * width + x] for y in range(i * down, (i + 1) * down)
                          for x in range(j * across, (j + 1) * across)]
                mean = total(window) * exact(Fraction(1, len(window))) if kind == "avgpool" else None
                items.append(largest(window) if mean is None else mean)
    return Tensor(shape, items)
