"""Every row of the table of elementwise functions says the truth about its function."""
from __future__ import annotations

import importlib.util
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx

from odenet.ir.differentiate import gradient
from odenet.ir.interpret import Environment, evaluate
from odenet.ir.node import function, variable
from odenet.ir.sizes import SCALAR
from odenet.operators.enclosures import ENCLOSURES, enclose, rational
from odenet.operators.functions import FUNCTIONS, call, public_names

PARAMETERS = {"leaky_relu": [(Fraction(1, 4),), (Fraction(0),), (Fraction(2),), (Fraction(-1, 2),)],
              "elu": [(Fraction(1),), (Fraction(1, 2),), (Fraction(2),)],
              "celu": [(Fraction(1),), (Fraction(1, 2),), (Fraction(2),)],
              "sinc_slope": [(Fraction(1),), (Fraction(2),), (Fraction(3),)]}
for _family in ("leaky_relu", "elu", "celu"):
    for _suffix in ("_slope", "_curvature"):
        PARAMETERS[_family + _suffix] = PARAMETERS[_family]
CASES = [(name, p) for name in FUNCTIONS for p in PARAMETERS.get(name, [()])]
POINTS = np.concatenate([np.linspace(-30, 30, 4001), np.linspace(-3, 3, 2001)]) + 1e-3
Z = variable("z", SCALAR)


def label(case):
    return f"{case[0]}{tuple(map(str, case[1])) or ''}"


def points(row):
    if row.domain in ("positive", "nonnegative"):
        return np.abs(POINTS) + 1e-6
    if row.domain == "off the poles":
        return POINTS[np.abs(np.cos(POINTS)) > 0.05]
    return POINTS


def values(name, parameters, z):
    return FUNCTIONS[name].numpy(z, *map(float, parameters))


@pytest.mark.parametrize("case", CASES, ids=label)
def test_values_lie_in_the_range_and_reach_its_sharp_ends(case):
    name, parameters = case
    found, row = FUNCTIONS[name].values(*parameters), FUNCTIONS[name]
    y = values(name, parameters, points(row))
    slack = 1e-12 * (1 + np.abs(y).max())
    assert found.low is None or y.min() >= float(found.low) - slack
    assert found.high is None or y.max() <= float(found.high) + slack
    wide = values(name, parameters, np.concatenate([points(row), [0.0] if row.domain == "all" else []]))
    if found.is_sharp:
        for end, reached in ((found.low, wide.min()), (found.high, wide.max())):
            assert end is None or abs(float(end) - reached) < 0.06, name
    if found.low is None:
        assert y.min() < -3
    if found.high is None:
        assert y.max() > 3


