"""Charts of matrices with entries >= 0 whose rows (and columns) sum to one."""

from __future__ import annotations

import torch
from torch import Tensor

from odenet.emit.runtime.entries import require


def stochastic(raw: Tensor) -> Tensor:
    """Rows that are positive and sum to one, from raw [..., m, n]."""
    return torch.softmax(raw, dim=-1)


def doubly_stochastic(raw: Tensor) -> Tensor:
    """Entries >= 0, rows and columns that sum to one, from raw [..., n, n].

    Ten rounds of Sinkhorn bring exp(raw) near; scaling rows and columns down to sums <= 1 and adding the missing
    sums as one outer product makes it exact, whatever the number of rounds.
    Source: Altschuler, Weed and Rigollet (2017), algorithm 2.
    """
    logs = raw
    for _ in range(10):
        logs = logs - torch.logsumexp(logs, dim=-1, keepdim=True)
        logs = logs - torch.logsumexp(logs, dim=-2, keepdim=True)
    near = torch.exp(logs)
    near = near / near.sum(-1, keepdim=True).clamp(min=1)
    near = near / near.sum(-2, keepdim=True).clamp(min=1)
    rows = (1 - near.sum(-1, keepdim=True)).clamp(min=0)
    columns = (1 - near.sum(-2, keepdim=True)).clamp(min=0)
    missing = rows.sum(-2, keepdim=True)
    return near + rows * columns / torch.where(missing > 0, missing, torch.ones_like(missing))


def stochastic_raw(value: Tensor) -> Tensor:
    """Raw values that `stochastic` maps to `value` [..., m, n]; of 0 the n-th part of 1/1024 is left.

    There the slope of the chart is large enough to be seen by a gradient in float32.
    """
    require(bool((value >= 0).all()) and bool(((value.sum(-1) - 1).abs() < 1e-9).all()))
    return torch.log(torch.where(value > 2.0**-40, value, 2.0**-10 / value.shape[-1]))


def doubly_stochastic_raw(value: Tensor) -> Tensor:
    """Raw values that `doubly_stochastic` maps to `value` [..., n, n]; see `stochastic_raw`."""
    require(bool(((value.sum(-2) - 1).abs() < 1e-9).all()))
    return stochastic_raw(value)
