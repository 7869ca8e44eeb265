"""Butcher tables run backwards: adjoint tables, stability functions with R(z) R(-z) = 1."""
from __future__ import annotations

from functools import lru_cache
from itertools import permutations

from odenet.ir.model import Table
from odenet.schemes.numbers import Exact
from odenet.schemes.tables import MAX_PERMUTED, coefficients, denominator, reduced, stability_function


@lru_cache(maxsize=64)
def are_adjoint(one: Table, other: Table) -> bool:
    """Whether a step h of `one` is the inverse of a step -h of `other`: a*_ij = b_j - a_ij, b* = b, c* = 1 - c, up to order.

    Source: Hairer, Lubich, Wanner (2006), Theorem V.2.3.
    """
    left, right = reduced(coefficients(one)), reduced(coefficients(other))
    if left.stages != right.stages:
        return False
    size = range(left.stages)
    orders = permutations(size) if left.stages <= MAX_PERMUTED else iter([tuple(reversed(size))])
    return any(
        all(left.weights[o[i]] == right.weights[i] and left.nodes[o[i]] + right.nodes[i] == 1 for i in size)
        and all(left.matrix[o[i]][o[j]] + right.matrix[i][j] == right.weights[j] for i in size for j in size) for o in orders)


@lru_cache(maxsize=64)
def is_reflexive(table: Table) -> bool:
    """R(z) R(-z) = 1: on linear fields the step keeps every quadratic form that the flow keeps.

    Source: Hairer, Lubich, Wanner (2006), VI.4.2; R(hA)' Q R(hA) = Q R(-hA) R(hA) when A'Q + QA = 0.
    """
    above, below = stability_function(table)
    return _even(above) == _even(below)


def _even(polynomial: tuple[Exact, ...]) -> list[Exact]:
    """P(z) P(-z)."""
    product = [Exact(0)] * (2 * len(polynomial) - 1)
    for i, a in enumerate(polynomial):
        for j, b in enumerate(polynomial):
            product[i + j] = product[i + j] + a * b * (-1) ** j
    while len(product) > 1 and not product[-1]:
        product.pop()
    return product


@lru_cache(maxsize=64)
def is_left_stable(table: Table) -> bool:
    """|R(z)| <= 1 and no pole where Re z <= 0, shown where the coefficients have one sign (denominators up to degree 2).

    Then |R(hA)| <= 1 in the norm of any inner product with <A x, x> <= 0.
    Source: von Neumann's theorem; Hairer, Wanner, Solving ODEs II (1996), IV.3, IV.11.2; Hurwitz' criterion for Q(-z).
    """
    above, below = stability_function(table)
    if len(below) > 3 or not all(c * (-1) ** i > 0 for i, c in enumerate(below)):
        return False
    gap = _difference(_even(below), _even(above))  # Q(z) Q(-z) - P(z) P(-z) at z = i y
    return all(c * (-1) ** (k // 2) >= 0 for k, c in enumerate(gap) if k % 2 == 0)


@lru_cache(maxsize=64)
def is_left_regular(table: Table) -> bool:
    """No zero of det(I - z A) where Re z <= 0, the table as it is written: all its stages are solved for, used or not.

    Shown where the coefficients have the signs of Hurwitz' criterion (up to degree 2).
    """
    below = denominator(coefficients(table))
    return len(below) <= 3 and all(c * (-1) ** i > 0 for i, c in enumerate(below))


def _difference(one: list[Exact], other: list[Exact]) -> list[Exact]:
    size = max(len(one), len(other))
    padded = [list(p) + [Exact(0)] * (size - len(p)) for p in (one, other)]
    return [a - b for a, b in zip(*padded, strict=True)]
