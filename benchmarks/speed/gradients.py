"""How far outputs and gradients are from those of exact backpropagation in float64."""
from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from benchmarks.speed.subject import Trained


def output_error(work: Trained, exact: Trained) -> float:
    """The largest difference of outputs over the largest output."""
    with torch.no_grad():
        pairs = list(zip(work.outputs(), exact.outputs(), strict=True))
    largest = max(float(e.abs().max()) for _, e in pairs)
    return max(float((o - e).abs().max()) for o, e in pairs) / largest


def gradient_error(found: Mapping[str, Tensor], exact: Mapping[str, Tensor]) -> float:
    """The largest |g - g*| / |g*| over the states and parameters that both have, in the 2-norm."""
    shared = [name for name in exact if name in found]
    assert shared, "no gradient to compare"
    return max(float((found[name].double() - exact[name]).norm() / exact[name].norm()) for name in shared)
