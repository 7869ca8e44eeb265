"""Claims that people write first, in classes: each with what is true (and proved) and what is false (and never proved)."""
from __future__ import annotations

import json

import pytest

from odenet.driver import loads
from odenet.proof.certificate import certificate
from odenet.recheck import recheck

HEADS = {
    "orthant": ("state x, v : R[n]\nstate s, r : R\nparam A : R[n, n], nonnegative\nparam B : R[n, n]\n"
                "param L : R[n, n], laplacian\nparam k : R, positive\nparam w : R[n], positive\n"),
    "region": "state x, y : R[n]\nparam A : R[n, n], psd\nparam w : R[n], positive\n",
    "laplacian": ("state x : R[n]\nparam W : R[n, n], laplacian\nparam P : R[n, n], stochastic\nparam k : R, positive\n"
                  "param d : R[n], nonnegative\n"),
    "entropy": "state x, y, z : R\nparam k : R, positive\nparam l : R, positive\nparam c : R\n",
    "jumps": "state x : R[n]\nparam A : R[n, n]\nparam b : R[n]\n",
}

TRUE = (
    # the sign of tanh follows that of its argument; minus a Laplacian keeps the orthant behind what vanishes with an entry
    ("orthant", "x' = -x + A @ tanh(x)", "positive"), ("orthant", "x' = -L @ x^3", "positive"),
    ("orthant", "x' = -L @ (x - x*tanh(x)^2)", "positive"), ("orthant", "x' = -k*L @ tanh(w*x)", "positive"),
    ("orthant", "s' = -k*s + k*tanh(r)  r' = atan(s) - r", "positive"), ("orthant", "s' = -s + tanh(r - s)  r' = -r", "positive"),
    ("orthant", "x' = A @ softsign(A @ tanh(x)) - x", "positive"), ("orthant", "x' = -L @ (v*x)  v' = -v", "positive"),
    ("orthant", "x' = A @ (v - v*sigmoid(x)) - x", "positive"), ("orthant", "x' = -tanh(x) + A @ silu(x)", "positive"),
    ("orthant", "x' = A @ gelu(v) - gelu(x)", "positive"), ("orthant", "x' = -s*(L @ x^2)", "positive"),
    # an entry of a root of a vector
    ("orthant", "x' = sqrt(1 + x*x) - 1", "positive"), ("orthant", "x' = A @ (sqrt(4 + x*x) - 1)", "positive"),
    # x > 0 of a vector holds entry by entry
    ("region", "x' = -log(x)", "contractive(0) on x > 0"), ("region", "x' = -log(x)", "dissipates(-sum(x)) on x > 0 and x < 1"),
    ("region", "x' = -log(x)", "dissipates(sum(x)) on x > 1"), ("region", "x' = 1/(x - y)", "dissipates(-sum(x)) on x > y"),
    ("region", "x' = x*(1 - y)  y' = y*(x - 1)", "preserves(sum(x) - sum(log(x)) + sum(y) - sum(log(y))) on x > 0 and y > 0"),
    ("region", "x' = -x*sqrt(dot(x, A @ x) + 1)", "dissipates(dot(x, x))"), ("region", "x' = -x^3", "nonexpansive on x >= 1"),
    ("region", "x' = -w*sqrt(x)", "gradient on x > 0"),
    # the matrix measure of a Laplacian
    ("laplacian", "x' = -W @ x", "contractive(0, norm = inf)"), ("laplacian", "x' = -k*W @ tanh(x)", "contractive(0, norm = 1)"),
    ("laplacian", "x' = -d*(W @ x)", "contractive(0, norm = inf)"),
    ("laplacian", "x' = -k*tanh(W @ x)", "contractive(0, norm = inf)"),
    ("laplacian", "x' = -W @ x + P @ x - x", "contractive(0, norm = inf)"),
    # (u - v) (g(u) - g(v)) >= 0 for a rising g
    ("entropy", "x' = k*(y - x)  y' = k*(x - y) + l*(z - y)  z' = l*(y - z)",
     "dissipates(x*log(x) + y*log(y) + z*log(z)) on x > 0 and y > 0 and z > 0"),
    ("entropy", "x' = x*y*(y - x)  y' = x*y*(x - y)", "dissipates(x*log(x) + y*log(y)) on x > 0 and y > 0"),
    ("entropy", "x' = tanh(y) - tanh(x)  y' = tanh(x) - tanh(y)", "dissipates(x^2 + y^2)"),
    ("entropy", "x' = k*(exp(y) - exp(x))  y' = k*(exp(x) - exp(y)) - y", "dissipates(x^2 + y^2)"),
    # relu(z) threshold(z) = relu(z)
    ("jumps", "x' = -grad(sum(square(relu(A @ x + b)))/2, x)", "nonexpansive"),
    ("jumps", "x' = -A.T @ (relu(A @ x + b)*threshold(A @ x + b))", "contractive(0)"),
    ("jumps", "x' = -x*threshold(x)", "dissipates(dot(x, x))"), ("jumps", "x' = abs(x)*sign(x)", "lipschitz(1)"),
    ("jumps", "x' = -grad(sum(leaky_relu(x, 1/2)^2)/2, x)", "contractive(1/4)"),
)

