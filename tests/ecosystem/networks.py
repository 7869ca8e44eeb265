"""Small networks of the gallery, as files in one folder: importable here, in worker processes and under `torchrun`."""
from __future__ import annotations

import importlib
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch.fx.experimental.const_fold import FoldedGraphModule, split_const_subgraphs

from odenet.driver import loads
from odenet.gallery import gallery_text

FOLDER = tempfile.TemporaryDirectory(prefix="ecosystem-")
sys.path.insert(0, FOLDER.name)
torch.set_num_threads(1)


@dataclass(frozen=True)
class Small:
    """Dims that keep a network of the gallery small, and the shapes of one sample of its inputs."""

    dims: dict[str, int]
    inputs: tuple[tuple[int, ...], ...]


SMALL = {
    "conv_nonexpansive": Small({"c": 3}, ((3, 32, 32),)),
    "digits": Small({"more": 4, "L": 2}, ((64,),)),
    "driven_duffing": Small({}, ((), ())),
    "hamiltonian_net": Small({"m": 5}, ((2,), (2,))),
    "mass_preserving_sir": Small({"m": 5, "L": 3}, ((3,),)),
    "pendulum": Small({}, ((), ())),
    "presnov_net": Small({"n": 4, "m": 3, "L": 2}, ((4,),)),
    "switching": Small({"n": 6, "L": 3}, ((6,),)),
}


@cache
def written(text: str, name: str) -> type[torch.nn.Module]:
    """The class of a spec, imported from the file `name`.py as `odenet compile` writes it."""
    loaded = loads(text, f"{name}.ode")
    (Path(FOLDER.name) / f"{name}.py").write_text(loaded.source())
    importlib.invalidate_caches()
    return getattr(importlib.import_module(name), loaded.model.name)


def network(name: str, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    """A network of the gallery with its random numbers, the same for the same seed."""
    kind = written(gallery_text(name), name)
    torch.manual_seed(seed)
    return kind(**SMALL[name].dims, dtype=dtype)


def inputs(name: str, batch: int, seed: int = 1, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, ...]:
    """Random states [batch, ...], one for each input."""
    torch.manual_seed(seed)
    return tuple(torch.randn(batch, *shape, dtype=dtype) for shape in SMALL[name].inputs)


def flat(blocks: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    """All blocks of a state in one matrix [batch, entries]."""
    blocks = (blocks,) if isinstance(blocks, torch.Tensor) else blocks
    return torch.cat([block.reshape(block.shape[0], -1) for block in blocks], 1)


def batched(x: tuple[torch.Tensor, ...]) -> tuple[dict[int, torch.export.Dim], ...]:
    """What exporters are told of inputs whose first axis may have any size, the same in all."""
    batch = torch.export.Dim("batch")
    return tuple({0: batch} for _ in x)


@cache
def exported(name: str) -> torch.export.ExportedProgram:
    """A network of the gallery as a program for any batch size."""
    x = inputs(name, 5)
    return torch.export.export(network(name), x, dynamic_shapes=batched(x))


def folded(program: torch.export.ExportedProgram) -> FoldedGraphModule:
    """The program with all that depends on no input computed once, as docs/training.md has it."""
    graph = split_const_subgraphs(program.module())
    graph.run_folding()
    return graph
