"""Random scalar inequalities as claims: `f : dissipates(x) on region` with x' = c - e says e >= c on the region.

The constant c is put just below the least value seen (probably true) or just above it (false: it must not be proved).
"""
from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tests.attack.members import Random
from tests.attack.terms import Array

Values = dict[str, Array]
PARAMETERS = "param a : R, in [0, 1]\nparam b : R, in [0, 1 - a]\nparam s : R, positive\nparam k : R, in [-1, 1/2]\n"
REGIONS: tuple[tuple[str, Callable[[Values], Array]], ...] = (
    ("", lambda v: v["x"] == v["x"]),
    (" on x >= 0", lambda v: v["x"] >= 0),
    (" on x >= 1 and y <= 2", lambda v: (v["x"] >= 1) & (v["y"] <= 2)),
    (" on x^2 + y^2 <= 1", lambda v: v["x"] ** 2 + v["y"] ** 2 <= 1),
    (" on -1 <= x and x <= 2 and 0 <= y and y <= 1", lambda v: (v["x"] >= -1) & (v["x"] <= 2) & (v["y"] >= 0) & (v["y"] <= 1)),
    (" on x*y >= 1 and x > 0", lambda v: (v["x"] * v["y"] >= 1) & (v["x"] > 0)),
    (" on x + y <= 1 and x >= 0 and y >= 0", lambda v: (v["x"] + v["y"] <= 1) & (v["x"] >= 0) & (v["y"] >= 0)),
    (" on x^2 <= 4 and y^2 <= 1", lambda v: (v["x"] ** 2 <= 4) & (v["y"] ** 2 <= 1)),
)
LEAVES = ("x", "x", "x", "y", "y", "a", "b", "s", "k", "1", "2", "1/2")
UNARY: dict[str, Callable[[Array], Array]] = {
    "abs({})": np.abs, "relu({})": lambda z: np.maximum(z, 0), "sin({})": np.sin, "cos({})": np.cos, "tanh({})": np.tanh,
    "({})^2": np.square, "({})^3": lambda z: z**3, "({})^4": lambda z: z**4, "exp(-({})^2)": lambda z: np.exp(-(z**2)),
    "1/(1 + ({})^2)": lambda z: 1 / (1 + z**2), "sqrt(1 + ({})^2)": lambda z: np.sqrt(1 + z**2),
    "leaky_relu({}, 1/2)": lambda z: np.where(z > 0, z, z / 2), "leaky_relu({}, 2)": lambda z: np.where(z > 0, z, 2 * z),
    "1/(2 + sin({}))": lambda z: 1 / (2 + np.sin(z)), "(1 + ({})^2)^(-3/2)": lambda z: (1 + z**2) ** -1.5,
    "exp({})": lambda z: np.exp(np.minimum(z, 100)), "threshold({})": lambda z: np.where(z > 0, 1.0, 0.0), "sign({})": np.sign,
    "atan({})": np.arctan, "sigmoid({})": lambda z: 0.5 * (1 + np.tanh(z / 2)),
}


@dataclass(frozen=True)
class Expression:
    text: str
    value: Callable[[Values], Array]


def leaf(name: str) -> Expression:
    if name[0].isdigit():
        number = float(Fraction(name))
        return Expression(name, lambda v: np.full_like(v["x"], number))
    return Expression(name, lambda v: v[name])


def draw(rng: Random, depth: int) -> Expression:
    kind = int(rng.integers(9)) if depth else 0
    if kind == 0:
        return leaf(str(rng.choice(LEAVES)))
    if kind <= 2:
        name = str(rng.choice(list(UNARY)))
        inner = draw(rng, depth - 1)
        return Expression(name.format(inner.text), lambda v: UNARY[name](inner.value(v)))
    one, other = draw(rng, depth - 1), draw(rng, depth - 1)
    if kind <= 4:
        return Expression(f"({one.text} + {other.text})", lambda v: one.value(v) + other.value(v))
    if kind == 5:
        return Expression(f"({one.text} - {other.text})", lambda v: one.value(v) - other.value(v))
    if kind <= 7:
        return Expression(f"{one.text} * {other.text}", lambda v: one.value(v) * other.value(v))
    name, pick = (("max", np.maximum), ("min", np.minimum))[int(rng.integers(2))]
    return Expression(f"{name}({one.text}, {other.text})", lambda v: pick(one.value(v), other.value(v)))


def points(rng: Random, size: int = 4000) -> Values:
    """States and parameters in their sets, ends and special values included."""
    special = rng.choice([0.0, 1.0, -1.0, 2.0, 0.5, -2.0, 1e-3, -1e-3, 100.0, -100.0], (2, size))
    wide = rng.normal(size=(2, size)) * 10.0 ** rng.integers(-1, 2, (2, size))
    x, y = np.where(rng.integers(0, 4, (2, size)) == 0, special, wide)
    a = np.where(rng.integers(0, 3, size) == 0, rng.integers(0, 2, size), rng.uniform(size=size))
    b = (1 - a) * np.where(rng.integers(0, 3, size) == 0, rng.integers(0, 2, size), rng.uniform(size=size))
    k = -1 + 1.5 * np.where(rng.integers(0, 3, size) == 0, rng.integers(0, 2, size), rng.uniform(size=size))
    return {"x": x, "y": y, "a": a, "b": b, "k": k, "s": np.exp(3 * rng.normal(size=size))}


@dataclass(frozen=True)
class Inequality:
    """`text` is a spec whose one claim says expression >= constant on a region; `least` is the least value seen."""

    text: str
    expression: Expression
    constant: float
    least: float
    holds: Callable[[Values], Array]

    def worst(self, rng: Random, rounds: int = 6) -> float:
        """constant - expression at the worst place found: positive is a violation."""
        found = -np.inf
        for _ in range(rounds):
            value = _least(self.expression, points(rng), self.holds)
            found = max(found, self.constant - value)
        return float(found)


def _least(expression: Expression, values: Values, holds: Callable[[Values], Array]) -> float:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        inside = holds(values)
        result = np.where(inside, expression.value(values), np.inf)
    result = np.where(np.isnan(result), np.inf, result)
    return float(result.min())


def make(seed: int) -> Inequality | None:
    """The inequality of a seed; None when nothing sensible came out."""
    rng = np.random.default_rng(seed)
    expression = draw(rng, int(rng.integers(1, 5)))
    region, holds = REGIONS[int(rng.integers(len(REGIONS)))]
    least = min(_least(expression, points(rng), holds) for _ in range(2))
    if not np.isfinite(least) or abs(least) > 1e3 or "x" not in expression.text:
        return None
    shift = Fraction(int(rng.integers(-2, 3)), 64) if rng.integers(3) else Fraction(0)
    constant = Fraction(round(least * 64), 64) + shift
    text = (f"model Bound\nstate x, y : R\n{PARAMETERS}field f {{ x' = {constant} - ({expression.text}) }}\n"
            f"claim f : dissipates(x){region}\n")
    return Inequality(text, expression, float(constant), least, holds)
