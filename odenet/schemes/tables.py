"""What is true of a Butcher table, exactly: order, symplecticity, symmetry, contractivity, stability function.

`reduced` first removes what does not change the map, so that each condition here is necessary as well as sufficient.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import permutations

from odenet.ir.model import Table
from odenet.schemes.numbers import Exact, exact
from odenet.schemes.series import Coefficients, Move, Series
from odenet.schemes.trees import Tree, graft, show, trees

MAX_ORDER = 8
MAX_PERMUTED = 7


@dataclass(frozen=True)
class TableOrder:
    """The order of a table, up to MAX_ORDER, and the first condition of the next order that fails (None at MAX_ORDER).

    `tree` is the tree of that condition (`show` prints it), `residual` its coefficient minus 1 / density.
    """

    order: int
    tree: Tree | None = None
    residual: Exact | None = None

    @property
    def condition(self) -> str:
        return "" if self.tree is None else show(self.tree)


@lru_cache(maxsize=64)
def coefficients(table: Table) -> Coefficients:
    """The table in exact numbers. Raises ExactError."""
    return Coefficients(tuple(map(exact, table.nodes)), tuple(tuple(map(exact, row)) for row in table.matrix),
                        tuple(map(exact, table.weights)))


def weight(table: Table) -> Exact:
    """The sum of the weights: 1 of a consistent table."""
    return sum(coefficients(table).weights, Exact(0))


def quadrature_order(table: Table, up_to: int) -> int:
    """The largest q such that the integrals of 1, s, ..., s^(q-1) over [0, 1] are right: the order on x' = g(t)."""
    found = coefficients(table)
    powers = list(found.weights)
    for k in range(up_to):
        if sum(powers, Exact(0)) != Fraction(1, k + 1):
            return k
        powers = [p * c for p, c in zip(powers, found.nodes, strict=True)]
    return up_to


def is_symmetric_quadrature(table: Table) -> bool:
    """Whether the nodes c and 1 - c have the same weights together."""
    found = coefficients(table)
    weights: dict[Exact, Exact] = {}
    for c, b in zip(found.nodes, found.weights, strict=True):
        weights[c] = weights.get(c, Exact(0)) + b
    return all(weights.get(1 - c, Exact(0)) == b for c, b in weights.items())


def is_explicit(table: Table) -> bool:
    """Whether the matrix is strictly lower triangular."""
    matrix = coefficients(table).matrix
    return not any(matrix[i][j] for i in range(len(matrix)) for j in range(i, len(matrix)))


def has_consistent_nodes(table: Table) -> bool:
    """Whether c_i = sum_j a_ij: then the method treats t as one more component of the state."""
    exacts = coefficients(table)
    return all(sum(row, Exact(0)) == c for c, row in zip(exacts.nodes, exacts.matrix, strict=True))


def series(table: Table) -> Series:
    """The B-series of one step."""
    return Series([Move(0, Exact(1), coefficients(table))])


@lru_cache(maxsize=64)
def order(table: Table, up_to: int = MAX_ORDER) -> TableOrder:
    """The order for all smooth fields, those that depend on t included.

    Source: Butcher's theorem: one condition for each rooted tree. Hairer, Lubich, Wanner (2006), Theorem III.1.5.
    Nodes that are not the sums of their rows get conditions of their own, for trees with leaves that stand for t.
    """
    found, has_clock = series(table), not has_consistent_nodes(table)
    for size in range(1, up_to + 1):
        for tree in trees(size, 1, has_clock):
            residual = found.misses(tree)
            if residual is not None:
                return TableOrder(size - 1, tree, residual)
    return TableOrder(up_to)


def is_symplectic(table: Table) -> bool:
    """b_i a_ij + b_j a_ji = b_i b_j: keeps every quadratic invariant; necessary too, since the table is reduced first.

    Source: Hairer, Lubich, Wanner (2006), Theorems IV.2.2, VI.4.3 and VI.7.10.
    """
    return not any(any(row) for row in defect_matrix(reduced(coefficients(table))))


def defect_matrix(table: Coefficients) -> list[list[Exact]]:
    """M = diag(b) A + A' diag(b) - b b'."""
    a, b = table.matrix, table.weights
    return [[b[i] * a[i][j] + b[j] * a[j][i] - b[i] * b[j] for j in range(len(b))] for i in range(len(b))]


def is_symmetric(table: Table) -> bool:
    """Whether the step is its own adjoint: P A P' + A = 1 b', P b = b, P c = 1 - c for a permutation P of the stages.

    Source: Hairer, Lubich, Wanner (2006), Theorem V.2.3 and the remark after it.
    """
    exacts = reduced(coefficients(table))
    size = exacts.stages
    orders = permutations(range(size)) if size <= MAX_PERMUTED else iter([tuple(reversed(range(size)))])
    return any(_is_adjoint_under(exacts, order) for order in orders)


def _is_adjoint_under(table: Coefficients, order: tuple[int, ...]) -> bool:
    a, b = table.matrix, table.weights
    size = range(len(b))
    return all(b[order[i]] == b[i] and table.nodes[order[i]] + table.nodes[i] == 1 for i in size) and all(
        a[order[i]][order[j]] + a[i][j] == b[j] for i in size for j in size)


