"""An independent checker of verdicts: proofs by their certificates, refutations by evaluating the witness.

It reads the spec through `odenet.ir` and `odenet.plan` and shares no code with the prover: its own exact scalars and words, its own
derivatives, one function for each rule. It never searches.
"""
from __future__ import annotations

from odenet.recheck.check import claim_data, recheck, trimmed
from odenet.recheck.scalars import Rejected

__all__ = ["Rejected", "claim_data", "recheck", "trimmed"]
