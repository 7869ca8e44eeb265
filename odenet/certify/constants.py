"""Lipschitz constants of layers and of the whole chain, in the 2-norm, each with a certificate that is checked.

For multipliers l_j >= 0 (numbers, or one for each entry) and P, Q >= 0 the inequality
    x' P x - y' Q y - sum_j (v_j - low w_j)' l_j (high w_j - v_j) >= 0      for all x, v_j
shows y' Q y <= x' P x for all slopes in their ranges. Whatever proposes the multipliers, the matrix is formed here with its
rounding errors and shown to be positive by a Cholesky factorisation. Sources: Fazlyab, Robey, Hassani, Morari, Pappas (2019),
Efficient and accurate estimation of Lipschitz constants for deep neural networks (one layer: their theorem 1); Xu, Sivaranjani
(2024), ECLipsE (layer after layer, from the last one: the smallest P for a given Q is a Schur complement).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize, minimize_scalar  # type: ignore[import-untyped]

from odenet.certify.enclosures import TINY, Array, Ball, frobenius, gamma, is_positive, norm_above, up
from odenet.certify.segments import Network, Segment

_SAMPLED = 24  # frequencies that the search looks at; the check takes all
_SLACKS = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2)  # what is added, relative to the bound, until the check succeeds
Multipliers = list[Array]  # one array [1] or [w_j] for each group of functions


@dataclass(frozen=True)
class Layer:
    """One segment and bounds of its constant: `simple` by products of norms, `constant` the best one shown."""

    segment: Segment
    simple: float
    constant: float


def layer_constant(segment: Segment) -> Layer:
    """The best constant that is shown for one layer."""
    simple = segment.simple_bound()
    network = segment.network
    if network is None:
        return Layer(segment, simple, simple)
    if not network.before:
        return Layer(segment, simple, min(simple, norm_above(network.out)))
    return Layer(segment, simple, min(simple, one_layer(network)))


def one_layer(network: Network) -> float:
    """A constant that numbers show, one for each group of functions; infinite if none are found."""
    (sampled,) = _sampled([network])

    def value(logs: Array) -> float:
        found = _schur(sampled, None, _spread(np.exp(logs)))
        return math.inf if found is None else _largest(found)

    best = _search(value, _starts(network), len(network.before))
    if best is None:
        return math.inf
    multipliers = _spread(np.exp(best))
    full = _schur(network, None, multipliers)
    if full is None:
        return math.inf
    square = _largest(full)
    stack, size, _ = network.out.shape
    unit = Ball(np.broadcast_to(np.eye(size), (stack, size, size)), np.zeros(stack))
    for slack in _SLACKS:
        bound = max(square, 0.0) + slack * max(1.0, square)
        metric = Ball(np.broadcast_to(bound * np.eye(network.inputs), (stack, network.inputs, network.inputs)), np.zeros(stack))
        if is_positive(dissipation(network, metric, unit, multipliers)):
            return float(up(math.sqrt(bound)))
    return math.inf


@dataclass(frozen=True)
class Stretch:
    """Neighbouring layers, from `first` to `last`, that were taken together, and their constant."""

    first: int
    last: int
    constant: float


def chain_constant(
    layers: Sequence[Layer],
    refine: Callable[[list[Network], list[Multipliers]], list[Multipliers] | None] | None = None,
    known: dict[tuple[int, int], float] | None = None,
) -> tuple[float, list[Stretch]]:
    """The constant of the whole chain: runs of layers with matrices, or with symbols on one torus, are taken together.

    refine: proposes better multipliers for a run (an extra); they are checked as all others. known: constants of runs of
    these layers, by first and end, to look up and to fill.
    """
    known = {} if known is None else known
    total, stretches, place = 1.0, [], 0
    while place < len(layers):
        end, kind = place, _kind(layers[place])
        while end < len(layers) and kind is not None and _kind(layers[end]) == kind:
            end += 1
        product = float(up(math.prod(layer.constant for layer in layers[place : max(end, place + 1)])))
        if end - place > 1:
            if (place, end) not in known:
                known[place, end] = run_constant(layers[place:end], refine)
            product = min(product, known[place, end])
            stretches.append(Stretch(place, end - 1, product))
        total = float(up(total * product))
        place = max(end, place + 1)
    return total, stretches


def run_constant(
    run: Sequence[Layer], refine: Callable[[list[Network], list[Multipliers]], list[Multipliers] | None] | None
) -> float:
    """A constant of several layers taken together, from the last to the first."""
    networks = [layer.segment.network for layer in run]
    assert all(n is not None for n in networks)
    whole: list[Network] = [n for n in networks if n is not None]
    sampled = _sampled(whole)
    best = math.inf
    chosen: list[Multipliers] = []
    for measure in (_largest, _mean):
        multipliers = greedy(sampled, measure)
        if multipliers is None:
            continue
        value = checked(whole, multipliers)
        if value < best:
            best, chosen = value, multipliers
    if refine is not None and chosen and whole[0].is_whole:
        better = refine(whole, chosen)
        if better is not None:
            best = min(best, checked(whole, better))
    return best


def greedy(networks: Sequence[Network], measure: Callable[[Array], float]) -> list[Multipliers] | None:
    """From the last layer to the first, the numbers that make the metric before it smallest in some measure."""
    metric: Array | None = None
    found: list[Multipliers] = []
    for network in reversed(networks):
        if not network.before:
            metric = _schur(network, metric, [])
            found.append([])
            continue

        def value(logs: Array, network: Network = network, metric: Array | None = metric) -> float:
            result = _schur(network, metric, _spread(np.exp(logs)))
            return math.inf if result is None else measure(result)

        best = _search(value, _starts(network, metric), len(network.before))
        if best is None:
            return None
        found.append(_spread(np.exp(best)))
        metric = _schur(network, metric, found[-1])
        if metric is None:
            return None
    return found[::-1]


def checked(networks: Sequence[Network], multipliers: Sequence[Multipliers]) -> float:
    """The constant that these numbers show, from the last layer to the first; infinite if a check fails."""
    stack, size, _ = networks[-1].out.shape
    metric = Ball(np.broadcast_to(np.eye(size), (stack, size, size)), np.zeros(stack))
    for network, numbers in zip(reversed(networks), reversed(list(multipliers)), strict=True):
        if any((m < 0).any() or not np.isfinite(m).all() for m in numbers):
            return math.inf
        smallest = _schur(network, metric.middle, numbers)
        if smallest is None:
            return math.inf
        smallest = (smallest + _turned(smallest)) / 2
        scale = float(np.linalg.norm(smallest, 2, axis=(-2, -1)).max())
        for slack in _SLACKS:
            candidate = Ball(smallest + slack * scale * np.eye(network.inputs), np.zeros(stack))
            if is_positive(dissipation(network, candidate, metric, numbers)):
                metric = candidate
                break
        else:
            return math.inf
    return float(up(math.sqrt(norm_above(metric))))


def dissipation(network: Network, metric: Ball, after: Ball, multipliers: Multipliers) -> Ball:
    """The matrix that must be positive, [stack, z, z], with a bound of all rounding. `metric` is P, `after` is Q."""
    matrix = _form(network, metric.middle, after.middle, multipliers)
    outer = network.out.adjoint() @ (after @ network.out)  # for its error alone
    error, parts = up(outer.error + metric.error), up(frobenius(metric.middle) + outer.size())
    for before, place, slopes, numbers in zip(network.before, network.places, network.slopes, multipliers, strict=True):
        size, top = place.stop - place.start, float(numbers.max())
        spread, product, width = slopes.largest, abs(slopes.low * slopes.high), before.size() + before.error
        # the true w lies within before.error of the stored one
        uncertain = top * before.error * (2 * spread + product * (2 * width + before.error))
        part = up(top * (2 * spread * width + product * width**2 + math.sqrt(size)))
        error, parts = up(error + uncertain + 8 * gamma(size + 8) * part), up(parts + part)
    steps = 4 * (len(network.before) + 2)  # sums on the way may be larger than the result
    return Ball(matrix, np.asarray(up(error + gamma(steps) * parts)))


def _form(network: Network, metric: Array | None, after: Array | None, multipliers: Multipliers) -> Array:
    """P - y' Q y - sum_j [ l_j (low + high)/2 (w v' + v w') - l_j v v' - l_j low high w w' ] as computed. None: P = 0, Q = I."""
    out = network.out.middle
    matrix = -(_turned(out) @ (out if after is None else after @ out))
    n = network.inputs
    if any(np.iscomplexobj(m) for m in (matrix if metric is None else metric, *(b.middle for b in network.before))):
        matrix = matrix.astype(complex)
    if metric is not None:
        matrix[:, :n, :n] += metric
    for before, place, slopes, numbers in zip(network.before, network.places, network.slopes, multipliers, strict=True):
        weighted = np.broadcast_to(numbers, (place.stop - place.start,))[:, None] * before.middle
        cross = weighted * ((slopes.low + slopes.high) / 2)
        matrix[:, place, :] -= cross
        matrix[:, :, place] -= _turned(cross)
        index = np.arange(place.start, place.stop)
        matrix[:, index, index] += numbers
        if slopes.low * slopes.high != 0:
            matrix += slopes.low * slopes.high * (_turned(before.middle) @ weighted)
    return matrix


