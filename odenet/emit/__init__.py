"""From a model, its plans and findings to the text of one standalone PyTorch module.

The compiler never imports torch: what the module runs is written as text, or copied from `odenet.emit.runtime`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odenet.ir.model import Model
    from odenet.plan.steps import Plan
    from odenet.proof.finding import Finding


def emit(
    model: Model,
    plans: dict[str, Plan],
    findings: tuple[Finding, ...],
    *,
    digest: str,
    version: str,
    dims: dict[str, int] | None = None,
    certificates: str = "",
) -> str:
    """The text of a Python module with one class, named like the model.

    The module of the model is its last net, or without one its last flow, or without one its fields. `dims` gives other
    defaults for free dims. `certificates` is the digest of the proofs' certificates, where there are any. The same arguments give
    the same text.

    Raises:
        Rejected: ODE602 a number too large for floating point, ODE603 a name that the text needs for itself.
    """
    from odenet.emit.text import module_text

    return module_text(model, plans, findings, (digest, certificates), version, dims or {})
