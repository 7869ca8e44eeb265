"""Two processes on halves of a batch train to the numbers of one process on the whole: replicated, sharded, from a checkpoint."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp

from .distributed import NETWORKS, flat, made, optimiser_of, samples, train

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the two processes wrote; they find each other on a free port of this machine."""
    found = tmp_path_factory.mktemp("distributed")
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "tests.ecosystem.distributed", str(found)]
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"})
    assert done.returncode == 0, done.stderr[-4000:]
    return found


def alone(name, rounds=1):
    """One process on the whole batch."""
    model = made(name, seed=0)
    optimiser = optimiser_of(model)
    for _ in range(rounds):
        train(model, optimiser, samples(name))
    return model


def assert_close(found, wanted):
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        assert torch.allclose(found[key], value, atol=1e-9, rtol=1e-9), key


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("way", ["ddp", "fsdp"])
def test_gradients_and_weights_are_those_of_one_process(folder, name, way):
    model = alone(name)
    assert_close(torch.load(folder / f"{name}-{way}.pt"), model.state_dict())
    assert_close(torch.load(folder / f"{name}-{way}-gradients.pt"), {k: p.grad for k, p in model.named_parameters()})
    assert not torch.equal(next(model.parameters()), next(made(name, seed=0).parameters()))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkpoint_is_taken_up(folder, name):
    wanted = alone(name, rounds=2).state_dict()
    assert_close(torch.load(folder / f"{name}-straight.pt"), wanted)
    assert_close(torch.load(folder / f"{name}-resumed.pt"), wanted)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_a_checkpoint_of_two_processes_is_read_by_one(folder, name):
    model = made(name, seed=5)
    state = {"model": model.state_dict()}
    dcp.load(state, checkpoint_id=folder / f"{name}-checkpoint", no_dist=True)
    model.load_state_dict(state["model"])
    assert_close(model.state_dict(), alone(name).state_dict())


def test_other_methods_of_a_sharded_network(folder):
    model, x = made("hamiltonian_net", seed=0), samples("hamiltonian_net")
    found = torch.load(folder / "methods.pt")
    assert torch.allclose(found.pop("back"), flat(x), atol=1e-9)
    assert_close(found, {"states": model.trajectory(*x)[0].detach(), **model.parameter_values()})


def test_bfloat16_of_a_sharded_network(folder):
    """Autocast keeps charts in float32; the policy of FSDP2 rounds what they compute, as docs/training.md warns."""
    defect = {way: (a.mT @ a - torch.eye(a.shape[-1])).abs().max() for way, a in torch.load(folder / "precision.pt").items()}
    assert defect["autocast"] < 1e-5
    assert defect["policy"] > 1e-4
