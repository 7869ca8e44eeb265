"""Flows on the line (or entry by entry), run by an interpreter of their own over thousands of samples at once.

Constants of claims are put just below what was seen (false: must not be proved) or above it.
"""
from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from tests.attack.members import Random
from tests.attack.terms import Array

SAMPLES = 3000
Rate = Callable[[Array, Array, dict[str, Array]], Array]  # x, t, parameters at this time

PARAMETERS = {  # text, low, high; `b` hangs on `a`
    "a": ("param a : R, in [0, 1]", 0.0, 1.0), "b": ("param b : R, in [0, 1 - a]", 0.0, 1.0),
    "c": ("param c(t) : R, in [-1, 1/2]", -1.0, 0.5), "d": ("param d(t) : R, linear(2), in [0, 1]", 0.0, 1.0),
    "e": ("param e(t) : R, in [1/2, 2]", 0.5, 2.0), "k": ("param k : R", -3.0, 3.0),
    "z": ("param z(t) : R, in [0, 1 - b]", 0.0, 1.0),
}
FACTORS: dict[str, tuple[Callable[[dict[str, Array], Array], Array], str]] = {
    "1": (lambda p, t: np.ones_like(t), ""), "1/2": (lambda p, t: np.full_like(t, 0.5), ""), "2": (lambda p, t: np.full_like(t, 2.0), ""),
    "a": (lambda p, t: p["a"], "a"), "b": (lambda p, t: p["b"], "ab"), "(1 - a)": (lambda p, t: 1 - p["a"], "a"),
    "(a + b)": (lambda p, t: p["a"] + p["b"], "ab"), "a * b": (lambda p, t: p["a"] * p["b"], "ab"), "c": (lambda p, t: p["c"], "c"),
    "d": (lambda p, t: p["d"], "d"), "(1 - d)": (lambda p, t: 1 - p["d"], "d"), "e": (lambda p, t: p["e"], "e"),
    "sin(t)": (lambda p, t: np.sin(t), ""), "cos(3*t)": (lambda p, t: np.cos(3 * t), ""), "z": (lambda p, t: p["z"], "abz"),
    "t": (lambda p, t: t, ""), "(1 - c)": (lambda p, t: 1 - p["c"], "c"), "(2 - e)": (lambda p, t: 2 - p["e"], "e"),
}
SHAPES: dict[str, Callable[[Array], Array]] = {
    "x": lambda x: x, "tanh(x)": np.tanh, "sin(x)": np.sin, "relu(x)": lambda x: np.maximum(x, 0), "abs(x)": np.abs,
    "leaky_relu(x, 1/2)": lambda x: np.where(x > 0, x, x / 2), "leaky_relu(x, 2)": lambda x: np.where(x > 0, x, 2 * x),
    "softplus(x)": lambda x: np.logaddexp(x, 0), "x/(1 + x^2)": lambda x: x / (1 + x**2), "sin(2*x)": lambda x: np.sin(2 * x),
    "elu(x, 2)": lambda x: np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0))), "(x + k)": lambda x: x, "max(x, 1)": lambda x: np.maximum(x, 1),
    "x * (1 + x^2)^(-1/2)": lambda x: x * (1 + x**2) ** -0.5, "atan(x)": np.arctan, "cos(x)": np.cos, "relu(-x)": lambda x: np.maximum(-x, 0),
}
TABLES: dict[str, tuple[str, list[float], list[list[float]], list[float]]] = {
    "euler": ("", [0], [[]], [1]), "heun": ("", [0, 1], [[], [1]], [0.5, 0.5]), "midpoint": ("", [0, 0.5], [[], [0.5]], [0, 1]),
    "rk4": ("", [0, 0.5, 0.5, 1], [[], [0.5], [0, 0.5], [0, 0, 1]], [1 / 6, 1 / 3, 1 / 3, 1 / 6]),
    "one": ("table([0], [[0]], [2])", [0], [[]], [2]), "minus": ("table([0], [[0]], [-1])", [0], [[]], [-1]),
    "shifted": ("table([1], [[0]], [1])", [1], [[]], [1]), "none": ("table([0], [[0]], [0])", [0], [[]], [0]),
    "loose": ("table([0, 1/2], [[0, 0], [1/2, 0]], [-1, 2])", [0, 0.5], [[], [0.5]], [-1, 2]),
    "sum": ("table([0, 0], [[0, 0], [0, 0]], [1/2, 1/2])", [0, 0], [[], [0, 0]], [0.5, 0.5]),
    "high": ("table([0, 1], [[0, 0], [1, 0]], [1/4, 1/4])", [0, 1], [[], [1]], [0.25, 0.25]),
}
SCHEMES: dict[str, list[tuple[str, list[tuple[int, float]]]]] = {
    "1": [("A(1)", [(0, 1)]), ("A(1/2) A(1/2)", [(0, 0.5), (0, 0.5)]), ("A(1) A(-1)", [(0, 1), (0, -1)]), ("A(-1)", [(0, -1)]),
          ("A(3/2) A(-1/2)", [(0, 1.5), (0, -0.5)])],
    "2": [("A(1) B(1)", [(0, 1), (1, 1)]), ("A(1/2) B(1) A(1/2)", [(0, 0.5), (1, 1), (0, 0.5)]),
          ("B(1) A(1)", [(1, 1), (0, 1)]), ("A(2) B(1) A(-1)", [(0, 2), (1, 1), (0, -1)]),
          ("B(1/2) A(1) B(1/2)", [(1, 0.5), (0, 1), (1, 0.5)]), ("A(1) B(1/2) B(1/2)", [(0, 1), (1, 0.5), (1, 0.5)])],
}


