"""Members of parameter sets and states, drawn exactly from the definitions of the sets."""
from __future__ import annotations

from fractions import Fraction
from math import prod
from random import Random
from typing import Any

from flint import arb, arb_mat

from odenet.ir.model import ConvolutionSpace, Flow, Model, Parameter
from tests.audit.arithmetic import Number, Unsure, real, sign
from tests.audit.evaluate import Tensor, Values, evaluate, flipped, identity, matmul, number, of_rows, scaled, total


class Empty(Exception):
    """A parameter has no member for these values of what its bounds use: whatever is proved of it says nothing."""


def rational(chance: Random) -> Fraction:
    """A small rational, zero and one often; now and then a large or a tiny one."""
    kind = chance.randrange(8)
    if kind == 0:
        return Fraction(chance.choice((0, 1, -1)))
    if kind == 1:
        return Fraction(chance.randint(-40, 40))
    if kind == 2:
        return Fraction(chance.randint(-9, 9), 1000)
    return Fraction(chance.randint(-300, 300), chance.randint(50, 150))


def generic(chance: Random) -> Fraction:
    """A rational that no kink sits at, almost surely."""
    return Fraction(chance.randint(-10**6, 10**6), 314159) * chance.choice((1, 1, 1, Fraction(1, 10), 5))


# --- matrices ------------------------------------------------------------------------------------------------------------------


def orthogonal(chance: Random, rows: int, columns: int) -> Tensor:
    """Part of a Cayley transform (I + S)^-1 (I - S) of a skew matrix, with signs: its columns (or rows) are orthonormal."""
    k = max(rows, columns)
    entries = {(i, j): rational(chance) if chance.randrange(3) else Fraction(0) for i in range(k) for j in range(i + 1, k)}
    s = arb_mat([[real(entries.get((i, j), -entries.get((j, i), Fraction(0)))) for j in range(k)] for i in range(k)])
    one = arb_mat([[arb(int(i == j)) for j in range(k)] for i in range(k)])
    q = (one + s).solve(one - s)
    signs, order = [chance.choice((-1, 1)) for _ in range(k)], chance.sample(range(k), k)
    return of_rows([[q[order[i], j] * signs[j] for j in range(columns)] for i in range(rows)], columns)


def product(*factors: Tensor) -> Tensor:
    result = factors[0]
    for factor in factors[1:]:
        result = matmul(result, factor)
    return result


def diagonal(items: list[Number]) -> Tensor:
    k = len(items)
    return Tensor((k, k), [items[i] if i == j else arb(0) for i in range(k) for j in range(k)])


def share(chance: Random) -> arb:
    """From [0, 1], its ends often."""
    return real(Fraction(chance.choice((0, 1, 1, 1)) if chance.randrange(2) else Fraction(chance.randint(0, 64), 64)))


def bounded(chance: Random, rows: int, columns: int, bound: Number) -> Tensor:
    """U diag(s) V' with orthonormal U, V and 0 <= s <= bound."""
    k = min(rows, columns)
    left, right = orthogonal(chance, rows, k), orthogonal(chance, columns, k)
    return product(left, diagonal([bound * share(chance) for _ in range(k)]), flipped(right))


def _free(chance: Random, shape: tuple[int, ...]) -> Tensor:
    style = chance.randrange(5)
    draw = rational if style == 0 else generic
    size = real(Fraction(chance.choice((1, 1, 1, 1, 10, 1)), chance.choice((1, 1, 1, 4, 100))))
    return Tensor(shape, [real(draw(chance)) * size for _ in range(prod(shape))])


def _square(chance: Random, shape: tuple[int, ...], name: str) -> Tensor:
    """A member of a linear space of matrices, or a positive semidefinite one."""
    k = shape[0]
    if name == "psd":
        a = _free(chance, (chance.randint(1, k), k))
        return matmul(flipped(a), a)
    rows = _free(chance, shape).rows()
    keep = {"diagonal": lambda i, j: i == j, "lower": lambda i, j: i >= j, "upper": lambda i, j: i <= j}.get(name)
    for i in range(k):
        for j in range(k):
            if keep is not None:
                rows[i][j] = rows[i][j] if keep(i, j) else arb(0)
            elif j < i:
                rows[i][j] = rows[j][i] if name == "symmetric" else -rows[j][i]
            elif i == j and name == "skew":
                rows[i][j] = arb(0)
    return of_rows(rows, k)


def _nonnegative(chance: Random) -> arb:
    return real(abs(generic(chance))) if chance.randrange(3) else arb(0)


def _stochastic(chance: Random, k: int, columns: int) -> Tensor:
    rows = []
    for _ in range(k):
        row: list[Any] = [_nonnegative(chance) for _ in range(columns)]
        row[chance.randrange(columns)] = real(Fraction(1, 3))
        rows.append([item / total(row) for item in row])
    return of_rows(rows, columns)