FALSE = (
    ("orthant", "x' = -x + B @ tanh(x)", "positive"), ("orthant", "x' = L @ x^3", "positive"),
    ("orthant", "x' = -L @ v", "positive"), ("orthant", "x' = sqrt(1/2 + x*x) - 1", "positive"),
    ("orthant", "x' = -L @ (x - 2*x*tanh(x)^2)", "positive"), ("orthant", "x' = -L @ sin(x)", "positive"),
    ("orthant", "s' = -s + tanh(r - 1)", "positive"), ("orthant", "x' = A @ softsign(B @ tanh(x)) - x", "positive"),
    ("orthant", "x' = A @ (v - 2*v*sigmoid(x)) - x", "positive"), ("orthant", "x' = -A @ silu(x)", "positive"),
    ("orthant", "x' = -L @ cos(x)", "positive"), ("orthant", "x' = -logcosh(x + w)", "positive"),
    ("region", "x' = -log(x)", "dissipates(sum(x)) on x > 0"),
    ("region", "x' = -log(x)", "contractive(101/100) on x > 0 and x < 1"),
    ("region", "x' = 1/(x - y)", "dissipates(sum(x)) on x > y"), ("region", "x' = 1/(x - y)", "dissipates(-sum(x)) on y > x"),
    ("region", "x' = x*(1 - y)  y' = y*(x - 1)", "preserves(sum(x) + sum(y)) on x > 0 and y > 0"),
    ("region", "x' = x^3", "nonexpansive on x >= 1"), ("region", "x' = 1 - x", "dissipates(sum(x)) on x > y"),
    ("laplacian", "x' = W @ x", "contractive(0, norm = inf)"), ("laplacian", "x' = -k*W @ tanh(x)", "contractive(0, norm = inf)"),
    ("laplacian", "x' = -d*(W @ x)", "contractive(0, norm = 1)"), ("laplacian", "x' = -W @ (W @ x)", "contractive(0, norm = inf)"),
    ("laplacian", "x' = -W @ x + P @ x - x", "contractive(1/10, norm = inf)"),
    ("laplacian", "x' = -W @ (W @ x)", "contractive(0, norm = 1)"), ("laplacian", "x' = -W @ x", "contractive(1/100, norm = 1)"),
    ("entropy", "x' = k*(y - x)  y' = l*(x - y)", "dissipates(x*log(x) + y*log(y)) on x > 0 and y > 0"),
    ("entropy", "x' = c*(y - x)  y' = c*(x - y)", "dissipates(x*log(x) + y*log(y)) on x > 0 and y > 0"),
    ("entropy", "x' = k*(exp(-y) - exp(-x))  y' = k*(exp(-x) - exp(-y))", "dissipates(x^2 + y^2)"),
    ("entropy", "x' = tanh(2*y) - tanh(x)  y' = tanh(x) - tanh(2*y)", "dissipates(x^2 + y^2)"),
    ("jumps", "x' = -A.T @ (relu(A @ x + b)*threshold(A @ x))", "nonexpansive"), ("jumps", "x' = -threshold(x)", "nonexpansive"),
    ("jumps", "x' = abs(x)*sign(x)", "lipschitz(9/10)"), ("jumps", "x' = -relu(x)*sign(x - 1)", "nonexpansive"),
    ("jumps", "x' = x*threshold(x - 1)", "lipschitz(1)"),
)


