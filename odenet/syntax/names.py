"""Names that the emitted Python could not carry, refused where they are declared, each with one that it can."""
from __future__ import annotations

import keyword
from collections.abc import Iterator

from odenet.diagnostics import Diagnostic, Edit, Label
from odenet.syntax import tree
from odenet.syntax.lexer import Token, lex
from odenet.syntax.statements import NAMES
from odenet.syntax.tables import load_tables
from odenet.text import Span

_PYTHON = frozenset((
    *keyword.kwlist, "self", "super", "torch", "nn", "math", "object", "Module", "Parameter", "Tensor", "builtins",
))
# What `torch.nn.Module` and the emitted class already mean by `self.NAME`.
_MODULE = frozenset((
    "add_module", "apply", "bfloat16", "buffers", "children", "compile", "cpu", "cuda", "device", "double", "dtype",
    "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer", "get_extra_state", "get_parameter",
    "get_submodule", "inverse", "ipu", "load_state_dict", "log_abs_det_jacobian", "modules", "mtia", "named_buffers",
    "named_children", "named_modules", "named_parameters", "parameters", "register_buffer", "register_module",
    "register_parameter", "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "state_dict", "to",
    "to_empty", "train", "training", "trajectory", "type", "xpu", "zero_grad",
))


def check(spec: tree.Spec) -> tuple[Diagnostic, ...]:
    """A fault for each declared name that Python or a PyTorch module keeps for itself, with another name as edits.

    Errors: ODE101 (Python), ODE102 (module).
    """
    found: list[Diagnostic] = []
    seen: set[str] = set()
    for name, attribute in _declared(spec):
        if name.text in seen:
            continue
        seen.add(name.text)
        if _bad_in_python(name.text):
            found.append(_fault("ODE101", name, spec, _python_message(name.text)))
        elif attribute and name.text in _MODULE:
            found.append(_fault("ODE102", name, spec, f"a PyTorch module already has a `{name.text}`"))
    return tuple(sorted(found, key=lambda fault: fault.labels[0].span.start))


def _bad_in_python(name: str) -> bool:
    return name in _PYTHON or name.startswith("_") or "__" in name


def _python_message(name: str) -> str:
    if name in _PYTHON:
        return f"`{name}` means something else in the emitted Python"
    return "a name begins with a letter and has no `__` in it"


def _fault(code: str, name: tree.Name, spec: tree.Spec, message: str) -> Diagnostic:
    tokens = lex(spec.source, load_tables()).tokens
    other = _proposal(name.text, {token.text.rstrip("'") for token in tokens})
    edits = tuple(Edit(place, other) for place in _places(name.text, tokens))
    return Diagnostic(
        code, message, (Label(name.span, "this name cannot be used"),), f"call it `{other}` everywhere", edits
    )


def _proposal(name: str, taken: set[str]) -> str:
    """A name near this one that is free: `class_`, `class_2`, …"""
    bare = "_".join(part for part in name.split("_") if part)[:60] or "name"
    bare = bare if bare[0].isalpha() else f"n{bare}"
    near = bare if not _bad_in_python(bare) and bare not in _MODULE else f"{bare}_"
    number = 1
    while (trial := near if number == 1 else f"{near.rstrip('_')}_{number}") in taken:
        number += 1
    return trial


def _places(name: str, tokens: tuple[Token, ...]) -> Iterator[Span]:
    for token in tokens:
        if token.kind in NAMES and token.text == name:
            yield token.span
        elif token.kind == "PRIMED" and token.text == f"{name}'":
            yield Span(token.start, token.end - 1)


def _declared(spec: tree.Spec) -> Iterator[tuple[tree.Name, bool]]:
    """Every name that the spec declares, and whether it becomes an attribute of the module."""
    if spec.model is not None:
        yield spec.model.name, False
    for statement in spec.statements:
        match statement:
            case tree.StateStatement(names=names):
                yield from ((name, False) for name in names)
            case tree.DefStatement(name=name, arguments=arguments):
                yield name, False
                yield from ((argument.name, False) for argument in arguments)
            case tree.SchemeStatement(name=name, parts=parts):
                yield name, False
                yield from ((part, False) for part in parts)
            case tree.FieldStatement(name=name) | tree.MethodStatement(name=name):
                yield name, False
            case tree.DimStatement(name=name) | tree.ParamStatement(name=name) | tree.ConstStatement(name=name):
                yield name, True
            case tree.FlowStatement(name=name) | tree.NetStatement(name=name):
                yield name, True
