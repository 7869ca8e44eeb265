"""Candidates for first integrals: a library of scalars of the state, and all combinations of them that linear algebra finds.

Along a field f every scalar g changes at the rate grad g . f. Where these rates, in normal form, are linearly dependent over the
rationals, the same combination of the g is a first integral. What is found here is only a suggestion; the prover decides.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from math import gcd, lcm

from odenet.algebra.scalars import Scalar, monomial_key
from odenet.ir.model import Block, Model
from odenet.ir.node import Node, states
from odenet.ir.show import node_text
from odenet.ir.sizes import SCALAR, Space

Key = tuple[str, ...]  # the factors of a term, as texts, sorted: ("k", "q", "q")
DEGREES = ((2, 4), (3, 4), (4, 3), (8, 2))  # up to so many scalar blocks: monomials up to this degree
MOST_PARAMETERS, MOST_TERMS = 4, 160
_PRIMITIVES = {"sin": "cos", "cos": "sin", "exp": "exp", "tanh": "logcosh", "sigmoid": "softplus", "relu": "relu", "log": "log"}


@dataclass(frozen=True)
class Term:
    """One scalar of the library, a product."""

    key: Key

    @property
    def text(self) -> str:
        """Names before calls, powers together: `k^2 * cos(q)`."""
        powers = {f: self.key.count(f) for f in sorted(self.key, key=lambda f: ("(" in f, f))}
        return " * ".join(f if n == 1 else f"{f}^{n}" for f, n in powers.items())


def library(model: Model, blocks: Sequence[Block], rates: Sequence[tuple[str, Node]], is_positive: bool = False) -> list[Term]:
    """Scalars of the given blocks, the plainest first.

    Args:
        rates: (block, right-hand side) of what moves; of a block that does not move only its own sum is a term.
        is_positive: logarithms too, for a region where blocks are positive.
    """
    moved = {name for name, _ in rates} or {b.name for b in blocks}
    scalars = [b.name for b in blocks if b.space == SCALAR]
    tensors = [b for b in blocks if b.space != SCALAR]
    active = [name for name in scalars if name in moved]
    degree = next((d for most, d in DEGREES if len(active) <= most), 1)
    found = [Term((name,)) for name in scalars] + [Term((f"sum({b.name})",)) for b in tensors]
    found += [Term(tuple(sorted(c))) for k in range(2, degree + 1) for c in combinations_with_replacement(active, k)]
    found += [Term((text,)) for text in _quadratic(model, [b for b in tensors if b.name in moved])]
    found += [Term((text,)) for text in _defined(model, blocks)]
    found += [Term((text,)) for text in _primitives([node for _, node in rates], moved)]
    if is_positive:
        found += [Term((f"log({name})",)) for name in active]
    parameters = [p.name for p in model.parameters if p.space == SCALAR and p.schedule is None][:MOST_PARAMETERS]
    fronts = [c for k in (1, 2) for c in combinations_with_replacement(parameters, k)]
    found += [Term(tuple(sorted((*front, *term.key)))) for front in fronts for term in found]
    return list(dict.fromkeys(found))[:MOST_TERMS]


def _quadratic(model: Model, tensors: Sequence[Block]) -> list[str]:
    """Inner products of blocks of one space, also through square matrices of the model."""
    plain = [f"dot({b.name}, {c.name})" for b, c in combinations_with_replacement(tensors, 2) if b.space == c.space]
    matrices = [p for p in model.parameters if isinstance(p.space, Space) and p.space.rank == 2 and p.schedule is None]
    return plain + [f"dot({b.name}, {p.name} @ {b.name})" for p in matrices for b in tensors
                    if isinstance(p.space, Space) and p.space.sizes == b.space.sizes * 2]


def _defined(model: Model, blocks: Sequence[Block]) -> list[str]:
    """The scalar `def`s of the model, applied to the blocks of their arguments."""
    texts = []
    for definition in model.definitions:
        chosen = []
        for name, space in definition.arguments:
            fitting = [b.name for b in blocks if b.space == space]
            chosen.append(name if name in fitting else fitting[0] if len(fitting) == 1 else "")
        if definition.body.space == SCALAR and chosen and all(chosen):
            texts.append(f"{definition.name}({', '.join(chosen)})")
    return texts


def _primitives(rates: Sequence[Node], moved: set[str]) -> list[str]:
    """Functions of scalars that move, where they occur in the rates, and what they are derivatives of."""
    texts: dict[str, None] = {}
    for node in dict.fromkeys(n for rate in rates for n in rate.walk()):
        if node.op == "function" and node.space == SCALAR and states(node) & moved and len(node.data) == 1:
            inside = node_text(node.args[0])
            for name in (node.data[0], _PRIMITIVES.get(node.data[0], node.data[0])):
                texts[f"{name}({inside})"] = None
    return list(texts)[:8]


# --- combinations -------------------------------------------------------------------------------------------------


def combinations(terms: Sequence[Term], rates: Sequence[Sequence[Scalar]]) -> list[str]:
    """The independent combinations of terms whose rates vanish, in every column of `rates` at once, as texts.

    Products of earlier ones, and multiples by parameters, say nothing new and are left out. rates[i][k]: of term i along field k.
    """
    rows: dict[tuple[int, str], dict[int, Fraction]] = {}
    for i, along in enumerate(rates):
        for k, scalar in enumerate(along):
            for monomial, coefficient in scalar.terms:
                rows.setdefault((k, monomial_key(monomial)), {})[i] = coefficient
    found: list[dict[Key, Fraction]] = []
    implied: list[dict[Key, Fraction]] = []
    for vector in _null_vectors(list(rows.values()), len(terms)):
        named = {terms[i].key: vector[i] for i in sorted(vector)}
        if _is_spanned(named, implied):
            continue
        found.append(named)
        implied = _closure(found, terms)
    return [_text(vector) for vector in found]


def _null_vectors(rows: list[dict[int, Fraction]], width: int) -> list[dict[int, Fraction]]:
    """A basis of the null space; each vector has its last entry where no other has one."""
    from flint import fmpq, fmpq_mat

    if not rows:
        return [{i: Fraction(1)} for i in range(width)]
    entries = [fmpq(row[i].numerator, row[i].denominator) if i in row else fmpq(0) for row in rows for i in range(width)]
    reduced, rank = fmpq_mat(len(rows), width, entries).rref()
    pivots = [next(j for j in range(width) if reduced[i, j] != 0) for i in range(rank)]
    free = [j for j in range(width) if j not in set(pivots)]
    vectors = []
    for j in free:
        vector = {p: -Fraction(int(reduced[i, j].p), int(reduced[i, j].q)) for i, p in enumerate(pivots) if reduced[i, j] != 0}
        vectors.append({**vector, j: Fraction(1)})
    return vectors


def _is_spanned(vector: dict[Key, Fraction], others: list[dict[Key, Fraction]]) -> bool:
    keys = sorted({key for v in [vector, *others] for key in v})
    return _rank([vector, *others], keys) == _rank(others, keys)


def _rank(vectors: list[dict[Key, Fraction]], keys: list[Key]) -> int:
    from flint import fmpq, fmpq_mat

    if not vectors:
        return 0
    entries = [fmpq(v[k].numerator, v[k].denominator) if k in v else fmpq(0) for v in vectors for k in keys]
    return int(fmpq_mat(len(vectors), len(keys), entries).rank())


def _closure(found: list[dict[Key, Fraction]], terms: Sequence[Term]) -> list[dict[Key, Fraction]]:
    """The vectors, their products as far as the library reaches, and multiples of all by factors that are no terms (parameters)."""
    known = {term.key for term in terms}
    degree = max(len(key) for key in known)
    level, products = list(found), list(found)
    for _ in range(degree - 1):
        level = [p for a in level for b in found if set(p := _product(a, b)) <= known]
        products += level
    factors = dict.fromkeys(f for term in terms for f in term.key if (f,) not in known)
    single: list[dict[Key, Fraction]] = [{(f,): Fraction(1)} for f in factors]
    once = [_product(p, v) for p in single for v in products]
    return [*products, *once, *(_product(p, v) for p in single for v in once)]


def _product(a: dict[Key, Fraction], b: dict[Key, Fraction]) -> dict[Key, Fraction]:
    total: dict[Key, Fraction] = {}
    for k, c in a.items():
        for m, d in b.items():
            key = tuple(sorted((*k, *m)))
            total[key] = total.get(key, Fraction(0)) + c * d
    return {k: c for k, c in total.items() if c}


def _text(vector: dict[Key, Fraction]) -> str:
    """The combination with whole numbers without a common factor, most of them positive, those of squares first."""
    scale = lcm(*(c.denominator for c in vector.values()))
    whole = {k: int(c * scale) for k, c in vector.items()}
    squares = [c for k, c in whole.items() if (len(k) == 2 and k[0] == k[1]) or k[0].startswith("dot(")]
    balance = _balance(squares) or _balance(list(whole.values()))
    is_turned = balance < 0 or (balance == 0 and next(iter(whole.values())) < 0)
    divisor = gcd(*whole.values()) * (-1 if is_turned else 1)
    pieces: list[str] = []
    for key, c in whole.items():
        number = c // divisor
        size = "" if abs(number) == 1 else f"{abs(number)} * "
        lead = ("-" if number < 0 else "") if not pieces else (" - " if number < 0 else " + ")
        pieces.append(f"{lead}{size}{Term(key).text}")
    return "".join(pieces)


def _balance(numbers: list[int]) -> int:
    return sum(c > 0 for c in numbers) - sum(c < 0 for c in numbers)
