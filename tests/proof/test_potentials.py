"""Potentials constructed: shown in the language, read back as `gradient(V)`, and equal to the field by differences."""
from __future__ import annotations

import json

import numpy as np
import pytest

from odenet.driver import loads
from odenet.ir.interpret import environment, evaluate, field_rate
from odenet.ir.spelling import ode_text
from odenet.proof import certificate as written
from odenet.proof.certificate import certificate
from odenet.proof.show import as_json
from odenet.recheck import Rejected, recheck

VECTOR = """model M
dim n = 3, m = 2
state x : R[n]
param A(t) : R[m, n]
param B : R[n, m]
param b(t) : R[m]
param d : R[m]
param S : R[n, n], symmetric
param k : R
param w : R[n], positive
def V(x) = sum(logcosh(B @ tanh(A @ x + b))) + dot(d, sin(A @ tanh(B @ tanh(A @ x))))
"""
PAIR = """model M
dim n = 3, m = 2
state q, p : R[n]
param A(t) : R[m, n]
param b(t) : R[m]
param K : R[n, n]
param c : R, positive
param w : R[n], positive
param k : R
"""
SCALARS = "model M\nstate q, p : R\nparam k : R\nparam a : R, positive\nparam w : R, positive\n"

GRADIENTS = (
    "A.T @ (d * tanh(A @ x + b))", "A.T @ relu(A @ x + b)", "A.T @ (d * leaky_relu(A @ x + b, 1/3))",
    "S @ x - k * sin(x) + x^3", "A.T @ softmax(A @ x + b)", "grad(V(x), x)", "x * exp(-dot(x, x)) + mean(x) * ones(n)",
    "-x / sqrt(1 + dot(x, x))", "sigmoid(x) + elu(x, 2) + celu(x, 1/2) + abs(x) + softsign(x)",
    "dot(x, x) * x + cos(mean(x)) * ones(n)", "A.T @ sigmoid(A @ x) * 2 - t * x", "x / (1 + dot(x, x)) + A.T @ atan(A @ x)",
    "exp(w * x) + w * sin(w * x)", "A.T @ (A @ x + b)^3", "cumsum(x) - cumsum(x) + diag(w) @ x",
    "A.T @ (tanh(A @ x) * (1 - tanh(A @ x)^2))", "3 * x / |x|^3",
    "relu(x - 1)", "relu(-x) - x", "abs(x - w) + leaky_relu(-x, 1/2)", "elu(-x - 1, 2)", "celu(1 - x, 1/2)", "x * relu(x - 1)",
    "A.T @ abs(b - A @ x)", "A.T @ ((A @ x - b) * relu(A @ x - b))", "A.T @ (relu(A @ x + b) * threshold(A @ x + b))",
    "A.T @ ((A @ x) * relu(A @ x + b))", "abs(x) * sign(x) + softsign(1 - x)",
)
ENERGIES = (
    "q' = p  p' = -sin(q)", "q' = K @ tanh(q)  p' = -(1 - tanh(q)^2) * (K.T @ p)", "q' = p / sqrt(c + dot(p, p))  p' = -q",
    "q' = K.T @ tanh(K @ p + K @ q)  p' = -K.T @ tanh(K @ p + K @ q)", "q' = sin(w * p)  p' = -w * exp(w * q)",
    "q' = dot(q, q) * p  p' = -dot(p, p) * q", "q' = p  p' = -q^3 + 3*q - cos(k*t) * ones(n)",
)
PLANE = (
    "q' = p*(1 + q^2)  p' = -q*p^2 - a*q", "q' = p*exp(q)  p' = -p^2*exp(q)/2 - q*cos(q)",
    "p' = relu(q - 1)", "p' = relu(-q)", "p' = abs(q - k)", "p' = leaky_relu(q - 1, 1/2)", "p' = elu(q - 1)", "p' = q*relu(q - 1)",
    "q' = relu(q + 2*p - k)*2  p' = -relu(q + 2*p - k)", "p' = abs(q - k) + leaky_relu(-q, 1/2)",
    "p' = q^2*relu(2*q - k)*threshold(2*q - k)",
    "q' = sin(w*p)  p' = -q*exp(-a*q^2)", "q' = 2*p*relu(p)  p' = -q*abs(q)", "q' = p  p' = -k*sin(q) + cos(w*t)",
)
CASES = [*((VECTOR, f"x' = {text}", "gradient") for text in GRADIENTS), *((PAIR, text, "hamiltonian") for text in ENERGIES),
         ("model M\nstate x : R[3]\n", "x' = x * x[0] + [1/2*dot(x, x), 0, 0]", "gradient"),
         *((SCALARS, text, "hamiltonian") for text in PLANE)]


def _finding(head, field, claim, region=""):
    return loads(f"{head}field f {{ {field} }}\nclaim f : {claim}{region}\n")


def _recheck(loaded, finding):
    recheck(loaded.model, loaded.plans, finding.claim, json.loads(json.dumps(certificate(loaded.model, loaded.plans, finding))))


def _region(field):
    return " on dot(x, x) > 0" if "|x|" in field else ""


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[1])
def test_the_potential_is_found_and_reads_back(case):
    head, field, claim = case
    loaded = _finding(head, field, claim, _region(field))
    finding = loaded.verify(seconds=10).findings[0]
    assert (finding.verdict, finding.rule) == ("proved", "constructed potential"), finding.reason
    _recheck(loaded, finding)
    text = ode_text(dict(finding.proof.data)["potential"])
    assert text in finding.reason
    pasted = _finding(head, field, f"{claim}({text})", _region(field))
    again = pasted.verify(seconds=10).findings[0]
    assert (again.verdict, again.rule) == ("proved", "given potential"), again.reason
    _recheck(pasted, again)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[1])
