"""Source text of the functions of `odenet.emit.runtime`, read without importing them (they import torch)."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Entry:
    """One runtime function or class: its text, and the names that occur in it."""

    name: str
    text: str
    uses: frozenset[str]


@cache
def entries() -> dict[str, Entry]:
    """All runtime functions by name, file by file in the order of their names."""
    found: dict[str, Entry] = {}
    folder = files("odenet.emit.runtime")
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".py")), key=lambda f: f.name):
        text = file.read_text(encoding="utf-8")
        lines = text.split("\n")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[node.name] = _entry(node, lines)
    return found


def _entry(node: ast.FunctionDef | ast.ClassDef, lines: list[str]) -> Entry:
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    chosen = [line.split("  # type: ignore")[0] for line in lines[start - 1 : node.end_lineno]]
    text = "\n".join(chosen) + "\n"
    return Entry(node.name, text, frozenset(_outer_names(symtable.symtable(text, node.name, "exec"))))


def _outer_names(table: symtable.SymbolTable) -> Iterator[str]:
    """The names that a text reads and does not give to a value of its own: a local `gap` is no use of a function `gap`."""
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or table.get_type() == "module"):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _outer_names(inner)


def closure(wanted: Iterable[str]) -> tuple[Entry, ...]:
    """The wanted functions and all that they call, in the order in which the library holds them."""
    known = entries()
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(sorted(known[name].uses & known.keys()))
    return tuple(entry for name, entry in known.items() if name in found)
