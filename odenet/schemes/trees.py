"""Rooted trees whose vertices have colours: the terms of a B-series of one field (one colour) or of several.

A tree is (colour, children), children sorted, so that equal trees are equal objects.
Source: J. C. Butcher, Numerical Methods for Ordinary Differential Equations (2016), chapter 3; E. Hairer, C. Lubich,
G. Wanner, Geometric Numerical Integration (2006), III.1 and III.2 (P-series: several colours).
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations_with_replacement, product
from typing import Any

CLOCK = -1  # the colour of t: a leaf below another vertex, since t' = 1
Tree = tuple[int, tuple[Any, ...]]


def order(tree: Tree) -> int:
    """The number of vertices."""
    return 1 + sum(order(child) for child in tree[1])


def density(tree: Tree) -> int:
    """gamma(t): the exact solution has the coefficient 1 / gamma(t)."""
    value = order(tree)
    for child in tree[1]:
        value *= density(child)
    return value


def graft(tree: Tree, branch: Tree) -> Tree:
    """The Butcher product: `branch` joined to the root of `tree`."""
    return tree[0], tuple(sorted((*tree[1], branch)))


@cache
def trees(size: int, colours: int, has_clock: bool = False) -> tuple[Tree, ...]:
    """All trees with `size` vertices in `colours` colours; with `has_clock`, leaves below the root may be t as well."""
    return tuple((colour, children) for colour in range(colours)
                 for children in _forests(size - 1, size - 1, colours, has_clock))


def _branches(size: int, colours: int, has_clock: bool) -> tuple[Tree, ...]:
    leaf: tuple[Tree, ...] = ((CLOCK, ()),) if has_clock and size == 1 else ()
    return leaf + trees(size, colours, has_clock)


@cache
def _forests(size: int, largest: int, colours: int, has_clock: bool) -> tuple[tuple[Tree, ...], ...]:
    """Multisets of trees with `size` vertices together, each with at most `largest`."""
    if size == 0:
        return ((),)
    found: list[tuple[Tree, ...]] = []
    for top in range(min(size, largest), 0, -1):
        for count in range(1, size // top + 1):
            rest = _forests(size - top * count, top - 1, colours, has_clock)
            tall = combinations_with_replacement(_branches(top, colours, has_clock), count)
            found.extend(tuple(sorted(chosen + others)) for chosen, others in product(tall, rest))
    return tuple(found)


def show(tree: Tree, names: Sequence[str] = ()) -> str:
    """Bracket notation: `[]` is a single vertex, `[[], []]` a root with two leaves; with names, `A[B, B]`."""
    inner = ", ".join(show(child, names) for child in tree[1])
    if tree[0] == CLOCK:
        return "t"
    if not names:
        return f"[{inner}]"
    return f"{names[tree[0]]}[{inner}]" if inner else names[tree[0]]


def subtrees(tree: Tree) -> Iterator[Tree]:
    """Every vertex with what hangs on it, children first."""
    for child in tree[1]:
        yield from subtrees(child)
    yield tree
