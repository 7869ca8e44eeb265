"""Charts of matrices with entries >= 0 whose rows (and columns) sum to one."""

from __future__ import annotations

import torch
from torch import Tensor


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
    """Raw values that `stochastic` and `doubly_stochastic` map to `value` [..., m, n]; 0 becomes a least entry."""
    return torch.log(value.clamp(min=torch.finfo(value.dtype).tiny))
