"""Members drawn from a set are in it, exactly; the extreme ones are drawn."""
from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from odenet.ir.interpret import convolve
from odenet.ir.model import ConvolutionSpace
from odenet.ir.sizes import Size
from odenet.sets import COMPATIBLE, SETS, exact, residual, sample
from odenet.sets.row import entries

ARGUMENTS = {"interval": (Fraction(-1, 3), Fraction(2)), "norm": (Fraction(3, 2),)}
SHAPES = {"orthogonal": [(3, 3), (5, 2), (2, 5), (1, 1)], "norm": [(3, 3), (4, 2), (2, 4)],
          **{name: [(), (4,), (2, 3)] for name in ("positive", "nonnegative", "interval", "binary")}}


def draws(name, count=60):
    random = Random(name)
    for shape in SHAPES.get(name, [(1, 1), (2, 2), (4, 4)]):
        for _ in range(count):
            yield shape, sample(random, shape, [(name, ARGUMENTS.get(name, ()))])


@pytest.mark.parametrize("name", SETS)
def test_members_are_exact_and_inside(name):
    arguments = tuple(map(float, ARGUMENTS.get(name, ())))
    for shape, member in draws(name):
        assert all(isinstance(e, Fraction) for e in entries(member))
        array = np.array(member, dtype=float)
        assert array.shape == shape
        assert residual(array, [(name, arguments)]) < 1e-12


def test_orthogonal_members_are_orthogonal_exactly_and_reach_every_component():
    determinants = set()
    for (rows, columns), q in draws("orthogonal", 80):
        tall = exact.multiply(exact.transpose(q), q) if rows >= columns else exact.multiply(q, exact.transpose(q))
        assert tall == exact.identity(min(rows, columns))
        if rows == columns:
            determinants.add((rows, round(float(np.linalg.det(np.array(q, dtype=float))))))
    assert {(3, 1), (3, -1), (1, 1), (1, -1)} <= determinants


def test_structure_is_exact():
    for _, s in draws("skew"):
        assert exact.add(s, exact.transpose(s)) == exact.zero(len(s), len(s))
    for _, p in draws("stochastic"):
        assert all(sum(row) == 1 and min(row) >= 0 for row in p)
    for _, p in draws("doubly_stochastic"):
        assert all(sum(row) == 1 and min(row) >= 0 for row in (*p, *exact.transpose(p)))
    for _, m in draws("laplacian"):
        assert all(sum(row) == 0 for row in m) and m == exact.transpose(m)


@pytest.mark.parametrize("name, extreme", [("interval", Fraction(-1, 3)), ("interval", Fraction(2)), ("nonnegative", Fraction(0)),
                                           ("positive", Fraction(1))])
def test_ends_are_drawn(name, extreme):
    assert any(set(entries(m)) == {extreme} for _, m in draws(name))


def test_the_norm_bound_is_reached_and_kept_exactly():
    sizes = [np.linalg.norm(np.array(m, dtype=float), 2) for _, m in draws("norm")]
    assert max(sizes) == pytest.approx(1.5, abs=1e-12) and min(sizes) == 0


@pytest.mark.parametrize("padding", ["circular", "zero"])
def test_kernels_keep_the_norm_of_the_operator(padding):
    random, space = Random(3), ConvolutionSpace(Size.number(2), Size.number(3), 3, padding, 1)
    reached = 0.0
    for _ in range(12):
        kernel = np.array(sample(random, (3, 2, 3, 3), [("norm", (Fraction(1),))]), dtype=float)
        unit = np.eye(2 * 4 * 4).reshape(-1, 2, 4, 4)
        matrix = np.array([convolve(kernel, e, space).ravel() for e in unit]).T
        size = np.linalg.norm(matrix, 2)
        assert size <= 1 + 1e-12
        reached = max(reached, size)
    assert reached > 0.99


@pytest.mark.parametrize("shape", [(2, 2, 3, 3), (3, 2, 3, 3), (2, 3, 5, 5), (1, 1, 3, 3)], ids=str)
def test_orthogonal_kernels_keep_lengths(shape):
    random, (outputs, inputs, size, _) = Random(5), shape
    space, centred, moved = ConvolutionSpace(Size.number(inputs), Size.number(outputs), size, "circular", 1), 0, 0
    for _ in range(12):
        kernel = np.array(sample(random, shape, [("orthogonal", ())]), dtype=float)
        assert residual(kernel, [("orthogonal", ())]) < 1e-12 < residual(1.001 * kernel, [("orthogonal", ())])
        for height, width in ((4, 3), (1, 2)):
            units = np.eye(inputs * height * width).reshape(-1, inputs, height, width)
            matrix = np.array([convolve(kernel, e, space).ravel() for e in units]).T
            gram = matrix.T @ matrix if outputs >= inputs else matrix @ matrix.T
            assert np.abs(gram - np.eye(len(gram))).max() < 1e-12
        at_centre = np.abs(kernel[:, :, size // 2, size // 2]).sum() == np.abs(kernel).sum()
        centred, moved = centred + at_centre, moved + (not at_centre)
    assert centred and moved


@pytest.mark.parametrize("pair", sorted(map(sorted, COMPATIBLE)), ids="-".join)
def test_members_of_two_sets(pair):
    random = Random("both")
    sets = [(name, ARGUMENTS.get(name, ())) for name in pair]
    for _ in range(40):
        member = np.array(sample(random, (3, 3), sets), dtype=float)
        assert residual(member, [(n, tuple(map(float, a))) for n, a in sets]) < 1e-9


def test_residuals_see_what_is_outside():
    outside = {"positive": -np.ones(2), "nonnegative": -np.ones(2), "binary": np.zeros(2), "orthogonal": 2 * np.eye(2),
               "skew": np.eye(2), "symmetric": np.array([[0, 1.0], [0, 0]]), "psd": -np.eye(2),
               "diagonal": np.ones((2, 2)), "lower": np.ones((2, 2)), "upper": np.ones((2, 2)), "stochastic": np.ones((2, 2)),
               "doubly_stochastic": np.array([[1.0, 0], [1, 0]]), "laplacian": np.ones((2, 2))}
    for name, value in outside.items():
        assert SETS[name].residual(value) > 0.1, name
    assert SETS["interval"].residual(np.array([3.0]), 0.0, 2.0) == 1 and SETS["norm"].residual(3 * np.eye(2), 1.0) == 2
