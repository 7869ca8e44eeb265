"""Attacks on flows: on all steps at once, on every step, or on one, as the property says."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

from odenet.ir.node import Node
from odenet.proof.refute.actions import acted, described
from odenet.proof.refute.attack import (
    LARGEST,
    Attack,
    Matrix,
    Measure,
    Problem,
    argument,
    determinant,
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
    worst,
)
from odenet.proof.refute.cases import Case
from odenet.proof.refute.draws import entry
from odenet.proof.refute.networks import not_onto
from odenet.proof.refute.pointwise import aim_action, along, flipped
from odenet.proof.refute.scalars import ONE, ZERO, Scalar, Undefined, approximate, exact, is_nonzero, is_positive, is_zero, total
from odenet.proof.refute.subjects import FlowSubject, jacobian, momenta
from odenet.proof.refute.subspaces import ritz_cases, squares


def _derivative(problem: Problem, case: Case) -> Matrix:
    small(problem)
    return jacobian(problem.subject, case.scalars())


def _volume(problem: Problem, case: Case) -> Measure:
    value = determinant(_derivative(problem, case))
    return Measure(value * value - ONE, "det DΦ(x)", value, "1 or -1")


def _symplectic(problem: Problem, case: Case) -> Measure:
    """The largest entry of DΦ' J DΦ - J."""
    places, is_whole = momenta(problem.model, problem.subject.layout)
    if not is_whole:
        raise Undefined("blocks without a partner")
    columns, label = transposed(_derivative(problem, case)), problem.subject.layout.label
    own = {pair: ONE for pair in places}
    entries = []
    for i, a in enumerate(columns):
        for j, b in enumerate(columns[:i]):
            form = total(a[q] * b[p] - a[p] * b[q] for q, p in places)
            entries.append((form - own.get((i, j), ZERO) + own.get((j, i), ZERO), f"[{label(i)}, {label(j)}]"))
    value, name = worst(entries)
    return Measure(value, f"(DΦ(x)' J DΦ(x) - J){name}", value, "0")


# --- Lipschitz constants -----------------------------------------------------------------------------------------


def _bound(problem: Problem, case: Case) -> Scalar:
    return argument(problem, case) if problem.claim.property == "lipschitz" else ONE


def _stretch(problem: Problem, case: Case) -> Measure:
    """|DΦ v|^2 - L^2 |v|^2, or the largest sum of a row or column."""
    bound, name = _bound(problem, case), "DΦ(x)" if problem.claim.kind != "field" else "Df(x)"
    if "y" in case.points:
        value = square(gaps(problem, case)) / square(steps(case))
        return Measure(value - bound * abs(bound), f"|{name[1]}(x) - {name[1]}(y)|^2 / |x - y|^2", value,
                       f"<= {shown(bound * abs(bound))}")
    if norm_name(problem.claim) == "2":
        direction = case.scalars("v")
        value = square(along(problem, case)) / square(direction)
        return Measure(value - bound * abs(bound), f"|{name} v|^2 / |v|^2", value, f"<= {shown(bound * abs(bound))}")
    rows, word = _derivative(problem, case), "row"
    if norm_name(problem.claim) == "1":
        rows, word = transposed(rows), "column"
    sums = [total(abs(a) for a in row) for row in rows]
    best = max(range(len(sums)), key=lambda i: approximate(sums[i]))
    return Measure(sums[best] - bound, f"the sum of |entries| of a {word} of {name}", sums[best], f"<= {shown(bound)}")