def _doubly_stochastic(chance: Random, k: int) -> Tensor:
    """A convex combination of permutations (Birkhoff)."""
    weights = [Fraction(chance.randint(0, 5)) for _ in range(3)] + [Fraction(1)]
    rows: list[list[Any]] = [[arb(0)] * k for _ in range(k)]
    for weight in weights:
        for i, j in enumerate(chance.sample(range(k), k)):
            rows[i][j] = rows[i][j] + real(weight / sum(weights))
    return of_rows(rows, k)


def _laplacian(chance: Random, k: int) -> Tensor:
    rows: list[list[Any]] = [[arb(0)] * k for _ in range(k)]
    for i in range(k):
        for j in range(i):
            w = _nonnegative(chance)
            rows[i][j], rows[j][i] = -w, -w
            rows[i][i], rows[j][j] = rows[i][i] + w, rows[j][j] + w
    return of_rows(rows, k)


# --- kernels -------------------------------------------------------------------------------------------------------------------


def kernel(chance: Random, shape: tuple[int, ...], bound: Number | None) -> Tensor:
    """Of norm at most `bound`: a sum of shifts times bounded matrices whose norms add up to it; None: an isometry A D B."""
    outputs, inputs, taps, _ = shape
    items: list[Any] = [arb(0)] * prod(shape)

    def put(matrix: Tensor, a: int, b: int) -> None:
        for o in range(outputs):
            for c in range(inputs):
                k = ((o * inputs + c) * taps + a) * taps + b
                items[k] = items[k] + matrix.items[o * inputs + c]

    if bound is None:
        inner = min(outputs, inputs)
        left, right = orthogonal(chance, outputs, inner), orthogonal(chance, inner, inputs)
        for i in range(inner):
            only = diagonal([arb(int(i == j)) for j in range(inner)])
            put(product(left, only, right), chance.randrange(taps), chance.randrange(taps))
        return Tensor(shape, items)
    weights = [chance.randint(0, 4) for _ in range(3)] + [1]
    for weight in weights:
        part = bounded(chance, outputs, inputs, bound * real(Fraction(weight, sum(weights))))
        put(part, chance.randrange(taps), chance.randrange(taps))
    return Tensor(shape, items)


# --- one parameter -------------------------------------------------------------------------------------------------------------


def member(chance: Random, parameter: Parameter, values: Values) -> Tensor:
    """A member of the parameter's sets, with the bounds as they are in `values`. Raises Empty."""
    sets = {s.name: [number(a, values) for a in s.arguments] for s in parameter.sets}
    bound = sets["norm"][0] if "norm" in sets else None
    if bound is not None and sign(bound) < 0:
        raise Empty(f"{parameter.name}: norm <= {bound.str(6, radius=False)}")
    if isinstance(parameter.space, ConvolutionSpace):
        space = parameter.space
        shape = (values.size(space.outputs), values.size(space.inputs), space.size, space.size)
        return kernel(chance, shape, None if "orthogonal" in sets else bound) if sets else _free(chance, shape)
    shape = values.shape(parameter.space)
    if "interval" in sets:
        low, high = sets["interval"]
        if sign(high - low) < 0:
            raise Empty(f"{parameter.name}: in [{low.str(6, radius=False)}, {high.str(6, radius=False)}]")
        return Tensor(shape, [low + (high - low) * share(chance) for _ in range(prod(shape))])
    return _of_sets(chance, shape, sets, bound)


def _of_sets(chance: Random, shape: tuple[int, ...], sets: dict[str, Any], bound: Any) -> Tensor:
    count = prod(shape)
    kinds = [name for name in sets if name not in ("norm", "nonnegative", "positive")]
    if not kinds:
        if "positive" in sets:
            return Tensor(shape, [real(abs(generic(chance)) + Fraction(1, chance.choice((1, 10, 1000)))) for _ in range(count)])
        if "nonnegative" in sets:
            return Tensor(shape, [_nonnegative(chance) for _ in range(count)])
        return _free(chance, shape) if bound is None else bounded(chance, shape[0], shape[1], bound)
    kind = kinds[0]
    if kind == "binary":
        return Tensor(shape, [arb(chance.choice((-1, 1))) for _ in range(count)])
    if kind == "orthogonal":
        return orthogonal(chance, *shape)
    if kind == "stochastic":
        return _stochastic(chance, *shape)
    if kind in ("doubly_stochastic", "laplacian"):
        return (_doubly_stochastic if kind == "doubly_stochastic" else _laplacian)(chance, shape[0])
    found = _square(chance, shape, kind)
    if "nonnegative" in sets:
        found = Tensor(shape, [abs(item) for item in found.items])
    return found if bound is None else _shrunk(chance, found, kind, bound)


