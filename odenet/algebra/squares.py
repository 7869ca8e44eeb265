"""Polynomial inequalities by sums of squares: scalar = sum of g z'Qz with Q psd and multipliers g >= 0 from the setting.

Floats only search for the Gram matrices Q; they are rounded to rationals, moved onto the exact identity and tested exactly.
Source: Peyrl, Parrilo: Computing sum of squares decompositions with rational coefficients, 2008; Putinar 1993, Schmüdgen 1991.
"""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, combinations_with_replacement
from typing import Any

from odenet.algebra.evidence import ASSUMPTION, ENCLOSURE, Evidence, combination
from odenet.algebra.polynomials import is_polynomial, squares_of_form
from odenet.algebra.scalars import ONE, Atom, Monomial, Scalar, TooLarge, of_atom, rational
from odenet.algebra.setting import Setting

MOST_ATOMS, MOST_DEGREE, MOST_TERMS = 4, 6, 60
MOST_UNKNOWNS = 700  # entries of all Gram matrices together
ROUNDS = 400  # of the search for one set of matrices
PLACES = 2000
PRICE = 2  # work for each unknown
_MARGINS = (1e-2, 1e-4)
_GRIDS = (2**6, 2**14, 2**26)


@dataclass(frozen=True)
class Block:
    """A multiplier, as factors with what shows that they are >= 0, and the basis of its Gram matrix."""

    factors: tuple[tuple[Scalar, Evidence], ...]
    basis: tuple[Scalar, ...]

    def products(self) -> list[Scalar]:
        """g z_i z_j for all i and j, row by row."""
        g = ONE
        for factor, _ in self.factors:
            g = g * factor
        n = len(self.basis)
        upper = {(i, j): g * self.basis[i] * self.basis[j] for i in range(n) for j in range(i, n)}
        return [upper[min(i, j), max(i, j)] for i in range(n) for j in range(n)]


def by_squares(scalar: Scalar, setting: Setting) -> Evidence | None:
    """Without multipliers, with each, with their products in pairs; then times 1 + |z|^2 (as Motzkin's polynomial needs)."""
    if not _is_small(scalar) or len(scalar.terms) < 2 or _degree(scalar) > MOST_DEGREE:
        return None
    known = _multipliers(scalar, setting)
    if _is_negative_somewhere(scalar, [g for g, _ in known]):
        return None
    found = _by_levels(scalar, known, setting)
    if found or known or len(scalar.atoms()) < 2:
        return found
    factor = sum((of_atom(a, 2) for a in scalar.atoms()), ONE)
    found = _by_levels(scalar * factor, [], setting)
    return Evidence("denominators", (factor, 1, 1), (found, _above_one(scalar.atoms()))) if found else None


def _above_one(atoms: tuple[Atom, ...]) -> Evidence:
    """1 + |z|^2 > 0"""
    return combination((1, (ONE, 1, ENCLOSURE)), *((1, (of_atom(a), 2, None)) for a in atoms))


def _by_levels(scalar: Scalar, known: list[tuple[Scalar, Evidence]], setting: Setting) -> Evidence | None:
    degree = _degree(scalar)
    top = max([degree, *(_degree(g) for g, _ in known)])
    for level in range(3 if len(known) > 1 else 2 if known else 1):
        groups = [group for size in range(level + 1) for group in combinations(known, size)]
        try:
            blocks = _blocks(scalar, groups, (degree if level == 0 else top + level % 2) + 1)
            found = _solved(scalar, blocks, setting)
        except TooLarge:
            return None
        if found:
            return found
    return None


def _is_negative_somewhere(scalar: Scalar, known: list[Scalar]) -> bool:
    """Whether floats see a place where all multipliers are >= 0 and the scalar is not: then the search would be in vain."""
    import numpy as np

    atoms = scalar.atoms()
    if any(a.kind == "function" and a.data[0] in ("sin", "cos") for a in atoms):
        return False  # bound to a circle
    rng = np.random.default_rng(0)
    places = rng.normal(size=(len(atoms), PLACES)) * 4.0 ** rng.integers(-2, 3, PLACES)
    values = dict(zip(atoms, np.where(rng.integers(0, 3, places.shape) == 0, np.round(places), places), strict=True))

    def at(polynomial: Scalar) -> Any:
        return sum((float(c) * np.prod([values[a] ** int(e) for a, e in m], axis=0) for m, c in polynomial.terms), np.zeros(PLACES))

    inside = np.all([at(g) >= 0 for g in known], axis=0) if known else np.ones(PLACES, bool)
    bound = 1e-9 * sum(abs(float(c)) for _, c in scalar.terms)
    return bool(np.any(inside & (at(scalar) < -bound)))


