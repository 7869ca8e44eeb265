"""What each property says, evaluated at one point of one world: a positive excess is a violation."""
from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import Any

from flint import arb

from odenet.ir.node import Node
from tests.audit.arithmetic import Number, Undefined, Unsure
from tests.audit.evaluate import Tensor, Values, matmul, number, total
from tests.audit.flows import packed, unpacked
from tests.audit.subject import (
    STEPS,
    Excess,
    Matrix,
    Subject,
    Vector,
    biggest,
    entries,
    gradient,
    jacobian,
    length,
    logarithmic,
    norm,
    restricted,
    steepest,
    times,
)

# --- one rule for each property ----------------------------------------------------------------------------------------------------


def _differs(items: Any, size: arb) -> Excess:
    return Excess(biggest(items), size)


def _divergence(s: Subject) -> Excess:
    j = jacobian(s.rate, s.draw())
    return _differs([total([j[i][i] for i in range(len(j))])], biggest(entries(j)))


def _turned(s: Subject, j: Matrix) -> Matrix:
    """Omega J with Omega (q, p) -> (p, -q)."""
    rows = [[item * 0 for item in row] for row in j]
    for position, momentum in s.pairs():
        for q, p in zip(position, momentum, strict=True):
            rows[q], rows[p] = j[p], [-item for item in j[q]]
    return rows


def _hamiltonian(s: Subject) -> Excess:
    x = s.draw()
    if s.claim.arguments:
        slope = [[item] for item in gradient(s.scalar, x)]
        wanted = [row[0] for row in _turned(s, slope)]
        f = s.rate(x)
        return _differs([a - b for a, b in zip(f, wanted, strict=True)], biggest(f))
    j = jacobian(s.rate, x)
    paired = [i for q, p in s.pairs() for i in (*q, *p)]
    turned = _turned(s, j)
    gaps = [turned[i][k] - turned[k][i] for i in paired for k in paired]
    return _differs(gaps, biggest(entries(j)))


def _gradient(s: Subject) -> Excess:
    x = s.draw()
    if s.claim.arguments:
        f = s.rate(x)
        return _differs([a - b for a, b in zip(f, gradient(s.scalar, x), strict=True)], biggest(f))
    j = jacobian(s.rate, x)
    return _differs([j[i][k] - j[k][i] for i in range(len(j)) for k in range(i)], biggest(entries(j)))


def _symplectic(s: Subject) -> Excess:
    j = jacobian(s.map, s.draw())
    columns = [list(column) for column in zip(*j, strict=True)]
    turned = _turned(s, j)
    size = biggest(entries(j))
    n = len(j)
    eye = [[arb(int(i == k)) for k in range(n)] for i in range(n)]
    omega = _turned(s, eye)
    gaps = [total([a * row[k] for a, row in zip(columns[i], turned, strict=True)]) - omega[i][k] for i in range(n) for k in range(n)]
    return _differs(gaps, size * size)


def _volume(s: Subject) -> Excess:
    from flint import arb_mat

    j = restricted(jacobian(s.map, s.draw()), s.active()) if s.claim.kind == "flow" else jacobian(s.map, s.draw())
    if len(j) != len(j[0]):
        return Excess(arb(1), arb(0))
    size = arb(1)
    for row in j:
        size = size * (1 + length(row))
    return Excess(abs(abs(arb_mat(j).det()) - 1), size)


def _slope(s: Subject, x: Vector) -> Matrix:
    j = jacobian(s.map, x)
    return restricted(j, s.active()) if s.claim.kind == "flow" else j


def _lipschitz(s: Subject) -> Excess:
    bound = arb(1) if s.claim.property == "nonexpansive" else s.argument()
    if not s.claim.region and s.chance.randrange(2):
        return _pair(s, bound)
    j = _slope(s, s.draw())
    v = steepest(j, s.norm)
    return Excess(norm(times(j, v), s.norm) - bound * norm(v, s.norm), biggest(entries(j)))


