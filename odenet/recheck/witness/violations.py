"""What breaks each property, evaluated from its definition at one place, in rationals and balls that exclude equality."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb, arb_mat, fmpq, fmpq_mat

from odenet.ir.differentiate import tangent
from odenet.ir.node import variable
from odenet.operators.functions import FUNCTIONS
from odenet.plan.steps import Advance, Plan
from odenet.recheck.witness.changes import dissipates, positive, preserves
from odenet.recheck.witness.duals import flat, lift, seeded, split, units
from odenet.recheck.witness.members import below
from odenet.recheck.witness.place import Place, demand, flows_of, net_of
from odenet.recheck.witness.runs import Run

# --- what is certain -------------------------------------------------------------------------------------

Found = tuple[str, Any, bool]  # what was evaluated, its value, whether it certainly breaks the claim


def _is_nonzero(x: Any) -> bool:
    return bool(x > 0) or bool(x < 0)


def _nonzero(quantity: str, values: Any) -> Found:
    """The first entry that is certainly not zero."""
    entries = list(np.asarray(values, dtype=object).flat)
    value = next((x for x in entries if _is_nonzero(x)), entries[0])
    return quantity, value, _is_nonzero(value)


def _above(quantity: str, value: Any, bound: Any) -> Found:
    return quantity, value, bool(value > bound)


def _dot(u: Any, v: Any) -> Any:
    return sum((a * b for a, b in zip(u, v, strict=True)), fmpq(0))


def _gap(place: Place) -> tuple[Any, Any]:
    """x - y and f(x) - f(y), where the claim is about pairs: on a region its pointwise form is meant."""
    demand(not place.claim.region, "a pair of states on a region")
    step = place.points["x"] - place.points["y"]
    demand(any(e != 0 for e in step), "one state twice")
    return step, place.image("x") - place.image("y")


def _pushed(place: Place) -> tuple[Any, Any]:
    """A direction and the derivative along it, or a step between two states and the step of their images."""
    if "y" in place.points:
        return _gap(place)
    return place.points["v"], place.map(place.dual("x", place.points["v"]))[1]


def _either(place: Place, of_pairs: str, of_directions: str) -> str:
    return of_pairs if "y" in place.points else of_directions


# --- fields and maps: one function for each property -----------------------------------------------------


def _pairs(place: Place) -> list[tuple[int, int]]:
    """(place of a position, place of its momentum) for all entries."""
    spots, start = {}, 0
    for name, shape in place.shapes.items():
        stop = start + int(np.prod(shape, dtype=int))
        spots[name], start = list(range(start, stop)), stop
    found: list[tuple[int, int]] = []
    for pair in place.model.pairs:
        if pair.position in spots:
            own, half = spots[pair.position], len(spots[pair.position]) // 2
            found += zip(own[:half], own[half:], strict=True) if pair.is_halved else zip(own, spots[pair.momentum], strict=True)
    demand(2 * len(found) == start, "a block without its partner")
    return found


def _turned(place: Place, rows: Any) -> Any:
    """J^-1 times a vector or a matrix."""
    result = np.array(rows, dtype=object)
    for q, p in _pairs(place):
        result[q], result[p] = -rows[p], rows[q]
    return result


def _divergence(place: Place) -> Found:
    return _nonzero("tr Df", np.trace(place.jacobian()))


def _potential(turn: Callable[[Place, Any], Any], name: str) -> Callable[[Place], Found]:
    """f (turned) against the gradient of the given potential, or the asymmetry of Df (turned)."""
    def found(place: Place) -> Found:
        if not place.claim.arguments:
            slope = turn(place, place.jacobian())
            return _nonzero(f"an entry of {name} Df minus its transpose", slope - slope.T)
        gradient = place.scalar(place.node(), place.dual("x", *units(len(place.points["x"]))))[1:]
        return _nonzero(f"an entry of {name} f - grad", turn(place, place.image()) - gradient)

    return found


def _sums(rows: Any, is_measure: bool) -> Any:
    """The largest |entries| sum of a row (a matrix measure counts the diagonal with its sign), as far as it is certain."""
    sums = [sum((row[j] if is_measure and j == i else abs(row[j]) for j in range(len(row))), fmpq(0)) for i, row in enumerate(rows)]
    return max(sums, key=lambda x: below(x if isinstance(x, fmpq) else arb(x)))


def _contractive(place: Place) -> Found:
    rate = place.number() if place.claim.property == "contractive" else fmpq(0)
    if place.norm() != "2":
        rows = place.jacobian()
        return _above("a matrix measure of Df", _sums(rows.T if place.norm() == "1" else rows, True), -rate)
    step, moved = _pushed(place)
    quantity = _either(place, "<f(x) - f(y), x - y> / |x - y|^2", "<v, Df(x) v> / |v|^2")
    return _above(quantity, _dot(step, moved) / _dot(step, step), -rate)


def _lipschitz(place: Place) -> Found:
    bound = place.number() if place.claim.property == "lipschitz" else fmpq(1)
    if place.norm() != "2":
        rows = place.jacobian()
        return _above("a norm of the Jacobian", _sums(rows.T if place.norm() == "1" else rows, False), bound)
    step, moved = _pushed(place)
    quantity = _either(place, "|Φ(x) - Φ(y)|^2 / |x - y|^2", "|DΦ(x) v|^2 / |v|^2")
    return _above(quantity, _dot(moved, moved) / _dot(step, step), bound * abs(bound))


def _nonexpansive(place: Place) -> Found:
    return _contractive(place) if place.claim.kind == "field" else _lipschitz(place)


def _averaged(place: Place) -> Found:
    share = place.number()
    demand(bool(share > 0), "a share that is not positive")
    step, moved = _pushed(place)
    rest = moved - (1 - share) * step
    quantity = _either(place, "|N(x) - N(y)|^2 / |x - y|^2", "|DN(x) v|^2 / |v|^2") + " for N = (Φ - (1 - a) I)/a"
    return _above(quantity, _dot(rest, rest) / (share * share * _dot(step, step)), fmpq(1))


def _acted(place: Place, point: Any, shapes: dict[str, tuple[int, ...]]) -> Any:
    """g x."""
    action = place.claim.arguments[0]
    if action == "sign":
        return -point
    if isinstance(action, str):
        assert place.order is not None
        demand(len(point) == len(place.order) and _is_action(place, action, place.order), f"no {action}")
        return point[place.order]
    matrix = place.world.values[action.data[0]]
    return np.concatenate([np.dot(matrix, part[0]) for part in split(seeded(point, ()), shapes).values()])


def _is_action(place: Place, action: str, order: list[int]) -> bool:
    """Whether a rearrangement moves all blocks of one size by one permutation; or all images by one shift, and all vectors."""
    net, start = net_of(place.model, place.claim), 0
    own: dict[Any, Any] = {}
    for name, shape in place.shapes.items():
        size = int(np.prod(shape, dtype=int))
        part, start = [i - start for i in order[start:start + size]], start + size
        space, rest = place.model.block(name).space if net is None else net.domain, list(range(size))
        if not shape:
            is_one = part == rest
        elif action == "permutation":
            is_one = sorted(part) == rest if len(shape) == 1 else part == rest
            is_one = is_one and own.setdefault(space, part) == part
        else:
            shifts = _shifts(shape)
            is_one = part in shifts and own.setdefault(space.sizes[-2:], shifts.index(part)) == shifts.index(part)
        if not is_one:
            return False
    return action == "permutation" or 0 < len(own) == len({len(sizes) for sizes in own})  # one size of images, one of vectors


def _shifts(shape: tuple[int, ...]) -> list[list[int]]:
    """All circular shifts of a vector, or of the rows and columns of an image."""
    places = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    if len(shape) == 3:
        return [np.roll(places, (a, b), (1, 2)).reshape(-1).tolist() for a in range(shape[1]) for b in range(shape[2])]
    return [np.roll(places, a).tolist() for a in range(shape[0])] if len(shape) == 1 else []


def _equivariant(place: Place) -> Found:
    there = _acted(place, place.points["x"], place.shapes)
    demand(place.holds_region(there), "g x is not certainly in the region")
    image = place.image()
    if place.claim.kind == "net":
        net = place.model.net(place.claim.subject)
        demand(place.claim.arguments[0] == "sign" or net.domain == net.codomain, "g acts on input and output alike")
    return _nonzero("an entry of Φ(g x) - g Φ(x)", place.map(seeded(there, ()))[0] - _acted(place, image, place.shapes))


def _flipped(place: Place, point: Any) -> Any:
    result = np.array(point, dtype=object)
    for _, p in _pairs(place):
        result[p] = -result[p]
    return result


def _reversible(place: Place) -> Found:
    x = place.points["x"]
    _demand_maps(place, is_one_step=True)
    if place.claim.kind == "field":
        there = _flipped(place, x)
        demand(place.holds_region(there), "R x is not certainly in the region")
        return _nonzero("an entry of f(R x) + R f(x)", place.map(seeded(there, ()))[0] + _flipped(place, place.image()))
    there = _flipped(place, _one_step(place, x, forth=True))
    demand(place.holds_region(there), "R Φ(x) is not certainly in the region")
    return _nonzero("an entry of Φ(R Φ(x)) - R x, one step", _one_step(place, there, forth=True) - _flipped(place, x))


def _one_step(place: Place, point: Any, forth: bool) -> Any:
    """The first step, or the step of the negative length from its end."""
    run = Run(place.world, place.world.plans[place.claim.subject])
    start = run.start if forth else run.start + run.length
    moved = run.step(split(seeded(point, ()), place.shapes), 0, start, run.length if forth else -run.length)
    return flat(moved, tuple(place.shapes))[0]


def _symmetric(place: Place) -> Found:
    _demand_maps(place, is_one_step=True)
    there = _one_step(place, place.points["x"], forth=True)
    demand(place.holds_region(there), "Φ(x) is not certainly in the region")
    return _nonzero("an entry of Φ_-h(Φ_h(x)) - x, one step", _one_step(place, there, forth=False) - place.points["x"])


def _determinant(matrix: Any) -> Any:
    demand(matrix.shape[0] == matrix.shape[1], "input and output differ in size")
    if all(isinstance(x, fmpq) for x in matrix.flat):
        return fmpq_mat(matrix.tolist()).det()
    return arb_mat([[arb(x) for x in row] for row in matrix]).det()


def _sizes_differ(place: Place) -> Found | None:
    """A net with more or fewer outputs than inputs: no continuous bijection (Brouwer, invariance of domain), no determinant."""
    gap = len(place.image()) - len(place.points["x"])
    return ("the entries of the output less those of the input", fmpq(gap), not _jumps(place)) if gap else None


def _not_onto(place: Place) -> Found | None:
    """A stage with values in a bounded set, whose closure what follows maps to a compact set; or a last one bounded on one side."""
    net = net_of(place.model, place.claim)
    for number, stage in enumerate(net.stages if net is not None else (), 1):
        if stage.kind == "function":
            values = FUNCTIONS[stage.data[0]].values(*stage.data[1:])
            ends = [end for end in (values.low, values.high) if end is not None]
            if len(ends) == 2 or (ends and net is not None and number == len(net.stages)):
                return f"a bound of the values of stage {number}", fmpq(ends[-1].numerator, ends[-1].denominator), not _jumps(place)
    return None


def _volume(place: Place) -> Found:
    if found := _sizes_differ(place):
        return found
    value = _determinant(place.jacobian())
    return "det DΦ", value, _is_nonzero(value * value - 1)


def _symplectic(place: Place) -> Found:
    slope = place.jacobian()
    form = _turned(place, units(len(slope)))
    return _nonzero("an entry of DΦ' J DΦ - J", np.dot(slope.T, np.dot(form, slope)) - form)


def _invertible(place: Place) -> Found:
    """One image of two states, or determinants of opposite signs: a continuous bijection has one degree everywhere."""
    demand(not place.claim.region, "a bijection of a region")
    if found := _sizes_differ(place) or _not_onto(place):
        return found
    _demand_maps(place, is_one_step=False)
    demand(any(a != b for a, b in zip(place.points["x"], place.points["y"], strict=True)), "one state twice")
    if all(a - b == 0 for a, b in zip(place.image("x"), place.image("y"), strict=True)):
        return "|x - y|^2 of two states with one image", _dot(*[place.points["x"] - place.points["y"]] * 2), True
    demand(not _jumps(place), "a map with jumps")
    value = _determinant(place.jacobian("x")) * _determinant(place.jacobian("y"))
    return "det DΦ(x) det DΦ(y)", value, bool(value < 0)


def _advances(place: Place) -> Iterator[tuple[Plan, Advance]]:
    for name in flows_of(place.model, place.claim):
        yield from ((place.world.plans[name], advance) for advance in place.world.plans[name].advances)


def _demand_maps(place: Place, is_one_step: bool) -> None:
    """Properties that speak of the inverse need implicit steps with one solution from every state."""
    for name in flows_of(place.model, place.claim):
        run = Run(place.world, place.world.plans[name])
        shapes = {n: place.world.environment().shape(place.model.block(n).space) for n in run.plan.flow.blocks}
        states = {n: np.full((1, *shape), fmpq(0), dtype=object) for n, shape in shapes.items()}
        lengths = (run.length, -run.length) if is_one_step else (run.length,)
        demand(all(run.is_a_map(states, index, length) for index in range(1 if is_one_step else run.steps) for length in lengths),
               "an implicit step, which may have more than one solution")


def _jumps(place: Place) -> bool:
    """Whether a function with a jump occurs in the subject."""
    net = net_of(place.model, place.claim)
    nodes = [rate for plan, _ in _advances(place) for part in plan.flow.parts for _, rate in place.model.field(part.field).rows]
    stages = net.stages if net is not None else ()
    nodes += [place.model.definition(stage.data[0]).body for stage in stages if stage.kind == "def"]
    names = [n.data[0] for node in nodes for n in node.walk() if n.op == "function"]
    names += [stage.data[0] for stage in stages if stage.kind == "function"]
    return any(FUNCTIONS[name].smoothness == -1 for name in names)


# --- defs ------------------------------------------------------------------------------------------------


def _curvature(place: Place) -> Any:
    """<v, D2V v> / |v|^2, by differentiating twice."""
    definition, v = place.model.definition(place.claim.subject), place.points["v"]
    slope = tangent(definition.body, {name: variable("first " + name, space) for name, space in definition.arguments})
    fixed = {"first " + name: dual[0] for name, dual in split(seeded(v, ()), place.shapes).items()}
    env = replace(place.world.environment(), variables=fixed)
    return lift(slope, env, split(place.dual("x", v), place.shapes), "variables")[1] / _dot(v, v)


def _convex(place: Place) -> Found:
    if "v" in place.points:
        value = _curvature(place)
        return "<v, D2V v> / |v|^2", value, bool(value < 0)
    demand(not place.claim.region, "a pair of states on a region")
    x, y = place.points["x"], place.points["y"]
    middle, ends = place.map(seeded((x + y) / fmpq(2), ()))[0][0], (place.image("x")[0], place.image("y")[0])
    return _above("V((x + y)/2) - (V(x) + V(y))/2", middle - (ends[0] + ends[1]) / fmpq(2), fmpq(0))


def _smooth(place: Place) -> Found:
    bound = place.number()
    if "v" in place.points:
        return _above("|<v, D2V v>| / |v|^2", abs(_curvature(place)), bound)
    demand(not place.claim.region, "a pair of states on a region")
    step, slopes = place.points["x"] - place.points["y"], place.jacobian("x")[0] - place.jacobian("y")[0]
    return _above("|grad V(x) - grad V(y)|^2 / |x - y|^2", _dot(slopes, slopes) / _dot(step, step), bound * abs(bound))


VIOLATIONS: dict[str, Callable[[Place], Found]] = {
    "divergence_free": _divergence, "volume_preserving": _volume, "symplectic": _symplectic,
    "hamiltonian": _potential(_turned, "J^-1"), "gradient": _potential(lambda place, rows: rows, ""),
    "contractive": _contractive, "nonexpansive": _nonexpansive, "lipschitz": _lipschitz, "averaged": _averaged,
    "preserves": preserves, "dissipates": dissipates, "positive": positive, "equivariant": _equivariant,
    "reversible": _reversible, "symmetric": _symmetric, "invertible": _invertible, "convex": _convex, "smooth": _smooth,
}