def _shrunk(chance: Random, found: Tensor, kind: str, bound: Any) -> Tensor:
    """Inside the ball: by eigenvectors of its own for symmetric ones, else divided by its Frobenius norm."""
    k = found.shape[0]
    if kind in ("symmetric", "psd") and chance.randrange(3):
        q = orthogonal(chance, k, k)
        s = [bound * share(chance) * (1 if kind == "psd" else chance.choice((-1, 1))) for _ in range(k)]
        return product(q, diagonal(s), flipped(q))
    if kind == "diagonal":
        return diagonal([bound * share(chance) * chance.choice((-1, 1)) for _ in range(k)])
    if kind == "skew" and k > 1 and chance.randrange(2):
        q, j = orthogonal(chance, k, k), [[arb(0)] * k for _ in range(k)]
        j[0][1], j[1][0] = bound, -bound
        return product(q, of_rows(j, k), flipped(q))
    size = total([item * item for item in found.items]).sqrt()
    return found if sign(size) == 0 else scaled(bound * share(chance) / size, found)


# --- all of them ---------------------------------------------------------------------------------------------------------------


class Members:
    """The parameters of one world; what depends on time has a member for each step or knot, drawn when it is asked for."""

    def __init__(self, model: Model, dims: dict[str, int], chance: Random) -> None:
        self.model, self.dims, self.chance = model, dims, chance
        self.known: dict[tuple[str, int], Tensor] = {}

    def of(self, name: str, index: int) -> Tensor:
        """The member of a step or knot."""
        parameter = self.model.parameter(name)
        key = (name, index if parameter.schedule is not None else 0)
        if key not in self.known:
            used = {n.data[0] for s in parameter.sets for a in s.arguments for n in a.walk() if n.op == "param"}
            values = Values(self.model, self.dims, parameters={other: self.of(other, index) for other in sorted(used)})
            self.known[key] = member(self.chance, parameter, values)
        return self.known[key]

    def at(self, step: int, place: Number) -> dict[str, Tensor]:
        """All parameters in a step, at a place in [0, 1] of the interval of time."""
        found = {}
        for parameter in self.model.parameters:
            kind = "" if parameter.schedule is None else parameter.schedule.kind
            if kind in ("", "piecewise"):
                found[parameter.name] = self.of(parameter.name, step)
                continue
            assert parameter.schedule is not None
            weights = basis(kind, parameter.schedule.knots or 1, place)
            knots = [scaled(w, self.of(parameter.name, k)) for k, w in enumerate(weights)]
            found[parameter.name] = Tensor(knots[0].shape, [total(list(items)) for items in zip(*(k.items for k in knots), strict=True)])
        return found


def basis(kind: str, count: int, place: Number) -> list[Number]:
    """Weights of knots or coefficients: hats, powers, waves."""
    one = place * 0 + 1
    if kind == "poly":
        found = [one]
        while len(found) < count:
            found.append(found[-1] * place)
        return found
    if kind == "fourier":
        waves = [one]
        for k in range(1, count):
            angle = place * (2 * k) * arb.pi()
            waves += [angle.cos(), angle.sin()]
        return waves[:count]
    if count == 1:
        return [one]
    left = min(max(sum(sign(place * (count - 1) - k) >= 0 for k in range(count)) - 1, 0), count - 2)
    if sign(place) < 0 or sign(one - place) < 0:
        end = 0 if sign(place) < 0 else count - 1
        return [one if k == end else one * 0 for k in range(count)]
    part = place * (count - 1) - left
    return [one - part if k == left else part if k == left + 1 else one * 0 for k in range(count)]


def draw_dims(model: Model, chance: Random, most: int = 4) -> dict[str, int]:
    """Small sizes; derived ones follow. Raises Unsure where one is no positive whole number."""
    given = {d.name: chance.choice((1, 2, 2, 3, 3, most)) for d in model.dims if d.is_free}
    for d in model.dims:
        if not d.is_free:
            value = d.value.evaluate(model.dim_values(given) if False else _so_far(model, given, d.name))
            if value.denominator != 1 or value < 1:
                raise Unsure("a size that is not whole")
    return model.dim_values(given)


def _so_far(model: Model, given: dict[str, int], last: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for d in model.dims:
        if d.name == last:
            break
        found[d.name] = given[d.name] if d.is_free else int(d.value.evaluate(found))
    return found


def draw_states(model: Model, values: Values, names: tuple[str, ...], chance: Random) -> dict[str, Tensor]:
    """States: generic rationals of one scale, plain ones now and then."""
    found, style = {}, chance.randrange(6)
    size = real(Fraction(chance.choice((1, 1, 3, 12)), chance.choice((1, 1, 4, 50))))
    for name in names:
        shape = values.shape(model.block(name).space)
        draw = rational if style == 0 else generic
        found[name] = Tensor(shape, [real(draw(chance)) * size for _ in range(prod(shape))])
    return found


__all__ = ["Empty", "Flow", "Members", "basis", "draw_dims", "draw_states", "evaluate", "identity", "member"]
