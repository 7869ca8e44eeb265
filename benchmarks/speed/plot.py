"""The two figures of the page."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "odenet"

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.ticker import LogLocator, NullFormatter  # noqa: E402

from benchmarks.speed.measure import Table  # noqa: E402
from benchmarks.speed.sweeps import TITLES, Curve  # noqa: E402

SHOWN = ("orthogonal 64 x 32", "orthogonal 256 x 100", "free 64 x 32", "neural", "hamiltonian x 32", "undoing x 100", "convolution",
         "mass")
COLOURS = {"odenet": "#1b6ca8", "same": "#1b6ca8", "other": "#999999", "part": "#d08c2a"}
WHAT = {"same": "the same function", "other": "another function of the same size", "part": "a part of the work"}


def ratios_figure(tables: Sequence[Table], path: Path) -> None:
    """Time of forward and backward over odenet's: a panel for each case, a dot with its quartiles for each row."""
    chosen = [case for name in SHOWN for case in tables if case.name == name and len(measured(case)) > 0]
    if not chosen:
        return
    heights = [0.8 + len(measured(case)) for case in chosen]
    figure, axes = plt.subplots(len(chosen), 1, figsize=(7.5, 0.19 * sum(heights) + 0.25 * len(chosen)), sharex=True, squeeze=False,
                                gridspec_kw={"height_ratios": heights})
    for axis, case in zip(axes[:, 0], chosen, strict=True):
        ratios_panel(axis, case)
    axes[-1, 0].set_xlabel("time of forward and backward over odenet's (more than 1: slower than odenet)", fontsize=8)
    figure.legend(handles=[dot(COLOURS[kind], text) for kind, text in WHAT.items()], loc="upper right", fontsize=7, ncols=3,
                  frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.985))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def dot(colour: str, label: str) -> Line2D:
    return Line2D([], [], color=colour, marker="o", linestyle="", markersize=4, label=label)


def measured(case: Table) -> list[str]:
    """Names of the rows with times, but for the first."""
    return [row.name for row in case.rows[1:] if row.both and case.rows[0].both]


def ratios_panel(axis: Axes, case: Table) -> None:
    names = measured(case)
    kinds = {row.name: row.kind for row in case.rows}
    for place, name in enumerate(names):
        found = case.ratio(name)
        assert found is not None
        quartiles = [[found.median - found.low], [found.high - found.median]]
        axis.errorbar(found.median, place, xerr=quartiles, fmt="o", markersize=4, color=COLOURS[kinds[name]], elinewidth=1)
        axis.annotate(f"{found.median:.2g}", (found.high, place), xytext=(5, -3), textcoords="offset points", fontsize=7)
    axis.axvline(1, color="#444444", linewidth=0.8)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_title(case.title, fontsize=8, loc="left")
    axis.tick_params(labelsize=7, length=0, which="both")
    axis.grid(True, axis="x", alpha=0.25)
    axis.spines[["top", "right", "left"]].set_visible(False)


def growth_figure(curves: Sequence[Curve], tables: Sequence[Table], path: Path) -> None:
    """Time against depth, width and batch with its fits, and bytes kept against depth."""
    names = list(dict.fromkeys(curve.axis for curve in curves))
    if not names:
        return
    figure, axes = plt.subplots(1, len(names) + 1, figsize=(2.6 * (len(names) + 1) + 1.5, 2.9))
    for axis, name in zip(axes, names, strict=False):
        growth_panel(axis, [curve for curve in curves if curve.axis == name])
    axes[0].set_ylabel("forward and backward, ms", fontsize=8)
    kept_panel(axes[-1], tables)
    for axis in axes:
        axis.tick_params(labelsize=7)
        axis.grid(True, alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def growth_panel(axis: Axes, curves: Sequence[Curve]) -> None:
    for curve, colour in zip(curves, ("#1b6ca8", "#4da375", "#999999"), strict=False):
        growth = curve.growth()
        xs = np.geomspace(curve.values[0], curve.values[-1], 50)
        axis.loglog(curve.values, [1000 * s for s in curve.seconds], "o", markersize=3.5, color=colour)
        label = f"{curve.row}: power {growth.power:.2f}"
        axis.loglog(xs, [1000 * growth.at(x) for x in xs], linewidth=1, color=colour, label=label)
    axis.set_xlabel(TITLES[curves[0].axis], fontsize=8)
    axis.set_ylim(top=6 * axis.get_ylim()[1])  # room for the legend
    axis.legend(fontsize=6, frameon=False, loc="upper left")


def kept_panel(axis: Axes, tables: Sequence[Table]) -> None:
    """Bytes kept against depth, of the cases `undoing`."""
    cases = [case for case in tables if case.name.startswith("undoing")]
    names = list(dict.fromkeys(row.name for case in cases for row in case.rows if row.bytes))
    for name in names:
        rows = {int(case.name.rpartition(" ")[2]): case.row(name) for case in cases}
        points = {depth: row.bytes.kept / 1e6 for depth, row in rows.items() if row and row.bytes}
        axis.loglog(list(points), list(points.values()), "o-", markersize=3, linewidth=1, label=name)
    axis.set_xlabel("number of steps", fontsize=8)
    axis.set_ylabel("kept for backward, MB", fontsize=8)
    if names:
        axis.legend(fontsize=6, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
