"""Order conditions of a composition of flows, in the free associative algebra.

Part i used with coefficient c is exp(c X_i) when its flow is exact; one step of a method of order q is
exp(c X_i + c^(q+1) E_(i,q+1) + c^(q+2) E_(i,q+2) + ...), with only odd degrees when the method is symmetric. The
letters are (part, degree): X_i is (i, 1). When the product of the exponentials agrees with exp(X_1 + X_2 + ...) below
degree d, the difference in degree d is a Lie element, and it is zero if and only if it is so at the Lyndon words.

Source: C. Reutenauer, Free Lie Algebras (1993), Theorems 3.2, 5.1 and 6.1 (Lyndon words generate the shuffle algebra);
E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration (2006), III.4, III.5 and IX.1, IX.4.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import factorial
from typing import Any

from odenet.schemes.arithmetic import Arithmetic, suited
from odenet.schemes.numbers import Exact

Letter = tuple[int, int]
Word = tuple[Letter, ...]

MAX_WORDS = 60_000  # words that are looked at in one degree


class TooManyWords(Exception):
    """The degree is beyond the bounds of the work."""


@dataclass(frozen=True)
class Miss:
    """A word whose coefficient is not what the exact solution has, and coefficient minus expected."""

    word: Word
    expected: Fraction
    residual: Exact


class Words:
    """The product of exponentials of given stages.

    With `is_identity` the product is compared with 1 in place of exp(X_1 + X_2 + ...).
    """

    def __init__(self, stages: Sequence[tuple[int, Exact]], parts: int, is_identity: bool = False) -> None:
        self._arithmetic: Arithmetic = suited([c for _, c in stages])
        self._stages = [(part, self._arithmetic.enter(c)) for part, c in stages]
        self._parts = parts
        self._is_identity = is_identity

    def first_miss(self, degree: int, errors: Sequence[tuple[int, ...]]) -> Miss | None:
        """The first Lyndon word of a degree whose coefficient is wrong (all lower degrees are taken to be right).

        `errors[i]` are the degrees of the error terms of part i's method: () when its flow is exact.

        Raises:
            TooManyWords: the degree has more words than are looked at.
        """
        seen: set[Any] = set()
        for size in range(1, min(self._parts, degree) + 1):
            for chosen in combinations(range(self._parts), size):
                letters = tuple((i, j) for i in chosen for j in (1, *errors[i]) if j <= degree)
                stages = self._restricted(chosen, letters)
                key = (tuple((chosen.index(i), str(c)) for i, c in stages),
                       tuple((chosen.index(i), j) for i, j in letters))
                if key in seen:  # the same composition under other names
                    continue
                seen.add(key)
                miss = self._miss_among(stages, letters, degree, size)
                if miss is not None:
                    return miss
        return None

    def _restricted(self, chosen: tuple[int, ...], letters: tuple[Letter, ...]) -> list[tuple[int, Any]]:
        """The stages of the chosen parts; neighbours of a part whose flow is exact are one."""
        inexact = {part for part, degree in letters if degree > 1}
        kept: list[tuple[int, Any]] = []
        for part, c in self._stages:
            if part not in chosen:
                continue
            if kept and kept[-1][0] == part and part not in inexact:
                kept[-1] = (part, kept[-1][1] + c)
            else:
                kept.append((part, c))
        return kept

    def _miss_among(
        self, stages: list[tuple[int, Any]], letters: tuple[Letter, ...], degree: int, size: int,
    ) -> Miss | None:
        prefixes = _Prefixes(stages, self._arithmetic)
        for word in lyndon_words(letters, degree):
            if len({part for part, _ in word}) < size:
                continue  # a smaller choice of parts has looked at it
            is_pure = all(j == 1 for _, j in word)
            expected = Fraction(1, factorial(degree)) if is_pure and not self._is_identity else Fraction(0)
            residual = prefixes.coefficient(word) - self._arithmetic.enter(Exact(expected))
            if residual:
                return Miss(word, expected, self._arithmetic.leave(residual))
        return None


class _Prefixes:
    """Coefficients of words in the product of the exponentials of the stages.

    For each prefix of the last word its coefficient in the product of the first stages, for every number of stages: a
    word costs only the prefixes that it does not share with the word before.
    """

    def __init__(self, stages: list[tuple[int, Any]], arithmetic: Arithmetic) -> None:
        self._zero, one = arithmetic.enter(Exact(0)), arithmetic.enter(Exact(1))
        self._enter = arithmetic.enter
        names = [str(c) for _, c in stages]
        distinct = list(dict.fromkeys(names))
        self._stages = [(part, distinct.index(name)) for (part, _), name in zip(stages, names, strict=True)]
        self._powers = [[one, stages[names.index(name)][1]] for name in distinct]
        self._weights: dict[tuple[int, int, int], Any] = {}
        self._word: Word = ()
        self._along = [[one] * (len(stages) + 1)]

    def coefficient(self, word: Word) -> Any:
        shared = 0
        while shared < min(len(word), len(self._word)) and word[shared] == self._word[shared]:
            shared += 1
        del self._along[shared + 1:]
        for end in range(shared + 1, len(word) + 1):
            self._along.append(self._extended(word[:end]))
        self._word = word
        return self._along[-1][-1]

    def _extended(self, prefix: Word) -> list[Any]:
        """The sum over the stages that end the prefix, and over the length of the run that such a stage takes."""
        part, total, found = prefix[-1][0], self._zero, [self._zero]
        runs = _runs(prefix)
        for place, (moved, number) in enumerate(self._stages):
            if moved == part:
                for run, weight in runs:
                    before = self._along[len(prefix) - run][place]
                    if before:
                        total = total + before * self._weight(number, weight, run)
            found.append(total)
        return found

    def _weight(self, number: int, weight: int, run: int) -> Any:
        """c^weight / run!"""
        if (number, weight, run) not in self._weights:
            powers = self._powers[number]
            while len(powers) <= weight:
                powers.append(powers[-1] * powers[1])
            self._weights[number, weight, run] = powers[weight] * self._enter(Exact(Fraction(1, factorial(run))))
        return self._weights[number, weight, run]


def _runs(prefix: Word) -> list[tuple[int, int]]:
    """Lengths and degrees of the words of the last letter's part alone that end the prefix."""
    found, weight = [], 0
    for run, (part, degree) in enumerate(reversed(prefix), 1):
        if part != prefix[-1][0]:
            break
        weight += degree
        found.append((run, weight))
    return found


def lyndon_words(letters: tuple[Letter, ...], degree: int) -> Iterator[Word]:
    """Lyndon words over the letters whose degrees add up to `degree`, in lexicographic order."""
    count = 0

    def extend(prefix: list[Letter], period: int, left: int) -> Iterator[Word]:
        # Fredricksen, Kessler, Maiorana: every prefix of a Lyndon word is a prefix of a power of one (`period`).
        nonlocal count
        count += 1
        if count > MAX_WORDS:
            raise TooManyWords
        if left == 0 and period == len(prefix):
            yield tuple(prefix)
        least = prefix[len(prefix) - period] if prefix else letters[0]
        for letter in letters:
            if letter >= least and letter[1] <= left:
                grown = period if prefix and letter == least else len(prefix) + 1
                yield from extend([*prefix, letter], grown, left - letter[1])

    yield from extend([], 1, degree)
