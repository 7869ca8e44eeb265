"""The row type of the table of parameter sets."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any, Union

from odenet.ir.model import ConvolutionSpace
from odenet.ir.sizes import Space

# A member of a set: a Fraction, or nested tuples of them, with the shape of the parameter.
# A convolution's member is its kernel, (outputs, inputs, size, size).
Exact = Any
AnyParameterSpace = Union[Space, ConvolutionSpace]
Sampler = Callable[[Random, tuple[int, ...], tuple[Fraction, ...]], Exact]


@dataclass(frozen=True)
class ParameterSetRow:
    """One set that a parameter can lie in.

    spaces: which spaces it applies to, in words for messages; `fits` decides.
    arguments: how many exact or scalar arguments it has (`in [a, b]` has two, `norm <= c` one).
    sample: exact members, the extreme ones often.
    residual: how far a float array is outside of the set (0 inside), for tests of charts.
    facts: what holds for every member; the words are those of `odenet.algebra.facts`.
    missed: why the chart does not come near a float member, in words; "" where it does.
    is_linear, is_convex: of the set itself; they decide which time dependence keeps it between knots.
    """

    name: str
    spaces: str
    fits: Callable[[AnyParameterSpace], bool]
    sample: Sampler
    residual: Callable[..., float]
    arguments: int = 0
    facts: frozenset[str] = frozenset()
    is_linear: bool = False
    is_convex: bool = True
    missed: Callable[[Any], str] = lambda value: ""


def is_tensor(space: AnyParameterSpace) -> bool:
    return isinstance(space, Space)


def is_matrix(space: AnyParameterSpace) -> bool:
    return isinstance(space, Space) and space.rank == 2


def is_square(space: AnyParameterSpace) -> bool:
    return isinstance(space, Space) and space.rank == 2 and space.sizes[0] == space.sizes[1]


def is_map(space: AnyParameterSpace) -> bool:
    return isinstance(space, ConvolutionSpace) or is_matrix(space)


def keeps_lengths(space: AnyParameterSpace) -> bool:
    """Whether its linear maps may be orthogonal.

    A border of zeros, and a stride, cut off what they do not see: with zero padding an output at a corner misses taps that
    one inside has, and if both their rows (columns) have norm one, all taps off the centre are zero.
    """
    if isinstance(space, ConvolutionSpace):
        return space.padding == "circular" and space.stride == 1
    return is_matrix(space)


def number(random: Random) -> Fraction:
    """A small rational; zero, one and signs often."""
    kind = random.randrange(4)
    if kind == 0:
        return Fraction(random.choice((-1, 0, 0, 1)))
    if kind == 1:
        return Fraction(random.choice((-3, -2, -1, 1, 2, 3)), random.choice((1, 2)))
    if kind == 2:
        return Fraction(random.randint(-9, 9), random.randint(1, 9))
    return Fraction(random.choice((-20, -5, -4, 4, 5, 20)))


def fill(shape: Sequence[int], entry: Callable[[], Fraction]) -> Exact:
    """Nested tuples of a shape; a Fraction where the shape is empty."""
    if not shape:
        return entry()
    return tuple(fill(shape[1:], entry) for _ in range(shape[0]))


def entries(value: Exact) -> list[Fraction]:
    """All entries of nested tuples, in order."""
    return [e for row in value for e in entries(row)] if isinstance(value, tuple) else [value]


def mapped(value: Exact, rule: Callable[[Fraction], Fraction]) -> Exact:
    """The same shape, entry by entry."""
    return tuple(mapped(v, rule) for v in value) if isinstance(value, tuple) else rule(value)
