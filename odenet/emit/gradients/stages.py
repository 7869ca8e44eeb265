"""The gradient of an explicit Runge-Kutta step, stage by stage, from the gradient of its right-hand side.

With k_i = f(x + h sum_j a_ij k_j) and y = x + h sum_i b_i k_i, and u_i the gradient by the state of stage i, backwards:
g_k_i = h (b_i g + sum over j > i of a_ji u_j), u_i = Df' g_k_i, and the gradient by x is g + sum_i u_i.
Source: Hager (2000), Runge-Kutta methods in optimal control and the transformed adjoint system, section 2.
"""

from __future__ import annotations

from odenet.emit.gradients.pull import Arguments, Pull, kept_returns, pulled_returns
from odenet.emit.parts import Part, Workshop
from odenet.emit.stages import Stages, times
from odenet.emit.tree import (
    Assign,
    Binary,
    Expression,
    Function,
    Name,
    Return,
    Statement,
    Text,
    call,
    items,
)


def staged_pull(shop: Workshop, part: Part, stages: Stages, rates: Pull) -> Pull:
    """The pull of an explicit Runge-Kutta step whose right-hand side has the pull `rates`."""
    text = StagedText(shop, part, stages, rates)
    keep, pull = text.keep(), text.pull()
    return Pull(keep.name, pull.name, (*rates.functions, keep, pull), True)


class StagedText:
    """Writes the two methods."""

    def __init__(self, shop: Workshop, part: Part, stages: Stages, rates: Pull) -> None:
        self.shop, self.part, self.stages, self.rates = shop, part, stages, rates
        self.used = self._used()

    def _used(self) -> list[int]:
        """The stages that the result depends on, from the last to the first: by their weight, or through a later one."""
        found: list[int] = []
        for stage in reversed(range(len(self.stages.weights))):
            if self.stages.weights[stage] or any(self.stages.matrix[later][stage] for later in found):
                found.insert(0, stage)
        return found

    def keep(self) -> Function:
        """The step, and what each stage keeps."""
        stages, names = self.stages, self.stages.names
        kept = {i: names.new(f"stage_{i + 1}") for i in self.used}
        body: list[Statement] = []
        for i in self.used:
            states = {b: stages.moved(b, stages.matrix[i][:i]) for b in stages.rates.moved}
            made = stages.call(i, states, self.rates.keep)
            body.append(Assign((*stages.slopes[i].values(), kept[i]), made))
        moved = [stages.moved(b, stages.weights) for b in stages.rates.moved]
        joined = ", ".join(f"*{kept[i]}" for i in self.used)
        result = Return(items(*moved, Text(f"({joined},)" if len(self.used) == 1 else f"({joined})")))
        part = self.part
        arguments = self.shop.arguments(part.blocks, True, part.takes_time, self.shop.local_names(part.wants))
        about = f"As `{part.method}`, and what its gradient needs."
        name = self.shop.methods.new(f"{part.method}_keep")
        return Function(name, arguments, kept_returns(part), (about,), (*body, result))

    def pull(self) -> Function:
        """The stages from the last to the first."""
        part, names = self.part, self.shop.locals.inner()
        arguments = Arguments(self.shop, part, names)
        found: dict[int, dict[str, str]] = {}
        body: list[Statement] = []
        for place, i in reversed(list(enumerate(self.used))):
            found[i] = {b: names.new(f"u{i + 1}_{self.shop.locals[b]}") for b in part.blocks}
            slopes = [self._slope_gradient(i, b, arguments, found) for b in part.moved]
            body.append(Assign(tuple(found[i].values()), self._stage(place, i, slopes, arguments)))
        results = [self._sum(arguments.gradients[b], [found[i][b] for i in self.used]) for b in part.blocks]
        about = f"The gradient before `{part.method}` from that after it; those of parameters are added to the last arguments."
        result = Return(results[0] if len(results) == 1 else items(*results))
        name = self.shop.methods.new(f"{part.method}_pull")
        return Function(name, arguments.texts, pulled_returns(part), (about,), (*body, result))

    def _slope_gradient(self, stage: int, block: str, arguments: Arguments, found: dict[int, dict[str, str]]) -> Expression:
        """h (b_i g + sum of a_ji u_j)."""
        stages, duration = self.stages, Name(self.shop.locals.duration)
        terms = [(stages.weights[stage], arguments.gradients[block])]
        terms += [(stages.matrix[j][stage], found[j][block]) for j in found if j > stage]
        total: Expression | None = None
        for weight, name in terms:
            if weight:
                factor = times(weight, duration)
                product: Expression = Binary("*", factor, Name(name))
                total = product if total is None else call("torch.add", total, Name(name), alpha=factor)
        assert total is not None
        return total

    def _stage(self, place: int, stage: int, slopes: list[Expression], arguments: Arguments) -> Expression:
        """The call of the pull of the right-hand side."""
        count = self.rates.kept
        kept = Text(f"kept[{place * count}:{(place + 1) * count}]")
        totals = [Name(arguments.by_want[want]) for want in self.stages.wanted(stage)]
        return self.stages.call_pull(stage, self.rates.pull, (kept, *slopes), tuple(totals))

    def _sum(self, first: str, others: list[str]) -> Expression:
        total: Expression = Name(first)
        for name in others:
            total = Binary("+", total, Name(name))
        return total
