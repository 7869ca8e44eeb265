"""The search for a violation: plain cases first, then drawn ones, then hill climbing from the best of them."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from random import Random
from time import monotonic

from flint import arb, ctx

from odenet.proof.refute.attack import Attack, Measure, Problem
from odenet.proof.refute.building import build
from odenet.proof.refute.cases import Case, Setting, Vector
from odenet.proof.refute.draws import entry
from odenet.proof.refute.edits import drawn_again, edited, moved_inside, places
from odenet.proof.refute.relevant import Scope
from odenet.proof.refute.scalars import Undefined, approximate, is_nonzero, is_positive
from odenet.proof.refute.settings import LARGE, check, draw, entries, sizes
from odenet.proof.refute.subjects import in_region

SEARCHING, DECIDING, LEAST = 64, 160, 16  # bits of the search, of the decision, and that are known of a violation
SETTINGS, CLIMBS, KEPT = 64, 240, 3
MIDDLING = 12  # entries of a state beyond which a third of the trials has to do, as where equations are solved
STATE_STYLES = ("plain", "small", "zero", "wide", "large", "halves")
FAILURES = (Undefined, ZeroDivisionError, OverflowError, RecursionError, ValueError)
SEED = 1729


class OutOfTime(Exception):
    """The clock, the last guard: the search is limited by counts."""


@dataclass
class Search:
    """One search. `best` are the most promising cases so far, the best first."""

    scope: Scope
    attack: Attack
    deadline: float
    chance: Random = field(default_factory=lambda: Random(SEED))
    best: list[tuple[float, Case]] = field(default_factory=list)
    problems: dict[int, tuple[Setting, Problem]] = field(default_factory=dict)
    is_large: bool = False
    share: int = 1

    def run(self) -> Iterator[Case]:
        """Cases that are certainly violations."""
        found = self._found()
        while True:
            try:
                with ctx.workprec(SEARCHING):
                    case = next(found, None)
            except OutOfTime:
                return
            if case is None:
                return
            yield case

    def _found(self) -> Iterator[Case]:
        for case in self._cases():
            found = self.look(case)
            if found is not None:
                yield found
        if not self.attack.differs:
            yield from self._climb()

    # --- one case ---

    def problem(self, setting: Setting) -> Problem:
        """The claim at a setting; the last one is kept, since many cases share it."""
        known = self.problems.get(0)
        if known is None or known[0] is not setting:
            subject = build(self.scope, setting)
            self.problems[0] = known = (setting, Problem(self.scope.model, self.scope.claim, subject, self.scope.is_smooth))
        return known[1]

    def mind_the_clock(self) -> None:
        if monotonic() > self.deadline:
            raise OutOfTime

    def look(self, case: Case) -> Case | None:
        """The case, aimed, if it is certainly a violation; otherwise its margin is remembered."""
        self.mind_the_clock()
        try:
            problem = self.problem(case.setting)
            if not in_region(problem.subject, self.scope.claim.region, case.scalars()):
                return None
            for aimed in self.attack.aim(problem, case, self.chance):
                self.mind_the_clock()
                if self.tries(problem, aimed):
                    return aimed
        except FAILURES:
            pass
        return None

    def tries(self, problem: Problem, case: Case) -> bool:
        try:
            measure = self.attack.measure(problem, case)
        except FAILURES:
            return False
        if violates(self.attack, measure):
            return confirmed(self.scope, self.attack, case)
        margin = approximate(measure.excess)
        if not self.attack.differs and isfinite(margin) and margin != 0:  # equality is a plateau: of the identity, most often
            self.best.append((margin, case))
            self.best.sort(key=lambda pair: -pair[0])
            del self.best[KEPT:]
        return False

    # --- where cases come from ---

    def _cases(self) -> Iterator[Case]:
        choices = sizes(self.scope)
        self.is_large = bool(choices) and entries(self.scope, choices[0]) > LARGE
        self.share = 1 if not choices or (entries(self.scope, choices[0]) <= MIDDLING and self.scope.is_explicit) else 3
        for attempt in range(SETTINGS // (3 if self.is_large else self.share) if choices else 0):
            place = attempt // 12 if attempt % 6 == 4 else attempt // 2  # see `draw`: turning parameters, at each size in turn
            dims = choices[place % len(choices) if not self.is_large or attempt % 4 == 3 else 0]
            try:
                setting = draw(self.scope, dims, self.chance, attempt)
                states = self._states(setting, attempt)
            except FAILURES:
                continue
            yield from (Case(setting, {"x": state}) for state in states)

    def _states(self, setting: Setting, attempt: int) -> list[Vector]:
        problem = self.problem(setting)
        size = problem.subject.layout.size
        styles = [STATE_STYLES[(attempt + k) % len(STATE_STYLES)] for k in range(2 if self.attack.differs or self.is_large else 4)]
        states = [drawn_state(self.chance, size, style) for style in styles]
        return inside(self.scope, problem, states, self.chance) if self.scope.claim.region else states

    def _climb(self) -> Iterator[Case]:
        """Random changes of one entry, kept when the margin grows."""
        for round_ in range(CLIMBS // self.share if self.best else 0):
            _, case = self.best[0 if round_ % 4 else min(round_ // 4 % KEPT, len(self.best) - 1)]
            try:
                changed = self._changed(case, round_)
            except FAILURES:
                continue
            found = self.look(changed)
            if found is not None:
                yield found

    def _changed(self, case: Case, round_: int) -> Case:
        spots = places(self.scope, case, directions=False)
        if round_ % 3 == 1 and self.scope.movable:
            return moved_inside(self.scope, case, self.chance)
        if round_ % 5 == 4 or not spots:
            return drawn_again(self.scope, case, self.chance)
        spot = spots[self.chance.randrange(len(spots))]
        step = Fraction(self.chance.choice((-3, -2, -1, 1, 2, 3)), 2 ** (round_ * 5 // CLIMBS + self.chance.randrange(2)))
        return edited(case, spot, lambda value: value + step)


def drawn_state(chance: Random, size: int, style: str) -> Vector:
    if style == "zero":
        return (Fraction(0),) * size
    return tuple(entry(chance, style) for _ in range(size))


def violates(attack: Attack, measure: Measure) -> bool:
    """Whether the excess certainly is what the claim forbids, and is known well enough to be shown."""
    if isinstance(measure.excess, arb) and measure.excess.rel_accuracy_bits() < LEAST:
        return False
    return is_nonzero(measure.excess) if attack.differs else is_positive(measure.excess)


def measured(scope: Scope, attack: Attack, case: Case, bits: int = DECIDING) -> Measure | None:
    """The measure of a case from its data alone, at a precision; None when it is not a violation for certain."""
    with ctx.workprec(bits):
        try:
            if not check(scope, case.setting):
                return None
            subject = build(scope, case.setting)
            if any(len(point) != subject.layout.size for point in _states_of(case)):
                return None
            if not in_region(subject, scope.claim.region, case.scalars()):
                return None
            measure = attack.measure(Problem(scope.model, scope.claim, subject), case)
        except FAILURES:
            return None
    return measure if violates(attack, measure) else None


def _states_of(case: Case) -> list[Vector]:
    return [point for name, point in case.points.items() if name in ("x", "y", "v")]


def confirmed(scope: Scope, attack: Attack, case: Case) -> bool:
    return measured(scope, attack, case) is not None


# --- regions -----------------------------------------------------------------------------------------------------


def inside(scope: Scope, problem: Problem, states: Sequence[Vector], chance: Random) -> list[Vector]:
    """States in the region: of those given, of more drawn like them, and some near its edge."""
    def holds(state: Vector) -> bool:
        try:
            return in_region(problem.subject, scope.claim.region, Case(Setting({}, {}), {"x": state}).scalars())
        except FAILURES:
            return False

    size = problem.subject.layout.size
    drawn = [*states, *(drawn_state(chance, size, style) for style in STATE_STYLES * 2 for _ in range(2))]
    within = [state for state in drawn if holds(state)][:6]
    outside = [state for state in drawn if not holds(state)][:3]
    edges = [_edge(holds, within[i % len(within)], out) for i, out in enumerate(outside)] if within else []
    return list(dict.fromkeys([*within[:3], *edges, *within[3:]]))


def _edge(holds: Callable[[Vector], bool], within: Vector, outside: Vector) -> Vector:
    """A state of the region near its edge, on the way to a state outside."""
    low, high = Fraction(0), Fraction(1)

    def at(share: Fraction) -> Vector:
        return tuple(a + share * (b - a) for a, b in zip(within, outside, strict=True))

    for _ in range(7):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(at(middle)) else (low, middle)
    return at(low)
