"""Modules emitted from random specs, and a count of what is found of them, seed by seed."""
from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from odenet.diagnostics import Rejected
from odenet.emit import emit
from odenet.ir import build
from odenet.ir.model import Model
from odenet.plan import plan_flow
from odenet.syntax import parse
from odenet.text import Source


def emitted(text: str, seed: int) -> tuple[Model, ModuleType, Any]:
    """A spec's model, its module and an instance in float64 with the random numbers of a seed. Raises Rejected."""
    model = build(parse(Source("attack.ode", text)))
    source = emit(model, {f.name: plan_flow(model, f) for f in model.flows}, (), digest="0", version="0")
    with tempfile.TemporaryDirectory(prefix="random-") as folder:
        module = imported(source, model.name, Path(folder))
    torch.manual_seed(seed)
    return model, module, getattr(module, model.name)(dtype=torch.float64)


def imported(text: str, name: str, folder: Path) -> ModuleType:
    """The text as a module."""
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(f"random_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def run(about: str | None, examine: Callable[[int], list[tuple[str, str]]], honest: tuple[str, ...]) -> int:
    """Examine `--count` seeds; `examine` gives rows (what, verdict). Exit status 1 where a verdict is not `honest`."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    for seed in range(given.seed, given.seed + given.count):
        try:
            rows = examine(seed)
        except Rejected:
            counts["rejected specs"] += 1
            continue
        for what, verdict in rows:
            counts[f"{what}: {verdict if verdict in honest else 'WRONG'}"] += 1
            if verdict not in honest:
                print(f"seed {seed}, {what}: {verdict}")
    print(", ".join(f"{key} {count}" for key, count in sorted(counts.items())))
    return int(any("WRONG" in key for key in counts))