@dataclass
class Line:
    """One flow: parts, their methods, the stages of the scheme, the clock."""

    text: str = ""
    rates: list[Rate] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    stages: list[tuple[int, float]] = field(default_factory=list)
    length: float = 1.0
    steps: int = 1

    def run(self, x: Array, schedule: list[dict[str, Array]], ends: tuple[dict[str, Array], dict[str, Array]]) -> Array:
        """`schedule`: the parameters of each step; `ends`: the knots of what moves within steps."""
        h, total = self.length / self.steps, self.length
        for step in range(self.steps):
            clock = h * step
            for part, c in self.stages:
                def rate(y: Array, t: float, part: int = part, step: int = step) -> Array:
                    share = min(max(t / total, 0.0), 1.0)
                    here = {**schedule[step], "d": (1 - share) * ends[0]["d"] + share * ends[1]["d"]}
                    return self.rates[part](y, np.full_like(y, t), here)

                x = self._advance(x, rate, clock, c * h, TABLES[self.methods[part]], part == 0)
                clock += c * h if part == 0 else 0.0
        return x

    def _advance(self, x: Array, rate: Callable[[Array, float], Array], clock: float, h: float,
                 table: tuple[str, list[float], list[list[float]], list[float]], is_first: bool) -> Array:
        _, nodes, matrix, weights = table
        slopes: list[Array] = []
        for node, row in zip(nodes, matrix, strict=True):
            y = x + h * sum((a * s for a, s in zip(row, slopes, strict=False)), np.zeros_like(x))
            slopes.append(rate(y, clock + node * h if is_first else clock))
        return x + h * sum((w * s for w, s in zip(weights, slopes, strict=True)), np.zeros_like(x))


def draw_parameters(rng: Random, size: int) -> dict[str, Array]:
    found = {}
    for name, (_, low, high) in PARAMETERS.items():
        place = np.where(rng.integers(0, 2, size) == 0, rng.integers(0, 2, size), rng.uniform(size=size))
        found[name] = low + (high - low) * place
    found["b"] = found["b"] * (1 - found["a"])
    found["z"] = found["z"] * (1 - found["b"])
    return found


@dataclass(frozen=True)
class Seen:
    """What samples show of a flow."""

    steepest: float
    flattest: float  # the least slope
    highest: float  # the greatest slope
    lowest: float  # the least image of x >= 0
    grown: float  # the most that x^2 grows
    oddness: float


def sample(line: Line, rng: Random, size: int = SAMPLES) -> Seen:
    x = rng.normal(size=size) * 10.0 ** rng.integers(-1, 2, size)
    x = np.where(rng.integers(0, 5, size) == 0, rng.choice([0.0, 1.0, -1.0, 1.5708, 3.1416, -2.0, 0.5], size) + 1e-4 * rng.normal(size=size), x)
    fixed = draw_parameters(rng, size)
    fresh = [draw_parameters(rng, size) for _ in range(line.steps)]
    schedule = []
    for one in fresh:
        step = {**fixed, "c": one["c"], "e": one["e"], "z": one["z"] * np.where(one["z"] > 1 - fixed["b"], 0.0, 1.0)}
        schedule.append(step)
    ends = (draw_parameters(rng, size), draw_parameters(rng, size))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        e = 1e-5
        slope = (line.run(x + e, schedule, ends) - line.run(x - e, schedule, ends)) / (2 * e)
        image, positive = line.run(x, schedule, ends), line.run(np.abs(x), schedule, ends)
        flipped = line.run(-x, schedule, ends)
    slope = slope[np.isfinite(slope)]
    return Seen(float(np.abs(slope).max()), float(slope.min()), float(slope.max()), float(positive.min()),
                float((image**2 - x**2 - 1e-9 * x**2).max()), float(np.abs(image + flipped).max()))


