"""Attacks on what fields have in every point."""
from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from random import Random

from odenet.proof.refute.actions import acted, action_name, described, moves
from odenet.proof.refute.attack import (
    LARGEST,
    Attack,
    Measure,
    Problem,
    argument,
    asymmetry,
    difference,
    eigen_cases,
    floats,
    gaps,
    norm_name,
    pairs,
    scalar_node,
    shown,
    small,
    square,
    steps,
    transposed,
    within,
)
from odenet.proof.refute.cases import Case
from odenet.proof.refute.scalars import ZERO, Jet, Scalar, Undefined, approximate, inner, total
from odenet.proof.refute.subjects import gradient, jacobian, momenta, pushed
from odenet.proof.refute.subspaces import rates, ritz_cases


def _trace(problem: Problem, case: Case) -> Measure:
    small(problem)
    rows = jacobian(problem.subject, case.scalars())
    value = total(rows[i][i] for i in range(len(rows)))
    return Measure(value, "tr Df(x)", value, "0")


def _turned(problem: Problem, rows: list[list[Scalar]] | list[Scalar]) -> list[list[Scalar]] | list[Scalar]:
    """J^-1 times a matrix or vector: the rows of q become minus those of p, those of p the ones of q."""
    places, is_whole = momenta(problem.model, problem.subject.layout)
    if not is_whole:
        raise Undefined("blocks without a partner")
    result = list(rows)
    for q, p in places:
        line = rows[p]
        result[q] = [-entry for entry in line] if isinstance(line, list) else -line
        result[p] = rows[q]
    return result


def _hamiltonian(problem: Problem, case: Case) -> Measure:
    small(problem)
    energy = scalar_node(problem)
    if energy is None:
        return asymmetry(problem, _turned(problem, jacobian(problem.subject, case.scalars())), "(J^-1 Df)")
    field = _turned(problem, problem.subject.value(case.scalars()))
    return difference(problem, field, gradient(problem.subject, energy, case.scalars()), "(J^-1 f(x) - grad H(x))[{}]")


def _gradient(problem: Problem, case: Case) -> Measure:
    small(problem)
    potential = scalar_node(problem)
    if potential is None:
        return asymmetry(problem, jacobian(problem.subject, case.scalars()), "Df")
    slope = gradient(problem.subject, potential, case.scalars())
    return difference(problem, problem.subject.value(case.scalars()), slope, "(f(x) - grad V(x))[{}]")


def _rate(problem: Problem, case: Case) -> Scalar:
    """grad I . f, as the derivative of I along f."""
    items, invariant = case.scalars(), scalar_node(problem)
    if invariant is None:
        raise Undefined("a claim without an invariant")
    rates = problem.subject.value(items)
    value = problem.subject.scalar(invariant, [Jet(item, [rate]) for item, rate in zip(items, rates, strict=True)])
    return value.tangents[0] if isinstance(value, Jet) else ZERO


def _invariant(expected: str) -> Attack:
    def measure(problem: Problem, case: Case) -> Measure:
        value = _rate(problem, case)
        return Measure(value, "grad I(x) . f(x)", value, expected)

    return Attack(measure, differs=expected == "0")


# --- inequalities of the Jacobian --------------------------------------------------------------------------------


def along(problem: Problem, case: Case) -> list[Scalar]:
    """Df(x) v"""
    return pushed(problem.subject, case.scalars(), [case.scalars("v")])[0]


def _rate_bound(problem: Problem, case: Case) -> Scalar:
    return argument(problem, case) if problem.claim.property == "contractive" else ZERO


def _contraction(problem: Problem, case: Case) -> Measure:
    bound = _rate_bound(problem, case)
    if norm_name(problem.claim) != "2":
        return _matrix_measure(problem, case, bound)
    if "y" in case.points:
        step = steps(case)
        value = inner(step, gaps(problem, case)) / square(step)
        return Measure(value + bound, "<f(x) - f(y), x - y> / |x - y|^2", value, f"<= {_negative(bound)}")
    direction = case.scalars("v")
    value = inner(direction, along(problem, case)) / square(direction)
    return Measure(value + bound, "<v, Df(x) v> / |v|^2", value, f"<= {_negative(bound)}")