def _second(s: Subject, x: Vector) -> Vector:
    """Another state that differs in what the subject holds: near, or across, or far."""
    keep, y = set(s.active()), s.draw()
    kind = s.chance.randrange(3)
    if kind == 0:
        y = [a + (b - a) / 1000 for a, b in zip(x, y, strict=True)]
    elif kind == 1:
        y = [-a + (b - a) / 10 for a, b in zip(x, y, strict=True)]
    return [b if i in keep else a for i, (a, b) in enumerate(zip(x, y, strict=True))]


def _pair(s: Subject, bound: Number) -> Excess:
    x = s.draw()
    y = _second(s, x)
    there = [a - b for a, b in zip(s.map(x), s.map(y), strict=True)]
    gap = [a - b for a, b in zip(x, y, strict=True)]
    return Excess(norm(there, s.norm) - bound * norm(gap, s.norm), norm(there, s.norm) + norm(gap, s.norm))


def _contractive(s: Subject) -> Excess:
    bound = arb(0) if s.claim.property == "nonexpansive" else s.argument()
    if s.norm == "2" and not s.claim.region and s.chance.randrange(2):
        x = s.draw()
        y = _second(s, x)
        gap = [a - b for a, b in zip(x, y, strict=True)]
        there = [a - b for a, b in zip(s.rate(x), s.rate(y), strict=True)]
        squared = total([item * item for item in gap])
        return Excess(total([a * b for a, b in zip(there, gap, strict=True)]) + bound * squared, squared + length(there) * length(gap))
    j = jacobian(s.rate, s.draw())
    return Excess(logarithmic(j, s.norm) + bound, biggest(entries(j)))


def _nonexpansive(s: Subject) -> Excess:
    return _contractive(s) if s.claim.kind == "field" else _lipschitz(s)


def _averaged(s: Subject) -> Excess:
    """|Phi x - Phi y - (1 - a)(x - y)| <= a |x - y|"""
    a = s.argument()
    if not s.claim.region and s.chance.randrange(2):
        x = s.draw()
        y = _second(s, x)
        gap = [p - q for p, q in zip(x, y, strict=True)]
        rest = [p - q - (1 - a) * g for p, q, g in zip(s.map(x), s.map(y), gap, strict=True)]
        return Excess(length(rest) - a * length(gap), length(rest) + length(gap))
    j = _slope(s, s.draw())
    part = [[item - (1 - a if i == k else 0) for k, item in enumerate(row)] for i, row in enumerate(j)]
    v = steepest(part, "2")
    return Excess(length(times(part, v)) - a * length(v), biggest(entries(j)))


def _changes(s: Subject) -> list[Excess]:
    """How much an invariant rises in each step (how fast, along a field), once up and once down."""
    x = s.draw()
    if s.claim.kind == "field":
        slope, f = gradient(s.scalar, x), s.rate(x)
        size = total([abs(a * b) for a, b in zip(slope, f, strict=True)])
        return [Excess(total([a * b for a, b in zip(slope, f, strict=True)]), size)]
    if s.claim.kind == "net":
        return [_change_of_net(s, x)]
    found = []
    states = s.trajectory(x) if s.runner.steps <= STEPS else s.runner.trajectory(unpacked(x, s.like), STEPS)
    for before, after in pairwise(states):
        low, high = s.scalar(packed(before)), s.scalar(packed(after))
        found.append(Excess(high - low, abs(low) + abs(high) + biggest(packed(before)) ** 2 + biggest(packed(after)) ** 2))
    return found


def _change_of_net(s: Subject, x: Vector) -> Excess:
    """Of a net the quantity is that of its input, and of its output: a sum, a length, an entry of what is there."""
    node = s.claim.arguments[0]
    assert isinstance(node, Node)

    def value(shape: tuple[int, ...], items: Vector) -> Number:
        states = {b.name: Tensor(shape, items) for b in s.model.blocks}
        return number(node, Values(s.model, s.members.dims, states, s.parameters))

    net = s.model.net(s.claim.subject)
    before, after = value(s.values.shape(net.domain), x), value(s.values.shape(net.codomain), s.map(x))
    return Excess(after - before, abs(before) + abs(after))


