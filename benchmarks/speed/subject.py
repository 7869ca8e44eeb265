"""What is measured: the numbers that all rows of a case begin with, and a row that runs on them."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Outputs = Tensor | tuple[Tensor, ...]


class Missing(Exception):
    """A row that cannot run here; its text says why."""


class Work(Protocol):
    """Something that can be timed: forward alone, and forward and backward."""

    def forward(self) -> object: ...

    def both(self) -> object: ...


@dataclass(frozen=True)
class Data:
    """What all rows of a case begin with.

    Attributes:
        parameters: raw parameters by their names in the spec.
        states: the blocks of the state, [batch, ...] each.
        cotangents: what backward starts from, shaped as the states.
    """

    parameters: Mapping[str, Tensor]
    states: tuple[Tensor, ...]
    cotangents: tuple[Tensor, ...]

    def to(self, dtype: torch.dtype) -> Data:
        cast = {name: value.to(dtype) for name, value in self.parameters.items()}
        return Data(cast, tuple(s.to(dtype) for s in self.states), tuple(c.to(dtype) for c in self.cotangents))


def drawn(states: tuple[tuple[int, ...], ...], seed: int = 0, **parameters: tuple[tuple[int, ...], float]) -> Data:
    """Normal numbers in float64: states of the given shapes, and parameters from their (shape, deviation)."""
    random = torch.Generator().manual_seed(seed)

    def normal(shape: tuple[int, ...], deviation: float = 1.0) -> Tensor:
        return deviation * torch.randn(shape, generator=random, dtype=torch.float64)

    values = {name: normal(shape, deviation) for name, (shape, deviation) in parameters.items()}
    return Data(values, tuple(map(normal, states)), tuple(map(normal, states)))


@dataclass(frozen=True)
class Trained:
    """A map with trained parameters, as a layer inside of a network: its input wants a gradient too.

    Attributes:
        call: from the states to the states after all steps.
        states, cotangents: as in Data; the states are leaves.
        parameters: all leaves that get a gradient, but for the states.
        gradients: after backward, the gradients of the parameters by their names in the spec, where the row has those.
    """

    call: Callable[..., Outputs]
    states: tuple[Tensor, ...]
    cotangents: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    gradients: Callable[[], dict[str, Tensor]]

    def outputs(self) -> tuple[Tensor, ...]:
        found = self.call(*self.states)
        return found if isinstance(found, tuple) else (found,)

    def forward(self) -> object:
        with torch.no_grad():
            return self.outputs()

    def both(self) -> object:
        self.forget()
        torch.autograd.backward(self.outputs(), self.cotangents)
        return None

    def forget(self) -> None:
        """Drop the gradients of the last backward."""
        for leaf in (*self.states, *self.parameters):
            leaf.grad = None

    def all_gradients(self) -> dict[str, Tensor]:
        """Gradients of states and parameters, by name, after a fresh backward."""
        self.both()
        found = {f"state {i}": s.grad for i, s in enumerate(self.states)} | self.gradients()
        return {name: g.detach().clone() for name, g in found.items() if g is not None}


def trained(call: Callable[..., Outputs], data: Data, named: Mapping[str, Tensor], others: tuple[Tensor, ...] = (),
            gradients: Callable[[], dict[str, Tensor]] | None = None) -> Trained:
    """A row whose parameters are the leaves `named`, as in the spec, and `others`, which only this row has."""
    states = tuple(s.clone().requires_grad_() for s in data.states)

    def own() -> dict[str, Tensor]:
        return {name: leaf.grad for name, leaf in named.items() if leaf.grad is not None}

    return Trained(call, states, data.cotangents, (*named.values(), *others), gradients or own)


def leaves(data: Data) -> dict[str, Tensor]:
    """The raw parameters as leaves of their own."""
    return {name: value.clone().requires_grad_() for name, value in data.parameters.items()}


@dataclass(frozen=True)
class Row:
    """One line of a case's table.

    Attributes:
        kind: "odenet", "same" (the same function, so its output and gradients are compared), "other" (another function of
            the same size), or "part" (a part of the work, alone).
        build: makes it from the case's data, or raises Missing or ImportError.
        note: what has to be known to read the figures.
    """

    name: str
    kind: str
    build: Callable[[Data], Work]
    note: str = ""


@dataclass(frozen=True)
class Case:
    """Some work, and the rows that do it. The first row is odenet's; `reference` does exact backpropagation by hand."""

    name: str
    title: str
    data: Callable[[], Data]
    rows: tuple[Row, ...]
    reference: Callable[[Data], Trained]
