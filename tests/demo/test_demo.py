"""The demo's parts on cases with known answers, a tiny run of the whole, and the whole (slow)."""
from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from odenet import demo
from odenet.certify import attack
from odenet.certify.attack import margins
from odenet.cli import commands
from odenet.demo import story
from odenet.demo.certificate import certified_radii, measured_constant
from odenet.demo.data import Images, load
from odenet.demo.story import RADII, Settings, tell
from odenet.demo.training import margin_loss


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def linear():
    """A linear network with orthonormal rows, and images that it classifies right."""
    torch.manual_seed(0)
    network = nn.Linear(64, 10)
    nn.init.orthogonal_(network.weight)
    pixels = torch.rand(200, 64)
    return network.eval(), Images(pixels, network(pixels).argmax(1))


def distances(network, images):
    """The exact distance [count] of each image to the nearest place where a linear network changes its answer."""
    with torch.no_grad():
        scores, weight = network(images.pixels), network.weight
        true = weight[images.labels]
        gaps = (scores.gather(1, images.labels[:, None]) - scores) / (true[:, None] - weight[None]).norm(dim=2)
        return gaps.scatter(1, images.labels[:, None], torch.inf).amin(1)


def test_the_certificate_of_a_linear_network_is_its_distance(linear):
    network, images = linear
    assert torch.allclose(certified_radii(network, images, 1.0), distances(network, images).double(), atol=1e-5)


def test_the_attack_finds_what_is_there_and_nothing_else(linear):
    """Of a linear network the attack must break exactly the images nearer than the radius, but for a little slack."""
    network, images = linear
    exact, radii = distances(network, images), (0.02, 0.05, 0.1, 0.3)
    alive = attack.survivors(network, images.pixels, images.labels, radii, 0, lambda: None)
    for row, radius in zip(alive, radii, strict=True):
        assert row[exact > 1.001 * radius].all(), "broken although the radius does not reach"
        assert not row[exact < 0.98 * radius].any(), "a weak attack"


def test_what_is_broken_stays_broken(linear):
    network, images = linear
    alive = attack.survivors(network, images.pixels, images.labels, (0.05, 0.1, 0.2), 0, lambda: None)
    assert not (alive[1:] & ~alive[:-1]).any()


def test_the_measured_constant_of_a_linear_network_is_its_norm(linear):
    network, images = linear
    with torch.no_grad():
        network.weight.mul_(3)
    assert measured_constant(network, images.pixels) == pytest.approx(3, abs=1e-5)


def test_margins():
    scores = torch.tensor([[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]])
    assert margins(scores, torch.tensor([1, 2])).tolist() == [1.0, -1.0]


def test_the_loss_vanishes_beyond_the_margin_only():
    labels = torch.tensor([3])
    near, far = (torch.zeros(1, 10).index_fill_(1, labels, value) for value in (0.3, 3.0))
    loss = margin_loss(radius=0.5, temperature=0.1)
    assert loss(far, labels) < 1e-6
    assert loss(near, labels) > 0.1


def test_the_split_is_fair_and_repeatable():
    (train, tests), again = load(0), load(0)[1]
    assert (len(train), len(tests)) == (1347, 450) and torch.equal(tests.pixels, again.pixels)
    assert train.pixels.min() == 0 and train.pixels.max() == 1
    assert not torch.equal(tests.pixels, load(1)[1].pixels)
    assert torch.bincount(tests.labels).min() >= 43


# --- the command --------------------------------------------------------------------------------------------------


def _call(folder, *arguments):
    return CliRunner().invoke(commands, ["demo", "--output", str(Path(folder) / "picture.png"), *arguments])


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name in ("sklearn", "art") else object())
    result = _call(tmp_path)
    assert result.exit_code == 2
    assert "scikit-learn, adversarial-robustness-toolbox" in result.output
    assert "pip install '.[demo]'" in result.output


def test_a_folder_that_is_not_there(tmp_path):
    result = _call(tmp_path / "nowhere")
    assert result.exit_code == 2 and "there is no folder" in result.output


def test_a_seed_out_of_range(tmp_path):
    assert _call(tmp_path, "--seed", "-1").exit_code == 2


def test_it_can_be_stopped(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(story, "_train", stop)
    result = _call(tmp_path)
    assert result.exit_code == 130 and "stopped; no picture was written" in result.output
    assert not list(tmp_path.iterdir())


def test_one_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(attack, "STEPS", 4)
    result = _call(tmp_path, "--epochs", "1")
    assert result.exit_code == 0, result.output
    assert "proved     classifier : lipschitz(1)   [stage constants]" in result.output
    assert "certified answers that the attack changed: 0 of" in result.output
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_whole(tmp_path, request):
    if "slow" not in request.config.getoption("markexpr"):
        pytest.skip("run with -m slow")
    start = time.perf_counter()
    outcome = tell(Settings(seed=0), tmp_path / "picture.png")
    assert time.perf_counter() - start < 120
    rows = {radius: shares for radius, *shares in outcome.rows()}
    assert all(certified <= attacked for certified, attacked, _ in rows.values())
    assert rows[0.0][0] > 0.97 and rows[0.0][2] > 0.97, "clean"
    assert rows[0.2][0] > 0.92 and rows[0.4][0] > 0.75, "certified"
    assert rows[0.4][2] < rows[0.4][0] - 0.1, "the plain network falls below what is certified"
    assert outcome.measured <= outcome.proved * (1 + 1e-6)
    assert tuple(rows) == (0.0, *RADII)
