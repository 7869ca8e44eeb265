"""Schemes for two parts, used with other numbers of parts."""
from __future__ import annotations

from fractions import Fraction

import pytest

from odenet.ir.model import Scheme
from odenet.ir.node import number
from odenet.schemes.lifting import compose, expand, factor
from odenet.schemes.numbers import Exact, exact

from .prelude import ORDERS, stages


def spelled(name: str, parts: int) -> str:
    return " ".join(f"{'ABCD'[part]}({c})" for part, c in stages(name, parts))


def test_three_parts() -> None:
    assert spelled("lie", 3) == "A(1) B(1) C(1)"
    assert spelled("strang", 3) == "A(1/2) B(1/2) C(1) B(1/2) A(1/2)"
    assert spelled("ruth3", 3) == ("A(7/24) B(7/24) C(2/3) B(3/8) A(3/4) B(3/8) C(-2/3) B(-25/24) A(-1/24) B(1) C(1)")


def test_one_part() -> None:
    assert spelled("lie", 1) == spelled("strang", 1) == spelled("ruth3", 1) == "A(1)"
    assert [float(c) for _, c in stages("yoshida4", 1)] == pytest.approx([1.3512071919596578, -1.7024143839193153,
                                                                          1.3512071919596578])
    assert len(stages("suzuki4", 1)) == 5 and len(stages("triple_jump6", 1)) == 9


@pytest.mark.parametrize("name", ORDERS)
def test_two_parts_come_back(name: str) -> None:
    factors = factor(stages(name))
    assert factors is not None and compose(factors, 2) == stages(name)


def given(parts: str, text: str) -> Scheme:
    words = text.split()
    return Scheme("given", tuple(parts), tuple((parts.index(w[0]), number(Fraction(w[2:-1]))) for w in words), None)


def test_what_cannot_be_lifted() -> None:
    short = given("AB", "A(1/2) B(1) A(2/5)")
    assert expand(short, 2) == short.stages and expand(short, 3) is None and expand(short, 1) is None
    three = given("ABC", "A(1) B(1) C(1)")
    assert expand(three, 3) == three.stages and expand(three, 2) is None and expand(three, 1) is None
    assert expand(given("A", "A(1/2) A(1/2)"), 2) is None


def test_seams_are_kept() -> None:
    twice = given("AB", "A(1/4) B(1/2) A(1/4) A(1/4) B(1/2) A(1/4)")
    lifted = expand(twice, 3)
    assert lifted is not None and len(lifted) == 10
    assert [exact(c) for _, c in expand(twice, 1) or ()] == [Exact(Fraction(1, 2))] * 2
    lie_twice = given("AB", "A(1/2) B(1/2) A(1/2) B(1/2)")
    assert [part for part, _ in expand(lie_twice, 3) or ()] == [0, 1, 2, 0, 1, 2]
    assert len(expand(lie_twice, 1) or ()) == 2
    inside = given("AB", "A(1/2) B(1/4) B(3/4) A(1/2)")
    assert [exact(c) for _, c in expand(inside, 3) or ()] == [
        Exact(Fraction(f)) for f in ("1/2", "1/2", "1", "1/2", "1/2")]


def test_backwards_first() -> None:
    assert [part for part, _ in expand(given("AB", "B(1) A(1)"), 3) or ()] == [2, 1, 0]


def test_blanes_moan_agrees_with_its_published_decimals() -> None:
    a = [c for part, c in stages("blanes_moan") if part == 0]
    b = [c for part, c in stages("blanes_moan") if part == 1]
    published = ("0.0792036964311957", "0.353172906049774", "-0.0420650803577195")
    assert [str(float(x)) for x in a[:3]] == list(published)
    assert abs(b[0] - Fraction("0.209515106613362")) < Fraction(1, 10**15)
    assert abs(b[1] - Fraction("-0.143851773179818")) < Fraction(1, 10**15)
