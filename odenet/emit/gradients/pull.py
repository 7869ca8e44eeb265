"""What the gradient of one substep is: two methods, and the names of their arguments."""

from __future__ import annotations

from dataclasses import dataclass

from odenet.emit.names import Names
from odenet.emit.parts import Part, Want, Workshop
from odenet.emit.tree import Function


@dataclass(frozen=True)
class Pull:
    """The two methods of a substep: `keep` runs it and keeps what `pull` needs, `pull` takes gradients back.

    is_written: `pull` is a formula, not a call of autograd. turns: `keep` with the opposite duration gives the state before
    and keeps the same, so that nothing is computed twice. undo: a method that gives the state before, where the substep has
    one of its own for that. kept: how many tensors a formula keeps.
    """

    keep: str
    pull: str
    functions: tuple[Function, ...]
    is_written: bool
    turns: bool = False
    undo: str = ""
    kept: int = 0


def kept_returns(part: Part) -> str:
    """The annotation of `keep`: the moved blocks, then what is kept."""
    return f"tuple[{', '.join(['Tensor'] * len(part.moved))}, tuple[Tensor, ...]]"


def pulled_returns(part: Part) -> str:
    """The annotation of `pull`: the gradients by all blocks of the part."""
    return "Tensor" if len(part.blocks) == 1 else f"tuple[{', '.join(['Tensor'] * len(part.blocks))}]"


class Arguments:
    """The names of the arguments of a pull: kept, gradients, duration, clock, values, totals.

    The gradients are those by all blocks of a substep, or by the moved blocks where the part is a right-hand side.
    """

    def __init__(self, shop: Workshop, part: Part, names: Names, is_rates: bool = False) -> None:
        blocks = part.moved if is_rates else part.blocks
        self.gradients = {b: names.new(f"g_{shop.locals[b]}") for b in blocks}
        self.values = shop.local_names(part.wants)
        self.total_names = tuple(names.new(f"g_{name}") for name in self.values)
        self.by_want: dict[Want, str] = dict(zip(part.wants, self.total_names, strict=True))
        self.totals = {want.name: total for want, total in self.by_want.items()}
        inner = shop.arguments((), part.takes_duration, part.takes_time, self.values)[1:]
        tensors = [f"{name}: Tensor" for name in self.gradients.values()]
        totals = [f"{name}: Tensor" for name in self.total_names]
        self.texts = ("self", "kept: tuple[Tensor, ...]", *tensors, *inner, *totals)
