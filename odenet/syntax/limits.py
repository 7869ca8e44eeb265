"""Bounds that keep every later stage quick, and brackets that fit."""
from __future__ import annotations

from collections.abc import Sequence

from odenet.diagnostics import Diagnostic, Label, Rejected
from odenet.syntax.lexer import Token
from odenet.text import Source, Span

MAX_CHARACTERS = 1_000_000
MAX_BYTES = 4 * (MAX_CHARACTERS + 10)  # no text that is short enough has more
MAX_TOKENS = 100_000


def decode(name: str, data: bytes) -> Source:
    """The text of a file. Line breaks become `\\n` and a byte order mark is dropped.

    Of more than MAX_BYTES only so many are looked at: their text is too long anyway.

    Raises:
        Rejected: ODE001, the bytes are not UTF-8.
    """
    if len(data) > MAX_BYTES:
        data = _whole_characters(data[:MAX_BYTES])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected(*_not_utf8(name, data, error)) from None
    return Source(name, text.replace("\r\n", "\n"))


def _whole_characters(data: bytes) -> bytes:
    """Without the beginning of a character at the end."""
    start = next((i for i in range(len(data) - 1, len(data) - 5, -1) if data[i] & 0xC0 != 0x80), len(data))
    return data if data[start:].decode("utf-8", errors="ignore") else data[:start]


def _not_utf8(name: str, data: bytes, error: UnicodeDecodeError) -> tuple[Source, tuple[Diagnostic, ...]]:
    """The text with its bad bytes replaced, so that the place can be shown, and the fault."""
    place = len(data[: error.start].decode("utf-8-sig").replace("\r\n", "\n"))
    source = Source(name, data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n"))
    fault = Diagnostic(
        "ODE001",
        "the file is not UTF-8 text",
        (Label(Span(place, place + 1), f"byte {data[error.start]:#04x} at offset {error.start:,} of the file"),),
        help="save the file as UTF-8",
    )
    return source, (fault,)


def check_size(source: Source) -> tuple[Diagnostic, ...]:
    """A fault if the text is longer than a spec may be."""
    if len(source.text) <= MAX_CHARACTERS:
        return ()
    return (_too_large("characters", MAX_CHARACTERS, Span(MAX_CHARACTERS, MAX_CHARACTERS + 1)),)


def check_tokens(tokens: Sequence[Token]) -> tuple[Diagnostic, ...]:
    """A fault if there are more tokens than a spec may have."""
    if len(tokens) <= MAX_TOKENS:
        return ()
    return (_too_large("words and signs", MAX_TOKENS, tokens[MAX_TOKENS].span),)


def _too_large(what: str, limit: int, span: Span) -> Diagnostic:
    return Diagnostic(
        "ODE009",
        f"a spec has at most {limit:,} {what}",
        (Label(span, "the limit is passed here"),),
        help="sizes belong in `dim` and numbers in parameters: a spec does not grow with them",
    )


