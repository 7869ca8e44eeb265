"""`param` statements: space, sets, time dependence, initial value."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from difflib import get_close_matches
from fractions import Fraction
from itertools import combinations
from typing import Any

from odenet.ir.declarations import entry_of, not_constant
from odenet.ir.differentiate import products
from odenet.ir.expressions import Reader
from odenet.ir.model import ConvolutionSpace, Parameter, ParameterSet, Schedule
from odenet.ir.node import Node, number
from odenet.ir.scope import Scope
from odenet.ir.sizes import SCALAR, Space
from odenet.ir.spaces import default_dims, read_space
from odenet.ir.values import constant_value
from odenet.sets import COMPATIBLE, SETS
from odenet.sets.row import AnyParameterSpace
from odenet.syntax import tree
from odenet.text import Span

SCHEDULES = ("piecewise", "linear", "fourier", "poly")
_WORDS = (*sorted(set(SETS) - {"interval", "norm"}), "frozen", "clamped", *SCHEDULES)
_MOST_KNOTS = 10_000
CLAMPED = ("interval", "nonnegative")  # sets with ends that a clamp reaches


def read_param(scope: Scope, statement: tree.ParamStatement) -> Parameter | None:
    """One parameter. Errors: ODE301 to ODE309."""
    before = len(scope.faults.found)
    space = read_space(scope, statement.space)
    sets: list[ParameterSet] = []
    schedule: Schedule | None = None
    marks: dict[str, Span] = {}
    for modifier in statement.modifiers:
        found = _read_modifier(scope, statement, modifier)
        if isinstance(found, ParameterSet):
            sets.append(found)
        elif isinstance(found, Schedule):
            schedule = found
        elif isinstance(found, str):
            marks[found] = modifier.span
    if space is None:
        return None
    fitting = tuple(s for s in sets if _fits(scope, statement, s, space))
    _check_together(scope, fitting)
    _check_schedule(scope, statement, schedule, fitting)
    _check_clamp(scope, statement, marks.get("clamped"), fitting)
    initial = _read_initial(scope, statement, space, fitting)
    entry = entry_of(scope, statement.name)
    if entry is None:
        return None
    if statement.timed and schedule is None:
        schedule = Schedule("piecewise")
    parameter = Parameter(statement.name.text, space, schedule, fitting, "frozen" in marks, initial, statement.span,
                          "clamped" in marks)
    entry.value, entry.space, entry.space_span = parameter, space, statement.space.span
    return parameter if len(scope.faults.found) == before else None


# --- modifiers --------------------------------------------------------------------------------------------------------


def _read_modifier(scope: Scope, statement: tree.ParamStatement,
                   modifier: tree.Modifier) -> ParameterSet | Schedule | str | None:
    if isinstance(modifier, tree.IntervalModifier):
        ends = [_read_bound(scope, statement, e) for e in (modifier.lower, modifier.upper)]
        known = tuple(e for e in ends if e is not None)
        if len(known) < 2 or not _is_ordered(scope, modifier, known):
            return None
        return ParameterSet("interval", known, modifier.span, (modifier.lower.span, modifier.upper.span))
    if isinstance(modifier, tree.NormModifier):
        bound = _read_bound(scope, statement, modifier.bound)
        if bound is None:
            return None
        value = constant_value(bound, {})
        if value is not None and value < 0:
            scope.faults.report("ODE303", "no matrix has a negative norm", (modifier.bound.span, f"this is {value}"),
                                help=f"write `norm <= {-value}`", edits=[(modifier.bound.span, str(-value))])
            return None
        return ParameterSet("norm", (bound,), modifier.span, (modifier.bound.span,))
    return _read_word(scope, statement, modifier)


def _read_word(scope: Scope, statement: tree.ParamStatement,
               modifier: tree.SetModifier) -> ParameterSet | Schedule | str | None:
    name = modifier.name.text
    if name in SCHEDULES:
        return _read_schedule(scope, statement, modifier)
    if name not in _WORDS:
        near = get_close_matches(name, _WORDS, 1, 0.6)
        scope.faults.report("ODE301", f"unknown set `{name}`", (modifier.name.span, "no parameter set has this name"),
                            help=f"did you mean `{near[0]}`?" if near else f"known: {', '.join(f'`{w}`' for w in _WORDS)}",
                            edits=[(modifier.name.span, near[0])] if near else [])
        return None
    if modifier.arguments:
        scope.faults.report("ODE307", f"`{name}` takes no argument", (modifier.span, "written with an argument"),
                            help=f"write `{name}`", edits=[(modifier.span, name)])
        return None
    return name if name in ("frozen", "clamped") else ParameterSet(name, (), modifier.span)


def _read_bound(scope: Scope, statement: tree.ParamStatement, expression: tree.Expression) -> Node | None:
    """A bound may use constants, dims and the parameters above. Errors: ODE214, ODE305, ODE308."""
    bound = Reader(scope).scalar(expression, "a bound")
    if bound is None:
        return None
    for n in bound.walk():
        why = ""
        if n.op in ("state", "time"):
            why = f"`{n.data[0]}` is a block of the state" if n.op == "state" else "`t` is time"
        elif n.op == "param" and not statement.timed and scope.entries[n.data[0]].value.schedule is not None:
            why = f"`{n.data[0]}` depends on t, and `{statement.name.text}` does not"
        if why:
            scope.faults.report("ODE305", f"a bound of `{statement.name.text}` cannot use this", (expression.span, why),
                                help="a bound may use numbers, dims, constants and the parameters declared above")
            return None
    return bound if all(_stands_still(scope, statement, expression, n) for n in bound.walk() if n.op == "param") else None


def _stands_still(scope: Scope, statement: tree.ParamStatement, expression: tree.Expression, node: Node) -> bool:
    """Whether a parameter in a bound has one value in each step, as what it bounds has. Errors: ODE308."""
    bounding: Parameter = scope.entries[node.data[0]].value
    if bounding.schedule is None or not bounding.moves_within_steps:
        return True
    place = bounding.schedule.span
    assert place is not None
    scope.faults.report("ODE308", f"a bound of `{statement.name.text}` moves within the step",
                        (expression.span, f"`{bounding.name}` goes from knot to knot"),
                        (place, f"`{bounding.name}` is `{bounding.schedule.kind}`"),
                        help=f"make `{bounding.name}` piecewise: one value for each step", edits=[(place, "piecewise")])
    return False


def _is_ordered(scope: Scope, modifier: tree.IntervalModifier, ends: tuple[Node, ...]) -> bool:
    low, high = (constant_value(e, {}) for e in ends)  # with a dim: see `odenet.proof.sets`
    if low is None or high is None or low <= high:
        return True
    texts = [scope.faults.text(e.span) for e in (modifier.lower, modifier.upper)]
    scope.faults.report("ODE303", f"the interval [{texts[0]}, {texts[1]}] is empty",
                        (modifier.span, "its ends cross"), help=f"write `in [{texts[1]}, {texts[0]}]`",
                        edits=[(modifier.lower.span, scope.faults.source.text[modifier.upper.span.start:modifier.upper.span.end]),
                               (modifier.upper.span, scope.faults.source.text[modifier.lower.span.start:modifier.lower.span.end])])
    return False


def _read_schedule(scope: Scope, statement: tree.ParamStatement, modifier: tree.SetModifier) -> Schedule | None:
    name = modifier.name.text
    if not statement.timed:
        end = statement.name.span.end
        scope.faults.report("ODE308", f"`{name}` says how a parameter depends on time, and this one does not",
                            (modifier.span, "for a `param(t)` only"), (statement.name.span, "declared without `(t)`"),
                            help=f"write `{statement.name.text}(t)`", edits=[(Span(end, end), "(t)")])
        return None
    counts = [Reader(scope).read(a) for a in modifier.arguments]
    if name == "piecewise" and not counts:
        return Schedule("piecewise", None, modifier.span)
    count = counts[0] if len(counts) == 1 else None
    least = 2 if name == "linear" else 1
    if name != "piecewise" and count is not None and count.op == "number" and count.data[0].denominator == 1 \
            and least <= count.data[0] <= _MOST_KNOTS:
        return Schedule(name, int(count.data[0]), modifier.span)
    asked = "`piecewise`" if name == "piecewise" else f"`{name}(4)`, with a whole number from {least} to {_MOST_KNOTS}"
    if all(c is not None for c in counts):
        scope.faults.report("ODE308", f"`{name}` is not written like this", (modifier.span, "no such time dependence"),
                            help=f"write {asked}")
    return None


# --- what goes together -------------------------------------------------------------------------------------------------


def _fits(scope: Scope, statement: tree.ParamStatement, found: ParameterSet, space: AnyParameterSpace) -> bool:
    row = SETS[found.name]
    if row.fits(space):
        return True
    text = scope.faults.text(found.span)
    help, edits = _in_its_place(found, space)
    scope.faults.report("ODE302", f"`{text}` is a set of {row.spaces}", (found.span, "does not apply here"),
                        (statement.space.span, f"`{statement.name.text}` is in {space}"), help=help, edits=edits)
    return False


def _in_its_place(found: ParameterSet, space: AnyParameterSpace) -> tuple[str, list[tuple[Span, str]]]:
    """What to write where `orthogonal` is asked of a convolution that cannot be."""
    if found.name != "orthogonal" or not isinstance(space, ConvolutionSpace):
        return "", []
    why = ("or take `padding = circular`: with zero padding the border loses what the inside keeps, so no kernel that looks "
           "at a neighbour is orthogonal" if space.padding == "zero" else
           "or take `stride = 1` and pool behind it: an orthogonal convolution keeps the size of its images")
    return f"declare `norm <= 1`, {why}", [(found.span, "norm <= 1")]


def _check_together(scope: Scope, sets: tuple[ParameterSet, ...]) -> None:
    for one, other in combinations(sets, 2):
        if frozenset({one.name, other.name}) not in COMPATIBLE:
            texts = [scope.faults.text(s.span) for s in (one, other)]
            what = "given twice" if one.name == other.name else "in one parameter"
            scope.faults.report("ODE304", f"`{texts[0]}` and `{texts[1]}` do not go together", (other.span, what),
                                (one.span, "with this one"), help="keep one of the two")


def _check_clamp(scope: Scope, statement: tree.ParamStatement, mark: Span | None, sets: tuple[ParameterSet, ...]) -> None:
    """A clamp needs a set with an end. Errors: ODE302."""
    if mark is None or any(s.name in CLAMPED for s in sets) or len(sets) < _sets_written(statement):
        return
    scope.faults.report("ODE302", "`clamped` is for `in [a, b]` and `nonnegative`", (mark, "there is no end to stop at"),
                        (statement.name.span, "has no such set"), help="write `in [0, 1], clamped`, or leave `clamped` out")


def _sets_written(statement: tree.ParamStatement) -> int:
    """How many modifiers are sets, so that one with a fault of its own is not missed a second time."""
    return sum(not isinstance(m, tree.SetModifier) or m.name.text in SETS for m in statement.modifiers)


def _check_schedule(scope: Scope, statement: tree.ParamStatement, schedule: Schedule | None,
                    sets: tuple[ParameterSet, ...]) -> None:
    if schedule is None or schedule.kind == "piecewise":
        return
    for found in sets:
        row = SETS[found.name]
        has_linear_bounds = all(constant_value(a, default_dims(scope)) is not None for a in found.arguments)
        if row.is_linear or (schedule.kind == "linear" and row.is_convex and has_linear_bounds):
            continue
        text = scope.faults.text(found.span)
        scope.faults.report("ODE308", f"`{text}` is not kept between the knots of `{schedule.kind}`",
                            (found.span, "holds at the knots only"), (statement.name.span, "depends on time"),
                            help="leave the time dependence `piecewise`, one member of the set for each step",
                            edits=[] if schedule.span is None else [(schedule.span, "piecewise")])


# --- initial values -----------------------------------------------------------------------------------------------------


def _read_initial(scope: Scope, statement: tree.ParamStatement, space: AnyParameterSpace,
                  sets: tuple[ParameterSet, ...]) -> Node | None:
    """The initial value. Errors: ODE306 outside of a set, ODE309 not a constant of the parameter's space."""
    if statement.initial is None:
        return None
    span = statement.initial.span
    value = Reader(scope).read(statement.initial)
    if value is None:
        return None
    if stranger := not_constant(value):
        scope.faults.report("ODE309", "an initial value is a constant", (span, stranger))
        return None
    if isinstance(space, ConvolutionSpace):
        scope.faults.report("ODE309", "a convolution cannot be given an initial value", (span, "not known how"),
                            help="leave it out: a convolution starts from random numbers")
        return None
    if value.space == SCALAR:
        value = products.spread(value, space)
    if value.space != space:
        scope.faults.report("ODE309", f"this is not a value for `{statement.name.text}`", (span, f"in {value.space}"),
                            (statement.space.span, f"`{statement.name.text}` is in {space}"))
        return None
    return value if all(_holds(scope, statement, s, value, space) for s in sets) else None


