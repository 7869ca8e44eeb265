"""Values of parameters kept between calls where no gradient is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from odenet.emit.runtime.precision import lowers_types


def remembered(
    memory: dict[Any, Any], key: Any, raw: tuple[Tensor, ...], compute: Callable[[tuple[Tensor, ...]], Any]
) -> Any:
    """compute(raw), a function of the tensors `raw` alone.

    Without gradients it is kept in `memory`, with the copy of `raw` that it was computed from, and used again as long
    as `raw` has the same numbers; comparing them costs far less than the charts of constrained matrices.
    """
    if torch.is_grad_enabled() or not is_plain_call(raw):
        return compute(raw)
    kept = memory.get(key)
    if kept is None or not all(map(same_numbers, kept[0], raw)):
        copies = tuple(t.detach().clone() for t in raw)
        kept = memory[key] = (copies, compute(copies))
    return kept[1]


def is_plain_call(raw: tuple[Tensor, ...]) -> bool:
    """Whether tensors can be compared now: nothing traces or transforms the call, nor lowers its types."""
    if not raw or torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return False
    if lowers_types(raw[0].device) or torch.autograd.forward_ad._current_level >= 0:
        return False
    return not raw[0].is_meta and not (raw[0].is_cuda and torch.cuda.is_current_stream_capturing())


def same_numbers(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have one type, place, shape and all numbers in common."""
    return a.dtype == b.dtype and a.device == b.device and a.shape == b.shape and torch.equal(a, b)
