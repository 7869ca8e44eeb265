"""Lipschitz constants against the largest one over all corners of the slopes, semidefinite programs and samples."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from odenet.certify.constants import chain_constant, checked, dissipation, greedy, layer_constant
from odenet.certify.enclosures import Ball, exact
from odenet.certify.refine import by_gradients, by_program
from odenet.certify.segments import Network, Slopes
from tests.certify.modules import bound, steepest

LEAKY = 0.5


def corners(a: np.ndarray, h: float, low: float, high: float) -> float:
    """The largest |I - h A' D A| over diagonal D with entries low or high; the norm is convex in D, so that is the maximum."""
    m, n = a.shape
    return max(float(np.linalg.norm(np.eye(n) - h * a.T @ np.diag(d) @ a, 2)) for d in itertools.product((low, high), repeat=m))


def step(a: np.ndarray, h: float, low: float = LEAKY):
    w = torch.from_numpy(a)
    return lambda x: x - h * (F.leaky_relu(x @ w.T + 0.3, low) @ w)


@pytest.mark.parametrize("h", [0.11, 0.7, 1.0, 1.5, 1.89, 2.5])
@pytest.mark.parametrize("seed", range(3))
def test_an_euler_step_has_its_exact_constant(h: float, seed: int) -> None:
    # With A orthogonal the largest corner is D = 1/2 I or I, and one multiplier shows it: the theory's max(1 - h/2, h - 1).
    a = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    true, found = corners(a, h, LEAKY, 1.0), bound(step(a, h), (5,)).constant
    assert abs(true - max(abs(1 - h / 2), abs(1 - h))) < 1e-12
    assert true * (1 - 1e-13) <= found <= true * (1 + 1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_a_step_with_any_matrix_is_bounded(seed: int) -> None:
    draw = np.random.default_rng(seed)
    a = draw.normal(size=(int(draw.integers(1, 7)), int(draw.integers(1, 5)))) * draw.choice([0.3, 1.0, 3.0])
    h, low = float(draw.choice([-0.5, 0.2, 1.0, 2.0])), float(draw.choice([-0.5, 0.0, 0.5, 3.0]))
    true, found = corners(a, h, min(low, 1.0), max(low, 1.0)), bound(step(a, h, low), (a.shape[1],))
    assert true * (1 - 1e-13) <= found.constant
    assert found.constant <= min(2.5 * true + 1e-9, found.layers[0].simple * (1 + 1e-9))


@pytest.mark.parametrize("seed", range(6))
def test_two_functions_in_one_layer_are_bounded(seed: int) -> None:
    draw = np.random.default_rng(seed)
    a, b = (torch.from_numpy(draw.normal(size=(3, 3))) for _ in range(2))

    def net(x):
        return x + F.leaky_relu(torch.relu(x @ a) @ b - x, 0.25)

    true = 0.0
    eye = np.eye(3)
    for d in itertools.product((0.0, 1.0), repeat=3):
        for e in itertools.product((0.25, 1.0), repeat=3):
            inner = b.numpy().T @ np.diag(d) @ a.numpy().T - eye
            true = max(true, float(np.linalg.norm(eye + np.diag(e) @ inner, 2)))
    found = bound(net, (3,)).constant
    assert true * (1 - 1e-13) <= found <= 3 * true  # slack: one multiplier for each function


def layered(seed: int, depth: int = 3, width: int = 4):
    draw = torch.Generator().manual_seed(seed)
    weights = [torch.randn(width, width, generator=draw, dtype=torch.float64) / 1.5 for _ in range(depth)]

    def net(x):
        for w in weights:
            x = x + F.leaky_relu(x @ w, LEAKY) @ w.T * 0.4
        return x

    return net


@pytest.mark.parametrize("seed", range(3))
def test_all_layers_together_lie_between_samples_and_the_product(seed: int) -> None:
    found = bound(layered(seed), (4,))
    product = math.prod(layer.constant for layer in found.layers)
    assert len(found.layers) > 1
    assert steepest(layered(seed), (4,)) <= found.constant <= product * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(2))
def test_the_semidefinite_program_agrees_and_is_checked(seed: int) -> None:
    pytest.importorskip("cvxpy")
    found = bound(layered(seed), (4,))
    networks = [layer.segment.network for layer in found.layers]
    program = by_program(networks)
    assert program is not None
    value = checked(networks, program)
    assert steepest(layered(seed), (4,)) <= value <= found.constant * (1 + 1e-6)
    start = greedy(networks, lambda metric: float(np.linalg.eigvalsh(metric)[..., -1].max()))
    better = by_gradients(networks, start, 2.0)
    assert value * (1 - 1e-4) <= checked(networks, better) <= found.constant * (1 + 1e-6)


