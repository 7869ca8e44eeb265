"""Spectra and norms of a matrix of maps between the blocks of a state."""
from __future__ import annotations

from odenet.recheck.bounds import HALF, ZERO, Bound, known
from odenet.recheck.case import Case, Goal
from odenet.recheck.congruences import whole
from odenet.recheck.scalars import Scalar, number
from odenet.recheck.words import Form

Grid = list[list[Form]]


def grid_spectrum(case: Case, goal: Goal, grid: Grid, how: str) -> tuple[Bound, Bound]:
    """The spectrum of a symmetric part: mixed blocks add their norm to both diagonal blocks that they join, or all as one map."""
    bounds, size = case.bounds(goal), range(len(grid))
    if how == "whole":
        joined = whole(case.reader, grid)
        return bounds.spectrum((joined + joined.T).scaled(number(HALF)))
    case.demand(how == "blocks", "no such bound")
    ends: list[tuple[Bound, Bound]] = []
    for i in size:
        low, high = bounds.spectrum((grid[i][i] + grid[i][i].T).scaled(number(HALF)))
        reach: Bound = ZERO
        for j in size:
            if j != i:
                mixed = bounds.norm((grid[i][j] + grid[j][i].T).scaled(number(HALF)))
                reach = None if reach is None or mixed is None else reach + mixed
        ends.append((None, None) if reach is None else (low and low - reach, high and high + reach))
    lows, highs = ([e for e in side if e is not None] for side in zip(*ends, strict=True))
    largest = case.reader.largest
    return (None if len(lows) < len(ends) else -largest(*(-x for x in lows)), None if len(highs) < len(ends) else largest(*highs))


def grid_norm(case: Case, goal: Goal, grid: Grid) -> Scalar:
    """|Df| <= |N|, N the matrix of the norms of the blocks, and |N|_2^2 <= |N|_1 |N|_inf."""
    sizes = [[_sharp_norm(case, goal, form) for form in row] for row in grid]
    columns = [[row[j] for row in sizes] for j in range(len(sizes))]
    one, other = (case.reader.largest(*(sum(line, ZERO) for line in side)) for side in (sizes, columns))
    return one if one == other else case.bounds(goal).root(one * other)


def _sharp_norm(case: Case, goal: Goal, form: Form) -> Scalar:
    """The norm of a block: by its spectrum where it is symmetric, else by its words."""
    bounds = case.bounds(goal)
    if form.start == form.end and (form - form.T).is_zero():
        low, high = bounds.spectrum(form)
        if low is not None and high is not None:
            return case.reader.largest(high, -low)
    return known(bounds.norm(form), "a block of Df")