@pytest.mark.parametrize("case", CASES, ids=label)
def test_the_derivative_is_the_slope(case):
    name, parameters = case
    row, h = FUNCTIONS[name], 1e-5
    z = points(row)
    z = z[(np.abs(z) > 1e-3) & (np.abs(z) < 12)]
    slope = row.derivative(Z, *parameters)
    exact = np.array([evaluate(slope, Environment(variables={"z": x})) for x in z[::17]])
    rough = (values(name, parameters, z[::17] + h) - values(name, parameters, z[::17] - h)) / (2 * h)
    assert np.allclose(exact, rough, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_parity_monotonicity_convexity(case):
    name, parameters = case
    row = FUNCTIONS[name]
    z = np.sort(points(row))
    y = values(name, parameters, z)
    if row.parity is not None:
        mirrored = values(name, parameters, -z)
        assert np.allclose(mirrored, y if row.parity == "even" else -y, atol=1e-12)
    if row.increasing(*parameters):
        assert np.all(np.diff(y) >= -1e-12 * (1 + np.abs(y[1:])))
    if row.domain == "all" and row.smoothness != -1:
        left, right = POINTS[:-7], POINTS[7:]
        f = lambda x: values(name, parameters, x)  # noqa: E731
        gap = (f(left) + f(right)) / 2 - f((left + right) / 2)
        if row.convex(*parameters):
            assert gap.min() >= -1e-9 * (1 + np.abs(f(left)).max())


@pytest.mark.parametrize("case", CASES, ids=label)
def test_enclosures_hold_the_values(case):
    name, parameters = case
    row = FUNCTIONS[name]
    rng = np.random.default_rng(1)
    for centre in rng.choice(points(row), 40):
        if abs(centre) > 20:
            continue
        radius = float(rng.choice([0, 1e-6, 0.1, 1.0]))
        if row.domain != "all":
            radius = min(radius, centre / 4 if centre > 0 else 1e-3)
        ball = enclose(name, arb(centre, radius), *parameters)
        for x in np.linspace(centre - radius, centre + radius, 9):
            inner = enclose(name, arb(x), *parameters)
            assert ball.overlaps(inner), (name, centre, radius)
            assert abs(float(inner.mid()) - values(name, parameters, np.float64(x))) < 1e-9 * (1 + abs(float(inner.mid())))


def test_every_row_has_an_enclosure():
    assert set(ENCLOSURES) == set(FUNCTIONS)


# name, where the tails begin (there the function is within the slack of its limit, or runs to infinity), which ends
IRRATIONAL = [("silu", 60, "low"), ("silu_slope", 60, "low high"), ("gelu", 14, "low"), ("gelu_slope", 14, "low high"),
              ("sinc", 12, "low"), ("normal_density", 14, "high"), ("atan", 10**6, "low high")]


@pytest.mark.parametrize("name, tail, ends", IRRATIONAL)
def test_rational_enclosures_of_irrational_ranges(name, tail, ends):
    """By branch and bound in balls on [-tail, tail]."""
    ctx.prec = 64
    found = FUNCTIONS[name].values()
    cells = [(arb(-tail), arb(tail))]
    for _ in range(100_000):
        if not cells:
            return
        low, high = cells.pop()
        ball = enclose(name, low.union(high))
        if ("low" not in ends or ball >= rational(found.low)) and ("high" not in ends or ball <= rational(found.high)):
            continue
        middle = arb(((low + high) / 2).mid())
        assert high - low > arb("1e-9"), f"{name} near {middle}"
        cells += [(low, middle), (middle, high)]
    pytest.fail("too many cells")


def test_defaults_are_put_in():
    assert call("elu", Z) == function("elu", Z, Fraction(1))
    assert "threshold" in public_names() and "tanh_slope" not in public_names()


@pytest.fixture(scope="module")
def torch_rows(tmp_path_factory):
    """The torch texts of all rows as a module, as the emitter writes them."""
    path = tmp_path_factory.mktemp("rows") / "torch_rows.py"
    lines = ["import math", "import torch"]
    for i, (name, parameters) in enumerate(CASES):
        if not FUNCTIONS[name].runtime:
            text = FUNCTIONS[name].torch.format("z", *(repr(float(p)) for p in parameters))
            lines += [f"def row{i}(z):", f"    return {text}"]
    path.write_text("\n".join(lines))
    spec = importlib.util.spec_from_file_location("torch_rows", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("case", [c for c in CASES if not FUNCTIONS[c[0]].runtime], ids=label)
def test_torch_text_agrees_with_numpy(case, torch_rows):
    import torch

    name, parameters = case
    z = points(FUNCTIONS[name])[::31]
    found = getattr(torch_rows, f"row{CASES.index(case)}")(torch.tensor(z, dtype=torch.float64))
    assert np.allclose(np.broadcast_to(found.numpy(), z.shape), values(name, parameters, z), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["logcosh", "softplus", "sigmoid", "tanh_slope", "sigmoid_slope", "silu", "gelu", "exp"])
def test_stable_far_out(name):
    with np.errstate(over="raise", invalid="raise"):
        y = FUNCTIONS[name].numpy(np.array([-700.0, 700.0]))
    assert np.all(np.isfinite(y))


INTEGRABLE = [case for case in CASES if FUNCTIONS[case[0]].antiderivative is not None]


@pytest.mark.parametrize("case", INTEGRABLE, ids=label)
def test_the_antiderivative_has_the_function_as_its_slope(case):
    """Exactly, by the derivatives on record, and roughly, by differences; and it is continuous where the function has a kink."""
    name, parameters = case
    row, h = FUNCTIONS[name], 1e-5
    whole = row.antiderivative(Z, *parameters)
    z = points(row)
    z = z[(np.abs(z) > 1e-3) & (np.abs(z) < 12)][::17]

    def at(node, x):
        return np.array([evaluate(node, Environment(variables={"z": v})) for v in x])

    assert np.allclose(at(gradient(whole, ("z",))["z"], z), values(name, parameters, z), rtol=1e-9, atol=1e-9)
    assert np.allclose((at(whole, z + h) - at(whole, z - h)) / (2 * h), values(name, parameters, z), rtol=2e-5, atol=2e-5)
    if row.domain == "all":
        assert abs(at(whole, [1e-9])[0] - at(whole, [-1e-9])[0]) < 1e-7


def test_the_antiderivative_uses_functions_that_users_may_write():
    for name, parameters in INTEGRABLE:
        for node in FUNCTIONS[name].antiderivative(Z, *parameters).walk():
            assert node.op != "function" or FUNCTIONS[node.data[0]].is_public
