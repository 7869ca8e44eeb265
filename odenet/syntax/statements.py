"""Where the statements of a list of tokens begin, before any of them is understood."""
from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from odenet.syntax.lexer import Token
from odenet.text import Source

STARTERS = frozenset(
    ("MODEL", "DIM", "STATE", "PARAM", "CONST", "DEF", "FIELD", "SCHEME", "METHOD", "FLOW", "NET", "CLAIM")
)
NAMES = frozenset(("NAME", "NET", "NORM", "REAL", "CONV"))


def starts_statement(tokens: Sequence[Token], index: int) -> bool:
    """Whether a token is a keyword that begins a statement; `net` is one only before a name, else a name itself."""
    kind = tokens[index].kind
    if kind == "NET":
        return tokens[index + 1].kind in NAMES
    return kind in STARTERS


class Outline:
    """The places at which statements begin, or seem to."""

    def __init__(self, source: Source, tokens: Sequence[Token]) -> None:
        self._count = len(tokens)
        self._starts = [
            index
            for index in range(len(tokens))
            if starts_statement(tokens, index) or _misspelled_start(source, tokens, index)
        ]

    def number(self, index: int) -> int:
        """The number of the statement that a token belongs to; 0 before the first."""
        return bisect_right(self._starts, index)

    def next_start(self, index: int) -> int:
        """The index of the first statement that begins at a token or behind it; past the end if there is none."""
        number = bisect_left(self._starts, index)
        return self._starts[number] if number < len(self._starts) else self._count


def _misspelled_start(source: Source, tokens: Sequence[Token], index: int) -> bool:
    """Whether a token begins a line and stands before a name, which no token that continues a statement does."""
    if tokens[index].kind != "NAME" or tokens[index + 1].kind not in NAMES:
        return False
    return index == 0 or "\n" in source.text[tokens[index - 1].end : tokens[index].start]
