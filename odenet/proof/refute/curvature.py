"""Attacks on scalar functions: second derivatives, and pairs of points where there are kinks."""
from __future__ import annotations

from collections.abc import Iterable
from random import Random

from odenet.proof.refute.attack import (
    Attack,
    Matrix,
    Measure,
    Problem,
    argument,
    eigen_cases,
    floats,
    pairs,
    shown,
    small,
    square,
    steps,
    times,
)
from odenet.proof.refute.cases import Case
from odenet.proof.refute.draws import entry
from odenet.proof.refute.scalars import ZERO, Jet, Scalar, exact, inner
from odenet.proof.refute.subjects import jacobian


def hessian(problem: Problem, case: Case) -> Matrix:
    """Second derivatives of the value: jets of jets."""
    small(problem)
    size, items = problem.subject.layout.size, case.scalars()
    seeds = [[exact(int(i == j)) for i in range(size)] for j in range(size)]
    inner_jets = [Jet(item, [seed[i] for seed in seeds]) for i, item in enumerate(items)]
    outer = [Jet(jet, [Jet(seed[i], [ZERO] * size) for seed in seeds]) for i, jet in enumerate(inner_jets)]
    (value,) = problem.subject.value(outer)
    if not isinstance(value, Jet):
        return [[ZERO] * size for _ in range(size)]
    return [list(t.tangents) if isinstance(t, Jet) else [ZERO] * size for t in value.tangents]


def _curvature(problem: Problem, case: Case) -> Scalar:
    direction = case.scalars("v")
    return inner(direction, times(hessian(problem, case), direction)) / square(direction)


def _middle(problem: Problem, case: Case) -> Measure:
    """V((x + y)/2) - (V(x) + V(y))/2, or the curvature along v."""
    if "v" in case.points:
        value = _curvature(problem, case)
        return Measure(-value, "<v, D2V(x) v> / |v|^2", value, ">= 0")
    x, y = case.scalars("x"), case.scalars("y")
    (low,), (high,) = problem.subject.value(x), problem.subject.value(y)
    (middle,) = problem.subject.value([(a + b) / 2 for a, b in zip(x, y, strict=True)])
    value = middle - (low + high) / 2
    return Measure(value, "V((x + y)/2) - (V(x) + V(y))/2", value, "<= 0")


def _slope(problem: Problem, items: list[Scalar]) -> list[Scalar]:
    small(problem)
    return jacobian(problem.subject, items)[0]


def _smooth(problem: Problem, case: Case) -> Measure:
    bound = argument(problem, case)
    if "y" in case.points:
        rises = [_slope(problem, case.scalars(name)) for name in ("x", "y")]
        value = square([a - b for a, b in zip(*rises, strict=True)]) / square(steps(case))
        most = bound * abs(bound)
        return Measure(value - most, "|grad V(x) - grad V(y)|^2 / |x - y|^2", value, f"<= {shown(most)}")
    value = _curvature(problem, case)
    return Measure(abs(value) - bound, "<v, D2V(x) v> / |v|^2", value, f"between {shown(-bound)} and {shown(bound)}")


def _aim_convex(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    size = problem.subject.layout.size
    if not problem.claim.region:  # on a region the pointwise form is meant
        yield case.at("y", tuple(entry(chance, "small") for _ in range(size)))
        yield case.at("y", tuple(-item for item in case.points["x"]))
    rows = floats(hessian(problem, case))
    yield from eigen_cases(case, [[-a for a in row] for row in rows])


def _aim_smooth(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    del chance
    yield from pairs(problem, case)
    rows = floats(hessian(problem, case))
    for sign in (1, -1):
        yield from eigen_cases(case, [[sign * a for a in row] for row in rows])


DEFINITION_ATTACKS: dict[str, Attack] = {
    "convex": Attack(_middle, _aim_convex, differs=False),
    "smooth": Attack(_smooth, _aim_smooth, differs=False),
}
