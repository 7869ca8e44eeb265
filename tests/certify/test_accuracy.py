"""Certified answers: no change within the radius turns them, whatever looks for one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from odenet.certify.accuracy import certify_data, score_count
from odenet.certify.analysis import Certificate, certificate
from odenet.certify.attack import survivors
from odenet.certify.report import Findings
from odenet.certify.tape import Unbounded
from odenet.driver import load
from tests.attack.certify import bounds
from tests.certify.modules import Call

ROOT = Path(__file__).parents[2]
RADII = (0.0, 0.1, 0.5)


@pytest.fixture(scope="module")
def trained():
    """A small classifier of digits, some seconds of training, and the images it did not see."""
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    x, y = torch.from_numpy(images / 16.0).float(), torch.from_numpy(labels)
    loaded = load(ROOT / "specs" / "gallery" / "digits.ode")
    loaded.verify(5.0)
    torch.manual_seed(0)
    module = loaded.module(allow_undecided=True, more=2, L=1)()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(60):
        chosen = torch.randint(0, 1500, (200,))
        loss = nn.functional.multi_margin_loss(20 * module(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y = x[1500:1530], y[1500:1530]
    made = certificate(loaded, module, (x.mean(0, keepdim=True),))
    return made, module, x, y


def test_certified_answers_survive_attacks(trained) -> None:
    pytest.importorskip("art")

    made, module, x, y = trained
    found = certify_data(made, module, x, y, RADII)
    assert found.clean.mean() > 0.5
    assert 0 < found.robust[1].sum() <= found.robust[0].sum() <= found.clean.sum()
    assert (found.robust[:-1] >= found.robust[1:]).all()
    for kind in ("pgd", "auto"):
        attacked = survivors(module, x, y, RADII, 0, lambda: None, kind).numpy()
        whole = Findings(made, found, attacked, kind)
        assert whole.broken == 0
        assert (found.robust <= attacked).all()
        assert attacked[-1].sum() < attacked[0].sum()  # the attack does something


def test_certified_answers_survive_many_steps_along_the_worst_direction(trained) -> None:
    made, module, x, y = trained
    found = certify_data(made, module, x, y, RADII)
    for place in np.flatnonzero(found.robust[2])[:10]:
        label = int(y[place])
        for other in range(10):
            if other == label:
                continue
            moved = x[place].clone()
            for _ in range(5):
                moved.requires_grad_()
                scores = module(moved[None])[0]
                (slope,) = torch.autograd.grad(scores[other] - scores[label], moved)
                step = moved.detach() + 0.1 * slope / slope.norm() - x[place]
                moved = x[place] + step * min(1.0, RADII[2] / float(step.norm())) * (1 - 1e-6)
            with torch.no_grad():
                assert int(module(moved[None]).argmax()) == label


def made_of(function, centre: torch.Tensor) -> tuple[Certificate, Call]:
    module = Call(function)
    found = bounds(module, [centre])
    return Certificate(
        "Test", "0", centre.dtype, None, (), tape=found.tape, layers=tuple(found.layers), constant=found.constant
    ), module


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_margin_of_a_linear_map_is_the_radius(dtype: torch.dtype) -> None:
    w = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=dtype)
    made, module = made_of(lambda x: x @ w, torch.zeros(1, 2, dtype=dtype))
    x = torch.tensor([[1.0, 0.0]])  # the nearest input of the other class is at 1/sqrt(2)
    radii = (0.7, math.sqrt(0.5) * (1 - 1e-5), math.sqrt(0.5) * (1 + 1e-9), 0.8)
    found = certify_data(made, module, x, torch.tensor([0]), radii)
    assert found.robust[:, 0].tolist() == [True, True, False, False]
    assert found.radii_exact[0] == pytest.approx(math.sqrt(0.5))
    wrong = certify_data(made, module, x, torch.tensor([1]), radii)
    assert not wrong.robust.any() and not wrong.clean.any() and wrong.radii_exact[0] == 0


def test_a_margin_within_rounding_is_not_certified() -> None:
    w = torch.tensor([[1.0, 1.0], [0.0, 1e-7]])
    made, module = made_of(lambda x: x @ w + 10.0, torch.zeros(1, 2))
    found = certify_data(made, module, torch.tensor([[0.0, -1.0]]), torch.tensor([0]), (1e-12,))
    assert not found.robust.any()


def test_the_distance_is_that_of_the_input_in_the_precision_that_runs() -> None:
    made, module = made_of(lambda x: torch.cat((x, -x), 1), torch.zeros(1, 1))
    x = torch.tensor([[1.0 + 1e-12]], dtype=torch.float64)
    assert certify_data(made, module, x, torch.tensor([0]), (0.5,)).robust.all()


@pytest.mark.parametrize("function", [lambda x: (x, x), lambda x: x.reshape(1, 2, 1), lambda x: x[0]])
def test_other_outputs_are_refused(function) -> None:
    made, module = made_of(function, torch.zeros(1, 2))
    with pytest.raises(Unbounded, match="one vector of scores"):
        certify_data(made, module, torch.zeros(1, 2), torch.tensor([0]), (0.1,))


def test_all_attacks_take_images() -> None:
    """The last of them asks for the range of the data."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 3)).eval()
    x = torch.rand(6, 1, 8, 8)
    labels = network(x).argmax(1)
    alive = survivors(network, x, labels, (1e-6, 50.0), 0, lambda: None, "auto")
    assert alive[0].all() and not alive[1].any()


def test_scores_are_counted() -> None:
    made, _ = made_of(lambda x: x @ torch.ones(2, 5), torch.zeros(1, 2))
    assert made.tape is not None and score_count(made.tape) == 5


def test_pairs_are_no_larger_than_the_whole() -> None:
    w = torch.tensor([[1.0, 1.0, -1.0], [0.5, 0.5, 2.0]], dtype=torch.float64)
    made, module = made_of(lambda x: torch.tanh(x) @ w, torch.zeros(1, 2, dtype=torch.float64))
    assert (made.pairs <= math.sqrt(2) * made.constant * (1 + 1e-9)).all()
    x, y = torch.randn(2, 200, 2, dtype=torch.float64)
    moved = module(x) - module(y)
    for i in range(3):
        for j in range(3):
            assert ((moved[:, i] - moved[:, j]).abs() <= made.pairs[i, j] * (x - y).norm(dim=1) * (1 + 1e-12)).all()
