"""Bounds of rounding errors against the same network in exact arithmetic."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from odenet.certify.enclosures import up
from odenet.certify.rounding import Rounding
from odenet.certify.tape import Unbounded
from tests.attack.certify import bounds
from tests.certify.modules import Call

FUNCTIONS = {
    "relu": (torch.relu, lambda z: max(z, mpmath.mpf(0))),
    "leaky": (lambda z: F.leaky_relu(z, 0.1), lambda z: z if z > 0 else mpmath.mpf(0.1) * z),
    "tanh": (torch.tanh, mpmath.tanh),
    "sigmoid": (torch.sigmoid, lambda z: 1 / (1 + mpmath.exp(-z))),
    "gelu": (F.gelu, lambda z: z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2),
    "silu": (F.silu, lambda z: z / (1 + mpmath.exp(-z))),
    "elu": (F.elu, lambda z: z if z > 0 else mpmath.expm1(z)),
    "sin": (torch.sin, mpmath.sin),
    "softplus": (lambda z: F.softplus(z, threshold=40), lambda z: mpmath.log1p(mpmath.exp(z))),
}


def net(seed: int, name: str, sizes: tuple[int, ...], scale: float, dtype: torch.dtype):
    """A module with layers z + h f(A z + b) C, and the same map of rows of mpmath numbers."""
    draw = torch.Generator().manual_seed(seed)
    run, true = FUNCTIONS[name]
    parts = []
    for a, b in itertools.pairwise(sizes):
        parts.append((scale * torch.randn(b, a, generator=draw) / math.sqrt(a), scale * torch.randn(b, generator=draw)))
    parts = [(w.to(dtype), b.to(dtype)) for w, b in parts]
    h = 0.3

    def module(x):
        for w, b in parts:
            y = run(F.linear(x, w, b))
            x = x + h * (y @ w) if w.shape[0] >= w.shape[1] else y
        return x

    def exactly(row):
        x = [mpmath.mpf(float(v)) for v in row]
        for w, b in parts:
            matrix = [[mpmath.mpf(float(v)) for v in line] for line in w]
            y = [true(mpmath.fdot(line, x) + mpmath.mpf(float(c))) for line, c in zip(matrix, b, strict=True)]
            if w.shape[0] >= w.shape[1]:
                columns = list(zip(*matrix, strict=True))
                x = [v + mpmath.mpf(h) * mpmath.fdot(c, y) for v, c in zip(x, columns, strict=True)]
            else:
                x = y
        return x

    return Call(module), exactly


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_bound_holds_and_is_not_absurd(name: str, dtype: torch.dtype) -> None:
    mpmath.mp.prec = 200
    for seed, scale in ((0, 1.0), (1, 0.1), (2, 5.0)):
        module, exactly = net(seed, name, (6, 6, 3), scale, dtype)
        found = bounds(module, [torch.zeros(1, 6, dtype=dtype)])
        rounding = Rounding(found.tape, found.layers, dtype)
        largest = 0.0
        for size in (0.0, 1e-3, 1.0, 30.0):
            x = size * torch.randn(1, 6, generator=torch.Generator().manual_seed(seed)).to(dtype)
            ran, true = module(x)[0], exactly(x[0])
            error = float(mpmath.sqrt(sum((mpmath.mpf(float(a)) - b) ** 2 for a, b in zip(ran, true, strict=True))))
            bound = float(rounding(up(float(x.double().norm()))))
            assert error <= bound
            largest = max(largest, error / bound)
        assert largest > 1e-4


@pytest.mark.parametrize("count", [10, 1000])
def test_a_number_added_to_a_long_sum_is_counted_with_all_its_roundings(count: int) -> None:
    # a bias may be where the sum starts: with a large bias each of the n additions rounds it
    w = torch.full((1, count), 2.0**-25)
    bias = torch.ones(1)
    found = bounds(Call(lambda x: F.linear(x, w, bias)), [torch.zeros(1, count)])
    rounding = Rounding(found.tape, found.layers, torch.float32)
    total = torch.ones(())
    for _ in range(count):
        total = total + torch.ones(()) * 2.0**-25  # one order of summation that torch may take: all is lost
    error = 1 + count * 2.0**-25 - float(total)
    assert error > 0
    assert float(rounding(up(math.sqrt(count)))) >= error


def test_numbers_of_python_are_rounded_too() -> None:
    found = bounds(Call(lambda x: x * 0.1), [torch.zeros(1, 3)])
    rounding = Rounding(found.tape, found.layers, torch.float32)
    x = torch.tensor([[1.0, 3.0, 7.0]])
    exact = [Fraction(float(v)) * Fraction(0.1) for v in x[0]]
    error = math.sqrt(sum(float(Fraction(float(a)) - b) ** 2 for a, b in zip((x * 0.1)[0], exact, strict=True)))
    assert 0 < error <= float(rounding(up(float(x.double().norm()))))


def test_a_move_of_entries_rounds_nothing() -> None:
    found = bounds(Call(lambda x: torch.cat((x[:, 1:], -x[:, :1], torch.ones(1, 1)), 1).flip(1)), [torch.zeros(1, 3)])
    assert float(Rounding(found.tape, found.layers, torch.float32)(5.0)) < 1e-200


def test_overflow_is_not_bounded() -> None:
    w = torch.eye(2) * 1e30
    found = bounds(Call(lambda x: torch.tanh((x @ w) @ w)), [torch.zeros(1, 2)])
    rounding = Rounding(found.tape, found.layers, torch.float32)
    assert float(rounding(1.0)) == math.inf
    assert float(Rounding(found.tape, found.layers, torch.float64)(1.0)) < math.inf


def test_numbers_below_the_normal_range_are_counted() -> None:
    w = torch.eye(2) * 1e-30
    found = bounds(Call(lambda x: (x @ w) * 1e-9), [torch.zeros(1, 2)])
    x = torch.tensor([[1.0, 3.0]])
    true = [Fraction(float(v)) * Fraction(float(w[0, 0])) * Fraction(1e-9) for v in x[0]]
    ran = ((x @ w) * 1e-9)[0]
    error = math.sqrt(sum(float(Fraction(float(a)) - b) ** 2 for a, b in zip(ran, true, strict=True)))
    assert 0 < error <= float(Rounding(found.tape, found.layers, torch.float32)(up(math.sqrt(10))))


def test_the_centre_of_float64_bounds_is_the_state_that_ran_in_float32() -> None:
    # The recorded state at the centre is off by float32 errors; reaching it needs them in the float64 bound too.
    w = torch.full((3, 3), 1 / 3)
    found = bounds(Call(lambda x: torch.tanh(x @ w) @ w), [torch.full((1, 3), 100.0)])
    exact = Rounding(found.tape, found.layers, torch.float64)
    alone = exact._along(np.zeros(()), exact._along(np.zeros(()), None, torch.float64), torch.float64)[-1]
    assert float(exact(0.0)) > float(alone)


def test_the_bound_grows_with_the_distance_and_is_small_at_the_centre() -> None:
    draw = torch.Generator().manual_seed(0)
    w = torch.randn(4, 4, generator=draw)
    centre = 50 + torch.randn(1, 4, generator=draw)
    found = bounds(Call(lambda x: torch.tanh((x - centre) @ w) @ w), [centre])
    rounding = Rounding(found.tape, found.layers, torch.float32)
    values = rounding(np.array([0.0, 1.0, 10.0]))
    assert values[0] < values[1] < values[2]
    assert rounding(0.0) == values[0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_precisions_have_no_bound(dtype: torch.dtype) -> None:
    found = bounds(Call(lambda x: x * 2), [torch.zeros(1, 2, dtype=dtype)])
    with pytest.raises(Unbounded, match="float32 and float64 are known"):
        Rounding(found.tape, found.layers, dtype)


def test_products_of_less_precision_have_no_bound() -> None:
    found = bounds(Call(lambda x: x * 2), [torch.zeros(1, 2)])
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with pytest.raises(Unbounded):
            Rounding(found.tape, found.layers, torch.float32)
    finally:
        torch.set_float32_matmul_precision(before)
