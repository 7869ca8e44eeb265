"""The largest slope that a search finds: a lower bound of the constant, to judge how much of the upper bound is slack."""

from __future__ import annotations

import torch
from torch import Tensor

from odenet.certify.tape import Tape

_SIZES = (0.0, 0.1, 0.3, 1.0, 1.0, 3.0, 3.0, 10.0)  # of random steps from the centre, for each entry
_STEPS = 12


def measured_slope(tape: Tape) -> float:
    """The largest norm of the Jacobian, by power iteration in float64, at the centre and at some points about it."""
    draw = torch.Generator().manual_seed(0)
    centre = [tape.nodes[k].value.double() for k in tape.inputs]
    best = 0.0
    for size in _SIZES:
        point = [b + size * torch.randn(b.shape, generator=draw, dtype=torch.float64) for b in centre]
        best = max(best, _norm(tape, point, draw))
    return best


def _norm(tape: Tape, point: list[Tensor], draw: torch.Generator) -> float:
    """A lower bound of the norm of the Jacobian at a point, by power iteration; 0 where it cannot be had."""
    counts = [b.numel() for b in point]

    def map(flat: Tensor) -> Tensor:
        return tape.run([part.reshape(b.shape) for part, b in zip(torch.split(flat, counts), point, strict=True)])

    start = torch.cat([b.flatten() for b in point]).requires_grad_()
    direction = torch.randn(start.shape, generator=draw, dtype=torch.float64)
    found = 0.0
    try:
        # of J'u, which is linear in u, the derivative by u gives J d; so nothing but reverse derivatives are needed
        value = map(start)
        weights = torch.zeros_like(value, requires_grad=True)
        (pulled,) = torch.autograd.grad(value, start, weights, create_graph=True)
        for _ in range(_STEPS):
            direction = direction / direction.norm()
            (image,) = torch.autograd.grad(pulled, weights, direction, retain_graph=True)
            found = max(found, float(image.norm()))
            (direction,) = torch.autograd.grad(value, start, image, retain_graph=True)
            if not float(direction.norm()) > 0:
                break
    except (RuntimeError, NotImplementedError):  # a call without derivatives, or none that depend on the input
        return 0.0
    return found if found < float("inf") else 0.0
