"""Whether a witness breaks a claim, in floats: the oracle's evaluator, finite differences, the definition of each property.

It shares nothing with the search or with the recheck. `gap` is positive where the claim is broken.
"""
from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from odenet.ir.interpret import environment, evaluate, field_rate
from odenet.ir.node import Node, subtract
from odenet.plan.interpret import Runner

STEP = 1e-6


def array(value: Any) -> Any:
    return np.array(_floats(value), dtype=float)


def _floats(value: Any) -> Any:
    return [_floats(v) for v in value] if isinstance(value, list) else float(Fraction(value))


class Place:
    """The claim at the witness."""

    def __init__(self, model: Any, plans: Any, claim: Any, witness: Any) -> None:
        self.model, self.plans, self.claim = model, plans, claim
        self.values = {name: value for name, value in witness["values"].items() if name not in ("tree", "field")}
        self.dims = {name: int(size) for name, size in witness["dims"].items()}
        self.time = float(Fraction(self.values.get("t", "0")))
        self.parameters = {p.name: array(self.values[p.name]) for p in model.parameters if p.name in self.values}
        if claim.kind == "net":
            self.spaces = {"the input": model.net(claim.subject).domain}
        elif claim.kind == "def":
            self.spaces = dict(model.definition(claim.subject).arguments)
        else:
            self.spaces = {b.name: b.space for b in model.blocks if b.name in self.values}
        self.env = environment(model, self.dims, {}, self.parameters, self.time)
        self.shapes = {name: self.env.shape(space) for name, space in self.spaces.items()}

    def point(self, prefix: str = "") -> Any:
        return np.concatenate([array(self.values[prefix + name]).reshape(-1) for name in self.spaces])

    def has(self, prefix: str) -> bool:
        return prefix + next(iter(self.spaces)) in self.values

    def split(self, x: Any) -> dict[str, Any]:
        found, start = {}, 0
        for name, shape in self.shapes.items():
            stop = start + int(np.prod(shape))
            found[name], start = x[start:stop].reshape(shape), stop
        return found

    def flat(self, blocks: Any) -> Any:
        return np.concatenate([np.ravel(blocks[name]) for name in self.shapes])

    def map(self, x: Any) -> Any:
        claim, blocks = self.claim, self.split(x)
        if claim.kind == "field":
            env = environment(self.model, self.dims, blocks, self.parameters, self.time)
            return self.flat(field_rate(self.model, claim.fields, env))
        if claim.kind == "flow":
            return self.flat({**blocks, **self.runner().run(blocks)})
        if claim.kind == "def":
            return np.ravel(self.scalar(self.model.definition(claim.subject).body, x))
        raise NotImplementedError

    def runner(self) -> Runner:
        return Runner(self.model, self.plans[self.claim.subject], self.parameters, self.dims)

    def scalar(self, node: Node, x: Any) -> Any:
        blocks = self.split(x)
        return evaluate(node, environment(self.model, self.dims, blocks, self.parameters, self.time, blocks))

    def jacobian(self, x: Any, step: float = STEP) -> Any:
        h = step * (1 + np.abs(x).max())
        return np.stack([(self.map(x + h * e) - self.map(x - h * e)) / (2 * h) for e in np.eye(len(x))], axis=1)

    def number(self) -> float:
        return float(evaluate(self.claim.arguments[0], self.env))

    def in_region(self, x: Any) -> bool:
        rooms = [self.scalar(subtract(c.right, c.left), x) for c in self.claim.region]
        return all(np.min(room) >= -1e-9 for room in rooms)


