"""Where only the step is too long, the verdict says so: the bound, and the edit that makes the claim proved."""
from __future__ import annotations

import re

import pytest

from odenet.driver import loads
from odenet.proof.show import as_json, finding_lines

HEAD = """model M
dim n = 3, m = 2, N = 20
state x : R[n]
param A(t) : R[m, n], norm <= 1
param P : R[n, n], stochastic
param b(t) : R[m]
def V(x) = sum(logcosh(2*x))
field g { x' = -A.T @ relu(A @ x + b) }
field st { x' = P @ x - x }
field d { x' = -grad(V(x), x) }
field s { x' = 3 * sin(x) }
"""
CASES = (
    ("g: euler", "[0, 28]", 4, "nonexpansive", "2", 14),
    ("g: rk4", "[0, 28]", 4, "nonexpansive", "2", 14),
    ("g: euler", "[0, 3]", 1, "averaged(3/4)", None, 3),
    ("st: heun", "[0, 4]", 1, "positive", "1", 4),
    ("st: heun", "[0, 4]", 1, "lipschitz(1, norm = inf)", "1", 4),
    ("d: euler", "[0, 4]", 3, "dissipates(V(x))", "1/2", 8),
    ("s: euler", "[0, 4]", 3, "invertible", None, 13),
    ("s: implicit_midpoint", "[0, 4]", 3, "symmetric", None, 7),
)


def _finding(part, over, steps, claim):
    return loads(f"{HEAD}flow net = lie({part}) over {over} steps {steps}\nclaim net : {claim}\n").verify(seconds=6).findings[0]


@pytest.mark.parametrize(("part", "over", "steps", "claim", "bound", "fewest"), CASES)
def test_the_edit_makes_it_proved(part, over, steps, claim, bound, fewest):
    finding = _finding(part, over, steps, claim)
    assert finding.verdict != "proved"
    assert f"`steps {fewest}`" in finding.advice
    if bound is not None:
        assert f"every step h <= {bound}, and here h = " in finding.advice
    edit = int(re.search(r"`steps (\d+)`", finding.advice).group(1))
    assert _finding(part, over, edit, claim).verdict == "proved"
    assert _finding(part, over, edit - 1, claim).verdict != "proved"


def test_a_symbolic_step_gets_the_bound():
    finding = _finding("g: euler", "[0, 40]", "N", "nonexpansive")
    assert finding.advice == "it holds for every step h <= 2; here h = 40*N^(-1)"


@pytest.mark.parametrize(("part", "claim"), [
    ("s: euler", "nonexpansive"), ("g: euler", "preserves(sum(x))"), ("st: rk4", "positive")])
def test_no_advice_where_the_step_is_not_at_fault(part, claim):
    assert _finding(part, "[0, 4]", 1, claim).advice == ""


def test_people_and_programs_are_told():
    finding = _finding("g: euler", "[0, 28]", 4, "nonexpansive")
    assert any(line.strip().startswith("help: it holds for every step h <= 2, and here h = 7") for line in finding_lines(finding))
    assert finding.advice in as_json(finding)["reason"]
