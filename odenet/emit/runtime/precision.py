"""Charts are computed in the type of their parameters, also where autocast would lower it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def lowers_types(device: torch.device) -> bool:
    """Whether autocast is at work on a device."""
    return torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """A context without autocast: a bound that holds to three digits only is no bound."""
    if lowers_types(device):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def widened(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The tensors in the type of the first, at least float32: rounding must not hide what is solved."""
    wide = torch.promote_types(tensors[0].dtype, torch.float32)
    return tuple(tensor.to(wide) for tensor in tensors)
