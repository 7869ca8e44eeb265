"""Spec -> canonical text: one statement a line, neighbours aligned, comments where they were."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from odenet.syntax import tree
from odenet.syntax.spelling import spell_dims, spell_row, spell_statement
from odenet.text import Span

MAX_WIDTH = 100
_MAX_PADDING = 24
_MAX_COMMENTED = 80

Comments = Sequence[tuple[Span, str]]


@dataclass(frozen=True)
class _Line:
    """A line, or a comment on a line of its own (then `head` is empty), or a field over several lines.

    `head` and `tail` are padded apart where neighbours of one `kind` are aligned; `inside` are the lines within braces.
    """

    kind: str
    head: str
    tail: str = ""
    comment: str = ""
    gap: bool = False
    inside: tuple[_Line, ...] = field(default=())

    @property
    def text(self) -> str:
        return (self.head + self.tail).rstrip()


def format_spec(spec: tree.Spec) -> str:
    """The canonical text of a spec: `parse(format_spec(s))` equals `s` but for places, and formats to the same text."""
    lines = _lines(spec.source.text, list(_groups(spec)), spec.comments, _statement_line)
    return "".join(f"{line}\n" for line in _written(lines, ""))


def _groups(spec: tree.Spec) -> Iterator[tuple[tree.Statement | tree.ModelStatement, ...]]:
    """The statements as they were written: the sizes of one `dim` statement together."""
    if spec.model is not None:
        yield (spec.model,)
    dims: list[tree.DimStatement] = []
    for statement in spec.statements:
        first = not isinstance(statement, tree.DimStatement) or statement.span.start < statement.name.span.start
        if dims and first:
            yield tuple(dims)
            dims = []
        if isinstance(statement, tree.DimStatement):
            dims.append(statement)
        else:
            yield (statement,)
    if dims:
        yield tuple(dims)


Item = tuple[tree.Statement | tree.ModelStatement | tree.FieldRow, ...]


def _lines(
    text: str, items: Sequence[Item], comments: Comments, line_of: Callable[[str, Item, Comments], _Line]
) -> tuple[_Line, ...]:
    """Items and comments in order. A comment behind an item stays on its line; one within it moves above it."""
    lines: list[_Line] = []
    end, rest = None, list(comments)
    for item in items:
        span = item[0].span.to(item[-1].span)
        while rest and rest[0][0].start < span.start:
            end = _place_comment(text, lines, rest.pop(0), end)
        within = [rest.pop(0) for _ in range(sum(each[0].start < span.end for each in rest))]
        line = replace(line_of(text, item, within), gap=_gap(text, end, span.start))
        if not line.inside:
            above = [_Line("comment", "", comment=each[1]) for each in within]
            above.append(line)
            above[0], above[-1] = replace(above[0], gap=line.gap), replace(line, gap=line.gap and not within)
            lines.extend(above)
        else:
            lines.append(line)
        end = span.end
    for comment in rest:
        end = _place_comment(text, lines, comment, end)
    return tuple(lines)


def _place_comment(text: str, lines: list[_Line], comment: tuple[Span, str], end: int | None) -> int:
    """Puts a comment behind the last line, if it stood there, or on a line of its own; returns where it ends."""
    span, words = comment
    if end is not None and lines and not lines[-1].comment and "\n" not in text[end : span.start]:
        lines[-1] = replace(lines[-1], comment=words)
    else:
        lines.append(_Line("comment", "", comment=words, gap=_gap(text, end, span.start)))
    return span.end


def _gap(text: str, end: int | None, start: int) -> bool:
    """Whether an empty line stands between two places."""
    return end is not None and sum(not line.strip() for line in text[end:start].split("\n")[1:-1]) > 0


def _statement_line(text: str, item: Item, within: Comments) -> _Line:
    first = item[0]
    if isinstance(first, tree.DimStatement):
        return _Line("dim", spell_dims([each for each in item if isinstance(each, tree.DimStatement)]))
    if isinstance(first, tree.FieldRow):
        return _row_line(text, item, within)
    head, tail = spell_statement(first)
    if isinstance(first, tree.FieldStatement) and (within or len(head + tail) > MAX_WIDTH):
        rows: list[Item] = [(row,) for row in first.rows]
        return _Line("block", head, "{", inside=_lines(text, rows, within, _row_line))
    return _Line(type(first).__name__, head, tail)


def _row_line(text: str, item: Item, within: Comments) -> _Line:
    row = item[0]
    assert isinstance(row, tree.FieldRow)
    return _Line("row", spell_row(row))


def _written(lines: Sequence[_Line], indent: str) -> Iterator[str]:
    """The text of lines: runs without an empty line between them are aligned together."""
    for run in _runs(lines):
        if run[0].gap and run[0] is not lines[0]:
            yield ""
        yield from _run(list(_aligned(run)), indent)


def _runs(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    run: list[_Line] = []
    for line in lines:
        if run and line.gap:
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _aligned(run: Sequence[_Line]) -> Iterator[_Line]:
    """The lines with the heads of neighbours of one kind padded to one width, unless that tears them apart."""
    start = 0
    for end in range(1, len(run) + 1):
        if end == len(run) or run[end].kind != run[start].kind:
            yield from _padded(run[start:end])
            start = end


def _padded(lines: Sequence[_Line]) -> Iterable[_Line]:
    widths = [len(line.head) for line in lines]
    if not all(line.tail for line in lines) or max(widths) - min(widths) > _MAX_PADDING:
        return lines
    if max(widths) + max(len(line.tail) for line in lines) > MAX_WIDTH:
        return lines
    return [replace(line, head=line.head.ljust(max(widths))) for line in lines]


def _run(run: Sequence[_Line], indent: str) -> Iterator[str]:
    short = [len(line.text) for line in run if line.comment and line.text and len(line.text) <= _MAX_COMMENTED]
    column = max(short, default=0) + 2
    for line in run:
        if not line.text:
            yield indent + line.comment
        elif line.inside:
            yield indent + line.text
            yield from _written(line.inside, indent + "    ")
            yield indent + "}" + (f"  {line.comment}" if line.comment else "")
        elif line.comment:
            yield f"{indent}{line.text.ljust(column - 2)}  {line.comment}"
        else:
            yield indent + line.text
