"""What the experiments share: the command line, progress, checkpoints, and the table and the picture of a page.

A script describes an `Experiment` and calls `main`. It is run as

    python docs/experiments/NAME.py [--seeds 3] [--quick] [--fresh] [--runs FOLDER] [--page FILE | --no-write]

Each of its networks is trained once for each seed. A run that was stopped goes on from its checkpoint and ends with
the numbers of one that was not; a finished run keeps its results, so that another call only writes the table again.
"""
from __future__ import annotations

import hashlib
import json
import math
import os
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555"  # Okabe, Ito 2008: for all eyes
STOPPED = 130
Results = dict[str, list[dict[str, Any]]]  # by variant, one entry a seed: what `measure` gave, and "seconds"


@dataclass(frozen=True)
class Training:
    """One network in training.

    parts: all that training changes, by name (network, optimizer, schedule), with `state_dict` and `load_state_dict`.
    rounds: how often `advance` is called. A round is an epoch, or part of a long one.
    advance: takes the index of the round, trains, and returns the loss to show. It may draw from the global generators
        of torch, NumPy and Python, which are seeded before `start` and saved with the parts.
    measure: measures the trained network; what it returns is kept as JSON.
    """

    parts: Mapping[str, Any]
    rounds: int
    advance: Callable[[int], float]
    measure: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """What a script trains, and what it shows of it.

    script: its `__file__`; page and picture lie beside it.
    variants: the networks, by name.
    start: from a variant, a seed, and whether the call is `--quick`, a training that has not begun.
    tables: from the results the table of each name, in Markdown; it replaces what stands between
        `<!-- table: NAME -->` and `<!-- end -->` on the page.
    draw: fills the picture.
    settings: what the results depend on (a spec's text, sizes), as JSON; when it changes, runs start afresh.
    """

    script: str
    variants: Sequence[str]
    start: Callable[[str, int, bool], Training]
    tables: Callable[[Results], Mapping[str, str]]
    draw: Callable[[Figure, Results], None] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return Path(self.script).stem


def main(make: Callable[..., Experiment], *options: click.Option) -> None:
    """The command line. `make` gets the values of the script's own `options`, by name."""
    own = [
        click.Option(["--seeds"], type=click.IntRange(1), default=3, show_default=True, help="Runs of each network."),
        click.Option(["--quick"], is_flag=True, help="A few rounds on little data; the page stays as it is."),
        click.Option(["--fresh"], is_flag=True, help="Forget checkpoints and results."),
        click.Option(["--only"], multiple=True, help="Train this network alone (may be repeated) and write nothing."),
        click.Option(["--runs"], type=click.Path(path_type=Path), help="Their folder [build/experiments/NAME]."),
        click.Option(["--every"], type=float, default=5.0, show_default=True, help="Seconds between checkpoints."),
        click.Option(["--threads"], type=click.IntRange(1), default=1, show_default=True, help="Threads of torch."),
        click.Option(["--page"], type=click.Path(path_type=Path), help="The page to write, its picture beside it."),
        click.Option(["--no-write"], is_flag=True, help="Print the tables only."),
    ]

    def call(seeds: int, quick: bool, fresh: bool, only: tuple[str, ...], runs: Path | None, every: float, threads: int,
             page: Path | None, no_write: bool, **values: Any) -> None:
        torch.set_num_threads(threads)
        experiment = make(**values)
        unknown = set(only) - set(experiment.variants)
        if unknown:
            raise click.UsageError(f"no network {sorted(unknown)[0]!r}; there are {', '.join(experiment.variants)}")
        folder = runs or Path("build/experiments") / (experiment.name + ("-quick" if quick else ""))
        store = Store(folder, {**experiment.settings, "quick": quick}, every)
        variants = only or experiment.variants
        try:
            results = train_all(experiment, store, variants, range(seeds), quick, fresh)
        except KeyboardInterrupt:
            print(f"\nstopped; the same command goes on from the checkpoints in {folder}", file=sys.stderr)
            sys.exit(STOPPED)
        if not only:
            own_page = None if quick else Path(experiment.script).with_suffix(".md")
            show(experiment, results, None if no_write else page or own_page)

    click.Command("experiment", params=[*own, *options], callback=call, help=make.__doc__)()


