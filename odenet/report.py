"""Faults as text: code and message, the lines of the source with carets under them, and what to do.

Nothing of the source reaches a terminal as it is: control characters and those that reorder text are spelled out.
"""
from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from odenet.diagnostics import Diagnostic, Label
from odenet.text import Source, escape, visible

_TAB = 4
_WIDTH = 110
_COLOURS = {"error": "\x1b[1;31m", "note": "\x1b[1;34m", "strong": "\x1b[1m", "end": "\x1b[0m"}


@dataclass(frozen=True, slots=True)
class _Mark:
    """A label within one line: the columns `[start, end)` of the line's text, from 0."""

    start: int
    end: int
    text: str
    primary: bool


def render(diagnostic: Diagnostic, source: Source, colour: bool = False) -> str:
    """A fault as people read it, with no line break at the end."""
    paint = _Paint(colour)
    marks = _marks_by_line(diagnostic.labels, source)
    gutter = len(str(max(marks)))
    lines = [paint.error(f"error[{diagnostic.code}]") + paint.strong(f": {escape(diagnostic.message)}")]
    lines.append(f"{' ' * gutter}{paint.note('-->')} {_place(diagnostic, source)}")
    lines.append(paint.note(f"{' ' * gutter} |"))
    previous = None
    for number in sorted(marks):
        if previous is not None and number > previous + 1:
            lines.append(paint.note("..."))
        lines.extend(_excerpt(source.line(number), number, gutter, marks[number], paint))
        previous = number
    lines.extend(_help(diagnostic.help, gutter, paint))
    return "\n".join(line.rstrip() for line in lines)


def render_all(diagnostics: Iterable[Diagnostic], source: Source, colour: bool = False) -> str:
    """Several faults, with an empty line between them."""
    return "\n\n".join(render(each, source, colour) for each in diagnostics)


class _Paint:
    """Colours, or none."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def _in(self, name: str, text: str) -> str:
        return f"{_COLOURS[name]}{text}{_COLOURS['end']}" if self._colour and text else text

    def error(self, text: str) -> str:
        return self._in("error", text)

    def note(self, text: str) -> str:
        return self._in("note", text)

    def strong(self, text: str) -> str:
        return self._in("strong", text)


def _place(diagnostic: Diagnostic, source: Source) -> str:
    line, column = source.place(diagnostic.labels[0].span.start)
    return f"{escape(source.name)}:{line}:{column}"


def _help(text: str, gutter: int, paint: _Paint) -> list[str]:
    if not text:
        return []
    first, *more = text.split("\n")
    lead = f"{' ' * gutter} "
    head = f"{lead}{paint.note('=')} {paint.strong('help')}: {escape(first)}"
    return [paint.note(f"{lead}|"), head, *(f"{lead}        {escape(line)}" for line in more)]


def _marks_by_line(labels: Sequence[Label], source: Source) -> dict[int, list[_Mark]]:
    """The labels of each line, the primary one first; a label over several lines is clipped to its first."""
    marks: dict[int, list[_Mark]] = {}
    for index, label in enumerate(labels):
        line, column = source.place(min(label.span.start, len(source.text)))
        length = len(source.line(line))
        start = min(column - 1, length)
        end = min(start + label.span.end - label.span.start, length)
        marks.setdefault(line, []).append(_Mark(start, max(end, start + 1), label.text, index == 0))
    return marks


def _excerpt(text: str, number: int, gutter: int, marks: list[_Mark], paint: _Paint) -> list[str]:
    """A line of the source and the lines of its labels below it.

    The last label of the line stands beside its carets, the others below, each at the end of a bar.
    """
    text, marks = _window(text, marks)
    cells = _Cells(text)
    ordered = sorted(marks, key=lambda mark: (mark.start, mark.primary))
    last = ordered[-1]
    beside = last if all(mark.end <= last.start for mark in ordered[:-1]) else None
    below = [mark for mark in ordered if mark is not beside]
    rows = [_carets(cells, marks, beside)]
    if any(mark.text for mark in below):
        rows.append(_bars(cells, below))
    for count in range(len(below), 0, -1):
        if below[count - 1].text:
            rows.append(_bars(cells, below[: count - 1], below[count - 1]))
    empty = " " * gutter
    shown = [paint.note(f"{number:>{gutter}} |") + f" {cells.text}"]
    return shown + [paint.note(f"{empty} |") + f" {_paint_row(row, paint)}" for row in rows]


def _paint_row(row: str, paint: _Paint) -> str:
    """The carets of the primary label in the colour of errors, all else in that of notes."""
    body = row.lstrip()
    lead = row[: len(row) - len(body)]
    return lead + (paint.error(body) if "^" in body else paint.note(body))


def _carets(cells: _Cells, marks: Sequence[_Mark], beside: _Mark | None) -> str:
    row: list[str] = []
    for mark in sorted(marks, key=lambda mark: mark.primary):
        start, end = cells.column(mark.start), max(cells.column(mark.end), cells.column(mark.start) + 1)
        row.extend(" " * (end - len(row)))
        row[start:end] = ("^" if mark.primary else "-") * (end - start)
    return "".join(row) + (f" {escape(beside.text)}" if beside and beside.text else "")


def _bars(cells: _Cells, marks: Sequence[_Mark], text: _Mark | None = None) -> str:
    row = ""
    for mark in marks:
        if mark.text:
            row = row.ljust(cells.column(mark.start))[: cells.column(mark.start)] + "|"
    return row if text is None else row.ljust(cells.column(text.start)) + escape(text.text)


def _window(text: str, marks: list[_Mark]) -> tuple[str, list[_Mark]]:
    """A part of a very long line around its primary label (or its first), and the labels moved with it."""
    if len(text) <= _WIDTH:
        return text, marks
    centre = next((mark for mark in marks if mark.primary), marks[0]).start
    start = max(0, min(centre - _WIDTH // 2, len(text) - _WIDTH))
    end = min(len(text), start + _WIDTH)
    left, right = "…" if start else "", "…" if end < len(text) else ""
    moved = [
        _Mark(mark.start - start + len(left), min(mark.end, end) - start + len(left), mark.text, mark.primary)
        for mark in marks
        if start <= mark.start <= end
    ]
    return left + text[start:end] + right, moved


class _Cells:
    """A line as a terminal shows it: its text made harmless, and the column at which each character begins."""

    def __init__(self, text: str) -> None:
        parts: list[str] = []
        self._columns = [0]
        for character in text:
            column = self._columns[-1]
            part = " " * (_TAB - column % _TAB) if character == "\t" else visible(character)
            parts.append(part)
            self._columns.append(column + sum(_cells(each) for each in part))
        self.text = "".join(parts)

    def column(self, index: int) -> int:
        """The column of a character; behind the end of the line, of the blanks that would follow."""
        over = index - (len(self._columns) - 1)
        return self._columns[min(index, len(self._columns) - 1)] + max(over, 0)


def _cells(character: str) -> int:
    """How many columns a visible character takes."""
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
