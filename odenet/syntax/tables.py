"""The parser's table, as `odenet/grammar/build.py` wrote it."""
from __future__ import annotations

import importlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """What is said when the parser stops in a state: a code, a message, and how to go on."""

    code: str
    message: str
    help: str


@dataclass(frozen=True)
class Tables:
    """The table of the LALR(1) machine and the pattern of its tokens.

    `states[s]` maps a symbol to a state to go to (>= 0) or to -1 - the index of a production to reduce by.
    `productions` are (origin, number of symbols, name of a builder or None).
    """

    pattern: re.Pattern[str]
    keywords: dict[str, str]
    spellings: dict[str, str]
    productions: tuple[tuple[str, int, str | None], ...]
    states: tuple[dict[str, int], ...]
    accepting: int
    messages: dict[int, Message]

    @staticmethod
    def from_json(data: dict[str, Any]) -> Tables:
        """The tables from what `json.loads` returns."""
        messages = [Message(**each) for each in data["messages"]]
        signs = {name: pattern for name, pattern in data["terminals"]}
        return Tables(
            pattern=re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in data["terminals"])),
            keywords=data["keywords"],
            spellings=_spellings(signs, data["keywords"]),
            productions=tuple((origin, size, builder) for origin, size, builder in data["productions"]),
            states=tuple(data["states"]),
            accepting=data["accepting"],
            messages={int(state): messages[index] for state, index in data["message_of"].items()},
        )


def _spellings(signs: dict[str, str], keywords: dict[str, str]) -> dict[str, str]:
    """The text of each terminal that has only one."""
    patterns = ("NAME", "PRIMED", "NUMBER", "COMMENT", "BLANK")
    fixed = {name: re.sub(r"\\(.)", r"\1", pattern) for name, pattern in signs.items() if name not in patterns}
    return fixed | {name: word for word, name in keywords.items()}


@cache
def load_tables() -> Tables:
    """The tables that ship with the package."""
    path = Path(str(importlib.import_module("odenet.grammar").__file__)).with_name("table.json")
    return Tables.from_json(json.loads(path.read_text(encoding="utf-8")))
