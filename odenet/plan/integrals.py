"""Integrals of rates over the time of a substep, in closed form, for parts that move the clock.

With `t` the clock at the start and `h` the duration, `over_time` is the integral of rate(t + s) over s from 0 to h, all
else held. Each form is free of divisions by what may be zero: with m = t + h/2 the middle of the substep, the integral of
sin(a t + b) is h sinc(a h / 2) sin(a m + b), and the same with cos.
"""
from __future__ import annotations

from fractions import Fraction

from odenet.ir.differentiate import products
from odenet.ir.model import Model
from odenet.ir.node import Node, add, depends_on, function, number, power, subtract, time, variable
from odenet.ir.sizes import SCALAR, Space
from odenet.plan.signs import sign

MAX_DEGREE = 12
_LINEAR = frozenset((
    "transpose", "diag", "skew", "unskew", "sym", "sum", "mean", "cumsum", "spread", "channels", "slice", "index", "stack",
    "concat"))


def duration() -> Node:
    """h, the duration of a substep, in closed forms."""
    from odenet.plan.steps import DURATION

    return variable(DURATION, SCALAR)


def over_time(rate: Node, model: Model) -> Node | None:
    """The integral of a rate over the substep, or None when it is not of a form that is known."""
    if not depends_on(rate, "time"):
        return products.times(duration(), rate)
    if rate.op == "add":
        terms = [over_time(term, model) for term in rate.args]
        known = [term for term in terms if term is not None]
        return products.collect(*known) if len(known) == len(terms) else None
    powers = polynomial(rate) if rate.space == SCALAR else None
    if powers is not None:
        return products.collect(*(products.times(c, _of_power(k)) for k, c in enumerate(powers)))
    if rate.op in ("mul", "scale", "apply", "dot", "outer", "compose"):
        return _product(rate, model)
    if rate.op in _LINEAR:
        inner = [over_time(argument, model) for argument in rate.args]
        done = tuple(argument for argument in inner if argument is not None)
        return Node(rate.op, done, rate.data, rate.space) if len(done) == len(inner) else None
    return _wave(rate, model) if rate.op == "function" else None


def _product(rate: Node, model: Model) -> Node | None:
    """A product with one factor that is free of t."""
    timed = [i for i, argument in enumerate(rate.args) if depends_on(argument, "time")]
    if len(timed) != 1:
        return None
    inner = over_time(rate.args[timed[0]], model)
    if inner is None:
        return None
    arguments = tuple(inner if i == timed[0] else a for i, a in enumerate(rate.args))
    if rate.op in ("mul", "scale"):
        return products.times(*arguments)
    return Node(rate.op, arguments, rate.data, rate.space)


def polynomial(node: Node) -> list[Node] | None:
    """Coefficients, free of t, of a scalar node as a polynomial in t; None when it is not seen to be one."""
    if not depends_on(node, "time"):
        return [node]
    if node.op == "time":
        return [number(0), number(1)]
    if node.op == "add":
        terms = [polynomial(term) for term in node.args]
        known = [term for term in terms if term is not None]
        return _sum(known) if len(known) == len(terms) else None
    if node.op == "mul":
        left, right = (polynomial(a) for a in node.args)
        return None if left is None or right is None else _multiplied(left, right)
    if node.op == "power" and node.data[0].denominator == 1 and 0 < node.data[0] <= MAX_DEGREE:
        return _powered(polynomial(node.args[0]), int(node.data[0]))
    return None


def _powered(base: list[Node] | None, exponent: int) -> list[Node] | None:
    result: list[Node] | None = [number(1)]
    for _ in range(exponent):
        result = None if base is None or result is None else _multiplied(result, base)
    return result


def _sum(terms: list[list[Node]]) -> list[Node]:
    size = max(map(len, terms))
    return [products.collect(*(term[k] if k < len(term) else number(0) for term in terms)) for k in range(size)]


def _multiplied(left: list[Node], right: list[Node]) -> list[Node] | None:
    size = len(left) + len(right) - 1
    if size > MAX_DEGREE + 1:
        return None
    rows: list[list[Node]] = [[number(0)] for _ in range(size)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            rows[i + j].append(products.times(a, b))
    return [products.collect(*row) for row in rows]


def _of_power(k: int) -> Node:
    """The integral of t^k: h; h (t + h/2); ((t + h)^(k+1) - t^(k+1)) / (k+1)."""
    h, t = duration(), time()
    if k == 0:
        return h
    if k == 1:
        return products.times(h, _middle())
    return products.times(number(Fraction(1, k + 1)), subtract(power(add(t, h), k + 1), power(t, k + 1)))


def _middle() -> Node:
    return add(time(), products.times(number(Fraction(1, 2)), duration()))


def _wave(rate: Node, model: Model) -> Node | None:
    """sin, cos, exp of a scalar a t + b."""
    line = polynomial(rate.args[0]) if rate.space == SCALAR else None
    if line is None or len(line) != 2 or rate.data[0] not in ("sin", "cos", "exp"):
        return None
    offset, slope = line
    half = products.times(number(Fraction(1, 2)), products.times(slope, duration()))
    if rate.data[0] == "exp":
        return _exponential(offset, slope, half, model)
    middle = function(rate.data[0], add(products.times(slope, _middle()), offset))
    return products.times(duration(), products.times(function("sinc", half), middle))


def _exponential(offset: Node, slope: Node, half: Node, model: Model) -> Node | None:
    if sign(slope, model) == 0:
        return None
    start = function("exp", add(products.times(slope, time()), offset))
    return products.times(start, exponential_step(half, slope))


def exponential_step(half: Node, rate: Node) -> Node:
    """(exp(rate h) - 1) / rate with half = rate h / 2, as (exp(rate h) + 1) tanh(rate h / 2) / rate.

    Tensors entry by entry; the caller has shown that `rate` is nowhere zero.
    """
    whole = products.scaled(Fraction(2), half)
    assert isinstance(half.space, Space)
    grown = add(function("exp", whole), products.spread(number(1), half.space))
    return products.times(products.times(grown, function("tanh", half)), power(rate, -1))
