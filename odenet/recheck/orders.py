"""The order of a table by its rooted trees, and of a composition by its words or its trees. Exact numbers only.

A composition of steps, part i with errors of degrees E_i, is a product of exponentials of h c X_i + sum over j in E_i of
(h c)^j Z_ij. It has order p when the coefficient of every word of degree at most p is that of exp(h (X_1 + ... + X_k)). Where all
lower degrees agree, the difference is a Lie polynomial, so Lyndon words decide. The order is that for all parts that read and move
what the parts of the flow do: a shear is exact for every consistent method while the clock stands still, and where words fail the
trees decide whose vertices have only children that they see.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), III.1, III.4, III.5.
"""
from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache, lru_cache
from itertools import combinations_with_replacement, permutations, product
from math import factorial
from typing import Any

from odenet.ir.model import Flow, Method, Table
from odenet.ir.node import Node, replaced
from odenet.plan.steps import Relax
from odenet.recheck.case import Case, Goal, Rows, Step
from odenet.recheck.conditions import residual, sees
from odenet.recheck.fields import determinant
from odenet.recheck.scalars import Rejected
from odenet.schemes.numbers import Exact, exact

CLOCK: Any = "t"
Tree = tuple[Any, ...]  # the children; t is a leaf of its own


@cache
def trees(size: int) -> tuple[Tree, ...]:
    """Rooted trees of a size; below the root a leaf may also be t."""
    found = set()
    for sizes in _partitions(size - 1, size - 1):
        branches = {n: (*trees(n), *((CLOCK,) if n == 1 else ())) for n in sorted(set(sizes))}
        choices = [combinations_with_replacement(of_size, sizes.count(n)) for n, of_size in branches.items()]
        found |= {tuple(sorted((t for part in parts for t in part), key=repr)) for parts in product(*choices)}
    return tuple(found)


def _partitions(total: int, largest: int) -> Iterator[tuple[int, ...]]:
    if total == 0:
        yield ()
    for first in range(min(total, largest), 0, -1):
        for rest in _partitions(total - first, first):
            yield (first, *rest)


def _size(tree: Tree) -> int:
    return 1 if tree == CLOCK else 1 + sum(map(_size, tree))


def _density(tree: Tree) -> int:
    value = _size(tree)
    for child in tree:
        value *= 1 if child == CLOCK else _density(child)
    return value


class Tableau:
    """A Butcher table in exact numbers."""

    def __init__(self, table: Table) -> None:
        self.c, self.b = [exact(c) for c in table.nodes], [exact(b) for b in table.weights]
        self.a = [[exact(a) for a in row] for row in table.matrix]
        self.known: dict[Tree, list[Exact]] = {}

    def stages(self, tree: Tree) -> list[Exact]:
        """At each stage the product over the children of what they sum to there."""
        if tree not in self.known:
            total = [Exact(1)] * len(self.b)
            for child in tree:
                below = self.c if child == CLOCK else [self.sum(row, self.stages(child)) for row in self.a]
                total = [x * y for x, y in zip(total, below, strict=True)]
            self.known[tree] = total
        return self.known[tree]

    def sum(self, weights: list[Exact], values: list[Exact]) -> Exact:
        return sum((w * v for w, v in zip(weights, values, strict=True)), Exact(0))

    def weight(self, tree: Tree) -> Exact:
        return self.sum(self.b, self.stages(tree))

    def order(self, up_to: int) -> int:
        """The largest order up to `up_to`, explicit time included."""
        for size in range(1, up_to + 1):
            if any(self.weight(tree) != Fraction(1, _density(tree)) for tree in trees(size)):
                return size - 1
        return up_to

    def is_symplectic(self) -> bool:
        size = range(len(self.b))
        return all(self.b[i] * self.a[i][j] + self.b[j] * self.a[j][i] == self.b[i] * self.b[j] for i in size for j in size)

    def is_symmetric(self) -> bool:
        """P A P' + A = 1 b' for a permutation P of the stages."""
        size = range(len(self.b))
        return len(self.b) <= 6 and any(
            all(self.b[p[i]] == self.b[i] and self.c[p[i]] + self.c[i] == 1 for i in size)
            and all(self.a[p[i]][p[j]] + self.a[i][j] == self.b[j] for i in size for j in size) for p in permutations(size))

    def quadratic_order(self, up_to: int) -> int:
        """The r such that quadratic invariants are kept up to O(h^(r+1)): a(u o v) + a(v o u) = a(u) a(v) for |u| + |v| <= r."""
        for size in range(2, up_to + 1):
            for left in range(1, size):
                for u, v in product(trees(left), trees(size - left)):  # of the rates at the stages, explicit time included
                    if self.weight((*u, v)) + self.weight((*v, u)) != self.weight(u) * self.weight(v):
                        return size - 1
        return up_to


