"""Orders of compositions: published values, mutants, an independent computation in matrices."""
from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from odenet.ir.model import Method
from odenet.schemes.methods import named
from odenet.schemes.numbers import Exact
from odenet.schemes.order import Traits, asymmetry, composition_order, is_palindromic, traits
from odenet.schemes.words import lyndon_words

from .prelude import ORDERS, SYMMETRIC, stages

EXACT = Traits(None, True)
QUICK = [name for name in ORDERS if name != "triple_jump8"]


def method(name: str) -> Traits:
    return traits(Method(name, "runge_kutta", named(name)))


@pytest.mark.parametrize("name", ORDERS)
def test_prelude(name: str) -> None:
    found = composition_order(stages(name), [EXACT] * 2, ORDERS[name] + 1)
    assert found.order == ORDERS[name] and found.at_least(ORDERS[name] + 1) is False
    assert is_palindromic(stages(name), [EXACT] * 2) == SYMMETRIC[name]


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("parts", [3, 4])
def test_lifted_schemes_keep_their_order(name: str, parts: int) -> None:
    wanted = min(ORDERS[name], 5)
    found = composition_order(stages(name, parts), [EXACT] * parts, wanted)
    assert found.order == wanted
    if ORDERS[name] < 5:
        assert composition_order(stages(name, parts), [EXACT] * parts, 5).at_least(ORDERS[name] + 1) is False
    assert is_palindromic(stages(name, parts), [EXACT] * parts) == SYMMETRIC[name]


@pytest.mark.parametrize("name", QUICK)
def test_a_changed_coefficient_lowers_the_order(name: str) -> None:
    for place in range(min(len(stages(name)), 13)):
        mutant = [(part, c + (Fraction(1, 1000) if i == place else 0)) for i, (part, c) in enumerate(stages(name))]
        assert composition_order(mutant, [EXACT] * 2, 4).order == 0
    pushed = [(part, c + shift) for (part, c), shift in zip(stages(name), _shifts(stages(name)), strict=True)]
    assert composition_order(pushed, [EXACT] * 2, 4).order <= 2 if ORDERS[name] > 2 else True


