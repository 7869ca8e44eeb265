"""The value of a scalar made of constants and dims, at given dims."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from odenet.ir.node import Node


def constant_value(node: Node, dims: Mapping[str, int]) -> Fraction | None:
    """Its value: exact where it is rational; for roots a rational within 1e-12 of it. None where it is no constant."""
    known: dict[Node, Fraction] = {}
    for n in node.walk():
        found = _value(n, [known[a] for a in n.args if a in known], dims)
        if found is None:
            return None
        known[n] = found
    return known[node]


def _value(n: Node, args: list[Fraction], dims: Mapping[str, int]) -> Fraction | None:
    if len(args) < len(n.args):
        return None
    if n.op == "number":
        return n.data[0]  # type: ignore[no-any-return]
    if n.op == "dim":
        return Fraction(dims[n.data[0]]) if n.data[0] in dims else None
    if n.op == "add":
        return sum(args, Fraction(0))
    if n.op == "mul":
        return args[0] * args[1]
    if n.op in ("largest", "smallest") and len(args) > 1:
        return max(args) if n.op == "largest" else min(args)
    return _power(args[0], n.data[0]) if n.op == "power" else _function(n, args)


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator == 1 and (base or exponent > 0) and abs(exponent) < 1000:
        return base ** int(exponent)
    if base < 0 or (not base and exponent < 0):
        return None
    return _near(float(base) ** float(exponent))


def _function(n: Node, args: list[Fraction]) -> Fraction | None:
    import math

    rules: dict[str, Callable[[float], float]] = {
        "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "abs": abs, "sin": math.sin, "cos": math.cos,
        "tanh": math.tanh}
    rule = rules.get(n.data[0]) if n.op == "function" else None
    if rule is None:
        return None
    try:
        return _near(rule(float(args[0])))
    except (ValueError, OverflowError):
        return None


def _near(value: float) -> Fraction:
    return Fraction(value).limit_denominator(10**12)
