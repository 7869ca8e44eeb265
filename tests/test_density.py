"""The gallery's normalising flow: it learns, its density integrates to 1, and its samples have that density."""
from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, Normal, TransformedDistribution

from odenet.driver import loads
from odenet.gallery import gallery_text


def arcs(count):
    """Two blurred half circles."""
    angle, which = math.pi * torch.rand(count), torch.randint(2, (count,))
    side = 1 - 2 * which
    curve = torch.stack((side * torch.cos(angle) + which - 0.5, side * torch.sin(angle) + which / 2 - 0.25), -1)
    return 1.4 * curve + 0.11 * torch.randn(count, 2)


def density(network):
    return TransformedDistribution(Independent(Normal(torch.zeros(2), torch.ones(2)), 1), network.transform(cache_size=1))


@pytest.fixture(scope="module", name="trained")
def fitted():
    """The flow after a second or two, and the log-likelihoods of held-out points before and after."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = loads(gallery_text("density"), "density.ode").module()(m=16, L=3)
    held_out, steps = arcs(5000), 150
    before = density(network).log_prob(held_out).mean().detach()
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=steps)
    for _ in range(steps):
        optimizer.zero_grad()
        (-density(network).log_prob(arcs(256)).mean()).backward()
        optimizer.step()
        schedule.step()
    return network.requires_grad_(False), float(before), float(density(network).log_prob(held_out).mean().detach())


def mass(network, edges, inside=10):
    """The integral of the density over each cell of a square grid, by the midpoint rule on `inside`^2 points a cell."""
    width = (edges[1] - edges[0]) / inside
    axis = edges[0] + width * (torch.arange(inside * (len(edges) - 1)) + 0.5)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
    heights = density(network).log_prob(points).double().exp() * width.double() ** 2
    cells = len(edges) - 1
    return heights.reshape(cells, inside, cells, inside).sum((1, 3))


def test_training_raises_the_likelihood(trained):
    _, before, after = trained
    assert before < -2.7 and after > before + 0.8


def test_the_density_integrates_to_one(trained):
    assert abs(float(mass(trained[0], torch.linspace(-8, 8, 41)).sum()) - 1) < 1e-3


def test_samples_have_the_density(trained):
    """Counts of samples in cells against the integral of the density there: the forward map against the inverse."""
    network, count, edges = trained[0], 40_000, torch.linspace(-3, 3, 13)
    torch.manual_seed(1)
    drawn = density(network).sample((count,))
    found = torch.histogramdd(drawn, [edges, edges]).hist.double()
    wanted = count * mass(network, edges)
    assert found.sum() > 0.9 * count
    assert ((found - wanted).abs() < 5 * wanted.sqrt() + 5).all()


def test_the_determinant_takes_no_matrix():
    text = loads(gallery_text("density"), "density.ode").source()
    assert "slogdet" not in text and "jacrev" not in text
