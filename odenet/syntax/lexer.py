"""Text -> tokens and comments, with a fault for each character that cannot be part of a spec."""
from __future__ import annotations

from typing import NamedTuple

from odenet.diagnostics import Diagnostic
from odenet.syntax import characters
from odenet.syntax.tables import Tables
from odenet.text import Source, Span

END = "$END"


class Token(NamedTuple):
    """A token: the name of its terminal, its text, and its place."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


class Lexed(NamedTuple):
    """The tokens of a text, the last of kind `$END`; its comments; the faults of its characters."""

    tokens: tuple[Token, ...]
    comments: tuple[tuple[Span, str], ...]
    faults: tuple[Diagnostic, ...]


def lex(source: Source, tables: Tables) -> Lexed:
    """Splits a text into tokens. A character that fits nothing becomes a fault and is passed over."""
    text, position = source.text, 0
    tokens: list[Token] = []
    comments: list[tuple[Span, str]] = []
    faults = characters.hidden(text)
    match = tables.pattern.match
    while position < len(text):
        wrong = characters.misspelled(text, position)
        found = None if wrong else match(text, position)
        if found is None:
            fault, position = wrong or characters.stray(text, position)
            faults.extend(fault)
            continue
        kind, start, position = str(found.lastgroup), position, found.end()
        if kind == "COMMENT":
            words = found.group().rstrip()
            comments.append((Span(start, start + len(words)), words))
        elif kind != "BLANK":
            word = found.group()
            tokens.append(Token(tables.keywords.get(word, kind) if kind == "NAME" else kind, word, start, position))
    tokens.append(Token(END, "", len(text), len(text)))
    faults.sort(key=lambda fault: fault.labels[0].span.start)
    return Lexed(tuple(tokens), tuple(comments), tuple(faults))