def _holds(scope: Scope, statement: tree.ParamStatement, found: ParameterSet, value: Node, space: Space) -> bool:
    """Whether the initial value lies in a set, where that can be decided at the given dims."""
    dims = default_dims(scope)
    arguments = [constant_value(a, dims) for a in found.arguments]
    known = [a for a in arguments if a is not None]
    if len(known) < len(arguments):
        return True
    entry = _common_entry(value)
    shared = None if entry is None else constant_value(entry, dims)
    if shared is not None and found.name in ("positive", "nonnegative", "interval", "binary"):
        holds = _entry_holds(found.name, shared, known)
    else:
        array = _array(value, dims)
        if array is None:
            return True
        holds = SETS[found.name].residual(array, *map(float, known)) < 1e-9
        if holds and (missed := SETS[found.name].missed(array)):
            return _miss(scope, statement, found, missed)
    if not holds:
        assert statement.initial is not None
        scope.faults.report("ODE306", f"the initial value of `{statement.name.text}` is not in its set",
                            (statement.initial.span, f"not in `{scope.faults.text(found.span)}`"),
                            (found.span, "the set"))
    return holds


def _common_entry(value: Node) -> Node | None:
    """The scalar that all entries are equal to, or None."""
    if value.space == SCALAR:
        return value
    if value.op in ("ones", "zeros"):
        return number(int(value.op == "ones"))
    return value.args[0] if value.op == "spread" else None


