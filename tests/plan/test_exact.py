"""Exact flows against a numerical solution, and fields that only look as if they had one."""
from __future__ import annotations

import numpy as np
import pytest

from odenet.plan.advances import exponential
from odenet.plan.exact import NoExactFlow, exact_flow
from odenet.plan.steps import Closed, Linear

from .models import distance, model, reference, runner

SCALARS = "state q, p, r : R\nparam k : R, positive\nparam c : R\n"
VECTORS = "dim n = 3\nstate x, y : R[n]\nparam A : R[n, n]\nparam b : R[n]\nparam k : R, positive\nparam v : R[n*(n-1)/2]\n"
VALUES = {"k": 0.7, "c": -0.4, "A": [[0.1, -1.0, 0.3], [0.5, 0.2, 0.0], [-0.3, 0.4, -0.6]], "b": [0.3, -0.2, 0.5],
          "v": [0.4, -0.3, 0.8]}
STATES = {"q": 0.8, "p": -0.5, "r": 0.3, "x": [0.2, -0.7, 0.4], "y": [1.0, 0.5, -0.3]}

EXACT = [
    (SCALARS, "p' = -sin(q)", "shear"), (SCALARS, "p' = r^2  q' = exp(r)", "shear"),
    (SCALARS, "q' = -k*q", "scalar"), (SCALARS, "q' = p*q", "scalar"), (SCALARS, "q' = -k*q + sin(p)", "scalar"),
    (SCALARS, "q' = 3*q - 1", "scalar"), (SCALARS, "q' = c*q + 1", "linear"), (SCALARS, "q' = p  p' = -q", "linear"),
    (SCALARS, "q' = p - q  p' = -q - c*p + 2", "linear"), (SCALARS, "q' = 2*q  p' = -q", "linear"),
    (VECTORS, "x' = tanh(A @ y + b)", "shear"), (VECTORS, "x' = y * x", "diagonal"),
    (VECTORS, "x' = -k * x + y", "diagonal"), (VECTORS, "x' = b * x", "diagonal"), (VECTORS, "x' = A @ x + b", "linear"),
    (VECTORS, "x' = skew(v) @ x", "linear"), (VECTORS, "x' = x - mean(x)", "linear"),
    (VECTORS, "x' = A @ y - x  y' = dot(b, x) * b", "linear"), (VECTORS, "x' = b * x + b", "linear"),
    (VECTORS, "x' = sum(x) * b", "linear"), (VECTORS, "x' = b * (A @ x)", "linear"),
]


@pytest.mark.parametrize(("head", "rows", "kind"), EXACT, ids=[rows for _, rows, _ in EXACT])
def test_exact_flows_solve_the_field(head: str, rows: str, kind: str) -> None:
    body = f"{head}field f {{ {rows} }}\nflow net = lie(f) over [0, 3/4] steps 1\n"
    made = runner(body, VALUES)
    found = made.plan.advances[0]
    assert (found.reason if isinstance(found, Closed) else "linear" if isinstance(found, Linear) else "") == kind
    states = {name: STATES[name] for name in made.plan.flow.blocks}
    exact = reference(made.model, ("f",), states, 0.0, 0.75, VALUES)
    assert distance(made.run(states), exact) < 1e-12
    assert distance(made.inverse(made.run(states)), states) < 1e-12


TIMED = ["p' = -sin(q)*cos(k*t)", "p' = t^3 - 2*t + q", "p' = (1 + t)*(q - t)*t", "p' = exp(-k*t)*q + 1",
         "p' = q*sin(2*t + q)", "p' = -cos(t)*p", "p' = t*p", "p' = sin(c*t)", "p' = q*exp(3*t - 1)"]


@pytest.mark.parametrize("rows", TIMED)
@pytest.mark.parametrize("is_first", [True, False])
def test_exact_flows_with_t(rows: str, is_first: bool) -> None:
    """The clock runs inside the part named first; the other sees t stand still."""
    order = "f, g" if is_first else "g, f"
    made = runner(f"{SCALARS}field f {{ {rows} }}\nfield g {{ r' = 0*r }}\n"
                  f"flow net = lie({order}) over [1/4, 1] steps 1\n", VALUES)
    states = {name: STATES[name] for name in made.plan.flow.blocks}
    at = 0.25 if is_first else 1.0
    end = {**reference(made.model, ("f",), states, at, at + 0.75, VALUES, frozen=not is_first)}
    assert distance(made.run(states), end) < 1e-12


@pytest.mark.parametrize("rows", [
    "q' = sign(q)", "q' = abs(q)", "q' = q^2", "q' = p  p' = -sin(q)", "q' = relu(q)", "q' = q*p  p' = q",
    "q' = max(q, 1)", "q' = p*q + r  p' = 0", "q' = threshold(q)", "q' = r*p  p' = r*q", "q' = sqrt(q)", "q' = c*q + p",
])
def test_no_exact_flow(rows: str) -> None:
    built = model(f"{SCALARS}field f {{ {rows} }}\n")
    assert isinstance(exact_flow(built, built.field("f"), False), NoExactFlow)


@pytest.mark.parametrize("rows", ["p' = tanh(t)", "p' = t*sin(t)", "p' = p + t", "p' = w", "p' = sin(q*t^2)"])
def test_no_exact_flow_while_the_clock_runs(rows: str) -> None:
    built = model(f"{SCALARS}param w(t) : R, poly(3)\nfield f {{ {rows} }}\n")
    assert isinstance(exact_flow(built, built.field("f"), True), NoExactFlow)


def test_scheduled_parameters_are_read_at_the_clock() -> None:
    made = runner("state q, p : R\nparam w(t) : R, poly(3)\nfield f { q' = 1 }\nfield g { p' = w }\n"
                  "flow net = strang(f, g) over [0, 2] steps 4\n", {"w": [1.0, 2.0, 3.0]})
    found = made.run({"q": 0.0, "p": 0.0})
    middles = (np.arange(4) + 0.5) / 4  # poly: powers of (t - t0) / (t1 - t0)
    assert abs(found["p"] - 0.5 * (1 + 2 * middles + 3 * middles**2).sum()) < 1e-13


def test_exponential() -> None:
    angle = np.array([[0.0, -9.0], [9.0, 0.0]])
    assert np.abs(exponential(angle) - [[np.cos(9), -np.sin(9)], [np.sin(9), np.cos(9)]]).max() < 1e-12
    assert (exponential(np.zeros((2, 2))) == np.eye(2)).all()
