"""Inequalities on boxes by rigorous branch and bound in ball arithmetic."""
from __future__ import annotations

import heapq
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from odenet.algebra.evidence import Evidence
from odenet.algebra.intervals import Interval
from odenet.algebra.scalars import Atom, Scalar, of_atom, rational
from odenet.algebra.setting import Setting
from odenet.algebra.substitution import variables

MOST_BOXES = 3000
MOST_UNBOUNDED = 80
MOST_TRIALS = 8  # boxes that are tried by slopes
MOST_VARIABLES = 4
LETTERS = 100  # so many letters of a scalar cost one more piece of work
FAR = 4  # how much further out an unbounded side is cut

Box = tuple[Interval, ...]
BySlope = Callable[[Setting, int], Evidence | None]


def nonnegative_on_box(scalar: Scalar, setting: Setting, by_slope: BySlope) -> Evidence | None:
    """Evidence that scalar >= 0 wherever the assumptions hold; its variables must be few.

    The box with the least lower bound is split first, along its widest side, until every box has a nonnegative lower bound or
    certainly breaks an assumption, or is shown by slopes (a zero at a corner). The evidence is the tree of boxes from the left,
    depth first: `/` for a box that is halved along its (first) widest side, `+` for one where the scalar is >= 0, `-` for one
    where an assumption fails, `*` for one whose evidence is the next part.
    """
    atoms = variables(scalar)
    if not atoms or len(atoms) > MOST_VARIABLES:
        return None
    search = _Search(scalar, atoms, setting, by_slope)
    return search.run(tuple(setting.interval(atom) for atom in atoms))


class _Search:
    def __init__(self, scalar: Scalar, atoms: list[Atom], setting: Setting, by_slope: BySlope) -> None:
        self.scalar, self.atoms, self.setting, self.by_slope = scalar, atoms, setting, by_slope
        names = {atom.key for atom in atoms}
        self.names = [atom.key for atom in atoms]
        self.conditions = [g for g in setting.assumptions if {v.key for v in variables(g)} <= names]
        self.leaves: dict[str, str] = {}  # the way to each box, as a word of halves, with its sign
        self.parts: dict[str, Evidence] = {}
        self.trials = 0

    def run(self, start: Box) -> Evidence | None:
        heap: list[tuple[float, int, str, Box]] = []
        most = MOST_BOXES if _is_bounded(start) else MOST_UNBOUNDED
        pending, count = [("", start)], 0
        while pending:
            for way, box in pending:
                low = self._lower(box)
                if low is None or (low < 0 and self._is_refuted(box)):
                    return None
                count += 1
                if not self._is_settled(way, box, low):
                    heapq.heappush(heap, (low, count, way, box))
            self.setting.work[0] -= 2 * len(self.scalar.terms) + len(self.scalar.key) // LETTERS
            if count > most or self.setting.work[0] < 0:
                return None
            pending = []
            if heap:
                _, _, way, box = heapq.heappop(heap)
                pending = [(f"{way}{order}", half) for order, half in enumerate(halves(box))]
        text, parts = self._tree("")
        return Evidence("boxes", (tuple((a, x.low, x.high) for a, x in zip(self.atoms, start, strict=True)), text), tuple(parts))

    def _tree(self, way: str) -> tuple[str, list[Evidence]]:
        if way in self.leaves:
            return self.leaves[way], [self.parts[way]] if way in self.parts else []
        (left, first), (right, second) = self._tree(way + "0"), self._tree(way + "1")
        return f"/{left}{right}", first + second

    def _is_settled(self, way: str, box: Box, low: float) -> bool:
        if low >= 0:
            self.leaves[way] = "+"
        elif any(self._is_broken(g, box) for g in self.conditions):
            self.leaves[way] = "-"
        elif self.trials < MOST_TRIALS and (len(way) == 1 or (way and len(way) % (3 * len(box)) == 0)):
            self.trials += 1
            found = self.by_slope(self._inside(box), 2)
            if found:
                self.leaves[way], self.parts[way] = "*", found
        return way in self.leaves

    def _inside(self, box: Box) -> Setting:
        return inside(self.setting, self.atoms, box)

    def _lower(self, box: Box) -> float | None:
        """A lower bound on a box, as a float below the rigorous one's sign; None where no enclosure is known."""
        if not _is_bounded(box):
            low = self._inside(box).enclosure(self.scalar).low
            return float("-inf") if low is None else 0.0 if low >= 0 else min(float(low), -1e-300)
        found = _enclosure(self.scalar, dict(zip(self.names, box, strict=True)), self.setting)
        if found is None or not found.is_finite():
            return None if found is None else float("-inf")
        return 0.0 if found.lower() >= 0 else min(float(found.lower()), -1e-300)

    def _is_refuted(self, box: Box) -> bool:
        """Whether the scalar is certainly negative in the middle of a box, where all assumptions hold."""
        middles = [_middle(x.low, x.high) for x in box]
        place = {name: Interval(z, z) for name, z in zip(self.names, middles, strict=True)}
        value = _enclosure(self.scalar, place, self.setting)
        if value is None or not value < 0:
            return False
        known = [_enclosure(g, place, self.setting) for g in self.setting.assumptions]
        return all(g is not None and g >= 0 for g in known)

    def _is_broken(self, condition: Scalar, box: Box) -> bool:
        found = _enclosure(condition, dict(zip(self.names, box, strict=True)), self.setting)
        return found is not None and bool(found < 0)


