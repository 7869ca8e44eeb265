"""Names in the emitted text: those of the spec first, ours step aside."""

from __future__ import annotations

import keyword
import re

from odenet.emit.faults import refuse
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
ATTRIBUTES = frozenset(
    [
        "T_destination",
        "add_module",
        "apply",
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
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "inverse",
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
        "type",
        "xpu",
        "zero_grad",
    ]
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


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
    """Every name of the spec that the emitted text holds is a plain identifier. Errors: ODE603."""
    named: list[tuple[str, Span]] = [(model.name, Span(0, 0))]
    for group in (model.dims, model.blocks, model.parameters, model.fields, model.flows, model.nets):
        named.extend((item.name, item.span) for item in group)
    for name, span in named:
        if not _NAME.match(name) or "__" in name or keyword.iskeyword(name) or len(name) > 200:
            raise refuse(model.source, "ODE603", "a name cannot be carried into Python", span, "not a plain identifier")
