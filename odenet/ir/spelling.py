"""A node as a user would write it: text that reads back, in its spec, as the same expression."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from odenet.ir.node import Node
from odenet.ir.sizes import Space
from odenet.operators.functions import FUNCTIONS

SUM, PRODUCT, POWER, WHOLE = 0, 1, 2, 3  # how tightly a text holds together
Spelled = tuple[str, int]


class Unspellable(Exception):
    """The language has no words for an operation of the IR."""


def ode_text(node: Node) -> str:
    """The text of a node. Raises Unspellable."""
    known: dict[Node, Spelled] = {}
    for inner in node.walk():
        known[inner] = _spelled(inner, [known[a] for a in inner.args])
    return known[node][0]


def _spelled(node: Node, a: list[Spelled]) -> Spelled:
    rule = _RULES.get(node.op)
    if rule is not None:
        return rule(node, a)
    if node.op in ("sum", "mean", "dot", "cumsum", "softmax", "diag", "skew", "sym", "outer", "concat"):
        return f"{node.op}({_listed(a)})", WHOLE
    raise Unspellable(node.op)


def _listed(a: list[Spelled]) -> str:
    return ", ".join(text for text, _ in a)


def _wrapped(spelled: Spelled, level: int) -> str:
    return spelled[0] if spelled[1] >= level else f"({spelled[0]})"


def _number(node: Node, _a: list[Spelled]) -> Spelled:
    value: Fraction = node.data[0]
    return str(value), SUM if value < 0 else PRODUCT if value.denominator != 1 else WHOLE


def _add(node: Node, a: list[Spelled]) -> Spelled:
    # a constant joins a tensor without `ones`, a channel vector without `channels`
    is_tensor = isinstance(node.space, Space) and node.space.rank > 0
    has_full = any(x.op not in ("spread", "ones", "channels") for x in node.args)
    pieces = [_joined(x, s) if is_tensor and has_full else s for x, s in zip(node.args, a, strict=True)]
    total = pieces[0][0]
    for text, level in pieces[1:]:
        total += f" - {text[1:]}" if text.startswith("-") and level >= SUM and _is_one_term(text) else f" + {text}"
    return total, SUM


def _is_one_term(text: str) -> bool:
    """Whether no sum stands outside brackets, so that a leading minus belongs to the whole."""
    depth = 0
    for i, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and i and character in "+-" and text[i - 1] == " ":
            return False
    return True


def _joined(node: Node, spelled: Spelled) -> Spelled:
    if node.op == "ones":
        return "1", WHOLE
    if node.op == "spread":
        return _INNER[node.op](node, spelled)
    return _INNER["channels"](node, spelled) if node.op == "channels" else spelled


def _strip(node: Node, spelled: Spelled) -> Spelled:
    """`s * ones(…)` and `v + zeros(…)` without their second half."""
    text = spelled[0]
    cut = text.rindex(" * ones(" if node.op == "spread" else " + zeros(")
    return text[:cut], PRODUCT if node.op == "spread" else SUM


_INNER: dict[str, Callable[[Node, Spelled], Spelled]] = {"spread": _strip, "channels": _strip}


def _product(sign: str) -> Callable[[Node, list[Spelled]], Spelled]:
    def spell(node: Node, a: list[Spelled]) -> Spelled:
        left, right = a
        loose = PRODUCT if sign == "*" and _is_chain(node.args[1]) else POWER  # a * (b * c) = a * b * c
        if node.args[0].op == "number" and node.args[0].data[0] < 0:
            rest = -node.args[0].data[0]
            body = _wrapped(right, PRODUCT if rest == 1 else loose)
            return (f"-{body}" if rest == 1 else f"-{rest} * {body}"), SUM
        return f"{_wrapped(left, PRODUCT)} {sign} {_wrapped(right, loose)}", PRODUCT

    return spell


def _is_chain(node: Node) -> bool:
    """Whether its text is a product of numbers and entries alone, with no `@` at its outermost level."""
    if node.op in ("mul", "scale"):
        first = node.args[0]
        return not (first.op == "number" and first.data[0] < 0) and first.op not in ("apply", "compose", "add") and (
            first.op not in ("mul", "scale") or _is_chain(first))
    return False


def _power(node: Node, a: list[Spelled]) -> Spelled:
    exponent: Fraction = node.data[0]
    if exponent == Fraction(1, 2):
        return f"sqrt({a[0][0]})", WHOLE
    whole = exponent.denominator == 1 and exponent > 0
    return f"{_wrapped(a[0], WHOLE)}^{exponent if whole else f'({exponent})'}", POWER


def _function(node: Node, a: list[Spelled]) -> Spelled:
    name = node.data[0]
    if name in _SLOPES:
        return _SLOPES[name].format(a[0][0]), WHOLE
    if not FUNCTIONS[name].is_public:
        raise Unspellable(name)
    extras = [str(x) for x in node.data[1:]]
    return f"{name}({', '.join([a[0][0], *extras])})", WHOLE


_SLOPES = {
    "tanh_slope": "(1 - tanh({0})^2)", "sigmoid_slope": "(sigmoid({0}) * (1 - sigmoid({0})))", "atan_slope": "(1 + ({0})^2)^(-1)",
    "tan_slope": "(1 + tan({0})^2)", "softsign_slope": "(1 + abs({0}))^(-2)",
}


def _sizes(space: object) -> str:
    assert isinstance(space, Space)
    return ", ".join(map(str, space.sizes))


_RULES: dict[str, Callable[[Node, list[Spelled]], Spelled]] = {
    "number": _number,
    "dim": lambda n, a: (n.data[0], WHOLE), "state": lambda n, a: (n.data[0], WHOLE), "param": lambda n, a: (n.data[0], WHOLE),
    "variable": lambda n, a: (n.data[0], WHOLE), "time": lambda n, a: ("t", WHOLE),
    "ones": lambda n, a: (f"ones({_sizes(n.space)})", WHOLE), "zeros": lambda n, a: (f"zeros({_sizes(n.space)})", WHOLE),
    "eye": lambda n, a: (f"eye({_sizes(n.space).split(', ')[0]})", WHOLE),
    "add": _add, "mul": _product("*"), "scale": _product("*"), "apply": _product("@"), "compose": _product("@"),
    "power": _power, "function": _function,
    "transpose": lambda n, a: (f"{_wrapped(a[0], WHOLE)}.T", WHOLE),
    "norm": lambda n, a: (f"|{a[0][0]}|" if "|" not in a[0][0] else f"norm({a[0][0]})", WHOLE),
    "largest": lambda n, a: (f"max({_listed(a)})", WHOLE), "smallest": lambda n, a: (f"min({_listed(a)})", WHOLE),
    "index": lambda n, a: (f"{_wrapped(a[0], WHOLE)}[{n.data[0]}]", WHOLE),
    "stack": lambda n, a: (f"[{_listed(a)}]", WHOLE),
    "spread": lambda n, a: (f"{_wrapped(a[0], PRODUCT)} * ones({_sizes(n.space)})", PRODUCT),
    "channels": lambda n, a: (f"{a[0][0]} + zeros({_sizes(n.space)})", SUM),
}
