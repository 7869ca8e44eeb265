"""Certificates forged by hand are refused, and soon."""
from __future__ import annotations

import json
import time

import pytest

from odenet.driver import loads
from odenet.recheck import Rejected, claim_data, recheck

from .forged import FORGED


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_certificate_is_refused(name):
    spec, proof, lemmas = FORGED[name]
    loaded = loads(f"model Forged\n{spec}")
    claim = loaded.model.claims[-1]
    data = json.loads(json.dumps({"claim": claim_data(claim), "lemmas": lemmas, "proof": proof}))
    began = time.process_time()
    with pytest.raises(Rejected):
        recheck(loaded.model, loaded.plans, claim, data)
    assert time.process_time() - began < 20
