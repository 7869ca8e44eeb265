"""What is true of a Butcher table, checked on its exact numbers."""
from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from typing import Any

from odenet.ir.model import Table
from odenet.schemes.numbers import Exact, exact

ZERO = Exact(0)
Matrix = list[list[Exact]]


class Method:
    """A table without stages that nothing reads, equal stages joined: the same map."""

    def __init__(self, table: Table) -> None:
        self.c, self.b = [exact(c) for c in table.nodes], [exact(b) for b in table.weights]
        self.a = [[exact(a) for a in row] for row in table.matrix]
        self.is_explicit = not any(any(row[i:]) for i, row in enumerate(self.a))
        self.is_consistent = sum(self.b, ZERO) == 1
        while self._smaller():
            pass

    @property
    def size(self) -> range:
        return range(len(self.b))

    def _smaller(self) -> bool:
        """Drop a stage that nothing reads, or join one with a stage of the same node and row."""
        for j in self.size:
            if not self.b[j] and not any(row[j] for i, row in enumerate(self.a) if i != j):
                return self._without(j)
            for i in range(j):
                if self.c[i] == self.c[j] and self.a[i] == self.a[j]:
                    self.b[i] = self.b[i] + self.b[j]
                    for row in self.a:
                        row[i] = row[i] + row[j]
                    return self._without(j)
        return False

    def _without(self, j: int) -> bool:
        del self.b[j], self.c[j], self.a[j]
        for row in self.a:
            del row[j]
        return True

    @property
    def is_midpoint(self) -> bool:
        """One stage, in the middle of the step."""
        return len(self.b) == 1 and self.b[0] == 1 and self.a[0][0] + self.a[0][0] == 1

    # --- contractivity ----------------------------------------------------------------------------------------------

    def defect(self, rho: Fraction) -> Matrix:
        """diag(b) A + A' diag(b) - b b' + rho diag(b)"""
        a, b = self.a, self.b
        return [[b[i] * a[i][j] + b[j] * a[j][i] - b[i] * b[j] + (b[i] * rho if i == j else 0) for j in self.size]
                for i in self.size]

    def is_contractive(self, rho: Fraction) -> bool:
        return all(b > 0 for b in self.b) and _is_semidefinite(self.defect(rho))

    def is_symplectic(self) -> bool:
        return not any(any(row) for row in self.defect(Fraction(0)))

    def is_monotone(self, r: Fraction) -> bool:
        """For an explicit table: the state after a step is a convex combination of Euler steps of length h/r."""
        rows: Matrix = []
        for line in (*self.a, self.b):  # Z = r A - r A Z, then r b' - r b' Z
            rows.append([line[j] * r - sum((line[k] * r * rows[k][j] for k in range(len(rows))), ZERO) for j in self.size])
        return self.is_explicit and r > 0 and all(e >= 0 for row in rows for e in row) and all(sum(row, ZERO) <= 1 for row in rows)

    def is_implicit_euler(self) -> bool:
        return len(self.b) == 1 and self.b[0] == 1 == self.a[0][0]

    # --- reversal and linear fields ---------------------------------------------------------------------------------

    def is_adjoint_of(self, other: Method) -> bool:
        """a*_ij = b_j - a_ij, c* = 1 - c, up to the order of the stages."""
        return len(self.b) == len(other.b) <= 7 and any(
            all(self.b[o[i]] == other.b[i] and self.c[o[i]] + other.c[i] == 1 for i in self.size)
            and all(self.a[o[i]][o[j]] + other.a[i][j] == other.b[j] for i in self.size for j in self.size)
            for o in permutations(self.size))

    def reversed_row_sum(self) -> Exact:
        """|1 b' - A|_inf"""
        return max((sum((max(b - a, a - b) for a, b in zip(row, self.b, strict=True)), ZERO) for row in self.a), default=ZERO)

    def stability(self) -> tuple[list[Exact], list[Exact]]:
        """P and Q with R = P / Q: det(I - z A + z 1 b') and det(I - z A)."""
        return _determinant([[a - b for a, b in zip(row, self.b, strict=True)] for row in self.a]), _determinant(self.a)

    def is_reflexive(self) -> bool:
        """R(z) R(-z) = 1"""
        above, below = (_even(p) for p in self.stability())
        return not any(_minus(above, below))

    def is_left_stable(self) -> bool:
        """|R| <= 1 and no pole where Re z <= 0, by coefficients of one sign."""
        above, below = self.stability()
        gap = _minus(_even(below), _even(above))
        return len(below) <= 3 and all(c * (-1) ** i > 0 for i, c in enumerate(below)) and all(
            c * (-1) ** (k // 2) >= 0 for k, c in enumerate(gap) if k % 2 == 0)


def row_sum(table: Table) -> Exact:
    """|A|_inf"""
    return max((sum((max(a, -a) for a in map(exact, row)), ZERO) for row in table.matrix), default=ZERO)


def is_left_regular(table: Table) -> bool:
    """No zero of det(I - z A) where Re z <= 0, with all the stages that are written."""
    below = _determinant([[exact(a) for a in row] for row in table.matrix])
    return len(below) <= 3 and all(c * (-1) ** i > 0 for i, c in enumerate(below))


def _is_semidefinite(matrix: Matrix) -> bool:
    """By elimination."""
    while matrix:
        pivot, row = matrix[0][0], matrix[0][1:]
        if pivot < 0 or (not pivot and any(row)):
            return False
        matrix = [[e - (row[i] * row[j] / pivot if pivot else 0) for j, e in enumerate(line[1:])]
                  for i, line in enumerate(matrix[1:])]
    return True


def _determinant(m: Matrix) -> list[Exact]:
    """det(I - z M), from the power 0 up, without zeros at the end (Faddeev, Le Verrier)."""
    size, result = range(len(m)), [Exact(1)]
    power: Any = [[Exact(int(i == j)) for j in size] for i in size]
    for k in range(1, len(m) + 1):
        power = [[sum((m[i][n] * power[n][j] for n in size), ZERO) for j in size] for i in size]
        result.append(sum((power[i][i] for i in size), ZERO) * Fraction(-1, k))
        for i in size:
            power[i][i] = power[i][i] + result[-1]
    while not result[-1]:
        result.pop()
    return result


def _even(p: list[Exact]) -> list[Exact]:
    """p(z) p(-z)"""
    product = [ZERO] * (2 * len(p) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(p):
            product[i + j] = product[i + j] + a * b * (-1) ** j
    return product


def _minus(p: list[Exact], q: list[Exact]) -> list[Exact]:
    size = max(len(p), len(q))
    return [(p[i] if i < len(p) else ZERO) - (q[i] if i < len(q) else ZERO) for i in range(size)]
