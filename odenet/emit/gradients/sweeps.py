"""One step of a flow as methods: run, run and keep what its gradient needs, take gradients back, undo."""

from __future__ import annotations

from dataclasses import dataclass

from odenet.emit.computed import Key
from odenet.emit.flows import FlowText, Move
from odenet.emit.gradients.pull import Pull
from odenet.emit.parts import Want
from odenet.emit.tree import (
    Assign,
    Expression,
    Function,
    Name,
    Return,
    Statement,
    call,
    items,
    targets,
)
from odenet.plan.steps import Substep

TENSORS = "tuple[Tensor, ...]"


@dataclass(frozen=True)
class Place:
    """A substep of a step, and the one that stands in its place at the last step (None: the same)."""

    substep: Substep
    last: Substep | None = None


class SweepText:
    """Writes the methods of one step of a flow, and the method that runs them all.

    opening: a substep before all steps. places: the substeps of a step. The last substep of a step is merged with the first
    of the next where the plan says so.
    """

    def __init__(self, text: FlowText) -> None:
        self.text, self.locals = text, text.locals
        plan = text.plan
        self.opening: Substep | None = None
        self.places = [Place(s) for s in plan.step]
        if plan.merged and len(plan.repeated) > len(plan.step) - 2:
            closing = plan.step[-1]
            joint = Substep(closing.part, plan.repeated[0].coefficient, closing.clock)
            self.opening = plan.step[0]
            self.places = [*(Place(s) for s in plan.step[1:-1]), Place(joint, closing)]
        text.reason = self.reason = next((m for s in plan.step if isinstance(m := text.undone(s), str)), "")

    # --- the runner ---------------------------------------------------------------------------------------------

    def write(self) -> None:
        """The methods of a step, and the one that runs all steps on flat batches."""
        text, locals = self.text, self.locals
        self.constants, self.stacks, values = text.values(self._moves(), "values")
        body = self._entered(values)
        names = {kind: text.methods.new(f"_{kind}_{text.label}") for kind in ("step", "keep", "pull")}
        made = [self._step(names["step"]), self._keep(names["keep"]), self._pull(names["pull"])]
        rewind: Expression = Name("None")
        if not self.reason:
            made.append(self._rewind(text.methods.new(f"_rewind_{text.label}")))
            rewind = Name(f"self.{made[-1].name}")
        methods = [Name(f"self.{names[kind]}") for kind in ("step", "keep", "pull")]
        text.shop.runtime["run_steps"] = None
        steps = call("Steps", text.sizes.size(text.flow.steps), *methods, rewind, **self._flags())
        body.append(Assign((locals.steps,), steps))
        blocks = [locals[b] for b in text.flow.blocks]
        given = (items(*map(Name, blocks)), *self._given_values())
        run = call("run_steps", Name(locals.steps), Name("self.backprop"), *given)
        about = f"All steps of `{text.label}`."
        arguments = ("self", *(f"{b}: Tensor" for b in blocks))
        body += [Assign(targets(blocks), run), Return(Name(blocks[0]))] if len(blocks) == 1 else [Return(run)]
        returned = "Tensor" if len(blocks) == 1 else TENSORS
        text.functions += [Function(text.runner, arguments, returned, (about,), tuple(body)), *made]

    def _given_values(self) -> tuple[Expression, Expression]:
        stacks = Name(self.locals.stacks) if self.stacks else items()
        constants = Name(self.locals.constants) if self.constants else items()
        return constants, stacks

    def _entered(self, values: Expression | None) -> list[Statement]:
        """The values of all steps, and the opening substep."""
        text, locals = self.text, self.locals
        moves = self._moves()
        body: list[Statement] = []
        is_propagated = any(k.kind in ("propagator", "shift") for k in (*self.constants, *self.stacks))
        timed = any(m.part.takes_time for m in moves)
        if is_propagated or (self.opening and (text.move(self.opening).part.takes_duration or timed)):
            body.append(Assign((locals.duration,), text.number(text.flow.step)))
        if values is not None:
            kinds = (locals.constants if self.constants else "_", locals.stacks if self.stacks else "_")
            body.append(Assign(kinds, values))
        if self.opening is not None:
            body += self._opened(text.move(self.opening))
        return body

    def _opened(self, move: Move) -> list[Statement]:
        text, locals = self.text, self.locals
        keys = [text.key(w, move) for w in move.part.wants]
        body: list[Statement] = []
        if any(k in self.constants for k in keys):
            names = [text.name(k) if k in keys else "_" for k in self.constants]
            body.append(Assign(targets(names), Name(locals.constants)))
        return [*body, *text.opened(move, self.stacks)]

    def _flags(self) -> dict[str, Expression]:
        flags: dict[str, Expression] = {"is_written": Name(str(all(p.is_written for p in self._pulls())))}
        if self.opening is not None:
            flags["is_even"] = Name("False")
        if any(m.part.takes_time for m in self._moves()):
            flags["is_timed"] = Name("True")
        return flags

    def _moves(self) -> list[Move]:
        """All substeps that need values; those that undo the steps need the values of some more places of the clock."""
        substeps = [*([self.opening] if self.opening else []), *(s for p in self.places for s in (p.substep, p.last) if s)]
        moves = [self.text.move(s) for s in substeps]
        if not self.reason:
            moves += [m for s in substeps if not self.text.pull(s).undo and isinstance(m := self.text.undone(s), Move)]
        return moves

    def _pulls(self) -> list[Pull]:
        return [self.text.pull(place.substep) for place in self.places]

    # --- the methods of a step ----------------------------------------------------------------------------------

    def _head(self, moves: list[Move]) -> list[Statement]:
        """The duration and the clock at the start of a step."""
        text, locals = self.text, self.locals
        timed = any(m.part.takes_time for m in moves)
        body: list[Statement] = []
        if timed or any(m.part.takes_duration for m in moves):
            body.append(Assign((locals.duration,), text.number(text.flow.step)))
        if timed:
            body.append(text.clock())
        return body

    def _arguments(self) -> tuple[str, ...]:
        names = [self.locals[b] for b in self.text.flow.blocks]
        names += [self.text.name(k) for k in (*self.constants, *self.stacks)]
        return ("self", f"{self.locals.step}: int", *(f"{name}: Tensor" for name in names))

    def _state(self) -> Expression:
        return items(*(Name(self.locals[b]) for b in self.text.flow.blocks))

    def place_moves(self) -> list[tuple[Move, Move | None]]:
        """The substeps of a step as moves, each with the one in its place at the last step."""
        return [(self.text.move(p.substep), self.text.move(p.last) if p.last else None) for p in self.places]

    def _step(self, name: str) -> Function:
        pairs = self.place_moves()
        body = self._head([m for m, _ in pairs])
        body += [self.text.applied(move, last) for move, last in pairs]
        about = f"One step of `{self.text.label}`."
        return Function(name, self._arguments(), TENSORS, (about,), (*body, Return(self._state())))

    def _kept_names(self) -> list[str]:
        return [self.locals.kept_name(i) for i in range(1, len(self.places) + 1)]

    def _kept(self, move: Move, last: Move | None, pull: Pull, kept: str, moves: bool = True) -> Statement:
        """The call of `keep` of one substep."""
        value = call(f"self.{pull.keep}", *self.text.given(move, last))
        moved = [self.locals[b] for b in move.part.moved] if moves else ["*_"]
        return Assign((*moved, kept), value)

    def _keep(self, name: str) -> Function:
        pairs = self.place_moves()
        body = self._head([m for m, _ in pairs])
        kept = self._kept_names()
        body += [self._kept(m, last, p, k) for (m, last), p, k in zip(pairs, self._pulls(), kept, strict=True)]
        about = f"One step of `{self.text.label}`, and what its gradient needs."
        result = Return(items(self._state(), items(*map(Name, kept))))
        return Function(name, self._arguments(), f"tuple[{TENSORS}, Any]", (about,), (*body, result))

    def _pull(self, name: str) -> Function:
        locals, pairs, kept = self.locals, self.place_moves(), self._kept_names()
        keys = (*self.constants, *self.stacks)
        blocks = self.text.flow.blocks
        body = self._head([m for m, _ in pairs])
        body.append(Assign(targets(kept), Name("kept")))
        body.append(Assign(targets([self._gradient(b) for b in blocks]), Name("gradients")))
        if keys:
            body.append(Assign(targets([self.text.name(k) for k in keys]), Name(locals.values)))
            body.append(Assign(targets([self._total(k) for k in keys]), Name("totals")))
        for (move, last), pull, held in reversed(list(zip(pairs, self._pulls(), kept, strict=True))):
            body.append(self._pulled(move, last, pull, held))
        about = f"The gradients before one step of `{self.text.label}` from those after it; `totals` gain those by values."
        result = Return(items(*(Name(self._gradient(b)) for b in blocks)))
        arguments = (
            "self", f"{locals.step}: int", "kept: Any", f"gradients: {TENSORS}", f"{locals.values}: {TENSORS}",
            f"totals: {TENSORS}",
        )
        return Function(name, arguments, TENSORS, (about,), (*body, result))

    def _gradient(self, block: str) -> str:
        return self.locals.gradient_name(self.locals[block])

    def _total(self, key: Key) -> str:
        return self.locals.gradient_name(self.text.name(key))

    def _total_pair(self, want: Want, move: Move, last: Move | None) -> tuple[Expression, Expression]:
        first = Name(self._total(self.text.key(want, move)))
        return first, Name(self._total(self.text.key(want, last))) if last else first

    def _pulled(self, move: Move, last: Move | None, pull: Pull, kept: str) -> Statement:
        part = move.part
        given = self.text.given(move, last)[len(part.blocks):]
        totals = [self.text.at_last(*self._total_pair(w, move, last)) for w in part.wants]
        gradients = [Name(self._gradient(b)) for b in part.blocks]
        value = call(f"self.{pull.pull}", Name(kept), *gradients, *given, *totals)
        return Assign(tuple(g.text for g in gradients), value)

    def _rewind(self, name: str) -> Function:
        """Undo the substeps from the last to the first, with what the gradient of each needs."""
        kept = self._kept_names()
        body: list[Statement] = []
        moves: list[Move] = []
        for place, pull, held in reversed(list(zip(self.places, self._pulls(), kept, strict=True))):
            move, last = self.text.move(place.substep), self.text.move(place.last) if place.last else None
            moves.append(move)
            if pull.turns:
                body.append(self._kept(_turned(move), _turned(last) if last else None, pull, held))
                continue
            body.append(self._undone(place, move, last, pull))
            body.append(self._kept(move, last, pull, held, moves=False))
        about = f"The state before one step of `{self.text.label}` from that after it, and what its gradient needs."
        result = Return(items(self._state(), items(*map(Name, kept))))
        head = self._head(moves)
        return Function(name, self._arguments(), f"tuple[{TENSORS}, Any]", (about,), (*head, *body, result))

    def _undone(self, place: Place, move: Move, last: Move | None, pull: Pull) -> Statement:
        if pull.undo:
            value = call(f"self.{pull.undo}", *self.text.given(move, last))
            return Assign(tuple(self.locals[b] for b in move.part.moved), value)
        back, back_last = self.text.undone(place.substep), self.text.undone(place.last) if place.last else None
        assert isinstance(back, Move) and not isinstance(back_last, str)
        return self.text.applied(back, back_last)


def _turned(move: Move) -> Move:
    """A substep with the opposite duration, at the same place of the clock."""
    return Move(move.part, -move.coefficient, move.clock, move.field)

