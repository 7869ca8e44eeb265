"""A vector field learned from pairs of states a short time apart, as a gradient and a part that turns spheres.

    python docs/experiments/field.py        writes field.md and field.png; about 5 minutes on one core
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.integrate import solve_ivp
from torch import Tensor

from odenet.driver import load

SPEC = Path(__file__).parents[2] / "specs" / "gallery" / "presnov_field.ode"
COUNT, STEP, EPOCHS, BATCH, RATE = 1000, 0.05, 150, 64, 3e-2
AHEAD = 10  # steps of the trajectories that are compared with the truth
PAPER = "5.0e-05"  # the logged 5.474e-06 is the sum of 11 batches over 100


def rates(x: np.ndarray) -> np.ndarray:
    return np.sin(x) ** 3 + x**3


def solution(start: Tensor, times: np.ndarray) -> Tensor:
    """The states [times, count, 4] of x' = sin(x)^3 + x^3 from `start` [count, 4], to about eleven digits."""
    begin, ends = start.reshape(-1).numpy(), (0, times[-1])
    found = solve_ivp(lambda t, x: rates(x), ends, begin, "RK45", times, rtol=1e-11, atol=1e-11)
    return torch.from_numpy(found.y.T.reshape(len(times), *start.shape).copy())


def start(variant: str, seed: int, quick: bool) -> harness.Training:
    count, epochs = (COUNT // 5, 2) if quick else (COUNT, EPOCHS)
    cut = count * 9 // 10
    net = load(SPEC).module()(dtype=torch.float64)
    before = 2 * torch.rand(count, 4, dtype=torch.float64) - 1
    after = solution(before, np.array([0, STEP]))[1]

    def measure() -> dict[str, Any]:
        with torch.no_grad():
            return measured(net, before, after, cut)

    return harness.fitting(net, (before[:cut], after[:cut]), RATE, epochs, BATCH, seed, measure)


def measured(net: Any, before: Tensor, after: Tensor, cut: int) -> dict[str, Any]:
    """Errors of the step on the pairs from `cut` on, of the field, and of trajectories; and what the parts keep."""
    errors = (net(before) - after).square().mean(1)
    field = net.field(0.0, before[cut:]).numpy()
    exact = rates(before[cut:].numpy())
    begin = before[cut:] / 2  # further out, solutions leave for infinity within half a unit of time
    truth, state = solution(begin, STEP * np.arange(AHEAD + 1)), begin
    for _ in range(AHEAD):
        state = net(state)
    around = net.sphere(before)
    return {"train": float(errors[:cut].mean()), "test": float(errors[cut:].mean()),
            "still": float((after - before).square().mean()), "parameters": sum(p.numel() for p in net.parameters()),
            "field": float(np.sqrt(np.mean((field - exact) ** 2) / np.mean(exact**2))),
            "far": float((state - truth[-1]).square().mean().sqrt() / (truth[-1] - begin).square().mean().sqrt()),
            "norm": float((around.norm(dim=1) / before.norm(dim=1) - 1).abs().max()), "portrait": portrait(net)}


def portrait(net: Any) -> list[list[list[float]]]:
    """Learned solutions from points of the plane (x1, x2, 0, 0), for half a unit of time: [point][coordinate][time]."""
    lines = []
    for x, y in places():
        found = solve_ivp(lambda t, z: net.field(0.0, torch.from_numpy(z)).numpy(), (0, 0.5), [x, y, 0, 0],
                          t_eval=np.linspace(0, 0.5, 26), rtol=1e-8, atol=1e-8)
        lines.append(found.y[:2].tolist())
    return lines


def places() -> list[tuple[float, float]]:
    grid = np.linspace(-0.7, 0.7, 8)
    return [(float(x), float(y)) for x in grid for y in grid]


def tables(results: harness.Results) -> dict[str, str]:
    (runs,) = results.values()
    rows = [
        ["MSE of a step, training pairs", PAPER, harness.spread(runs, "train")],
        ["MSE of a step, test pairs", "", harness.spread(runs, "test")],
        ["the same if nothing moved", "", harness.spread(runs, "still")],
        ["field, relative error on test points", "", harness.spread(runs, "field", ".1%")],
        [f"{AHEAD} steps ahead, error over distance travelled", "", harness.spread(runs, "far", ".1%")],
        ["largest relative change of the norm in a turn", "1e-07 (float32)", harness.spread(runs, "norm", ".0e")],
        ["trained numbers", "8,173", f"{runs[0]['parameters']:,}"],
        ["seconds a run", "", harness.least_seconds(runs)],
    ]
    return {"field": harness.table(["", "official code", "odenet"], rows)}


def draw(figure: Figure, results: harness.Results) -> None:
    """Solutions from a grid of points of the plane x3 = x4 = 0: the true ones, and those of the learned field."""
    (runs,) = results.values()
    axes = figure.subplots()
    for index, ((x, y), line) in enumerate(zip(places(), runs[0]["portrait"], strict=True)):
        exact = solution(torch.tensor([[x, y]], dtype=torch.float64), np.linspace(0, 0.5, 26))[:, 0]
        axes.plot(exact[:, 0], exact[:, 1], color=harness.GREY, lw=3, alpha=0.4, label=None if index else "truth")
        axes.plot(*line, color=harness.BLUE, lw=1.2, label=None if index else "learned")
        axes.plot(x, y, color=harness.ORANGE, marker="o", ms=3, ls="", label=None if index else "start")
    axes.set(xlabel="first coordinate", ylabel="second coordinate", xlim=(-1.25, 1.25), ylim=(-1.25, 1.25),
             aspect="equal", title="half a unit of time; third and fourth coordinate 0")
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))


def experiment() -> harness.Experiment:
    """Train the network for a vector field, and write its table and picture."""
    settings = {"spec": SPEC.read_text(encoding="utf-8"), "epochs": EPOCHS, "rate": RATE, "ahead": AHEAD}
    return harness.Experiment(__file__, ("field",), start, tables, draw, settings)


if __name__ == "__main__":
    harness.main(experiment)
