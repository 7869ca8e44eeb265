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
    Code("ODE103", "a built-in name declared", "names"),
    Code("ODE104", "a name declared twice", "names"),
    Code("ODE105", "an unknown name", "names"),
    Code("ODE106", "a name of another kind", "names"),
    Code("ODE107", "a name used above its declaration", "names"),
    Code("ODE108", "a definition by itself", "names"),
    Code("ODE109", "an expression too large", "names"),
    Code("ODE110", "wrong arguments of a call", "names"),
    Code("ODE111", "two rates of one block in a field", "names"),
    # 2xx: shapes
    Code("ODE201", "not a size", "shapes"),
    Code("ODE202", "not a positive whole number", "shapes"),
    Code("ODE203", "a malformed convolution", "shapes"),
    Code("ODE204", "too many sizes", "shapes"),
    Code("ODE205", "inner sizes differ", "shapes"),
    Code("ODE206", "spaces that differ", "shapes"),
    Code("ODE207", "no linear map left of `@`", "shapes"),
    Code("ODE208", "`.T` of something that is no linear map", "shapes"),
    Code("ODE209", "an operation that does not fit", "shapes"),
    Code("ODE210", "the argument of a `def` in another space", "shapes"),
    Code("ODE211", "no such entry", "shapes"),
    Code("ODE212", "not an exact number", "shapes"),
    Code("ODE213", "a number that is not defined or too large", "shapes"),
    Code("ODE214", "a scalar is needed", "shapes"),
    Code("ODE215", "a convolution that does not fit", "shapes"),
    Code("ODE216", "a derivative that cannot be taken", "shapes"),
    Code("ODE217", "a rate in another space than its block", "shapes"),
    Code("ODE218", "a stage that does not fit", "shapes"),
    Code("ODE219", "a linear map without sizes", "shapes"),
    Code("ODE220", "a malformed stage", "shapes"),
    # 3xx: sets
    Code("ODE301", "an unknown set", "sets"),
    Code("ODE302", "a set that does not apply", "sets"),
    Code("ODE303", "an empty set", "sets"),
    Code("ODE304", "sets that do not go together", "sets"),
    Code("ODE305", "a bound that varies too much", "sets"),
    Code("ODE306", "an initial value outside of its set", "sets"),
    Code("ODE307", "a set with an argument", "sets"),
    Code("ODE308", "a time dependence that does not fit", "sets"),
    Code("ODE309", "not a constant of this space", "sets"),
    # 4xx: claims
    Code("ODE401", "an unknown property", "claims"),
    Code("ODE402", "a property of something else", "claims"),
    Code("ODE403", "wrong arguments of a property", "claims"),
    Code("ODE404", "no conjugate pair", "claims"),
    Code("ODE405", "not defined everywhere", "claims"),
    Code("ODE406", "an argument that varies", "claims"),
    Code("ODE407", "a region that is none", "claims"),
    Code("ODE408", "a sum of things that are not fields", "claims"),
    Code("ODE409", "an unknown group action", "claims"),
    Code("ODE410", "an unknown keyword of a property", "claims"),
    # 5xx: schemes and steps
    Code("ODE501", "a scheme that does not fit its parts", "schemes"),
    Code("ODE502", "a coefficient that is not an exact number", "schemes"),
    Code("ODE503", "too many steps", "schemes"),
    Code("ODE504", "not an interval of time", "schemes"),
    Code("ODE505", "a flow without its interval or its steps", "schemes"),
    Code("ODE506", "not a Runge-Kutta table", "schemes"),
    Code("ODE507", "a part or a method that a flow cannot use", "schemes"),
    Code("ODE510", "a part without an exact flow and without a method", "schemes"),
    Code("ODE511", "`discrete_gradient` without a potential", "schemes"),
    Code("ODE512", "`relax` with an invariant that is not quadratic", "schemes"),
    Code("ODE513", "`relax` of a method that then stands still", "schemes"),
    # 6xx: emission
    Code("ODE601", "a size that cannot be set", "emission"),
    Code("ODE602", "a number too large for floating point", "emission"),
    Code("ODE603", "a name that the emitted text needs for itself", "emission"),
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
