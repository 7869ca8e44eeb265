"""Sets that say something of each entry by itself."""
from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

from odenet.sets.row import Exact, ParameterSetRow, fill, is_tensor, number


def _positive(random: Random) -> Fraction:
    found = abs(number(random))
    return found or Fraction(1, random.choice((1, 2, 10, 100)))


def _sample_positive(random: Random, shape: tuple[int, ...], _: tuple[Fraction, ...]) -> Exact:
    scale = random.choice((Fraction(1), Fraction(1), Fraction(1), Fraction(1, 1000), Fraction(100)))  # the set has no scale
    return fill(shape, lambda: scale * _positive(random))


def _sample_nonnegative(random: Random, shape: tuple[int, ...], _: tuple[Fraction, ...]) -> Exact:
    return fill(shape, lambda: abs(number(random)))


def _sample_binary(random: Random, shape: tuple[int, ...], _: tuple[Fraction, ...]) -> Exact:
    return fill(shape, lambda: Fraction(random.choice((-1, 1))))


def _sample_interval(random: Random, shape: tuple[int, ...], ends: tuple[Fraction, ...]) -> Exact:
    low, high = ends
    shared = random.choice((None, None, low, high))

    def entry() -> Fraction:
        kind = random.randrange(4)
        if kind < 2:
            return (low, high)[kind]
        return low + (high - low) * Fraction(random.randint(0, 8), 8)

    return fill(shape, (lambda: shared) if shared is not None else entry)


def _below(value: Any, low: float) -> float:
    return float(max(0.0, (low - value).max()))


def _not_sign(value: Any) -> float:
    return float(abs(abs(value) - 1).max())


ENTRYWISE = (
    ParameterSetRow("positive", "scalars, vectors and matrices", is_tensor, _sample_positive,
                    lambda value: _below(value, 0.0), facts=frozenset({"nonnegative"})),
    ParameterSetRow("nonnegative", "scalars, vectors and matrices", is_tensor, _sample_nonnegative,
                    lambda value: _below(value, 0.0), facts=frozenset({"nonnegative"})),
    ParameterSetRow("interval", "scalars, vectors and matrices", is_tensor, _sample_interval,
                    lambda value, low, high: max(_below(value, low), _below(-value, -high)), arguments=2),
    ParameterSetRow("binary", "scalars, vectors and matrices", is_tensor, _sample_binary, _not_sign, is_convex=False),
)
