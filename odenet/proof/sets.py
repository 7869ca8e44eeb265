"""Parameter sets have members: for all members of what their bounds use, and for all sizes.

What is proved of all members says nothing where there are none, and the chart of an empty set leads out of it. The sets are looked
at in the order of declaration: what a bound uses is declared above it, so that by induction every member of the sets above goes on
to one of all sets.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from odenet.algebra.evidence import Evidence
from odenet.algebra.facts import resolved
from odenet.algebra.forms import size_scalar
from odenet.algebra.inequalities import is_nonnegative, is_positive
from odenet.algebra.scalars import ONE, Scalar, TooLarge, Unsupported
from odenet.algebra.setting import Setting
from odenet.algebra.vectors import entry
from odenet.diagnostics import Diagnostic, Edit, Label, Rejected
from odenet.ir.differentiate.products import collect, scaled
from odenet.ir.domains import asked_of
from odenet.ir.model import Model, ParameterSet
from odenet.ir.node import Node, subtract
from odenet.ir.sizes import SCALAR
from odenet.proof import domains
from odenet.proof.budget import OutOfTime, limit
from odenet.proof.context import Context
from odenet.text import Span

SECONDS = 10.0  # for one set
Lemma = tuple[str, str, int, Scalar, Evidence]  # whose set, where it holds, how deep was looked, what is >= 0 (> 0), and why


@dataclass(frozen=True)
class Members:
    """What was shown of the sets of a model, and the faults of those that may be empty."""

    lemmas: tuple[Lemma, ...]
    faults: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class Bounded:
    """A set with bounds. `before` is the model with the parameters that they may use."""

    owner: str
    before: Model
    set: ParameterSet


def check(model: Model) -> None:
    """Raises Rejected where a set is not shown to have members (ODE303)."""
    if faults := members(model).faults:
        raise Rejected(model.source, faults)


def members(model: Model) -> Members:
    """Whether every set of a model has members, with the inequalities that show it."""
    lemmas: list[Lemma] = []
    faults: list[Diagnostic] = []
    for one in bounded(model):
        if _is_plain(one.set):
            continue
        context = Context(one.before)
        setting = Setting(context.translator, (), sizes(context))
        fault = _looked_at(context, setting, one)
        faults += [] if fault is None else [fault]
        for where, found in (("free", setting.lemmas), ("free strict", setting.strict_lemmas)):
            lemmas += [(one.owner, where, depth, *shown) for (_, depth), shown in found.items()]
    return Members(tuple(lemmas), tuple(faults))


def _is_plain(one: ParameterSet) -> bool:
    """Numbers: they were looked at when the model was built."""
    return all(bound.op == "number" for bound in one.arguments)


def bounded(model: Model) -> Iterator[Bounded]:
    """The sets with bounds: of the parameters, then of the stages of nets, whose bounds use no parameters."""
    for place, parameter in enumerate(model.parameters):
        before = replace(model, parameters=model.parameters[:place], claims=())
        yield from (Bounded(parameter.name, before, one) for one in parameter.sets if one.arguments)
    still = replace(model, parameters=(), claims=())
    for net in model.nets:
        for place, stage in enumerate(net.stages, 1):
            if stage.norm is not None and stage.place is not None:
                one = ParameterSet("norm", (stage.norm,), stage.span, (stage.place,))
                yield Bounded(f"{net.name} {place}", still, one)


def sizes(context: Context) -> tuple[Scalar, ...]:
    """Derived dims are positive: the constructor of a module refuses others."""
    derived = [resolved(context.model, d.value) for d in context.model.dims if not d.is_free]
    return tuple(size_scalar(size) - ONE for size in derived)


def _looked_at(context: Context, setting: Setting, one: Bounded) -> Diagnostic | None:
    try:
        with limit(SECONDS):
            for node, place in zip(one.set.arguments, one.set.places, strict=True):
                if fault := _undefined(context, setting, one, node, place):
                    return fault
            return None if _has_members(context, setting, one.set) else _empty(one)
    except (OutOfTime, Unsupported, TooLarge, RecursionError):  # a bound above has no value, or this one is too large
        return _empty(one)


# --- bounds that are there ----------------------------------------------------------------------------------------------


_SIGNS = {"not be zero": "nonzero", "be positive": "> 0", "be at least zero": ">= 0"}  # of `asked_of`


def _undefined(context: Context, setting: Setting, one: Bounded, bound: Node, place: Span) -> Diagnostic | None:
    """A fault where a bound may divide by zero, or take a root or logarithm of what has none."""
    for node in bound.walk():
        words = asked_of(node)
        asked = None if words is None else _SIGNS.get(words, "in its domain")
        if asked is None or _is_in_domain(context, setting, node.args[0], asked):
            continue
        text, base = _text(one, place), node.args[0].span
        message = f"the bound `{text}` of {_owner(one)} may have no value"
        if asked == "in its domain" or base is None or base.start < place.start or base.end > place.end:
            label = Label(place, f"an argument is not shown to be {asked} for all members of what it uses")
            return Diagnostic("ODE303", message, (label,), "write it with functions that are defined everywhere")
        inner = f"max({_source(one, base)}, {'0' if asked == '>= 0' else '1/1000'})"
        label = Label(base, f"not shown to be {asked} for all members of what it uses and all sizes")
        return Diagnostic("ODE303", message, (label,), f"write `{_short(inner)}` there", (Edit(base, inner),))
    return None


def _is_in_domain(context: Context, setting: Setting, node: Node, asked: str) -> bool:
    if asked == "in its domain":
        return False
    if asked == ">= 0":
        return is_nonnegative_node(context, setting, node)
    if _is_positive(context, setting, node):
        return True
    return asked == "nonzero" and _is_positive(context, setting, collect(scaled(Fraction(-1), node)))


def _is_positive(context: Context, setting: Setting, node: Node) -> bool:
    return domains.sign(context, node) == domains.POSITIVE or (
        (value := _entry(context, node)) is not None and bool(is_positive(value, setting)))


def is_nonnegative_node(context: Context, setting: Setting, node: Node) -> bool:
    """Whether a scalar, or every entry of a vector, is shown to be >= 0: as it is written, or in normal form."""
    return domains.sign(context, node) != domains.UNKNOWN or (
        (value := _entry(context, node)) is not None and bool(is_nonnegative(value, setting)))


def _entry(context: Context, node: Node) -> Scalar | None:
    try:
        form = context.form(node)
    except (Unsupported, TooLarge):
        return None
    return entry(form) if form.start == SCALAR else None


# --- sets that are not empty ----------------------------------------------------------------------------------------------


def _has_members(context: Context, setting: Setting, one: ParameterSet) -> bool:
    """An interval whose ends do not cross; matrices of norm <= c for c >= 0: 0 is one, and in every set that goes with these."""
    if one.name == "norm":
        return is_nonnegative_node(context, setting, one.arguments[0])
    low, high = one.arguments
    if low == high or (high.op == "largest" and low in high.args) or (low.op == "smallest" and high in low.args):
        return True
    if all(domains.sign(context, node) != domains.UNKNOWN for node in (collect(scaled(Fraction(-1), low)), high)):
        return True
    return is_nonnegative_node(context, setting, subtract(high, low))


def _empty(one: Bounded) -> Diagnostic:
    texts = [_source(one, place) for place in one.set.places]
    low = texts[0] if len(texts) == 2 else "0"
    needed = f"`{_short(low)} <= {_short(texts[-1])}`"
    label = Label(one.set.span, f"{needed} is not shown for all members of what it uses and all sizes")
    bound = f"max({texts[-1]}, {low})"
    shown = f"in [{texts[0]}, {bound}]" if len(texts) == 2 else f"norm <= {bound}"
    return Diagnostic("ODE303", f"the set of {_owner(one)} may be empty", (label,), f"write `{' '.join(shown.split())}`",
                      (Edit(one.set.places[-1], bound),))


def _owner(one: Bounded) -> str:
    return f"`{one.owner}`" if " " not in one.owner else f"a stage of `{one.owner.split()[0]}`"


def _source(one: Bounded, place: Span) -> str:
    return one.before.source.text[place.start:place.end]


def _text(one: Bounded, place: Span) -> str:
    return _short(_source(one, place))


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else words[:57] + "..."
