"""The order of a composition of substeps, from its coefficients and its methods alone, exactly.

Three ways, tried in this order for each degree:
1. words with an error letter for each degree a method may err in. Agreement proves the order. A wrong word of exact
   flows alone refutes it, since the errors of methods belong to other words for a generic choice of the parts;
2. coloured rooted trees, when every method is exact or a Runge-Kutta table: they decide;
3. otherwise (`relax`, `discrete_gradient`) the leading error of one part, which has no other to cancel with, decides
   whether the sum of its coefficients to that power is zero. Nothing else is concluded.

The clock is one more component of the state, moved with rate 1 by the part named first. So all of this holds for
fields that depend on t: the first part is (X_1, t' = 1), the others have t' = 0. A table moves this component as any
other only where its nodes are the sums of its rows and its weights add up to 1; else trees have leaves for t.

"Every smooth choice of the parts" is every choice that reads and moves what the parts do (`schemes.sight`). Words speak of
all choices: what they prove holds for these, and where they fail the trees of these choices decide.

Source: E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration (2006), III.1 to III.5, IX.1.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Union

from odenet.ir.model import Flow, Method, Model, Table
from odenet.schemes import tables
from odenet.schemes.lifting import as_two, merge
from odenet.schemes.numbers import Exact, ExactError, as_node, exact
from odenet.schemes.series import Coefficients, Move, Series
from odenet.schemes.sight import sight
from odenet.schemes.trees import CLOCK, Sight, Tree, everywhere, is_within, number_within, show, subtrees, trees_within
from odenet.schemes.words import Miss, TooManyWords, Words

CLOCK_NAME = "t"
MAX_TREES = 5_000  # coloured trees that are looked at in one degree
MAX_DEGREE = 12
SYMMETRY_DEGREE = 6  # up to which a composition is attacked that is not seen to be symmetric


@dataclass(frozen=True)
class Traits:
    """What is known of the method of one part.

    `order`: None is the exact flow. `table` is set when its step is a B-series of a table (or exact). `assumes`: what
    the field must satisfy for this to be so, in words; "" when nothing.
    """

    order: int | None
    is_symmetric: bool
    table: Coefficients | None = None
    has_series: bool = True
    has_clock: bool = False
    assumes: str = ""


@dataclass(frozen=True)
class OrderResult:
    """`order` is proved. `condition` names the word or tree of the next order whose coefficient is wrong, `residual` is
    that coefficient minus the one of the exact flow; None when none was found: the order is at least `order`.
    `shown_by` is the same condition as data: ("tree", (name of the root's field, child, child, ...)), t being a leaf ("t",), or
    ("field", name) of the part whose method errs.
    `assumes`: see Traits. `is_exact`: the step is the exact flow, of every order."""

    order: int
    condition: str | None = None
    residual: Exact | None = None
    shown_by: tuple[str, Any] | None = None
    assumes: tuple[str, ...] = ()
    is_exact: bool = False

    def at_least(self, wanted: int) -> bool | None:
        """True: proved, False: refuted, None: undecided."""
        if self.order >= wanted:
            return True
        return None if self.condition is None else False


def traits(method: Method, sees_clock: bool = True, is_shear: bool = False) -> Traits:
    """What is known of a method, on fields that see the clock move or not, and read what they move or not (a shear).

    Raises:
        ExactError: exact work would be too much.
    """
    if method.kind == "exact":
        return Traits(None, True)
    if method.kind == "runge_kutta" and is_shear:
        assert method.table is not None
        return _of_shear(method.table, sees_clock)
    if method.kind == "discrete_gradient":
        if is_shear and not sees_clock:  # V is affine in what moves: the discrete gradient is its gradient
            return Traits(None, True)
        # Gonzalez, Time integration and discrete Hamiltonian systems, J. Nonlinear Sci. 6 (1996) 449-467
        return Traits(2, True, has_series=False)
    if method.kind == "relax":
        assert method.inner is not None and method.inner.table is not None
        return _relaxed(method, sees_clock)
    assert method.table is not None
    return _of_table(_seen(method.table, sees_clock), "")


def _of_shear(table: Table, sees_clock: bool) -> Traits:
    """x' = g(t), what else it reads being at rest: the table is a quadrature rule, exact for a constant g when it is consistent."""
    if tables.weight(table) != 1:
        return Traits(0, not sees_clock or tables.is_symmetric_quadrature(table), tables.coefficients(table), has_clock=sees_clock)
    if not sees_clock:
        return Traits(None, True)
    order = tables.quadrature_order(table, MAX_DEGREE)
    return Traits(order, tables.is_symmetric_quadrature(table), tables.coefficients(table),
                  has_clock=not tables.has_consistent_nodes(table))


def _seen(table: Table, sees_clock: bool) -> Table:
    """The table as a part sees it: where the clock stands still its nodes do not matter, and are the sums of the rows."""
    if sees_clock or tables.has_consistent_nodes(table):
        return table
    return replace(table, nodes=tuple(as_node(sum(row, Exact(0))) for row in tables.coefficients(table).matrix))


def _relaxed(method: Method, sees_clock: bool) -> Traits:
    assert method.inner is not None and method.inner.table is not None
    table, assumes = _seen(method.inner.table, sees_clock), "its invariant, definite on the blocks it moves"
    if tables.is_symplectic(table):  # s = 1: the step of the table itself
        return _of_table(table, assumes)
    return Traits(tables.relaxed_order(table), False, has_series=False, assumes=assumes)


def _of_table(table: Table, assumes: str) -> Traits:
    return Traits(tables.order(table).order, tables.is_symmetric(table), tables.coefficients(table),
                  has_clock=not tables.has_consistent_nodes(table) or tables.weight(table) != 1, assumes=assumes)


def _inconsistent(flow: Flow) -> OrderResult | None:
    """A part that does not move for the whole step: of order 0. Weights that do not sum to one may be made good by the scheme."""
    for index, part in enumerate(flow.parts):
        if part.method.table is None:
            continue
        length = sum((exact(c) for i, c in flow.scheme.stages if i == index), Exact(0))
        weights = sum((exact(w) for w in part.method.table.weights), Exact(0))
        if weights != 1 and length * weights != 1:
            return OrderResult(0, f"the sum of the weights of `{part.method.name}`", length * weights - 1, ("tree", (part.field,)))
    return None


def flow_order(model: Model, flow: Flow, up_to: int) -> OrderResult:
    """The order of one step of a flow, looked at up to `up_to`; at least 0 when exact work would be too much."""
    names = [part.field for part in flow.parts]
    try:
        seen = sight(model, flow)
        methods = [traits(part.method, i == 0 and CLOCK in seen[0], i not in seen[i]) for i, part in enumerate(flow.parts)]
        inconsistent = _inconsistent(flow)
        if inconsistent is not None:
            return inconsistent
        stages = [(index, exact(coefficient)) for index, coefficient in flow.scheme.stages]
        found = composition_order(stages, methods, up_to, names, seen)
    except ExactError:
        return OrderResult(0)
    assumes = tuple(f"`{name}` keeps {m.assumes}" for name, m in zip(names, methods, strict=True) if m.assumes)
    return OrderResult(found.order, found.condition, found.residual, found.shown_by, assumes, found.is_exact)


def composition_order(
    stages: Sequence[tuple[int, Exact]], methods: Sequence[Traits], up_to: int, names: Sequence[str] = (),
    seen: Sight | None = None,
) -> OrderResult:
    """The order of a composition: stages (part, coefficient), methods part by part, `up_to` the last order tried.

    `seen`: what the parts read of each other, everything unless given."""
    stages, names = [(part, c) for part, c in stages if c], names or _letters(len(methods))
    everything = everywhere(len(methods))
    seen = everywhere(len(methods), methods[0].has_clock) if seen is None else _without_clock(seen, methods)
    if len(methods) > 2 and all(m.order is None for m in methods):
        fewer = as_two(stages, len(methods))
        if fewer is not None:
            found = composition_order(fewer, [methods[0], methods[-1]], up_to, [names[0], names[-1]])
            if seen == everything or found.order >= up_to:
                return found
    conditions = _Conditions(stages, methods, names, seen)
    if len(methods) == 1 and methods[0].order is None and sum((c for _, c in stages), Exact(0)) == 1:
        return OrderResult(up_to, is_exact=True)
    whole = sum((c for part, c in stages if part == 0), Exact(0))  # 1: the step back begins at the time where this one ends
    even_is_free = whole == 1 and is_palindromic(stages, methods)
    for degree in range(1, min(up_to, MAX_DEGREE) + 1):
        if even_is_free and degree % 2 == 0:
            continue  # the order of a symmetric map is even
        failure = conditions.failure(degree)
        if failure is not None:
            return OrderResult(degree - 1) if failure == UNKNOWN else OrderResult(degree - 1, *failure)
    return OrderResult(min(up_to, MAX_DEGREE))


def _without_clock(seen: Sight, methods: Sequence[Traits]) -> Sight:
    """A leaf for t is a leaf of the part named first, where a field sees both and the method moves both alike."""
    if methods[0].has_clock:
        return seen
    return tuple(tuple(c for c in below if c != CLOCK or 0 not in below) for below in seen)


def _letters(count: int) -> list[str]:
    return [chr(ord("A") + i) if count <= 26 else f"X{i + 1}" for i in range(count)]


def is_palindromic(stages: Sequence[tuple[int, Exact]], methods: Sequence[Traits]) -> bool:
    """Whether the composition read backwards is itself, with symmetric methods: then it is symmetric.

    Neighbours of one part whose flow is exact count as one stage.
    """
    if any(not methods[part].is_symmetric for part, _ in stages):
        return False
    merged = merge(stages, {part for part, method in enumerate(methods) if method.order is None})
    return merged == merged[::-1]


def asymmetry(
    stages: Sequence[tuple[int, Exact]], methods: Sequence[Traits], names: Sequence[str] = (),
) -> OrderResult | None:
    """A proof that a composition is not symmetric for generic parts: where its step h after its step -h is not the
    identity. `order` is the degree below which it is. None when no such place is found (or none is looked for)."""
    if any(not m.has_series for m in methods):
        return None
    stages = [(part, c) for part, c in stages if c]
    there_and_back = stages + [(part, -c) for part, c in stages]
    seen = everywhere(len(methods), methods[0].has_clock)
    conditions = _Conditions(there_and_back, methods, names or _letters(len(methods)), seen, is_identity=True)
    for degree in range(1, SYMMETRY_DEGREE + 1):
        failure = conditions.failure(degree)
        if failure is not None:
            return None if failure == UNKNOWN else OrderResult(degree - 1, *failure)
    return None


# A condition that fails in words, its residual and its data; without a residual it is not known whether one fails.
Failure = tuple[str, Union[Exact, None], Any]
UNKNOWN: Failure = ("", None, None)


def _named(tree: Tree, names: Sequence[str]) -> Any:
    return (CLOCK_NAME,) if tree[0] == CLOCK else (names[tree[0]], *(_named(child, names) for child in tree[1]))


def _chain(parts: Sequence[int]) -> Tree:
    """The tree whose weight is the coefficient of a word of exact flows: the letter that acts last is its root."""
    below: tuple[Tree, ...] = ()
    for part in parts:
        below = ((part, below),)
    return below[0]


class _Conditions:
    """The order conditions of one composition, degree by degree, each degree under the assumption of the lower ones."""

    def __init__(
        self, stages: Sequence[tuple[int, Exact]], methods: Sequence[Traits], names: Sequence[str], seen: Sight,
        is_identity: bool = False,
    ) -> None:
        self._methods = methods
        self._seen = seen
        self._is_free = True  # whether all lower degrees hold in the free algebra: else its Lyndon words do not decide
        self._names = names
        self._words = Words(stages, len(methods), is_identity)
        self._is_identity = is_identity
        self._moves = [Move(part, c, methods[part].table) for part, c in stages]
        self._series: Series | None = None

    def failure(self, degree: int) -> Failure | None:
        """A condition of this degree that fails; None when all of them hold. Lower degrees are taken to hold."""
        has_series = all(method.has_series for method in self._methods)
        if not self._is_free or any(method.order == 0 for method in self._methods):  # no letter of words stands for such a method
            return self._tree_failure(degree) if has_series else UNKNOWN
        errors = [self._error_degrees(method, degree) for method in self._methods]
        try:
            miss = self._words.first_miss(degree, [()] * len(errors))
            if miss is not None and is_within(_chain([part for part, _ in miss.word]), self._seen):
                letters = [self._names[part] for part, _ in miss.word]
                tree = _named(_chain([part for part, _ in miss.word]), self._names)
                return f"the word {' '.join(letters)}", miss.residual, ("tree", tree)
            if miss is None and any(errors):
                miss = self._words.first_miss(degree, errors)
        except TooManyWords:
            return UNKNOWN
        if miss is None:
            return None
        self._is_free = False
        return self._tree_failure(degree) if has_series else self._leading_failure(miss)

    def _error_degrees(self, method: Traits, degree: int) -> tuple[int, ...]:
        if method.order is None:
            return ()
        step = 2 if method.is_symmetric else 1
        return tuple(range(method.order + 1, degree + 1, step))

    def _leading_failure(self, miss: Miss) -> Failure:
        part, degree = miss.word[0]
        if len(miss.word) == 1 and self._methods[part].order == degree - 1:
            return f"the error of degree {degree} of {self._names[part]}", miss.residual, ("field", self._names[part])
        return UNKNOWN

    def _tree_failure(self, degree: int) -> Failure | None:
        if self._series is None:
            self._series = Series(self._moves)
        colours, few = len(self._methods), number_within(degree, self._seen) <= MAX_TREES
        looked_at = trees_within(degree, self._seen if few else (tuple(c for c in self._seen[0] if c <= 0),))
        for tree in sorted(looked_at, key=lambda tree: len({vertex[0] for vertex in subtrees(tree)})):
            residual = self._series.misses(tree, Fraction(0) if self._is_identity else None)
            if residual is not None:
                return f"the tree {show(tree, self._names if colours > 1 else ())}", residual, ("tree", _named(tree, self._names))
        return None if few else UNKNOWN
