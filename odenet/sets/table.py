"""The table of parameter sets, and members of intersections."""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

from odenet.sets import exact
from odenet.sets.bounded import BOUNDED
from odenet.sets.entrywise import ENTRYWISE
from odenet.sets.markov import MARKOV
from odenet.sets.matrices import MATRICES
from odenet.sets.row import Exact, ParameterSetRow, entries, fill, mapped, number

SETS: dict[str, ParameterSetRow] = {row.name: row for row in (*ENTRYWISE, *MATRICES, *BOUNDED, *MARKOV)}

Named = tuple[str, tuple[Fraction, ...]]

# Two sets of one parameter: those that have common members, a sampler and a chart. All other pairs are an error.
_SCALABLE = ("skew", "symmetric", "psd", "diagonal", "lower", "upper")
_FOLDABLE = ("symmetric", "diagonal", "lower", "upper")
COMPATIBLE: frozenset[frozenset[str]] = frozenset(
    [frozenset({"norm", name}) for name in _SCALABLE] + [frozenset({"nonnegative", name}) for name in _FOLDABLE])


def sample(random: Random, shape: tuple[int, ...], sets: Sequence[Named]) -> Exact:
    """An exact member of all the sets: nested tuples of Fractions (a Fraction for a scalar).

    `sets` are (name, arguments); none is the whole space. `shape` of a convolution is that of its kernel
    (outputs, inputs, size, size).
    """
    if not sets:
        return fill(shape, lambda: number(random))
    if len(sets) == 1:
        return SETS[sets[0][0]].sample(random, shape, sets[0][1])
    bounds = dict(sets)
    member = next((SETS[name].sample(random, shape, arguments) for name, arguments in sets
                   if name not in ("norm", "nonnegative")), None)
    if member is None:
        member = fill(shape, lambda: number(random))
    if "nonnegative" in bounds:
        member = mapped(member, abs)
    return _shrunk(member, bounds["norm"][0]) if "norm" in bounds else member


def _shrunk(member: Exact, bound: Fraction) -> Exact:
    """Scaled so that its norm is at most `bound`: exactly `bound` where it is a multiple of an orthogonal matrix."""
    size = _norm_bound(member)
    return mapped(member, lambda x: x * bound / size) if size else member


def _norm_bound(member: Exact) -> Fraction:
    """An upper bound of the norm: exact for diagonal matrices, of Frobenius else."""
    off = [x for i, row in enumerate(member) for j, x in enumerate(row) if i != j]
    if not any(off):
        return Fraction(max(abs(row[i]) for i, row in enumerate(member)))
    return exact.frobenius_bound(entries(member))


def residual(value: Any, sets: Sequence[tuple[str, tuple[float, ...]]]) -> float:
    """How far a float array is outside of the sets, in the units of its entries; 0 inside."""
    return max((SETS[name].residual(value, *arguments) for name, arguments in sets), default=0.0)