def errors(method: Method, up_to: int, sees_clock: bool, is_shear: bool) -> tuple[int, ...]:
    """The degrees up to `up_to` at which a method may err, on fields that see the clock move or not, shears or not."""
    if method.kind == "exact" or (method.kind == "discrete_gradient" and is_shear and not sees_clock):
        return ()
    if method.kind == "runge_kutta" and is_shear and not sees_clock:
        assert method.table is not None
        return () if sum(Tableau(method.table).b, Exact(0)) == 1 else (1,)
    if method.kind == "discrete_gradient":  # symmetric, of order 2 (Gonzalez 1996)
        return tuple(range(3, up_to + 1, 2))
    table = Tableau(method.inner.table if method.inner else method.table)  # type: ignore[arg-type]
    if not sees_clock:
        table.c = [sum(row, Exact(0)) for row in table.a]
    order, is_plain = table.order(up_to), method.kind != "relax" or table.is_symplectic()
    if not is_plain:  # min(q, r - 1): Ketcheson 2019, Theorem 2.7
        return tuple(range(min(order, table.quadratic_order(up_to + 1) - 1) + 1, up_to + 1))
    return tuple(range(order + 1, up_to + 1, 2 if table.is_symmetric() else 1))


def order_conditions(case: Case, goal: Goal, step: Step) -> None:
    """The composition agrees with the exact flow in every word up to its order; `relax` on fields that keep its invariant."""
    case.demand(goal.property == "order" and goal.kind == "flow", "the rule is about the order of a flow")
    value = case.value(goal.arguments[0]).value()
    if value is None or value.denominator != 1 or value < 1:
        raise Rejected("the order is no whole number from 1")
    wanted = int(value)
    flow: Flow = case.model.flow(goal.subject)
    plan = case.plans[goal.subject]
    for index, (part, advance) in enumerate(zip(flow.parts, plan.advances, strict=True)):
        if isinstance(advance, Relax):
            case.premise(step, goal.of("field", "preserves", advance.invariant, rows=case.rows((part.field,))))
            _may_be_definite(case, goal, part.field, advance.invariant)
            case.conditions.append(f"assumes `{part.field}` keeps its invariant, definite on the blocks it moves")
            rows, inner = case.rows((part.field,)), part.method.inner
            if index == 0 and case.model.is_timed(rows) and inner and inner.table and not Tableau(inner.table).is_symplectic():
                _may_go_on(case, flow, rows)
                case.conditions.append(f"assumes `{part.field}` is zero only where it is so at all times")
    stages = [(i, exact(c)) for i, c in flow.scheme.stages]
    if len(flow.parts) == 1 and flow.parts[0].method.kind == "exact" and sum((c for _, c in stages), Exact(0)) == 1:
        return
    below = sees(case.model, flow)
    wrong = [(i, j) for i, part in enumerate(flow.parts)
             for j in errors(part.method, wanted, i == 0 and below[0][1], i not in below[i][0])]
    degree = None if any(j == 1 for _, j in wrong) else _wrong_word(len(flow.parts), wrong, stages, wanted)
    if degree == 0:
        return
    case.demand(all(part.method.kind in ("exact", "runge_kutta") for part in flow.parts),
                f"an order condition of degree {degree or 1} fails" if degree else "a method has the order 0")
    _trees_agree(flow, below, wanted)


def _may_be_definite(case: Case, goal: Goal, field: str, invariant: Any) -> None:
    """Refuse a quadratic of numbers that is not definite on the moved blocks: its Hessian has minors of the wrong sign."""
    names = [name for name, _ in case.rows((field,))]
    hessian = [[case.slope(case.gradient(invariant, i), j) for j in names] for i in names]
    if all(not case.model.block(name).space.sizes for name in names):
        entries = [[form.scalar() for form in row] for row in hessian]
        if all(entry.value() is not None for row in entries for entry in row):
            minors = [determinant([row[:k] for row in entries[:k]]).value() or 0 for k in range(1, len(names) + 1)]
            alternating = [m * (-1) ** k for k, m in enumerate(minors, 1)]
            return case.demand(all(m > 0 for m in minors) or all(m > 0 for m in alternating), "the quadratic is not definite")
    ends = [case.bounds(goal).spectrum(hessian[i][i]) for i in range(len(names))]
    below, above = ([None if end is None else end.value() for end in side] for side in zip(*ends, strict=True))
    is_mixed = any(v is not None and v <= 0 for v in above) and any(v is not None and v >= 0 for v in below)
    case.demand(not is_mixed, "the quadratic is not definite")


