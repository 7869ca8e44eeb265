"""Faults as data. Only `odenet.report` turns them into text, only `odenet.cli` prints it."""
from __future__ import annotations

from dataclasses import dataclass

from odenet.text import Source, Span


@dataclass(frozen=True, slots=True)
class Label:
    """A marked span. The first label of a diagnostic is the primary one (`^^^`), the others stand beside it (`---`)."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text of `span` by `text`; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault of a spec.

    `code` is stable (`ODE` and three digits, registered in `odenet.codes`). `help` says what to do, in words;
    `edits`, when not empty, is that help as text edits: applied together they make this fault go.
    """

    code: str
    message: str
    labels: tuple[Label, ...]
    help: str = ""
    edits: tuple[Edit, ...] = ()


class Rejected(Exception):
    """Raised at the end of a stage that found faults. `faults` holds all of them, in the order of their places."""

    def __init__(self, source: Source, faults: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{len(faults)} fault(s)")
        self.source = source
        self.faults = faults