def _loaded(case):
    head, field, claim = case
    return loads(f"model M\ndim n = 3\n{HEADS[head]}field f {{ {field} }}\nclaim f : {claim}\n")


def _is_proved(loaded):
    finding = loaded.verify(seconds=5).findings[0]
    assert finding.verdict == "proved", finding.reason
    recheck(loaded.model, loaded.plans, finding.claim, json.loads(json.dumps(certificate(loaded.model, loaded.plans, finding))))


@pytest.mark.parametrize("case", TRUE, ids=lambda c: f"{c[1]} : {c[2]}")
def test_what_is_true_is_proved(case):
    _is_proved(_loaded(case))


@pytest.mark.parametrize("case", FALSE, ids=lambda c: f"{c[1]} : {c[2]}")
def test_what_is_false_is_not_proved(case):
    assert _loaded(case).verify(seconds=5).findings[0].verdict != "proved"


RIDGE = ("state q, p : R[n]\nparam a(t) : R[n]\nparam b(t) : R[n]\nparam c(t) : R\n"
         "field f { q' = b * relu(dot(a, q) + dot(b, p) + c)  p' = -a * relu(dot(a, q) + dot(b, p) + c) }\n")
SKEW = "state y : R[n]\nparam J : R[n, n], skew\nparam W : R[n, n]\nparam S : R[n, n], symmetric\nparam c : R\n"

TRUE_MAPS = (
    (RIDGE, "rk4", "symplectic"), (RIDGE, "euler", "volume_preserving"), (RIDGE, "midpoint", "invertible"),
    (SKEW + "field f { y' = (W - W.T) @ tanh(y) }\n", "implicit_midpoint", "volume_preserving"),
    (SKEW + "field f { y' = c*J @ S @ y + J @ (y/sqrt(1 + dot(y, y))) }\n", "implicit_midpoint", "volume_preserving"),
    ("state q, p : R\nparam a : R\nfield f { q' = relu(q + p)*2 + q + p + a  p' = -2*relu(q + p) - q - p - a }\n", "heun",
     "symplectic"),
    (HEADS["laplacian"] + "field f { x' = -k*W @ tanh(x) }\n", "implicit_euler", "lipschitz(1, norm = 1)"),
    (HEADS["laplacian"] + "field f { x' = -d*(W @ x) }\n", "exact", "lipschitz(1, norm = inf)"),
)
FALSE_MAPS = (
    (RIDGE.replace("p' = -a", "p' = a"), "euler", "symplectic"), (RIDGE.replace("dot(b, p)", "2*dot(b, p)"), "euler", "invertible"),
    (RIDGE.replace("+ c)", "+ t)"), "euler", "invertible"), (RIDGE.replace("-a * relu", "-a * tanh"), "euler", "volume_preserving"),
    (SKEW + "field f { y' = W @ tanh(y) - W.T @ tanh(2*y) }\n", "implicit_midpoint", "volume_preserving"),
    (SKEW + "field f { y' = S @ tanh(y) }\n", "implicit_midpoint", "volume_preserving"),
    (SKEW + "field f { y' = (W - W.T) @ tanh(y) }\n", "trapezoidal", "volume_preserving"),
    (SKEW + "field f { y' = (W - W.T) @ tanh(y) }\n", "implicit_euler", "volume_preserving"),
    (HEADS["laplacian"] + "field f { x' = -W @ x }\n", "ssp3", "lipschitz(1, norm = 1)"),
    (HEADS["laplacian"] + "field f { x' = -d*(W @ x) }\n", "exact", "lipschitz(1, norm = 1)"),
)


