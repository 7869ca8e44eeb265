"""Elementwise functions in torch and, for numbers known before any tensor, in Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from odenet.emit.tree import ATOM, LOOSE, Expression, Text, strength
from odenet.operators.functions import FUNCTIONS

# Rows whose torch text makes tensors of the default type; these keep the type of their argument.
RUNTIME = {
    "threshold": "threshold",
    "leaky_relu_slope": "leaky_relu_slope",
    "elu_slope": "elu_slope",
    "elu_curvature": "elu_curvature",
    "celu_curvature": "celu_curvature",
    "sinc_slope": "sinc_slope",
}
PYTHON = {
    "sin": "math.sin({0})",
    "cos": "math.cos({0})",
    "tan": "math.tan({0})",
    "atan": "math.atan({0})",
    "exp": "math.exp({0})",
    "log": "math.log({0})",
    "sqrt": "math.sqrt({0})",
    "tanh": "math.tanh({0})",
    "abs": "abs({0})",
    "relu": "max({0}, 0)",
}
_HELD = re.compile(r"(?<!\w)\(\{0\}\)")  # an argument in brackets of its own, not those of a call


def times_used(name: str) -> int:
    """How often the text of a function writes its argument."""
    return 1 if name in RUNTIME else FUNCTIONS[name].torch.count("{0}")


def tensor_text(name: str, argument: Expression, shown: str, parameters: Iterable[Fraction]) -> Text:
    """The function of a tensor. `shown` is the text of `argument`."""
    values = [_number(p) for p in parameters]
    if name in RUNTIME:
        return Text(f"{RUNTIME[name]}({', '.join([shown, *values])})")
    pattern = FUNCTIONS[name].torch.replace("torch.nn.functional.", "F.")
    if strength(argument) == ATOM:
        pattern = _HELD.sub("{0}", pattern)
    text = pattern
    for place, value in enumerate(values, 1):
        text = text.replace("{" + str(place) + "}", value)
    return framed(text.replace("{0}", shown))


def framed(text: str) -> Text:
    """Text with its outer brackets off; it is held in brackets again where it must be."""
    bare = text[1:-1] if text.startswith("(") and _closes_at_end(text) else text
    depth = 0
    for character in bare:
        depth += (character in "([") - (character in ")]")
        if character == " " and depth == 0:
            return Text(bare, LOOSE)
    return Text(bare, ATOM)


def _closes_at_end(text: str) -> bool:
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def _number(value: Fraction) -> str:
    return repr(int(value)) if value.denominator == 1 else repr(float(value))
