"""The smallest change of tokens after which the parser goes on: what `help:` proposes for a fault of grammar."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from odenet.diagnostics import Edit
from odenet.syntax.lexer import Token
from odenet.syntax.machine import expected, shift
from odenet.syntax.statements import Outline, similar
from odenet.syntax.tables import Tables
from odenet.text import Span

_REACH = 200
_ENOUGH = 3
_INSERTED = ("COMMA", "COLON", "EQUAL", "ARROW", "OVER", "STEPS", "ON", "AND", "IN", "AT_MOST", "STAR")
_PUNCTUATION = frozenset(("COMMA", "COLON", "EQUAL", "ARROW", "AT_MOST", "AT_LEAST", "LESS", "GREATER", "AND"))
_DELETED = frozenset(("COMMA", "COLON", "EQUAL", "PLUS"))
_PARTNER = {"LEFT_PAREN": "RIGHT_PAREN", "LEFT_BRACKET": "RIGHT_BRACKET", "LEFT_BRACE": "RIGHT_BRACE"}


@dataclass(frozen=True)
class Repair:
    """A change in words and as edits; `inserted` is the kind of the token put in, if one was."""

    help: str
    edits: tuple[Edit, ...]
    inserted: str = ""


def find(
    tables: Tables, states: Sequence[int], tokens: Sequence[Token], index: int, outline: Outline
) -> Repair | None:
    """The first change, of those that let the parser go furthest, if it goes far enough to be believed.

    A change is believed if the rest of the statement fits behind it, or at least `_ENOUGH` tokens do.
    """
    end = min(outline.next_start(index + 1), len(tokens) - 1, index + _REACH)
    kinds = [token.kind for token in tokens[index : end + 1]]
    best, furthest = None, 0
    for change, replaced in _changes(tables, states, tokens, index, kinds):
        left = _left_over(tables, states, replaced)
        reached = len(kinds) + 1 - left
        if (left == 0 or len(replaced) - left >= _ENOUGH) and reached > furthest:
            best, furthest = change, reached
    return best


def _left_over(tables: Tables, states: Sequence[int], kinds: Sequence[str]) -> int:
    """How many tokens the parser cannot take."""
    trial = list(states)
    for position, kind in enumerate(kinds):
        if not shift(tables, trial, kind):
            return len(kinds) - position
    return 0


def _changes(
    tables: Tables, states: Sequence[int], tokens: Sequence[Token], index: int, kinds: list[str]
) -> Iterator[tuple[Repair, list[str]]]:
    fitting = set(expected(tables, states))
    yield from _words(tables, tokens[index], kinds, fitting)
    yield from _other_brackets(tables, tokens, index, kinds, fitting)
    yield from _insertions(tables, tokens, index, kinds, fitting)
    yield from _replacements(tables, tokens, index, kinds, fitting)
    if kinds[0] in _DELETED:
        yield Repair(f"take out `{tokens[index].text}`", (Edit(tokens[index].span, ""),)), kinds[1:]


def _words(tables: Tables, token: Token, kinds: list[str], fitting: set[str]) -> Iterator[tuple[Repair, list[str]]]:
    """A keyword that was misspelled."""
    if token.kind == "NAME":
        words = {tables.spellings[kind]: kind for kind in sorted(fitting) if kind in tables.keywords.values()}
        word = similar(token.text, sorted(words))
        if word:
            yield Repair(f"write `{word}`", (Edit(token.span, word),)), [words[word], *kinds[1:]]


def _insertions(
    tables: Tables, tokens: Sequence[Token], index: int, kinds: list[str], fitting: set[str]
) -> Iterator[tuple[Repair, list[str]]]:
    left, right = tokens[max(index - 1, 0)], tokens[index]
    for kind in _INSERTED:
        if kind not in fitting:
            continue
        sign = tables.spellings[kind]
        text = (sign if kind == "COMMA" else f" {sign}") + (" " if left.end == right.start else "")
        edit = Edit(Span(left.end, left.end), text)
        yield Repair(f"write `{sign}` after `{left.text}`", (edit,), kind), [kind, *kinds]


def _replacements(
    tables: Tables, tokens: Sequence[Token], index: int, kinds: list[str], fitting: set[str]
) -> Iterator[tuple[Repair, list[str]]]:
    token = tokens[index]
    if token.kind not in _PUNCTUATION:
        return
    glued = index > 0 and tokens[index - 1].end == token.start, tokens[min(index + 1, len(tokens) - 1)].start == token.end
    for kind in sorted(_PUNCTUATION & fitting):
        sign = tables.spellings[kind]
        text = " " * (glued[0] and sign.isalpha()) + sign + " " * (glued[1] and sign.isalpha())
        yield Repair(f"write `{sign}` instead of `{token.text}`", (Edit(token.span, text),), kind), [kind, *kinds[1:]]


def _other_brackets(
    tables: Tables, tokens: Sequence[Token], index: int, kinds: list[str], fitting: set[str]
) -> Iterator[tuple[Repair, list[str]]]:
    """Brackets of the wrong kind, as in `R(n)`; not behind a value, where an operator is missing."""
    if kinds[0] not in _PARTNER or "STAR" in fitting:
        return
    last = _partner(kinds)
    for left in sorted(_PARTNER):
        if left in fitting and last:
            right = _PARTNER[left]
            signs = tables.spellings[left], tables.spellings[right]
            edits = (Edit(tokens[index].span, signs[0]), Edit(tokens[index + last].span, signs[1]))
            changed = [left, *kinds[1:last], right, *kinds[last + 1 :]]
            yield Repair(f"write `{signs[0]}` and `{signs[1]}`", edits), changed


def _partner(kinds: list[str]) -> int:
    """The index of the bracket that closes the first token, or 0."""
    depth = 0
    for position, kind in enumerate(kinds):
        depth += (kind in _PARTNER) - (kind in _PARTNER.values())
        if depth == 0:
            return position if kind == _PARTNER[kinds[0]] else 0
    return 0


