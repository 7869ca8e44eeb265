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
        for word in lyndon_words(letters, degree):
            if len({part for part, _ in word}) < size:
                continue  # a smaller choice of parts has looked at it
            is_pure = all(j == 1 for _, j in word)
            expected = Fraction(1, factorial(degree)) if is_pure and not self._is_identity else Fraction(0)
            residual = self._coefficient(word, stages) - self._arithmetic.enter(Exact(expected))
            if residual:
                return Miss(word, expected, self._arithmetic.leave(residual))
        return None

    def _coefficient(self, word: Word, stages: list[tuple[int, Any]]) -> Any:
        """Of the word in the product: the sum over all ways to cut it into runs, one for each stage, in order."""
        zero, one = self._arithmetic.enter(Exact(0)), self._arithmetic.enter(Exact(1))
        shares = [self._arithmetic.enter(Exact(Fraction(1, factorial(r)))) for r in range(len(word) + 1)]
        found = [one] + [zero] * len(word)
        for part, c in stages:
            powers = [one]
            for _ in range(sum(j for _, j in word)):
                powers.append(powers[-1] * c)
            for end in range(len(word), 0, -1):
                start, weight = end, 0
                while start > 0 and word[start - 1][0] == part:
                    start -= 1
                    weight += word[start][1]
                    if found[start]:
                        found[end] = found[end] + found[start] * powers[weight] * shares[end - start]
        return found[-1]


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
