"""The typed intermediate representation, and the way to it from a parsed spec."""
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odenet.ir.model import Model
    from odenet.syntax.tree import Spec


def build(spec: Spec) -> Model:
    """The model that a spec means.

    Raises:
        Rejected: all faults of the spec in names, spaces, sets, schemes and claims (codes 1xx to 5xx).
    """
    from odenet.ir.elaborate import build_model  # the nodes below must load without the whole language

    return build_model(spec)
