"""Better multipliers for a run of layers: one for each function entry, by gradients, or by a semidefinite program.

Nothing found here counts before `odenet.certify.constants.checked` has shown it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from odenet.certify.constants import Multipliers, checked
from odenet.certify.segments import Network

SECONDS = 30.0
_LARGEST_PROGRAM = 160  # function entries of a run that a semidefinite program is set up for


def refined(networks: Sequence[Network], start: Sequence[Multipliers]) -> list[Multipliers] | None:
    """The best of what was tried: gradients from `start`; for small runs, where cvxpy is installed, a semidefinite program."""
    candidates = [by_gradients(networks, start)]
    entries = sum(place.stop - place.start for network in networks for place in network.places)
    if entries <= _LARGEST_PROGRAM and find_spec("cvxpy") is not None:
        candidates.append(by_program(networks))
    values = [(checked(networks, c), c) for c in candidates if c is not None]
    return min(values, key=lambda pair: pair[0])[1] if values else None


def by_gradients(networks: Sequence[Network], start: Sequence[Multipliers], seconds: float = SECONDS) -> list[Multipliers] | None:
    """Adam on the logarithms, from `start`, of the largest eigenvalue of the metric before all layers.

    The smallest metric before a layer rises with that after it, so what is minimised is the bound of all layers at once.
    """
    logs = [
        [
            torch.tensor(np.log(np.broadcast_to(m, (place.stop - place.start,)) + 1e-300), requires_grad=True)
            for m, place in zip(numbers, network.places, strict=True)
        ]
        for numbers, network in zip(start, networks, strict=True)
    ]
    flat = [t for group in logs for t in group]
    if not flat:
        return None
    matrices = [_tensors(n) for n in networks]
    best, chosen = float("inf"), None
    rate = 0.03
    optimizer = torch.optim.Adam(flat, lr=rate, betas=(0.9, 0.99))
    end, still = time.monotonic() + seconds, 0
    while time.monotonic() < end and still < 60:
        value = _bound(networks, matrices, logs)
        if value is None or not bool(torch.isfinite(value)):
            if chosen is None:
                return None
            with torch.no_grad():
                for t, kept in zip(flat, chosen, strict=True):
                    t.copy_(kept)
            rate /= 2
            optimizer = torch.optim.Adam(flat, lr=rate, betas=(0.9, 0.99))
            still += 10
            continue
        found = float(value.detach())
        still = 0 if found < best * (1 - 1e-4) else still + 1
        if found < best:
            best, chosen = found, [t.detach().clone() for t in flat]
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    if chosen is None:
        return None
    rows = iter(chosen)
    return [[np.exp(next(rows).numpy()) for _ in group] for group in logs]


def _tensors(network: Network) -> tuple[Tensor, list[Tensor]]:
    return torch.from_numpy(network.out.middle[0].copy()), [torch.from_numpy(b.middle[0].copy()) for b in network.before]


def _bound(
    networks: Sequence[Network], matrices: Sequence[tuple[Tensor, list[Tensor]]], logs: Sequence[Sequence[Tensor]]
) -> Tensor | None:
    """The square of the constant that the multipliers show, from the last layer to the first; None where they show none."""
    metric = torch.eye(networks[-1].out.shape[1], dtype=torch.float64)
    for network, (out, before), group in zip(reversed(networks), reversed(matrices), reversed(list(logs)), strict=True):
        n = network.inputs
        whole = out.mT @ metric @ out
        for w, place, slopes, log in zip(before, network.places, network.slopes, group, strict=True):
            weights = log.exp()
            pick = torch.eye(whole.shape[0], dtype=torch.float64)[place]
            cross = (weights[:, None] * w).mT @ pick
            whole = whole + (slopes.low + slopes.high) / 2 * (cross + cross.mT) - pick.mT @ (weights[:, None] * pick)
            if slopes.low * slopes.high != 0:
                whole = whole - slopes.low * slopes.high * (w.mT @ (weights[:, None] * w))
        if whole.shape[0] == n:
            metric = whole
            continue
        factor, info = torch.linalg.cholesky_ex(-whole[n:, n:])
        if bool(info):
            return None
        solved = torch.linalg.solve_triangular(factor, whole[n:, :n], upper=False)
        metric = whole[:n, :n] + solved.mT @ solved
    values: Tensor = torch.linalg.eigvalsh(metric)
    return values[-1]


def by_program(networks: Sequence[Network]) -> list[Multipliers] | None:
    """The semidefinite program of all layers at once, by cvxpy and its solver Clarabel: metrics and multipliers as unknowns.

    Source: Fazlyab et al. (2019), LipSDP with one multiplier for each entry; in the sparse form of Xue, Lindemann, Robey,
    Hassani, Pappas, Alur (2022), Chordal sparsity for Lipschitz constant estimation of deep neural networks.
    """
    cp: Any = import_module("cvxpy")

    square = cp.Variable(nonneg=True)
    metric: Any = np.eye(networks[-1].out.shape[1])
    limits, unknown = [], []
    for index, network in enumerate(reversed(networks)):
        n, total = network.inputs, network.out.shape[2]
        out = network.out.middle[0]
        is_first = index == len(networks) - 1
        before = square * np.eye(n) if is_first else cp.Variable((n, n), symmetric=True)
        select = np.eye(total)[:n]
        whole = select.T @ before @ select - out.T @ metric @ out
        numbers = []
        for w, place, slopes in zip(network.before, network.places, network.slopes, strict=True):
            weights = cp.Variable(place.stop - place.start, nonneg=True)
            pick, matrix = np.eye(total)[place], w.middle[0]
            cross = matrix.T @ cp.diag(weights) @ pick
            whole = whole - (slopes.low + slopes.high) / 2 * (cross + cross.T) + pick.T @ cp.diag(weights) @ pick
            if slopes.low * slopes.high != 0:
                whole = whole + slopes.low * slopes.high * (matrix.T @ cp.diag(weights) @ matrix)
            numbers.append(weights)
        limits.append((whole + whole.T) / 2 >> 0)
        unknown.append(numbers)
        metric = before
    problem = cp.Problem(cp.Minimize(square), limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of inaccurate answers: what comes out is checked here, whatever it is
            problem.solve(solver=cp.CLARABEL)
    except cp.error.SolverError:
        return None
    if problem.status not in ("optimal", "optimal_inaccurate"):
        return None
    return [[np.maximum(np.asarray(v.value), 0) * (1 + 1e-9) + 1e-12 for v in numbers] for numbers in reversed(unknown)]
