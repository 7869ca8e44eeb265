"""Parameter values drawn exactly inside their sets, the plainest members first."""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from random import Random
from typing import Any

from flint import arb, fmpq

from odenet.ir.model import Parameter
from odenet.proof.refute.scalars import Scalar, Undefined, fraction
from odenet.proof.refute.tensors import nested
from odenet.sets.table import sample

Shape = tuple[int, ...]
STYLES = ("plain", "small", "wide", "units", "small", "halves", "wide", "large")
ONE, ZERO = Fraction(1), Fraction(0)


def entry(chance: Random, style: str) -> Fraction:
    """One free number."""
    if style == "plain":
        return ONE
    if style == "halves":
        return Fraction(chance.randint(-6, 6), 2)
    if style == "wide":
        return Fraction(chance.randint(-32, 32), 8)
    if style == "large":
        return Fraction(chance.choice((-20, -8, -4, -1, 0, 1, 4, 8, 20)))
    if style == "units":
        return Fraction(chance.choice((-1, 0, 1)))
    return Fraction(chance.randint(-2, 2))


def member(parameter: Parameter, shape: Shape, bounds: Sequence[Sequence[Scalar]], chance: Random, style: str) -> Any:
    """A member of the parameter's sets, as nested Fractions; `bounds` are the values of the sets' arguments.

    Raises:
        Undefined: the sets are empty at these bounds.
    """
    sets = [(s.name, _inside(s.name, arguments)) for s, arguments in zip(parameter.sets, bounds, strict=True) if s.name != "frozen"]
    if style == "plain":
        found = _plain(shape, sets)
        if found is not None:
            return found
    if sets:
        return sample(chance, shape, sets)
    return nested(shape, [entry(chance, style) for _ in range(prod(shape))])


def _inside(name: str, arguments: Sequence[Scalar]) -> tuple[Fraction, ...]:
    """Rational bounds that are as strict as the given ones, equal to them where those are rational."""
    if name == "interval":
        return inside(*arguments)
    bounds = tuple(fraction(_below(argument)) for argument in arguments)
    if any(bound < 0 for bound in bounds):
        raise Undefined("a negative bound")
    return bounds


def inside(low: Scalar, high: Scalar) -> tuple[Fraction, Fraction]:
    """Rational ends of an interval that lie in it. Raises Undefined where it is empty."""
    ends = -fraction(_below(-low)), fraction(_below(high))
    if ends[1] < ends[0]:
        raise Undefined("an empty interval")
    return ends


def _below(bound: Scalar) -> fmpq:
    """A rational at most `bound`, equal to it where it is rational, else short."""
    if isinstance(bound, fmpq):
        return bound
    low = arb((bound * 1024).lower()).floor().unique_fmpz()
    if low is None:
        raise Undefined("a bound that is not finite")
    return fmpq(low, 1024)


def _plain(shape: Shape, sets: Sequence[tuple[str, tuple[Fraction, ...]]]) -> Any:
    """The plainest member: ones, the identity (times the bound of a norm), the middle of a kernel. None: no such member."""
    names = {name for name, _ in sets}
    bound = next((arguments[0] for name, arguments in sets if name == "norm"), ONE)
    if not names or (names <= {"positive", "nonnegative", "binary"} and len(shape) != 2):
        return _identity(shape, bound) if len(shape) in (2, 4) else nested(shape, [ONE] * prod(shape))
    if names & {"interval", "skew", "laplacian", "positive", "binary"}:
        return None
    return _identity(shape, bound)


def _identity(shape: Shape, factor: Fraction) -> Any:
    if len(shape) == 2:
        rows, columns = shape
        return tuple(tuple(factor if i == j else ZERO for j in range(columns)) for i in range(rows))
    if len(shape) == 4:
        outputs, inputs, size, _ = shape
        items = [ZERO] * prod(shape)
        for k in range(min(outputs, inputs)):
            items[(k * inputs + k) * size * size + (size * size) // 2] = factor
        return nested(shape, items)
    return nested(shape, [factor if k == 0 else ZERO for k in range(prod(shape))])
