"""Two functions learned from noisy values by layers that step along gradients and turn on spheres.

    python docs/experiments/regression.py        writes regression.md and regression.png; about 3 minutes on one core
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import torch
from matplotlib.figure import Figure
from torch import Tensor

from odenet.driver import load

SPEC = Path(__file__).parents[2] / "specs" / "gallery" / "presnov_regression.ode"
NOISE, COUNT, EPOCHS, BATCH, RATE = 0.01, 2000, 150, 64, 1e-2  # all as in the official code
TASKS = {  # variant: dimension, test errors of three seeds of the official code, run again
    "abs(x) + sin(x) + x^2": (1, "4.1e-04, 1.3e-03, 7.6e-04"),
    "norm(x), in the plane": (2, "9.0e-02, 1.7e-04, 1.3e-02"),
}


def truth(x: Tensor) -> Tensor:
    """The values [count, 1] at x [count, 1] or [count, 2]."""
    return x.abs() + x.sin() + x.square() if x.shape[1] == 1 else x.norm(dim=1, keepdim=True)


def start(variant: str, seed: int, quick: bool) -> harness.Training:
    dimension, _ = TASKS[variant]
    count, epochs = (COUNT // 5, 2) if quick else (COUNT, EPOCHS)
    cut = count * 9 // 10
    net = load(SPEC).module()(d=dimension)
    points = torch.randn(count, dimension)
    values = truth(points)
    noisy = values + NOISE * torch.randn_like(values)

    def measure() -> dict[str, Any]:
        with torch.no_grad():
            found = net(points)
            grid = torch.linspace(-3, 3, 201)[:, None]
            curve = net(grid)[:, 0].tolist() if dimension == 1 else []
            before, after = turned(net, 5 * torch.randn(200, 10))
        errors = (found - values)[cut:, 0]
        return {"noisy": float((found - noisy)[cut:].square().mean()), "clean": float(errors.square().mean()),
                "train": float((found - noisy)[:cut].square().mean()), "curve": curve,
                "radius": points[cut:].norm(dim=1).tolist(), "errors": errors.abs().tolist(),
                "parameters": sum(p.numel() for p in net.parameters()),
                "turned": float((after / before - 1).abs().max())}

    return harness.fitting(net, (points[:cut], noisy[:cut]), RATE, epochs, BATCH, seed, measure, clip=1.0)


def turned(net: Any, states: Tensor) -> tuple[Tensor, Tensor]:
    """The lengths of states [count, 10] before and after all turns of the trained layers, which keep them."""
    return states.norm(dim=1), net.turns(states).norm(dim=1)


def tables(results: harness.Results) -> dict[str, str]:
    rows = [[variant, f"{runs[0]['parameters']:,}", TASKS[variant][1], harness.spread(runs, "noisy"),
             harness.spread(runs, "clean"), f"{max(run['turned'] for run in runs):.1e}",
             harness.least_seconds(runs)] for variant, runs in results.items()]
    head = ["function", "numbers", "official code, test MSE", "odenet, test MSE", "the same without noise",
            "largest relative change of the norm in the turns", "seconds a run"]
    return {"regression": harness.table(head, rows)}


def draw(figure: Figure, results: harness.Results) -> None:
    """Left the learned curve; right the errors at test points."""
    left, right = figure.subplots(1, 2)
    (one, first), (two, second) = results.items()
    grid = torch.linspace(-3, 3, 201)[:, None]
    left.plot(grid[:, 0], truth(grid)[:, 0], color=harness.GREY, lw=3, alpha=0.5, label=one)
    left.plot(grid[:, 0], first[0]["curve"], color=harness.BLUE, lw=1, label="network")
    left.set(xlabel="x", title="one dimension")
    left.legend()
    for name, runs, colour, mark in ((one, first, harness.BLUE, "o"), (two, second, harness.ORANGE, "^")):
        right.semilogy(runs[0]["radius"], runs[0]["errors"], color=colour, ls="", marker=mark, ms=3, label=name)
    right.axhline(NOISE, color=harness.GREY, ls="--", lw=1, label="noise of the data")
    right.set(xlabel="distance from 0", ylabel="error without noise", title="200 test points")
    right.legend()


def experiment() -> harness.Experiment:
    """Train the networks for two functions, and write their table and picture."""
    settings = {"spec": SPEC.read_text(encoding="utf-8"), "epochs": EPOCHS, "rate": RATE, "clip": 1.0}
    return harness.Experiment(__file__, tuple(TASKS), start, tables, draw, settings)


if __name__ == "__main__":
    harness.main(experiment)
