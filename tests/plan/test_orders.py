"""Orders seen in numbers: schemes, methods, explicit time, relaxation. The proofs are in `odenet.schemes.order`."""
from __future__ import annotations

import numpy as np
import pytest

from odenet.schemes.methods import named, names
from odenet.schemes.order import flow_order
from odenet.schemes.tables import order, relaxed_order

from .models import observed_order, plan, runner

ORDERS = {"lie": 1, "strang": 2, "mclachlan2": 2, "ruth3": 3, "yoshida4": 4, "suzuki4": 4, "mclachlan4": 4,
          "blanes_moan": 4, "triple_jump6": 6, "suzuki6": 6}
TIMED = "state q, p : R\nfield f {{ q' = p + cos(2*t)*p }}\nfield g {{ p' = -sin(q) + t*q }}\n"
TWO = "state q, p : R\nfield f {{ q' = p^3 + p }}\nfield g {{ p' = -sin(q) + t*q }}\n"
THREE = ("state x, y, z : R\nfield f {{ x' = sin(z) + cos(y) }}\nfield g {{ y' = sin(x) + cos(z) + t }}\n"
         "field k {{ z' = sin(y)*cos(x) }}\n")
WHOLE = "state q, p : R\nfield f {{ q' = p + sin(t)*q  p' = -sin(q) - q*p }}\n"
START = {"q": 0.7, "p": -0.4}
STEPS = {1: 16, 2: 8, 3: 6, 4: 4, 6: 3}
NEAR = {1: 0.6, 2: 0.6, 3: 0.6, 4: 0.6, 6: 0.85}  # few steps of a high order are far from the limit


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("head", [TIMED, TWO], ids=["clock in an exact part", "clock read by the other part"])
def test_schemes(name: str, head: str) -> None:
    body = head + f"flow net = {name}(f, g) over [0, {{end}}] steps {{steps}}"
    found = observed_order(body, ("f", "g"), START, 1, STEPS[ORDERS[name]])
    assert abs(found - ORDERS[name]) < NEAR[ORDERS[name]]


@pytest.mark.parametrize("name", ["lie", "strang", "ruth3", "yoshida4", "blanes_moan"])
def test_schemes_of_three_parts(name: str) -> None:
    body = THREE + f"flow net = {name}(f, g, k) over [0, {{end}}] steps {{steps}}"
    found = observed_order(body, ("f", "g", "k"), {"x": 0.3, "y": -0.2, "z": 0.5}, 1, STEPS[ORDERS[name]])
    assert abs(found - ORDERS[name]) < 0.6


@pytest.mark.parametrize("name", names())
def test_methods(name: str) -> None:
    table = named(name)
    assert table is not None
    proved = order(table).order
    body = WHOLE + f"flow net = lie(f: {name}) over [0, {{end}}] steps {{steps}}"
    assert abs(observed_order(body, ("f",), START, 1, STEPS[proved]) - proved) < 0.6


@pytest.mark.parametrize(("flow", "proved"), [
    ("yoshida4(f: implicit_midpoint)", 4), ("yoshida4(f: heun)", 3), ("strang(f: trapezoidal)", 2),
])
def test_schemes_of_methods(flow: str, proved: int) -> None:
    body = WHOLE + f"flow net = {flow} over [0, {{end}}] steps {{steps}}"
    model, planned = plan(body.format(end=1, steps=4))[:2]
    assert flow_order(model, planned.flow, 6).order == proved
    assert abs(observed_order(body, ("f",), START, 1, 8) - proved) < 0.6


SPHERE = ("state x, y, z : R\nfield f {{ x' = y*z + t*y  y' = x*z*sin(x) - t*x - x*y^2*z  "
          "z' = -x*y - y*x*sin(x) + x*y^3 }}\n")


@pytest.mark.parametrize("name", [name for name in names() if name not in ("euler", "implicit_euler")])
def test_relaxation(name: str) -> None:
    """The order of `relax(m)`: min(q, r - 1), and the invariant is kept to rounding."""
    table = named(name)
    assert table is not None
    proved = relaxed_order(table)
    body = SPHERE + f"flow net = lie(f: relax({name})) over [0, {{end}}] steps {{steps}}"
    start = {"x": 0.6, "y": -0.5, "z": 0.8}
    steps = {1: 32, 2: 16, 3: 8, 4: 4, 6: 2}[proved]
    assert abs(observed_order(body, ("f",), start, 1, steps) - proved) < 0.6
    path = runner(body.format(end=1, steps=8)).trajectory(start)
    lengths = [sum(value**2 for value in x.values()) for x in path]
    assert np.ptp(lengths) < 1e-14
    model, planned = plan(body.format(end=1, steps=8))[:2]
    result = flow_order(model, planned.flow, 8)
    assert result.order == proved and result.assumes == ("`f` keeps its invariant, definite on the blocks it moves",)


def test_discrete_gradient() -> None:
    body = ("state q, p : R\nfield f {{ q' = p  p' = -sin(q) }}\nclaim f : hamiltonian(p^2/2 - cos(q))\n"
            "flow net = SCHEME(f: discrete_gradient) over [0, {end}] steps {steps}")
    for scheme, proved in (("lie", 2), ("yoshida4", 4)):
        text = body.replace("SCHEME", scheme)
        assert abs(observed_order(text, ("f",), START, 1, STEPS[proved]) - proved) < 0.6
