"""Log-determinants of random specs, and their gradients, against those of dense Jacobians by autograd.

    python -m tests.attack.determinants --count 1000 --seed 0
"""
from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor

from odenet.ir.interpret import environment
from odenet.ir.model import Flow, Model
from tests.attack import generator
from tests.attack.modules import emitted, run

LARGEST = 1e5  # condition numbers and gradients beyond this say nothing in floating point


def examine(seed: int) -> list[tuple[str, str]]:
    """For each flow of a seed: its name and "agrees", "skipped", or what is wrong."""
    model, _, made = emitted(generator.make(seed).without_claims(), seed)
    return [(flow.name, compare(made, model, flow, seed)) for flow in model.flows]


def compare(made: Any, model: Model, flow: Flow, seed: int) -> str:
    """One flow at two states."""
    random = torch.Generator().manual_seed(seed)
    shapes = [environment(model, {}).shape(model.block(b).space) for b in flow.blocks]
    states = [0.5 * torch.randn(2, *shape, dtype=torch.float64, generator=random) for shape in shapes]
    prefix = "" if flow == model.flows[-1] else f"{flow.name}_"
    try:
        matrices = jacobians(made if not prefix else getattr(made, flow.name), states)
    except RuntimeError:
        return "skipped"  # an equation without a solution
    if not torch.isfinite(matrices).all() or torch.linalg.cond(matrices).max() > LARGEST:
        return "skipped"
    values, found = getattr(made, f"{prefix}forward_and_log_det")(*states)
    gap = float((found - torch.linalg.slogdet(matrices)[1]).abs().max().detach())
    if gap > 1e-9:
        return f"differs by {gap:.1e}"
    wrong = gradients(made, found, matrices)
    return wrong or inverse(made, prefix, values, found)


def jacobians(map: Any, states: list[Tensor]) -> Tensor:
    """The Jacobians [2, d, d] of a flow."""
    sizes = [s[0].numel() for s in states]

    def flat(z: Tensor) -> Tensor:
        pieces = z.split(sizes)
        done = map(*(piece.reshape(s.shape[1:]) for piece, s in zip(pieces, states, strict=True)))
        return torch.cat([block.reshape(-1) for block in (done if isinstance(done, tuple) else (done,))])

    rows = [torch.cat([s[i].reshape(-1) for s in states]) for i in range(2)]
    return torch.stack([torch.func.jacrev(flat)(row) for row in rows])


def gradients(made: Any, found: Tensor, matrices: Tensor) -> str:
    """What is wrong with the gradients by the parameters, "" for nothing."""
    leaves = [p for p in made.parameters() if p.requires_grad]
    wanted = torch.linalg.slogdet(matrices)[1].sum()
    if not leaves or not wanted.requires_grad or not found.requires_grad:
        return ""
    pairs = [torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True) for total in (found.sum(), wanted)]
    largest = max(float(g.abs().max()) for g in pairs[1])
    gap = max(float((a - b).abs().max()) for a, b in zip(*pairs, strict=True)) / (1 + largest)
    return f"gradients differ by {gap:.1e}" if largest < LARGEST and gap > 1e-7 else ""


def inverse(made: Any, prefix: str, values: Any, found: Tensor) -> str:
    """What the inverse says: the opposite log-determinant."""
    try:
        other = getattr(made, f"{prefix}inverse_and_log_det")(*(values if isinstance(values, tuple) else (values,)))[1]
    except (NotImplementedError, RuntimeError):  # none, or an equation without a solution
        return "agrees"
    gap = float((found + other).abs().max().detach())
    return "agrees" if gap < 1e-6 else f"the inverse differs by {gap:.1e}"


if __name__ == "__main__":
    sys.exit(run(__doc__, examine, ("agrees", "skipped")))
