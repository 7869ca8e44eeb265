"""Exact numbers: field axioms, an exact zero test, agreement with floats."""
from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odenet.ir.node import add, dim, function, mul, number, power
from odenet.schemes.numbers import Exact, ExactError, as_node, exact

RATIONALS = st.fractions(min_value=-20, max_value=20, max_denominator=12)
RADICALS = st.sampled_from([Exact(2).root(3), Exact(3).root(2), Exact(5).root(2), Exact(Fraction(4, 9)).root(4),
                            (1 + Exact(2).root(2)).root(2), (3 + 2 * Exact(2).root(2)).root(2)])


@st.composite
def numbers(draw: st.DrawFn) -> Exact:
    total = Exact(draw(RATIONALS))
    for _ in range(draw(st.integers(0, 2))):
        total = total + draw(RADICALS) * draw(RATIONALS)
    return total


@settings(max_examples=60, deadline=None)
@given(numbers(), numbers(), numbers())
def test_field_axioms(a: Exact, b: Exact, c: Exact) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a * b == b * a
    assert a * (b + c) == a * b + a * c
    assert (a - a).is_zero()
    assert not (a + b) - (b + a)


@settings(max_examples=40, deadline=None)
@given(numbers(), numbers())
def test_division_and_order(a: Exact, b: Exact) -> None:
    if b:
        assert (a / b) * b == a
        assert b / b == 1
    assert (a < b) + (a == b) + (a > b) == 1
    assert (a + 1).sign() >= a.sign()
    assert abs(a) >= 0


@settings(max_examples=60, deadline=None)
@given(numbers())
def test_hash_and_float(a: Exact) -> None:
    other = (a * 3 + 5 - 5) / 3
    assert other == a and hash(other) == hash(a)
    assert math.isclose(float(a), float(other), rel_tol=1e-15, abs_tol=1e-300)
    assert a.floor() <= a < a.floor() + 1
    assert exact(as_node(a)) == a


@given(RATIONALS)
def test_rationals_are_fractions(value: Fraction) -> None:
    assert Exact(value) == value and hash(Exact(value)) == hash(value) and Exact(value).as_fraction() == value


def test_different_spellings_of_one_number() -> None:
    nested = (3 + 2 * Exact(2).root(2)).root(2)
    assert nested == 1 + Exact(2).root(2) and hash(nested) == hash(1 + Exact(2).root(2))
    assert (nested - Exact(2).root(2)).as_fraction() == 1
    assert 1 / (nested - Exact(2).root(2)) == 1
    assert Exact(8).root(3) == 2 and Exact(4).root(4) == Exact(2).root(2)
    assert Exact(6).root(2) == Exact(2).root(2) * Exact(3).root(2)
    cube = (2 + Exact(5).root(2)).root(3) - (Exact(5).root(2) - 2).root(3)  # Cardano: it is 1
    assert cube == 1 and cube.as_fraction() == 1


def test_near_misses_are_told_apart() -> None:
    root = Exact(2).root(2)
    near = Fraction(math.isqrt(2 * 10**120), 10**60)
    assert root != near and root > near and (root - near).sign() == 1
    assert Exact(10**60 + 7).root(2) ** 2 == 10**60 + 7


def test_yoshida() -> None:
    w = 1 / (2 - Exact(2) ** Fraction(1, 3))
    assert not 2 * w**3 + (1 - 2 * w) ** 3
    assert float(w) == 1.3512071919596575 and str(w) == "2/3 + 1/3*2^(1/3) + 1/6*2^(2/3)"


def test_what_is_refused() -> None:
    for bad in (lambda: Exact(-2).root(3), lambda: 1 / Exact(0), lambda: (1 - Exact(2).root(2)).root(2),
                lambda: Exact(2) ** 100_000, lambda: exact(dim("n")), lambda: exact(function("exp", number(1)))):
        with pytest.raises(ExactError):
            bad()


def test_work_is_bounded() -> None:
    total = sum((Exact(p).root(7) for p in (2, 3, 5, 7, 11)), Exact(1))
    with pytest.raises(ExactError):
        total.inverse()
    with pytest.raises(ExactError):
        Exact(Fraction(10**300 + 1, 10**300)) ** 1000


def test_from_nodes() -> None:
    half = power(number(2), Fraction(-1))
    assert exact(mul(half, add(number(3), function("sqrt", number(5))))) == (3 + Exact(5).root(2)) / 2
    assert exact(power(number(2), Fraction(1, 3))) == Exact(2).root(3)
