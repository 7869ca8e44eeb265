"""Membership is decided exactly: what the samplers draw is inside, what is moved out is not."""
from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from flint import arb, fmpq

from odenet.ir import node as nodes
from odenet.ir.model import ConvolutionSpace, Parameter, ParameterSet
from odenet.ir.sizes import Size, Space
from odenet.proof.refute.members import TESTS, is_member, is_semidefinite, is_short
from odenet.proof.refute.scalars import exact
from odenet.proof.refute.tensors import Tensor, tensor
from odenet.recheck.witness.members import MEMBERS
from odenet.sets.table import SETS, sample
from odenet.text import Span

HERE = Span(0, 0)
ARGUMENTS = {"interval": (Fraction(1, 3), Fraction(2)), "norm": (Fraction(3, 2),)}


def parameter(name, shape):
    arguments = tuple(nodes.number(a) for a in ARGUMENTS.get(name, ()))
    space = Space(tuple(Size.number(n) for n in shape))
    if len(shape) == 4:
        space = ConvolutionSpace(Size.number(shape[1]), Size.number(shape[0]), shape[2], "circular", 1)
    return Parameter("A", space, None, (ParameterSet(name, arguments, HERE),), False, None, HERE)


@pytest.mark.parametrize("name", sorted(SETS))
def test_what_is_drawn_is_inside(name):
    chance, bounds = Random(3), [[exact(a) for a in ARGUMENTS.get(name, ())]]
    for shape in ((2, 2), (3, 3), (1, 1)):
        for _ in range(15):
            value = tensor(sample(chance, shape, [(name, ARGUMENTS.get(name, ()))]))
            assert is_member(parameter(name, shape), value, bounds), value


def test_kernels():
    chance = Random(4)
    for _ in range(15):
        value = tensor(sample(chance, (2, 2, 3, 3), [("norm", (Fraction(3, 2),))]))
        assert is_member(parameter("norm", (2, 2, 3, 3)), value, [[exact(Fraction(3, 2))]])
        most = max(abs(item) for item in value.items)
        if most:
            assert not is_member(parameter("norm", (2, 2, 3, 3)), value.map(lambda a, m=most: a * 4 / m), [[exact(Fraction(3, 2))]])


def test_kernels_that_keep_lengths():
    chance = Random(5)
    for shape in ((2, 2, 3, 3), (3, 1, 3, 3), (1, 3, 5, 5), (1, 1, 1, 1)):
        for _ in range(15):
            value = tensor(sample(chance, shape, [("orthogonal", ())]))
            assert is_member(parameter("orthogonal", shape), value, [[]]), value
            place = chance.randrange(len(value.items))
            moved = value.with_items([a + exact(Fraction(1, 10**9)) if i == place else a for i, a in enumerate(value.items)])
            assert not is_member(parameter("orthogonal", shape), moved, [[]])
            assert not MEMBERS["orthogonal"](np.array(moved.items, dtype=object).reshape(shape))
            assert MEMBERS["orthogonal"](np.array(value.items, dtype=object).reshape(shape))


def test_a_kernel_that_keeps_lengths_on_one_image_only_is_no_member():
    """On images of two columns a step to the left is one to the right: half of each passes for a shift there."""
    value = Tensor((1, 1, 3, 3), [exact(Fraction(1, 2)) if i in (3, 5) else exact(0) for i in range(9)])
    assert not is_member(parameter("orthogonal", (1, 1, 3, 3)), value, [[]])
    assert not MEMBERS["orthogonal"](np.array(value.items, dtype=object).reshape(1, 1, 3, 3))


OUTSIDE = {
    "orthogonal": [[1, 0], [0, 2]], "skew": [[0, 1], [1, 0]], "symmetric": [[0, 1], [2, 0]], "psd": [[1, 2], [2, 1]],
    "diagonal": [[1, 1], [0, 1]], "lower": [[1, 1], [0, 1]], "upper": [[1, 0], [1, 1]], "stochastic": [[1, 1], [0, 1]],
    "doubly_stochastic": [[1, 0], [1, 0]], "laplacian": [[1, 1], [1, 1]], "binary": [[1, 0], [1, 1]],
    "positive": [[1, 0], [1, 1]], "nonnegative": [[1, -1], [1, 1]],
}


@pytest.mark.parametrize("name", sorted(TESTS.keys() - {"frozen"}))
def test_what_is_outside_is_not_inside(name):
    value = Tensor((2, 2), [exact(entry) for row in OUTSIDE[name] for entry in row])
    assert not is_member(parameter(name, (2, 2)), value, [[]])


def test_every_set_has_a_test():
    assert set(SETS) <= set(TESTS) | {"norm", "interval"}
    assert set(SETS) == set(MEMBERS)  # without a row, no witness that holds such a parameter would be confirmed


def test_norms_are_sharp():
    turn = Tensor((2, 2), [exact(Fraction(3, 5)), exact(Fraction(-4, 5)), exact(Fraction(4, 5)), exact(Fraction(3, 5))])
    assert is_short(turn, exact(1)) and not is_short(turn, exact(Fraction(999, 1000)))
    assert is_short(turn, arb(1.5)) and not is_short(turn, arb(1, 0.01)) and not is_short(turn, exact(-1))


def test_semidefinite():
    one, two = fmpq(1), fmpq(2)
    assert is_semidefinite([[one, one], [one, one]]) and not is_semidefinite([[one, two], [two, one]])
    assert not is_semidefinite([[fmpq(0), one], [one, fmpq(0)]]) and is_semidefinite([[fmpq(0), fmpq(0)], [fmpq(0), fmpq(0)]])
