"""Training as PyTorch users do it: every optimiser, averages, clipping, copies, pickles, workers, autocast, function transforms."""
from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch.optim import swa_utils
from torch.utils.data import DataLoader, Dataset, TensorDataset

from odenet.driver import loads
from odenet.gallery import gallery_text

from .networks import SMALL, flat, inputs, network, written
from .sets import SPEC, farthest, model

OPTIMISERS = sorted(name for name in dir(torch.optim) if isinstance(kind := getattr(torch.optim, name), type)
                    and issubclass(kind, torch.optim.Optimizer) and kind is not torch.optim.Optimizer)
SETTINGS = {"Adadelta": {"lr": 1e4}, "LBFGS": {"line_search_fn": "strong_wolfe"}}  # the others get 0.1, which moves raw values far
DENSE = [name for name in OPTIMISERS if name != "SparseAdam"]


def constrained(seed=0):
    torch.manual_seed(seed)
    return written(SPEC, "constrained")(dtype=torch.float64)


def problem(batch=16):
    torch.manual_seed(2)
    return torch.randn(batch, 4, dtype=torch.float64), torch.randn(batch, 4, dtype=torch.float64)


def steps(made, optimiser, count=3):
    """Some steps of any optimiser; returns the losses before each."""
    x, y = problem()

    def loss():
        optimiser.zero_grad()
        value = (made(x) - y).square().mean()
        value.backward()
        return value

    return [float(optimiser.step(loss).detach()) for _ in range(count)]


def optimiser_of(name, made):
    """An optimiser for all parameters; Muon is for matrices only, as its page says, and Adam has the others."""
    kind = getattr(torch.optim, name)
    parameters = [p for p in made.parameters() if p.dim() == 2 or name != "Muon"]
    return kind(parameters, **SETTINGS.get(name, {"lr": 0.1}))


@pytest.mark.parametrize("name", DENSE)
def test_every_optimiser_stays_in_the_sets(name):
    made = constrained()
    before = copy.deepcopy(made.state_dict())
    optimiser = optimiser_of(name, made)
    losses = steps(made, optimiser)
    moved = {key for key, value in made.state_dict().items() if not torch.equal(value, before[key])}
    trained = {key for key, value in made.named_parameters() if value.dim() == 2 or name != "Muon"}
    assert moved == trained and "F" not in moved
    assert all(map(math.isfinite, losses))
    assert farthest(model(), made, {}) <= 1e-10


def test_optimisers_for_other_tensors_say_so():
    """SparseAdam wants sparse gradients, which only embeddings have; Muon wants matrices, and a stack of them is none."""
    made = constrained()
    with pytest.raises(RuntimeError, match="does not support dense gradients"):
        steps(made, torch.optim.SparseAdam(made.parameters()))
    with pytest.raises(ValueError, match="only supports 2D parameters"):
        torch.optim.Muon(made.parameters())


def test_states_of_optimisers_are_restored():
    first, second = constrained(), constrained(seed=1)
    one, two = torch.optim.AdamW(first.parameters()), torch.optim.AdamW(second.parameters())
    steps(first, one)
    second.load_state_dict(first.state_dict())
    two.load_state_dict(copy.deepcopy(one.state_dict()))  # else both step in the same tensors
    assert steps(first, one) == steps(second, two)


@pytest.mark.parametrize("average", [swa_utils.get_swa_multi_avg_fn(), swa_utils.get_ema_multi_avg_fn(0.5)], ids=["swa", "ema"])
def test_averages_of_weights_lie_in_the_sets(average):
    """Means of raw values are raw values; the mean of two orthogonal matrices is not orthogonal."""
    made = constrained()
    mean = swa_utils.AveragedModel(made, multi_avg_fn=average)
    optimiser = torch.optim.SGD(made.parameters(), lr=1.0)
    points = []
    for _ in range(3):
        steps(made, optimiser, 1)
        mean.update_parameters(made)
        points.append(made.parameter_values()["A"].detach())
    plain = sum(points) / 3
    assert (plain @ plain.mT - torch.eye(3)).abs().max() > 1e-6
    assert farthest(model(), mean.module, {}) <= 1e-10
    assert torch.isfinite(mean(problem()[0])).all()