class Store:
    """Checkpoints `VARIANT-SEED.pt` and results `VARIANT-SEED.json` in a folder, each replaced whole or not at all."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], every: float) -> None:
        self.folder, self.every = folder, every
        self.key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, run: str, ending: str) -> Path:
        return self.folder / f"{run}.{ending}"

    def forget(self, run: str) -> None:
        for ending in ("pt", "json"):
            self.path(run, ending).unlink(missing_ok=True)

    def results(self, run: str) -> dict[str, Any] | None:
        """What a finished run measured; None where there is none, or one of other settings."""
        path = self.path(run, "json")
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found["results"] if found.get("key") == self.key else None

    def keep(self, run: str, results: dict[str, Any]) -> None:
        text = json.dumps({"key": self.key, "results": results}, indent=1)
        replace(self.path(run, "json"), lambda to: to.write_text(text, encoding="utf-8"))

    def save(self, run: str, training: Training, done: int, seconds: float) -> None:
        state = {"key": self.key, "done": done, "seconds": seconds, "random": _random_state(),
                 "parts": {name: part.state_dict() for name, part in training.parts.items()}}
        replace(self.path(run, "pt"), lambda to: torch.save(state, to))

    def restore(self, run: str, training: Training) -> tuple[int, float]:
        """The rounds that are done and their seconds; sets the training and the generators to where it stopped."""
        path = self.path(run, "pt")
        state = torch.load(path, weights_only=True, map_location="cpu") if path.exists() else {}
        if state.get("key") != self.key:
            return 0, 0.0
        for name, part in training.parts.items():
            part.load_state_dict(state["parts"][name])
        _set_random_state(state["random"])
        return state["done"], state["seconds"]


def train_all(experiment: Experiment, store: Store, variants: Sequence[str], seeds: Sequence[int], quick: bool,
              fresh: bool) -> Results:
    """Every variant with every seed: kept results where there are any, else a run to its end."""
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                   TimeRemainingColumn(), TextColumn("{task.fields[note]}"), console=Console(stderr=True))
    results: Results = {variant: [] for variant in variants}
    with bar:
        for variant in variants:
            for seed in seeds:
                run = f"{re.sub(r'[^0-9A-Za-z]+', '-', variant).strip('-')}-{seed}"
                if fresh:
                    store.forget(run)
                found = store.results(run)
                if found is None:
                    found = _train(experiment, store, bar, (variant, seed, run), quick)
                results[variant].append(found)
    return results


def _train(experiment: Experiment, store: Store, bar: Progress, which: tuple[str, int, str],
           quick: bool) -> dict[str, Any]:
    variant, seed, run = which
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    task = bar.add_task(f"{variant}, seed {seed}", total=None, note="preparing")
    training = experiment.start(variant, seed, quick)
    done, before = store.restore(run, training)
    begun = saved = time.perf_counter()
    bar.update(task, total=training.rounds, completed=done, note="")
    if not done:
        store.save(run, training, 0, 0.0)
    for index in range(done, training.rounds):
        loss = training.advance(index)
        if not math.isfinite(loss):
            raise click.ClickException(f"{variant}, seed {seed}: the loss is {loss} in round {index}")
        bar.update(task, advance=1, note=f"loss {loss:.3g}")
        now = time.perf_counter()
        if now - saved >= store.every or index + 1 == training.rounds:
            store.save(run, training, index + 1, before + now - begun)
            saved = now
    seconds = before + time.perf_counter() - begun
    results = {**training.measure(), "seconds": seconds}
    store.keep(run, results)
    return results


def _random_state() -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"torch": torch.get_rng_state(), "cuda": cuda, "python": random.getstate(),
            "numpy": (str(kind), [int(key) for key in keys], *map(float, rest))}


def _set_random_state(state: dict[str, Any]) -> None:
    kind, keys, place, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), int(place), int(has_gauss), gauss))
    random.setstate(state["python"])
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def batches(count: int, size: int, *where: int) -> list[torch.Tensor]:
    """Indices of 0 .. count - 1 in random order, cut into batches; the order depends on `where` (seed, epoch) alone."""
    order = np.random.default_rng(where).permutation(count)
    return list(torch.from_numpy(order).split(size))


def fitting(network: torch.nn.Module, data: tuple[torch.Tensor, torch.Tensor], rate: float, epochs: int, size: int, seed: int,
            measure: Callable[[], dict[str, Any]], clip: float | None = None) -> Training:
    """The mean square between network(x) and y for `data` (x, y), by Adam with one cycle of the learning rate.

    size: of a batch. clip: the largest norm of a gradient.
    """
    x, y = data
    count = len(x)
    optimizer = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, epochs * -(-count // size), pct_start=0.1, final_div_factor=1e4)

    def advance(epoch: int) -> float:
        total = 0.0
        for batch in batches(count, size, seed, epoch):
            loss = (network(x[batch]) - y[batch]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch) / count
        return total

    return Training({"network": network, "optimizer": optimizer, "schedule": schedule}, epochs, advance, measure)


def show(experiment: Experiment, results: Results, page: Path | None) -> None:
    """Print the tables; where there is a page, write them into it and the picture beside it."""
    tables = experiment.tables(results)
    for text in tables.values():
        print(f"\n{text}")
    if page is None:
        return
    if page.exists():
        written = page.read_text(encoding="utf-8")
        for name, text in tables.items():
            written = _replaced(written, name, text)
        replace(page, lambda to: to.write_text(written, encoding="utf-8"))
    if experiment.draw is not None:
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        experiment.draw(figure, results)
        picture, facts = page.with_suffix(".png"), {"Software": None}
        replace(picture, lambda to: figure.savefig(to, dpi=120, format="png", metadata=facts))


def _replaced(page: str, name: str, table: str) -> str:
    """The page with another table between its marks."""
    opening, closing = f"<!-- table: {name} -->\n", "<!-- end -->"
    head, found, rest = page.partition(opening)
    _, ended, tail = rest.partition(closing)
    if not found or not ended:
        raise click.ClickException(f"the page has no marks {opening.strip()} … {closing}")
    return f"{head}{opening}\n{table.strip()}\n\n{closing}{tail}"


def replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file beside `path` and rename it, so that `path` is the old one or the new one, whole."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(runs: Sequence[Mapping[str, Any]], key: str, form: str = ".2e") -> str:
    """The mean of a measured number over the seeds, with the least and the largest: `3.1e-06 (2.2e-06 .. 4.0e-06)`."""
    values = [float(run[key]) for run in runs]
    mean, low, high = (format(value, form) for value in (statistics.fmean(values), min(values), max(values)))
    return mean if len(values) == 1 else f"{mean} ({low} .. {high})"


def least_seconds(runs: Sequence[Mapping[str, Any]]) -> str:
    """The time of the fastest run: what else the machine does only adds to it."""
    return f"{min(run['seconds'] for run in runs):.0f}"
