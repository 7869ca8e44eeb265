"""The picture: accuracy against the size of the change."""
from __future__ import annotations

import io
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from odenet.files import write_bytes

_BLUE, _ORANGE = "#0072B2", "#D55E00"  # told apart by colour-blind readers (Okabe, Ito 2008); the lines differ as well


def save(path: Path, certified: Tensor, radii: tuple[float, ...], attacked: list[float], plain: list[float]) -> None:
    """`certified` [count] are the certified radii of the test images; `attacked`, `plain` the accuracies at 0 and `radii`."""
    places = (0.0, *radii)
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    axes = figure.subplots()
    grid = torch.linspace(0, radii[-1], 400, dtype=certified.dtype)
    proved = [100 * (certified > r).double().mean().item() for r in grid]
    axes.plot(grid, proved, color=_BLUE, lw=2.5, label="odenet, certified")
    axes.plot(places, _percent(attacked), color=_BLUE, lw=1.6, ls="--", marker="o", label="odenet, attacked")
    axes.plot(places, _percent(plain), color=_ORANGE, lw=1.6, ls=":", marker="s", label="plain network, attacked")
    axes.set(xlim=(0, radii[-1]), ylim=(0, 102), xlabel="size of the change of the image (l2; 1 = one pixel from white to black)",
             ylabel="test images classified right (%)", title="Handwritten digits: proved and attacked accuracy")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", framealpha=0.95)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=120, format=path.suffix.removeprefix(".") or "png")
    write_bytes(path, drawn.getvalue())


def _percent(values: list[float]) -> list[float]:
    return [100 * value for value in values]
