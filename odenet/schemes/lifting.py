"""A scheme written for two parts, used with any number of parts.

Write X(h) = A(h) B(h) and X*(h) = B(h) A(h), its adjoint. Every scheme in A and B whose coefficients have the same sum
for both parts factors uniquely as X(a1) X*(a2) X(a3) ..., and it has order p if and only if that composition has order
p for every consistent X. So the same composition of X(h) = A(h) B(h) C(h) ... and its adjoint has the scheme's order.

Where X and X* meet, the part that ends one and begins the other moves once, for the sum. A seam the text keeps (two
neighbouring stages of one part, as between the factors of a scheme that is made of schemes) is kept. So `strang` of one
part is one step of it, and `yoshida4` of one part is the triple jump, three steps.

Source: R. I. McLachlan, On the numerical integration of ordinary differential equations by symmetric composition
methods, SIAM J. Sci. Comput. 16 (1995) 151-168; E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration
(2006), Theorem III.3.17; R. I. McLachlan, G. R. W. Quispel, Splitting methods, Acta Numerica 11 (2002) 341-434.
"""
from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from odenet.ir.model import Scheme
from odenet.ir.node import Node, mul
from odenet.schemes.numbers import Exact, ExactError, as_node, exact

Stages = tuple[tuple[int, Node], ...]


@dataclass(frozen=True)
class Factor:
    """X(length), or its adjoint. `has_seam`: it does not merge with the factor before it."""

    is_adjoint: bool
    length: Exact
    has_seam: bool


def expand(scheme: Scheme, parts: int) -> Stages | None:
    """The stages of a scheme for a flow with `parts` parts: (index of the part, coefficient).

    A scheme serves as many parts as it names. One that names two serves any number when the coefficients of both have
    the same sum (see above). None: it does not serve that many, or exact work on its coefficients would be too much.
    """
    if len(scheme.parts) == parts:
        return scheme.stages
    if len(scheme.parts) != 2 or parts < 1:
        return None
    try:
        factors = factor([(index, exact(coefficient)) for index, coefficient in scheme.stages])
        return None if factors is None else tuple((i, as_node(c)) for i, c in compose(factors, parts))
    except ExactError:
        return None


def scaled(scheme: Scheme, coefficient: Node) -> Stages:
    """The stages of a scheme that stands as a stage of another one: `strang(1/2)`."""
    return tuple((index, mul(coefficient, inner)) for index, inner in scheme.stages)


def factor(stages: Sequence[tuple[int, Exact]]) -> list[Factor] | None:
    """X(a1) X*(a2) ... of a scheme in two parts; None when the sums of the two parts differ.

    `owed` is what the other part still has to move until the last factor is complete.
    """
    factors: list[Factor] = []
    owed, last = Exact(0), -1
    for index, length in stages:
        if index == last and owed:  # inside a factor: one longer stage
            factors[-1] = Factor(factors[-1].is_adjoint, factors[-1].length + length, factors[-1].has_seam)
            owed = owed + length
            continue
        rest = length - (Exact(0) if index == last else owed)
        factors.append(Factor(index == 1, rest, index == last))
        owed, last = rest, index
    return None if owed else [f for f in factors if f.length]


def compose(factors: Sequence[Factor], parts: int) -> list[tuple[int, Exact]]:
    """The substeps of X(a1) X*(a2) ... with X = A1(h) ... Ak(h)."""
    stages: list[tuple[int, Exact]] = []
    before: Factor | None = None
    for current in factors:
        order = range(parts - 1, -1, -1) if current.is_adjoint else range(parts)
        new = [(index, current.length) for index in order]
        if before is not None and before.is_adjoint != current.is_adjoint and not current.has_seam:
            new[0] = (new[0][0], stages.pop()[1] + current.length)
        stages += new
        before = current
    return [(index, length) for index, length in stages if length]


def as_two(stages: Sequence[tuple[int, Exact]], parts: int) -> list[tuple[int, Exact]] | None:
    """The scheme in two parts that a scheme of exact flows of `parts` parts is lifted from, or None: its order is the same."""
    fewer = merge([(int(index > 0), length) for index, length in stages if index in (0, parts - 1)], {0, 1})
    factors = factor(fewer)
    whole = set(range(parts))
    return fewer if factors is not None and merge(compose(factors, parts), whole) == merge(stages, whole) else None


def merge(stages: Iterable[tuple[int, Exact]], exact_parts: Collection[int]) -> list[tuple[int, Exact]]:
    """Neighbours of one part whose flow is exact as one stage, without stages of length zero."""
    merged: list[tuple[int, Exact]] = []
    for part, c in stages:
        if merged and merged[-1][0] == part and part in exact_parts:
            merged[-1] = (part, merged[-1][1] + c)
        else:
            merged.append((part, c))
        if not merged[-1][1]:
            merged.pop()
    return merged
