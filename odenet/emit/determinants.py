"""The change of variables by a flow: its log-determinant, with its values in one pass, and a transform of distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odenet.emit.counted import Counted, CountedAdvances
from odenet.emit.flows import FlowText, Move
from odenet.emit.gradients.sweeps import SweepText
from odenet.emit.parts import returns
from odenet.emit.tree import (
    Assign,
    Entries,
    Expression,
    Function,
    Items,
    Name,
    Raise,
    Return,
    Statement,
    Subscript,
    call,
    items,
    method,
)

if TYPE_CHECKING:
    from odenet.emit.maps import Blocks


class CountedFlow(FlowText):
    """Writes the methods that run a flow and add up log-determinants; names and values are those of its `FlowText`."""

    def __init__(self, text: FlowText) -> None:
        self.__dict__.update(vars(text))
        self.advances = CountedAdvances(text.advances, text.bounds)  # type: ignore[assignment]

    def run(self, name: str) -> None:
        """The method that runs all steps on flat batches, its substeps merged as those of the plain runner."""
        order = SweepText(self)
        pairs = order.place_moves()
        moves = [move for pair in pairs for move in pair if move is not None]
        opening = [self.move(order.opening)] if order.opening else []
        constants, stacks, values = self.values([*opening, *moves], "values")
        body = self._setup([*opening, *moves], values, constants, stacks)
        for move in opening:
            body += self.opened(move, stacks)
        timed = self._timed(moves)
        inside = [self.applied(*pair) for pair in pairs]
        body.append(self._loop(stacks, inside, timed or bool(opening), False, timed))
        self._add_runner(name, body, f"All steps of `{self.flow.name}`.")

    def _given(self, move: Move) -> list[Expression]:
        given = super()._given(move)
        if isinstance(move.part, Counted):
            given.append(Name(self.locals.log_det))
            given += [Name(self.locals.probes)] if move.part.takes_probes else []
        return given

    def applied(self, move: Move, last: Move | None = None) -> Statement:
        statement = super().applied(move, last)
        assert isinstance(statement, Assign)
        more = (self.locals.log_det,) if isinstance(move.part, Counted) else ()
        return Assign((*statement.targets, *more), statement.value)

    def _add_runner(self, name: str, body: list[Statement], about: str) -> None:
        names = [self.locals[b] for b in self.flow.blocks]
        zeros = method(Name(names[0]), "new_zeros", Subscript(Name(f"{names[0]}.shape"), "0"))
        arguments = ("self", *(f"{name}: Tensor" for name in names), *self.probes("int | None"))
        result = Return(items(*map(Name, names), Name(self.locals.log_det)))
        about = f"{about[:-1]}, and the log-determinants added up."
        body = [Assign((self.locals.log_det,), zeros), *body, result]
        self.functions.append(Function(name, arguments, returns(len(names) + 1), (about,), tuple(body)))

    @property
    def changes_volume(self) -> bool:
        """Whether some substep has a log-determinant other than 0."""
        return any(isinstance(self.move(substep).part, Counted) for substep in self.plan.step)

    def probes(self, annotation: str) -> tuple[str, ...]:
        """The argument for estimates, where a substep can be estimated."""
        moves = [self.move(substep) for substep in self.plan.step]
        taken = any(isinstance(m.part, Counted) and m.part.takes_probes for m in moves)
        return (f"{self.locals.probes}: {annotation}",) if taken else ()


def determinants(text: FlowText, blocks: Blocks, prefix: str, forward: str) -> list[Function]:
    """The public methods of a flow that speak of its log-determinant; `prefix` stands before their names."""
    return _Public(text, blocks, prefix, forward).functions()


class _Public:
    def __init__(self, text: FlowText, blocks: Blocks, prefix: str, forward: str) -> None:
        self.text, self.blocks, self.prefix, self.forward = text, blocks, prefix, forward
        self.locals, self.flow = text.locals, CountedFlow(text)
        self.keeps_volume = text.keeps_volume or not self.flow.changes_volume
        self.probes = () if self.keeps_volume else self.flow.probes("int | None = None")
        self.missing = text.reason

    def functions(self) -> list[Function]:
        return [self._log_det(), self._forward(), self._inverse(), self._transform()]

    # --- one pass ----------------------------------------------------------------------------------------------------

    def _forward(self) -> Function:
        about = f"The state after all steps of `{self.text.flow.name}`, and the log-determinant [...] of that map."
        if self.keeps_volume:
            body = [self._beside_zeros(self.forward)]
        else:
            runner = self.text.methods.new(f"_run_{self.text.flow.name}_and_log_det")
            self.flow.run(runner)
            body = self._counted(runner)
        return self._function("forward_and_log_det", self._pair, about, body)

    def _inverse(self) -> Function:
        name, about = "inverse_and_log_det", "The state before all steps of `{}`, and the log-determinant [...] of the inverse."
        if self.missing:
            return self._not_there(name, self._pair)
        if self.keeps_volume:
            body = [self._beside_zeros(f"{self.prefix}inverse")]
        else:
            runner = self.text.methods.new(f"_undo_{self.text.flow.name}_and_log_det")
            moves = [self.flow.undone(substep) for substep in reversed(self.text.plan.step)]
            self.flow.run_back(runner, [move for move in moves if isinstance(move, Move)])
            body = self._counted(runner)
        return self._function(name, self._pair, about.format(self.text.flow.name), body)

    def _counted(self, runner: str) -> list[Statement]:
        """Run on flat batches; the blocks and the sum get their batch shape again."""
        blocks, log_det = self.blocks, self.locals.log_det
        run = Assign((*blocks.local.values(), log_det), call(f"self.{runner}", *self._given))
        state = blocks.leave(blocks.values)
        assert isinstance(state, Return)
        back = method(Name(log_det), "reshape", Name(self.locals.batch))
        return [*blocks.enter(), run, Return(items(state.value, back))]

    def _beside_zeros(self, map: str) -> Statement:
        return Return(items(call(f"self.{map}", *self._given), self._zeros()))

    def _zeros(self) -> Expression:
        return method(self._given[0], "new_zeros", self.blocks.checked())

    @property
    def _given(self) -> list[Expression]:
        states: list[Expression] = [Name(name) for name in self.blocks.local.values()]
        return [*states, *([Name(self.locals.probes)] if self.probes else [])]

    @property
    def _pair(self) -> str:
        return f"tuple[{self.blocks.returns}, Tensor]"

    # --- the log-determinant, the transform -----------------------------------------------------------------------------

    def _log_det(self) -> Function:
        flow, words = self.text.flow.name, self.blocks.words
        about = f"log abs det of the Jacobian of `{flow}`, from {words}, of shape [...]."
        if self.keeps_volume:
            about = f"log abs det of the Jacobian of `{flow}`: 0, since it keeps volume. From {words}, of shape [...]."
            batch = self.locals.batch
            zeros = Return(method(self._given[0], "new_zeros", Name(batch)))
            return self._function("log_abs_det_jacobian", "Tensor", about, [Assign((batch,), self.blocks.checked()), zeros])
        made = Subscript(call(f"self.{self.prefix}forward_and_log_det", *self._given), "1")
        return self._function("log_abs_det_jacobian", "Tensor", about, [Return(made)])

    def _transform(self) -> Function:
        if self.missing:
            return self._not_there("transform", "torch.distributions.Transform")
        self.text.shop.runtime["FlowTransform"] = None
        maps = items(*(Name(f"self.{name}") for name in (self.forward, f"{self.prefix}inverse")))
        counted = items(*(Name(f"self.{self.prefix}{name}_and_log_det") for name in ("forward", "inverse")))
        shapes = items(*(Items(shape) for shape in self.blocks.shapes.values()))
        options = [Entries(((self.locals.probes, Name(self.locals.probes)),))] if self.probes else []
        body = [Return(call("FlowTransform", maps, counted, shapes, Name("cache_size"), *options))]
        about = f"`{self.text.flow.name}` for `torch.distributions`: a bijection of vectors [..., d], its blocks in order."
        arguments = ("self", "cache_size: int = 0", *self.probes)
        return Function(f"{self.prefix}transform", arguments, "torch.distributions.Transform", self._about(about), tuple(body))

    def _not_there(self, name: str, returned: str) -> Function:
        parameters = ("self", "cache_size: int = 0") if name == "transform" else self.blocks.parameters
        body = (Raise("NotImplementedError", self.missing),)
        return Function(f"{self.prefix}{name}", parameters, returned, (f"Not available: {self.missing}.",), body)

    def _function(self, name: str, returned: str, about: str, body: list[Statement]) -> Function:
        arguments = (*self.blocks.parameters, *self.probes)
        return Function(f"{self.prefix}{name}", arguments, returned, self._about(about), tuple(body))

    def _about(self, about: str) -> tuple[str, ...]:
        if not self.probes:
            return (about,)
        more = f"{self.locals.probes}: steps without a closed form are estimated, without bias, with so many random vectors."
        return (about, "", more)
