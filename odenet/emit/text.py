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

_IMPORTS = (
    ("import math", r"\bmath\."),
    ("from collections.abc import Callable", r"\bCallable\["),
    ("from contextlib import AbstractContextManager, nullcontext", r"\bnullcontext\b"),
    ("from typing import Any", r"\bAny\b"),
    ("", ""),
    ("import torch", r"\btorch\."),
    ("import torch.nn.functional as F", r"\bF\."),
    ("from torch import Tensor, nn", ""),
)


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
    needed = [line for line, pattern in _IMPORTS if not pattern or re.search(pattern, body)]
    head = ["from __future__ import annotations", ""]
    return tuple([*head, *(needed[1:] if needed[0] == "" else needed)])
