"""Gradients of random specs in each way of `backprop`, against autograd through every operation.

    python -m tests.attack.gradients --count 1000 --seed 0
"""
from __future__ import annotations

import sys
from typing import Any

import torch

from odenet.ir.interpret import environment
from odenet.ir.model import Flow, Model
from tests.attack import generator
from tests.attack.modules import emitted, run

TOLERANCE = {"store": 1e-8, "checkpoint": 1e-8, "invert": 1e-6}
EXPECTED = ("did not converge", "does not require grad", "came back to another state")  # honest refusals at run time


def examine(seed: int) -> list[tuple[str, str]]:
    """For each flow and way of a seed: the way and "agrees", or what is wrong."""
    model, module, made = emitted(generator.make(seed).text, seed)
    return [row for flow in model.flows for row in compare(module, made, model, flow, seed)]


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


if __name__ == "__main__":
    sys.exit(run(__doc__, examine, ("agrees", "refuses")))
