"""Which fields stand still where parameters are zero."""

from __future__ import annotations

import pytest

from odenet.driver import loads
from odenet.plan.still import is_still, moving

HEAD = (
    "model M\ndim n = 3\nstate x : R[n]\nparam h(t) : R\nparam d(t) : R[n]\nparam A(t) : R[n, n]\nparam b(t) : R[n]\n"
    "param v(t) : R[n*(n-1)/2]\n"
)


def still(rate, zeros):
    model = loads(f"{HEAD}field f {{ x' = {rate} }}\nflow net = lie(f: euler) over [0, 1] steps 2\n").model
    return is_still(model, model.flows[0], frozenset(zeros))


@pytest.mark.parametrize(
    "rate, zeros",
    [
        ("-h * A.T @ tanh(A @ x + b)", "h"),
        ("A.T @ (d * relu(A @ x))", "d"),
        ("A.T @ relu(A @ x + b)", "A"),
        ("skew(v) @ x", "v"),
        ("h^2 * x + d * x", "hd"),
        ("A @ leaky_relu(h * x, 1/2)", "h"),
        ("dot(d, x) * x", "d"),
        ("d * x / (1 + square(x))", "d"),
        ("skew(v) @ x - h * ones(n)", "vh"),
    ],
)
def test_a_factor_of_all_terms_stills(rate, zeros):
    assert still(rate, zeros)


@pytest.mark.parametrize(
    "rate, zeros",
    [
        ("-h * A.T @ tanh(A @ x + b)", "b"),
        ("h * x + b", "h"),
        ("A @ softplus(h * x)", "h"),
        ("A @ cos(d * x)", "d"),
        ("x", "h"),
        ("x * exp(h)", "h"),
    ],
)
def test_what_is_left_moves(rate, zeros):
    assert not still(rate, zeros)


def test_every_part_has_to_stand_still():
    model = loads(
        f"{HEAD}field f {{ x' = h * x }}\nfield g {{ x' = d * x }}\nflow net = lie(f, g) over [0, 1] steps 2\n"
    ).model
    assert moving(model, model.flows[0], frozenset("h")) == ("g",)
