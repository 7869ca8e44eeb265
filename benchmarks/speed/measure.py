"""A case measured: time, memory and gradients of each of its rows."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from benchmarks.speed.gradients import gradient_error, output_error
from benchmarks.speed.memory import Bytes, needed
from benchmarks.speed.subject import Case, Data, Missing, Row, Trained, Work
from benchmarks.speed.timing import Spread, interleaved, ratios

SAME_OUTPUT = 1e-9  # in float64, relative: the same function but for rounding


@dataclass(frozen=True)
class Effort:
    """How long is measured: rounds at most, and seconds after which no round begins."""

    rounds: int
    seconds: float


@dataclass(frozen=True)
class Accuracy:
    """Relative errors of the gradients against exact backpropagation in float64, computed in float64 and in float32."""

    double: float
    single: float


@dataclass(frozen=True)
class Figures:
    """What was measured of one row; `missing` says why nothing was.

    Attributes:
        forward, both: seconds in each round, of forward alone and of forward and backward.
        differs: how far the output is from that of the reference, where a row should compute the same and does not.
    """

    name: str
    kind: str
    note: str
    missing: str = ""
    forward: tuple[float, ...] = ()
    both: tuple[float, ...] = ()
    bytes: Bytes | None = None
    accuracy: Accuracy | None = None
    differs: float | None = None


@dataclass(frozen=True)
class Table:
    """A case and the figures of its rows; the first is odenet's."""

    name: str
    title: str
    rows: tuple[Figures, ...]

    def row(self, name: str) -> Figures | None:
        """The figures of a row, None where it was not measured."""
        return next((row for row in self.rows if row.name == name and row.both), None)

    def ratio(self, name: str, over: str = "odenet", is_forward: bool = False) -> Spread | None:
        """Time of a row over that of another, round by round."""
        row, base = self.row(name), self.row(over)
        if row is None or base is None:
            return None
        return ratios(row.forward, base.forward) if is_forward else ratios(row.both, base.both)


def measure(case: Case, effort: Effort) -> Table:
    """All figures of a case. A row that cannot run is kept, with the reason."""
    exact = case.data()
    single = exact.to(torch.float32)
    found: dict[str, Figures] = {}
    works: dict[str, Work] = {}
    reference = case.reference(exact)
    for row in case.rows:
        try:
            found[row.name], works[row.name] = checked(row, exact, single, reference)
        except Exception as fault:  # a peer may fail in any way, and the others go on
            found[row.name] = Figures(row.name, row.kind, row.note, missing=reason(fault))
    times = timed(works, effort)
    rows = [with_times(figures, times) if name in works else figures for name, figures in found.items()]
    return Table(case.name, case.title, tuple(rows))


def reason(fault: Exception) -> str:
    """Why a row cannot run, in a few words."""
    if isinstance(fault, Missing):
        return str(fault)
    if isinstance(fault, ImportError):
        return f"not installed: {fault}" if isinstance(fault, ModuleNotFoundError) else f"cannot be imported: {fault}"
    lines = str(fault).splitlines() or [""]
    return f"fails: {type(fault).__name__}: {lines[0][:120]}"


def checked(row: Row, exact: Data, single: Data, reference: Trained) -> tuple[Figures, Work]:
    """The figures of a row but for its times, and the row in float32, ready to be timed."""
    work = row.build(single)
    if not isinstance(work, Trained):
        return Figures(row.name, row.kind, row.note), work
    if row.kind == "other":
        return Figures(row.name, row.kind, row.note, bytes=needed(work)), work
    double, wanted = row.build(exact), reference.all_gradients()
    assert isinstance(double, Trained)
    accuracy = Accuracy(gradient_error(double.all_gradients(), wanted), gradient_error(work.all_gradients(), wanted))
    off = output_error(double, reference)
    differs = off if off > SAME_OUTPUT else None
    return Figures(row.name, row.kind, row.note, bytes=needed(work), accuracy=accuracy, differs=differs), work


def timed(works: Mapping[str, Work], effort: Effort) -> dict[tuple[str, str], tuple[float, ...]]:
    """Seconds by row and "forward" or "both", interleaved."""
    runs = {(name, kind): getattr(work, kind) for name, work in works.items() for kind in ("forward", "both")}
    return interleaved(runs, effort.rounds, effort.seconds)


def with_times(figures: Figures, times: Mapping[tuple[str, str], tuple[float, ...]]) -> Figures:
    return replace(figures, forward=times[figures.name, "forward"], both=times[figures.name, "both"])