def pairs(place: Place) -> Any:
    """J^-1 as a matrix."""
    index = np.arange(sum(int(np.prod(s)) for s in place.shapes.values()))
    spots, form = {n: np.ravel(v) for n, v in place.split(index).items()}, np.zeros((len(index), len(index)))
    for pair in place.model.pairs:
        if pair.position in spots:
            own = spots[pair.position]
            q, p = (own[:len(own) // 2], own[len(own) // 2:]) if pair.is_halved else (own, spots[pair.momentum])
            form[q, p], form[p, q] = -1, 1
    return form


def moved(place: Place) -> tuple[Any, Any]:
    if place.has("y."):
        return place.point() - place.point("y."), place.map(place.point()) - place.map(place.point("y."))
    return place.point("v."), place.jacobian(place.point()) @ place.point("v.")


def gap(model: Any, plans: Any, claim: Any, witness: Any) -> float:
    """Positive where the claim is broken (by more than rounding), in a place that its region allows."""
    place = Place(model, plans, claim, witness)
    if not place.in_region(place.point()):
        return -1.0
    return float(GAPS[claim.property](place))


def _norm(place: Place) -> str:
    word = dict(place.claim.keywords).get("norm", "2")
    return str(word.data[0]) if isinstance(word, Node) else word


def _contractive(place: Place) -> Any:
    rate = place.number() if place.claim.property == "contractive" else 0.0
    if _norm(place) != "2":
        j = place.jacobian(place.point())
        j = j.T if _norm(place) == "1" else j
        return max(row[i] + np.abs(row).sum() - abs(row[i]) for i, row in enumerate(j)) + rate
    step, rise = moved(place)
    return step @ rise / (step @ step) + rate


def _lipschitz(place: Place) -> Any:
    bound = place.number() if place.claim.property == "lipschitz" else 1.0
    if _norm(place) != "2":
        j = place.jacobian(place.point())
        return np.abs(j.T if _norm(place) == "1" else j).sum(axis=1).max() - bound
    step, rise = moved(place)
    return np.linalg.norm(rise) / np.linalg.norm(step) - bound


def _averaged(place: Place) -> Any:
    a, (step, rise) = place.number(), moved(place)
    return np.linalg.norm(rise - (1 - a) * step) / a / np.linalg.norm(step) - 1


def _change(place: Place) -> Any:
    x, node = place.point(), place.claim.arguments[0]
    if place.claim.kind == "field":
        f = place.map(x)
        return (place.scalar(node, x + STEP * f) - place.scalar(node, x - STEP * f)) / (2 * STEP)
    if place.claim.kind == "flow":  # every step
        changes = np.diff([place.scalar(node, state) for state in _trajectory(place, x)])
        return changes[np.abs(changes).argmax()] if place.claim.property == "preserves" else changes.max()
    return place.scalar(node, place.map(x)) - place.scalar(node, x)


def _trajectory(place: Place, x: Any) -> list[Any]:
    blocks = place.split(x)
    return [place.flat({**blocks, **state}) for state in place.runner().trajectory(blocks)]


def _positive(place: Place) -> Any:
    x = place.point()
    image = np.concatenate(_trajectory(place, x)[1:]) if place.claim.kind == "flow" else place.map(x)
    return -1.0 if x.min() < 0 else -(image[x == 0] if place.claim.kind == "field" else image).min(initial=1.0)


def _equivariant(place: Place) -> Any:
    action, x = place.claim.arguments[0], place.point()
    if isinstance(action, Node):
        q = place.parameters[action.data[0]]
        act = lambda z: np.concatenate([q @ part for part in place.split(z).values()])  # noqa: E731
    elif action == "sign":
        act = lambda z: -z  # noqa: E731
    else:
        order = [int(i) for i in place.values["entries of g x"]]
        act = lambda z: z[order]  # noqa: E731
    return np.abs(place.map(act(x)) - act(place.map(x))).max() if place.in_region(act(x)) else -1.0


def _one(place: Place, x: Any, scale: float = 1.0) -> Any:
    runner = place.runner()
    return place.flat({**place.split(x), **runner.step(place.split(x), 0, scale)})


def _reversible(place: Place) -> Any:
    x, sign = place.point(), np.ones(len(place.point()))
    sign[[j for i, row in enumerate(pairs(place)) for j, e in enumerate(row) if e == -1]] = -1
    if place.claim.kind == "field":
        return np.abs(place.map(sign * x) + sign * place.map(x)).max()
    return np.abs(_one(place, sign * _one(place, x)) - sign * x).max()


def _gradient(place: Place) -> Any:
    x, form = place.point(), pairs(place) if place.claim.property == "hamiltonian" else np.eye(len(place.point()))
    if not place.claim.arguments:
        j = form @ place.jacobian(x)
        return np.abs(j - j.T).max()
    node, units = place.claim.arguments[0], STEP * np.eye(len(x))
    slope = [(place.scalar(node, x + e) - place.scalar(node, x - e)) / (2 * STEP) for e in units]
    return np.abs(form @ place.map(x) - np.array(slope, dtype=float)).max()


def _symplectic(place: Place) -> Any:
    j, form = place.jacobian(place.point()), pairs(place)
    return np.abs(j.T @ form @ j - form).max()


def _invertible(place: Place) -> Any:
    x, y = place.point(), place.point("y.")
    if np.allclose(place.map(x), place.map(y), atol=1e-12):
        return np.abs(x - y).max()
    slopes = [place.jacobian(z) for z in (x, y)]
    here, there = (np.linalg.det(j) / np.prod(np.linalg.norm(j, axis=0) + 1e-300) for j in slopes)
    return -here * there if min(abs(here), abs(there)) > 1e-4 else np.nan  # differences do not tell


def _second(place: Place) -> Any:
    x, v = place.point(), place.point("v.")
    h = 1e-4 / np.linalg.norm(v)
    return (place.map(x + h * v) - 2 * place.map(x) + place.map(x - h * v))[0] / (h * h) / (v @ v)


def _convex(place: Place) -> Any:
    if place.has("v."):
        return -_second(place)
    x, y = place.point(), place.point("y.")
    return (place.map((x + y) / 2) - (place.map(x) + place.map(y)) / 2)[0]


def _smooth(place: Place) -> Any:
    if place.has("v."):
        return abs(_second(place)) - place.number()
    x, y = place.point(), place.point("y.")
    return np.linalg.norm(place.jacobian(x) - place.jacobian(y)) / np.linalg.norm(x - y) - place.number()


GAPS = {
    "divergence_free": lambda p: abs(np.trace(p.jacobian(p.point()))), "volume_preserving":
        lambda p: abs(abs(np.linalg.det(p.jacobian(p.point()))) - 1), "symplectic": _symplectic, "hamiltonian": _gradient,
    "gradient": _gradient, "contractive": _contractive, "lipschitz": _lipschitz, "averaged": _averaged,
    "nonexpansive": lambda p: (_contractive if p.claim.kind == "field" else _lipschitz)(p),
    "preserves": lambda p: abs(_change(p)), "dissipates": _change, "positive": _positive, "equivariant": _equivariant,
    "reversible": _reversible, "symmetric": lambda p: np.abs(_back(p)).max(), "invertible": _invertible, "convex": _convex,
    "smooth": _smooth,
}


def _back(place: Place) -> Any:
    """Φ_-h(Φ_h(x)) - x, for parts whose clock stands still."""
    return _one(place, _one(place, place.point()), -1.0) - place.point()


__all__ = ["Place", "gap"]