def test_clipped_gradients():
    made = constrained()
    x, y = problem()
    (1e6 * (made(x) - y)).square().sum().backward()
    torch.nn.utils.clip_grad_norm_(made.parameters(), 1.0)
    total = torch.stack([p.grad.square().sum() for p in made.parameters()]).sum().sqrt()
    assert abs(float(total) - 1) < 1e-6


def test_where_weight_decay_draws_to():
    """Raw zeros, by the charts; docs/training.md says so."""
    made = constrained()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
    values = made.parameter_values()
    assert torch.allclose(values["a"], torch.tensor(2.0, dtype=torch.float64).log())
    assert torch.allclose(values["c"], torch.full((3,), 1.05, dtype=torch.float64))
    assert torch.equal(values["A"], torch.eye(3, 4, dtype=torch.float64).expand(3, 3, 4))
    assert not values["W"].any() and not values["N"].any()
    assert torch.allclose(values["M"], torch.full((4, 4), 0.25, dtype=torch.float64))


def test_groups_of_parameters_and_schedulers():
    """Scalars without weight decay and with a rate of their own, a rate that falls."""
    made = network("switching")
    groups = [{"params": [made.A, made.b]}, {"params": [made.hc, made.he], "lr": 1e-2, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-1, weight_decay=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimiser, [1e-1, 1e-2], total_steps=4)
    x, = inputs("switching", 8)
    for _ in range(4):
        optimiser.zero_grad()
        made(x).square().sum().backward()
        optimiser.step()
        scheduler.step()
    assert farthest(loads(gallery_text("switching")).model, made, SMALL["switching"].dims) <= 1e-5


@pytest.mark.parametrize("name", sorted(SMALL))
def test_copies(name):
    """By copy, by pickle, whole by torch: each computes the same and shares nothing."""
    first, x = network(name), inputs(name, 3)
    for other in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        assert torch.equal(flat(other(*x)), flat(first(*x)))
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.add_(1)
        assert not list(first.parameters()) or not torch.equal(flat(other(*x)), flat(first(*x)))


def test_function_transforms():
    """Gradients of each sample by vmap over grad of a functional call are those of one sample at a time."""
    made, (x,) = network("switching", dtype=torch.float64), inputs("switching", 4, dtype=torch.float64)
    weights = {key: value.detach() for key, value in made.named_parameters()}

    def loss(weights, sample):
        return torch.func.functional_call(made, weights, (sample,)).square().sum()

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, x)
    for index, sample in enumerate(x):
        made.zero_grad()
        made(sample).square().sum().backward()
        for key, parameter in made.named_parameters():
            assert torch.allclose(each[key][index], parameter.grad, atol=1e-12)


class Orbits(Dataset):
    """Orbits of a pendulum, computed where they are asked for."""

    def __init__(self):
        self.pendulum = network("pendulum", dtype=torch.float64)

    def __len__(self):
        return 4

    @torch.no_grad()
    def __getitem__(self, index):
        start = torch.tensor(0.3 * index, dtype=torch.float64)
        return torch.stack(self.pendulum.trajectory(start, torch.zeros_like(start)))


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_of_a_loader(context):
    orbits = Orbits()
    loader = DataLoader(orbits, batch_size=2, num_workers=1, multiprocessing_context=context)
    assert torch.equal(torch.cat(list(loader)), torch.stack([orbits[i] for i in range(4)]))


def test_autocast_in_bfloat16():
    """Products in bfloat16, weights and charts in float32: it learns, and the sets hold as without."""
    made = network("digits")
    torch.manual_seed(0)
    data = TensorDataset(torch.rand(64, 64), torch.randint(10, (64,)))
    optimiser = torch.optim.AdamW(made.parameters(), lr=3e-3)
    losses = []
    for _ in range(10):
        for x, y in DataLoader(data, batch_size=32):
            optimiser.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                scores = made(x)
                loss = torch.nn.functional.cross_entropy(30 * scores, y)
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
    assert scores.dtype == torch.bfloat16 and all(p.grad.dtype == torch.float32 for p in made.parameters())
    assert sum(losses[-2:]) < 0.9 * sum(losses[:2])
    assert farthest(loads(gallery_text("digits")).model, made, SMALL["digits"].dims) <= 1e-5