def _turned(matrices: Array) -> Array:
    return np.asarray(np.conj(np.swapaxes(matrices, -1, -2)))


def _schur(network: Network, after: Array | None, multipliers: Multipliers) -> Array | None:
    """The smallest P, not checked: a candidate [stack, x, x]; None where no P will do."""
    whole = _form(network, None, after, multipliers)
    n = network.inputs
    outer, cross, inner = -whole[:, :n, :n], whole[:, :n, n:], whole[:, n:, n:]
    if inner.shape[-1] == 0:
        return np.asarray(outer)
    try:
        factor = np.linalg.cholesky(inner)
        solved = np.linalg.solve(factor, _turned(cross))
    except np.linalg.LinAlgError:
        return None
    found = outer + _turned(solved) @ solved
    return found if np.isfinite(found).all() else None


def _sampled(networks: Sequence[Network]) -> list[Network]:
    """The networks at some of their frequencies, the same for all, those of large and of small symbols among them."""
    stack = networks[0].out.shape[0]
    if stack <= _SAMPLED:
        return list(networks)
    order = np.argsort(sum(n.out.size() for n in networks))
    third = _SAMPLED // 3
    chosen = np.unique(np.concatenate((order[-third:], order[:third], np.linspace(0, stack - 1, third).astype(int))))

    def pick(ball: Ball) -> Ball:
        return Ball(ball.middle[chosen], ball.error[chosen])

    return [replace(n, out=pick(n.out), before=tuple(map(pick, n.before))) for n in networks]


