"""Gradients of random specs in each way of `backprop`, against autograd through every operation.

    python -m tests.attack.gradients --count 1000 --seed 0
"""
from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from odenet.diagnostics import Rejected
from odenet.emit import emit
from odenet.ir import build
from odenet.ir.interpret import environment
from odenet.ir.model import Flow, Model
from odenet.plan import plan_flow
from odenet.syntax import parse
from odenet.text import Source
from tests.attack import generator

TOLERANCE = {"store": 1e-8, "checkpoint": 1e-8, "invert": 1e-6}
EXPECTED = ("did not converge", "does not require grad", "came back to another state")  # honest refusals at run time


def examine(seed: int) -> list[tuple[str, str]]:
    """For each flow and way of a seed: the way and "agrees", or what is wrong."""
    model = build(parse(Source("attack.ode", generator.make(seed).text)))
    text = emit(model, {f.name: plan_flow(model, f) for f in model.flows}, (), digest="0", version="0")
    with tempfile.TemporaryDirectory(prefix="gradients-") as folder:
        module = imported(text, model.name, Path(folder))
    torch.manual_seed(seed)
    made = getattr(module, model.name)(dtype=torch.float64)
    return [row for flow in model.flows for row in compare(module, made, model, flow, seed)]


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


def compare(module: Any, made: Any, model: Model, flow: Flow, seed: int) -> list[tuple[str, str]]:
    """Each way of one flow."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [environment(model, {}).shape(model.block(b).space) for b in flow.blocks]
    states = [0.7 * torch.randn(2, *shape, dtype=torch.float64, generator=generator) for shape in shapes]
    main = made.forward if flow == model.flows[-1] and not model.nets else getattr(made, flow.name)
    swept, rows = module.is_swept, []
    module.is_swept = lambda tensors: False
    plain = attempt(made, main, states)
    module.is_swept = swept
    if isinstance(plain, str) or not all(torch.isfinite(t).all() for t in plain):
        return []
    for way, tolerance in TOLERANCE.items():
        try:
            made.backprop = way
        except ValueError:
            continue
        found = attempt(made, main, states)
        if isinstance(found, str):
            rows.append((way, "refuses" if any(e in found for e in EXPECTED) else found))
            continue
        gaps = [float((a - b).abs().max() / (1 + b.abs().max())) for a, b in zip(found, plain, strict=True) if b.numel()]
        rows.append((way, "agrees" if max(gaps) < tolerance else f"differs by {max(gaps):.1e}"))
    made.backprop = "store"
    return rows


def attempt(made: Any, main: Any, states: list[torch.Tensor]) -> list[torch.Tensor] | str:
    """Outputs, and gradients of a fixed function of them; or the error as text."""
    made.zero_grad()
    given = [s.clone().requires_grad_() for s in states]
    try:
        done = main(*given)
        done = done if isinstance(done, tuple) else (done,)
        weights = [torch.arange(1, y.numel() + 1, dtype=y.dtype).cos().reshape(y.shape) for y in done]
        sum((w * y).sum() for w, y in zip(weights, done, strict=True)).backward()  # type: ignore[union-attr]
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    gradients = [torch.zeros_like(t) if t.grad is None else t.grad.clone() for t in (*made.parameters(), *given)]
    return [*(y.detach() for y in done), *gradients]


def main() -> int:
    """Exit status 1 where a gradient is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    wrong = 0
    for seed in range(given.seed, given.seed + given.count):
        try:
            rows = examine(seed)
        except Rejected:
            counts["rejected specs"] += 1
            continue
        for way, verdict in rows:
            counts[f"{way}: {verdict if verdict in ('agrees', 'refuses') else 'WRONG'}"] += 1
            if verdict not in ("agrees", "refuses"):
                wrong += 1
                print(f"seed {seed}, {way}: {verdict}")
    print(", ".join(f"{key} {count}" for key, count in sorted(counts.items())))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
