"""`odenet verify --all`: what a model has, found and proved, as claims to paste."""
from __future__ import annotations

import json
import re
from fractions import Fraction

import pytest

from odenet.driver import loads
from odenet.operators.properties import PROPERTIES
from odenet.proof.applicable import ARGUMENTS
from odenet.proof.candidates import Candidates
from odenet.proof.thresholds import greatest, least, plainest, spelled

HEAD = "model M\nstate q, p : R\nparam k : R, positive\n"
OSCILLATOR = HEAD + "field a { q' = p }\nfield b { p' = -k*sin(q) }\nflow net = strang(a, b) over [0, 1] steps 4\n"
PREDATORS = ("model Predators\nstate x, y : R\nparam a : R, positive\nparam b : R, positive\n"
             "field f { x' = x*(a - b*y)  y' = y*(x - a) }\n")
EPIDEMIC = ("model Epidemic\nstate s, i, r : R\nparam b : R, positive\nfield f { s' = -b*s*i  i' = b*s*i - i  r' = i }\n"
            "flow net = lie(f: rk4) over [0, 1] steps 3\n")
HENON = ("model Henon\nstate q1, p1 : R\nstate q2, p2 : R\n"
         "field f { q1' = p1  p1' = -q1 - 2*q1*q2  q2' = p2  p2' = -q2 - q1^2 + q2^2 }\n")
RIGID = "model Rigid\nstate x, y, z : R\nfield f { x' = y*z  y' = -2*x*z  z' = x*y }\n"
MATRIX = ("model Matrix\ndim n = 4, m = 6\nstate q, p : R[n]\nparam K : R[n, n], psd\nparam w : R, in [1/2, 3]\n"
          "field f { q' = p  p' = -K @ q - w^2*q }\n")
FRICTION = OSCILLATOR.replace("strang(a, b)", "strang(a, b, c)").replace(
    "flow", "param d : R, nonnegative\nfield c { p' = -d*p }\nflow")
DAMPED = ("model Damped\ndim n = 4\nstate x : R[n]\nparam A : R[n, n], orthogonal\n"
          "field f { x' = -A.T @ leaky_relu(A @ x, 137/1000) }\n")


def _proved(text):
    report = loads(text).survey()
    assert report.tried is not None
    return {f"{f.claim.subject} : {f.claim.text}" + f" on {f.claim.region_text}" * bool(f.claim.region_text)
            for f in report.tried if f.verdict == "proved"}


@pytest.mark.parametrize(("spec", "expected"), [
    (OSCILLATOR, ["net : order(2)", "net : symplectic", "a : hamiltonian(1/2 * p^2)",
                  "net : symmetric", "a + b : preserves(p^2 - 2 * k * cos(q))"]),
    (PREDATORS, ["f : positive", "f : preserves(a * log(x) - x + a * log(y) - b * y) on x > 0 and y > 0"]),
    (EPIDEMIC, ["f : preserves(s + i + r)", "net : preserves(s + i + r)", "net : order(4)"]),
    (HENON, ["f : preserves(3 * q1^2 + 3 * p1^2 + 3 * q2^2 + 3 * p2^2 + 6 * q1^2 * q2 - 2 * q2^3)", "f : hamiltonian"]),
    (RIGID, ["f : preserves(2 * x^2 + y^2)", "f : preserves(x^2 - z^2)", "f : divergence_free"]),
    (MATRIX, ["f : preserves(dot(p, p) + dot(q, K @ q) + w^2 * dot(q, q))", "f : equivariant(sign)"]),
    (FRICTION, ["a + b + c : dissipates(p^2 - 2 * k * cos(q))", "b : hamiltonian(-k * cos(q))", "c : lipschitz(d)"]),
    (DAMPED, ["f : contractive(0.137)", "f : lipschitz(1)", "f : gradient"]),
], ids=["oscillator", "predators", "epidemic", "henon", "rigid", "matrix", "friction", "damped"])
def test_what_a_model_has_is_found(spec, expected):
    found = _proved(spec)
    if spec is PREDATORS:  # one integral, whatever the order of its terms
        assert any("log(x)" in line and "log(y)" in line and line.endswith("on x > 0 and y > 0") for line in found), found
        expected = expected[:1]
    assert set(expected) <= found, found


