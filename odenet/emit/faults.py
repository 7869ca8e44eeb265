"""Faults of emission: a spec that is in order, but has no form as a PyTorch module."""

from __future__ import annotations

from odenet.diagnostics import Diagnostic, Label, Rejected
from odenet.text import Source, Span


def refuse(source: Source, code: str, message: str, span: Span | None, why: str, help: str = "") -> Rejected:
    """The exception to raise for one fault."""
    return Rejected(source, (Diagnostic(code, message, (Label(span or Span(0, 0), why),), help),))
