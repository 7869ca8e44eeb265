"""odenet: symbolic ODEs with proved structure, compiled to PyTorch.

    import odenet
    model = odenet.load("pendulum.ode")   # raises odenet.Rejected with every fault
    print(model.verify())                 # proved, refuted or undecided, claim by claim
    Pendulum = model.module()             # a torch.nn.Module class, its claims proved
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odenet.diagnostics import Rejected

if TYPE_CHECKING:
    from odenet.driver import Loaded, NotProved, Report, load, loads

__all__ = ["Loaded", "NotProved", "Rejected", "Report", "load", "loads"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from odenet import driver

        return getattr(driver, name)
    if name == "__version__":
        from odenet.driver import version

        return version()
    raise AttributeError(f"module 'odenet' has no attribute {name!r}")
