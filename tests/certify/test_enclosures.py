"""Bounds of matrices against exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from odenet.certify.enclosures import Ball, exact, frobenius, gamma, is_positive, norm_above, norm_below, norm_of_sizes

SMALL = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def whole(matrix: np.ndarray) -> fmpq_mat:
    """A real symmetric matrix with the same eigenvalues, exactly: [[Re, -Im], [Im, Re]]."""
    real = np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]]) if np.iscomplexobj(matrix) else matrix
    entries = [[fmpq(*map(int, Fraction(float(x)).as_integer_ratio())) for x in row] for row in real]
    return fmpq_mat(entries)


def is_semidefinite(matrix: np.ndarray) -> bool:
    """Exactly, by the signs of the coefficients of the characteristic polynomial."""
    found = whole((matrix + matrix.conj().T) / 2).charpoly()
    size = found.degree()
    return all(found[k] * (-1) ** (size - k) >= 0 for k in range(size + 1))


def drawn(seed: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 6))
    base = rng.normal(size=(size, size)) + (1j * rng.normal(size=(size, size)) if rng.random() < 0.5 else 0)
    base = base * 10.0 ** rng.integers(-8, 8, size=size) if kind == "scaled" else base
    if kind == "integer":
        base = np.round(3 * base)
    rank = int(rng.integers(0, size + 1))
    gram = base[:, :rank] @ base[:, :rank].conj().T
    gram = (gram + gram.conj().T) / 2
    shift = rng.choice([0.0, 1e-17, -1e-17, 1e-15, -1e-15, 1e-14, 1e-13, -1e-10]) * max(np.abs(gram).max(), 1e-300)
    return gram + shift * np.eye(size)


@SMALL
@given(seeds, st.sampled_from(["plain", "scaled", "integer"]))
def test_what_is_accepted_is_semidefinite(seed: int, kind: str) -> None:
    matrix = drawn(seed, kind)
    if is_positive(exact(matrix)):
        assert is_semidefinite(matrix)


@SMALL
@given(seeds)
def test_an_error_is_taken_into_account(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = drawn(seed, "plain")
    error = 10.0 ** rng.uniform(-12, 0) * np.abs(matrix).max()
    if is_positive(Ball(matrix[None], np.array([error]))):
        assert is_semidefinite(matrix - error * (1 - 1e-12) * np.eye(len(matrix)))


@pytest.mark.parametrize("size", [1, 2, 5, 40])
def test_clearly_positive_matrices_are_accepted(size: int) -> None:
    matrix = np.eye(size) + np.full((size, size), 0.5)
    assert is_positive(exact(matrix))
    assert is_positive(exact(matrix * (1 + 0j)))
    assert not is_positive(exact(matrix - 1.001 * np.linalg.eigvalsh(matrix)[0] * np.eye(size)))


@pytest.mark.parametrize("entry", [math.inf, math.nan, 1e200, 1e308])
@pytest.mark.parametrize("size", [2, 3, 130])
def test_numbers_out_of_range_are_never_accepted(entry: float, size: int) -> None:
    matrix = np.eye(size)
    matrix[0, -1] = matrix[-1, 0] = entry
    with np.errstate(all="ignore"):
        assert not is_positive(exact(matrix))
        assert norm_above(exact(matrix)) >= (math.inf if math.isnan(entry) else entry)
        assert norm_below(exact(matrix)) <= (0 if math.isnan(entry) else entry * 1.01)


@SMALL
@given(seeds)
def test_norms_enclose_the_true_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 6, size=2)
    matrix = rng.normal(size=shape) * 10.0 ** rng.integers(-160, 150)
    if rng.random() < 0.3:
        matrix[:] = matrix[0]  # rank 1
    above, below = norm_above(exact(matrix)), norm_below(exact(matrix))
    assert below <= above
    largest = float(np.abs(matrix).max())
    top = float(np.linalg.norm(matrix / largest, 2)) * largest
    assert below <= top * (1 + 1e-14)
    assert above <= top * (1 + 1e-9) or not 1e-120 < top < 1e150
    # above^2 - A'A is semidefinite, exactly
    gram = whole(matrix).transpose() * whole(matrix)
    found = gram.charpoly()
    limit = fmpq(*Fraction(above).as_integer_ratio()) ** 2
    for _ in range(found.degree() + 1):  # no derivative has a root above: all are nonnegative there
        assert found(limit) >= 0
        found = found.derivative()


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


@SMALL
@given(seeds)
def test_products_and_sums_enclose_the_exact_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c = (rng.normal(size=(3, 3)) * 10.0 ** rng.integers(-3, 3, size=(3, 3)) for _ in range(3))
    found = exact(a) @ exact(b) + exact(c).scaled(0.1)
    true = whole(a) * whole(b) + whole(c) * fmpq(*Fraction(0.1).as_integer_ratio())
    gap = [[float(_fraction(true[i, j]) - Fraction(float(found.middle[0, i, j]))) for j in range(3)] for i in range(3)]
    assert np.linalg.norm(gap) <= found.error[0]


@SMALL
@given(seeds)
def test_frobenius_and_sizes_are_above(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(4, 3)) * 10.0 ** rng.uniform(-200, 150)
    square = sum(Fraction(float(x)) ** 2 for x in matrix.flat)
    assert Fraction(float(frobenius(matrix[None])[0])) ** 2 >= square
    largest = np.abs(matrix).max()
    assert norm_of_sizes(matrix) >= np.linalg.norm(np.abs(matrix / largest), 2) * largest * (1 - 1e-14)


def test_gamma_is_infinite_where_it_means_nothing() -> None:
    assert gamma(2**23, 2.0**-24) == math.inf
    assert gamma(3, 2.0**-24) >= 3 * 2.0**-24


def test_a_rounding_error_is_not_lost_near_singularity() -> None:
    third = Fraction(1, 3)
    matrix = np.array([[1.0, float(third)], [float(third), float(third**2)]])  # determinant of the size of one rounding
    determinant = Fraction(float(matrix[0, 0])) * Fraction(float(matrix[1, 1])) - Fraction(float(matrix[0, 1])) ** 2
    assert is_positive(exact(matrix)) <= (determinant >= 0)
    assert not is_positive(exact(np.array([[1.0, 1.0], [1.0, np.nextafter(1.0, 0)]])))
