"""What the names of a spec stand for."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from odenet.ir.faults import Faults
from odenet.operators.functions import public_names
from odenet.operators.tensors import TENSORS
from odenet.syntax import tree
from odenet.text import Span

BUILT_IN = frozenset((*public_names(), *TENSORS))
VALUES = ("dim", "state", "param", "const")  # what may stand as a value in an expression

_KIND_WORDS = {"dim": "a dim", "state": "a block of the state", "param": "a parameter", "const": "a constant",
               "def": "a def", "field": "a field", "scheme": "a scheme", "method": "a method", "flow": "a flow",
               "net": "a net", "argument": "an argument"}


@dataclass
class Entry:
    """One declared name. `value` is None until its statement has been read, and stays None when that had a fault."""

    name: str
    kind: str
    span: Span  # of the name
    whole: Span  # of the statement
    order: int
    value: Any = None
    is_read: bool = False
    is_used: bool = False
    space: Any = None  # of a block or parameter, for labels
    space_span: Span | None = None

    @property
    def words(self) -> str:
        return _KIND_WORDS[self.kind]


@dataclass
class Scope:
    """All names of a spec, with their places; each kind of statement fills in its own values."""

    faults: Faults
    entries: dict[str, Entry] = field(default_factory=dict)
    places: dict[str, list[Span]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    misnamed: set[str] = field(default_factory=set)  # built-in names that someone tried to declare
    dims: dict[str, int] = field(default_factory=dict)  # the values of the free dims read so far, as written
    twice: set[str] = field(default_factory=set)  # names that were declared more than once
    now: int = 0  # the number of the statement that is being read

    def declare(self, name: tree.Name, kind: str, whole: Span, order: int) -> None:
        """Enter a name. Errors: ODE103 it is built in, ODE104 it is declared already."""
        if name.text == "t" or (name.text in BUILT_IN and kind in (*VALUES, "def")):
            new = f"{name.text}_own"
            self.misnamed.add(name.text)
            self.faults.report("ODE103", f"`{name.text}` is built in and cannot be declared",
                               (name.span, f"{_KIND_WORDS[kind]} needs another name"),
                               help=f"rename it, say to `{new}`",
                               edits=[(place, new) for place in self.places.get(name.text, [name.span])])
            return
        if name.text in self.entries:
            self.twice.add(name.text)
            self._report_twice(name, self.entries[name.text])
            return
        self.entries[name.text] = Entry(name.text, kind, name.span, whole, order)

    def _report_twice(self, name: tree.Name, first: Entry) -> None:
        new = f"{name.text}2"
        while new in self.entries:
            new += "2"
        self.faults.report("ODE104", f"`{name.text}` is declared twice", (name.span, "declared again here"),
                           (first.span, f"first declared here, as {first.words}"),
                           help=f"give the second another name, say `{new}`", edits=[(name.span, new)])

    def find(self, name: tree.Name, kinds: Iterable[str], wanted: str) -> Entry | None:
        """The entry of a name that must be of one of `kinds` and be read already.

        Errors: ODE105 unknown, ODE106 of another kind, ODE107 used above its declaration. None also where the declaration
        itself had a fault: that is reported once, there.
        """
        entry = self.entries.get(name.text)
        allowed = tuple(kinds)
        if entry is None:
            return self.report_unknown(name, allowed, wanted)
        if entry.kind not in allowed:
            return self._report_kind(name, entry, wanted)
        if not entry.is_read:
            return self._report_early(name, entry)
        entry.is_used = True
        return entry if entry.value is not None else None

    def report_unknown(self, name: tree.Name, kinds: tuple[str, ...], wanted: str, extra: Iterable[str] = ()) -> None:
        """Report an unknown name once, however often it occurs."""
        if name.text in self.unknown:
            return
        self.unknown.add(name.text)
        known = [e.name for e in self.entries.values() if e.kind in kinds]
        candidates = [*known, *extra]
        swapped = [k for k in candidates if sorted(k) == sorted(name.text)]  # letters in another order
        near = swapped[:1] or get_close_matches(name.text, candidates, 1, 0.6)
        if not near and len(name.text) <= 2:
            near = [k for k in known if k.lower() == name.text.lower()][:1]
        places = self.places.get(name.text, [name.span])
        if near:
            self.faults.report("ODE105", f"unknown name `{name.text}`", (name.span, f"no {wanted} has this name"),
                               help=f"did you mean `{near[0]}`?", edits=[(span, near[0]) for span in places])
            return
        self.faults.report("ODE105", f"unknown name `{name.text}`", (name.span, f"no {wanted} has this name"),
                           help=_known_names(known, extra, wanted))

    def _report_kind(self, name: tree.Name, entry: Entry, wanted: str) -> None:
        if name.text in self.twice or (entry.is_read and entry.value is None):
            return  # its own declaration is at fault
        self.faults.report("ODE106", f"`{name.text}` is {entry.words}, not a {wanted}",
                           (name.span, f"a {wanted} is needed here"), (entry.span, f"`{name.text}` is declared here"))

    def _report_early(self, name: tree.Name, entry: Entry) -> None:
        if entry.order == self.now:
            self.faults.report("ODE108", f"`{name.text}` is defined by itself", (name.span, "used in its own definition"),
                               (entry.span, "being declared here"),
                               help="a definition may use only what is declared above it")
            return
        self.faults.report("ODE107", f"`{name.text}` is used before it is declared",
                           (name.span, "used here"), (entry.span, "declared only here"),
                           help=f"move the declaration of `{name.text}` above this statement")


def _known_names(known: list[str], extra: Iterable[str], wanted: str) -> str:
    names = [*known, *extra]
    return f"known: {', '.join(f'`{n}`' for n in names[:12])}" if names else f"declare a {wanted} of this name"


def name_places(spec: tree.Spec) -> dict[str, list[Span]]:
    """Every place where each name stands in a spec, in order."""
    found: dict[str, list[Span]] = {}
    stack: list[Any] = list(reversed(spec.statements))
    while stack:
        item = stack.pop()
        if isinstance(item, tree.Name):
            found.setdefault(item.text, []).append(item.span)
        elif isinstance(item, tuple):
            stack.extend(reversed(item))
        elif is_dataclass(item) and not isinstance(item, (type, Span)):
            stack.extend(reversed([getattr(item, f.name) for f in fields(item)]))
    return found


Reader = Callable[[Any], None]
