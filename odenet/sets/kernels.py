"""Kernels of circular convolutions that keep lengths: exact members, and how far an array is from being one."""
from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

from odenet.sets import exact
from odenet.sets.row import Exact

Place = tuple[int, int]


def orthogonal_kernel(random: Random, shape: tuple[int, ...]) -> Exact:
    """A kernel [k, c, s, s] with K' K = I (k >= c) or K K' = I on images of every size, exactly.

    A D B with orthogonal matrices A [k, m] and B [m, c], m = min(k, c), and D that shifts each channel by its own number of
    pixels: all three keep lengths.
    """
    outputs, inputs, size, _ = shape
    inner = min(outputs, inputs)
    left, right = exact.orthogonal(random, outputs, inner), exact.orthogonal(random, inner, inputs)
    places = _places(random, inner, size)

    def entry(o: int, c: int, place: Place) -> Fraction:
        return sum((left[o][i] * right[i][c] for i in range(inner) if places[i] == place), exact.ZERO)

    return tuple(tuple(tuple(tuple(entry(o, c, (a, b)) for b in range(size)) for a in range(size)) for c in range(inputs))
                 for o in range(outputs))


def _places(random: Random, count: int, size: int) -> list[Place]:
    """The tap of each channel: all at the centre, all at one place, or each at its own."""
    def drawn() -> Place:
        return random.randrange(size), random.randrange(size)

    kind, centre = random.randrange(3), ((size - 1) // 2,) * 2
    one = centre if kind == 0 else drawn()
    return [drawn() if kind == 2 else one for _ in range(count)]


def off_orthogonal(kernel: Any) -> float:
    """The largest entry of S' S - I over the frequencies of a grid, S the symbol of kernels [..., k, c, s, s].

    S' S has the degree s - 1, so it is I everywhere when it is I on 2 s - 1 points a side.
    """
    import numpy as np

    points = 2 * kernel.shape[-1] - 1
    symbol = np.moveaxis(np.fft.fft2(kernel, s=(points, points)), (-2, -1), (-4, -3))
    if symbol.shape[-2] < symbol.shape[-1]:
        symbol = symbol.swapaxes(-1, -2)
    gram = symbol.conj().swapaxes(-1, -2) @ symbol
    return float(abs(gram - np.eye(gram.shape[-1])).max())
