"""Inequalities on bounded boxes by rigorous branch and bound in ball arithmetic."""
from __future__ import annotations

import heapq
from fractions import Fraction
from typing import Any

from odenet.algebra.evidence import Evidence
from odenet.algebra.intervals import Interval
from odenet.algebra.scalars import Atom, Scalar
from odenet.algebra.setting import Setting

MOST_BOXES = 3000
MOST_VARIABLES = 4
_VARIABLES = ("state", "param", "time", "variable")

Box = tuple[tuple[Fraction, Fraction], ...]


def variables(scalar: Scalar) -> list[Atom]:
    """The quantities it varies with, at every depth."""
    found: dict[str, Atom] = {}
    stack = [scalar]
    while stack:
        for atom in stack.pop().atoms():
            if atom.kind in _VARIABLES:
                found[atom.key] = atom
            stack.extend(item for item in atom.data if isinstance(item, Scalar))
    return [found[key] for key in sorted(found)]


def nonnegative_on_box(scalar: Scalar, setting: Setting) -> Evidence | None:
    """Evidence that scalar >= 0 wherever the assumptions hold; its variables must be few and bounded.

    The box with the least lower bound is split first, along its widest side, until every box has a nonnegative lower bound or
    certainly breaks an assumption. The evidence is the tree of boxes from the left, depth first: `/` for a box that is halved
    along its (first) widest side, `+` for one where the scalar is >= 0, `-` for one where an assumption fails.
    """
    atoms = variables(scalar)
    ends = [setting.interval(atom) for atom in atoms]
    if not atoms or len(atoms) > MOST_VARIABLES or any(e.low is None or e.high is None for e in ends):
        return None
    names = [atom.key for atom in atoms]
    conditions = [g for g in setting.assumptions if {v.key for v in variables(g)} <= set(names)]
    start: Box = tuple((e.low, e.high) for e in ends)  # type: ignore[misc]
    heap = [(float("-inf"), 0, "", start)]
    leaves: dict[str, str] = {}  # the way to each box, as a word of halves, with its sign
    for count in range(1, MOST_BOXES):
        if not heap:
            return Evidence("boxes", (tuple((a, *side) for a, side in zip(atoms, start, strict=True)), _tree(leaves)))
        setting.work[0] -= 2 * len(scalar.terms)
        if setting.work[0] < 0:
            return None
        _, _, way, box = heapq.heappop(heap)
        for order, half in enumerate(halves(box)):
            low = _lower(scalar, names, half, setting)
            if low is None:
                return None
            sign = "+" if low >= 0 else "-" if any(_is_broken(g, names, half, setting) for g in conditions) else None
            if sign:
                leaves[f"{way}{order}"] = sign
            else:
                heapq.heappush(heap, (low, 2 * count + order, f"{way}{order}", half))
    return None


def _tree(leaves: dict[str, str], way: str = "") -> str:
    return leaves[way] if way in leaves else f"/{_tree(leaves, way + '0')}{_tree(leaves, way + '1')}"


def halves(box: Box) -> list[Box]:
    widest = max(range(len(box)), key=lambda i: box[i][1] - box[i][0])
    low, high = box[widest]
    middle = (low + high) / 2
    return [(*box[:widest], side, *box[widest + 1:]) for side in ((low, middle), (middle, high))]


def _lower(scalar: Scalar, names: list[str], box: Box, setting: Setting) -> float | None:
    """A lower bound on a box, as a float below the rigorous one's sign; None where no enclosure is known."""
    found = _enclosure(scalar, dict(zip(names, box, strict=True)), setting)
    if found is None or not found.is_finite():
        return None if found is None else float("-inf")
    if found.lower() >= 0:
        return 0.0
    return min(float(found.lower()), -1e-300)


def _is_broken(scalar: Scalar, names: list[str], box: Box, setting: Setting) -> bool:
    found = _enclosure(scalar, dict(zip(names, box, strict=True)), setting)
    return found is not None and bool(found < 0)


def _enclosure(scalar: Scalar, box: dict[str, tuple[Fraction, Fraction]], setting: Setting) -> Any:
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


def _atom(atom: Atom, box: dict[str, tuple[Fraction, Fraction]], setting: Setting) -> Any:
    from odenet.operators.enclosures import enclose

    if atom.key in box:
        low, high = box[atom.key]
        return _rational(low).union(_rational(high))
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


def _extreme(atom: Atom, box: dict[str, tuple[Fraction, Fraction]], setting: Setting) -> Any:
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
