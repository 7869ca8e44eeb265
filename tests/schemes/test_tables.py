"""Tables: published orders and properties; wrong tables must get lower orders."""
from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from odenet.ir.model import Table
from odenet.schemes.contractivity import Radius, circle_radius
from odenet.schemes.methods import named, names, table
from odenet.schemes.numbers import Exact, as_node
from odenet.schemes.tables import (
    coefficients,
    has_consistent_nodes,
    is_explicit,
    is_symmetric,
    is_symplectic,
    order,
    quadratic_order,
    relaxed_order,
    stability_function,
)
from odenet.schemes.trees import density, show, trees

ORDERS = {"euler": 1, "heun": 2, "midpoint": 2, "heun3": 3, "kutta3": 3, "ssp3": 3, "rk4": 4, "kutta38": 4,
          "implicit_euler": 1, "implicit_midpoint": 2, "trapezoidal": 2, "sdirk3": 3, "radau3": 3, "gauss4": 4,
          "gauss6": 6}


def known(name: str) -> Table:
    found = named(name)
    assert found is not None
    return found


def test_every_method_has_its_published_order() -> None:
    assert set(ORDERS) == set(names())
    assert {name: order(known(name)).order for name in names()} == ORDERS
    assert all(has_consistent_nodes(known(name)) for name in names())
    assert named("unknown") is None


@pytest.mark.parametrize("name", names())
def test_a_changed_entry_lowers_the_order(name: str) -> None:
    whole = known(name)
    for i in range(len(whole.weights)):
        weights = tuple(as_node(coefficients(whole).weights[k] + (Fraction(1, 100) if k == i else 0))
                        for k in range(len(whole.weights)))
        assert order(replace(whole, weights=weights)).order < ORDERS[name]
    for i, row in enumerate(coefficients(whole).matrix):
        for j, entry in enumerate(row):
            if entry:
                changed = [list(map(as_node, r)) for r in coefficients(whole).matrix]
                changed[i][j] = as_node(entry + Fraction(1, 1000))
                mutant = replace(whole, matrix=tuple(map(tuple, changed)))
                assert order(mutant).order < ORDERS[name] or ORDERS[name] == 1


def test_the_condition_that_fails_is_named() -> None:
    found = order(known("heun"))
    assert (found.condition, found.residual) == ("[[[]]]", Fraction(-1, 6))
    assert show(found.tree or (0, ())) == "[[[]]]"


def test_nodes_that_are_not_row_sums_count_for_t() -> None:
    rk4 = known("rk4")
    late = replace(rk4, nodes=(rk4.nodes[0], rk4.nodes[1], rk4.nodes[1], rk4.nodes[1]))
    found = order(late)
    assert not has_consistent_nodes(late)
    assert found.order == 1 and found.condition == "[t]"
    still = replace(known("trapezoidal"), nodes=(rk4.nodes[0], rk4.nodes[0]))
    assert not is_symmetric(still)


def test_structure() -> None:
    symplectic = {name for name in names() if is_symplectic(known(name))}
    symmetric = {name for name in names() if is_symmetric(known(name))}
    assert symplectic == {"implicit_midpoint", "gauss4", "gauss6"}
    assert symmetric == symplectic | {"trapezoidal"}
    assert {name for name in names() if not is_explicit(known(name))} == symmetric | {
        "implicit_euler", "sdirk3", "radau3"}


def test_structure_is_that_of_the_map_not_of_the_spelling() -> None:
    half = Fraction(1, 2)
    doubled = table([[half, 0], [0, half]], [half, half])  # implicit midpoint, its stage written twice
    idle = table([[half, 0], [1, 1]], [1, 0])  # and with a stage that nothing uses
    for spelled in (doubled, idle):
        assert is_symplectic(spelled) and is_symmetric(spelled) and circle_radius(spelled) == Radius(None, True)


def test_circle_radius() -> None:
    one = Radius(Fraction(1), True)
    assert [circle_radius(known(name)) for name in ("euler", "heun", "rk4", "ssp3")] == [one] * 4
    for name in ("implicit_euler", "implicit_midpoint", "gauss4", "radau3"):
        assert circle_radius(known(name)) == Radius(None, True)
    assert circle_radius(known("midpoint")) is None  # a weight is zero
    found = circle_radius(known("kutta38"))
    assert found is not None and found.value is not None and not found.is_sharp
    assert abs(float(found.value) - smallest_radius(known("kutta38"))) < 1e-8
    assert float(found.value) <= smallest_radius(known("kutta38"))


def smallest_radius(whole: Table) -> float:
    exacts = coefficients(whole)
    a, b = np.array([[float(x) for x in row] for row in exacts.matrix]), np.array([float(x) for x in exacts.weights])
    matrix = b[:, None] * a + (b[:, None] * a).T - np.outer(b, b)
    scaled = matrix / np.sqrt(np.outer(b, b))
    return float(-1 / np.linalg.eigvalsh(scaled)[0])


@pytest.mark.parametrize("name", names())
def test_stability_function_is_the_step_on_a_linear_field(name: str) -> None:
    z = 0.3
    exacts = coefficients(known(name))
    a, b = np.array([[float(x) for x in row] for row in exacts.matrix]), np.array([float(x) for x in exacts.weights])
    direct = 1 + z * b @ np.linalg.solve(np.eye(len(b)) - z * a, np.ones(len(b)))
    above, below = stability_function(known(name))
    value = sum(float(c) * z**k for k, c in enumerate(above)) / sum(float(c) * z**k for k, c in enumerate(below))
    assert abs(value - direct) < 1e-14
    error = [exponential_coefficient(above, below, k) for k in range(ORDERS[name] + 1)]
    assert error == [0] * (ORDERS[name] + 1)


def exponential_coefficient(above: tuple[Exact, ...], below: tuple[Exact, ...], k: int) -> Exact:
    """The coefficient of z^k in above - below * exp(z)."""
    factorials = [Fraction(1)]
    for i in range(1, k + 1):
        factorials.append(factorials[-1] / i)
    total = above[k] if k < len(above) else Exact(0)
    return total - sum((below[i] * factorials[k - i] for i in range(min(k + 1, len(below)))), Exact(0))


def test_relaxation_loses_an_order_unless_quadratics_are_kept_well() -> None:
    found = {name: relaxed_order(known(name)) for name in names()}
    assert found["heun"] == 2 and quadratic_order(known("heun")) == 3
    assert found["rk4"] == 3 and found["midpoint"] == 1 and found["euler"] == 0
    assert found["gauss4"] == 4 and quadratic_order(known("gauss4")) is None


def test_trees() -> None:
    assert [len(trees(size, 1)) for size in range(1, 9)] == [1, 1, 2, 4, 9, 20, 48, 115]  # OEIS A000081
    assert [len(trees(size, 2)) for size in range(1, 6)] == [2, 4, 14, 52, 214]  # OEIS A000151
    assert [density(tree) for tree in trees(3, 1)] == [6, 3]
