"""Functions of each entry, and pools."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from torch import Tensor

from odenet.certify.enclosures import up
from odenet.certify.linear_maps import Written
from odenet.certify.moves import written
from odenet.certify.steps import Affine, Entrywise, Largest, Row, Step, arguments, call_of, only, pair, scalar
from odenet.certify.tape import Node, Tape, Unbounded, Use
from odenet.ir.node import Node as Expression
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS, call
from odenet.operators.ranges import value_range
from odenet.operators.row import Range

_UNITS = 8  # 4 units in the last place


def function(name: str, *keys: str) -> Row:
    """A function of the language, whose slopes are on record there; `keys` name its parameters in torch."""

    def row(node: Node, tape: Tape) -> Step:
        given = arguments(node, ("input", *keys, "inplace"))
        parameters = tuple(Fraction(scalar(given[k], tape)) for k in keys if k in given)
        if "alpha" in keys and not all(p > 0 for p in parameters):
            raise Unbounded(f"{name} with alpha <= 0")
        return _entrywise(name, parameters, node)

    return row


def _entrywise(name: str, parameters: tuple[Fraction, ...], node: Node) -> Entrywise:
    low, high = _slopes(name, parameters)
    at_zero = float(FUNCTIONS[name].numpy(np.zeros(1), *(float(p) for p in call(name, _Z, *parameters).data[1:]))[0])
    units = 0 if name in ("relu", "abs") else _UNITS
    return Entrywise(only(node), low, high, float(up(abs(at_zero) * math.sqrt(node.count))), units)


_Z = Expression("variable", (), ("z",), SCALAR)


def _slopes(name: str, parameters: tuple[Fraction, ...]) -> tuple[float, float]:
    row = FUNCTIONS[name]
    full = call(name, _Z, *parameters).data[1:]
    found = value_range(row.derivative(_Z, *full), lambda _: Range(None, None))
    if found.low is None or found.high is None:
        raise Unbounded(f"the slopes of {name} have no bound on the whole line")
    return _toward(found.low, -math.inf), _toward(found.high, math.inf)


def _toward(value: Fraction, end: float) -> float:
    """The number itself where float64 has it, else one beyond it."""
    near = float(value)
    return near if Fraction(near) == value else float(np.nextafter(near, end))


def gelu(node: Node, tape: Tape) -> Step:
    if arguments(node, ("input", "approximate")).get("approximate", "none") != "none":
        raise Unbounded("gelu by tanh, whose slopes are not those of gelu")
    return _entrywise("gelu", (), node)


def softplus(node: Node, tape: Tape) -> Step:
    given = arguments(node, ("input", "beta", "threshold"))
    if given.get("beta", 1) != 1 or given.get("threshold", 20) < 36:
        raise Unbounded("softplus that is the identity from a number below 36 on")  # above, the difference is less than a rounding
    return _entrywise("softplus", (), node)


def average(node: Node, tape: Tape) -> Step:
    names = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    given = arguments(node, names)
    size = pair(given["kernel_size"])
    stride = pair(given.get("stride") or size)
    shape = tape.nodes[only(node)].shape
    is_padded = pair(given.get("padding", 0)) != (0, 0) or any(n % k for n, k in zip(shape[-2:], size, strict=True))
    if "divisor_override" in given or stride != size or is_padded:
        return written(units=size[0] * size[1])(node, tape)
    norm = float(up(1 / math.sqrt(size[0] * size[1])))  # disjoint means of k entries
    return Affine(((only(node), _Pool(call_of(node, only(node)), shape, node.count, units=size[0] * size[1], norm=norm)),))


class _Pool(Written):
    @property
    def terms(self) -> int:  # type: ignore[override]
        return self.units


def largest(node: Node, tape: Tape) -> Step:
    given = arguments(node, ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"))
    size = pair(given["kernel_size"])
    if pair(given.get("stride") or size) != size or pair(given.get("dilation", 1)) != (1, 1):
        raise Unbounded("pools that overlap")
    return Largest(only(node))


def clamp(node: Node, tape: Tape) -> Step:
    bounds = [v for k, v in arguments(node, ("input", "min", "max")).items() if k != "input"]
    if any(isinstance(v, Tensor | Use) for v in bounds):
        raise Unbounded("clamping between tensors")
    nearest = min((abs(float(v)) for v in bounds), default=0.0)
    return Entrywise(only(node), 0.0, 1.0, float(up(nearest * math.sqrt(node.count))), 2)
