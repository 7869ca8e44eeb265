"""Reasons are true sentences, whole, and what they advise can be done."""
from __future__ import annotations

import re
from fractions import Fraction

import pytest
from flint import arb

from odenet.driver import Rejected, loads
from odenet.proof import applicable, thresholds
from odenet.proof.budget import OutOfTime
from odenet.proof.refute.attack import shown
from odenet.proof.rules import readable
from odenet.proof.spelling import shortened

FLOW = "\nflow g = lie(r) over [0, 1] steps 2\n"
NO_EXACT_FLOW = {
    "a constant factor": ("state m1, m2, m3 : R\nparam a : R\nfield r { m2' = a*m1*m3  m3' = -a*m1*m2 }",
                          "moves `m2`, `m3` linearly, but with the state `m1` beside"),
    "a parameter of no sign": ("state x, y : R\nparam s : R\nfield r { x' = s*x + y }",
                               "with the factor `s`, which is not known to keep one sign"),
    "a state for a factor": ("state x, y : R\nfield r { x' = x*y + 1 }", "the factor `y`, which is not known to keep one sign"),
    "linear, unseen": ("state v : R[2]\nfield r { v' = [v[1], -v[0]] }", "`v`, which is not seen to enter its rates linearly"),
    "not linear": ("state x : R\nfield r { x' = sin(x) }", "`x`, which is not seen to enter its rates linearly"),
}


@pytest.mark.parametrize("name", NO_EXACT_FLOW)
def test_why_there_is_no_exact_flow(name):
    text, reason = NO_EXACT_FLOW[name]
    with pytest.raises(Rejected) as caught:
        loads(f"model M\n{text}{FLOW}")
    said = " ".join(label.text for fault in caught.value.faults for label in fault.labels)
    assert reason in said
    assert "not constant along" not in said and "other than linearly" not in said


def test_a_factor_with_a_sign_has_an_exact_flow():
    loads(f"model M\nstate x, y : R\nparam s : R, positive\nfield r {{ x' = s*x + y }}{FLOW}")


def _reasons(text):
    return [f.reason for f in loads(f"model M\n{text}").verify(seconds=2).findings]


def test_implicit_euler_is_not_told_to_be_implicit_euler():
    reason, = _reasons("state s, i : R\nparam b : R, positive\nfield infect { s' = -b*s*i  i' = b*s*i }\n"
                       "flow g = lie(infect: implicit_euler) over [0, 1] steps 2\nclaim g : positive\n")
    assert "implicit Euler keeps the orthant where its equation has one solution" in reason and "only exact flows" not in reason


def test_a_region_that_is_given_is_not_asked_for():
    reasons = _reasons("state x : R\nparam c : R\ndef V(z : R) = log(z)\nfield f { x' = -log(x - c) }\n"
                       "claim f : contractive(0) on x > 0\n")
    assert not any("with `on`" in reason for reason in reasons)
    assert any("on the region of the claim" in reason for reason in reasons), reasons


@pytest.mark.parametrize(("text", "most", "found"), [
    ("a + b", 160, "a + b"),
    ("aaaa + bbbb + cccc + dddd", 14, "aaaa + bbbb + … (2 more)"),
    ("max(1 + a, 2 + b)*x + bbbb", 21, "max(1 + a, 2 + b)*x + … (1 more)"),
    ("max(1 + a, 2 + b)*x + bbbb", 9, "a sum of 2 terms"),
    ("|1:R[m]>' D(tanh(a + b)) |1>", 9, "a term of 28 letters"),
])
def test_sums_are_cut_between_terms(text, most, found):
    assert shortened(text, most) == found


def test_numbers_are_for_people():
    assert shown(arb(0, 1e-40)).startswith("0 ± ")
    assert shown(-(arb(10) ** (10**8))) == "below -10^1000000"
    assert readable("bounded by exp(1)^(25241/2400)") == "bounded by exp(25241/2400)"
    assert readable(f"bounded by {10**60 + 1}/{10**60 + 3}") == "bounded by (about 1.00000)"
    assert readable(f"{7**80} letters of state x12") == "(about 4.05362e+67) letters of x12"
    assert readable("2049/4 of 1/3") == "2049/4 of 1/3"


def test_a_search_for_a_number_begins_with_what_is_stated():
    asked = []

    def holds(number):
        asked.append(number)
        return number >= Fraction(3, 4)

    assert thresholds.least(holds, first=[Fraction(1), Fraction(1, 2)]) == Fraction(3, 4)
    assert asked[:2] == [Fraction(1, 2), Fraction(1)]
    assert thresholds.least(lambda n: n >= Fraction(5, 2), first=[Fraction(1)]) == Fraction(5, 2)
    assert thresholds.least(lambda n: n >= 0, first=[Fraction(1)]) == 0
    assert thresholds.least(lambda n: False, first=[Fraction(1)]) is None


def test_a_search_that_is_cut_says_so(run, monkeypatch):
    def cut(holds, *_):
        assert holds(Fraction(8))
        raise OutOfTime

    monkeypatch.setattr(applicable.thresholds, "least", cut)
    output = run("verify", "--all", "m.ode", m="model M\nstate x : R\nfield f { x' = 3*sin(x) }\n").output
    assert re.search(r"lipschitz\(8\)  # norm of the jacobian; at most: the search .* ended with the budget of 1 s", output), output