def _spread(numbers: Iterable[float]) -> Multipliers:
    return [np.asarray([x]) for x in numbers]


def _starts(network: Network, after: Array | None = None) -> Array:
    """Multipliers of about the right size: |Q^(1/2) F_j| / |C_j|, and what makes the inner matrix positive."""
    scale = 1.0 if after is None else math.sqrt(max(float(np.linalg.norm(after, 2, axis=(-2, -1)).max()), TINY))
    starts = []
    for before, place in zip(network.before, network.places, strict=True):
        gain = scale * float(np.linalg.norm(network.out.middle[:, :, place], 2, axis=(-2, -1)).max())
        width = float(np.linalg.norm(before.middle[:, :, : network.inputs], 2, axis=(-2, -1)).max())
        starts.append(math.log(max(gain, 1e-8) * max(scale, gain) / max(width, 1e-3)))
    return np.asarray(starts)


def _search(value: Callable[[Array], float], start: Array, count: int) -> Array | None:
    """Where `value` of `count` logarithms is about smallest, near `start`; None if it is finite nowhere."""
    grid = np.linspace(-3, 5, 17)
    values = [value(start + step) for step in grid]
    best = int(np.argmin(values))
    if not math.isfinite(values[best]):
        return None
    if count == 1:
        found = minimize_scalar(
            lambda s: _finite(value(start + s)),
            bounds=(grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]),
            method="bounded",
            options={"xatol": 1e-6, "maxiter": 30},
        )
        return np.asarray(start + (found.x if found.fun < values[best] else grid[best]))
    result = minimize(
        lambda s: _finite(value(s)),
        start + grid[best],
        method="Nelder-Mead",
        options={"maxiter": 80 * count, "xatol": 1e-6, "fatol": 1e-12},
    )
    return np.asarray(result.x) if result.fun < values[best] else start + grid[best]


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 1e300


def _largest(metric: Array) -> float:
    return float(np.linalg.eigvalsh(metric)[..., -1].max())


def _mean(metric: Array) -> float:
    return float(np.trace(metric, axis1=-2, axis2=-1).real.mean())


def _kind(layer: Layer) -> object:
    """What neighbours must share to be taken together; None for layers that stay alone."""
    network = layer.segment.network
    return None if network is None else network.kind
