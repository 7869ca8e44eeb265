"""An epidemic learned by networks that keep the sum of the compartments: one unit of time, and a short step.

    python docs/experiments/sir.py        writes docs/experiments/sir.md and sir.png; about 5 minutes on one core
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

SPECS = Path(__file__).parents[2] / "specs"
# variant: spec, how many points, length of a step, steps in the loss, what the official code reports
TASKS: dict[str, tuple[str, int, float, int, str]] = {
    "map, as coded": ("paper/sir_map.ode", 1000, 1.0, 1, "3.35e-06"),
    "map": ("gallery/sir_map.ode", 1000, 1.0, 1, "3.35e-06"),
    "step, as coded": ("paper/sir_step.ode", 2000, 0.025, 4, "3.92e-06"),
    "step": ("gallery/sir_step.ode", 2000, 0.025, 4, "3.92e-06"),
}
EPOCHS, BATCH = 150, 32  # as in the official code
RATES = {"map, as coded": 1e-2, "map": 5e-3, "step, as coded": 1e-2, "step": 3e-3}
FAR = 400  # steps of the long run


def solution(start: Tensor, times: np.ndarray) -> Tensor:
    """The states [times, count, 3] of s' = -s i, i' = s i - i, r' = i from `start` [count, 3], to eleven digits."""

    def rates(t: float, state: np.ndarray) -> np.ndarray:
        s, i, _ = state.reshape(3, -1)
        return np.concatenate((-s * i, s * i - i, i))

    found = solve_ivp(rates, (0, times[-1]), start.T.reshape(-1).numpy(), "RK45", times, rtol=1e-11, atol=1e-11)
    return torch.from_numpy(found.y.reshape(3, -1, len(times)).transpose(2, 1, 0).copy())


def data(count: int, step: float, steps: int) -> Tensor:
    """Solutions [steps + 1, count, 3], the same for each seed. Starts are uniform in the unit cube, over their sum."""
    start = torch.from_numpy(np.random.default_rng(0).random((count, 3)))
    return solution(start / start.sum(1, keepdim=True), step * np.arange(steps + 1))


def network(spec: str) -> torch.nn.Module:
    """The compiled net, once its claims are proved. The official code draws its steps from the normal distribution."""
    found: torch.nn.Module = load(SPECS / spec).module()(dtype=torch.float64)
    with torch.no_grad():
        for name, values in found.named_parameters():
            if spec.startswith("paper") and name in ("h", "l"):
                values.normal_()
    return found


def start(variant: str, seed: int, quick: bool) -> harness.Training:
    spec, count, step, steps, _ = TASKS[variant]
    count, epochs = (count // 10, 2) if quick else (count, EPOCHS)
    truth = data(count, step, steps)
    order = torch.randperm(count)
    training, tests = truth[:, order[: count * 9 // 10]], truth[:, order[count * 9 // 10 :]]
    net = network(spec)
    as_coded, updates = spec.startswith("paper"), -(-training.shape[1] // BATCH)
    decay = 1e-5 if variant == "map, as coded" else 0.0
    optimizer = torch.optim.Adam(net.parameters(), RATES[variant], weight_decay=decay)
    schedule: Any = (torch.optim.lr_scheduler.StepLR(optimizer, 60 * updates, 0.1) if as_coded else
                     torch.optim.lr_scheduler.OneCycleLR(optimizer, RATES[variant], epochs * updates,
                                                         pct_start=0.1, final_div_factor=1e4))

    def path(x: Tensor, length: int) -> Tensor:
        states = [x]
        for _ in range(length):
            states.append(net(states[-1]))
        return torch.stack(states)

    def loss(truth: Tensor) -> Tensor:
        """The mean square over steps, points and compartments."""
        return (path(truth[0], steps)[1:] - truth[1:]).square().mean()

    def advance(epoch: int) -> float:
        total = 0.0
        for batch in harness.batches(training.shape[1], BATCH, seed, epoch):
            found = loss(training[:, batch])
            optimizer.zero_grad()
            found.backward()
            if not as_coded:
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(found.detach()) * len(batch) / training.shape[1]
        return total

    def measure() -> dict[str, Any]:
        with torch.no_grad():
            length = FAR if steps > 1 else steps
            run = path(tests[0], length)
            exact = solution(tests[0], step * np.arange(length + 1))
        return {"test": float(loss(tests).detach()), "still": float((truth[1:] - truth[0]).square().mean()),
                "sum": float((run.sum(-1) - 1).abs().max()), "parameters": sum(p.numel() for p in net.parameters()),
                "error": (run - exact).square().mean((1, 2)).sqrt().tolist(),
                "run": run[:, 0].tolist(), "exact": exact[:, 0].tolist()}

    return harness.Training({"network": net, "optimizer": optimizer, "schedule": schedule}, epochs, advance, measure)


def tables(results: harness.Results) -> dict[str, str]:
    rows = []
    for variant, runs in results.items():
        spec, _, _, steps, paper = TASKS[variant]
        far = harness.spread([{"far": run["error"][-1]} for run in runs], "far", ".1e") if steps > 1 else ""
        rows.append([f"{variant} ([spec](../../specs/{spec}))", f"{runs[0]['parameters']:,}", paper,
                     harness.spread(runs, "test"), f"{runs[0]['still']:.1e}", f"{max(run['sum'] for run in runs):.1e}",
                     far, harness.least_seconds(runs)])
    head = ["network", "numbers", "paper, test MSE", "odenet, test MSE", "if nothing moved", "largest abs(sum - 1)",
            f"error after {FAR} steps", "seconds a run"]
    return {"sir": harness.table(head, rows)}


def draw(figure: Figure, results: harness.Results) -> None:
    """Left a long run from a test point; right how the error of the two steps grows."""
    left, right = figure.subplots(1, 2)
    run, exact = (np.array(results["step"][0][key]) for key in ("run", "exact"))
    times = 0.025 * np.arange(len(run))
    marks = slice(0, None, max(1, len(run) // 16))
    blocks = (("susceptible", harness.BLUE, "o"), ("infected", harness.ORANGE, "s"), ("removed", harness.GREEN, "^"))
    for place, (name, colour, mark) in enumerate(blocks):
        left.plot(times, exact[:, place], color=colour, lw=1.2)
        left.plot(times[marks], run[marks, place], color=colour, ls="", marker=mark, ms=4, label=name)
    left.set(xlabel="time", ylabel="share", title="lines: truth, marks: network", ylim=(0, 1))
    left.legend()
    for variant, colour, style in (("step, as coded", harness.ORANGE, "--"), ("step", harness.BLUE, "-")):
        errors = np.mean([run["error"] for run in results[variant]], 0)
        right.semilogy(times[1:], errors[1:], color=colour, ls=style, label=variant)
    right.set(xlabel="time", ylabel="root mean square error", title="all test points, mean of the seeds")
    right.grid(alpha=0.3)
    right.legend()


def experiment() -> harness.Experiment:
    """Train the networks for an epidemic, and write their table and picture."""
    texts = {variant: (SPECS / task[0]).read_text(encoding="utf-8") for variant, task in TASKS.items()}
    settings = {"specs": texts, "epochs": EPOCHS, "rates": RATES, "clip": 1.0, "far": FAR}
    return harness.Experiment(__file__, tuple(TASKS), start, tables, draw, settings)


if __name__ == "__main__":
    harness.main(experiment)
