"""Published tables and compositions have their published orders, and no other: exactly, and fast."""
from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from odenet.ir.model import Method
from odenet.schemes.lifting import as_two
from odenet.schemes.numbers import Exact, as_node
from odenet.schemes.order import Traits, composition_order, is_palindromic, traits
from odenet.schemes.tables import coefficients, has_consistent_nodes, is_symmetric, is_symplectic, order

from .prelude import ORDERS, stages
from .published import ROUNDED, TABLES, Stages, fractal, strangs

EXACT = Traits(None, True)
SLOW = 2.0  # seconds of computing


@pytest.mark.parametrize("name", TABLES)
def test_a_published_table(name: str) -> None:
    published, began = TABLES[name], time.process_time()
    found = order(published.table)
    assert time.process_time() - began < SLOW
    assert found.order == published.order and has_consistent_nodes(published.table)
    assert found.residual is None if published.order == 8 else found.residual
    assert is_symplectic(published.table) == published.is_symplectic
    assert is_symmetric(published.table) == published.is_symmetric


@pytest.mark.parametrize("name", TABLES)
def test_no_table_with_one_weight_changed_keeps_its_order(name: str) -> None:
    published = TABLES[name]
    weights = coefficients(published.table).weights
    for place in range(len(weights)):
        changed = tuple(as_node(w + (Fraction(1, 10**12) if i == place else 0)) for i, w in enumerate(weights))
        assert order(replace(published.table, weights=changed)).order == 0


@pytest.mark.parametrize("name", [name for name in TABLES if TABLES[name].order < 8])
def test_no_table_with_one_entry_changed_keeps_its_order(name: str) -> None:
    """Entries of stages that count (by the weight of the stage or of one that uses it); nodes follow."""
    published, exacts = TABLES[name], coefficients(TABLES[name].table)
    used = {i for i, w in enumerate(exacts.weights) if w} | {
        j for i, line in enumerate(exacts.matrix) if exacts.weights[i] for j, a in enumerate(line) if a}
    for i in used:
        for j, entry in enumerate(exacts.matrix[i]):
            if entry:
                lines = [list(line) for line in exacts.matrix]
                lines[i][j] = entry + Fraction(1, 10**12)
                mutant = replace(published.table, matrix=tuple(tuple(map(as_node, line)) for line in lines),
                                 nodes=tuple(as_node(sum(line, Exact(0))) for line in lines))
                assert order(mutant).order < published.order


@pytest.mark.parametrize("name", ROUNDED)
def test_decimals_have_their_order_up_to_rounding_only(name: str) -> None:
    """The verdict is exact: order 2, with a residual of the size of the rounding."""
    lengths, meant, _ = ROUNDED[name]
    whole = strangs(*lengths)
    found = composition_order(whole, [EXACT] * 2, meant)
    assert found.order == 2 and found.residual is not None and 0 < abs(float(found.residual)) < 1e-12
    assert abs(_slope(whole) - meant - 1) < 0.4  # in floating point it looks like the order that is meant


def _slope(whole: Stages) -> float:
    """How the error of a product of exponentials of random matrices shrinks with the step."""
    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, 4, 4))

    def error(h: float) -> float:
        result = np.eye(4)
        for part, c in whole:
            result = _exponential(h * float(c) * (one, other)[part]) @ result
        return float(np.abs(result - _exponential(h * (one + other))).max())

    return float(np.log2(error(0.1) / error(0.05)))


def _exponential(matrix: np.ndarray) -> np.ndarray:
    term = total = np.eye(len(matrix))
    for k in range(1, 60):
        term = term @ matrix / k
        total = total + term
    return total


def test_fractals_of_orders_six_and_eight() -> None:
    whole = strangs(Fraction(1))
    for meant in (4, 6, 8):
        whole = fractal(whole, meant - 2)
        began = time.process_time()
        assert composition_order(whole, [EXACT] * 2, meant).order == meant and is_palindromic(whole, [EXACT] * 2)
        assert time.process_time() - began < 2 * SLOW
    assert len(whole) == 251
    assert composition_order(stages("suzuki6"), [EXACT] * 2, 7).at_least(7) is False


def test_a_fractal_with_one_coefficient_off() -> None:
    whole = fractal(fractal(strangs(Fraction(1)), 2), 4)
    for place in (0, 7, 25):  # symmetric changes that keep the sums: up by one, down by one, both sides
        moved = list(whole)
        for i, by in ((place, 1), (place + 2, -1), (len(whole) - 1 - place, 1), (len(whole) - 3 - place, -1)):
            moved[i] = (moved[i][0], moved[i][1] + Fraction(by, 10**9))
        found = composition_order(moved, [EXACT] * 2, 6)
        assert found.order < 6 and found.residual


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("parts", [3, 5])
def test_a_lifted_scheme_is_seen_to_be_one(name: str, parts: int) -> None:
    fewer = as_two(stages(name, parts), parts)
    assert fewer is not None
    began = time.process_time()
    assert composition_order(stages(name, parts), [EXACT] * parts, ORDERS[name] + 1).order == ORDERS[name]
    assert time.process_time() - began < SLOW


def test_a_scheme_of_three_parts_of_its_own() -> None:
    """Not lifted from two parts: C moves in other places."""
    own = [(0, Exact(Fraction(1, 2))), (2, Exact(Fraction(1, 2))), (1, Exact(1)), (2, Exact(Fraction(1, 2))),
           (0, Exact(Fraction(1, 2)))]
    assert as_two(own, 3) is None and composition_order(own, [EXACT] * 3, 3).order == 2
    lopsided = [(0, Exact(Fraction(1, 2))), (1, Exact(Fraction(1, 2))), (2, Exact(1)), (0, Exact(Fraction(1, 2))),
                (1, Exact(Fraction(1, 2)))]
    assert as_two(lopsided, 3) is None and composition_order(lopsided, [EXACT] * 3, 3).order == 1


@pytest.mark.parametrize(("scheme", "names", "meant"), [
    ("triple_jump6", ["gauss 8", "gauss 8"], 6), ("triple_jump8", ["gauss 8", None], 8),
    ("suzuki6", ["lobatto IIIA 6", "lobatto IIIA 4"], 6), ("yoshida4", ["lobatto IIIB 4", "lobatto IIIA 4", None], 4),
    ("yoshida4", ["dormand prince 5", None], 4), ("yoshida4", ["radau IIA 5", "butcher 6"], 4),
    ("suzuki6", ["dormand prince 5", None], 5), ("suzuki6", ["butcher 6", "cooper verner 8"], 6),
    ("strang", ["lobatto IIIC 2", "radau IA 3"], 2), ("ruth3", ["radau IA 3", None], 3),
])
def test_mixed_methods(scheme: str, names: list[str | None], meant: int) -> None:
    methods = [EXACT if name is None else traits(Method(name, "runge_kutta", TABLES[name].table)) for name in names]
    whole, began = stages(scheme, len(names)), time.process_time()
    found = composition_order(whole, methods, meant + 1)
    assert time.process_time() - began < SLOW
    assert found.order == meant and found.at_least(meant + 1) is False and found.residual
