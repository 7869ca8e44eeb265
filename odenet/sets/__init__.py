"""Parameter sets: one row each, with what holds for every member."""
from odenet.sets.row import ParameterSetRow
from odenet.sets.table import COMPATIBLE, SETS, residual, sample

__all__ = ["COMPATIBLE", "SETS", "ParameterSetRow", "residual", "sample"]
