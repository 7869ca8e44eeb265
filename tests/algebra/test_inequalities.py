"""Inequalities that must be shown, and what is nearly true and must not be."""
from __future__ import annotations

import pytest

from odenet.driver import loads
from odenet.proof.prove import Prover

TRUE = [  # expression >= 0 on the region; each is 0 somewhere, or comes as near to it as one likes, unless a number says how far
    ("x - sin(x)", "x >= 0", 0), ("exp(x) - 1 - x", "", 0), ("x - tanh(x)", "x >= 0", 0), ("x*tanh(x)", "", 0),
    ("log(1 + x) - x/(1 + x)", "x >= 0", 0), ("x - log(1 + x)", "x >= 0", 0), ("1 + x^2/2 - sqrt(1 + x^2)", "", 0),
    ("x - atan(x)", "x >= 0", 0), ("x^2/2 - logcosh(x)", "", 0), ("cos(x) - 1 + x^2/2", "", 0),
    ("sin(x)^4 + cos(x)^4 - 1/2", "", 0),
    ("(exp(x) + exp(-x))/2 - 1", "", 0), ("sqrt(1 + x^2) - 1", "", 0), ("5 + 3*sin(x) - 4*cos(x)", "", 0),
    ("x^4 + y^4 - x*y*(x^2 + y^2)", "", 0), ("x^4 - 2*x^2 + 1", "", 0), ("1/4 - x*y", "x + y <= 1 and x >= 0 and y >= 0", 0),
    ("x^2 + y^2 - 2", "x*y >= 1 and x > 0", 0), ("1 - exp(-x^2)", "", 0), ("1/4 - sigmoid(x)*(1 - sigmoid(x))", "", 0),
    ("x^4 + y^4 + 2 - 3*x*y", "", "7/8"), ("3/2 - x - y", "x^2 + y^2 <= 1", "1/8"), ("3/2 - sin(x) - cos(x)", "", "1/8"),
    ("tanh(x) - 2*sigmoid(2*x) + 1", "", 0), ("sin(2*x) - 2*sin(x)*cos(x)", "", 0), ("cos(2*x) - 1 + 2*sin(x)^2", "", 0),
    ("sigmoid(x) + sigmoid(-x) - 1", "", 0), ("sin(x + y) - sin(x)*cos(y) - cos(x)*sin(y)", "", 0),
    ("silu(x) - x*sigmoid(x)", "", 0), ("sqrt(1 + x^2) - x", "", 0), ("sqrt(1 - x + x^2) - 1 + x/2", "", 0),
    ("sqrt(x^2 + y^2) - y", "x > 0", 0),
    ("abs(x) - relu(x) - relu(-x)", "", 0), ("max(x, y) + min(x, y) - x - y", "", 0),
]


def _is_proved(expression, region):
    on = f" on {region}" if region else ""
    loaded = loads(f"model Bound\nstate x, y : R\nfield f {{ x' = -({expression}) }}\nclaim f : dissipates(x){on}\n")
    return not isinstance(Prover(loaded.model, loaded.plans).outcome(loaded.model.claims[0]), str)


@pytest.mark.parametrize(("expression", "region", "room"), TRUE)
def test_true_inequalities_are_shown(expression, region, room):
    assert _is_proved(expression, region)


@pytest.mark.parametrize(("expression", "region", "room"), TRUE)
def test_a_little_more_is_not_shown(expression, region, room):
    assert not _is_proved(f"{expression} - {room} - 1/1000", region)


@pytest.mark.parametrize(("expression", "region"), [
    ("x - sin(x)", ""), ("exp(x) - 1 - 11*x/10", ""), ("x - tanh(2*x)", "x >= 0"), ("log(1 + x) - x", "x >= 0"),
    ("1 - x*y", "x >= 0"),
    ("1/(x - y)", "x >= 0 and y >= 0"), ("sqrt(1 + x^2) - 1 - x^2/2", ""), ("1 - x - y", "x^2 + y^2 <= 1"),
    ("7/5 - sin(x) - cos(x)", ""), ("sqrt(1 + x^2) - 11*x/10", ""), ("x - sqrt(1 + x^2)", ""), ("sqrt(1 + x^2) - 2 + x", ""),
    ("x + y - sqrt(x^2 + y^2)", "x > 0"),
    ("x^4*y^2 + x^2*y^4 + 1 - 31*x^2*y^2/10", ""), ("x^2 + y^2 - 21/10", "x*y >= 1 and x > 0"),
])
def test_false_inequalities_are_not_shown(expression, region):
    assert not _is_proved(expression, region)
