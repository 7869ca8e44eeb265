"""Normal forms, Jacobians and traces agree with plain NumPy on random expressions."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from odenet.algebra.jacobian import Differentiator
from odenet.algebra.scalars import TooLarge
from odenet.algebra.trace import trace
from odenet.algebra.translate import Translator
from odenet.ir.sizes import SCALAR

from .evaluate import Numbers
from .expressions import DIMS, MODEL, VECTOR, members, scalars, value, vectors

RELAXED = settings(max_examples=150, deadline=None, derandomize=True,
                   suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])


def _form(node):
    try:
        return Translator(MODEL).form(node)
    except TooLarge:
        assume(False)


def _close(one, other):
    one, other = np.asarray(one, float), np.asarray(other, float)
    assume(np.isfinite(other).all() and np.abs(other).max(initial=0) < 1e6)
    np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-7)


@RELAXED
@given(vectors(), st.integers(0, 5))
def test_a_vector_has_the_value_of_its_normal_form(node, seed):
    given_values = members(seed)
    _close(Numbers(DIMS, given_values).form(_form(node))[:, 0], value(node, given_values))


@RELAXED
@given(scalars(), st.integers(0, 5))
def test_a_scalar_has_the_value_of_its_normal_form(node, seed):
    given_values = members(seed)
    _close(Numbers(DIMS, given_values).scalar(_form(node).scalar()), value(node, given_values))


def _difference(node, given_values, block, step=1e-6):
    columns = []
    base = np.atleast_1d(np.asarray(given_values[block], float))
    for i in range(base.size):
        ends = []
        for sign in (1, -1):
            moved = base.copy()
            moved[i] += sign * step
            ends.append(np.atleast_1d(value(node, {**given_values, block: moved if base.size > 1 else moved[0]})))
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.stack(columns, axis=1)


@RELAXED
@given(st.one_of(vectors(), scalars()), st.integers(0, 5), st.sampled_from(["x", "y", "r"]))
def test_a_jacobian_agrees_with_differences(node, seed, block):
    given_values = members(seed)
    form = _form(node)
    try:
        jacobian = Differentiator(Translator(MODEL), block, SCALAR if block == "r" else VECTOR).of(form)
    except TooLarge:
        assume(False)
    expected = _difference(node, given_values, block)
    coarse = _difference(node, given_values, block, 1e-5)
    assume(np.isfinite(expected).all() and np.abs(expected).max() < 1e4)
    assume(np.abs(expected - coarse).max() < 1e-4 * (1 + np.abs(expected).max()))  # away from kinks
    found = Numbers(DIMS, given_values).form(jacobian)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)


@RELAXED
@given(vectors(), st.integers(0, 5))
def test_traces_and_adjoints_of_jacobians(node, seed):
    given_values = members(seed)
    try:
        jacobian = Differentiator(Translator(MODEL), "x", VECTOR).of(_form(node))
        numbers = Numbers(DIMS, given_values)
        dense = numbers.form(jacobian)
        assume(np.isfinite(dense).all() and np.abs(dense).max() < 1e6)
        _close(numbers.scalar(trace(jacobian)), np.trace(dense))
        _close(numbers.form(jacobian.T), dense.T)
        _close(numbers.form(jacobian + jacobian.T), dense + dense.T)
        _close(numbers.form(jacobian @ jacobian), dense @ dense)
    except TooLarge:
        assume(False)


@pytest.mark.parametrize("seed", range(3))
def test_the_oracle_draws_members_of_the_sets(seed):
    drawn = members(seed)
    np.testing.assert_allclose(drawn["Q"].T @ drawn["Q"], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(drawn["G"] @ np.ones(3), 0, atol=1e-12)
