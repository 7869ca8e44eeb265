"""Balls hold what they must: values, derivatives, and values of every point of a wide ball."""
from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from flint import arb, fmpq

from odenet.operators.functions import FUNCTIONS
from odenet.proof.refute.elementary import apply
from odenet.proof.refute.scalars import (
    ONE,
    Jet,
    Undefined,
    absolute,
    approximate,
    core,
    exact,
    is_nonzero,
    is_positive,
    largest,
    power,
    smallest,
    tame,
)

PARAMETERS = {"sinc_slope": (Fraction(2),)}


def parameters(row):
    return PARAMETERS.get(row.name, tuple(Fraction(1, 3) if d is None else d for d in row.defaults))


def points(row, count, seed=1):
    chance = Random(seed)
    for _ in range(count):
        value = Fraction(chance.randint(-300, 300), 97)
        yield abs(value) + Fraction(1, 7) if row.domain in ("positive", "nonnegative") else value


@pytest.mark.parametrize("row", FUNCTIONS.values(), ids=lambda row: row.name)
def test_values_are_those_of_the_table(row):
    for point in points(row, 25):
        value = apply(row.name, parameters(row), exact(point))
        assert approximate(value) == pytest.approx(float(row.numpy(float(point), *map(float, parameters(row)))), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("row", FUNCTIONS.values(), ids=lambda row: row.name)
def test_a_ball_holds_the_values_of_its_points(row):
    chance = Random(7)
    for point in points(row, 25, seed=2):
        radius = Fraction(chance.randint(1, 40), 64)
        inside = point + radius * Fraction(chance.randint(-63, 63), 64)
        try:
            wide = apply(row.name, parameters(row), arb(exact(point)) + arb(0, float(radius)))
            narrow = apply(row.name, parameters(row), exact(inside))
        except Undefined:
            continue
        assert arb(wide).overlaps(arb(narrow)), (row.name, point, radius, inside)


@pytest.mark.parametrize("row", FUNCTIONS.values(), ids=lambda row: row.name)
def test_tangents_are_derivatives(row):
    for point in points(row, 12, seed=3):
        jet = apply(row.name, parameters(row), Jet(exact(point), [exact(3)]))
        step = Fraction(1, 2**30)
        ends = [apply(row.name, parameters(row), arb(exact(point + s * step))) for s in (1, -1)]
        slope = approximate((arb(ends[0]) - arb(ends[1])) / (2 * exact(step)))
        tangent = jet.tangents[0] if isinstance(jet, Jet) else 0
        assert approximate(exact(0) + tangent) == pytest.approx(3 * slope, rel=1e-4, abs=1e-4)
        assert arb(core(jet)).overlaps(arb(apply(row.name, parameters(row), exact(point))))


@pytest.mark.parametrize("row", [r for r in FUNCTIONS.values() if r.smoothness in (0, -1)], ids=lambda row: row.name)
def test_no_derivative_is_taken_at_a_kink(row):
    for value in (exact(0), arb(0, 1e-9), arb(0)):
        with pytest.raises(Undefined):
            apply(row.name, parameters(row), Jet(value, [ONE]))


@pytest.mark.parametrize("name, value", [("log", 0), ("log", -1), ("sqrt", -1)])
def test_outside_of_the_domain_there_is_no_value(name, value):
    with pytest.raises(Undefined):
        apply(name, (), exact(value))


def test_jumps_give_the_hull_of_both_sides():
    assert not is_nonzero(apply("threshold", (), exact(0)))
    assert not is_nonzero(apply("sign", (), exact(0)))
    assert arb(apply("leaky_relu_slope", (Fraction(1, 4),), exact(0))).contains(arb(1))


def test_rationals_stay_rational():
    for name, value, expected in [("relu", -2, 0), ("relu", 2, 2), ("abs", -3, 3), ("tanh", 0, 0), ("square", 5, 25)]:
        assert apply(name, (), exact(value)) == expected
    assert apply("leaky_relu", (Fraction(1, 2),), exact(-3)) == fmpq(-3, 2)
    assert power(exact(Fraction(4, 9)), Fraction(-3, 2)) == fmpq(27, 8)


def test_powers_of_balls_around_zero():
    value = power(arb(0, 0.5), Fraction(2))
    assert value.is_finite() and arb(value).contains(arb(0.25)) and not is_positive(value)
    with pytest.raises(Undefined):
        power(arb(0, 0.5), Fraction(-1))
    with pytest.raises(Undefined):
        power(arb(0, 0.5), Fraction(1, 2))


def test_balls_that_are_not_finite_decide_nothing():
    nothing = arb("nan")
    assert not is_nonzero(nothing) and not is_positive(nothing)
    assert not is_nonzero(arb(1) / arb(0, 1)) and not is_positive(arb(0, 1))


def test_extremes():
    assert largest([exact(1), exact(3), exact(2)]) == 3 and smallest([exact(1), exact(-3)]) == -3
    assert arb(largest([arb(0, 1), arb(0.5, 0.1)])).contains(arb(1))
    with pytest.raises(Undefined):
        largest([Jet(exact(1), [ONE]), exact(1)])
    assert absolute(Jet(exact(-2), [ONE])).tangents == [-1]


def test_long_rationals_go_on_as_balls():
    long = fmpq(1, 3) ** 2000
    assert isinstance(tame(long), arb) and isinstance(tame(fmpq(1, 3)), fmpq)
    assert tame(Jet(long, [ONE])).value.contains(long)
