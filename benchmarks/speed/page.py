"""The page that is written: head, goals, tables, growth, how to run it again."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.speed.cases.undoing import DEPTHS
from benchmarks.speed.goals import GOALS, Goal
from benchmarks.speed.measure import Figures, Table
from benchmarks.speed.sweeps import TITLES, Curve
from benchmarks.speed.timing import Spread, ratios, spread

HEAD = """# Speed and memory against peers

What odenet emits, side by side with other libraries, with layers of torch and with loops written by hand, in one process.
`python -m benchmarks.speed` measures again and writes this page; [how to install the peers](../../benchmarks/README.md).

{machine}

In each round every row of a table runs once, in a new order (fixed seed); there are {rounds} rounds, fewer (at least 3) where
they take long. Times are medians; **ratios are taken round by round** against the first row, as median and [quartiles], so
more than 1 means slower than odenet. The input of each row wants a
gradient, as inside of a network. *Kept* is what is still allocated after forward, output included, whoever holds it; *peak* the
most that forward and backward need at one time; parameters and input do not count. Gradients are compared with those of
backpropagation through a plain loop in float64. Times are in float32. Forward alone runs without gradients, where
emitted modules keep the values of their charts from call to call, and peers compute theirs each time.

![times over odenet's](speed.svg)
"""
COLUMNS = ("", "forward ms", "both ms", "forward ratio", "both ratio", "kept MB", "peak MB", "gradient error float64", "float32")


@dataclass(frozen=True)
class Results:
    """All that was measured; `is_complete` is False when it was stopped before its end or was only a part."""

    tables: tuple[Table, ...]
    curves: tuple[Curve, ...]
    machine: str
    rounds: int
    is_complete: bool = True


def page(results: Results) -> str:
    parts = [HEAD.format(machine=results.machine, rounds=results.rounds)]
    if not results.is_complete:
        parts.append("**Not everything was measured in this run.**\n")
    parts += [goals_section(results), *map(case_section, results.tables), undoing_section(results.tables)]
    parts.append(growth_section(results.curves))
    return "\n".join(part for part in parts if part)


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([line(columns), "|" + " --- |" * len(columns), *map(line, rows)])


def case_section(case: Table) -> str:
    """The table of one case, and under it what has to be known of its rows."""
    text = f"## {case.title}\n\n" + table(COLUMNS, [cells(row, case) for row in case.rows])
    notes = [f"- {row.name}: {note}." for row in case.rows if (note := note_of(row))]
    return text + "\n" + ("\n" + "\n".join(notes) + "\n" if notes else "")


def note_of(row: Figures) -> str:
    other = "another function" if row.kind == "other" else ""
    wrong = f"its output is {row.differs:.0e} off that of the reference, relative" if row.differs is not None else ""
    return "; ".join(part for part in (other, row.note, wrong) if part)


def cells(row: Figures, case: Table) -> list[str]:
    """One line; a row that was not measured says why in the place of its figures."""
    if row.missing:
        return [row.name, row.missing.replace("|", "\\|"), *[""] * (len(COLUMNS) - 2)]
    base = case.rows[0]
    bytes_ = [f"{row.bytes.kept / 1e6:.2f}", f"{row.bytes.peak / 1e6:.2f}"] if row.bytes else ["", ""]
    errors = [f"{row.accuracy.double:.0e}", f"{row.accuracy.single:.0e}"] if row.accuracy else ["", ""]
    return [row.name, milliseconds(row.forward), milliseconds(row.both), *compared(row, base), *bytes_, *errors]


def compared(row: Figures, base: Figures) -> list[str]:
    """Ratios of forward, and of forward and backward."""
    if row is base or not base.both:
        return ["1", "1"] if row is base else ["", ""]
    return [shown(ratios(row.forward, base.forward)), shown(ratios(row.both, base.both))]


def milliseconds(times: tuple[float, ...]) -> str:
    median = 1000 * spread(times).median
    return f"{median:.2f}" if median < 10 else f"{median:.1f}" if median < 100 else f"{median:.0f}"


def shown(ratio: Spread) -> str:
    return f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"


def goals_section(results: Results) -> str:
    """Each goal with what was found, and for those that are missed what is known about it."""
    tables = {case.name: case for case in results.tables}
    found = [(goal, goal.value(tables)) for goal in GOALS]
    lines = [[goal.text, aimed(goal), "" if value is None else f"{value:.2f}", verdict(goal, value)] for goal, value in found]
    missed = [f"- {goal.text}: {value:.2f}, aimed at {aimed(goal)}. {goal.why[0].upper()}{goal.why[1:]}." for goal, value in found
              if value is not None and not goal.is_met(value)]
    text = "## What is aimed at\n\n" + table(("figure, forward and backward", "aim", "found", ""), lines) + "\n"
    return text + ("\n### What is missed, and why\n\n" + "\n".join(missed) + "\n" if missed else "")


def aimed(goal: Goal) -> str:
    return f"at {'most' if goal.is_most else 'least'} {goal.bound:g}"


def verdict(goal: Goal, value: float | None) -> str:
    return "not measured" if value is None else "met" if goal.is_met(value) else "**missed**"


def undoing_section(tables: Sequence[Table]) -> str:
    """Bytes kept and errors of gradients against depth."""
    cases = {depth: case for depth in DEPTHS for case in tables if case.name == f"undoing x {depth}"}
    if not cases:
        return ""
    columns = ["", *(f"{depth:,} steps" for depth in cases)]
    kept, errors = (table(columns, by_depth(cases, cell)) for cell in (kept_cell, error_cell))
    return (f"## Against depth\n\nMegabytes kept for backward, of the autonomous flow:\n\n{kept}\n\n"
            f"Error of its gradients, float64 / float32:\n\n{errors}\n")


def by_depth(cases: Mapping[int, Table], cell: Callable[[Figures], str]) -> list[list[str]]:
    """A line for each row that was measured, a column for each depth."""
    names = [row.name for row in next(iter(cases.values())).rows]
    lines = [[name, *(cell(row) if (row := case.row(name)) else "" for case in cases.values())] for name in names]
    return [cells for cells in lines if any(cells[1:])]


def kept_cell(row: Figures) -> str:
    return f"{row.bytes.kept / 1e6:.2f}" if row.bytes else ""


def error_cell(row: Figures) -> str:
    return f"{row.accuracy.double:.0e} / {row.accuracy.single:.0e}" if row.accuracy else ""


def growth_section(curves: Sequence[Curve]) -> str:
    """One table for each axis: milliseconds of forward and backward, and the fit."""
    if not curves:
        return ""
    parts = ["## Growth\n\nMilliseconds of forward and backward of the dense flow, n = 64, 32 steps, batch 256 but for what "
             "varies, and the fit constant + factor * x^power.\n\n![cost against depth, width and batch](speed-growth.svg)\n"]
    for axis in dict.fromkeys(curve.axis for curve in curves):
        chosen = [curve for curve in curves if curve.axis == axis]
        columns = [TITLES[axis], *(f"{value:,}" for value in chosen[0].values), "power", "constant ms", "error of fit"]
        parts.append(table(columns, [growth_cells(curve) for curve in chosen]) + "\n")
    return "\n".join(parts)


def growth_cells(curve: Curve) -> list[str]:
    growth = curve.growth()
    return [curve.row, *(milliseconds((s,)) for s in curve.seconds), f"{growth.power:.2f}", f"{1000 * growth.constant:.2f}",
            f"{100 * growth.error:.0f} %"]
