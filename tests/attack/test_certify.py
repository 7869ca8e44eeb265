"""Random modules: certificates bound what is measured."""
from __future__ import annotations

import pytest
import torch

from tests.attack.certify import HONEST, examine


@pytest.mark.parametrize("batch", range(4))
def test_certificates_bound_what_is_measured(batch: int) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    held = 0
    try:
        for seed in range(batch * 12, (batch + 1) * 12):
            for what, verdict in examine(seed):
                assert verdict in HONEST, f"seed {seed}, {what}: {verdict}"
                held += verdict == "holds"
    finally:
        torch.set_num_threads(threads)
    assert held > 20
