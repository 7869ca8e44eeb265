"""The fenced blocks of the documentation, and the sessions they show."""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The pages of faults are read by tests/golden.
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md",
         *sorted(p for p in (ROOT / "docs").rglob("*.md") if p.parent.name != "errors"))
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """`language` and `words` stand behind the fence; `line` is the line of the fence, counted from 1."""

    page: Path
    line: int
    language: str
    words: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command as typed after `$`, and the output shown below it."""

    line: str
    output: str


def blocks(page: Path) -> tuple[Block, ...]:
    text = page.read_text(encoding="utf-8")
    return tuple(Block(page, text.count("\n", 0, m.start()) + 1, m[1], tuple(m[2].split()), m[3]) for m in _BLOCK.finditer(text))


def commands(block: Block) -> tuple[Command, ...]:
    pieces = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not pieces[0].strip(), f"{block}: output before the first command"
    return tuple(Command(line, output) for line, _, output in (piece.partition("\n") for piece in pieces[1:]))


def without_times(text: str) -> str:
    """The text with times replaced and without blanks at the ends of lines."""
    text = re.sub(r"\b\d+(\.\d+)? s\b", "N s", text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"
