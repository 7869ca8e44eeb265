"""What each process of a distributed run does; `test_distributed.py` starts two of them and compares with one.

    torchrun --standalone --nproc-per-node 2 -m tests.ecosystem.distributed FOLDER
"""
from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_state_dict,
)
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.nn.parallel import DistributedDataParallel

from .networks import flat, inputs, network, written
from .sets import SPEC

NETWORKS = ("constrained", "digits", "hamiltonian_net", "pendulum")
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
FROM_FIRST = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
BATCH, STEPS = 8, 3


def made(name: str, seed: int) -> torch.nn.Module:
    """A network in float64. Stacks of three steps do not divide by two processes; a scalar goes to one of them."""
    if name != "constrained":
        return network(name, seed, torch.float64)
    torch.manual_seed(seed)
    return written(SPEC, "constrained")(dtype=torch.float64)


def samples(name: str) -> tuple[torch.Tensor, ...]:
    """The whole batch."""
    if name != "constrained":
        return inputs(name, BATCH, dtype=torch.float64)
    torch.manual_seed(1)
    return (torch.randn(BATCH, 4, dtype=torch.float64),)


def optimiser_of(model: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-2)


def train(model: torch.nn.Module, optimiser: torch.optim.Optimizer, x: tuple[torch.Tensor, ...], steps: int = STEPS) -> None:
    """Some steps on a mean over the samples, so that the mean over processes is the one over the whole batch."""
    for _ in range(steps):
        optimiser.zero_grad()
        (flat(model(*x)) - 1).square().mean().backward()
        optimiser.step()


def share(x: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """The samples of this process."""
    return tuple(block.chunk(dist.get_world_size())[dist.get_rank()] for block in x)


def keep(found: dict[str, torch.Tensor], file: Path) -> None:
    """What the first process has, for the test."""
    if dist.get_rank() == 0:
        torch.save({key: value.detach().clone() for key, value in found.items()}, file)


def replicated(name: str, folder: Path) -> None:
    """DistributedDataParallel: it begins with the numbers of the first process."""
    model = DistributedDataParallel(made(name, seed=dist.get_rank()))
    train(model, optimiser_of(model), share(samples(name)))
    keep(model.module.state_dict(), folder / f"{name}-ddp.pt")
    keep({key: p.grad for key, p in model.module.named_parameters()}, folder / f"{name}-ddp-gradients.pt")


def sharded_model(name: str, seed: int) -> torch.nn.Module:
    """A sharded network, made without memory and filled from the first process."""
    full = made(name, seed)
    model = made(name, seed).to("meta")
    fully_shard(model)
    model.to_empty(device="cpu")
    set_model_state_dict(model, full.state_dict() if dist.get_rank() == 0 else {}, options=FROM_FIRST)
    return model


def sharded(name: str, folder: Path) -> None:
    """FSDP2, and a checkpoint of it that another sharded network goes on from."""
    model = sharded_model(name, seed=dist.get_rank())
    optimiser = optimiser_of(model)
    train(model, optimiser, share(samples(name)))
    keep({key: p.grad.full_tensor() for key, p in model.named_parameters()}, folder / f"{name}-fsdp-gradients.pt")
    keep(get_model_state_dict(model, options=WHOLE), folder / f"{name}-fsdp.pt")
    weights, moments = get_state_dict(model, optimiser)
    dcp.save({"model": weights, "optimiser": moments}, checkpoint_id=folder / f"{name}-checkpoint")
    train(model, optimiser, share(samples(name)))
    keep(get_model_state_dict(model, options=WHOLE), folder / f"{name}-straight.pt")
    resumed(name, folder)


def resumed(name: str, folder: Path) -> None:
    """Another network, with other numbers, that takes up the checkpoint."""
    model = sharded_model(name, seed=7)
    optimiser = optimiser_of(model)
    weights, moments = get_state_dict(model, optimiser)
    state = {"model": weights, "optimiser": moments}
    dcp.load(state, checkpoint_id=folder / f"{name}-checkpoint")
    set_state_dict(model, optimiser, model_state_dict=state["model"], optim_state_dict=state["optimiser"])
    train(model, optimiser, share(samples(name)))
    keep(get_model_state_dict(model, options=WHOLE), folder / f"{name}-resumed.pt")


def other_methods(folder: Path) -> None:
    """Methods beside `forward` see whole parameters once they are registered."""
    model = sharded_model("hamiltonian_net", seed=0)
    for method in ("inverse", "trajectory", "parameter_values"):
        register_fsdp_forward_method(model, method)
    x = samples("hamiltonian_net")
    keep({"back": flat(model.inverse(*model(*x))), "states": model.trajectory(*x)[0], **model.parameter_values()},
         folder / "methods.pt")


def lower_precision(folder: Path) -> None:
    """Orthogonal matrices of sharded networks in bfloat16, by autocast and by FSDP2's own policy."""
    found = {}
    for way, policy in (("autocast", MixedPrecisionPolicy()), ("policy", MixedPrecisionPolicy(param_dtype=torch.bfloat16))):
        model = network("switching", seed=0)
        fully_shard(model, mp_policy=policy)
        register_fsdp_forward_method(model, "parameter_values")
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way == "autocast"):
            scores = model(*inputs("switching", BATCH))
            found[way] = model.parameter_values()["A"].float()
        assert scores.dtype == torch.bfloat16
        scores.float().square().sum().backward()
    keep(found, folder / "precision.pt")


def main() -> None:
    dist.init_process_group("gloo")
    folder = Path(sys.argv[1])
    for name in NETWORKS:
        replicated(name, folder)
        sharded(name, folder)
    other_methods(folder)
    lower_precision(folder)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