def _negative(bound: Scalar) -> str:
    return shown(-bound)


def _matrix_measure(problem: Problem, case: Case, bound: Scalar) -> Measure:
    """max_i (a_ii + sum over j of |a_ij|) by rows for the inf-norm, by columns for the 1-norm."""
    small(problem)
    rows = jacobian(problem.subject, case.scalars())
    word = "row"
    if norm_name(problem.claim) == "1":
        rows, word = transposed(rows), "column"
    sums = [row[i] + total(abs(a) for j, a in enumerate(row) if j != i) for i, row in enumerate(rows)]
    best = max(range(len(sums)), key=lambda i: approximate(sums[i]))
    name = problem.subject.layout.label(best)
    return Measure(sums[best] + bound, f"the {word} of {name} in the matrix measure of Df(x)", sums[best],
                   f"<= {_negative(bound)}")


def _aim_contraction(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    if norm_name(problem.claim) != "2":
        yield case
        return
    yield from pairs(problem, case)
    if problem.subject.layout.size > LARGEST:
        yield from ritz_cases(problem, case, chance, rates)
    else:
        rows = floats(jacobian(problem.subject, case.scalars()))
        yield from eigen_cases(case, [[(a + rows[j][i]) / 2 for j, a in enumerate(row)] for i, row in enumerate(rows)])


# --- the orthant and symmetries ----------------------------------------------------------------------------------


def _positive(problem: Problem, case: Case) -> Measure:
    """The smallest rate among the entries that are zero, at a state >= 0."""
    items = case.scalars()
    if any(item < 0 for item in items):
        raise Undefined("a state outside the orthant")
    rates = problem.subject.value(items)
    edge = [i for i, item in enumerate(items) if item == 0]
    if not edge:
        raise Undefined("a state inside the orthant")
    lowest = min(edge, key=lambda i: approximate(rates[i]))
    name = problem.subject.layout.label(lowest)
    return Measure(-rates[lowest], f"f(x) at {name} = 0", rates[lowest], ">= 0")


def _aim_positive(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    """The state folded into the orthant, with one entry on its edge."""
    folded = [abs(item) for item in case.points["x"]]
    for place in sorted({0, chance.randrange(len(folded)), len(folded) - 1}):
        edge = list(folded)
        edge[place] = edge[place] * 0
        yield case.at("x", tuple(edge))


def _equivariant(problem: Problem, case: Case) -> Measure:
    items = case.scalars()
    there = acted(problem, case, items)
    within(problem, there)
    value = problem.subject.value
    return difference(problem, value(there), acted(problem, case, value(items)), "(f(g x) - g f(x))[{}]" + described(problem, case))


def aim_action(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    """The case with each generator of the group."""
    del chance
    if action_name(problem) in ("permutation", "translation"):
        yield from (case.at("g", (Fraction(k),)) for k in range(len(moves(problem))))
    else:
        yield case


def flipped(problem: Problem, items: list[Scalar]) -> list[Scalar]:
    """R x: the momenta with the other sign."""
    places, is_whole = momenta(problem.model, problem.subject.layout)
    if not is_whole:
        raise Undefined("blocks without a partner")
    result = list(items)
    for _, p in places:
        result[p] = -result[p]
    return result


def _reversible(problem: Problem, case: Case) -> Measure:
    items = case.scalars()
    within(problem, flipped(problem, items))
    there = problem.subject.value(flipped(problem, items))
    back = [-item for item in flipped(problem, problem.subject.value(items))]
    return difference(problem, there, back, "(f(R x) + R f(x))[{}]")


FIELD_ATTACKS: dict[str, Attack] = {
    "divergence_free": Attack(_trace),
    "hamiltonian": Attack(_hamiltonian),
    "gradient": Attack(_gradient),
    "contractive": Attack(_contraction, _aim_contraction, differs=False),
    "nonexpansive": Attack(_contraction, _aim_contraction, differs=False),
    "preserves": _invariant("0"),
    "dissipates": _invariant("<= 0"),
    "positive": Attack(_positive, _aim_positive, differs=False),
    "equivariant": Attack(_equivariant, aim_action),
    "reversible": Attack(_reversible),
}
