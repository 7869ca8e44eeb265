"""Claims that nobody wrote, read through the same checks as written ones."""
from __future__ import annotations

from collections.abc import Sequence

from odenet.diagnostics import Rejected
from odenet.ir import build
from odenet.ir.model import Claim, Model
from odenet.syntax import parse
from odenet.text import Source


class Candidates:
    """Reads statements such as `claim net : order(4)` as if they stood at the end of the model's text."""

    def __init__(self, model: Model) -> None:
        self.source = model.source
        self.first = len(self.source.text.split("\n")) + 1  # the line of the first statement
        self._known: dict[str, Claim | None] = {}

    def read(self, statements: Sequence[str]) -> list[Claim | None]:
        """One claim for each statement of one line and one property; None where it would be an error of the spec."""
        new = [s for s in dict.fromkeys(statements) if s not in self._known]
        rejected: set[str] = set()
        while True:
            kept = [s for s in new if s not in rejected]
            try:
                found = self._built(kept)
                break
            except Rejected as faults:
                bad = {kept[i] for i in self._lines(faults) if 0 <= i < len(kept)}
                rejected |= bad or set(kept)
        self._known |= {s: found.get(self.first + i) for i, s in enumerate(kept)} | dict.fromkeys(rejected)
        return [self._known[s] for s in statements]

    def _built(self, statements: list[str]) -> dict[int, Claim]:
        """The claims by line."""
        if not statements:
            return {}
        text = "\n".join([self.source.text, *statements, ""])
        return {claim.line: claim for claim in build(parse(Source(self.source.name, text))).claims}

    def _lines(self, rejected: Rejected) -> list[int]:
        """Which statements have faults, counted from 0."""
        starts = [fault.labels[0].span.start for fault in rejected.faults]
        return [rejected.source.place(min(start, len(rejected.source.text)))[0] - self.first for start in starts]
