"""Random nets with claims, each with a sample of what it computes; a claim that is proved must hold for every sample."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from odenet.operators.functions import FUNCTIONS

Array = np.ndarray
Random = np.random.Generator
Map = Callable[[Array], Array]
WIDTH = 0.3  # of the difference quotients

NAMES = ("relu", "tanh", "sin", "cos", "abs", "square", "softplus", "sigmoid", "softsign", "leaky_relu(1/2)", "leaky_relu(2)", "elu",
         "silu", "gelu", "atan", "logcosh", "celu", "sinc")
FLOWS = {  # a field on R[n], and its Euler step of length h
    "x' = -x": lambda x, h: x - h * x,
    "x' = -relu(x)": lambda x, h: x - h * np.maximum(x, 0),
    "x' = sin(x)": lambda x, h: x + h * np.sin(x),
    "x' = mean(x) - x": lambda x, h: x + h * (x.mean() - x),
    "x' = -x + tanh(x)": lambda x, h: x + h * (np.tanh(x) - x),
}
CLAIMS = ("lipschitz({c})", "lipschitz({c}, norm = 1)", "lipschitz({c}, norm = inf)", "nonexpansive", "averaged({a})", "positive",
          "preserves(sum(x))", "dissipates(dot(x, x))", "equivariant(permutation)", "equivariant(sign)", "equivariant(translation)",
          "invertible", "volume_preserving")


@dataclass(frozen=True)
class Net:
    text: str
    claim: str
    size: int
    draw: Callable[[Random], Map]  # a member: parameters drawn inside their sets


def make(seed: int) -> Net:
    rng = np.random.default_rng(seed)
    size = here = int(rng.integers(1, 5))
    lines, stages = [f"state x : R[{size}]"], []
    draws: list[Callable[[Random], Map]] = []
    for i in range(int(rng.integers(1, 4))):
        kind = rng.choice(["function", "function", "linear", "flow", "embed", "take", "fold"])
        if kind == "function":
            name = str(rng.choice(NAMES))
            stages.append(name)
            draws.append(_always(_function(name)))
        elif kind == "linear":
            bound, there = Fraction(int(rng.integers(1, 5)), int(rng.integers(1, 5))), int(rng.choice([here, here, *range(1, 5)]))
            stages.append(f"linear({there}, norm <= {bound})")
            draws.append(lambda r, a=there, b=here, c=float(bound): _affine(r, a, b, c))
            here = there
        elif kind == "flow":
            field, h = str(rng.choice(list(FLOWS))), Fraction(int(rng.integers(1, 7)), 4)
            lines.append(f"state x{i} : R[{here}]\nfield f{i} {{ {field.replace('x', f'x{i}')} }}".replace(f"rex{i}lu", "relu"))
            lines.append(f"flow g{i} = lie(f{i}: euler) over [0, {h}] steps 1")
            stages.append(f"g{i}")
            draws.append(lambda _, f=FLOWS[field], h=float(h): lambda x: f(x, h))
        else:
            there = here + int(rng.integers(0, 3)) if kind == "embed" else int(rng.integers(1, here + 1))
            stages.append(f"{kind}({there})")
            draws.append(_always(_resized(kind, there)))
            here = there
    share, bound = Fraction(int(rng.integers(1, 8)), 8), Fraction(int(rng.integers(0, 9)), 4)
    claim = str(rng.choice(CLAIMS)).format(c=bound, a=share)
    lines.append(f"net big : R[{size}] -> R[{here}] = {' -> '.join(stages)}\nclaim big : {claim}")
    return Net("model Random\n" + "\n".join(lines) + "\n", claim, size, lambda r: _chain([d(r) for d in draws]))


def _always(f: Map) -> Callable[[Random], Map]:
    return lambda _: f


def _chain(maps: list[Map]) -> Map:
    def chained(x: Array) -> Array:
        for one in maps:
            x = one(x)
        return x

    return chained


def _function(name: str) -> Map:
    head, _, rest = name.partition("(")
    row = FUNCTIONS[head]
    given = [float(Fraction(rest[:-1]))] if rest else [float(d) for d in row.defaults if d is not None]
    return lambda x: np.asarray(row.numpy(x, *given), dtype=float)


def _affine(rng: Random, rows: int, columns: int, bound: float) -> Map:
    w = rng.normal(size=(rows, columns))
    if rng.random() < 0.4 and rows == columns:
        w = np.linalg.qr(w)[0] * rng.choice([-1, 1])
    w *= bound / max(np.linalg.norm(w, 2), 1e-12)
    bias = rng.normal(size=rows) * rng.choice([0, 1, 5])
    return lambda x: w @ x + bias


def _resized(kind: str, size: int) -> Map:
    if kind == "embed":
        return lambda x: np.concatenate([x, np.zeros(size - len(x))])
    if kind == "take":
        return lambda x: x[:size]
    return lambda x: x[:size] + x[size:].sum() / size


def excess(net: Net, rng: Random, tries: int) -> float:
    """How far a claim is broken at the worst of some samples (at most 0, but for rounding, when it holds)."""
    return max(_excess(net, net.draw(rng), rng) for _ in range(tries))


def _excess(net: Net, f: Map, rng: Random) -> float:
    scale = rng.choice([0.1, 1, 4])
    x = rng.normal(size=net.size) * scale
    y = x + rng.normal(size=net.size) * rng.choice([WIDTH / 100, WIDTH, 3])
    head, _, rest = net.claim.partition("(")
    norm = {"1": 1, "inf": np.inf}.get(rest.rpartition("= ")[2].rstrip(")"), 2)
    if head in ("lipschitz", "nonexpansive"):
        bound = 1.0 if head == "nonexpansive" else float(Fraction(rest.rstrip(")").split(",")[0]))
        return float(np.linalg.norm(f(x) - f(y), norm) - bound * np.linalg.norm(x - y, norm))
    if head == "averaged":
        a, step = float(Fraction(rest[:-1])), f(x) - f(y)
        return float(np.linalg.norm(step - (1 - a) * (x - y)) - a * np.linalg.norm(x - y)) if len(step) == len(x) else 1.0
    if head == "positive":
        return float(-f(np.abs(x)).min())
    if head == "preserves":
        return float(abs(f(x).sum() - x.sum()))
    if head == "dissipates":
        return float(f(x) @ f(x) - x @ x)
    if head == "equivariant":
        order = rng.permutation(net.size)
        turn = {"permutation": lambda v: v[order] if len(v) == net.size else v,
                "sign": np.negative, "translation": lambda v: np.roll(v, 1)}[rest[:-1]]
        there, back = f(turn(x)), turn(f(x))
        return float(np.abs(there - back).max())
    slope = np.array([(f(x + d) - f(x - d)) / 2e-6 for d in 1e-6 * np.eye(net.size)])
    if slope.shape[0] != slope.shape[1]:
        return 1.0
    if head == "volume_preserving":
        return float(abs(abs(np.linalg.det(slope)) - 1) - 1e-4)
    return float(np.linalg.norm(x - y) * 1e-9 - np.linalg.norm(f(x) - f(y)))
