"""Directions for states too large for their Jacobian: the best in a small subspace of plain ones (Rayleigh and Ritz)."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import islice
from math import prod
from random import Random
from typing import TYPE_CHECKING

from odenet.proof.refute.attack import LARGEST, eigen_cases, floats
from odenet.proof.refute.cases import Case, Vector
from odenet.proof.refute.scalars import exact
from odenet.proof.refute.subjects import pushed

if TYPE_CHECKING:
    from odenet.proof.refute.attack import Problem

Rows = list[list[float]]
Form = Callable[[Rows, Rows], Rows]  # directions and their images, as rows, to the symmetric form whose largest value is sought
ONE, ZERO = Fraction(1), Fraction(0)


def plain_directions(problem: Problem, chance: Random) -> list[Vector]:
    """Ones, the channels of an image, a window and a pixel, a checkerboard, signs: no two of them alike."""
    size, found = problem.subject.layout.size, []
    start = 0
    for _, shape in problem.subject.layout.blocks:
        count = prod(shape)
        whole = [ONE if start <= i < start + count else ZERO for i in range(size)]
        found.append(tuple(whole))
        if len(shape) == 3:
            _, height, width = shape
            area = height * width
            found.append(tuple(ONE if start <= i < start + area else ZERO for i in range(size)))
            window = {start + y * width + x for y in range(min(2, height)) for x in range(min(2, width))}
            found.append(tuple(ONE if i in window else ZERO for i in range(size)))
            found.append(tuple(v * (-1) ** ((i - start) // width + (i - start) % width) for i, v in enumerate(whole)))
        found.append(tuple(ONE if i == start else ZERO for i in range(size)))
        start += count
    found.append(tuple(Fraction(chance.choice((-1, 1))) for _ in range(size)))
    return list(dict.fromkeys(found))[:8 if size <= 2 * LARGEST else 4]


def ritz_cases(problem: Problem, case: Case, chance: Random, form: Form) -> Iterable[Case]:
    """The case with the direction of a subspace where a form is largest: v with <v, form v> / |v|^2 large."""
    basis = plain_directions(problem, chance)
    images = floats(pushed(problem.subject, case.scalars(), [[exact(e) for e in v] for v in basis]))
    turns = _orthonormal([[float(e) for e in v] for v in basis])
    units = [_combined(turn, [[float(e) for e in v] for v in basis]) for turn in turns]
    matrix = form(units, [_combined(turn, images) for turn in turns])
    for found in islice(eigen_cases(case, matrix), 1, 2):
        weights = [sum(float(y) * turn[k] for y, turn in zip(found.points["v"], turns, strict=True)) for k in range(len(basis))]
        most = max(abs(w) for w in weights)
        short = [Fraction(round(w / most * 64), 64) for w in weights]
        yield case.at("v", tuple(sum((w * v[i] for w, v in zip(short, basis, strict=True)), ZERO) for i in range(len(basis[0]))))


def squares(units: Rows, images: Rows) -> Rows:
    """|DΦ v|^2"""
    del units
    return [[_dot(a, b) for b in images] for a in images]


def rates(units: Rows, images: Rows) -> Rows:
    """<v, Df v>"""
    return [[(_dot(u, b) + _dot(v, a)) / 2 for v, b in zip(units, images, strict=True)] for u, a in zip(units, images, strict=True)]


def _dot(u: Sequence[float], v: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(u, v, strict=True))


def _combined(weights: Sequence[float], rows: Rows) -> list[float]:
    return [sum(w * row[i] for w, row in zip(weights, rows, strict=True) if w) for i in range(len(rows[0]))]


def _orthonormal(rows: Rows) -> Rows:
    """Coefficients of an orthonormal basis in the given vectors (Gram and Schmidt)."""
    turns: Rows = []
    for k in range(len(rows)):
        turn = [float(i == k) for i in range(len(rows))]
        vector = list(rows[k])
        for other in turns:
            unit = _combined(other, rows)
            share = _dot(unit, rows[k])
            turn = [a - share * b for a, b in zip(turn, other, strict=True)]
            vector = [a - share * b for a, b in zip(vector, unit, strict=True)]
        size = _dot(vector, vector) ** 0.5
        if size > 1e-9:
            turns.append([a / size for a in turn])
    return turns
