"""Leading eigenvectors of small symmetric matrices, in floats: they only propose."""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from odenet.proof.refute.cases import Vector

SMALL = 8
ROUNDS = 40


def leading_vector(matrix: Sequence[Sequence[float]]) -> list[float]:
    """An eigenvector of a symmetric matrix for its largest eigenvalue, nearly."""
    return _by_rotations(matrix) if len(matrix) <= SMALL else _by_powers(matrix)


def _by_powers(matrix: Sequence[Sequence[float]]) -> list[float]:
    """Powers of the matrix, moved up until no eigenvalue is negative."""
    shift = max(sum(abs(a) for a in row) for row in matrix)
    vector = [1.0 + 0.1 * (i % 7) for i in range(len(matrix))]
    for _ in range(ROUNDS):
        image = [sum(a * b for a, b in zip(row, vector, strict=True)) + shift * v for row, v in zip(matrix, vector, strict=True)]
        size = max(abs(a) for a in image)
        if not size > 0:
            break
        vector = [a / size for a in image]
    return vector


def _by_rotations(matrix: Sequence[Sequence[float]]) -> list[float]:
    """Jacobi's rotations."""
    size = len(matrix)
    work = [list(row) for row in matrix]
    vectors = [[float(i == j) for j in range(size)] for i in range(size)]
    for _ in range(12):
        for i in range(size):
            for j in range(i):
                _rotate(work, vectors, i, j)
    best = max(range(size), key=lambda k: work[k][k])
    return [vectors[i][best] for i in range(size)]


def _rotate(work: list[list[float]], vectors: list[list[float]], i: int, j: int) -> None:
    """One rotation in the plane (i, j) that makes work[i][j] vanish."""
    if not abs(work[i][j]) > 1e-14:
        return
    angle = (work[j][j] - work[i][i]) / (2 * work[i][j])
    tangent = (1 if angle >= 0 else -1) / (abs(angle) + (angle * angle + 1) ** 0.5)
    cosine = 1 / (tangent * tangent + 1) ** 0.5
    sine = tangent * cosine
    for row in (*work, *vectors):  # columns i and j
        row[i], row[j] = cosine * row[i] - sine * row[j], sine * row[i] + cosine * row[j]
    upper, lower = work[i], work[j]
    work[i] = [cosine * a - sine * b for a, b in zip(upper, lower, strict=True)]
    work[j] = [sine * a + cosine * b for a, b in zip(upper, lower, strict=True)]


def norm_near(matrix: Sequence[Sequence[float]]) -> float:
    """The operator norm of a matrix, nearly."""
    columns = list(zip(*matrix, strict=True))
    gram = [[sum(x * y for x, y in zip(a, b, strict=True)) for b in columns] for a in columns]
    vector = leading_vector(gram)
    image = [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]
    return float(sum(a * a for a in image) ** 0.5)


def rounded(vector: Sequence[float], parts: int) -> Vector | None:
    """A direction with short rational entries, the largest of size 1."""
    most = max((abs(v) for v in vector), default=0.0)
    if not 0 < most < float("inf"):
        return None
    return tuple(Fraction(round(v / most * parts), parts) for v in vector)
