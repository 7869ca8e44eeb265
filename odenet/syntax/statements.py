"""Where the statements of a list of tokens begin, before any of them is understood."""
from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from odenet.syntax.lexer import Token
from odenet.text import Source

STARTERS = frozenset(
    ("MODEL", "DIM", "STATE", "PARAM", "CONST", "DEF", "FIELD", "SCHEME", "METHOD", "FLOW", "NET", "CLAIM")
)
STARTING_WORDS = tuple(sorted(each.lower() for each in STARTERS))
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

    def is_start(self, index: int) -> bool:
        """Whether a statement begins, or seems to, at a token."""
        return self.next_start(index) == index < self._count


def _misspelled_start(source: Source, tokens: Sequence[Token], index: int) -> bool:
    """Whether a token is almost a keyword, begins a line, and stands before a name, as nothing else does."""
    token = tokens[index]
    if token.kind != "NAME" or tokens[index + 1].kind not in NAMES or not similar(token.text, STARTING_WORDS):
        return False
    return index == 0 or "\n" in source.text[tokens[index - 1].end : token.start]


def similar(text: str, words: Sequence[str]) -> str:
    """The first word that a text is one slip away from, or begins with, or is the beginning of; or nothing."""
    return next((word for word in words if _is_near(text, word)), "")


def _is_near(text: str, word: str) -> bool:
    """Whether two words differ by one letter, or two swapped ones, or one begins with the other."""
    if min(len(text), len(word)) >= 3 and (text.startswith(word) or word.startswith(text)):
        return True
    if abs(len(text) - len(word)) > 1:
        return False
    head = next((i for i, (a, b) in enumerate(zip(text, word, strict=False)) if a != b), min(len(text), len(word)))
    left, right = text[head:], word[head:]
    swapped = left[:2] == right[:2][::-1] and left[2:] == right[2:]
    return swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]