def _is_small(scalar: Scalar) -> bool:
    return is_polynomial(scalar) and len(scalar.atoms()) <= MOST_ATOMS and len(scalar.terms) <= MOST_TERMS


def _degree(scalar: Scalar) -> int:
    return max((int(sum(e for _, e in m)) for m, _ in scalar.terms), default=0)


def _multipliers(scalar: Scalar, setting: Setting) -> list[tuple[Scalar, Evidence]]:
    """Assumptions and distances to the ends of intervals, in the same atoms."""
    mine = set(scalar.atoms())
    found = {g.key: (g, ASSUMPTION) for g in setting.assumptions
             if _is_small(g) and set(g.atoms()) <= mine and g.atoms() and _degree(g) <= MOST_DEGREE}
    for atom in scalar.atoms():
        ends = setting.interval(atom)
        if atom.kind != "function" or atom.data[0] not in ("sin", "cos"):  # these know their squares
            rooms = (None if ends.low is None else of_atom(atom) - rational(ends.low),
                     None if ends.high is None else rational(ends.high) - of_atom(atom))
            found.update({g.key: (g, ENCLOSURE) for g in rooms if g is not None and g.key not in found})
    return list(found.values())[:6]


def _blocks(scalar: Scalar, groups: list[Any], degree: int) -> list[Block]:
    atoms = scalar.atoms()
    blocks = []
    for group in groups:
        half = (degree - sum(_degree(g) for g, _ in group)) // 2
        if half < 0:
            continue
        tops = {a: max(int(dict(m).get(a, 0)) for m, _ in scalar.terms) // 2 if len(groups) == 1 else half for a in atoms}
        basis = [ONE]
        for size in range(1, half + 1):
            for chosen in combinations_with_replacement(atoms, size):
                if all(chosen.count(a) <= tops[a] or a.kind == "function" for a in chosen):
                    product = ONE
                    for a in chosen:
                        product = product * of_atom(a)
                    if len(product.terms) == 1 and product not in basis:
                        basis.append(product)
        blocks.append(Block(tuple(group), tuple(basis)))
    return blocks


def _solved(scalar: Scalar, blocks: list[Block], setting: Setting) -> Evidence | None:
    """Gram matrices for these blocks; where they turn out singular, once more on the smaller space."""
    for _ in range(3):
        unknowns = sum(len(b.basis) ** 2 for b in blocks)
        setting.work[0] -= PRICE * unknowns
        if unknowns > MOST_UNKNOWNS or unknowns == 0 or setting.work[0] < 0:
            return None
        equations = _equations(scalar, blocks)
        if equations is None:
            return None
        for margin in _MARGINS:
            if (found := _search(equations, blocks, margin)) is not None and (proof := _rounded(found, equations, blocks)):
                return proof
        limit = _search(equations, blocks, 0.0)
        smaller = None if limit is None else _faces(limit, blocks)
        if smaller is None:
            return None
        blocks = smaller
    return None


def _equations(scalar: Scalar, blocks: list[Block]) -> tuple[Any, Any] | None:
    """Independent equations A q = b for the entries q of all Gram matrices, exact; None where there is no solution."""
    from flint import fmpq, fmpq_mat

    columns = [p for b in blocks for p in b.products()]
    places: dict[Monomial, int] = {}
    for p in (*columns, scalar):
        for m, _ in p.terms:
            places.setdefault(m, len(places))
    table = fmpq_mat(len(places), len(columns) + 1)
    for j, p in enumerate((*columns, scalar)):
        for m, c in p.terms:
            table[places[m], j] = fmpq(c.numerator, c.denominator)
    reduced, rank = table.rref()
    width = len(columns)
    if rank and all(reduced[rank - 1, j] == 0 for j in range(width)):
        return None
    return (fmpq_mat(rank, width, [reduced[i, j] for i in range(rank) for j in range(width)]),
            fmpq_mat(rank, 1, [reduced[i, width] for i in range(rank)]))


def _search(equations: tuple[Any, Any], blocks: list[Block], margin: float) -> Any:
    """Matrices with least eigenvalue about `margin` near the solutions, by Douglas-Rachford splitting; None when not found."""
    import numpy as np

    a = np.array([[float(x) for x in row] for row in equations[0].tolist()])
    b = np.array([float(x) for (x,) in equations[1].tolist()])
    scale = max(1.0, float(np.abs(b).max(initial=0)))
    inverse = np.linalg.pinv(a)
    z = np.zeros(a.shape[1])
    for _ in range(ROUNDS):
        p = z - inverse @ (a @ z - b)
        r = _lifted(2 * p - z, blocks, margin * scale)
        z = z + r - p
        if np.abs(r - p).max() < 1e-9 * scale:
            break
    return r if np.abs(r - p).max() < 1e-5 * scale else None


def _matrices(q: Any, blocks: list[Block]) -> list[Any]:
    found, start = [], 0
    for block in blocks:
        n = len(block.basis)
        found.append(q[start:start + n * n].reshape(n, n))
        start += n * n
    return found


def _lifted(q: Any, blocks: list[Block], least: float) -> Any:
    import numpy as np

    parts = []
    for m in _matrices(q, blocks):
        values, vectors = np.linalg.eigh((m + m.T) / 2)
        parts.append(((vectors * np.maximum(values, least)) @ vectors.T).ravel())
    return np.concatenate(parts)


def _rounded(q: Any, equations: tuple[Any, Any], blocks: list[Block]) -> Evidence | None:
    """On a grid, then moved exactly onto the solutions (by least squares), then tested exactly."""
    from flint import fmpq, fmpq_mat

    a, b = equations
    gram = a * a.transpose()
    for grid in _GRIDS:
        near = fmpq_mat(len(q), 1, [fmpq(round(float(x) * grid), grid) for x in q])
        exact = near + a.transpose() * gram.solve(b - a * near)
        found = _as_evidence([Fraction(int(x.p), int(x.q)) for (x,) in exact.tolist()], blocks)
        if found:
            return found
    return None


def _as_evidence(q: list[Fraction], blocks: list[Block]) -> Evidence | None:
    terms: list[Any] = []
    start = 0
    for block in blocks:
        n = len(block.basis)
        matrix = [[(q[start + i * n + j] + q[start + j * n + i]) / 2 for j in range(n)] for i in range(n)]
        start += n * n
        squares = squares_of_form(matrix)
        if squares is None:
            return None
        known = tuple((g, 1, how) for g, how in block.factors)
        for d, row in squares:
            line = sum((z.times(c) for z, c in zip(block.basis, row, strict=True)), rational(0))
            terms.append((d, (line, 2, None), *known))
    return combination(*terms) if terms else None


def _faces(q: Any, blocks: list[Block]) -> list[Block] | None:
    """The bases cut to the ranges of singular matrices, as far as their kernels look rational; None when nothing is singular."""
    import numpy as np

    found, is_smaller = [], False
    for block, m in zip(blocks, _matrices(q, blocks), strict=True):
        values, vectors = np.linalg.eigh((m + m.T) / 2)
        kernel = vectors[:, values < 1e-3 * max(1.0, values.max())].T
        rows = _rational_rows(kernel)
        if rows is None:
            return None
        is_smaller = is_smaller or bool(rows)
        basis = _orthogonal(rows, len(block.basis))
        lines = tuple(sum((z.times(c) for z, c in zip(block.basis, row, strict=True)), rational(0)) for row in basis)
        if lines:
            found.append(Block(block.factors, lines))
    return found if is_smaller else None


def _rational_rows(kernel: Any) -> list[list[Fraction]] | None:
    """The reduced echelon form of rows of floats, with small rationals; None where they do not look so."""
    import numpy as np

    rows, pivots = kernel.copy(), 0
    for column in range(rows.shape[1] - 1, -1, -1):
        if pivots == len(rows):
            break
        best = pivots + int(np.abs(rows[pivots:, column]).argmax())
        if abs(rows[best, column]) < 1e-2:
            continue
        rows[[pivots, best]] = rows[[best, pivots]]
        rows[pivots] /= rows[pivots, column]
        for i in range(len(rows)):
            if i != pivots:
                rows[i] -= rows[i, column] * rows[pivots]
        pivots += 1
    exact = [[Fraction(float(x)).limit_denominator(24) for x in row] for row in rows]
    is_near = all(abs(float(e) - x) < 2e-2 for row, line in zip(exact, rows, strict=True) for e, x in zip(row, line, strict=True))
    return exact if is_near else None


def _orthogonal(rows: list[list[Fraction]], n: int) -> list[list[Fraction]]:
    """A basis of all vectors orthogonal to the rows."""
    from flint import fmpq, fmpq_mat

    if not rows:
        return [[Fraction(i == j) for j in range(n)] for i in range(n)]
    reduced, rank = fmpq_mat([[fmpq(c.numerator, c.denominator) for c in row] for row in rows]).rref()
    pivots = [next(j for j in range(n) if reduced[i, j] != 0) for i in range(rank)]
    found = []
    for free in (j for j in range(n) if j not in pivots):
        line = [Fraction(0)] * n
        line[free] = Fraction(1)
        for i, p in enumerate(pivots):
            value = -reduced[i, free]
            line[p] = Fraction(int(value.p), int(value.q))
        found.append(line)
    return found
