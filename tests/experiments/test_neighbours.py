"""The data of the experiment on neighbours of the paper, and that its networks train."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

SCRIPTS = Path(__file__).parents[2] / "docs" / "experiments"


def loaded(name):
    sys.path.insert(0, str(SCRIPTS))
    try:
        return runpy.run_path(str(SCRIPTS / f"{name}.py"))
    finally:
        sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="module")
def script():
    return loaded("neighbours")


def test_regular_orbits_of_the_logistic_map_repeat_and_chaotic_ones_do_not(script):
    orbits, exponents = script["logistic_orbits"](400, np.random.default_rng(3))
    misses = np.min([np.abs(orbits[:, p:] - orbits[:, :-p]).max(1) for p in range(1, 33)], axis=0)
    assert misses[exponents < -0.1].max() < 1e-6 and misses[exponents > 0.1].min() > 1e-3
    assert exponents.max() < np.log(2) + 0.02


def test_the_standard_map_neither_grows_nor_shrinks_on_average(script):
    orbits, exponents = script["standard_orbits"](200, np.random.default_rng(3))
    assert np.abs(orbits).max() <= 1 and exponents.min() > -1e-3 and exponents.max() < np.log(2 + 1.6)
    assert (exponents < 0.01).any() and (exponents > 0.03).any()


def test_certified_answers_are_right_and_survive_the_attack(script):
    training = script["start"]("logistic, series", 0, True)
    training.advance(0)
    found = training.measure()
    assert found["certified"][0] == found["attacked"][0] == pytest.approx(found["right"])
    assert all(a <= b for a, b in zip(found["certified"], found["attacked"], strict=True))
    assert found["contradicted"] == 0 and found["certified"][-1] < found["certified"][0]


@pytest.mark.parametrize(
    "kind", ["diffusion, laplacian, 8", "diffusion, least squares, 8", "thresholds, threshold", "signs, real"]
)
def test_its_networks_train(script, kind):
    training = script["start"](kind, 0, True)
    losses = [training.advance(k) for k in range(training.rounds)]
    measured = training.measure()
    assert np.isfinite(losses).all() and all(np.isfinite(v).all() for v in measured.values())


def test_layers_at_zero_are_taken_out():
    script = loaded("pruning")
    training = script["start"]("12 layers, price 0.1", 0, True)
    with torch.no_grad():
        training.parts["network"].h[1] = -1.0
    training.advance(0)
    assert training.measure()["layers"] == 2
