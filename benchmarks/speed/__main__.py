"""Emitted modules against peers: time, memory, gradients and growth, in one process, interleaved.

    python -m benchmarks.speed [--quick] [--only dense,neural,...] [--threads 1] [--rounds 9] [--folder docs/benchmarks]

The whole takes some minutes; Ctrl-C ends it and keeps the cases that are done. A run with --quick or --only is printed, and
written only where --folder says. Peers that are not installed are named in the tables.
"""
from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.speed.cases import KINDS, all_cases
from benchmarks.speed.machine import described
from benchmarks.speed.measure import Effort, Table, measure
from benchmarks.speed.page import Results, page
from benchmarks.speed.sweeps import AXES, QUICK_AXES, Curve, sweep

FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"
SECONDS, QUICK_SECONDS = 10.0, 2.0  # of rounds, for each case
Job = tuple[str, Callable[[], Table | list[Curve]]]


def jobs(kinds: tuple[str, ...], effort: Effort, quick: bool) -> list[Job]:
    """What there is to do, by name."""
    found: list[Job] = []
    for kind, cases in all_cases(quick).items():
        if kind in kinds:
            found += [(case.name, lambda case=case: measure(case, effort)) for case in cases]
    if "growth" in kinds:
        axes = QUICK_AXES if quick else AXES
        found += [(f"growth of {axis}", lambda axis=axis: sweep(axis, axes[axis], effort)) for axis in axes]
    return found


def run(todo: list[Job], rounds: int, is_whole: bool) -> Results:
    """All jobs in order; an interrupt ends them and keeps what is done."""
    tables: list[Table] = []
    curves: list[Curve] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=len(todo))
        try:
            for name, work in todo:
                progress.update(task, description=f"{name:<22}")
                found = work()
                tables, curves = ([*tables, found], curves) if isinstance(found, Table) else (tables, curves + found)
                progress.advance(task)
        except KeyboardInterrupt:
            is_whole = False
            progress.console.print("stopped; what was measured is kept")
    return Results(tuple(tables), tuple(curves), described(), rounds, is_whole)


def write(results: Results, folder: Path) -> None:
    """The page and its two figures."""
    from benchmarks.speed.plot import growth_figure, ratios_figure

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speed.md").write_text(page(results), encoding="utf-8")
    ratios_figure(results.tables, folder / "speed.svg")
    growth_figure(results.curves, results.tables, folder / "speed-growth.svg")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer cases and rounds, below 90 seconds")
    parser.add_argument("--only", default=",".join(KINDS), help=f"some of {', '.join(KINDS)}, with commas between")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (1)")
    parser.add_argument("--rounds", type=int, help="rounds at most for each case (9; 3 with --quick)")
    parser.add_argument("--folder", type=Path, help="where the page and its figures are written (docs/benchmarks, for a whole run)")
    found = parser.parse_args()
    unknown = [kind for kind in found.only.split(",") if kind not in KINDS]
    if unknown:
        parser.error(f"--only: there is no {unknown[0]!r}; choose from {', '.join(KINDS)}")
    return found


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(chosen.threads)
    warnings.simplefilter("ignore")  # peers warn of what is deprecated, at each call
    kinds = tuple(chosen.only.split(","))
    rounds = chosen.rounds or (3 if chosen.quick else 9)
    is_whole = not chosen.quick and set(kinds) == set(KINDS)
    effort = Effort(rounds, QUICK_SECONDS if chosen.quick else SECONDS)
    results = run(jobs(kinds, effort, chosen.quick), rounds, is_whole)
    folder = chosen.folder or (FOLDER if is_whole else None)
    if folder is not None:
        write(results, folder)
    sys.stdout.write(page(results))


if __name__ == "__main__":
    main()
