"""What a claim depends on: nodes, parameters, dims."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from odenet.ir.model import Claim, ConvolutionSpace, Model, Net, Parameter
from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace, Size, Space, count
from odenet.operators.functions import FUNCTIONS, row_of
from odenet.plan.steps import Advance, Closed, DiscreteGradient, Linear, Plan, Relax, RungeKutta
from odenet.proof.claimed import subject_blocks
from odenet.proof.refute.networks import stage_weights


@dataclass(frozen=True)
class Scope:
    """A claim and what its truth depends on."""

    model: Model
    claim: Claim
    known_plans: Mapping[str, Plan]

    @property
    def is_map(self) -> bool:
        """Whether the claim is about a flow or a net, where a parameter has a value for every step."""
        return self.claim.kind in ("flow", "net")

    @cached_property
    def net(self) -> Net | None:
        return self.model.net(self.claim.subject) if self.claim.kind == "net" else None

    @cached_property
    def flows(self) -> tuple[str, ...]:
        """The flows that the subject runs."""
        if self.net is not None:
            return tuple(dict.fromkeys(stage.data[0] for stage in self.net.stages if stage.kind == "flow"))
        return (self.claim.subject,) if self.claim.kind == "flow" else ()

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        return tuple(self.known_plans[name] for name in self.flows if name in self.known_plans)

    @property
    def is_planned(self) -> bool:
        return len(self.plans) == len(self.flows)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every distinct node below the subject, the arguments and the region."""
        found: dict[Node, None] = {}
        for root in self._roots():
            found.update(dict.fromkeys(root.walk()))
        return tuple(found)

    def _roots(self) -> Iterator[Node]:
        claim = self.claim
        yield from (a for a in claim.arguments if isinstance(a, Node))
        for comparison in claim.region:
            yield from (comparison.left, comparison.right)
        if claim.kind == "def":
            yield self.model.definition(claim.subject).body
        for stage in self.net.stages if self.net is not None else ():
            if stage.kind == "def":
                yield self.model.definition(stage.data[0]).body
        for name in claim.fields:
            yield from (rate for _, rate in self.model.field(name).rows)
        for plan in self.plans:
            yield from (plan.flow.start, plan.flow.end, plan.flow.step)
            for advance in plan.advances:
                yield from advance_nodes(advance)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters the claim depends on, in the order of declaration, with those that bound them."""
        names = {node.data[0] for node in self.nodes if node.op == "param"}
        names |= {argument for argument in self.claim.arguments if isinstance(argument, str)}
        for parameter in reversed(self.model.parameters):
            if parameter.name in names:
                for node in _bounds(parameter):
                    names |= {n.data[0] for n in node.walk() if n.op == "param"}
        weights = stage_weights(self.net) if self.net is not None else ()
        return (*(p for p in self.model.parameters if p.name in names), *weights)

    @cached_property
    def movable(self) -> tuple[Parameter, ...]:
        """The matrices and numbers that can be moved a little inside their set."""
        kinds: tuple[set[str], ...] = ({"orthogonal"}, {"norm"}, {"interval"})
        return tuple(p for p in self.parameters
                     if {s.name for s in p.sets} in kinds and not isinstance(p.space, ConvolutionSpace))

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        return () if self.claim.kind in ("def", "net") else subject_blocks(self.model, self.claim)

    @property
    def spaces(self) -> tuple[Space, ...]:
        """The spaces a point of the claim lies in."""
        if self.claim.kind == "def":
            return tuple(space for _, space in self.model.definition(self.claim.subject).arguments)
        if self.net is not None:
            return (self.net.domain,)
        return tuple(self.model.block(name).space for name in self.blocks)

    @cached_property
    def sizes(self) -> tuple[Size, ...]:
        """All sizes that have to be positive whole numbers."""
        found: dict[Size, None] = {}
        for parameter in self.parameters:
            space = parameter.space
            listed = (space.inputs, space.outputs) if isinstance(space, ConvolutionSpace) else space.sizes
            found.update(dict.fromkeys(listed))
        spaces = [*self.spaces, *(stage.codomain for stage in (self.net.stages if self.net is not None else ()))]
        found.update(dict.fromkeys(size for space in spaces for size in space.sizes))
        for node in self.nodes:
            found.update(dict.fromkeys(_sizes(node)))
        found.update(dict.fromkeys(plan.flow.steps for plan in self.plans))
        return tuple(found)

    def has_room(self, dims: Mapping[str, int]) -> bool:
        """Whether the stages of a net that add entries have fewer before them, and those that leave some out more."""
        counts = [(stage.kind, count(stage.domain).evaluate(dims), count(stage.codomain).evaluate(dims))
                  for stage in (self.net.stages if self.net is not None else ())]
        return all(a <= b for kind, a, b in counts if kind in ("embed", "lift")) and all(
            a >= b for kind, a, b in counts if kind in ("take", "fold"))

    @cached_property
    def dims(self) -> tuple[str, ...]:
        """The free dims the claim depends on, in the order of declaration."""
        names = {name for size in self.sizes for name in size.dims()}
        nodes = [*self.nodes, *(node for p in self.parameters for bound in _bounds(p) for node in bound.walk())]
        names |= {node.data[0] for node in nodes if node.op == "dim"}
        names |= {name for node in nodes if node.op == "slice" for size in node.data for name in size.dims()}
        for dim in reversed(self.model.dims):
            if dim.name in names:
                names |= dim.value.dims()
        return tuple(dim.name for dim in self.model.dims if dim.name in names and dim.is_free)

    @cached_property
    def image_dims(self) -> frozenset[str]:
        """The dims that are heights and widths of images."""
        return frozenset(name for space in self.spaces if space.rank == 3 for size in space.sizes[1:] for name in size.dims())

    @property
    def depends_on_time(self) -> bool:
        return not self.is_map and any(node.op == "time" for node in self.nodes)

    @property
    def is_explicit(self) -> bool:
        """Whether no part of the flow solves an equation."""
        advances = [advance for plan in self.plans for advance in plan.advances]
        methods = [a.inner if isinstance(a, Relax) else a for a in advances]
        return all(not isinstance(a, DiscreteGradient) and (not isinstance(a, RungeKutta) or a.is_explicit) for a in methods)

    @property
    def is_smooth(self) -> bool:
        """Whether everything that occurs has a continuous derivative, as far as is known."""
        stages = self.net.stages if self.net is not None else ()
        rows = [row_of(node) for node in self.nodes if node.op == "function"]
        rows += [FUNCTIONS[stage.data[0]] for stage in stages if stage.kind == "function"]
        kinked = any(node.op in ("largest", "smallest", "norm") for node in self.nodes)
        return not kinked and all(row.smoothness is None or row.smoothness > 0 for row in rows)

    @property
    def is_continuous(self) -> bool:
        """Whether no function with a jump occurs."""
        stages = self.net.stages if self.net is not None else ()
        if any(stage.kind == "function" and FUNCTIONS[stage.data[0]].smoothness == -1 for stage in stages):
            return False
        return not any(node.op == "function" and row_of(node).smoothness == -1 for node in self.nodes)


def _bounds(parameter: Parameter) -> Iterator[Node]:
    return (argument for s in parameter.sets for argument in s.arguments)


def _sizes(node: Node) -> tuple[Size, ...]:
    if isinstance(node.space, MapSpace):
        return (*node.space.domain.sizes, *node.space.codomain.sizes)
    assert isinstance(node.space, Space)
    return node.space.sizes


def advance_nodes(advance: Advance) -> Iterator[Node]:
    """The nodes an advance is made of."""
    if isinstance(advance, Closed):
        yield from (node for _, node in advance.rows)
    elif isinstance(advance, Linear):
        entries = [*(node for row in advance.matrix for node in row), *advance.offset]
        yield from (node for node in entries if node is not None)
    elif isinstance(advance, RungeKutta):
        yield from (node for _, node in advance.rates)
    elif isinstance(advance, Relax):
        yield from advance_nodes(advance.inner)
        yield advance.invariant
    elif isinstance(advance, DiscreteGradient):
        yield from (node for _, node in advance.rates)
        yield from () if advance.potential is None else (advance.potential,)
