"""Interval arithmetic encloses, slope ranges are what the functions have, tensor rows know their shapes."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odenet.ir.differentiate import slope_range
from odenet.ir.interpret import Environment, evaluate
from odenet.ir.node import Node, add, function, mul, number, power, same, variable
from odenet.ir.sizes import SCALAR, Size, Space
from odenet.operators.between import power_of, values_between
from odenet.operators.functions import FUNCTIONS, Range
from odenet.operators.properties import PROPERTIES
from odenet.operators.ranges import FREE, value_range
from odenet.operators.tensors import TENSORS, Unfit, square_root, triangle_side

Z = variable("z", SCALAR)
N, M = Size.dim("n"), Size.dim("m")
ONE_VARIABLE = [name for name, row in FUNCTIONS.items() if row.domain == "all" and row.is_public and None not in row.defaults]


def expressions():
    fractions = st.fractions(-3, 3, max_denominator=4)
    leaf = st.one_of(fractions.map(number), st.just(Z))
    return st.recursive(leaf, lambda inner: st.one_of(
        st.builds(add, inner, inner), st.builds(mul, inner, inner),
        st.builds(lambda f, x: function(f, x, *(d for d in FUNCTIONS[f].defaults)), st.sampled_from(ONE_VARIABLE), inner),
        st.builds(power, inner, st.sampled_from([2, 3, 4])),
        st.builds(lambda x, y: same("largest", x, y), inner, inner),
        st.builds(lambda x, y: same("smallest", x, y), inner, inner)), max_leaves=6)


@settings(max_examples=150, deadline=None)
@given(expressions(), st.fractions(-4, 4, max_denominator=3), st.fractions(0, 3, max_denominator=3))
def test_ranges_enclose(node: Node, low: Fraction, width: Fraction):
    found = value_range(node, lambda leaf: Range(low, low + width, True, True))
    free = value_range(node, lambda leaf: FREE)
    for k in range(5):
        x = float(low + width * Fraction(k, 4))
        value = float(evaluate(node, Environment(variables={"z": x})))
        slack = 1e-9 * (1 + abs(value))
        for each in (found, free):
            assert each.low is None or value >= float(each.low) - slack
            assert each.high is None or value <= float(each.high) + slack


@pytest.mark.parametrize("node, low, high, sharp", [
    (function("tanh", Z), 0, 1, True),
    (function("leaky_relu", Z, Fraction(1, 2)), Fraction(1, 2), 1, True),
    (add(mul(number(3), function("sin", mul(number(2), Z))), Z), -5, 7, True),
    (mul(number(-1), function("softplus", Z)), -1, 0, True),
    (add(function("tanh", Z), function("sin", Z)), -1, 2, False),
    (function("tanh", mul(number(2), function("tanh", Z))), 0, 2, False),
    (number(5), 0, 0, True),
])
def test_slope_ranges(node, low, high, sharp):
    found = slope_range(node, Z)
    assert (found.low, found.high, found.is_sharp) == (low, high, sharp)


def test_a_slope_range_that_is_not_known():
    assert slope_range(mul(Z, function("sin", Z)), Z) is None


@pytest.mark.parametrize("size, side", [(N * (N - Size.number(1)), None), ((N * (N - Size.number(1))).scaled(Fraction(1, 2)), N),
                                        (Size.number(6), Size.number(4)), (Size.number(5), None),
                                        (((N + M) * (N + M - Size.number(1))).scaled(Fraction(1, 2)), N + M)])
def test_the_side_of_a_triangle(size, side):
    assert triangle_side(size) == side


def test_square_roots_of_polynomials():
    root = N * N + M.scaled(Fraction(3)) + Size.number(2)
    assert square_root(root * root) == root
    assert square_root(root * root + N) is None


def test_tensor_rows():
    v, a = variable("v", Space((N,))), variable("a", Space((M, N)))
    assert TENSORS["outer"].make(v, v).space == Space((N, N))
    assert TENSORS["concat"].make(v, Z, v).space == Space((N + N + Size.number(1),))
    assert TENSORS["max"].make(v, Z).space == v.space
    for name, arguments in (("skew", (v,)), ("diag", (a,)), ("sym", (a,)), ("dot", (v, a)), ("cumsum", (a,))):
        with pytest.raises(Unfit):
            TENSORS[name].make(*arguments)


def test_rows_of_properties_are_complete():
    assert len(PROPERTIES) == 19
    assert all(row.meaning and row.least <= len(row.arguments) for row in PROPERTIES.values())


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_values_between_enclose_samples(name):
    row = FUNCTIONS[name]
    rng = np.random.default_rng(1)
    parameters = tuple(Fraction(1, 2) if d is None else d for d in row.defaults)
    for _ in range(60):
        low, high = sorted(Fraction(int(v), 4) for v in rng.integers(-12, 13, 2))
        if row.domain != "all":
            low, high = abs(low) / 10 + Fraction(1, 100), abs(low) / 10 + abs(high) / 10 + Fraction(1, 100)
        for one, other in ((low, high), (low, None), (None, high)):
            below, above = values_between(name, parameters, one, other)
            start = float(low) if one is not None else float(high) - 9 if row.domain == "all" else 1e-3
            stop = float(high) if other is not None else start + 9 if row.domain != "off the poles" else 1.5
            values = row.numpy(np.linspace(start, stop, 41), *map(float, parameters))
            slack = 1e-9 * (1 + np.abs(values))
            assert below is None or np.all(values >= float(below) - slack), (name, one, other)
            assert above is None or np.all(values <= float(above) + slack), (name, one, other)


@pytest.mark.parametrize("exponent", [Fraction(1, 2), Fraction(3, 2), Fraction(2, 3), Fraction(7, 5)])
def test_powers_are_enclosed(exponent):
    for value in (Fraction(0), Fraction(4), Fraction(8, 27), Fraction(7, 3), Fraction(1, 10**9), Fraction(10**7)):
        low, high = power_of(value, exponent)
        assert low**exponent.denominator <= value**exponent.numerator <= high**exponent.denominator
    assert power_of(Fraction(4, 9), Fraction(3, 2)) == (Fraction(8, 27), Fraction(8, 27))
