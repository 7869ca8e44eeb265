"""Certified accuracy: which answers no change of a given size can turn, rounding of the module that runs included."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from odenet.certify.analysis import Certificate
from odenet.certify.enclosures import Array, down, frobenius, up
from odenet.certify.tape import Tape, Unbounded

_BATCH = 256


@dataclass(frozen=True)
class Certified:
    """Of a data set. clean [count]: answers that are right as the module runs. robust [radii, count]: right, and the same
    within the radius.

    radii_exact [count]: the radius that each margin gives in exact arithmetic, 0 for wrong answers. radii_shown [count]: one
    within which the answer is shown to hold as it runs, at most the largest of `radii`; 0 for answers of which none is.
    error: the largest bound of rounding errors used.
    """

    radii: tuple[float, ...]
    clean: Array
    robust: Array
    radii_exact: Array
    radii_shown: Array
    error: float


def score_count(tape: Tape) -> int:
    """How many classes the module gives scores of. Raises Unbounded where its output is not one vector of scores."""
    shape = tape.nodes[tape.outputs[0]].shape
    if len(tape.inputs) != 1 or len(tape.outputs) != 1 or len(shape) != 2 or shape[0] != 1:
        raise Unbounded("answers need a module with one input block and one vector of scores")
    return shape[1]


def certify_data(certificate: Certificate, module: nn.Module, x: Tensor, labels: Tensor, radii: tuple[float, ...]) -> Certified:
    """The answers to x [count, ...] with labels [count] that are shown to hold within each radius (2-norm, units of x).

    At radius 0 they are those of the run itself.

    For x' within r of x and classes i, j the difference of two scores changes by at most K_ij r, and both scores that are
    compared are within E of those in exact arithmetic, so the answer stays if their difference at x is more than
    K_ij r + sqrt(2) E.
    Source: Tsuzuku, Sato, Sugiyama (2018), Lipschitz-margin training, proposition 1.
    """
    if certificate.tape is None:
        raise Unbounded(certificate.gap)
    score_count(certificate.tape)
    rounding, exact = certificate.rounding, certificate.exact_rounding
    assert rounding is not None and exact is not None
    tape = certificate.tape
    centre = tape.nodes[tape.inputs[0]].value.double().reshape(-1)
    rows, clean = [], []
    x = x.to(certificate.dtype)  # the distances below are from the inputs that the module sees
    for part in torch.split(x, _BATCH):
        with torch.no_grad():
            clean.append(module(part).argmax(-1))
        rows.append(tape.replay((part,), torch.float64)[0])
    scores = torch.cat(rows).numpy()
    answers = torch.cat(clean).numpy()
    truth = labels.numpy()
    far = frobenius((x.double().reshape(len(x), 1, -1) - centre).numpy())
    own = scores[np.arange(len(truth)), truth][:, None]
    gaps = own - scores  # [count, classes]; 0 at the true one
    slack = up(math.sqrt(2) * exact(far))[:, None] + np.abs(scores).max(1, initial=0.0)[:, None] * 2.0**-51
    others = np.ones_like(gaps, bool)
    others[np.arange(len(truth)), truth] = False
    constants = certificate.pairs[truth]
    right = answers == truth
    robust, largest = [], 0.0
    for radius in radii:
        error = rounding(up(far + radius))
        largest = max(largest, float(np.max(error)))
        needed = up(constants * radius + math.sqrt(2) * error[:, None] + slack)
        robust.append(right & np.where(others, gaps > needed, True).all(1) if radius > 0 else right)
    def ratio(margins: Array) -> Array:
        least = np.where(others, margins / np.maximum(constants, 1e-300), np.inf).min(1)
        return np.asarray(np.where(right, np.maximum(least, 0.0), 0.0))

    worst = math.sqrt(2) * rounding(up(far + max(radii)))[:, None]  # errors grow with the radius
    shown = np.minimum(down(ratio(gaps - up(worst + slack) * (1 + 1e-12))), max(radii))
    return Certified(radii, right, np.asarray(robust), ratio(gaps), shown, largest)
