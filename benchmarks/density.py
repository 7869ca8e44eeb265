"""A normalising flow from the gallery, fitted to two arcs: its log-likelihood, its cost, and a picture of its density.

    python benchmarks/density.py [--steps 3000] [--picture docs/density.png]

The data have a known density (two half circles, blurred), so the best possible log-likelihood is known too. Times are of one
batch, one thread, medians of interleaved rounds.
"""
from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Independent, Normal, TransformedDistribution

from odenet.driver import loads
from odenet.gallery import gallery_text

BLUR, REACH = 0.11, 3.0


def arcs(angle: Tensor, which: Tensor) -> Tensor:
    """Points [..., 2] on the upper (`which` 0) or the lower half circle (1)."""
    side = 1 - 2 * which
    return 1.4 * torch.stack((side * torch.cos(angle) + which - 0.5, side * torch.sin(angle) + which / 2 - 0.25), -1)


def sample(count: int) -> Tensor:
    """Draws [count, 2] from the blurred arcs."""
    on = arcs(math.pi * torch.rand(count), torch.randint(2, (count,)).float())
    return on + BLUR * torch.randn(count, 2)


def true_log_density(points: Tensor) -> Tensor:
    """The log-density [count] that `sample` draws from, by the midpoint rule along the arcs."""
    angle = math.pi * (torch.arange(1000) + 0.5) / 1000
    centres = torch.cat([arcs(angle, torch.full_like(angle, which)) for which in (0.0, 1.0)])
    squares = torch.cdist(points, centres).square()
    return torch.logsumexp(-squares / (2 * BLUR**2), -1) - math.log(len(centres) * 2 * math.pi * BLUR**2)


def density(network: torch.nn.Module) -> TransformedDistribution:
    """The flow's density of points [..., 2]: a standard normal pushed forward. Made anew after each change of parameters."""
    return TransformedDistribution(Independent(Normal(torch.zeros(2), torch.ones(2)), 1), network.transform(cache_size=1))


def fit(network: torch.nn.Module, steps: int) -> None:
    """Maximum likelihood on fresh draws."""
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.03, total_steps=steps)
    for _ in range(steps):
        optimizer.zero_grad()
        (-density(network).log_prob(sample(256)).mean()).backward()
        optimizer.step()
        schedule.step()


def ratios(map: Callable[..., Any], counted: Callable[..., Any], state: tuple[Tensor, ...], rounds: int = 15) -> list[float]:
    """Times in those of `map` alone: of `counted`, and of `map` with determinants of its Jacobians by autograd."""

    def one(blocks: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        made = map(*blocks)
        return made if isinstance(made, tuple) else (made,)

    def dense() -> Tensor:
        rows = torch.func.vmap(torch.func.jacrev(one))(state)
        size = sum(block[0].numel() for block in state)
        matrix = torch.cat([torch.cat([m.reshape(len(m), -1, size // len(row)) for m in row], -1) for row in rows], -2)
        return torch.linalg.slogdet(matrix)[1]

    calls = (lambda: map(*state), lambda: counted(*state), lambda: (map(*state), dense()))
    times: list[list[float]] = [[], [], []]
    with torch.no_grad():
        for _ in range(rounds):
            for call, found in zip(calls, times, strict=True):
                start = time.perf_counter()
                call()
                found.append(time.perf_counter() - start)
    alone, together, autograd = (statistics.median(found) for found in times)
    return [together / alone, autograd / alone]


def costs(network: torch.nn.Module) -> None:
    """Print what log-determinants cost: the inverse of the flow of the plane, and the switching network of the gallery."""
    switching = loads(gallery_text("switching"), "switching.ode").module()()
    rows = {
        "the inverse of `density`, 4,096 points": (network.inverse, network.inverse_and_log_det, sample(4096).unbind(-1)),
        "`switching`, n = 64, 256 points": (switching, switching.forward_and_log_det, (torch.randn(256, 64),)),
    }
    print("time with log-determinants, and with those of Jacobians by autograd, in times of the map alone:")
    for name, row in rows.items():
        together, autograd = ratios(*row)
        print(f"  {name}: {together:.2f}, {autograd:.1f}")


def draw(network: torch.nn.Module, path: Path) -> None:
    """Data, samples and density side by side."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    axis = torch.linspace(-REACH, REACH, 400)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
    figure, panels = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
    with torch.no_grad():
        panels[0].scatter(*sample(3000).T, s=1, color="black", linewidths=0)
        panels[1].scatter(*density(network).sample((3000,)).T, s=1, color="black", linewidths=0)
        panels[2].imshow(density(network).log_prob(grid).exp(), origin="lower", extent=(-REACH, REACH) * 2, cmap="magma")
    for panel, title in zip(panels, ("data", "samples of the flow", "its density"), strict=True):
        panel.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", title=title, xticks=[], yticks=[])
    figure.savefig(path, dpi=100, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--picture", type=Path, default=Path("docs/density.png"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = loads(gallery_text("density"), "density.ode").module()()
    held_out = sample(20_000)
    with torch.no_grad():
        before = density(network).log_prob(held_out).mean()
    start = time.perf_counter()
    fit(network, given.steps)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        after = density(network).log_prob(held_out).mean()
    best = true_log_density(held_out).mean()
    print(f"log-likelihood of held-out points: {before:.3f} before, {after:.3f} after {given.steps} steps ({seconds:.0f} s)")
    print(f"of the density that drew them:     {best:.3f}")
    costs(network)
    draw(network, given.picture)


if __name__ == "__main__":
    main()
