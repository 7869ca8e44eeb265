"""The typed model: what a spec means, with every name resolved and every space checked."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Union

from odenet.ir.node import Node, depends_on, parameters
from odenet.ir.sizes import Size, Space
from odenet.text import Source, Span


@dataclass(frozen=True)
class Dim:
    """A positive whole number, symbolic in proofs.

    `value` is a plain number for a free dim (a default the caller can change) and a polynomial in earlier dims for a
    derived one (`m = 2*n`), which proofs and constructors take as its definition.
    """

    name: str
    value: Size
    span: Span

    @property
    def is_free(self) -> bool:
        return self.value.constant() is not None


@dataclass(frozen=True)
class Block:
    """One block of the state, in the order of declaration."""

    name: str
    space: Space
    span: Span


@dataclass(frozen=True)
class Pair:
    """A conjugate pair: two blocks, or the two halves of one block `R[2*n]` (then `position == momentum`)."""

    position: str
    momentum: str

    @property
    def is_halved(self) -> bool:
        return self.position == self.momentum


@dataclass(frozen=True)
class ConvolutionSpace:
    """Linear maps R[inputs, h, w] -> R[outputs, h/stride, w/stride]; padding is `circular` or `zero`."""

    inputs: Size
    outputs: Size
    size: int
    padding: str
    stride: int

    def __str__(self) -> str:
        return f"conv({self.inputs}, {self.outputs}, size = {self.size}, padding = {self.padding}, stride = {self.stride})"


@dataclass(frozen=True)
class ParameterSet:
    """One set a parameter lies in. `name` is a row of `odenet.sets`; `arguments` are scalar nodes.

    `in [a, b]` is ("interval", (a, b)), `norm <= c` is ("norm", (c,)); arguments may use constants, dims and
    parameters declared above. `places` are where the arguments are written.
    """

    name: str
    arguments: tuple[Node, ...]
    span: Span
    places: tuple[Span, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Schedule:
    """How a `param(t)` depends on time: `piecewise` (one value per step), `linear`, `fourier`, `poly` with `knots` values."""

    kind: str
    knots: int | None = None
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Parameter:
    """`is_frozen`: drawn once, not trained. `is_clamped`: its closed set is kept by a clamp, so that its ends are reached.

    `initial` is a node of constants and dims, or None.
    """

    name: str
    space: Union[Space, ConvolutionSpace]
    schedule: Schedule | None
    sets: tuple[ParameterSet, ...]
    is_frozen: bool
    initial: Node | None
    span: Span
    is_clamped: bool = False

    @property
    def moves_within_steps(self) -> bool:
        """Whether it has a schedule other than one value for each step."""
        return self.schedule is not None and self.schedule.kind != "piecewise"

    def set_named(self, name: str) -> ParameterSet | None:
        return next((s for s in self.sets if s.name == name), None)


@dataclass(frozen=True)
class Definition:
    """`def V(q) = …`; in `body` the arguments are `variable` nodes."""

    name: str
    arguments: tuple[tuple[str, Space], ...]
    body: Node
    span: Span


@dataclass(frozen=True)
class Field:
    """One part of the right-hand side. Blocks without a row do not move. `def`s are expanded, `grad`s computed."""

    name: str
    rows: tuple[tuple[str, Node], ...]
    span: Span

    def rate(self, block: str) -> Node | None:
        return next((node for name, node in self.rows if name == block), None)

    @property
    def moves(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.rows)


@dataclass(frozen=True)
class Scheme:
    """A composition. `stages` are (index of the part, coefficient as a number-valued node), the leftmost acts first."""

    name: str
    parts: tuple[str, ...]
    stages: tuple[tuple[int, Node], ...]
    span: Span | None


@dataclass(frozen=True)
class Table:
    """A Butcher table: `matrix[i][j]`, exact number-valued nodes."""

    nodes: tuple[Node, ...]
    matrix: tuple[tuple[Node, ...], ...]
    weights: tuple[Node, ...]


@dataclass(frozen=True)
class Method:
    """How one part is advanced.

    `kind` is `exact`, `runge_kutta`, `relax`, `discrete_gradient`. For `runge_kutta` `table` is set; for `relax` `inner` is the
    Runge-Kutta method and `invariant` the quadratic it keeps (a node; None means dot(x, x) over the moved blocks).
    """

    name: str
    kind: str
    table: Table | None = None
    inner: Method | None = None
    invariant: Node | None = None


@dataclass(frozen=True)
class Part:
    field: str
    method: Method
    span: Span


@dataclass(frozen=True)
class Flow:
    """`scheme(parts) over [start, end] steps steps`. One step has length (end - start) / steps, an exact scalar node.

    `blocks` are the blocks the fields read or move, in the order of declaration.
    """

    name: str
    scheme: Scheme
    parts: tuple[Part, ...]
    start: Node
    end: Node
    steps: Size
    step: Node
    blocks: tuple[str, ...]
    span: Span


@dataclass(frozen=True)
class NetStage:
    """One stage of a net.

    `kind`: `flow` (data: its name), `linear` (), `conv` (size, padding, stride), `embed`, `fold`, `take`, `lift`, `maxpool`,
    `avgpool` (each one Size), `flatten` (), `function` (name, Fractions), `def` (name). `norm` is the bound of `norm <= c`, written
    at `place`, or None.
    """

    kind: str
    data: tuple[Any, ...]
    norm: Node | None
    domain: Space
    codomain: Space
    span: Span
    place: Span | None = field(default=None, compare=False)

    @property
    def room(self) -> tuple[Size, Size] | None:
        """Of a stage that appends or leaves out entries (or channels): what must be at least what."""
        ends = (self.codomain.sizes[:1], self.domain.sizes[:1])
        if self.kind not in ("embed", "lift", "take", "fold"):
            return None
        (after,), (before,) = ends
        return (after, before) if self.kind in ("embed", "lift") else (before, after)


@dataclass(frozen=True)
class Net:
    name: str
    domain: Space
    codomain: Space
    stages: tuple[NetStage, ...]
    span: Span


def without_detours(stages: tuple[NetStage, ...]) -> list[NetStage]:
    """Stages without those that undo each other: `embed` and `take` back, of which the first puts zeros behind and the second cuts
    them off."""
    kept: list[NetStage] = []
    for stage in stages:
        if stage.kind == "take" and kept and kept[-1].kind == "embed" and kept[-1].domain == stage.codomain:
            kept.pop()
        else:
            kept.append(stage)
    return kept


@dataclass(frozen=True)
class Comparison:
    """`left <= right` or `left < right` (others are turned round when the model is built)."""

    is_strict: bool
    left: Node
    right: Node


@dataclass(frozen=True)
class Claim:
    """One property of one subject.

    `fields` are the names of the summed fields when the subject is a field or a sum of fields; otherwise `subject` names a
    flow, a net or a def. `property` is a row of `odenet.operators.properties`. `arguments` are nodes (scalars over states,
    constants, parameters), or strings for words such as `permutation`; `keywords` are (name, text or node).
    """

    subject: str
    kind: str  # "field", "flow", "net", "def"
    fields: tuple[str, ...]
    property: str
    arguments: tuple[Union[Node, str], ...]
    keywords: tuple[tuple[str, Union[Node, str]], ...]
    region: tuple[Comparison, ...]
    line: int
    text: str  # the property as written, canonical: `hamiltonian(T(p) + V(q))`
    region_text: str
    span: Span


@dataclass(frozen=True)
class Model:
    name: str
    source: Source
    dims: tuple[Dim, ...]
    blocks: tuple[Block, ...]
    pairs: tuple[Pair, ...]
    parameters: tuple[Parameter, ...]
    constants: tuple[tuple[str, Node], ...]
    definitions: tuple[Definition, ...]
    fields: tuple[Field, ...]
    flows: tuple[Flow, ...]
    nets: tuple[Net, ...]
    claims: tuple[Claim, ...]

    @property
    def bounds(self) -> tuple[Node, ...]:
        """The bounds of all sets: of the parameters, and of the stages of nets."""
        own = [a for p in self.parameters for s in p.sets for a in s.arguments]
        return (*own, *(stage.norm for net in self.nets for stage in net.stages if stage.norm is not None))

    def block(self, name: str) -> Block:
        return next(b for b in self.blocks if b.name == name)

    def parameter(self, name: str) -> Parameter:
        return next(p for p in self.parameters if p.name == name)

    def field(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)

    def flow(self, name: str) -> Flow:
        return next(f for f in self.flows if f.name == name)

    def net(self, name: str) -> Net:
        return next(n for n in self.nets if n.name == name)

    def definition(self, name: str) -> Definition:
        return next(d for d in self.definitions if d.name == name)

    def default_dims(self) -> dict[str, int]:
        return self.dim_values({})

    def dim_values(self, given: dict[str, int]) -> dict[str, int]:
        """All dims, from given values of free dims and defaults for the rest."""
        values: dict[str, int] = {}
        for d in self.dims:
            value = Fraction(given[d.name]) if d.is_free and d.name in given else d.value.evaluate(values)
            values[d.name] = int(value)
        return values

    def is_timed(self, rows: Iterable[tuple[str, Node]]) -> bool:
        """Whether rates may change with t within a step: by t itself, or by a parameter that moves within it."""
        return any(depends_on(node, "time") or any(self.parameter(name).moves_within_steps for name in parameters(node))
                   for _, node in rows)

    def misfit(self, values: dict[str, int]) -> str | None:
        """Why no module can have these dims: a derived one that is not positive, a stage of a net without room."""
        for d in self.dims:
            if values[d.name] < 1:
                return f"`{d.name}` would be {values[d.name]}"
        for net in self.nets:
            for stage in net.stages:
                if stage.room is not None and stage.room[0].evaluate(values) < stage.room[1].evaluate(values):
                    return f"`{stage.kind}` of `{net.name}` needs {stage.room[0]} >= {stage.room[1]}"
        return None
