"""The faults of the building stage, gathered while it goes on."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from odenet.diagnostics import Diagnostic, Edit, Label, Rejected
from odenet.text import Source, Span


@dataclass
class Faults:
    """Collects diagnostics of one source; `report` returns None, so that `return faults.report(...)` poisons a value."""

    source: Source
    found: list[Diagnostic] = field(default_factory=list)

    def report(self, code: str, message: str, *labels: tuple[Span, str], help: str = "",
               edits: Iterable[tuple[Span, str]] = ()) -> None:
        """Keep one fault. The first label is the primary one."""
        fault = Diagnostic(code, message, tuple(Label(span, text) for span, text in labels), help,
                           tuple(Edit(span, text) for span, text in edits))
        if fault not in self.found:
            self.found.append(fault)

    def text(self, span: Span) -> str:
        """The source text of a span on one line, for quoting."""
        words = " ".join(self.source.text[span.start:span.end].split())
        return words if len(words) <= 60 else words[:57] + "..."

    def reject(self) -> None:
        """Raise what was found, in the order of places. Raises Rejected."""
        if self.found:
            raise Rejected(self.source, tuple(sorted(self.found, key=lambda f: f.labels[0].span.start)))
