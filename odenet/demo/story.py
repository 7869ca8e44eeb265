"""The demo from the spec to the picture, and what it prints."""
from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import click
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from torch import Tensor, nn

from odenet.certify import attack
from odenet.demo import networks, picture
from odenet.demo.certificate import certified_radii, measured_constant
from odenet.demo.data import CLASSES, Images, load
from odenet.demo.training import Loss, margin_loss, train
from odenet.driver import Loaded
from odenet.proof.show import report_text
from odenet.text import escape

_LEGEND = """\
r in units of one pixel's range. Certified: margin > sqrt(2) * {constant:g} * r, with the proved constant {constant:g}, so no change
of size r can change the answer (Tsuzuku et al. 2018). Attacked: what the attack left standing."""
RADII = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Settings:
    seed: int
    epochs: int = 200
    rate: float = 1e-2
    plain_rate: float = 2e-3
    loss: Loss = field(default_factory=lambda: margin_loss(radius=0.5, temperature=0.1))


@dataclass(frozen=True)
class Outcome:
    """What was found on the test images.

    certified, plain_clean [count]: certified radii; the right answers of the plain network. attacked, plain [radii, count]:
    what survived the attacks. proved, measured: Lipschitz constants of the certified network.
    """

    certified: Tensor
    attacked: Tensor
    plain_clean: Tensor
    plain: Tensor
    proved: float
    measured: float

    def rows(self) -> list[tuple[float, float, float, float]]:
        """(radius, certified accuracy, attacked accuracy, attacked accuracy of the plain network), radius 0 first."""
        clean = _share(self.certified > 0)
        rows = [(0.0, clean, clean, _share(self.plain_clean))]
        for index, radius in enumerate(RADII):
            rows.append((radius, _share(self.certified > radius), _share(self.attacked[index]), _share(self.plain[index])))
        return rows


def tell(settings: Settings, output: Path) -> Outcome:
    """Run the demo on standard output. Raises OSError when the picture cannot be written."""
    console, start = Console(highlight=False), time.perf_counter()
    torch.set_num_threads(1)  # matrices of this size are slower on two threads, and much slower where the cores are shared
    loaded = networks.spec()
    _show_proof(console, loaded)
    torch.manual_seed(settings.seed)
    certified, plain = networks.certified(loaded), networks.plain(loaded, CLASSES)
    training, tests = load(settings.seed)
    sizes = f"{networks.parameter_count(certified):,} and {networks.parameter_count(plain):,} trained numbers"
    console.print(f"\n[bold]Training[/bold] on {len(training):,} images, {settings.epochs} rounds each, {sizes}", soft_wrap=True)
    _train(console, settings, training, certified, plain)
    attacked, attacked_plain = _attack(console, settings, tests, certified, plain)
    proved = networks.proved_constant(loaded)
    outcome = Outcome(certified_radii(certified, tests, proved), attacked, attack.right(plain, tests.pixels, tests.labels),
                      attacked_plain, proved, measured_constant(certified, torch.cat((training.pixels, tests.pixels))))
    _show_outcome(console, outcome)
    rows = outcome.rows()
    picture.save(output, outcome.certified, RADII, [row[2] for row in rows], [row[3] for row in rows])
    console.print(f"\nwrote {escape(str(output))} ({time.perf_counter() - start:.0f} s in all)", soft_wrap=True)
    return outcome


def _show_proof(console: Console, loaded: Loaded) -> None:
    console.print("[bold]Proof[/bold] for all parameter values, all sizes and all inputs")
    console.print(Text.from_ansi(report_text(loaded.model, loaded.report.findings, _ansi)), soft_wrap=True)
    lines = loaded.source().count("\n")
    console.print(f"\n[bold]Module[/bold]  {lines} lines of PyTorch; "
                  f"`odenet new digits --from {networks.SPEC}` and `odenet compile digits.ode` write it", soft_wrap=True)


def _ansi(text: str, colour: str) -> str:
    return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)


def _bar(console: Console) -> Progress:
    return Progress(TextColumn("  {task.description:<16}"), BarColumn(28), MofNCompleteColumn(), TimeElapsedColumn(),
                    TimeRemainingColumn(), TextColumn("{task.fields[note]}"), console=console)


def _train(console: Console, settings: Settings, images: Images, certified: nn.Module, plain: nn.Module) -> None:
    jobs: tuple[tuple[str, nn.Module, Loss, float], ...] = (
        ("odenet", certified, settings.loss, settings.rate), ("plain", plain, F.cross_entropy, settings.plain_rate))
    with _bar(console) as progress:
        tasks = [progress.add_task(name, total=settings.epochs, start=False, note="") for name, *_ in jobs]
        for task, (_, network, loss, rate) in zip(tasks, jobs, strict=True):
            progress.start_task(task)
            train(network, images, loss, rate, settings.epochs, settings.seed,
                  lambda value, task=task: progress.update(task, advance=1, note=f"loss {value:.4f}"))  # type: ignore[misc]


def _attack(console: Console, settings: Settings, tests: Images, certified: nn.Module, plain: nn.Module) -> list[Tensor]:
    console.print(f"\n[bold]Attack[/bold] on {len(tests)} test images: projected gradients, {attack.STEPS} steps from "
                  f"{attack.RESTARTS} random starts, at {len(RADII)} radii", soft_wrap=True)
    found = []
    with _bar(console) as progress:
        tasks = [progress.add_task(name, total=len(RADII), start=False, note="") for name in ("odenet", "plain")]
        for task, network in zip(tasks, (certified, plain), strict=True):
            progress.start_task(task)
            found.append(attack.survivors(network, tests.pixels, tests.labels, RADII, settings.seed,
                                          lambda task=task: progress.advance(task)))  # type: ignore[misc]
    return found


def _show_outcome(console: Console, outcome: Outcome) -> None:
    table = Table(title="\nTest images classified right after a change of l2 size r", title_style="bold", title_justify="left")
    table.add_column("r", justify="right")
    for name, style in (("odenet certified", "bold"), ("odenet attacked", ""), ("plain attacked", "")):
        table.add_column(name, justify="right", style=style)
    for radius, *shares in outcome.rows():
        name = f"{radius:g}" if radius else "0 (clean)"
        table.add_row(name, *(f"{100 * share:.1f} %" for share in shares))
    console.print(table)
    console.print(_LEGEND.format(constant=outcome.proved), soft_wrap=True)
    radii = torch.tensor(RADII, dtype=outcome.certified.dtype)[:, None]
    certified = outcome.certified[None] > radii
    broken = int((certified & ~outcome.attacked).sum())
    console.print(f"certified answers that the attack changed: {broken} of {int(certified.sum())}")
    console.print(f"Lipschitz constant: proved <= {outcome.proved:g}, measured {outcome.measured:.7f} in float32 "
                  "(Jacobians at all images, ratios of all pairs)", soft_wrap=True)


def _share(hits: Tensor) -> float:
    return hits.double().mean().item()