def test_multipliers_that_show_nothing_give_no_constant() -> None:
    found = bound(layered(0), (4,))
    networks = [layer.segment.network for layer in found.layers]
    for number in (-1.0, 0.0, math.nan, math.inf, 1e-300, 1e300):
        bad = [[np.asarray([number]) for _ in n.before] for n in networks]
        with np.errstate(all="ignore"):
            value = checked(networks, bad)
        assert value == math.inf or value >= steepest(layered(0), (4,))


def image(seed: int, padding: str):
    draw = torch.Generator().manual_seed(seed)
    kernel = torch.randn(3, 2, 3, 3, generator=draw, dtype=torch.float64) / 3
    turned = kernel.transpose(0, 1).flip(-1, -2)

    def convolve(x, weight):
        return F.conv2d(x, weight, padding=1) if padding == "zeros" else F.conv2d(F.pad(x, (1,) * 4, mode="circular"), weight)

    def net(x):
        x = x - 0.3 * convolve(torch.tanh(convolve(x, kernel) + 0.1), turned)
        return torch.tanh(convolve(x, kernel))

    return net


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize("seed", [0])
def test_images_by_their_plane_waves(monkeypatch, padding: str, seed: int) -> None:
    net, shape = image(seed, padding), (2, 4, 3)
    dense = bound(net, shape)
    monkeypatch.setattr("odenet.certify.segments.DENSE_LIMIT", 30)
    waves = bound(net, shape)
    kinds = {layer.segment.network.kind for layer in waves.layers if layer.segment.network is not None}
    assert "whole" not in kinds
    assert steepest(net, shape, tries=6) <= min(dense.constant, waves.constant)
    assert waves.constant <= max(layer.simple for layer in waves.layers) ** 3
    for one, two in zip(dense.layers, waves.layers, strict=True):
        assert two.constant >= one.constant * (1 - 1e-3) or two.constant >= 0.5 * one.constant


def test_a_metric_may_be_complex_where_the_last_matrices_are_real(monkeypatch) -> None:
    kernel = torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def net(x):
        for _ in range(2):
            x = torch.tanh(F.conv2d(F.pad(x, (1,) * 4, mode="circular"), kernel))
        return x

    monkeypatch.setattr("odenet.certify.segments.DENSE_LIMIT", 30)
    assert bound(net, (2, 3, 4)).constant >= steepest(net, (2, 3, 4))


def test_several_images_in_the_place_of_the_batch(monkeypatch) -> None:
    kernel = torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    factors = torch.tensor([1.0, 5.0], dtype=torch.float64).reshape(2, 1, 1, 1)

    def net(x):
        return torch.relu(F.conv2d(torch.relu(x.reshape(2, 2, 4, 4) * factors), kernel, padding=1))

    for limit in (1100, 10):
        monkeypatch.setattr("odenet.certify.segments.DENSE_LIMIT", limit)
        assert bound(net, (4, 4, 4)).constant >= steepest(net, (4, 4, 4))


def test_outputs_are_counted_as_often_as_they_are_given_out(monkeypatch) -> None:
    w = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def net(x):
        y = torch.tanh(x @ w)
        return y, x, y

    for limit in (1100, 1):
        monkeypatch.setattr("odenet.certify.segments.DENSE_LIMIT", limit)
        assert bound(net, (4,)).constant >= steepest(net, (4,), tries=30)


@pytest.mark.parametrize("seed", range(20))
def test_the_error_of_the_form_covers_every_matrix_of_its_balls(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n, m, out = 3, 2, 2
    y, w = draw.normal(size=(1, out, n + m)), draw.normal(size=(1, m, n + m))
    w[:, :, n:] = 0
    errors = draw.uniform(0, 1e-3, 4)
    slopes = Slopes(*sorted(draw.normal(size=2)))

    def form(p, q, o, b, numbers):
        network = Network(n, o, (b,), (slice(n, n + m),), (slopes,), "whole")
        return dissipation(network, p, q, [numbers])

    def ball(matrix, error):
        return Ball(matrix, np.array([error]))

    def near(matrix, error):
        moved = draw.normal(size=matrix.shape)
        return exact(matrix + error * moved / np.linalg.norm(moved, 2, axis=(-2, -1)))

    p, q, numbers = np.eye(n)[None] * 2, np.eye(out)[None], draw.uniform(0, 3, m)
    found = form(ball(p, errors[0]), ball(q, errors[1]), ball(y, errors[2]), ball(w, errors[3]), numbers)
    for _ in range(5):
        other = form(near(p, errors[0]), near(q, errors[1]), near(y, errors[2]), near(w, errors[3]), numbers)
        assert np.linalg.norm(found.middle[0] - other.middle[0], 2) <= found.error[0]


def test_the_chain_of_one_layer_is_the_layer() -> None:
    found = bound(lambda x: torch.tanh(x * 3), (4,))
    layer = found.layers[0]
    assert chain_constant([layer])[0] == pytest.approx(layer.constant) == pytest.approx(layer_constant(layer.segment).constant)
    assert found.constant == pytest.approx(3, rel=1e-9)
