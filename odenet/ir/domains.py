"""Where an expression is defined: signs that are evident, and arguments that are not evidently in a domain.

This is a check of what was written, not a proof: the prover guards itself. It exists so that a claim about `log(x)` without a
region is an error with an edit, and not a guess.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from odenet.ir.differentiate.products import collect, scaled, split
from odenet.ir.model import Comparison, Parameter
from odenet.ir.node import Node, subtract, transpose
from odenet.operators.functions import FUNCTIONS, Range, values_of
from odenet.operators.ranges import FREE, value_range

POSITIVE, NONNEGATIVE, UNKNOWN = 2, 1, 0
_TENSOR_SUMS = frozenset(("sum", "mean", "cumsum"))
_KEEP_SIGN = frozenset(("spread", "channels", "index", "slice", "diag", "unchannels"))


@dataclass(frozen=True)
class Hole:
    """A node whose argument is not evidently in its domain. `asked` is what the argument has to be."""

    node: Node
    argument: Node
    asked: str  # what the argument must: "be positive"


class Signs:
    """Evident signs, from the sets of the parameters and the comparisons of a region."""

    def __init__(self, parameter: Callable[[str], Parameter | None], region: tuple[Comparison, ...] = ()) -> None:
        self.parameter = parameter
        # each comparison says right - left >= 0, or > 0
        self.known = [(collect(subtract(c.right, c.left)), POSITIVE if c.is_strict else NONNEGATIVE) for c in region]
        self._memory: dict[Node, int] = {}

    def of(self, node: Node) -> int:
        """POSITIVE, NONNEGATIVE or UNKNOWN, for every entry."""
        if node not in self._memory:
            self._memory[node] = UNKNOWN  # while it is being worked out
            self._memory[node] = max(self._from_form(node), self._from_range(node), self._from_region(node))
        return self._memory[node]

    def _from_range(self, node: Node) -> int:
        """By intervals: 2 + sin(x) is at least 1."""
        low = value_range(node, self._leaf_range).low
        return UNKNOWN if low is None or low < 0 else POSITIVE if low > 0 else NONNEGATIVE

    def _leaf_range(self, leaf: Node) -> Range:
        if leaf.op == "dim":
            return Range(Fraction(1), None)
        found = self.parameter(leaf.data[0]) if leaf.op == "param" else None
        for item in found.sets if found is not None else ():
            if item.name == "interval":
                ends = [value_range(a, self._leaf_range) for a in item.arguments]
                return Range(ends[0].low, ends[1].high, is_sharp=False)
            if item.name in ("positive", "nonnegative"):
                return Range(Fraction(0), None)
        return FREE

    def _from_region(self, node: Node) -> int:
        """node = factor * (a known quantity) + rest with factor > 0 and an evident sign of the rest."""
        best = UNKNOWN
        for known, sign in self.known:
            for rest in _remainders(node, known):
                if rest.op in ("zeros",) or (rest.op == "number" and rest.data[0] == 0):
                    best = max(best, sign)
                elif (other := self._from_form(rest)) != UNKNOWN:
                    best = max(best, sign, other)
        if node.op == "norm" and best == UNKNOWN:
            x = node.args[0]
            best = self._from_region(Node("dot", (x, x), (), node.space))
        if best == UNKNOWN and node.op == "dot" and node.args[0] == node.args[1]:
            best = self._from_squares(node)
        return best

    def _from_squares(self, node: Node) -> int:
        """|x| >= c > 0 says that dot(x, x) is positive."""
        length = Node("norm", node.args[:1], (), node.space)
        for known, sign in self.known:
            for rest in _remainders(length, known):
                if (rest.op == "number" and rest.data[0] == 0 and sign == POSITIVE) or self._from_form(rest) == POSITIVE:
                    return POSITIVE
        return UNKNOWN

    def _from_form(self, node: Node) -> int:
        op = node.op
        if op == "number":
            return POSITIVE if node.data[0] > 0 else NONNEGATIVE if node.data[0] == 0 else UNKNOWN
        if op in ("dim", "ones", "softmax"):
            return POSITIVE
        if op in ("zeros", "eye", "norm"):
            return NONNEGATIVE
        if op == "param":
            return self._of_parameter(node.data[0])
        if op in _KEEP_SIGN:
            return self.of(node.args[0])
        if op in _TENSOR_SUMS:
            return self.of(node.args[0])
        return self._from_operation(node)

    def _from_operation(self, node: Node) -> int:
        signs = [self.of(a) for a in node.args]
        if node.op == "add":
            return _of_quadratic(node) if UNKNOWN in signs else max(signs)
        if node.op in ("mul", "scale", "dot", "outer", "apply"):
            return self._of_product(node, min(signs))
        if node.op == "power":
            return self._of_power(node, signs[0])
        if node.op == "function":
            return self._of_function(node, signs[0])
        if node.op == "largest":
            return max(*signs, self._of_larger(node)) if len(signs) == 2 else max(signs)
        return min(signs) if node.op in ("smallest", "stack", "concat") else UNKNOWN

    def _of_larger(self, node: Node) -> int:
        """max(a, b) >= c a + (1 - c) b for 0 <= c <= 1; with the c that cancels a term of both."""
        a, b = node.args
        mine = dict(_terms(a))
        best = UNKNOWN
        for rest, coefficient in _terms(b):
            if rest.op != "number" and mine.get(rest, Fraction(0)) * coefficient < 0:
                weight = coefficient / (coefficient - mine[rest])
                best = max(best, self._from_form(collect(*_multiple(weight, a), *_multiple(1 - weight, b))))
        return best

    def _of_product(self, node: Node, least: int) -> int:
        """Sums of products; with a matrix of entries >= 0 a row may be all zero."""
        square = NONNEGATIVE if node.args[0] == node.args[1] or self._is_form(node) else UNKNOWN
        return max(square, min(least, NONNEGATIVE if node.op == "apply" else POSITIVE))

    def _is_form(self, node: Node) -> bool:
        """Whether it is dot(x, M @ x), or dot(M @ x, x), with M positive semidefinite."""
        if node.op != "dot":
            return False
        for x, image in (node.args, node.args[::-1]):
            if image.op == "apply" and image.args[1] == x and self._is_psd(image.args[0]):
                return True
            if image.op == "apply" and image.args[1].op == "apply" and image.args[1].args[1] == x and (
                    transpose(image.args[0]) == image.args[1].args[0]):  # K.T @ (K @ x)
                return True
        return False

    def _is_psd(self, m: Node) -> bool:
        """By its set, as A.T @ A, as a diagonal or a sum of such."""
        if m.op == "param":
            found = self.parameter(m.data[0])
            return found is not None and any(item.name in ("psd", "laplacian") for item in found.sets)
        if m.op == "compose":
            return transpose(m.args[0]) == m.args[1]
        if m.op == "scale":
            return self.of(m.args[0]) >= NONNEGATIVE and self._is_psd(m.args[1])
        if m.op == "diag":
            return self.of(m.args[0]) >= NONNEGATIVE
        return m.op == "eye" or (m.op == "add" and all(map(self._is_psd, m.args)))

    def _of_power(self, node: Node, base: int) -> int:
        exponent = node.data[0]
        if base == POSITIVE:
            return POSITIVE
        if exponent.denominator != 1 or exponent.numerator % 2 == 0 or base == NONNEGATIVE:
            return NONNEGATIVE if exponent > 0 else POSITIVE
        return UNKNOWN

    def _of_function(self, node: Node, argument: int) -> int:
        low = values_of(node)
        if low.low is not None and low.low >= 0:
            is_positive = low.low > 0 or not low.low_reached
            return POSITIVE if is_positive or (argument == POSITIVE and node.data[0] in _POSITIVE_ON_POSITIVE) else NONNEGATIVE
        row = FUNCTIONS[node.data[0]]
        if row.parity == "odd" and row.increasing(*node.data[1:]):
            return argument
        return argument if node.data[0] in ("leaky_relu", "elu", "celu", "silu", "gelu") and argument else UNKNOWN

    def _of_parameter(self, name: str) -> int:
        found = self.parameter(name)
        best = UNKNOWN
        for item in found.sets if found is not None else ():
            if item.name == "positive":
                best = POSITIVE
            elif item.name in ("nonnegative", "stochastic", "doubly_stochastic"):
                best = max(best, NONNEGATIVE)
            elif item.name == "interval":
                best = max(best, self.of(item.arguments[0]))
        return best


_POSITIVE_ON_POSITIVE = frozenset(("sqrt", "square", "relu", "abs", "logcosh"))


def _of_quadratic(node: Node) -> int:
    """a x^2 + b x + c with numbers a > 0, b, c is positive where b^2 < 4 a c, for any x."""
    quadratic = {_square_root(rest): c for rest, c in _terms(node) if _square_root(rest) is not None}
    if len(quadratic) != 1:
        return UNKNOWN
    ((x, a),) = quadratic.items()
    others = {rest: c for rest, c in _terms(node) if _square_root(rest) is None}
    b = others.pop(x, Fraction(0)) if x is not None else Fraction(0)
    c = sum((k for rest, k in others.items() if rest.op == "number"), Fraction(0))
    if a <= 0 or any(rest.op != "number" for rest in others) or b * b > 4 * a * c:
        return UNKNOWN
    return POSITIVE if b * b < 4 * a * c else NONNEGATIVE


def _square_root(node: Node) -> Node | None:
    """x, for a node that is x^2 of a scalar."""
    if node.op == "power" and node.data[0] == 2:
        return node.args[0]
    is_product = node.op in ("mul", "scale") and len(node.args) == 2 and node.args[0] == node.args[1]
    return node.args[0] if is_product or (node.op == "function" and node.data[0] == "square") else None


def _remainders(node: Node, known: Node) -> Iterator[Node]:
    """node - factor * known, for the factors > 0 that cancel a term of both."""
    mine = dict(_terms(node))
    for rest, coefficient in _terms(known):
        if rest.op != "number" and rest in mine and mine[rest] / coefficient > 0:
            yield collect(node, *_multiple(-mine[rest] / coefficient, known))


def _multiple(factor: Fraction, node: Node) -> list[Node]:
    """The terms of a number times a sum."""
    return [scaled(factor * coefficient, rest) for rest, coefficient in _terms(node)]


def _terms(node: Node) -> list[tuple[Node, Fraction]]:
    pieces = [split(term) for term in (node.args if node.op == "add" else (node,))]
    return [(rest, coefficient) for coefficient, rest in pieces if coefficient]


def holes(node: Node, signs: Signs) -> list[Hole]:
    """The places of an expression whose arguments are not evidently in their domains."""
    found: list[Hole] = []
    for n in node.walk():
        asked = asked_of(n)
        if asked is not None and not _is_inside(signs, n.args[0], asked):
            found.append(Hole(n, n.args[0], asked))
    return found


def asked_of(n: Node) -> str | None:
    """What the argument of a power or function has to do, in words; None where it may be any."""
    if n.op == "power":
        exponent = n.data[0]
        if exponent.denominator == 1:
            return "not be zero" if exponent < 0 else None
        return "be positive" if exponent < 0 else "be at least zero"
    if n.op != "function":
        return None
    return {"all": None, "positive": "be positive", "nonnegative": "be at least zero"}.get(
        FUNCTIONS[n.data[0]].domain, "stay off the poles of the tangent")


def _is_inside(signs: Signs, argument: Node, asked: str) -> bool:
    if asked == "not be zero":
        return signs.of(argument) == POSITIVE or signs.of(collect(scaled(Fraction(-1), argument))) == POSITIVE
    if asked == "be positive":
        return signs.of(argument) == POSITIVE
    return asked == "be at least zero" and signs.of(argument) != UNKNOWN