def _entry_holds(name: str, entry: Fraction, arguments: list[Fraction]) -> bool:
    if name == "interval":
        return arguments[0] <= entry <= arguments[1]
    return {"positive": entry > 0, "nonnegative": entry >= 0, "binary": abs(entry) == 1}[name]


def _array(value: Node, dims: dict[str, int]) -> Any:
    """The value in floats, or None where it is too large to look at."""
    from odenet.ir.interpret import Environment, evaluate

    assert isinstance(value.space, Space)
    entries = 1
    for size in value.space.sizes:
        entries *= int(size.evaluate(dims))
    return None if entries > 10**6 else evaluate(value, Environment(dims=dims))


def _miss(scope: Scope, statement: tree.ParamStatement, found: ParameterSet, missed: str) -> bool:
    """Reports a member of the set at which the parameter cannot begin."""
    assert statement.initial is not None
    before = max(span.end for span in (statement.space.span, *(m.span for m in statement.modifiers)))
    name = statement.name.text
    scope.faults.report("ODE306", f"`{name}` cannot begin at this member of its set",
                        (statement.initial.span, missed), (found.span, "its chart is Cayley's map"),
                        help=f"Cayley's map reaches no matrix with the eigenvalue -1: leave the initial value of `{name}` out",
                        edits=[(Span(before, statement.initial.span.end), "")])
    return False