def make(seed: int) -> tuple[Line, list[str]]:
    """A flow and its claims (without the word `claim`)."""
    rng = np.random.default_rng(seed)
    line = Line(steps=int(rng.integers(1, 3)), length=float(rng.choice([0.25, 0.5, 1.0, 2.0])))
    parts, used, fields = int(rng.integers(1, 3)), set(), []
    for part in range(parts):
        rate, text = _rate(rng, used)
        line.rates.append(rate)
        line.methods.append(str(rng.choice(["euler"] * 6 + list(TABLES))))
        fields.append(f"field {'fg'[part]} {{ x' = {text} }}")
    scheme, line.stages = SCHEMES[str(parts)][int(rng.integers(len(SCHEMES[str(parts)])))]
    space = "R" if rng.integers(3) or "t" in used else "R[n]"
    lines = ["model Line", *(["dim n = 2"] if space != "R" else []), f"state x : {space}"]
    lines += [PARAMETERS[name][0] for name in "abcdekz" if name in used or (name in "ab" and "z" in used) or (name == "a" and "b" in used)]
    lines += [*fields, f"scheme mine({', '.join('AB'[:parts])}) = {scheme}"]
    lines += [f"method {m} = {TABLES[m][0]}" for m in dict.fromkeys(line.methods) if TABLES[m][0]]
    named = ", ".join(f"{'fg'[i]}: {m}" for i, m in enumerate(line.methods))
    lines.append(f"flow net = mine({named}) over [0, {Fraction(line.length)}] steps {line.steps}")
    seen = sample(line, rng)
    claims = ["net : nonexpansive", "net : positive", "net : invertible", "net : equivariant(sign)",
              f"net : dissipates({'x^2' if space == 'R' else 'dot(x, x)'})"]
    if seen.steepest < 1e4:
        claims.append(f"net : lipschitz({Fraction(round(seen.steepest * 64) + int(rng.integers(-2, 3)), 64)})")
    share = Fraction(round((1 - seen.flattest) / 2 * 64) + int(rng.integers(-2, 2)), 64)
    if 0 < share < 1:
        claims.append(f"net : averaged({share})")
    line.text = "\n".join(lines) + "\n"
    return line, claims


def _rate(rng: Random, used: set[str]) -> tuple[Rate, str]:
    """A sum of one or two terms: sign, factor, shape."""
    terms: list[Rate] = []
    text = ""
    for _ in range(int(rng.integers(1, 3))):
        factor, shape = str(rng.choice(list(FACTORS))), str(rng.choice(list(SHAPES)))
        sign = float(rng.choice([-1.0, -1.0, 1.0]))
        used.update(FACTORS[factor][1])
        has_shift = shape == "(x + k)"
        if has_shift:
            used.add("k")
        value, bend = FACTORS[factor][0], SHAPES[shape]
        terms.append(lambda x, t, p, value=value, bend=bend, sign=sign, has_shift=has_shift:
                     sign * value(p, t) * (bend(x) + (p["k"] if has_shift else 0.0)))
        text += f" {'-' if sign < 0 else '+' if text else ''} {factor} * {shape}"
    return (lambda x, t, p: sum((term(x, t, p) for term in terms), np.zeros_like(x))), text.strip()


def is_broken(claim: str, seen: Seen) -> bool:
    """Whether the samples contradict a claim."""
    name, _, rest = claim.removeprefix("net : ").partition("(")
    bound = float(Fraction(rest.rstrip(")"))) if name in ("lipschitz", "averaged") else 1.0
    slack = 1e-4 * (1 + seen.steepest)
    if name in ("lipschitz", "nonexpansive"):
        return seen.steepest > bound + slack
    if name == "averaged":
        return seen.flattest < 1 - 2 * bound - slack or seen.highest > 1 + slack
    if name == "positive":
        return seen.lowest < -1e-6
    if name == "invertible":
        return seen.flattest < -1e-2 and seen.highest > 1e-2
    if name == "dissipates":
        return seen.grown > 1e-6
    return seen.oddness > 1e-6