def test_nothing_is_said_twice():
    """The sum is kept; its square and its multiples are not listed. Inside the orthant there is one more."""
    found = sorted(line for line in _proved(EPIDEMIC) if "preserves" in line and line.startswith("f :"))
    assert found == ["f : preserves(-log(s) + b * s + b * i) on s > 0 and i > 0 and r > 0", "f : preserves(s + i + r)"]


@pytest.mark.parametrize("spec", [OSCILLATOR, EPIDEMIC, DAMPED], ids=["oscillator", "epidemic", "damped"])
def test_the_claims_can_be_pasted_and_are_proved(run, spec):
    output = run("verify", "--all", "m.ode", m=spec).output
    lines = [line for line in output.splitlines() if line.startswith("  claim")]
    assert len(lines) >= 4
    report = loads(spec + "\n".join(lines) + "\n").verify()
    assert len(report.findings) == len(lines) and report.is_proved, str(report)


def test_the_status_speaks_of_the_claims_made(run):
    assert run("verify", "--all", "m.ode", m=OSCILLATOR).exit_code == 0
    assert run("verify", "--all", "m.ode", m=OSCILLATOR + "claim net : order(3)\n").exit_code == 1


def test_json_marks_what_was_tried(run):
    result = run("verify", "--all", "--format", "json", "m.ode", m=OSCILLATOR + "claim net : order(2)\n")
    claims = json.loads(result.output)["claims"]
    assert [c["tried"] for c in claims if not c["tried"] or c["property"] == "order"] == [False, True]
    assert next(c for c in claims if not c["tried"])["line"] == 7
    assert all(c["line"] is None for c in claims if c["tried"])
    assert {(c["property"], *c["args"]) for c in claims if c["verdict"] == "refuted"} >= {("order", "3"), ("gradient",)}
    assert "tried" not in json.loads(run("verify", "--format", "json", "m.ode").output)["claims"][0]


def test_every_property_has_a_row():
    assert set(ARGUMENTS) == set(PROPERTIES)


def test_what_would_be_an_error_is_not_tried():
    reader = Candidates(loads("model M\nstate x : R\nfield f { x' = log(x) }\n# no line break at the end").model)
    read = reader.read(["claim f : nonexpansive", "claim f : nonexpansive on x > 0", "claim f : hamiltonian",
                        "claim f : lipschitz(1", "claim f : gradient on x > 1"])
    assert [claim and claim.text for claim in read] == [None, "nonexpansive", None, None, "gradient"]


@pytest.mark.parametrize("number", ["0", "1/2", "1", "3/2", "7/3", "1.37", "0.055", "0.001", "12345/67", "1000000"])
def test_a_threshold_is_found_by_asking(number):
    wanted, asked = Fraction(number), []

    def holds(x):
        asked.append(x)
        return x >= wanted

    found = least(holds)
    assert found is not None and wanted <= found <= wanted * (1 + Fraction(1, 1000)) and len(asked) < 50
    if re.fullmatch(r"\d(/\d)?|\d\.\d+", number):
        assert found == wanted and spelled(found) == number
    down = greatest(lambda x: x <= wanted)
    assert (down is None) == (wanted == 0)
    assert down is None or wanted * Fraction(999, 1000) <= down <= wanted


def test_a_threshold_that_is_not_there():
    assert least(lambda x: False) is None and greatest(lambda x: False) is None
    assert spelled(plainest(Fraction(1, 3), Fraction(2, 5))) == "2/5" and spelled(Fraction(-11, 200)) == "-0.055"
