"""The exact arithmetic under the proofs against sampling: intervals, polynomials on the line, definiteness, rewriting."""
from __future__ import annotations

import random
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from odenet.algebra.intervals import Interval, point
from odenet.algebra.polynomials import is_positive_semidefinite, nonnegative_where

ENDS = [None, *map(Fraction, (-3, -1, Fraction(-1, 2), 0, Fraction(1, 3), 1, 2))]
INTERVALS = [Interval(low, high) for low, high in product(ENDS, ENDS) if low is None or high is None or low <= high]


def members(i: Interval) -> list[Fraction]:
    """Ends and places between, far out where an end is infinite."""
    low = i.low if i.low is not None else (i.high if i.high is not None else Fraction(0)) - 1000
    high = i.high if i.high is not None else low + 2000
    return [low + (high - low) * Fraction(k, 8) for k in range(9)] + [low + Fraction(1, 1000) * (high - low)]


def holds(i: Interval, value: Fraction | float) -> bool:
    slack = 1e-9 * (1 + abs(float(value))) if isinstance(value, float) else 0
    return (i.low is None or float(i.low) <= float(value) + slack) and (i.high is None or float(value) <= float(i.high) + slack)


def test_sums_and_products() -> None:
    for a, b in product(INTERVALS, INTERVALS):
        for x, y in product(members(a), members(b)):
            assert holds(a + b, x + y) and holds(a * b, x * y) and holds(-a, -x), (a, b, x, y)


@pytest.mark.parametrize("exponent", [Fraction(k) for k in range(-4, 6)])
def test_whole_powers(exponent: Fraction) -> None:
    for a in INTERVALS:
        for x in members(a):
            if x or exponent >= 0:
                assert holds(a.power(exponent), x ** int(exponent)), (a, x, exponent)


@pytest.mark.parametrize("exponent", [Fraction(1, 2), Fraction(-1, 2), Fraction(3, 2), Fraction(-5, 3), Fraction(1, 3), Fraction(7, 3)])
def test_roots(exponent: Fraction) -> None:
    for a in INTERVALS:
        for x in members(a):
            if x > 0 or (x == 0 and exponent > 0):
                assert holds(a.power(exponent), float(x) ** float(exponent)), (a, x, exponent)


def test_meets() -> None:
    for a, b in product(INTERVALS, INTERVALS):
        for x in members(a):
            if holds(b, x):
                assert holds(a.meet(b), x)
    assert point(2) * point(0) == point(0) * Interval() == point(0)


def _random_polynomial(rng: random.Random) -> list[Fraction]:
    """Low degrees, double roots and common roots are likely."""
    roots = [Fraction(rng.choice([-2, -1, 0, 1, 2, Fraction(1, 2)])) for _ in range(rng.randint(0, 4))]
    found = [Fraction(rng.choice([-2, -1, 1, 3]))]
    for root in roots:
        found = [(found[i - 1] if i else Fraction(0)) - root * (found[i] if i < len(found) else 0) for i in range(len(found) + 1)]
    if rng.random() < 0.3:
        found[0] += Fraction(rng.choice([-1, 1]), rng.choice([1, 4, 100]))
    return found


def _value(p: list[Fraction], x: Fraction) -> Fraction:
    return sum((c * x**i for i, c in enumerate(p)), Fraction(0))


def _trim(p: list[Fraction]) -> list[Fraction]:
    while len(p) > 1 and p[-1] == 0:
        p = p[:-1]
    return p


@pytest.mark.parametrize("seed", range(60))
def test_polynomials_on_the_line(seed: int) -> None:
    rng = random.Random(seed)
    places = [Fraction(k, 8) for k in range(-40, 41)] + [Fraction(1000), Fraction(-1000), Fraction(1, 1000), Fraction(-1, 1000)]
    for _ in range(10):
        p = _trim(_random_polynomial(rng))
        conditions = [_trim(_random_polynomial(rng)) for _ in range(rng.randint(0, 3))]
        if nonnegative_where(p, conditions):
            for x in places:
                if all(_value(q, x) >= 0 for q in conditions):
                    assert _value(p, x) >= 0, (p, conditions, x)


@pytest.mark.parametrize("seed", range(20))
def test_definiteness(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(20):
        size = int(rng.integers(1, 5))
        factor = rng.integers(-2, 3, (int(rng.integers(1, size + 1)), size))
        matrix = factor.T @ factor + np.diag(rng.integers(-1, 2, size)) * int(rng.integers(2))
        exact = [[Fraction(int(x)) for x in row] for row in matrix]
        least = float(np.linalg.eigvalsh(matrix.astype(float)).min())
        if is_positive_semidefinite(exact):
            assert least > -1e-9
        else:
            assert least < 1e-9
