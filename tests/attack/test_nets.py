"""Random nets: what is proved holds for samples of what the net computes."""
from __future__ import annotations

import numpy as np
import pytest

from odenet.diagnostics import Rejected
from odenet.driver import loads
from odenet.proof.prove import Prover
from tests.attack import nets


@pytest.mark.parametrize("batch", range(4))
def test_proved_holds_for_samples(batch: int) -> None:
    proved = 0
    for seed in range(batch * 100, (batch + 1) * 100):
        net = nets.make(seed)
        try:
            loaded = loads(net.text)
        except Rejected:
            continue
        if Prover(loaded.model, loaded.plans).find(loaded.model.claims[0], 0.05).verdict == "proved":
            proved += 1
            worst = nets.excess(net, np.random.default_rng(seed), 60)
            assert worst < 1e-7, f"seed {seed}: broken by {worst}\n{net.text}"
    assert proved > 10
