"""Refutations checked again, from the data of the witness alone."""
from __future__ import annotations

from odenet.recheck.scalars import Rejected
from odenet.recheck.witness.reading import recheck_witness

__all__ = ["Rejected", "recheck_witness"]
