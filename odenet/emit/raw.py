"""Raw tensors as arguments of the methods that compute values from them."""

from __future__ import annotations

from odenet.emit.computed import raw_tensor
from odenet.emit.locals import Locals
from odenet.emit.slots import Slot
from odenet.emit.tree import Assign, Expression, Name, Statement, items, targets


class RawNames:
    """The names of raw tensors in a method that is given them: its values then belong together, whoever writes meanwhile."""

    def __init__(self, locals: Locals) -> None:
        self.locals, self.argument = locals, f"{locals.raw}: tuple[Tensor, ...]"
        self.found: dict[Slot, str] = {}

    def __call__(self, slot: Slot) -> Expression:
        if slot not in self.found:
            self.found[slot] = self.locals.raw_name(slot.attribute)
        return raw_tensor(slot, self.found[slot])

    def unpacked(self, slots: list[Slot]) -> Statement:
        """The statement that names those of `slots` that were used."""
        return Assign(targets([self.found.get(slot, "_") for slot in slots]), Name(self.locals.raw))


def tensors(slots: list[Slot]) -> Expression:
    """The raw tensors of slots, as an argument."""
    return items(*(Name(f"self.{slot.attribute}") for slot in slots))