def reduced(table: Coefficients) -> Coefficients:
    """The same map with fewest stages: stages that nothing depends on are dropped, equal stages are joined.

    Nodes are kept of one of the joined stages; they matter only when they are not the sums of their rows.
    Source: Hairer, Wanner, Solving Ordinary Differential Equations II (1996), Definitions IV.12.15 and IV.12.17.
    """
    used = _reachable(table)
    groups = _equal_stages(table, used)
    first = [group[0] for group in groups]
    matrix = tuple(tuple(sum((table.matrix[i][j] for j in group), Exact(0)) for group in groups) for i in first)
    weights = tuple(sum((table.weights[j] for j in group), Exact(0)) for group in groups)
    smaller = Coefficients(tuple(table.nodes[i] for i in first), matrix, weights)
    return smaller if smaller.stages == table.stages else reduced(smaller)


def _reachable(table: Coefficients) -> list[int]:
    used = {i for i, b in enumerate(table.weights) if b}
    while True:
        grown = used | {j for i in used for j, a in enumerate(table.matrix[i]) if a}
        if grown == used:
            return sorted(used)
        used = grown


def _equal_stages(table: Coefficients, used: list[int]) -> list[list[int]]:
    """The coarsest groups whose stages see the same sums over every group (and the same time)."""
    label: dict[int, tuple[Exact, ...]] = {i: (table.nodes[i],) for i in used}
    groups: list[list[int]] = []
    while True:
        keys: dict[object, list[int]] = {}
        for i in used:
            keys.setdefault(label[i], []).append(i)
        if len(keys) == len(groups):
            return groups
        groups = list(keys.values())
        label = {i: (label[i][0], *(sum((table.matrix[i][j] for j in g), Exact(0)) for g in groups)) for i in used}


def quadratic_order(table: Table, up_to: int = MAX_ORDER) -> int | None:
    """The largest r such that quadratic invariants are kept up to O(h^(r+1)); None when they are kept exactly.

    Source: A. Aubry, P. Chartier, Pseudo-symplectic Runge-Kutta methods, BIT 38 (1998) 439-461; Hairer, Lubich, Wanner
    (2006), Theorem VI.7.1: a(u o v) + a(v o u) = a(u) a(v) for all trees with |u| + |v| <= r. With f_i the rates at the
    stages, I(x + d) - I(x) is -h^2 times the sum of m_ij <f_i, Q f_j>, so the trees are those of f_i: with leaves for t
    where the nodes are not the sums of their rows.
    """
    if is_symplectic(table):
        return None
    found, has_clock = series(table), not has_consistent_nodes(table)
    for size in range(2, up_to + 1):
        for u, v in _pairs(size, has_clock):
            product = found.coefficient(u) * found.coefficient(v)
            if found.coefficient(graft(u, v)) + found.coefficient(graft(v, u)) != product:
                return size - 1
    return up_to


def _pairs(size: int, has_clock: bool) -> Iterator[tuple[Tree, Tree]]:
    for left in range(1, size // 2 + 1):
        for u in trees(left, 1, has_clock):
            for v in trees(size - left, 1, has_clock):
                yield u, v


def relaxed_order(table: Table, up_to: int = MAX_ORDER) -> int:
    """The order of `relax(m)` on a field that keeps the quadratic invariant, definite on the blocks it moves.

    With d the step of m, of order q, and the invariant kept up to O(h^(r+1)): s - 1 = -(I(x+d) - I(x)) / <d, Q d> =
    O(h^(r-1)), since <d, Q d> is of size h^2. So s d moves the point by (s - 1) d = O(h^r) along the step, which is an
    error in time that the clock, standing still, does not make good: the order is min(q, r - 1). For most methods r = q
    and one order is lost; Heun's method has r = 3 and keeps its order 2.

    Source: M. Calvo, D. Hernandez-Abreu, J. Montijano, L. Randez, On the preservation of invariants by explicit
    Runge-Kutta methods, SIAM J. Sci. Comput. 28 (2006) 868-885; D. Ketcheson, Relaxation Runge-Kutta methods:
    conservation and stability for inner-product norms, SIAM J. Numer. Anal. 57 (2019) 2850-2870, Theorem 2.7.
    """
    q, r = order(table, up_to).order, quadratic_order(table, up_to)
    return q if r is None else min(q, r - 1)


def stability_function(table: Table) -> tuple[tuple[Exact, ...], tuple[Exact, ...]]:
    """R(z) = det(I - z A + z 1 b') / det(I - z A): coefficients of numerator and denominator from the power 0 up.

    Source: Hairer, Wanner (1996), Proposition IV.3.2.
    """
    exacts = reduced(coefficients(table))
    a, b = exacts.matrix, exacts.weights
    shifted = [[a[i][j] - b[j] for j in range(len(b))] for i in range(len(b))]
    return _trimmed(_reversed_charpoly(shifted)), denominator(exacts)


def denominator(table: Coefficients) -> tuple[Exact, ...]:
    """det(I - z A): coefficients from the power 0 up."""
    return _trimmed(_reversed_charpoly([list(row) for row in table.matrix]))


def _reversed_charpoly(matrix: list[list[Exact]]) -> list[Exact]:
    """det(I - z M), from the power 0 up, by the method of Faddeev and Le Verrier."""
    size = len(matrix)
    result, power = [Exact(1)], [[Exact(int(i == j)) for j in range(size)] for i in range(size)]
    for k in range(1, size + 1):
        power = [[sum((matrix[i][m] * power[m][j] for m in range(size)), Exact(0)) for j in range(size)]
                 for i in range(size)]
        c = sum((power[i][i] for i in range(size)), Exact(0)) * Fraction(-1, k)
        result.append(c)
        for i in range(size):
            power[i][i] = power[i][i] + c
    return result


def _trimmed(polynomial: list[Exact]) -> tuple[Exact, ...]:
    while len(polynomial) > 1 and not polynomial[-1]:
        polynomial = polynomial[:-1]
    return tuple(polynomial)
