"""Orders seen by an independent computation: one step and the exact flow as power series in h, modulo a large prime.

The fields are random polynomials that read and move what the parts do, in blocks of two numbers, so that no two trees of up to four
vertices agree on them by chance (but with a chance of one in 2^61 or so).
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

P = 2**61 - 1
WIDTH = 2  # numbers in a block

Row = list[int]
Series = list[Row]  # [i][j]: the coefficient of h^i s^j, s being the time since the start of a substep; i + j < size


def residue(value: Fraction | int) -> int:
    value = Fraction(value)
    return value.numerator * pow(value.denominator, -1, P) % P


def constant(value: int, size: int) -> Series:
    return [[value % P if i == j == 0 else 0 for j in range(size - i)] for i in range(size)]


def plus(a: Series, b: Series, factor: int = 1) -> Series:
    return [[(x + factor * y) % P for x, y in zip(r, q, strict=True)] for r, q in zip(a, b, strict=True)]


def product(a: Series, b: Series) -> Series:
    size = len(a)
    total = constant(0, size)
    for i, row in enumerate(a):
        for j, x in enumerate(row):
            if x:
                for k in range(size - i - j):
                    for m, y in enumerate(b[k][:size - i - j - k]):
                        total[i + k][j + m] = (total[i + k][j + m] + x * y) % P
    return total


def shifted(a: Series, factor: int) -> Series:
    """factor h a"""
    size = len(a)
    return [[0] * size] + [[factor * x % P for x in a[i][:size - 1 - i]] for i in range(size - 1)]


def integral(a: Series) -> Series:
    """Over s, from 0."""
    size = len(a)
    return [[0, *(x * pow(j + 1, -1, P) % P for j, x in enumerate(row))][:size - i] for i, row in enumerate(a)]


def at_end(a: Series, length: int) -> Series:
    """s = length h"""
    size = len(a)
    total = constant(0, size)
    for i, row in enumerate(a):
        for j, x in enumerate(row):
            total[i + j][0] = (total[i + j][0] + x * pow(length, j, P)) % P
    return total


Point = dict[str, list[Series]]  # the blocks, and the clock under "t"
Field = Callable[[Point], Point]


@dataclass(frozen=True)
class Part:
    """`table`: nodes, matrix, weights, or None for the exact flow. `is_relaxed`: the step is made to keep x . x."""

    moves: str
    reads: str  # blocks, and t
    table: tuple[Sequence[Fraction], Sequence[Sequence[Fraction]], Sequence[Fraction]] | None
    is_relaxed: bool = False


def polynomial(part: Part, chance: Random) -> Field:
    """A random field that moves and reads what the part does."""
    leaves = [(name, i) for name in part.reads for i in range(1 if name == "t" else WIDTH)]
    terms: dict[tuple[str, int], list[tuple[int, list[tuple[str, int]]]]] = {}
    for name in part.moves:
        for i in range(WIDTH):
            chosen: list[list[tuple[str, int]]] = [[], *([leaf] for leaf in leaves)]
            if leaves:
                chosen += [[chance.choice(leaves) for _ in range(n)] for n in (2, 2, 2, 3, 3)]
                chosen += [[leaf, leaf] for leaf in leaves if leaf[0] == "t"] + [[leaf] * 3 for leaf in leaves if leaf[0] == "t"]
            terms[name, i] = [(chance.randrange(1, P), factors) for factors in chosen]

    def field(x: Point) -> Point:
        size, found = len(x["t"][0]), {}
        for name in part.moves:
            found[name] = []
            for i in range(WIDTH):
                total = constant(0, size)
                for c, factors in terms[name, i]:
                    term = constant(c, size)
                    for block, j in factors:
                        term = product(term, x[block][j])
                    total = plus(total, term)
                found[name].append(total)
        return found

    return field


def rotation(part: Part, chance: Random) -> Field:
    """A random field in the block x that keeps x . x: its speed is a polynomial of x and, where it is read, of t."""
    c = [chance.randrange(1, P) for _ in range(8)]

    def field(x: Point) -> Point:
        (a, b), (t,), size = x["x"], x["t"], len(x["t"][0])
        speed = plus(constant(c[0], size), product(a, a), c[1])
        for k, other in enumerate((product(a, b), a, product(b, product(b, b)))):
            speed = plus(speed, other, c[2 + k])
        if "t" in part.reads:
            speed = plus(plus(speed, t, c[6]), product(t, plus(t, a)), c[7])
        return {"x": [shiftless(product(speed, b), -1), product(speed, a)]}

    return field


def shiftless(a: Series, factor: int) -> Series:
    return plus(constant(0, len(a)), a, factor)


def moved(part: Part, field: Field, x: Point, length: Fraction, moves_clock: bool) -> Point:
    c = residue(length)
    if part.table is None:
        return _flowed([field], x, c, moves_clock)
    nodes, matrix, weights = part.table
    size = len(x["t"][0])

    def reached(row: Sequence[Fraction], rates: Sequence[Point], node: Fraction) -> Point:
        there = dict(x)
        for a, k in zip(row, rates, strict=False):
            if a:
                there = {name: [plus(old, shifted(r, c), residue(a)) for old, r in zip(there[name], k[name], strict=True)]
                         if name in k else there[name] for name in there}
        later = shifted(constant(1, size), c * residue(node) % P) if moves_clock else constant(0, size)
        return {**there, "t": [plus(x["t"][0], later)]}

    is_explicit = not any(a for i, row in enumerate(matrix) for a in row[i:])
    rates: list[Point] = []
    if is_explicit:
        for row, node in zip(matrix, nodes, strict=True):
            rates.append(field(reached(row, rates, node)))
    else:
        rates = [field(x) for _ in nodes]
        for _ in range(size):
            rates = [field(reached(row, rates, node)) for row, node in zip(matrix, nodes, strict=True)]
    after = reached(weights, rates, Fraction(1))
    return {**after, "x": _relaxed(x["x"], after["x"])} if part.is_relaxed else after


def _relaxed(x: list[Series], y: list[Series]) -> list[Series]:
    """x + s d with s = -2 x . d / d . d; both begin with h^2."""
    size = len(x[0])
    d = [plus(b, a, -1) for a, b in zip(x, y, strict=True)]
    above, below = constant(0, size), constant(0, size)
    for a, e in zip(x, d, strict=True):
        above, below = plus(above, product(a, e), -2), plus(below, product(e, e))
    share: list[int] = []
    first = pow(below[2][0], -1, P)
    for k in range(size - 2):
        share.append((above[k + 2][0] - sum(share[i] * below[k + 2 - i][0] for i in range(k))) * first % P)
    s = [[share[i] if j == 0 and i < len(share) else 0 for j in range(size - i)] for i in range(size)]
    return [plus(a, product(s, e)) for a, e in zip(x, d, strict=True)]


def _flowed(fields: Sequence[Field], x: Point, length: int, moves_clock: bool) -> Point:
    """The exact flow of a sum, by Picard's iteration."""
    size, path = len(x["t"][0]), x
    clock = integral(constant(int(moves_clock), size))
    for _ in range(size):
        new: Point = {name: list(values) for name, values in x.items()}
        for field in fields:
            for name, rates in field(path).items():
                new[name] = [plus(old, integral(r)) for old, r in zip(new[name], rates, strict=True)]
        path = {**new, "t": [plus(x["t"][0], clock)]}
    return {name: [at_end(a, length) for a in values] for name, values in path.items()}


def order(parts: Sequence[Part], stages: Sequence[tuple[int, Fraction]], up_to: int, seed: int) -> int:
    """The order of one step, up to `up_to`."""
    chance, size = Random(seed), up_to + 1 + any(part.is_relaxed for part in parts)
    fields = [(rotation if part.is_relaxed else polynomial)(part, chance) for part in parts]
    names = sorted({name for part in parts for name in part.moves + part.reads} - {"t"})
    start: Point = {name: [constant(chance.randrange(1, P), size) for _ in range(WIDTH)] for name in names}
    start["t"] = [constant(chance.randrange(1, P), size)]
    after = start
    for index, length in stages:
        after = moved(parts[index], fields[index], after, length, index == 0)
    there = _flowed(fields, start, 1, True)
    for k in range(1, up_to + 1):
        if any(a[k][0] != b[k][0] for name in names for a, b in zip(after[name], there[name], strict=True)):
            return k - 1
    return up_to
