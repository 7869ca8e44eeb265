"""Affine forms over the nodes of a graph, and the nodes that other operations make of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

import networkx as nx
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Value = Union[Array, "Form"]


class TooLarge(Exception):
    """The graph has more edges than allowed."""


@dataclass(frozen=True)
class Form:
    """A tensor each of whose entries is a sum of weights times values of nodes, and a constant.

    sources: the nodes. weights [sources, *shape], constant [*shape].
    """

    sources: tuple[str, ...]
    weights: Array
    constant: Array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.constant.shape

    def mapped(self, change: Callable[[Array], Any]) -> Form:
        """The form under a linear map of tensors."""
        constant = np.asarray(change(self.constant), dtype=np.float64)
        rows = [np.asarray(change(row), dtype=np.float64) for row in self.weights]
        return Form(self.sources, np.array(rows).reshape(-1, *constant.shape), constant)

    def over(self, sources: tuple[str, ...]) -> Array:
        """The weights of more sources, in their order."""
        places = {name: k for k, name in enumerate(sources)}
        found = np.zeros((len(sources), *self.shape))
        found[[places[name] for name in self.sources]] = self.weights
        return found


def constant(value: Value) -> Form:
    """A value as a form."""
    if isinstance(value, Form):
        return value
    array = np.asarray(value, dtype=np.float64)
    return Form((), np.zeros((0, *array.shape)), array)


def jointly(values: Sequence[Value], change: Callable[..., Any]) -> Form:
    """A jointly linear map of several tensors, such as their sum or their concatenation."""
    forms = [constant(value) for value in values]
    sources = tuple(dict.fromkeys(name for form in forms for name in form.sources))
    result = np.asarray(change(*(form.constant for form in forms)), dtype=np.float64)
    columns = [form.over(sources) for form in forms]
    rows = [np.asarray(change(*(column[k] for column in columns)), dtype=np.float64) for k in range(len(sources))]
    return Form(sources, np.array(rows).reshape(-1, *result.shape), result)


def total(values: Iterable[Value]) -> Form:
    return jointly(list(values), lambda *terms: np.sum(terms, axis=0))


@dataclass
class Units:
    """The nodes of a graph, made one after the other.

    A node's value is `op` (with `parameters`) of the sum, product, maximum or minimum (`combine`) of weight times value
    over the edges into it, the constant `bias` added before `op`.
    where: attributes of the nodes that are made now.
    """

    limit: int
    graph: Any = field(default_factory=nx.DiGraph)
    where: dict[str, Any] = field(default_factory=dict)

    def node(
        self,
        incoming: Iterable[tuple[str, float]],
        bias: float = 0.0,
        op: str = "identity",
        parameters: tuple[float, ...] = (),
        combine: str = "sum",
        **more: Any,
    ) -> str:
        name = f"n{len(self.graph)}"
        self.graph.add_node(
            name,
            **{"kind": "unit", **self.where, **more},
            op=op,
            combine=combine,
            bias=float(bias),
            parameters=" ".join(map(repr, parameters)),
        )
        self.graph.add_weighted_edges_from((source, name, float(weight)) for source, weight in incoming)
        if self.graph.number_of_edges() > self.limit:
            raise TooLarge(f"more than {self.limit} edges")
        return name

    def entrywise(self, value: Form, op: str, parameters: tuple[float, ...] = (), **more: Any) -> Form:
        """A node for each entry."""
        names = [
            self.node(
                _incoming(value, place), float(value.constant[place]), op, parameters, entry=_entry(place), **more
            )
            for place in np.ndindex(value.shape)
        ]
        return _of(names, value.shape)

    def kept(self, value: Form, **more: Any) -> Form:
        """The same values, each by one node, made where it has none."""
        names = [self._source(value, place, **more) for place in np.ndindex(value.shape)]
        return _of(names, value.shape)

    def _source(self, value: Form, place: tuple[int, ...], **more: Any) -> str:
        incoming = _incoming(value, place)
        if len(incoming) == 1 and incoming[0][1] == 1.0 and value.constant[place] == 0.0:
            return incoming[0][0]
        return self.node(incoming, value.constant[place], entry=_entry(place), **more)

    def extreme(self, values: Sequence[Form], combine: str) -> Form:
        """The largest or smallest of scalars."""
        names = dict.fromkeys(self._source(value, ()) for value in values)
        return _of([self.node(((name, 1.0) for name in names), combine=combine)], ())

    def product(self, left: Value, right: Value, indices: str) -> Form:
        """A bilinear map, written as for `numpy.einsum`."""
        if not isinstance(left, Form):
            return constant(right).mapped(lambda row: np.einsum(indices, left, row))
        if not isinstance(right, Form):
            return left.mapped(lambda row: np.einsum(indices, row, right))
        inputs, output = indices.split("->")
        first, second = inputs.split(",")
        letters = "".join(dict.fromkeys(first + second))
        sizes = {**dict(zip(first, left.shape, strict=True)), **dict(zip(second, right.shape, strict=True))}
        found: dict[tuple[int, ...], list[Form]] = {}
        for place in np.ndindex(*(sizes[letter] for letter in letters)):
            at = dict(zip(letters, place, strict=True))
            term = self._times(left, tuple(at[k] for k in first), right, tuple(at[k] for k in second))
            found.setdefault(tuple(at[k] for k in output), []).append(term)
        shape = tuple(sizes[letter] for letter in output)
        entries = [total(found[place]) for place in np.ndindex(shape)]
        return jointly(entries, lambda *parts: np.reshape(parts, shape))

    def _times(self, left: Form, i: tuple[int, ...], right: Form, j: tuple[int, ...]) -> Form:
        """The product of two entries."""
        if not _incoming(left, i):
            return right.mapped(lambda row: left.constant[i] * row[j])
        if not _incoming(right, j):
            return left.mapped(lambda row: right.constant[j] * row[i])
        (one, first), (two, second) = self._factor(left, i), self._factor(right, j)
        if one == two:
            name = self.node([(one, 1.0)], op="power", parameters=(2.0,))
            return Form((name,), np.array([first * second]), np.zeros(()))
        return _of([self.node([(one, first), (two, second)], combine="product")], ())

    def _factor(self, value: Form, place: tuple[int, ...]) -> tuple[str, float]:
        """An entry as one node with a weight."""
        incoming = _incoming(value, place)
        if len(incoming) == 1 and value.constant[place] == 0.0:
            return incoming[0]
        return self._source(value, place), 1.0


def _incoming(value: Form, place: tuple[int, ...]) -> list[tuple[str, float]]:
    if not value.sources:
        return []
    weights = value.weights.reshape(len(value.sources), -1)[:, np.ravel_multi_index(place, value.shape) if place else 0]
    return [(value.sources[k], float(weights[k])) for k in np.flatnonzero(weights)]


def _of(names: Sequence[str], shape: tuple[int, ...]) -> Form:
    """The values of nodes, in a shape; a node may stand twice."""
    sources = tuple(dict.fromkeys(names))
    weights = np.zeros((len(sources), len(names)))
    for column, name in enumerate(names):
        weights[sources.index(name) if len(sources) < len(names) else column, column] = 1.0
    return Form(sources, weights.reshape(len(sources), *shape), np.zeros(shape))


def _entry(place: tuple[int, ...]) -> str:
    return ",".join(map(str, place))