def inside(setting: Setting, atoms: list[Atom], box: Box) -> Setting:
    """The setting cut to a box."""
    facts = [g for atom, ends in zip(atoms, box, strict=True)
             for g in (None if ends.low is None else of_atom(atom) - rational(ends.low),
                       None if ends.high is None else rational(ends.high) - of_atom(atom)) if g is not None]
    return setting.assuming(*facts)


def _is_bounded(box: Box) -> bool:
    return all(x.low is not None and x.high is not None for x in box)


def halves(box: Box) -> list[Box]:
    is_bounded = _is_bounded(box)
    widest = max(range(len(box)), key=lambda i: _width(box[i], is_bounded))
    low, high = box[widest].low, box[widest].high
    cut = _middle(low, high)
    return [(*box[:widest], side, *box[widest + 1:]) for side in (Interval(low, cut), Interval(cut, high))]


def _width(x: Interval, is_bounded: bool) -> Fraction:
    """Of an unbounded box the sides are measured after z / (1 + |z|)."""
    if is_bounded and x.low is not None and x.high is not None:
        return x.high - x.low
    top = Fraction(1) if x.high is None else x.high / (1 + abs(x.high))
    return top - (Fraction(-1) if x.low is None else x.low / (1 + abs(x.low)))


def _middle(low: Fraction | None, high: Fraction | None) -> Fraction:
    if low is not None and high is not None:
        return (low + high) / 2
    if low is None and high is None:
        return Fraction(0)
    end, sign = (low, 1) if low is not None else (high, -1)
    assert end is not None
    return Fraction(0) if sign * end < 0 else sign * max(FAR * abs(end), Fraction(1))


def _enclosure(scalar: Scalar, box: dict[str, Interval], setting: Setting) -> Any:
    """A ball that holds all values of a scalar on a box, or None."""
    from flint import arb

    from odenet.operators.enclosures import power

    total = arb(0)
    for factors, coefficient in scalar.terms:
        product = _rational(coefficient)
        for atom, exponent in factors:
            value = _atom(atom, box, setting)
            if value is None:
                return None
            product = product * power(value, exponent)
        total = total + product
    return total


def _rational(value: Fraction) -> Any:
    from flint import arb, fmpq

    return arb(fmpq(value.numerator, value.denominator))


def _atom(atom: Atom, box: dict[str, Interval], setting: Setting) -> Any:
    from odenet.operators.enclosures import enclose

    if atom.key in box:
        return _whole(box[atom.key])
    if atom.kind == "prime":
        return _rational(Fraction(atom.data[0]))
    if atom.kind == "function" and isinstance(atom.data[2], Scalar):
        inner = _enclosure(atom.data[2], box, setting)
        return None if inner is None or not inner.is_finite() else enclose(atom.data[0], inner, *atom.data[1])
    if atom.kind == "sum":
        return _enclosure(atom.data[0], box, setting)
    if atom.kind in ("largest", "smallest") and isinstance(atom.data[0], Scalar):
        return _extreme(atom, box, setting)
    return _whole(setting.interval(atom))


def _extreme(atom: Atom, box: dict[str, Interval], setting: Setting) -> Any:
    items = [_enclosure(item, box, setting) for item in atom.data]
    if any(item is None for item in items):
        return None
    total = items[0]
    for item in items[1:]:
        total = total.max(item) if atom.kind == "largest" else total.min(item)
    return total


def _whole(interval: Interval) -> Any:
    if interval.low is None or interval.high is None:
        return None
    return _rational(interval.low).union(_rational(interval.high))
