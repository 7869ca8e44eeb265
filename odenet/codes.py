"""The registry of fault codes: one row each. A code never changes its meaning; a dropped one is not used again.

To add a fault: a row here, a page `docs/errors/ODE###.md`, a spec with that one fault
`specs/reject/ODE###-slug.ode`, and `pytest tests/golden --update-goldens` for the rendered text.
`tests/golden/test_errors.py` names whatever was forgotten.

Ranges: 0xx syntax, 1xx names, 2xx shapes, 3xx sets, 4xx claims, 5xx schemes and steps, 6xx emission, 9xx ours.
"""
from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Code:
    """A fault code, its title as the page shows it, and the stage that finds it."""

    code: str
    title: str
    stage: str


CODES: tuple[Code, ...] = (
    # 0xx: syntax
    Code("ODE001", "the file is not UTF-8 text", "syntax"),
    Code("ODE002", "the spec is empty", "syntax"),
    Code("ODE003", "no `model` statement", "syntax"),
    Code("ODE004", "`model` is not the first statement", "syntax"),
    Code("ODE005", "a control character", "syntax"),
    Code("ODE006", "a character outside ASCII, or one that hides text", "syntax"),
    Code("ODE007", "a character that means nothing here", "syntax"),
    Code("ODE008", "an operator spelled as in another language", "syntax"),
    Code("ODE009", "the spec is too large", "syntax"),
    Code("ODE010", "brackets nested too deeply", "syntax"),
    Code("ODE011", "an expression too long", "syntax"),
    Code("ODE012", "a number too large or too fine", "syntax"),
    Code("ODE013", "a bracket without its partner", "syntax"),
    Code("ODE014", "two values side by side", "syntax"),
    Code("ODE015", "a keyword used as a name", "syntax"),
    Code("ODE016", "not the start of a statement", "syntax"),
    Code("ODE017", "a malformed expression", "syntax"),
    Code("ODE018", "a malformed space", "syntax"),
    Code("ODE020", "a malformed `model` statement", "syntax"),
    Code("ODE021", "a malformed `dim` statement", "syntax"),
    Code("ODE022", "a malformed `state` statement", "syntax"),
    Code("ODE023", "a malformed `param` statement", "syntax"),
    Code("ODE024", "a malformed `const` statement", "syntax"),
    Code("ODE025", "a malformed `def` statement", "syntax"),
    Code("ODE026", "a malformed `field` statement", "syntax"),
    Code("ODE027", "a malformed `scheme` statement", "syntax"),
    Code("ODE028", "a malformed `method` statement", "syntax"),
    Code("ODE029", "a malformed `flow` statement", "syntax"),
    Code("ODE030", "a malformed `net` statement", "syntax"),
    Code("ODE031", "a malformed `claim` statement", "syntax"),
    Code("ODE032", "something given twice", "syntax"),
    Code("ODE033", "a parameter may depend on `t` only", "syntax"),
    Code("ODE034", "a plain argument after a named one", "syntax"),
    # 1xx: names
    Code("ODE101", "a name that the emitted Python cannot use", "names"),
    Code("ODE102", "a name that a PyTorch module already has", "names"),
    # 2xx: shapes
    # 3xx: sets
    # 4xx: claims
    # 5xx: schemes and steps
    # 6xx: emission
    # 9xx: ours
    Code("ODE901", "a bug in odenet", "ours"),
)

_BY_CODE = {row.code: row for row in CODES}


def lookup(code: str) -> Code | None:
    """The row of a code, or None. Case does not matter: `ode201` is `ODE201`."""
    return _BY_CODE.get(code.upper())


def page(code: str) -> str | None:
    """The page of a code, in Markdown, or None if there is no such code."""
    row = lookup(code)
    if row is None:
        return None
    folder = Path(str(import_module("odenet.pages").__file__)).parent
    return (folder / f"{row.code}.md").read_text(encoding="utf-8")