def _worst(found: list[Excess]) -> Excess:
    return max(found, key=lambda e: float((e.value / (1 + e.size)).mid()))


def _preserves(s: Subject) -> Excess:
    return _worst([Excess(abs(e.value), e.size) for e in _changes(s)])


def _dissipates(s: Subject) -> Excess:
    return _worst(_changes(s))


def _positive(s: Subject) -> Excess:
    x = [abs(item) if s.chance.randrange(3) else arb(0) for item in s.draw()]
    if not s.inside(x):
        raise Unsure("a state outside of the region")
    if s.claim.kind == "field":
        f = s.rate(x)
        lows = [-f[i] for i, item in enumerate(x) if item == 0]
        return _worst([Excess(low, biggest(f)) for low in lows]) if lows else Excess(arb(-1), arb(0))
    if s.claim.kind == "net":
        y = s.map(x)
        return _worst([Excess(-item, biggest(y)) for item in y])
    states = s.trajectory(x) if s.runner.steps <= STEPS else s.runner.trajectory(unpacked(x, s.like), STEPS)
    keep = s.active()
    return _worst([Excess(-packed(y)[i], biggest(packed(y))) for y in states for i in keep])


def group(s: Subject) -> Callable[[Vector, dict[str, tuple[int, ...]]], Vector]:
    """An element of the group, on states of the given blocks."""
    word = s.claim.arguments[0]
    if word == "sign":
        return lambda x, blocks: [-item for item in x]
    orders: dict[Any, list[int]] = {}
    rows = s.chance.randrange(2)

    def order(key: Any, size: int) -> list[int]:
        if key not in orders:
            orders[key] = [(i + 1) % size for i in range(size)] if word == "translation" else s.chance.sample(range(size), size)
        return orders[key]

    def one(name: str, x: Tensor) -> Vector:
        space = s.model.block(name).space if name else s.model.net(s.claim.subject).domain
        if isinstance(word, Node):
            q = s.parameters[word.data[0]]
            if q.shape != 2 * x.shape or not x.shape:
                raise Unsure("an action on a block that it does not fit")
            return matmul(q, x).items
        if len(x.shape) == 1:
            return [x.items[k] for k in order(space.sizes[0] if word == "permutation" else x.shape, len(x.items))]
        if word == "translation" and len(x.shape) == 3:
            c, h, w = x.shape
            down, right = (1, 0) if rows else (0, 1)
            return [x.items[(k * h + (i + down) % h) * w + (j + right) % w] for k in range(c) for i in range(h) for j in range(w)]
        if x.shape:
            raise Unsure("an action on matrices")
        return x.items

    def act(x: Vector, blocks: dict[str, tuple[int, ...]]) -> Vector:
        like = {name: Tensor(shape, [arb(0)] * prod(shape)) for name, shape in blocks.items()}
        return [item for name, tensor in unpacked(x, like).items() for item in one(name, tensor)]

    return act


def _equivariant(s: Subject) -> Excess:
    x, g = s.draw(), group(s)
    moved, here = g(x, s.blocks), s.map(x)
    there = s.blocks
    if s.claim.kind == "net":
        net = s.model.net(s.claim.subject)
        there = {"": s.values.shape(net.codomain)}
        if prod(there[""]) != prod(s.blocks[""]):
            raise Unsure("an action on another space")
    try:
        left = s.map(moved)
    except Undefined:
        return Excess(arb(1), arb(0))  # the claim speaks of f(g x), which is not there
    right = g(here, there)
    return _differs([a - b for a, b in zip(left, right, strict=True)], biggest(left) + biggest(right))


def _flipped(s: Subject, x: Vector) -> Vector:
    found = list(x)
    for _, momentum in s.pairs():
        for k in momentum:
            found[k] = -x[k]
    return found


