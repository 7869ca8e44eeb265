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
    # relu(z) threshold(z) = relu(z)
    ("jumps", "x' = -grad(sum(square(relu(A @ x + b)))/2, x)", "nonexpansive"),
    ("jumps", "x' = -A.T @ (relu(A @ x + b)*threshold(A @ x + b))", "contractive(0)"),
    ("jumps", "x' = -x*threshold(x)", "dissipates(dot(x, x))"), ("jumps", "x' = abs(x)*sign(x)", "lipschitz(1)"),
    ("jumps", "x' = -grad(sum(leaky_relu(x, 1/2)^2)/2, x)", "contractive(1/4)"),
)

FALSE = (
    ("orthant", "x' = -x + B @ tanh(x)", "positive"), ("orthant", "x' = L @ x^3", "positive"),
    ("orthant", "x' = -L @ v", "positive"),
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
    ("jumps", "x' = -A.T @ (relu(A @ x + b)*threshold(A @ x))", "nonexpansive"), ("jumps", "x' = -threshold(x)", "nonexpansive"),
    ("jumps", "x' = abs(x)*sign(x)", "lipschitz(9/10)"), ("jumps", "x' = -relu(x)*sign(x - 1)", "nonexpansive"),
    ("jumps", "x' = x*threshold(x - 1)", "lipschitz(1)"),
)


def _loaded(case):
    head, field, claim = case
    return loads(f"model M\ndim n = 3\n{HEADS[head]}field f {{ {field} }}\nclaim f : {claim}\n")


@pytest.mark.parametrize("case", TRUE, ids=lambda c: f"{c[1]} : {c[2]}")
def test_what_is_true_is_proved(case):
    loaded = _loaded(case)
    finding = loaded.verify(seconds=5).findings[0]
    assert finding.verdict == "proved", finding.reason
    recheck(loaded.model, loaded.plans, finding.claim, json.loads(json.dumps(certificate(loaded.model, loaded.plans, finding))))


@pytest.mark.parametrize("case", FALSE, ids=lambda c: f"{c[1]} : {c[2]}")
def test_what_is_false_is_not_proved(case):
    assert _loaded(case).verify(seconds=5).findings[0].verdict != "proved"
