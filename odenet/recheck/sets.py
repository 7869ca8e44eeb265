"""Parameter sets have members: for all members of what their bounds use, and for all sizes.

A certificate brings the inequalities along. Those of one set may speak of the parameters declared above it, and of no others: a set
that is empty proves anything.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from odenet.ir.differentiate.products import collect, scaled
from odenet.ir.model import Model
from odenet.ir.node import Node, subtract
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS
from odenet.recheck.case import sign_of
from odenet.recheck.data import Data
from odenet.recheck.reading import Reader
from odenet.recheck.scalars import Rejected, Scalar, number
from odenet.recheck.shorter import Asked
from odenet.recheck.signs import Signs
from odenet.recheck.slopes import Derivatives
from odenet.recheck.words import entry, size_scalar

DEPTH = 6
Bounds = tuple[str, Model, str, tuple[Node, ...]]  # whose set, the model above it, which set, its bounds


def have_members(model: Model, lemmas: Any) -> None:
    """Check that no set of a model can be empty, by inequalities `[whose set, "free" or "free strict", depth, scalar, evidence]`.

    Raises:
        Rejected: the set of a parameter may be empty, its bounds may have no value, or an inequality is not needed.
    """
    if len(needed_for_sets(model, lemmas)) != len(lemmas):
        raise Rejected("an inequality about sets is not needed")


def needed_for_sets(model: Model, lemmas: Any) -> list[Any]:
    """Those of the inequalities that show that all sets have members. Raises Rejected where they do not show it."""
    if not isinstance(lemmas, list) or not all(isinstance(item, list) and len(item) == 5 for item in lemmas):
        raise Rejected("the inequalities about sets are not well formed")
    found: list[Any] = []
    for owner, above, name, bounds in _bounded(model):
        if _is_plain(name, bounds):
            continue
        signs = _signs(above)
        data = Data(Derivatives(signs.reader))
        own = [(item, _accepted(signs, item, data)) for item in lemmas if item[0] == owner and item not in found]
        asked: set[Any] = set()
        signs.known, signs.strict = Asked(signs.known, asked.add), Asked(signs.strict, asked.add)
        for bound in bounds:
            _demand_value(signs, bound)
        if not _is_nonempty(signs, name, bounds):
            raise Rejected(f"the set of `{owner}` may be empty")
        answers = {question: item for item, question in own}  # one for each
        found += [item for question, item in answers.items() if question in asked]
    return found


def _bounded(model: Model) -> Iterator[Bounds]:
    for place, parameter in enumerate(model.parameters):
        above = replace(model, parameters=model.parameters[:place], claims=())
        yield from ((parameter.name, above, s.name, s.arguments) for s in parameter.sets if s.arguments)
    for net in model.nets:
        for place, stage in enumerate(net.stages, 1):
            if stage.norm is not None:
                yield f"{net.name} {place}", replace(model, parameters=(), claims=()), "norm", (stage.norm,)


def _is_plain(name: str, bounds: tuple[Node, ...]) -> bool:
    """Numbers that do not cross, or one from 0 on."""
    ends = [b.data[0] for b in bounds if b.op == "number"]
    return len(ends) == len(bounds) and (ends[0] <= ends[1] if name == "interval" else name == "norm" and ends[0] >= 0)


def _signs(above: Model) -> Signs:
    """Derived dims are positive, as the free ones are."""
    reader = Reader(above)
    derived = [size_scalar(reader.table, reader.size(d.value)) - number(1) for d in above.dims if not d.is_free]
    return Signs(reader).assuming(*derived)


def _accepted(signs: Signs, item: Any, data: Data) -> Any:
    """The question that an inequality answers, once its evidence is checked."""
    _, where, depth, written, evidence = item
    scalar = data.read(written)
    if not isinstance(scalar, Scalar) or not isinstance(depth, int) or where not in ("free", "free strict"):
        raise Rejected("an inequality about a set is not well formed")
    if where == "free":
        signs.accept(scalar, depth, data.read(evidence))
        return scalar, depth
    signs.accept_strict(scalar, data.read(evidence))
    return scalar


def _demand_value(signs: Signs, bound: Node) -> None:
    """No division by zero; roots and logarithms of what has them."""
    for node in bound.walk():
        if node.op == "power":
            exponent, base = node.data[0], node.args[0]
            is_whole = exponent.denominator == 1
            if exponent < 0:
                holds = _is_positive(signs, base) or (is_whole and _is_positive(signs, collect(scaled(Fraction(-1), base))))
            else:
                holds = is_whole or _is_nonnegative(signs, base)
        elif node.op == "function":
            domain = FUNCTIONS[node.data[0]].domain
            holds = domain == "all" or (domain == "positive" and _is_positive(signs, node.args[0])) or (
                domain == "nonnegative" and _is_nonnegative(signs, node.args[0]))
        else:
            continue
        if not holds:
            raise Rejected("a bound of a set may have no value")


def _is_nonempty(signs: Signs, name: str, bounds: tuple[Node, ...]) -> bool:
    """low <= high; 0 <= c, and then 0 is a member of `norm <= c` and of every set that goes with it."""
    if name == "norm":
        return _is_nonnegative(signs, bounds[0])
    if name != "interval":
        return False
    low, high = bounds
    if low == high or (high.op == "largest" and low in high.args) or (low.op == "smallest" and high in low.args):
        return True
    model = signs.reader.model
    if sign_of(model, collect(scaled(Fraction(-1), low))) and sign_of(model, high):
        return True
    return _is_nonnegative(signs, subtract(high, low))


def _is_positive(signs: Signs, node: Node) -> bool:
    if sign_of(signs.reader.model, node) == 2:
        return True
    scalar = _entry(signs, node)
    value = None if scalar is None else scalar.value()
    return scalar is not None and (scalar in signs.strict if value is None else value > 0)


def _is_nonnegative(signs: Signs, node: Node) -> bool:
    if sign_of(signs.reader.model, node):
        return True
    scalar = _entry(signs, node)
    return scalar is not None and signs.holds(scalar, DEPTH)


def _entry(signs: Signs, node: Node) -> Scalar | None:
    """One entry of a vector, whichever."""
    try:
        form = signs.reader.form(node)
        return entry(form) if form.start == SCALAR else None
    except Rejected:
        return None
