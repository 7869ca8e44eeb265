"""Names in the emitted text: those of the spec first, ours step aside."""

from __future__ import annotations

import keyword
import re

from odenet.emit.faults import refuse
from odenet.emit.library import entries
from odenet.ir.model import Model
from odenet.text import Span

# What the text of emitted functions already means by a bare name.
BARE = frozenset(
    [
        "torch",
        "F",
        "nn",
        "math",
        "Tensor",
        "self",
        "super",
        "bool",
        "dict",
        "enumerate",
        "float",
        "int",
        "isinstance",
        "len",
        "list",
        "max",
        "min",
        "range",
        "reversed",
        "slice",
        "str",
        "sum",
        "tuple",
        "zip",
        "abs",
        "map",
        "Callable",
    ]
)
# Attributes of `torch.nn.Module`, and of every emitted class.
DIGEST = "spec_digest"  # of the class: the digest of the spec's text
ATTRIBUTES = frozenset(
    [
        DIGEST,
        "T_destination",
        "add_module",
        "apply",
        "backprop",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "device",
        "double",
        "dtype",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "forward_and_log_det",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "inverse",
        "inverse_and_log_det",
        "ipu",
        "load_state_dict",
        "log_abs_det_jacobian",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameter_values",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "reset_parameters",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "trajectory",
        "transform",
        "type",
        "xpu",
        "zero_grad",
    ]
)
# Methods that each flow has with its name in front.
PUBLIC = (
    "inverse",
    "trajectory",
    "field",
    "log_abs_det_jacobian",
    "forward_and_log_det",
    "inverse_and_log_det",
    "transform",
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


def argument(name: str) -> str:
    """The argument of the constructor for a dim: not one that hides what the constructor calls."""
    kept = attribute(name)
    return f"{kept}_" if kept in BARE | frozenset(entries()) or kept == "factory" else kept


class Names:
    """Names of one scope, each given once."""

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self._taken = set(taken)

    def new(self, wanted: str) -> str:
        """`wanted`, or with a number behind it when that is taken."""
        name, number = wanted, 1
        while name in self._taken or keyword.iskeyword(name):
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def copy(self) -> Names:
        return Names(frozenset(self._taken))


def attribute(name: str) -> str:
    """The attribute of the module under which something of the spec is kept."""
    return f"{name}_" if name in ATTRIBUTES else name


def check(model: Model) -> None:
    """Every name of the spec that the emitted text holds is a plain identifier. Errors: ODE603.

    The front end has seen to that; but what is pasted into a program is checked where it is pasted.
    """
    if model.name in BARE | frozenset(entries()) or model.name == "Any":
        help = f"call the model something else, say `{model.name}Model`"
        raise refuse(
            model.source, "ODE603", f"a model cannot be called `{model.name}`", None, "the emitted text uses it", help
        )
    named: list[tuple[str, Span]] = [(model.name, Span(0, 0))]
    for group in (model.dims, model.blocks, model.parameters, model.fields, model.flows, model.nets):
        named.extend((item.name, item.span) for item in group)
    for name, span in named:
        if not _NAME.match(name) or "__" in name or keyword.iskeyword(name) or len(name) > 200:
            raise refuse(model.source, "ODE603", "a name cannot be carried into Python", span, "not a plain identifier")