def _shifts(whole: list[tuple[int, Exact]]) -> list[Fraction]:
    """Changes that keep the sums and the symmetry."""
    ours = [i for i, (part, _) in enumerate(whole) if part == 1]
    if len(ours) < 3:
        ours = [i for i, (part, _) in enumerate(whole) if part == 0]
    shifts = [Fraction(0)] * len(whole)
    if len(ours) >= 3:
        shifts[ours[0]] = shifts[ours[-1]] = Fraction(1, 100)
        shifts[ours[len(ours) // 2]] -= Fraction(2, 100)
    return shifts


def parsed(text: str) -> list[tuple[int, Exact]]:
    return [("AB".index(word[0]), Exact(Fraction(word[2:-1]))) for word in text.split()]


def test_a_rational_yoshida_has_order_two() -> None:
    near = parsed("A(27/40) B(27/20) A(-7/40) B(-17/10) A(-7/40) B(27/20) A(27/40)")
    found = composition_order(near, [EXACT] * 2, 4)
    assert found.order == 2 and found.residual and is_palindromic(near, [EXACT] * 2)


def test_sums_and_commutators() -> None:
    zero = composition_order(parsed("A(1/2) B(1) A(2/5)"), [EXACT] * 2, 1)
    assert (zero.order, zero.residual) == (0, Fraction(-1, 10))
    assert zero.condition == "the word A"
    tilted = composition_order(parsed("A(1/3) B(1) A(2/3)"), [EXACT] * 2, 2)
    assert (tilted.order, tilted.residual) == (1, Fraction(-1, 6))


@pytest.mark.parametrize(("scheme", "parts", "order"), [
    ("lie", ["euler"], 1), ("lie", ["rk4"], 4), ("lie", ["heun", None], 1), ("strang", ["heun", None], 2),
    ("strang", ["euler", None], 1), ("strang", [None, "euler"], 1), ("strang", ["rk4", "heun"], 2),
    ("strang", ["implicit_midpoint"], 2), ("yoshida4", ["implicit_midpoint"], 4), ("yoshida4", ["heun"], 3),
    ("yoshida4", ["implicit_midpoint", None], 4), ("yoshida4", ["implicit_midpoint", "trapezoidal", None], 4),
    ("mclachlan4", ["implicit_midpoint", None], 2), ("suzuki4", ["trapezoidal"], 4), ("yoshida4", ["rk4", "rk4"], 4),
    ("triple_jump6", ["implicit_midpoint"], 6), ("triple_jump6", ["gauss4"], 6), ("triple_jump6", ["rk4"], 5),
])
def test_methods_inside_schemes(scheme: str, parts: list[str | None], order: int) -> None:
    methods = [EXACT if name is None else method(name) for name in parts]
    found = composition_order(stages(scheme, len(parts)), methods, 7)
    assert found.order == order and found.at_least(order + 1) is False and found.residual


def test_methods_that_are_no_series() -> None:
    gradient = traits(Method("discrete_gradient", "discrete_gradient"))
    relaxed = traits(Method("relax", "relax", inner=Method("heun", "runge_kutta", named("heun"))))
    assert composition_order(stages("lie", 1), [gradient], 3).at_least(3) is False
    assert composition_order(stages("yoshida4", 1), [gradient], 4).at_least(4) is True
    assert composition_order(stages("lie", 1), [relaxed], 3).order == 2
    assert composition_order(stages("lie", 2), [EXACT, relaxed], 2).at_least(2) is False


def test_not_symmetric_is_proved() -> None:
    assert asymmetry(stages("strang"), [EXACT] * 2) is None
    assert asymmetry(stages("lie"), [EXACT] * 2) is not None
    assert asymmetry(stages("ruth3"), [EXACT] * 2) is not None
    assert asymmetry(stages("lie", 1), [method("heun")]) is not None
    assert asymmetry(stages("strang"), [EXACT, method("rk4")]) is not None
    assert asymmetry(stages("lie", 1), [method("gauss4")]) is None
    assert asymmetry(parsed("A(1/3) B(1) A(2/3)"), [EXACT] * 2) is not None


def test_the_exact_flow_has_every_order() -> None:
    assert composition_order(stages("yoshida4", 1), [EXACT], 50).order == 50
    assert composition_order([(0, Exact(2))], [EXACT], 1).order == 0


def test_lyndon_words_are_those_smaller_than_their_rotations() -> None:
    letters = ((0, 1), (1, 1), (1, 3))
    for degree in range(1, 7):
        found = set(lyndon_words(letters, degree))
        every = {word for size in range(1, degree + 1) for word in product(letters, repeat=size)
                 if sum(j for _, j in word) == degree}
        assert found == {w for w in every if all(w < w[i:] + w[:i] for i in range(1, len(w)))}


@pytest.mark.parametrize("name", QUICK)
def test_against_matrix_exponentials(name: str) -> None:
    """Another computation: the error of the product of exponentials of random matrices, at two step sizes."""
    rng = np.random.default_rng(1)
    generators = [rng.standard_normal((5, 5)) for _ in range(2)]

    def error(h: float) -> float:
        whole = np.eye(5)
        for part, c in stages(name):
            whole = _exponential(h * float(c) * generators[part]) @ whole
        return float(np.abs(whole - _exponential(h * (generators[0] + generators[1]))).max())

    h = {1: 0.02, 2: 0.02, 3: 0.04, 4: 0.04, 6: 0.12}[ORDERS[name]]
    assert abs(np.log2(error(h) / error(h / 2)) - ORDERS[name] - 1) < 0.35


def _exponential(matrix: np.ndarray) -> np.ndarray:
    term = total = np.eye(len(matrix))
    for k in range(1, 40):
        term = term @ matrix / k
        total = total + term
    return total


CLOCKED = """model Clocked
state q, p : R
method odd = table([0, 0], [[0, 0], [1, 0]], [1/2, 1/2])
field f { q' = p }
field g { p' = -sin(q) + PUSH }
flow net = strang(NAMED) over [0, 1] steps 4
claim net : order(2)
"""


@pytest.mark.parametrize(("parts", "push", "verdict"), [
    ("f: heun, g: odd", "t", "proved"), ("g: odd, f: heun", "t", "refuted"), ("g: odd, f: heun", "1", "proved")])
def test_nodes_matter_only_to_the_part_that_moves_the_clock_and_sees_it(parts: str, push: str, verdict: str) -> None:
    from odenet.driver import loads

    assert loads(CLOCKED.replace("NAMED", parts).replace("PUSH", push)).verify(seconds=2).findings[0].verdict == verdict


LOOSE = """model Loose
state x, y, z : R
method double = table([0, 1], [[0, 0], [1, 0]], [0, 2])
method late = table([0], [[1/2]], [1])
scheme quarters(A) = A(1/4) A(1/4)
field timed { x' = t*x }
field turn { x' = (1 + t)*y  y' = -(1 + t)*x }
field chain { y' = z }
field end { x' = y }
field apart { z' = sin(z) }
flow loose = quarters(timed: double) over [0, 1] steps 4
flow lately = lie(turn: relax(late)) over [0, 1] steps 4
flow deep = lie(end: euler, chain: euler) over [0, 1] steps 4
flow parted = lie(apart: rk4, end: euler) over [0, 1] steps 4
"""


@pytest.mark.parametrize(("claim", "verdict"), [
    ("loose : order(1)", "proved"), ("loose : order(2)", "refuted"),  # the lengths add up to 1/2: the clock stops halfway
    ("lately : order(1)", "proved"), ("lately : order(2)", "refuted"),
    ("deep : order(1)", "proved"), ("deep : order(2)", "refuted"),  # end[chain]
    ("parted : order(4)", "proved"), ("parted : order(5)", "refuted"),  # neither sees the other
])
def test_orders_of_what_the_parts_read_and_move(claim: str, verdict: str) -> None:
    from odenet.driver import loads

    found = loads(LOOSE + f"claim {claim}\n").verify(seconds=3).findings[0]
    assert found.verdict == verdict, found.reason
