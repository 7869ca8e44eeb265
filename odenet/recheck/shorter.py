"""Certificates without the lemmas that their proofs do not need: each is left out on trial, and the proof is walked again.

What a step of a proof says is a function of the answers to its questions. A question that was answered by a lemma is answered so
while that lemma is there, and one that had no answer has none while lemmas only leave. So a step that does not ask for the lemma on
trial, itself or in its premises, is as good as it was, and only the way down to the places that ask is walked again.
"""
from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from odenet.recheck.case import Case, Goal
from odenet.recheck.scalars import Rejected

Lemma = tuple[Hashable, Any]  # under which assumptions, strict or not; the question it answers
Steps = dict[Hashable, frozenset[Lemma]]  # by a goal and the step that proves it: the lemmas asked for there and below


class Asked(set[Any]):
    """Lemmas; each that is found among them is noted."""

    def __init__(self, items: Any, note: Callable[[Any], None]) -> None:
        super().__init__(items)
        self.note = note

    def __contains__(self, item: object) -> bool:
        is_in = super().__contains__(item)
        if is_in:
            self.note(item)
        return is_in


class Walk:
    """The walk through one proof, again and again with fewer lemmas.

    Args:
        case: holds the lemmas that were accepted.
        begin: gives the goal, asking for lemmas too.
    """

    def __init__(self, case: Case, begin: Callable[[], Goal], proof: Any) -> None:
        self.case, self.begin, self.proof = case, begin, proof
        self.asked: set[Lemma] = set()  # by the step at hand and its premises
        self.steps: Steps = {}
        self._tried: Steps = {}
        self.lemmas: dict[Hashable, Asked] = {}
        for assumptions, signs in case.settings.items():
            signs.known = self._noting(signs.known, (assumptions, False))
            signs.strict = self._noting(signs.strict, (assumptions, True))
        case.walk = self._step

    def _noting(self, items: Any, place: Hashable) -> Asked:
        self.lemmas[place] = Asked(items, lambda item: self.asked.add((place, item)))
        return self.lemmas[place]

    def through(self) -> frozenset[Lemma]:
        """The lemmas that the whole proof asks for. Raises Rejected where those that are there do not suffice."""
        self.asked, self._tried = set(), {}
        self.case.prove(self.begin(), self.proof)
        self.steps |= self._tried
        return frozenset(self.asked)

    def shortest(self, order: list[Lemma]) -> frozenset[Lemma]:
        """Lemmas that suffice, none of which can be spared; tried in this order. Raises Rejected where all do not suffice."""
        needed = self.through()
        for place, question in order:
            if (place, question) not in needed:
                continue
            self.lemmas[place].discard(question)
            try:
                needed = self.through()
            except Rejected:
                self.lemmas[place].add(question)
        return needed

    def _step(self, goal: Goal, data: Any) -> None:
        """Check a step of the proof, or see that it was checked."""
        key = (goal, id(data))
        found = self._tried.get(key, self.steps.get(key))
        if found is None or not all(set.__contains__(self.lemmas[place], item) for place, item in found):
            found = self._checked(goal, data)
        self._tried[key] = found
        self.asked |= found

    def _checked(self, goal: Goal, data: Any) -> frozenset[Lemma]:
        above, self.asked = self.asked, set()
        try:
            self.case.check(goal, data)
            return frozenset(self.asked)
        finally:
            self.asked = above