def _aim_stretch(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    if norm_name(problem.claim) != "2":
        yield case
        return
    yield from pairs(problem, case)
    if problem.subject.layout.size > LARGEST:
        yield from ritz_cases(problem, case, chance, squares)
    else:
        yield from eigen_cases(case, _gram(floats(jacobian(problem.subject, case.scalars()))))


def _gram(rows: list[list[float]]) -> list[list[float]]:
    columns = list(zip(*rows, strict=True))
    return [[sum(x * y for x, y in zip(a, b, strict=True)) for b in columns] for a in columns]


def _averaged(problem: Problem, case: Case) -> Measure:
    """|(DΦ - (1 - a) I) v|^2 - a^2 |v|^2"""
    share, direction = argument(problem, case), case.scalars("v")
    if not is_positive(share):
        raise Undefined("a share that is not positive")
    rest = [image - (ONE - share) * item for image, item in zip(along(problem, case), direction, strict=True)]
    value = square(rest) / (share * share * square(direction))
    return Measure(value - ONE, "|DN(x) v|^2 / |v|^2 for N = (Φ - (1 - a) I)/a", value, "<= 1")


def _aim_averaged(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    share = approximate(argument(problem, case))
    if problem.subject.layout.size > LARGEST:
        yield from ritz_cases(problem, case, chance, lambda units, images: squares(units, [
            [a - (1 - share) * b for a, b in zip(image, unit, strict=True)] for unit, image in zip(units, images, strict=True)]))
        return
    rows = floats(jacobian(problem.subject, case.scalars()))
    yield from eigen_cases(case, _gram([[a - (1 - share) * (i == j) for j, a in enumerate(row)] for i, row in enumerate(rows)]))


# --- invariants, orthant, symmetries -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Step:
    """A state before and after a step, their names, and a remark on what a step is here."""

    before: list[Scalar]
    after: list[Scalar]
    old: str = "x"
    new: str = "Φ(x)"
    remark: str = ""


def _steps_of(problem: Problem, case: Case) -> Iterator[_Step]:
    """What `preserves`, `dissipates` and `positive` of a flow speak of: every step. A net has one, from its input to its output."""
    items, subject = case.scalars(), problem.subject
    if not isinstance(subject, FlowSubject):
        yield _Step(items, subject.value(items))
        return
    states = subject.trajectory(items)
    before = next(states)
    for index, after in enumerate(states):
        remark = "" if subject.runner.steps == 1 else ", one step," if index == 0 else ", on the trajectory,"
        old, new = ("x", "Φ(x)") if index == 0 else (f"x_{index}", f"x_{index + 1}")
        yield _Step(before, after, old, new, remark)
        before = after


def _first(measures: Iterable[Measure], is_broken: Callable[[Scalar], bool]) -> Measure:
    """The first step that breaks the claim, or else the one that comes nearest to it."""
    best: Measure | None = None
    for measure in measures:
        if is_broken(measure.excess):
            return measure
        if best is None or approximate(measure.excess) > approximate(best.excess):
            best = measure
    if best is None:
        raise Undefined("a flow without steps")
    return best


def _invariant(expected: str) -> Attack:
    def measure(problem: Problem, case: Case) -> Measure:
        invariant = scalar_node(problem)
        if invariant is None:
            raise Undefined("a claim without an invariant")
        return _first(changes(problem, case, invariant), is_nonzero if expected == "0" else is_positive)

    def changes(problem: Problem, case: Case, invariant: Node) -> Iterator[Measure]:
        scalar = problem.subject.scalar
        for step in _steps_of(problem, case):
            value = scalar(invariant, step.after) - scalar(invariant, step.before)
            yield Measure(value, f"I({step.new}) - I({step.old}){step.remark}", value, expected)

    return Attack(measure, differs=expected == "0")


def _positive(problem: Problem, case: Case) -> Measure:
    if any(item < 0 for item in case.scalars()):
        raise Undefined("a state outside the orthant")
    return _first((_lowest(problem, step) for step in _steps_of(problem, case)), is_positive)


def _lowest(problem: Problem, step: _Step) -> Measure:
    """The lowest entry of an image."""
    lowest = min(range(len(step.after)), key=lambda i: approximate(step.after[i]))
    quantity = f"{step.new} at {problem.subject.image.label(lowest)}{step.remark}"
    return Measure(-step.after[lowest], quantity, step.after[lowest], ">= 0")


def _aim_positive(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    del problem
    folded = tuple(abs(item) for item in case.points["x"])
    yield case.at("x", folded)
    yield case.at("x", tuple(item if chance.random() < 0.5 else item * 0 for item in folded))


def _equivariant(problem: Problem, case: Case) -> Measure:
    items, value = case.scalars(), problem.subject.value
    there = acted(problem, case, items)
    within(problem, there)
    return difference(problem, value(there), acted(problem, case, value(items)), "(Φ(g x) - g Φ(x))[{}]" + described(problem, case))


def _one_step(problem: Problem) -> FlowSubject:
    if not isinstance(problem.subject, FlowSubject):
        raise Undefined("a step of something that is no flow")
    return problem.subject


def _reversible(problem: Problem, case: Case) -> Measure:
    """Φ(R Φ(x)) - R x, for one step Φ."""
    subject, items = _one_step(problem), case.scalars()
    start, length = subject.runner.start, subject.runner.length
    there = flipped(problem, subject.step(items, start, length))
    within(problem, there)
    back = subject.step(there, start, length)
    return difference(problem, back, flipped(problem, items), "(Φ(R Φ(x)) - R x)[{}], one step,")


def _symmetric(problem: Problem, case: Case) -> Measure:
    """Φ_-h(Φ_h(x)) - x, for one step; the step back starts at the time where the step ended."""
    subject, items = _one_step(problem), case.scalars()
    start, length = subject.runner.start, subject.runner.length
    there = subject.step(items, start, length)
    within(problem, there)
    back = subject.step(there, start + length, -length)
    return difference(problem, back, items, "(Φ_-h(Φ_h(x)) - x)[{}], one step,")


# --- bijections --------------------------------------------------------------------------------------------------


def _folded(problem: Problem, case: Case) -> Measure:
    """Two states where the determinants of DΦ have opposite signs, or with one image.

    Source: a continuous bijection of R^n is a homeomorphism (Brouwer, invariance of domain), so its degree is the same, 1 or -1, in
    every point, and it is the sign of det DΦ wherever that is not zero.
    """
    if problem.claim.region:
        raise Undefined("a bijection of a region")
    x, y = case.scalars("x"), case.scalars("y")
    if "g" in case.points:
        same = all(is_zero(a - b) for a, b in zip(problem.subject.value(x), problem.subject.value(y), strict=True))
        apart = square([a - b for a, b in zip(x, y, strict=True)])
        return Measure(apart if same else ZERO, "|x - y|^2 with Φ(x) = Φ(y)", apart, "0")
    here = determinant(jacobian(problem.subject, x))
    there = determinant(jacobian(problem.subject, y))
    return Measure(-here * there, "det DΦ(x) det DΦ(y)", here * there, ">= 0")


def _aim_folded(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    small(problem)
    size = problem.subject.layout.size
    for style in ("small", "wide", "large"):
        yield case.at("y", tuple(entry(chance, style) for _ in range(size)))
    yield from _collapsed(problem, case)


def _collapsed(problem: Problem, case: Case) -> Iterable[Case]:
    """A second state along a direction that DΦ kills, for maps that are affine there."""
    rows = floats(jacobian(problem.subject, case.scalars()))
    gram = _gram(rows)
    for found in eigen_cases(case, [[-a for a in row] for row in gram]):
        direction = found.points["v"]
        kept = sum(sum(a * float(b) for a, b in zip(row, direction, strict=True)) ** 2 for row in rows)
        if kept < 1e-9:
            x = case.points["x"]
            for share in (1, 8):
                y = tuple(a + b / share for a, b in zip(x, direction, strict=True))
                yield case.at("y", y).at("g", (direction[0] * 0,))
        break


FLOW_ATTACKS: dict[str, Attack] = {
    "volume_preserving": Attack(_volume),
    "symplectic": Attack(_symplectic),
    "lipschitz": Attack(_stretch, _aim_stretch, differs=False),
    "nonexpansive": Attack(_stretch, _aim_stretch, differs=False),
    "averaged": Attack(_averaged, _aim_averaged, differs=False),
    "preserves": _invariant("0"),
    "dissipates": _invariant("<= 0"),
    "positive": Attack(_positive, _aim_positive, differs=False),
    "equivariant": Attack(_equivariant, aim_action),
    "reversible": Attack(_reversible),
    "symmetric": Attack(_symmetric),
    "invertible": Attack(_folded, _aim_folded, differs=False, continuous=True),
}


def _of_another_size(problem: Problem, case: Case) -> Measure | None:
    """A net whose output has not as many entries as its input."""
    before, after = problem.subject.layout.size, len(problem.subject.value(case.scalars()))
    gap = exact(after - before)
    return None if before == after else Measure(gap * gap, "the number of entries of the output less that of the input", gap, "0")


def _net_volume(problem: Problem, case: Case) -> Measure:
    return _of_another_size(problem, case) or _volume(problem, case)


def _net_folded(problem: Problem, case: Case) -> Measure:
    """Sizes that differ, a stage that leaves only a bounded set (or a half space, at the end), or what folds any map."""
    place = not_onto(problem.model.net(problem.claim.subject))
    if place is not None:
        return Measure(ONE, f"the number of bounds that stage {place} sets to what the net can reach", ONE, "0")
    return _of_another_size(problem, case) or _folded(problem, case)


def _aim_net(problem: Problem, case: Case, chance: Random) -> Iterable[Case]:
    net = problem.model.net(problem.claim.subject)
    if not_onto(net) is not None or _of_another_size(problem, case):
        yield case
    else:
        yield from _aim_folded(problem, case, chance)


NET_ATTACKS: dict[str, Attack] = {
    **{name: FLOW_ATTACKS[name] for name in ("lipschitz", "nonexpansive", "averaged", "preserves", "dissipates", "positive",
                                              "equivariant")},
    "volume_preserving": Attack(_net_volume),
    "invertible": Attack(_net_folded, _aim_net, differs=False, continuous=True),
}
FIELD_STRETCH = Attack(_stretch, _aim_stretch, differs=False)
