"""Many gradients at once: `is_grads_batched` of `torch.autograd.grad`, `vectorize=True` of `torch.autograd.functional`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def is_batched(gradients: tuple[Tensor, ...]) -> bool:
    """Whether many gradients are taken at once, so that nothing can be added to one total."""
    return torch._C._are_functorch_transforms_active() or any(map(is_stacked, gradients))


def is_stacked(gradient: Tensor) -> bool:
    """Whether a gradient stands for many of them, stacked by `torch.autograd.grad`."""
    return torch._C._functorch.is_legacy_batchedtensor(gradient)


def one_by_one(pull: Callable[[Tensor], tuple[Tensor, ...]], gradient: Tensor) -> tuple[Tensor, ...]:
    """`pull` of a stacked gradient, by `torch.func.vmap`, which knows the operations that the stack does not."""
    level = torch._C._vmapmode_increment_nesting() - 1
    torch._C._vmapmode_decrement_nesting()
    found = torch.func.vmap(pull)(torch._remove_batch_dim(gradient, level, -1, 0))
    return tuple(torch._add_batch_dim(f, 0, level) for f in found)
