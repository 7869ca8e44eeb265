"""`odenet explain`: proofs in numbered steps, refutations with their numbers, and the nearest spec that has the property."""
from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from odenet.cli import commands
from odenet.driver import loads
from odenet.proof.narrative import numbered
from odenet.proof.nearest import Nearest
from odenet.proof.rules import RULES

SPEC = """model Near
dim n = 8
state x : R[n]
param A : R[n, n]     # anything
param U : R[n, n], orthogonal
param b : R[n] = ones(n)
param c : R, in [0, 3]
param d : R, positive
field f { x' = -c * U.T @ tanh(U @ x + b) }
field g { x' = A @ x }
field k { x' = -d * x }
field s { x' = -3 * x }
flow net = lie(s: euler) over [0, 10] steps 4
flow slow = lie(k: euler) over [0, 10] steps 4
claim f : lipschitz(1)
claim g : nonexpansive
claim g : preserves(dot(x, x))
claim net : nonexpansive
claim slow : nonexpansive
claim net : lipschitz(10)
claim s : contractive(4)
claim f : gradient, nonexpansive
"""
NEAREST = {"f : lipschitz(1)": ["claim f : lipschitz(3)", "param c : R, in [0, 1]"],
           "g : nonexpansive": ["param A : R[n, n], skew"],
           "g : preserves(dot(x, x))": ["param A : R[n, n], skew"],
           "net : nonexpansive": ["flow net = lie(s: euler) over [0, 10] steps 15"],
           "slow : nonexpansive": ["param d : R, in [0, 4/5]"],
           "s : contractive(4)": ["claim s : contractive(3)"]}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "near.ode").write_text(SPEC)
    return lambda *arguments: CliRunner().invoke(commands, list(arguments))


def _claims():
    loaded = loads(SPEC)
    return loaded, {f"{c.subject} : {c.text}": c for c in loaded.model.claims}


@pytest.mark.parametrize("text", NEAREST)
def test_the_nearest_edit_is_found(text):
    loaded, claims = _claims()
    assert set(NEAREST[text]) <= set(Nearest(loaded.model, claims[text], 5).edits())


@pytest.mark.parametrize("text", NEAREST)
def test_each_edit_makes_the_claim_proved(text):
    loaded, claims = _claims()
    for edit in Nearest(loaded.model, claims[text], 5).edits():
        head = edit.split(" : " if edit.startswith("claim") else " = " if edit.startswith("flow") else " : ")[0]
        lines = [edit if (edit.startswith("claim") and line == f"claim {text}") or
                 (not edit.startswith("claim") and line.startswith(head)) else line for line in SPEC.splitlines()]
        assert edit in lines, edit
        findings = loads("\n".join(lines) + "\n").verify().findings
        assert findings[loaded.model.claims.index(claims[text])].verdict == "proved", edit


def test_a_proof_is_written_in_steps(run):
    output = run("explain", "near.ode:22").output
    assert "claim f : gradient" in output and "claim f : nonexpansive" in output
    assert "\n  1. " in output and "param U : R[n, n], orthogonal" in output and "# anything" not in output
    assert "Horn, Johnson" in " ".join(output.split()) and "This is what was claimed." in output
    assert all(len(line) <= 100 for line in output.splitlines())


def test_steps_rest_on_earlier_steps():
    loaded = loads("model M\nstate q, p : R\nfield a { q' = p }\nfield b { p' = -sin(q) }\n"
                   "flow net = strang(a, b) over [0, 1] steps 4\nclaim net : symplectic\n")
    finding, = loaded.verify().findings
    steps = numbered(finding.proof)
    assert len(steps) > 2 and steps[-1][0] is finding.proof
    assert all(all(p <= i for p in premises) for i, (_, premises) in enumerate(steps))


def test_a_refutation_shows_its_numbers(run):
    output = run("explain", "near.ode:18").output
    assert "Refuted. The claim says: |Φ(x) - Φ(y)| <= |x - y|" in output
    assert re.search(r"n = \d", output) and "There |DΦ(x) v|^2 / |v|^2 = " in output
    assert "steps 15" in output and "h = 5/2" in output


def test_rules_are_explained(run):
    assert "Weyl" in run("explain", "spectral bound").output
    assert all(name in run("explain", "--list").output for name in RULES)
    assert run("explain").exit_code == 2 and run("explain", "no such rule").exit_code == 2
