"""Maps of the plane that change area and are not one to one, learned by symplectic maps of four dimensions.

    python docs/experiments/hamiltonian_lift.py    writes hamiltonian_lift.md and hamiltonian_lift.png; 2 minutes
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import torch
from matplotlib.figure import Figure
from torch import Tensor

from odenet.driver import load

SPECS = Path(__file__).parents[2] / "specs" / "gallery"
COUNT, TESTS, EPOCHS, BATCH, RATE = 2000, 500, 200, 64, 2e-2


def swirl(x: Tensor) -> Tensor:
    """Turned by an angle that grows with the distance from 0, and halved: area shrinks fourfold."""
    angle = 2 * x.norm(dim=1)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((cos * x[:, 0] - sin * x[:, 1], sin * x[:, 0] + cos * x[:, 1]), 1) / 2


def squared(x: Tensor) -> Tensor:
    """The square of x[0] + i x[1]: two points for each value, and area is kept nowhere but on a circle."""
    return torch.stack((x[:, 0] ** 2 - x[:, 1] ** 2, 2 * x[:, 0] * x[:, 1]), 1)


TARGETS = {"a swirl that halves": swirl, "the complex square": squared}
NETWORKS = {"in the plane": "volume_preserving_net", "lifted": "hamiltonian_lift"}
VARIANTS = tuple(f"{target}, {network}" for target in TARGETS for network in NETWORKS)


class Planar(torch.nn.Module):
    """A module of two blocks as a map of points [count, 2]: the blocks are the coordinates, or the point and zeros."""

    def __init__(self, network: str) -> None:
        super().__init__()
        self.is_lifted = network == "hamiltonian_lift"
        self.module = load(SPECS / f"{network}.ode").module()(dtype=torch.float64)

    def lift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return (x, torch.zeros_like(x)) if self.is_lifted else (x[:, :1], x[:, 1:])

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.module(*self.lift(x))
        return first if self.is_lifted else torch.cat((first, second), 1)

    def returned(self, x: Tensor) -> Tensor:
        """The whole state moved there and back, less what it was: [count, 2 or 4]."""
        state = self.lift(x)
        back = self.module.inverse(*self.module(*state))
        return torch.cat([one - other for one, other in zip(back, state, strict=True)], 1)

    def determinants(self, x: Tensor) -> Tensor:
        """Of the Jacobians of the whole state's map [count], by automatic differentiation."""
        whole = torch.cat(self.lift(x), 1)
        half = whole.shape[1] // 2

        def run(z: Tensor) -> Tensor:
            return torch.cat(self.module(z[:half], z[half:]))

        return torch.linalg.det(torch.func.vmap(torch.func.jacrev(run))(whole))


def start(variant: str, seed: int, quick: bool) -> harness.Training:
    target, network = variant.rsplit(", ", 1)
    count, epochs = (COUNT // 5, 2) if quick else (COUNT, EPOCHS)
    points = 2 * torch.rand(count + TESTS, 2, dtype=torch.float64) - 1
    values = TARGETS[target](points)
    net = Planar(NETWORKS[network])

    def measure() -> dict[str, Any]:
        tests = points[count:]
        determinants = net.determinants(tests)
        with torch.no_grad():
            return {"test": float((net(tests) - values[count:]).square().mean()),
                    "inverse": float(net.returned(tests).abs().max()),
                    "determinant": float((determinants - 1).abs().max().detach()),
                    "parameters": sum(p.numel() for p in net.parameters()),
                    "grid": [net(line).tolist() for line in lines()]}

    return harness.fitting(net, (points[:count], values[:count]), RATE, epochs, BATCH, seed, measure, clip=1.0)


def lines() -> list[Tensor]:
    """A grid over the square, as lines [61, 2]."""
    along = torch.linspace(-1, 1, 61, dtype=torch.float64)
    found = []
    for place in torch.linspace(-1, 1, 9, dtype=torch.float64):
        other = place.expand(61)
        found += [torch.stack((along, other), 1), torch.stack((other, along), 1)]
    return found


def tables(results: harness.Results) -> dict[str, str]:
    rows = []
    for variant, runs in results.items():
        target, network = variant.rsplit(", ", 1)
        rows.append([target, f"[{network}](../../specs/gallery/{NETWORKS[network]}.ode)", f"{runs[0]['parameters']:,}",
                     harness.spread(runs, "test"), f"{max(run['determinant'] for run in runs):.0e}",
                     f"{max(run['inverse'] for run in runs):.0e}", harness.least_seconds(runs)])
    head = ["map", "network", "numbers", "test MSE", "largest abs(det - 1)", "there and back", "seconds a run"]
    return {"lift": harness.table(head, rows)}


def draw(figure: Figure, results: harness.Results) -> None:
    """A grid of the square under each map: the truth, the net of the plane, and the lifted one."""
    figure.set_size_inches(7.2, 5.0)
    axes = figure.subplots(len(TARGETS), 3)
    for row, (target, function) in zip(axes, TARGETS.items(), strict=True):
        found = [(f"{target}, {name}", results[f"{target}, {name}"][0]["grid"]) for name in NETWORKS]
        pictures = [(target, [function(line).tolist() for line in lines()]), *found]
        for place, (title, grid) in enumerate(pictures):
            for index, line in enumerate(grid):
                xs, ys = zip(*line, strict=True)
                row[place].plot(xs, ys, color=(harness.BLUE, harness.ORANGE)[index % 2], lw=0.7)
            row[place].set_title(title.replace(", ", ",\n") if place else title, fontsize=8)
            row[place].set(aspect="equal", xlim=row[0].get_xlim(), ylim=row[0].get_ylim(), xticks=[], yticks=[])


def experiment() -> harness.Experiment:
    """Train the networks for maps of the plane, and write their table and picture."""
    texts = {name: (SPECS / f"{name}.ode").read_text(encoding="utf-8") for name in NETWORKS.values()}
    settings = {"specs": texts, "epochs": EPOCHS, "rate": RATE, "count": COUNT, "batch": BATCH}
    return harness.Experiment(__file__, VARIANTS, start, tables, draw, settings)


if __name__ == "__main__":
    harness.main(experiment)
