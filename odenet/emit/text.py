"""The text of an emitted module, from its tree; its imports are those that the text needs."""

from __future__ import annotations

import re
import sys
from dataclasses import replace

from odenet.emit.module import module_tree
from odenet.emit.names import check
from odenet.emit.printer import show
from odenet.ir.model import Model
from odenet.plan.steps import Plan
from odenet.proof.finding import Finding

DEEPEST = 50_000  # frames; long sums and products in specs are deep nodes

_IMPORTS = (  # module, name taken from it ("": the module itself), what in the text needs it
    ("dataclasses", "", r"\bdataclasses\."),
    ("math", "", r"\bmath\."),
    ("warnings", "", r"\bwarnings\."),
    ("collections.abc", "Callable", r"\bCallable\["),
    ("collections.abc", "Iterator", r"\bIterator\["),
    ("contextlib", "AbstractContextManager, nullcontext", r"\bnullcontext\b"),
    ("typing", "Any", r"\bAny\b"),
)
_TORCH = ("import torch", "import torch.nn.functional as F", "from torch import Tensor, nn")


def module_text(
    model: Model, plans: dict[str, Plan], findings: tuple[Finding, ...], digests: tuple[str, str], version: str,
    dims: dict[str, int],
) -> str:
    """See `odenet.emit.emit`."""
    check(model)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, DEEPEST))
    try:
        tree = module_tree(model, plans, findings, digests, version, dims)
        body = show(replace(tree, docstring=("",)))
        return show(replace(tree, imports=imports(body)))
    finally:
        sys.setrecursionlimit(limit)


def imports(body: str) -> tuple[str, ...]:
    """The import statements that a text needs, in three groups."""
    needed = [(module, name) for module, name, pattern in _IMPORTS if re.search(pattern, body)]
    own = [f"import {module}" for module, name in needed if not name]
    for module in dict.fromkeys(module for module, name in needed if name):
        own.append(f"from {module} import {', '.join(n for m, n in needed if m == module)}")
    torch = [line for line in _TORCH if "functional" not in line or re.search(r"\bF\.", body)]
    return ("from __future__ import annotations", "", *own, *([""] if own else []), *torch)
