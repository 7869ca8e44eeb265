"""Stages of nets that append or leave out entries: proved for the sizes at which they have room, and refused at the others."""
from __future__ import annotations

import pytest
import torch

from odenet.diagnostics import Rejected
from odenet.driver import loads

VECTORS = "model M\ndim n = 3, k = 5\ndim m = n + 2\nstate x : R[n]\n"
NETS = [
    ("net q : R[n] -> R[k] = embed(k)\nclaim q : preserves(sum(x)), lipschitz(1)\n", "k >= n", {"n": 5, "k": 3}, {"k": 3}),
    ("net q : R[k] -> R[n] = fold(n)\nclaim q : preserves(sum(x)), lipschitz(1, norm = 1)\n", "k >= n", {"n": 6}, {"n": 2}),
    ("net q : R[k] -> R[n] = tanh -> take(n)\nclaim q : lipschitz(1)\n", "k >= n", {"k": 2}, {"k": 3}),
    ("net q : R[k] -> R[2] = take(2)\nclaim q : lipschitz(1), equivariant(sign)\n", "k >= 2", {"k": 1}, {"k": 2}),
    ("net q : R[n] -> R[k] = embed(m) -> tanh -> take(k)\nclaim q : lipschitz(1)\n", "n + 2 >= k", {"k": 6}, {"k": 4}),
    ("state u : R[3, 4, 4]\nnet q : R[3, 4, 4] -> R[k, 4, 4] = lift(k)\nclaim q : preserves(sum(u)), positive\n", "k >= 3",
     {"k": 2}, {"k": 3}),
]


@pytest.mark.parametrize(("net", "needed", "bad", "good"), NETS)
def test_sizes_without_room_are_a_condition_and_an_error_of_the_constructor(net, needed, bad, good):
    loaded = loads(VECTORS + net)
    for finding in loaded.verify().findings:
        assert finding.verdict == "proved", finding.reason
        assert len(finding.conditions) == 1 and finding.conditions[0].replace("m", "n + 2").startswith(needed)
    made = loaded.module()
    with pytest.raises(ValueError, match="needs"):
        made(**bad)
    made(**good)
    with pytest.raises(Rejected, match="1 fault"):
        loaded.source(**bad)
    assert loaded.source(**good)


@pytest.mark.parametrize("net", ["net q : R[n] -> R[m] = embed(m)\nclaim q : preserves(sum(x)), lipschitz(1)\n",
                                 "net q : R[m] -> R[n] = fold(n)\nclaim q : preserves(sum(x))\n",
                                 "net q : R[2*n] -> R[n] = take(n)\nclaim q : lipschitz(1)\n"])
def test_room_at_every_size_needs_no_condition(net):
    loaded = loads(VECTORS + net)
    assert all(finding.verdict == "proved" and not finding.conditions for finding in loaded.verify().findings)
    assert "has_room" not in loaded.source()
    made = loaded.module()(n=1)
    width = {"embed": 1, "fold": 3, "take": 2}[net.split(" = ")[1][:4].rstrip("(") if "embed" not in net else "embed"]
    assert torch.isfinite(made(torch.ones(width))).all()


def test_derived_sizes_are_positive():
    loaded = loads("model M\ndim n = 5\ndim k = n - 3\nstate x : R[n]\nnet q : R[n] -> R[k] = take(k)\nclaim q : lipschitz(1)\n")
    assert loaded.verify().findings[0].conditions == ()
    with pytest.raises(Rejected):
        loaded.source(n=3)
    with pytest.raises(ValueError, match="k must be a positive"):
        loaded.module()(n=3)