def _flow(case):
    head, method, claim = case
    how = "f" if method == "exact" else f"f: {method}"
    return loads(f"model M\ndim n = 3\n{head}flow net = lie({how}) over [0, 1] steps 4\nclaim net : {claim}\n")


@pytest.mark.parametrize("case", TRUE_MAPS, ids=lambda c: f"{c[0][-60:-1]} by {c[1]} : {c[2]}")
def test_what_is_true_of_a_flow_is_proved(case):
    _is_proved(_flow(case))


@pytest.mark.parametrize("case", FALSE_MAPS, ids=lambda c: f"{c[0][-60:-1]} by {c[1]} : {c[2]}")
def test_what_is_false_of_a_flow_is_not_proved(case):
    assert _flow(case).verify(seconds=5).findings[0].verdict != "proved"


DEFINITIONS = ("state x : R[n]\nparam A : R[n, n], norm <= 1\nparam P : R[n, n], nonnegative\nparam B : R[n, n]\n"
               "def soft(x : R[n]) = x/(1 + dot(x, x))\ndef res(x : R[n]) = x - A.T @ relu(A @ x)\n"
               "def long(x : R[n]) = x - 3*A.T @ relu(A @ x)\ndef mix(x : R[n]) = P @ tanh(x)\ndef bad(x : R[n]) = B @ tanh(x)\n"
               "def center(x : R[n]) = x - mean(x)\ndef shifted(x : R[n]) = x - 1\n")
TRUE_NETS = (
    ("soft", "nonexpansive"), ("soft", "positive"), ("soft", "equivariant(sign)"), ("soft", "equivariant(permutation)"),
    ("res -> res", "nonexpansive"), ("long", "lipschitz(2)"), ("mix -> relu -> soft", "positive"), ("bad", "equivariant(sign)"),
    ("linear -> relu", "positive"), ("bad -> softplus -> mix", "positive"), ("embed(8) -> take(n)", "invertible"),
    ("embed(8) -> take(n)", "volume_preserving"), ("embed(8) -> take(n) -> tanh", "equivariant(permutation)"),
    ("center -> soft", "equivariant(permutation)"), ("center", "equivariant(translation)"), ("center", "equivariant(sign)"),
)
FALSE_NETS = (
    ("long", "nonexpansive"), ("long", "lipschitz(19/10)"), ("mix", "equivariant(permutation)"), ("bad", "positive"),
    ("center", "positive"),
    ("shifted", "positive"), ("shifted", "equivariant(sign)"), ("sigmoid -> linear", "positive"), ("softplus -> bad", "positive"),
    ("embed(8) -> tanh -> take(n)", "invertible"), ("bad", "equivariant(translation)"), ("relu -> shifted", "positive"),
    ("embed(8) -> sigmoid -> take(n)", "equivariant(sign)"),
)


def _net(case):
    stages, claim = case
    return loads(f"model M\ndim n = 3\n{DEFINITIONS}net net_ : R[n] -> R[n] = {stages}\nclaim net_ : {claim}\n")


@pytest.mark.parametrize("case", TRUE_NETS, ids=" : ".join)
def test_what_is_true_of_a_net_is_proved(case):
    _is_proved(_net(case))


@pytest.mark.parametrize("case", FALSE_NETS, ids=" : ".join)
def test_what_is_false_of_a_net_is_not_proved(case):
    assert _net(case).verify(seconds=5).findings[0].verdict != "proved"