def test_differences_of_the_potential_are_the_field(case):
    head, field, claim = case
    loaded = _finding(head, field, claim, _region(field))
    finding = loaded.verify(seconds=10).findings[0]
    potential, model = dict(finding.proof.data)["potential"], loaded.model
    random = np.random.default_rng(1)
    states = {b.name: _draw(random, model, b.space) for b in model.blocks}
    parameters = {p.name: _parameter(random, model, p) for p in model.parameters}
    env = environment(model, None, states, parameters, 0.7)
    rates = field_rate(model, "f", env)
    slopes = {name: _slope(potential, model, states, parameters, name) for name in states}
    wanted = rates if claim == "gradient" else {"q": -rates["p"], "p": rates["q"]}
    for name in states:
        assert np.allclose(slopes[name], wanted[name], rtol=1e-5, atol=1e-6)


def _draw(random, model, space):
    return random.normal(size=environment(model).shape(space))


def _parameter(random, model, parameter):
    value = _draw(random, model, parameter.space)
    names = {s.name for s in parameter.sets}
    if "symmetric" in names:
        value = value + value.T
    return np.abs(value) + 0.1 if "positive" in names else value


def _slope(potential, model, states, parameters, name):
    h, value = 1e-6, np.asarray(states[name], dtype=float)
    result = np.zeros(value.shape)
    for index in np.ndindex(value.shape):
        step = np.zeros(value.shape)
        step[index] = h
        ends = [evaluate(potential, environment(model, None, {**states, name: value + s}, parameters, 0.7)) for s in (step, -step)]
        result[index] = (ends[0] - ends[1]) / (2 * h)
    return result


@pytest.mark.parametrize("field", [
    "x' = A.T @ (d * tanh(B.T @ x))", "x' = x * x[0]", "x' = mean(x) * x", "x' = w * sin(x) + x[0] * ones(n)",
    "x' = A.T @ softmax(B.T @ x)", "x' = B @ tanh(A @ x)",
])
def test_no_potential_is_made_up(field):
    assert _finding(VECTOR, field, "gradient").verify(seconds=10).findings[0].verdict != "proved"


def test_a_potential_is_defined_on_the_whole_region():
    """Closed but not exact round a hole; and a logarithm only where its argument is positive."""
    turning = "q' = -p/(q^2 + p^2)  p' = q/(q^2 + p^2)"
    assert _finding(SCALARS, turning, "gradient", " on q^2 + p^2 > 1").verify(seconds=10).findings[0].verdict != "proved"
    inverse = _finding(SCALARS, "q' = 1/q  p' = 0", "gradient", " on q > 0").verify(seconds=10).findings[0]
    assert inverse.rule == "constructed potential"


KINKED_AND_FALSE = (
    "x' = relu(x - y)  y' = relu(x - y)", "x' = y*relu(x - 1)  y' = relu(x - 1)^2", "x' = relu(x - 1)*threshold(y - 1)*y",
    "x' = threshold(x)*y  y' = relu(x)", "x' = relu(x + y)  y' = abs(x + y)/2", "x' = threshold(x - 1)*x",
)


@pytest.mark.parametrize("field", KINKED_AND_FALSE)
def test_no_potential_is_found_where_there_is_none(field):
    finding = _finding("model M\nstate x, y : R\n", field, "gradient").verify(seconds=10).findings[0]
    assert finding.verdict != "proved"


@pytest.mark.parametrize("rate", ["threshold(x)", "relu(x - 1)*threshold(x)", "relu(x)*threshold(x) + threshold(x)",
                                  "exp(relu(x)*sign(x) + sign(x))", "sign(x)^2 * cos(x)"])
def test_a_jump_that_nothing_mends_is_an_obstacle(rate):
    finding = _finding("model M\nstate x : R\n", f"x' = {rate}", "gradient").verify(seconds=10).findings[0]
    assert finding.verdict == "undecided" and "is not continuous" in finding.reason


def test_a_potential_is_shown_where_the_checker_refuses_it(monkeypatch):
    def refuse(*_):
        raise Rejected("it says no")

    monkeypatch.setattr(written, "certificate", refuse)
    finding = _finding(SCALARS, "q' = p  p' = -relu(q - 1)", "hamiltonian").verify(seconds=10).findings[0]
    assert finding.verdict == "undecided" and as_json(finding)["potential"] == finding.potential
    assert finding.potential in finding.reason and "relu" in finding.potential and "it says no" in finding.reason
    assert "please" not in finding.reason


def test_pairs_are_shown_where_there_are_several():
    one = loads("model M\nstate q, p : R\nfield f { q' = p  p' = -q }\nclaim f : hamiltonian\n").verify(seconds=10)
    two = loads("model M\nstate q1, q2 : R\nstate p1, p2 : R\nfield f { q1' = p1  q2' = p2  p1' = -q1  p2' = -q2 }\n"
                "claim f : hamiltonian\nclaim f : reversible\nclaim f : divergence_free\n").verify(seconds=10)
    assert "pairs" not in str(one) and as_json(one.findings[0])["pairs"] is None
    assert str(two).count("pairs: (q1, q2), (p1, p2)") == 2
    assert as_json(two.findings[0])["pairs"] == ["(q1, q2)", "(p1, p2)"]
