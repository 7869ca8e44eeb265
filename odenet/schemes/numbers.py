"""The exact numbers of schemes and tables, and their way from and to number-valued nodes."""
from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from odenet.ir.node import Node, add, mul, number, power
from odenet.schemes.radicals import Exact, ExactError

__all__ = ["Exact", "ExactError", "as_node", "exact"]

MAX_NODES = 5_000


@lru_cache(maxsize=4096)
def exact(node: Node) -> Exact:
    """The value of a number-valued node: numbers, `+ - * /`, exact powers and `sqrt`.

    Raises:
        ExactError: another operation occurs, or the value is not a real number, or it is too large to work with.
    """
    values: dict[Node, Exact] = {}
    for count, n in enumerate(node.walk()):
        if count > MAX_NODES:
            raise ExactError("the exact number is written with too many operations")
        values[n] = _value(n, [values[argument] for argument in n.args])
    return values[node]


def _value(node: Node, arguments: list[Exact]) -> Exact:
    if node.op == "number":
        return Exact(node.data[0])
    if node.op == "add":
        return sum(arguments, Exact(0))
    if node.op in ("mul", "scale"):
        return arguments[0] * arguments[1]
    if node.op == "power":
        return _power(arguments[0], Fraction(node.data[0]))
    if node.op == "function" and node.data == ("sqrt",):
        return arguments[0].root(2)
    raise ExactError("not an exact number: only numbers, + - * /, exact powers and sqrt make one")


@lru_cache(maxsize=4096)
def _power(base: Exact, exponent: Fraction) -> Exact:
    return base**exponent


@lru_cache(maxsize=4096)
def as_node(value: Exact | Fraction | int) -> Node:
    """A number-valued node with this value, the same for equal spellings."""
    terms = [number(0)]
    for monomial, coefficient in Exact(value).terms():
        term = number(coefficient)
        for atom, exponent in monomial:
            term = mul(term, power(as_node(atom), exponent))
        terms.append(term)
    return add(*terms)