def _may_go_on(case: Case, flow: Flow, rows: Rows) -> None:
    """Refuse a field that is zero at a time of the flow: a relaxed step may stand still there while the flow sets off."""
    for moment in (flow.start, flow.end):
        there = [case.reader.form(_at(node, moment)) for _, node in rows]
        case.demand(not all(form.is_zero() for form in there), "the field is zero at a time")
    for factor in _factors(rows[0][1]):
        is_shared = all(factor in _factors(node) for _, node in rows)
        if is_shared and not any(leaf.op in ("state", "param", "variable") for leaf in factor.walk()) and not factor.space.sizes:
            first, last = (case.reader.scalar(_at(factor, moment)).value() for moment in (flow.start, flow.end))
            case.demand(first is None or last is None or first * last >= 0, "the field is zero at a time")


def _at(node: Node, moment: Node) -> Node:
    return replaced(node, lambda leaf: moment if leaf.op == "time" else None)


def _factors(node: Any) -> list[Any]:
    """Of a product of products and powers: where one is zero, so is the product."""
    if node.op == "power" and node.data[0] > 0:
        return _factors(node.args[0])
    return [f for a in node.args for f in _factors(a)] if node.op in ("mul", "scale") else [node]


def _wrong_word(parts: int, wrong: list[tuple[int, int]], stages: list[tuple[int, Exact]], wanted: int) -> int:
    """The degree of the first word with another coefficient than in the exact flow; 0 where there is none."""
    letters = sorted([*((i, 1) for i in range(parts)), *wrong])
    for degree in range(1, wanted + 1):
        for word in lyndon(tuple(letters), degree):
            pure = all(j == 1 for _, j in word)
            if coefficient(word, stages) != (Fraction(1, factorial(degree)) if pure else 0):
                return degree
    return 0


def _trees_agree(flow: Flow, below: list[tuple[frozenset[int], bool]], wanted: int) -> None:
    """Each tree of a choice of fields that see what the parts see has the coefficient of the exact flow.

    Source: Hairer, Lubich, Wanner (2006), III.2, Theorem 2.5 for P-series; a tree whose vertex does not see its child has the
    elementary differential 0.
    """
    names = [part.field for part in flow.parts]

    @cache
    def rooted(colour: int, size: int) -> tuple[Any, ...]:
        return tuple((names[colour], *children) for children in forests(colour, size - 1, size - 1))

    @cache
    def forests(colour: int, size: int, largest: int) -> tuple[Any, ...]:
        found = [()] if size == 0 else []
        for top in range(1, min(size, largest) + 1):
            kinds = [tree for c in sorted(below[colour][0]) for tree in rooted(c, top)]
            kinds += [(CLOCK,)] if top == 1 and below[colour][1] else []
            for count in range(1, size // top + 1):
                found += [(*some, *rest) for some in combinations_with_replacement(kinds, count)
                          for rest in forests(colour, size - top * count, top - 1)]
        return tuple(found)

    for size in range(1, wanted + 1):
        for colour in range(len(names)):
            for tree in rooted(colour, size):
                if residual(flow, tree)[0] != 0:
                    raise Rejected(f"an order condition of degree {size} fails")


def lyndon(letters: tuple[tuple[int, int], ...], degree: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Words of a degree that come before all their proper suffixes."""

    def grow(word: tuple[tuple[int, int], ...], left: int) -> Iterator[tuple[tuple[int, int], ...]]:
        if not left:
            if all(word < word[i:] for i in range(1, len(word))):
                yield word
            return
        for letter in letters:
            if letter[1] <= left and (not word or letter >= word[0]):
                yield from grow((*word, letter), left - letter[1])

    yield from grow((), degree)


@lru_cache(maxsize=1000)
def _power(base: Exact, exponent: int) -> Exact:
    return base ** exponent


def coefficient(word: tuple[tuple[int, int], ...], stages: list[tuple[int, Exact]]) -> Exact:
    """Of a word in the product of the stages' exponentials: the sum over all cuts into runs, one for each stage."""
    found = {0: Exact(1)}
    for part, c in stages:
        for end in range(len(word), 0, -1):
            start, weight = end, 0
            while start and word[start - 1][0] == part:
                start -= 1
                weight += word[start][1]
                if start in found:
                    share = found[start] * _power(c, weight) * Fraction(1, factorial(end - start))
                    found[end] = found.get(end, Exact(0)) + share
    return found.get(len(word), Exact(0))
