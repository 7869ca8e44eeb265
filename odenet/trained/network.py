"""A spec with the numbers of its dims, and of its weights where there are any: what graphs are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from odenet.emit.module import ModuleText
from odenet.emit.nets import NetText, argument
from odenet.emit.slots import Slot
from odenet.ir.model import Flow, Model
from odenet.ir.node import Node
from odenet.plan.steps import Plan
from odenet.trained.weights import Trained

if TYPE_CHECKING:
    from odenet.driver import Loaded

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """`dims`: all free dims. `values`: constrained values by the keys of the state dict, or None without weights."""

    loaded: Loaded
    dims: dict[str, int]
    values: dict[str, Array] | None

    @property
    def model(self) -> Model:
        return self.loaded.model

    @property
    def plans(self) -> dict[str, Plan]:
        return self.loaded.plans

    @cached_property
    def _text(self) -> ModuleText:
        found = ModuleText(self.model, self.plans, (), {})
        found.class_()  # it names the stages with parameters
        return found

    @property
    def slots(self) -> tuple[Slot, ...]:
        return self._text.slots.all

    def values_of(self, flow: Flow) -> dict[str, Array]:
        """The parameters of a flow by name, stacked where they are."""
        values = self.values or {}
        found = {s.name: (s, values[s.attribute]) for s in self.slots if flow.name in s.flows and s.attribute in values}
        return {name: _shaped(slot, value) for name, (slot, value) in found.items()}

    def constants(self) -> dict[str, Array]:
        """The parameters that do not depend on time."""
        values = self.values or {}
        return {
            s.name: _shaped(s, values[s.attribute]) for s in self.slots if not s.is_stacked and s.attribute in values
        }

    def stage_weights(self, net: str, index: int) -> tuple[Array, Array]:
        """The matrix or kernel of a stage of a net, and its bias (0 where it has none)."""
        values, name = self.values or {}, self._stage_names[net, index]
        return values[f"{name}.weight"], values.get(f"{name}.bias", np.zeros(()))

    @cached_property
    def _stage_names(self) -> dict[tuple[str, int], str]:
        places = [
            (net.name, k)
            for net in self.model.nets
            for k, stage in enumerate(net.stages)
            if stage.kind in ("linear", "conv")
        ]
        return dict(zip(places, self._text.stages, strict=True))

    def stage_expression(self, net: str, index: int) -> tuple[Node, str]:
        """A stage that is a function or a `def`, as a node over a state, and the name of that state."""
        found = self.model.net(net)
        text, stage = self._text, found.stages[index]
        writer = NetText(self.model, found, text.locals, text.slots, {}, text.methods, {}, {})
        return writer.expression(stage), argument(stage).data[0]


def _shaped(slot: Slot, value: Array) -> Array:
    """A scalar for all time is kept with one axis."""
    return value.reshape(()) if slot.rank == 0 and not slot.is_stacked else value


def without_weights(loaded: Loaded, dims: dict[str, int]) -> Network:
    free = {d.name: int(d.value.constant() or 0) for d in loaded.model.dims if d.is_free}
    return Network(loaded, {**free, **dims}, None)


def with_weights(found: Trained) -> Network:
    state = found.module.state_dict()
    values: dict[str, Any] = {**{k: v for k, v in state.items() if k.endswith(".bias")}, **found.values()}
    return Network(found.loaded, found.dims, {name: value.numpy() for name, value in values.items()})
