"""What an attack on one property is: points to look at, and the quantity that decides there."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from random import Random

from flint import arb, arb_mat, fmpq, fmpq_mat

from odenet.ir.model import Claim, Model
from odenet.ir.node import Node, is_number
from odenet.proof.refute.cases import Case
from odenet.proof.refute.scalars import ZERO, Scalar, Undefined, approximate, ball, inner
from odenet.proof.refute.spectra import leading_vector, rounded
from odenet.proof.refute.subjects import Subject, in_region

Matrix = list[list[Scalar]]
LARGEST = 36  # states with more entries are attacked along directions where those do, else
WHOLE = 100  # by the whole Jacobian of a field up to here


@dataclass(frozen=True)
class Problem:
    """A claim at one setting. `is_smooth`: nothing in it has a kink, so derivatives say all."""

    model: Model
    claim: Claim
    subject: Subject
    is_smooth: bool = True


@dataclass(frozen=True)
class Measure:
    """The quantity that decides. The claim is violated where `excess` is certainly not zero (or certainly > 0, as the attack says).

    `quantity`, `value` and `expected` are what a person reads: the value of the quantity and what the claim asks of it.
    """

    excess: Scalar
    quantity: str
    value: Scalar
    expected: str


def _as_it_is(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    del problem, chance
    yield case


@dataclass(frozen=True)
class Attack:
    """How one property is attacked.

    `aim` adds the second point or the direction to a case; `measure` evaluates it. `differs`: a violation is an excess that is
    not zero; otherwise one that is > 0. `continuous`: only maps without jumps may be attacked.
    """

    measure: Callable[[Problem, Case], Measure]
    aim: Callable[[Problem, Case, Random], Iterable[Case]] = _as_it_is
    differs: bool = True
    continuous: bool = False


# --- what several attacks use ------------------------------------------------------------------------------------


def small(problem: Problem) -> None:
    """Refuses states that are too large for a Jacobian."""
    if problem.subject.layout.size > (WHOLE if problem.claim.kind == "field" else LARGEST):
        raise Undefined("a state too large for a Jacobian")


def within(problem: Problem, items: Sequence[Scalar]) -> None:
    """Refuses a second state that the claim does not speak of."""
    if not in_region(problem.subject, problem.claim.region, items):
        raise Undefined("a state outside of the region")


def shown(value: Scalar) -> str:
    """A number for people: a short rational as it is, anything else as a decimal and a bound of its error."""
    if isinstance(value, fmpq):
        if len(str(value)) <= 40:
            return str(value)
        value = arb(value)
    text = str(value.str(12)).strip("[]").replace("+/-", "±")
    huge = re.match(r"(-?)\d[\d.]*e\+(\d{7,})", text)
    if huge:
        return f"{'below -' if huge[1] else 'above '}10^1000000"
    return f"0 {text}" if text.startswith("±") else text


def pairs(problem: Problem, case: Case) -> Iterable[Case]:
    """Two states close to each other on both sides of zero, where kinks and jumps are; on a region the pointwise form is meant."""
    is_apt = not problem.is_smooth and not problem.claim.region and problem.subject.layout.size <= LARGEST
    if is_apt and any(case.points["x"]):
        for size in (1, 64):
            near = tuple(entry / size for entry in case.points["x"])
            yield case.at("x", near).at("y", tuple(-entry for entry in near))


def steps(case: Case) -> list[Scalar]:
    """x - y"""
    return [a - b for a, b in zip(case.scalars("x"), case.scalars("y"), strict=True)]


def gaps(problem: Problem, case: Case) -> list[Scalar]:
    """f(x) - f(y)"""
    value = problem.subject.value
    return [a - b for a, b in zip(value(case.scalars("x")), value(case.scalars("y")), strict=True)]


def worst(entries: Iterable[tuple[Scalar, str]]) -> tuple[Scalar, str]:
    """The entry farthest from zero, with its label. Raises Undefined when there is none."""
    ranked = sorted(entries, key=lambda pair: -abs(approximate(pair[0])))
    if not ranked:
        raise Undefined("nothing to compare")
    return ranked[0]


def asymmetry(problem: Problem, matrix: Matrix, name: str) -> Measure:
    """The largest entry of M - M'."""
    label = problem.subject.layout.label
    pairs = [(matrix[i][j] - matrix[j][i], f"{name}[{label(i)}, {label(j)}] - {name}[{label(j)}, {label(i)}]")
             for i in range(len(matrix)) for j in range(i)]
    value, quantity = worst(pairs)
    return Measure(value, quantity, value, "0")


def difference(problem: Problem, left: Sequence[Scalar], right: Sequence[Scalar], quantity: str) -> Measure:
    """The largest entry of the difference of two states; `quantity` has a place for the label of the entry."""
    label = problem.subject.image.label
    value, name = worst([(a - b, label(i)) for i, (a, b) in enumerate(zip(left, right, strict=True))])
    return Measure(value, quantity.format(name), value, "0")


def determinant(matrix: Matrix) -> Scalar:
    if all(isinstance(entry, fmpq) for row in matrix for entry in row):
        return fmpq_mat(matrix).det()
    return arb_mat([[ball(entry) for entry in row] for row in matrix]).det()


def times(matrix: Matrix, vector: Sequence[Scalar]) -> list[Scalar]:
    return [inner(row, vector) for row in matrix]


def square(vector: Sequence[Scalar]) -> Scalar:
    return sum((item * item for item in vector), ZERO)


def transposed(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def argument(problem: Problem, case: Case, place: int = 0) -> Scalar:
    """An argument of the claim that is a number."""
    node = problem.claim.arguments[place]
    if not isinstance(node, Node):
        raise Undefined("an argument that is no number")
    return problem.subject.scalar(node, case.scalars())


def scalar_node(problem: Problem) -> Node | None:
    """The invariant, Hamiltonian or potential of the claim, if it has one."""
    node = problem.claim.arguments[0] if problem.claim.arguments else None
    return node if isinstance(node, Node) else None


def norm_name(claim: Claim) -> str:
    """"1", "2" or "inf"."""
    for name, value in claim.keywords:
        if name == "norm":
            return str(value.data[0]) if isinstance(value, Node) and is_number(value) else str(value)
    return "2"


# --- numeric directions ------------------------------------------------------------------------------------------


def floats(matrix: Matrix) -> list[list[float]]:
    """A matrix of floats near the given one. Raises Undefined where an entry is not known at all."""
    result = [[approximate(entry) for entry in row] for row in matrix]
    if not all(isfinite(value) for row in result for value in row):
        raise Undefined("a matrix that is not finite")
    return result


def eigen_cases(case: Case, symmetric: list[list[float]]) -> Iterable[Case]:
    """The case with the leading eigenvector as its direction `v`, first very short, then finer."""
    vector = leading_vector(symmetric)
    for parts in (4, 64, 4096):
        direction = rounded(vector, parts)
        if direction is not None and any(direction):
            yield case.at("v", direction)
