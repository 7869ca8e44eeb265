"""The LALR(1) machine: shifts tokens, reduces by productions, calls a builder for each production that names one.

The second half works on bare stacks of states: which tokens a stack accepts, and in which state a wrong token ends.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

from odenet.syntax.lexer import END, Token
from odenet.syntax.tables import Tables
from odenet.text import Span


class Builder(Protocol):
    """Makes a tree for a production. `deepens` are the productions that put their parts one level deeper."""

    @property
    def deepens(self) -> Collection[str]: ...

    def build(self, production: str, parts: list[Any], span: Span) -> Any:
        """The tree of a production from the trees (or tokens) of its symbols."""

    def deepened(self, depth: int, span: Span) -> None:
        """Called with the depth of each tree of a production that deepens."""


class Machine:
    """A parse in progress: states, and the tree, the place and the depth of each symbol on the stack."""

    def __init__(self, tables: Tables, builder: Builder) -> None:
        self._tables = tables
        self._builder = builder
        self._symbols: list[tuple[Any, int, int, int]] = []  # tree, start, end, depth
        self._end = 0
        self.states = [0]
        self.before = [0]

    def feed(self, token: Token) -> bool:
        """Takes one token. False if it fits nowhere; `before` is then the stack of states as it met the token."""
        self.before = self.states.copy()
        while (action := self._tables.states[self.states[-1]].get(token.kind)) is not None:
            if action >= 0:
                self.states.append(action)
                self._symbols.append((token, token.start, token.end, 0))
                self._end = token.end
                return True
            if token.kind == END and self.states[-1] == self._tables.accepting:
                return True
            self._reduce(-1 - action)
        return token.kind == END and self.states[-1] == self._tables.accepting

    def result(self) -> Any:
        """The tree of the whole text, after `$END` was taken."""
        return self._symbols[0][0]

    def restart(self) -> None:
        """Drops the unfinished statement, to begin another one after a fault."""
        if len(self.states) == 1:
            self._reduce(-1 - next(action for action in self._tables.states[0].values() if action < 0))
        del self.states[2:], self._symbols[1:]

    def _reduce(self, index: int) -> None:
        origin, size, builder = self._tables.productions[index]
        cut = len(self._symbols) - size
        parts = self._symbols[cut:]
        del self._symbols[cut:], self.states[cut + 1 :]
        self._symbols.append(parts[0] if builder is None else self._build(builder, parts))
        self.states.append(self._tables.states[self.states[-1]][origin])

    def _build(self, builder: str, parts: list[tuple[Any, int, int, int]]) -> tuple[Any, int, int, int]:
        start, end = (parts[0][1], parts[-1][2]) if parts else (self._end, self._end)
        depth = max((part[3] for part in parts), default=0)
        if builder in self._builder.deepens:
            depth += 1
            self._builder.deepened(depth, Span(start, end))
        return self._builder.build(builder, [part[0] for part in parts], Span(start, end)), start, end, depth


def shift(tables: Tables, states: list[int], kind: str) -> bool:
    """Moves a bare stack over one token, in place; False if it fits nowhere."""
    while (action := tables.states[states[-1]].get(kind)) is not None:
        if action >= 0:
            states.append(action)
            return True
        if kind == END and states[-1] == tables.accepting:
            return True
        reduce_bare(tables, states, -1 - action)
    return kind == END and states[-1] == tables.accepting


def reduce_bare(tables: Tables, states: list[int], index: int) -> None:
    """Reduces a bare stack by a production, in place."""
    origin, size, _ = tables.productions[index]
    if size:
        del states[-size:]
    states.append(tables.states[states[-1]][origin])


def accepts(tables: Tables, states: Sequence[int], kinds: Iterable[str]) -> bool:
    """Whether the tokens of these kinds, one after the other, fit a stack."""
    trial = list(states)
    return all(shift(tables, trial, kind) for kind in kinds)


def expected(tables: Tables, states: Sequence[int]) -> tuple[str, ...]:
    """The kinds of token that fit a stack, sorted."""
    kinds = sorted({*tables.spellings, "NAME", "PRIMED", "NUMBER", END})
    return tuple(kind for kind in kinds if accepts(tables, states, (kind,)))


def settle(tables: Tables, states: Sequence[int], stop: Collection[int]) -> int:
    """The state in which a stack has no choice left: its top, or what the only possible reductions lead to.

    `stop` holds states that are not left even where only one reduction is possible.
    """
    trial = list(states)
    while trial[-1] not in stop:
        reductions = {action for action in tables.states[trial[-1]].values() if action < 0}
        if len(reductions) != 1 or trial[-1] == tables.accepting:
            break
        reduce_bare(tables, trial, -1 - reductions.pop())
    return trial[-1]