def _reversible(s: Subject) -> Excess:
    x = s.draw()
    if s.claim.kind == "field":
        f = s.rate(x)
        return _differs([a + b for a, b in zip(s.rate(_flipped(s, x)), _flipped(s, f), strict=True)], biggest(f))
    s.trajectory(x) if s.conditions else None
    middle = s.step(x)
    back = _flipped(s, s.step(_flipped(s, middle)))
    return _differs([a - b for a, b in zip(back, x, strict=True)], _condition(s, x) * (biggest(middle) + biggest(x)))


def _condition(s: Subject, x: Vector) -> arb:
    j = jacobian(s.step, x)
    size = biggest(entries(j))
    return (1 + size) ** 2


def _symmetric(s: Subject) -> Excess:
    """Phi_-h from where Phi_h ends, the clock at the end of the step, is back at the start."""
    x = s.draw()
    s.trajectory(x) if s.conditions else None
    h = s.runner.length
    start = number(s.runner.flow.start, s.values) + h * s.step_number
    middle = s.step(x)
    back = s.step(middle, -h, start + h)
    return _differs([a - b for a, b in zip(back, x, strict=True)], _condition(s, x) * (biggest(middle) + biggest(x)))


def _invertible(s: Subject) -> Excess:
    """The determinants of two places have one sign."""
    from flint import arb_mat

    signs = []
    for _ in range(2):
        j = _slope(s, s.draw())
        if len(j) != len(j[0]):
            return Excess(arb(1), arb(0))
        size = arb(1)
        for row in j:
            size = size * (arb(2) ** -60 + length(row))
        det = arb_mat(j).det()
        signs.append(0 if not abs(det) > arb(2) ** -50 * size else 1 if det > 0 else -1)
    return Excess(arb(1 if signs[0] * signs[1] < 0 else -1), arb(0))


def _convex(s: Subject) -> Excess:
    x = s.draw()
    y = s.draw()
    if s.chance.randrange(2):
        y = [a + (b - a) / 100 for a, b in zip(x, y, strict=True)]
    middle = [(a + b) / 2 for a, b in zip(x, y, strict=True)]
    low, mid, high = s.map(x)[0], s.map(middle)[0], s.map(y)[0]
    return Excess(mid - (low + high) / 2, (abs(low) + abs(high)) * arb(2) ** -100)


def _smooth(s: Subject) -> Excess:
    """|grad V(x) - grad V(y)| <= L |x - y|"""
    x = s.draw()
    y = s.draw() if s.chance.randrange(2) else [a + (b - a) / 1000 for a, b in zip(x, s.draw(), strict=True)]
    slopes = [gradient(lambda z: s.map(z)[0], point) for point in (x, y)]
    gap = [a - b for a, b in zip(x, y, strict=True)]
    there = [a - b for a, b in zip(*slopes, strict=True)]
    if s.chance.randrange(2) or s.size == 1:
        return Excess(length(there) - s.argument() * length(gap), length(there) + length(gap))
    hessian = jacobian(lambda z: gradient(lambda u: s.map(u)[0], z), x, arb(2) ** -40)
    v = steepest(hessian, "2")
    return Excess(length(times(hessian, v)) - s.argument() - arb(2) ** -30 * (1 + biggest(entries(hessian))), biggest(entries(hessian)))


RULES: dict[str, Callable[[Subject], Excess]] = {
    "divergence_free": _divergence, "hamiltonian": _hamiltonian, "gradient": _gradient, "symplectic": _symplectic,
    "volume_preserving": _volume, "lipschitz": _lipschitz, "contractive": _contractive, "nonexpansive": _nonexpansive,
    "averaged": _averaged, "preserves": _preserves, "dissipates": _dissipates, "positive": _positive, "equivariant": _equivariant,
    "reversible": _reversible, "symmetric": _symmetric, "invertible": _invertible, "convex": _convex, "smooth": _smooth,
}
