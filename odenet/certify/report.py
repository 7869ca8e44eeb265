"""A certificate as text, as JSON and as a picture."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from odenet.certify.accuracy import Certified
from odenet.certify.analysis import Certificate
from odenet.certify.enclosures import Array
from odenet.files import write_bytes

_ROWS = 40  # layers that are shown one by one


@dataclass(frozen=True)
class Findings:
    """A certificate and what was found on data: `attacked` [radii, count] are answers that stayed right under `attack`."""

    certificate: Certificate
    data: Certified | None = None
    attacked: Array | None = field(default=None, repr=False)
    attack: str = ""
    why_no_data: str = ""

    @property
    def broken(self) -> int:
        """Certified answers that the attack changed: 0, or something here is wrong."""
        if self.data is None or self.attacked is None:
            return 0
        return int((self.data.robust & ~self.attacked).sum())

    @property
    def outside(self) -> list[str]:
        """Parameters that are not in their sets, so that no claim holds for these weights."""
        return list(dict.fromkeys(r.parameter for r in self.certificate.residuals if r.is_outside))

    @property
    def exceeds_proof(self) -> bool:
        """Whether a slope was measured that is above the proved constant by more than rounding of charts explains.

        A bound above the proved constant shows nothing: it may be slack.
        """
        certificate = self.certificate
        return certificate.proved is not None and certificate.measured > certificate.proved * (1 + 1e-3)

    @property
    def is_wrong(self) -> bool:
        """Whether a slope was measured that is above the bound: then something here is wrong."""
        return self.certificate.measured > self.certificate.constant * (1 + 1e-6)


def as_json(found: Findings) -> dict[str, Any]:
    """The object that `odenet certify --format json` prints."""
    c = found.certificate
    rounding = c.rounding
    result: dict[str, Any] = {
        "model": c.model,
        "digest": c.digest,
        "dtype": str(c.dtype).removeprefix("torch."),
        "proved": c.proved,
        "residuals": [
            {
                "parameter": r.parameter,
                "set": r.set,
                "measure": r.measure,
                "distance": _finite(r.distance),
                "outside": r.is_outside,
                "values": r.largest and [_finite(v) for v in r.largest],
            }
            for r in c.residuals
        ],
        "gap": c.gap or None,
        "layers": [
            {
                "shapes": layer.segment.shapes,
                "operations": layer.segment.operations,
                "norms": _finite(layer.simple),
                "constant": _finite(layer.constant),
            }
            for layer in c.layers
        ],
        "norms": _finite(c.simple),
        "product": _finite(c.product),
        "constant": _finite(c.constant),
        "measured": c.measured,
        "rounding": None
        if rounding is None
        else {"at_centre": _finite(float(rounding(0.0))), "at_distance_1": _finite(float(rounding(1.0)))},
    }
    if found.data is not None:
        rows = _rows(found)
        result["data"] = {
            "count": len(found.data.clean),
            "rounding": _finite(found.data.error),
            "attack": found.attack or None,
            "broken": found.broken if found.attacked is not None else None,
            "accuracy": [{"radius": r, "certified": a, "attacked": b} for r, a, b in rows],
        }
    return result


def show(found: Findings, console: Any) -> None:
    """Print everything on a rich console."""
    from rich.table import Table

    c = found.certificate
    console.print(f"[bold]{c.model}[/bold]  weights in {str(c.dtype).removeprefix('torch.')}", soft_wrap=True)
    if c.residuals:
        table = Table(title="Parameters as the module uses them", title_style="bold", title_justify="left")
        for name, side in (
            ("parameter", "left"),
            ("set", "left"),
            ("outside by at most", "right"),
            ("", "left"),
            ("largest, smallest", "left"),
        ):
            table.add_column(name, justify=side)  # type: ignore[arg-type]
        for r in c.residuals:
            values = "" if r.largest is None else f"{r.largest[0]:.6g} .. {r.largest[1]:.6g}"
            table.add_row(r.parameter, r.set, f"{r.distance:.1e}" if r.distance > 1e-200 else "0", r.measure, values)
        console.print(table)
    if c.gap:
        console.print(f"Lipschitz constant: none is known for these weights: {c.gap}", soft_wrap=True)
        return
    _show_layers(c, console)
    proved = "no claim" if c.proved is None else f"<= {c.proved:g}"
    console.print(f"Lipschitz constant, whatever the weights (proved by the compiler): {proved}", soft_wrap=True)
    console.print(
        f"with these weights: product of norms {_up(c.simple)}, product of layers {_up(c.product)}, "
        f"[bold]all layers together {_up(c.constant)}[/bold]; largest slope measured {c.measured:.6g}",
        soft_wrap=True,
    )
    if c.rounding is not None:
        console.print(
            f"rounding: outputs are within {_up(float(c.rounding(0.0)))} of exact arithmetic at the centre, within "
            f"{_up(float(c.rounding(1.0)))} at distance 1 from it",
            soft_wrap=True,
        )
    if found.data is not None:
        _show_data(found, console)
    elif found.why_no_data:
        console.print(found.why_no_data, soft_wrap=True)


def _show_layers(c: Certificate, console: Any) -> None:
    from rich.table import Table

    table = Table(title="Layers", title_style="bold", title_justify="left")
    for name, side in (
        ("", "right"),
        ("from", "left"),
        ("to", "left"),
        ("operations", "left"),
        ("norms", "right"),
        ("constant", "right"),
    ):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    shown = list(enumerate(c.layers, 1))
    left_out = len(shown) - _ROWS
    if left_out > 0:
        shown = shown[: _ROWS // 2] + shown[-(_ROWS // 2) :]
    for place, (number, layer) in enumerate(shown):
        if left_out > 0 and place == _ROWS // 2:
            table.add_row("", f"({left_out} more)")
        before, after = layer.segment.shapes
        table.add_row(str(number), before, after, layer.segment.operations, _up(layer.simple), _up(layer.constant))
    console.print(table)


def _show_data(found: Findings, console: Any) -> None:
    from rich.table import Table

    assert found.data is not None
    table = Table(
        title=f"Right answers within r (2-norm) of {len(found.data.clean)} inputs", title_style="bold", title_justify="left"
    )
    table.add_column("r", justify="right")
    table.add_column("certified", justify="right", style="bold")
    if found.attacked is not None:
        table.add_column(f"attacked ({found.attack})", justify="right")
    for radius, certified, attacked in _rows(found):
        cells = [f"{radius:g}" if radius else "0 (clean)", f"{100 * certified:.2f} %"]
        table.add_row(*cells, *([f"{100 * attacked:.2f} %"] if attacked is not None else []))
    console.print(table)
    console.print(f"rounding of the module counted: scores within {found.data.error:.2e}", soft_wrap=True)
    if found.attacked is not None:
        total = int(found.data.robust.sum())
        console.print(f"certified answers that the attack changed: {found.broken} of {total}", soft_wrap=True)


def _rows(found: Findings) -> list[tuple[float, float, float | None]]:
    """(radius, certified share, attacked share or None), radius 0 first."""
    assert found.data is not None
    clean = float(found.data.clean.mean())
    rows: list[tuple[float, float, float | None]] = []
    if 0.0 not in found.data.radii:
        rows.append((0.0, clean, None if found.attacked is None else clean))
    for index, radius in enumerate(found.data.radii):
        attacked = None if found.attacked is None else float(found.attacked[index].mean())
        certified = float(found.data.robust[index].mean()) if radius else clean
        rows.append((radius, certified, clean if radius == 0 and attacked is not None else attacked))
    return rows


def save_picture(path: Path, found: Findings) -> None:
    """Certified and attacked accuracy against the radius."""
    from matplotlib.figure import Figure

    assert found.data is not None
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    axes = figure.subplots()
    rows = _rows(found)
    grid = np.linspace(0, rows[-1][0], 400)
    exact = [100 * float((found.data.radii_exact > r).mean()) for r in grid]
    axes.plot(grid, exact, color="#0072B2", lw=1.2, alpha=0.6, label="certified, exact arithmetic")
    axes.plot(
        [r for r, *_ in rows], [100 * a for _, a, _ in rows], color="#0072B2", lw=2.2, marker="o", label="certified, as it runs"
    )
    if found.attacked is not None:
        axes.plot(
            [r for r, *_ in rows],
            [100 * (b or 0.0) for *_, b in rows],
            color="#D55E00",
            lw=1.6,
            ls="--",
            marker="s",
            label=f"attacked ({found.attack})",
        )
    axes.set(
        xlim=(0, rows[-1][0]),
        ylim=(0, 102),
        xlabel="size of the change of the input (2-norm)",
        ylabel="right answers (%)",
        title=f"{found.certificate.model}: the truth lies between certified and attacked",
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="best", framealpha=0.95)
    with tempfile.TemporaryDirectory(prefix="odenet-") as folder:
        drawn = Path(folder) / "picture"
        figure.savefig(drawn, dpi=120, format=path.suffix.removeprefix(".") or "png")
        write_bytes(path, drawn.read_bytes())


def _up(value: float) -> str:
    """Six digits, rounded up."""
    if not math.isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    digits = 5 - math.floor(math.log10(value))
    if value <= 1 + 1e-9 and value >= 1:
        return "1.00000"
    scaled = math.ceil(value * 10.0**digits * (1 - 1e-9)) / 10.0**digits if -300 < digits < 300 else value
    return f"{scaled:.6g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
