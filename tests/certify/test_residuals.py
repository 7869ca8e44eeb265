"""Distances of parameters from their sets: never below the truth, and reported when they are large."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from odenet.certify.analysis import certificate
from odenet.certify.enclosures import norm_below
from odenet.certify.report import Findings
from odenet.certify.residuals import _kernel, _norm, _rise, residuals
from odenet.certify.tape import Unbounded
from odenet.driver import loads

SPEC = """model Small
dim n = 5, L = 2
state x : R[n]
param A(t) : R[n, n], orthogonal
param B : R[n, n], norm <= 2
param S : R[n, n], skew
param b(t) : R[n]
param h(t) : R, in [0.11, 1.89]
field contract { x' = -h * A.T @ leaky_relu(A @ x + b, 1/2) }
flow layers = lie(contract: euler) over [0, L] steps L
net classifier : R[4] -> R[3] = embed(n) -> layers -> linear(norm <= 1)
claim contract   : nonexpansive
claim classifier : lipschitz(1)
"""


@pytest.fixture(scope="module")
def loaded():
    found = loads(SPEC)
    found.verify(5.0)
    return found


@pytest.fixture
def module(loaded):
    torch.manual_seed(0)
    return loaded.module()()


def spoil(module, monkeypatch, name, chart):
    """Weights that the chart does not reach."""
    monkeypatch.setattr(sys.modules[type(module).__module__], name, chart)


def by_name(module, loaded):
    with torch.no_grad():
        return {(r.parameter, r.set.split()[0]): r for r in residuals(loaded.model, module)}


def test_charts_leave_parameters_in_their_sets(module, loaded) -> None:
    found = by_name(module, loaded)
    assert {k for k, _ in found} >= {"A", "h", "linear_1"}
    assert all(r.distance < 1e-5 and not r.is_outside for r in found.values())


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3, 1e8])
def test_the_distance_is_above_the_true_one(module, loaded, scale: float) -> None:
    with torch.no_grad():
        module.A.mul_(scale)
        found = by_name(module, loaded)["A", "orthogonal"]
        a = module.parameter_values()["A"].double().numpy()
    true = max(np.linalg.norm(m.T @ m - np.eye(5), 2) for m in a)
    assert found.distance >= true
    assert found.distance <= true * (1 + 1e-6) + 1e-12


def test_a_matrix_out_of_its_set_is_reported_and_breaks_the_proof(module, loaded, monkeypatch) -> None:
    with torch.no_grad():
        a = module.parameter_values()["A"].clone()
    spoil(module, monkeypatch, "orthogonal", lambda raw: 2.5 * a)
    with torch.no_grad():
        module.A.add_(0.1)
    found = Findings(certificate(loaded, module))
    assert found.outside == ["A"]
    assert found.certificate.proved == 1.0
    assert found.certificate.constant > 1.0
    assert not found.is_wrong


def test_a_slope_above_the_proved_constant_is_seen(module, loaded, monkeypatch) -> None:
    spoil(module, monkeypatch, "orthogonal", lambda raw: 3.0 * torch.eye(5).expand(2, 5, 5))
    with torch.no_grad():
        module.A.add_(0.1)
        module.linear_1.weight.mul_(100.0)  # of norm near 1
    found = Findings(certificate(loaded, module))
    assert found.exceeds_proof
    assert found.certificate.measured > 1.001
    assert found.certificate.measured <= found.certificate.constant


def test_a_bound_above_the_proved_constant_alone_is_no_alarm(module, loaded) -> None:
    from dataclasses import replace

    made = replace(certificate(loaded, module), constant=17.0)
    assert not Findings(made).exceeds_proof
    assert Findings(replace(made, constant=made.measured / 2)).is_wrong


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_none_are_outside_of_every_set(module, loaded, monkeypatch, bad: float) -> None:
    spoil(module, monkeypatch, "interval", lambda raw, low, high: torch.full_like(raw, bad))
    spoil(module, monkeypatch, "orthogonal", lambda raw: torch.full_like(raw, bad))
    with torch.no_grad():
        module.A.add_(0.1)
        module.h.add_(0.1)
    found = by_name(module, loaded)
    assert found["h", "interval"].distance == math.inf
    assert found["A", "orthogonal"].distance == math.inf
    assert {"A", "h"} <= set(Findings(certificate(loaded, module)).outside)


def test_a_number_below_its_interval_is_outside(module, loaded, monkeypatch) -> None:
    spoil(module, monkeypatch, "interval", lambda raw, low, high: torch.full_like(raw, 0.05))
    with torch.no_grad():
        module.h.add_(0.1)
    found = by_name(module, loaded)["h", "interval"]
    assert found.is_outside
    assert found.distance == pytest.approx(0.06, rel=1e-5)


def test_a_chart_that_fails_is_a_gap(module, loaded, monkeypatch) -> None:
    def fails(raw):
        raise RuntimeError("linalg: singular\nmore")

    spoil(module, monkeypatch, "orthogonal", fails)
    with torch.no_grad():
        module.A.add_(0.1)
    with pytest.raises(Unbounded):
        residuals(loaded.model, module)
    assert "singular" in certificate(loaded, module).gap


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_a_kernel_of_unknown_image_is_bounded_on_all(size: int, seed: int) -> None:
    kernel = np.random.default_rng(seed).normal(size=(2, 3, size, size))
    symbols = np.moveaxis(np.fft.fft2(kernel, (384 + 1, 384 - 1)), (0, 1), (-2, -1)).reshape(-1, 2, 3)
    norms = np.linalg.norm(symbols, 2, axis=(-2, -1))
    ball, factor = _kernel(kernel, None, True)
    found = _norm("K", [ball], factor, np.asarray(float(norms.max())))
    assert found.largest[1] >= norms.max()
    assert found.largest[1] <= 1.01 * norms.max()
    assert not found.is_outside  # what the grid leaves open is no alarm
    assert _norm("K", [ball], factor, np.asarray(norm_below(ball) * 0.99)).is_outside


def test_a_square_may_rise_more_between_the_points_of_the_grid() -> None:
    # 1 - cos(2 m t) with its points between those of the grid: |A|^2 of degree 2 m
    assert _rise(1) > _rise(2) ** 2
    points = 32
    t = 2 * math.pi * (np.arange(points) + 0.5) / points
    on_grid = np.abs(np.cos(t)).max()
    assert on_grid * _rise(1) >= 1 - 1e-12 and on_grid * _rise(2) < 1
