"""Rooted trees whose vertices have colours: the terms of a B-series of one field (one colour) or of several.

A tree is (colour, children), children sorted, so that equal trees are equal objects.
Source: J. C. Butcher, Numerical Methods for Ordinary Differential Equations (2016), chapter 3; E. Hairer, C. Lubich,
G. Wanner, Geometric Numerical Integration (2006), III.1 and III.2 (P-series: several colours).
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations_with_replacement, product
from math import comb
from typing import Any

CLOCK = -1  # the colour of t: a leaf below another vertex, since t' = 1
Tree = tuple[int, tuple[Any, ...]]
Sight = tuple[tuple[int, ...], ...]  # for each colour the colours (and CLOCK) that its field depends on, in order


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


def everywhere(colours: int, has_clock: bool = False) -> Sight:
    """Every colour below every colour; with `has_clock` leaves may be t as well."""
    return (((CLOCK,) if has_clock else ()) + tuple(range(colours)),) * colours


def trees(size: int, colours: int, has_clock: bool = False) -> tuple[Tree, ...]:
    """All trees with `size` vertices in `colours` colours; with `has_clock`, leaves below the root may be t as well."""
    return trees_within(size, everywhere(colours, has_clock))


def trees_within(size: int, sight: Sight) -> tuple[Tree, ...]:
    """The trees with `size` vertices whose vertices have only children that their colour sees."""
    return tuple(tree for colour in range(len(sight)) for tree in _rooted(size, colour, sight))


def is_within(tree: Tree, sight: Sight) -> bool:
    """Whether each vertex has only children that its colour sees."""
    return tree[0] == CLOCK or all(child[0] in sight[tree[0]] and is_within(child, sight) for child in tree[1])


@cache
def _rooted(size: int, colour: int, sight: Sight) -> tuple[Tree, ...]:
    return tuple((colour, children) for children in _forests(size - 1, size - 1, sight[colour], sight))


def _branches(size: int, below: tuple[int, ...], sight: Sight) -> tuple[Tree, ...]:
    leaf: tuple[Tree, ...] = ((CLOCK, ()),) if CLOCK in below and size == 1 else ()
    return leaf + tuple(tree for colour in below if colour != CLOCK for tree in _rooted(size, colour, sight))


@cache
def _forests(size: int, largest: int, below: tuple[int, ...], sight: Sight) -> tuple[tuple[Tree, ...], ...]:
    """Multisets of trees with `size` vertices together, each with at most `largest`."""
    if size == 0:
        return ((),)
    found: list[tuple[Tree, ...]] = []
    for top in range(min(size, largest), 0, -1):
        for count in range(1, size // top + 1):
            rest = _forests(size - top * count, top - 1, below, sight)
            tall = combinations_with_replacement(_branches(top, below, sight), count)
            found.extend(tuple(sorted(chosen + others)) for chosen, others in product(tall, rest))
    return tuple(found)


def number_within(size: int, sight: Sight) -> int:
    """How many trees `trees_within` lists, without listing them."""
    return sum(_multisets(size - 1, size - 1, below, sight) for below in sight)


@cache
def _multisets(size: int, largest: int, below: tuple[int, ...], sight: Sight) -> int:
    total = int(size == 0)
    for top in range(1, min(size, largest) + 1):
        kinds = sum(_multisets(top - 1, top - 1, sight[c], sight) for c in below if c != CLOCK) + (top == 1 and CLOCK in below)
        total += sum(comb(kinds + count - 1, count) * _multisets(size - top * count, top - 1, below, sight)
                     for count in range(1, size // top + 1) if kinds)
    return total


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
