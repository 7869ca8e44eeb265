"""Rules about nets: what each kind of stage does, and what follows for the whole."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

from odenet.ir.model import Net, NetStage
from odenet.ir.node import number as constant
from odenet.ir.node import power as powered
from odenet.ir.node import replaced, scalar, scale, state, states, variable
from odenet.ir.sizes import SCALAR, Size, count
from odenet.operators.between import values_between
from odenet.operators.functions import FUNCTIONS, values_of
from odenet.recheck.bounds import HALF, ONE
from odenet.recheck.case import Case, Goal, Step
from odenet.recheck.factors import split_norm
from odenet.recheck.moves import within
from odenet.recheck.positivity import is_nonnegative_sum
from odenet.recheck.scalars import Scalar, number, power
from odenet.recheck.words import size_scalar

UNIT = frozenset(("embed", "take", "lift", "flatten", "maxpool"))  # nothing is stretched in any norm
POSITIVE = UNIT | {"avgpool", "fold"}  # entries >= 0 stay so, and 0 stays 0
KEEPS_SUM = frozenset(("embed", "lift", "flatten", "fold"))
ODD = POSITIVE - {"maxpool"}  # linear
SIZED = frozenset(("embed", "lift", "take", "fold"))  # these append or leave out entries


def _net(case: Case, goal: Goal) -> Net:
    net = case.model.net(goal.subject)
    for stage in net.stages:
        if stage.kind == "flow":
            parts = case.model.flow(stage.data[0]).parts
            case.defined(tuple(node for part in parts for _, node in case.model.field(part.field).rows), case.signs(goal))
        elif stage.kind == "def":
            case.defined((case.model.definition(stage.data[0]).body,), case.signs(goal))
        elif stage.kind in SIZED:
            _has_room(case, stage)
    return net


def room(stage: NetStage) -> tuple[Size, Size]:
    """Of a stage of `SIZED`: the size that must be at least the other."""
    after, before = stage.codomain.sizes[0], stage.domain.sizes[0]
    return (after, before) if stage.kind in ("embed", "lift") else (before, after)


def _has_room(case: Case, stage: NetStage) -> None:
    """Zeros are appended and not taken off, entries are picked among those that there are: for all sizes, or as a condition."""
    more, less = room(stage)
    if not case.reader.size(more).at_least(case.reader.size(less)):
        condition = f"{more} >= {less}, for the stage `{stage.kind}`"
        case.conditions += [condition] if condition not in case.conditions else []


def _is_same(stage: NetStage) -> bool:
    return stage.domain == stage.codomain and stage.kind in ("embed", "take", "lift")


def _slopes(stage: NetStage) -> tuple[Fraction, Fraction]:
    """The slope range of an elementwise function."""
    row = FUNCTIONS[stage.data[0]]
    assert row.smoothness != -1 and row.domain == "all"
    slope, factor = row.derivative(variable("z", SCALAR), *stage.data[1:]), Fraction(1)  # a number would be folded away
    while slope.op in ("scale", "mul"):
        assert slope.args[0].op == "number"
        factor, slope = factor * slope.args[0].data[0], slope.args[1]
    assert slope.op in ("function", "number")
    box = values_of(slope) if slope.op == "function" else None
    ends = sorted((factor * slope.data[0],) * 2 if box is None else (factor * box.low, factor * box.high))  # type: ignore[operator]
    return ends[0], ends[1]


# --- constants ------------------------------------------------------------------------------------------------------


def stage_constants(case: Case, goal: Goal, step: Step) -> None:
    """The Lipschitz constants of the stages multiply."""
    case.demand(goal.kind == "net" and goal.property in ("lipschitz", "nonexpansive", "averaged"), "the rule is about nets")
    bound = ONE if goal.property == "nonexpansive" else case.value(goal.arguments[0])
    case.demand(goal.property != "averaged" or bound == ONE, "averaged(1) is nonexpansive")
    total, constants = ONE, list(step.take("constants"))
    for stage in _net(case, goal).stages:
        if stage.kind == "flow":
            value = constants.pop(0)
            case.premise(step, goal.of("flow", "lipschitz", value, subject=stage.data[0]))
        elif stage.kind == "def":
            value = constants.pop(0)
            case.demand(value.value() is not None, "a number that holds for all inputs")
            within(case, goal, _jacobian_norm(case, goal, stage, value), value)
        else:
            value = _norm(case, goal, stage)
        total = total * value
    case.demand(not constants, "more constants than stages that need them")
    case.signs(goal).demand(bound - total)


def _norm(case: Case, goal: Goal, stage: NetStage) -> Scalar:
    table, order = case.reader.table, goal.norm
    if stage.kind in ("linear", "conv"):
        case.demand(order == "2" and stage.norm is not None, "no bound in this norm")
        return case.value(stage.norm)
    if stage.kind == "function":
        return number(max(map(abs, _slopes(stage))))
    if stage.kind == "avgpool":  # rows sum to 1, columns to 1/k^2
        inverse = power(table, size_scalar(table, stage.data[0]), Fraction(-1), lambda _: True)
        return {"1": inverse * inverse, "2": inverse, "inf": ONE}[order]
    if stage.kind == "fold":  # M M' = I + (n - k) 11'/k^2
        n, k = (size_scalar(table, case.reader.size(count(space))) for space in (stage.domain, stage.codomain))
        ratio = n * power(table, k, Fraction(-1), lambda _: True)
        return {"1": ONE, "2": power(table, ratio, HALF, lambda s: s.kind in ("dim", "prime")), "inf": ratio}[order]
    case.demand(stage.kind in UNIT, "no constant")
    return ONE


def _jacobian_norm(case: Case, goal: Goal, stage: NetStage, value: Scalar) -> Scalar:
    definition = case.model.definition(stage.data[0])
    (name, space), = definition.arguments
    target = case.reader.table.atom("variable", name)
    slopes = case.derivatives.jacobian(case.reader.form(definition.body), target, case.reader.space(space))
    if goal.norm == "2" and slopes.start == slopes.end and (slopes - slopes.T).is_zero():
        low, high = case.bounds(goal).spectrum(slopes)
        if low is not None and high is not None:  # a symmetric Jacobian: the larger end of its spectrum, where that is enough
            size = case.reader.largest(high, -low)
            if size == value or case.signs(goal).holds(value - size):
                return size
    return split_norm(goal, case.bounds(goal), slopes)


def averaged_net(case: Case, goal: Goal, step: Step) -> None:
    """a/(1-a) adds up over stages that map a space to itself."""
    wanted, shares = case.value(goal.arguments[0]).value(), list(step.take("shares"))
    total = Fraction(0)
    for stage in _net(case, goal).stages:
        if stage.kind == "flow":
            share = shares.pop(0).value()
            case.premise(step, goal.of("flow", "averaged", number(share / (1 + share)), subject=stage.data[0]))
            total = total + Fraction(share)
        elif stage.kind == "function":
            least, most = _slopes(stage)
            case.demand(-1 < least <= most <= 1, "slopes in [1 - 2a, 1]")
            total = total + (1 - least) / (1 + least)
        elif stage.kind in ("linear", "conv"):
            c = case.value(stage.norm).value()
            case.demand(stage.domain == stage.codomain and c is not None and c < 1, "|W - (1-a) I| <= a")
            bound = c or Fraction(0)
            total = total + (1 + bound) / (1 - bound)
        else:
            case.demand(_is_same(stage), "not averaged")
    assert wanted is not None
    case.demand(not shares and total <= wanted / (1 - wanted), "not averaged enough")


# --- closed properties ----------------------------------------------------------------------------------------------


def composed_net(case: Case, goal: Goal, step: Step) -> None:
    """Every stage has the property."""
    stages = list(_net(case, goal).stages)
    if goal.property == "positive":  # what comes before a function with values >= 0 has no say
        last = max((i for i, stage in enumerate(stages) if _is_nonnegative(stage)), default=-1)
        stages = stages[last + 1:]
    for stage in _without_detours(stages):
        if stage.kind == "flow":
            case.premise(step, goal.of("flow", goal.property, *_arguments(case, goal, stage), subject=stage.data[0]))
        elif not _is_same(stage):
            case.demand(_has(case, goal, stage), f"a stage does not have `{goal.property}`")


def _is_nonnegative(stage: NetStage) -> bool:
    row = FUNCTIONS[stage.data[0]] if stage.kind == "function" else None
    if row is None or row.smoothness == -1 or row.domain != "all":
        return False
    low = row.values(*stage.data[1:]).low
    return low is not None and low >= 0


def _without_detours(stages: list[NetStage]) -> list[NetStage]:
    """`embed` followed by a `take` of as many entries is the identity: zeros are put behind them and cut off again."""
    for i in range(len(stages) - 1):
        one, other = stages[i:i + 2]
        if (one.kind, other.kind) == ("embed", "take") and one.domain == other.codomain:
            return _without_detours(stages[:i] + stages[i + 2:])
    return stages


def _of_definition(case: Case, goal: Goal, stage: NetStage) -> bool:
    """Whether a `def` maps x >= 0 to values >= 0, or commutes with an action."""
    definition = case.model.definition(stage.data[0])
    body, (name, space) = definition.body, definition.arguments[0]
    if goal.property == "positive":
        form, signs = case.reader.form(body), case.signs(goal, is_orthant=True)
        return signs.holds(form.scalar()) if form.end == SCALAR else is_nonnegative_sum(list(form.terms.items()), "", signs)
    action = goal.arguments[0] if goal.property == "equivariant" else None
    if action == "sign":
        turned = replaced(body, lambda leaf: scale(constant(-1), variable(name, space)) if leaf.op == "variable" else None)
        case.vanishes(lambda c: c.reader.form(turned) + c.reader.form(body), "it is not odd")
        return True
    if action not in ("permutation", "translation") or stage.domain != stage.codomain:
        return False
    if stage.domain.rank == 2 or (action == "permutation" and stage.domain.rank > 1):
        return False
    return all(node.op in _ENTRYWISE or (node.op == "param" and node.space == SCALAR) for node in body.walk())


# entry by entry, or the same for all orders of the entries
_ENTRYWISE = frozenset((
    "number", "dim", "time", "variable", "ones", "zeros", "add", "mul", "scale", "power", "function", "sum", "mean", "dot", "norm",
    "largest", "smallest", "softmax", "spread"))


def _quantity(node: Any) -> str:
    inner = node.args[0] if node.args else node
    if inner.op not in ("state", "variable"):
        return ""
    is_length = node.op == "norm" or (node.op == "dot" and node.args[1] == inner)
    return "length" if is_length else "sum" if node.op == "sum" else ""


def _arguments(case: Case, goal: Goal, stage: NetStage) -> tuple[Any, ...]:
    """What the flow must have: the sum or the length of its own block, or the quantity itself."""
    if goal.property not in ("preserves", "dissipates"):
        return goal.arguments
    name, = case.model.flow(stage.data[0]).blocks
    block, kind = state(name, case.model.block(name).space), _quantity(goal.arguments[0])
    if kind == "sum":
        return (block if block.space == SCALAR else scalar("sum", block),)
    if kind == "length":
        return (powered(block, 2) if block.space == SCALAR else scalar("dot", block, block),)
    case.demand(states(goal.arguments[0]) <= {name}, "a quantity of another block")
    return goal.arguments


def _has(case: Case, goal: Goal, stage: NetStage) -> bool:
    kind, parameters = stage.kind, tuple(stage.data[1:])
    if kind == "def":
        return _of_definition(case, goal, stage)
    if goal.property == "preserves":
        return kind in KEEPS_SUM and _quantity(goal.arguments[0]) == "sum"
    if goal.property in ("invertible", "volume_preserving") and kind != "function":
        return kind == "flatten"
    if goal.property == "equivariant":
        return _commutes(stage, goal.arguments[0])
    if goal.property == "positive" and kind != "function":
        return kind in POSITIVE
    if goal.property == "dissipates":
        fixes_zero = kind in POSITIVE or kind == "conv" or (kind == "function" and values_between(
            stage.data[0], parameters, Fraction(0), Fraction(0)) == (Fraction(0), Fraction(0)))
        size = _norm(case, goal, stage).value() if fixes_zero else None
        return _quantity(goal.arguments[0]) == "length" and size is not None and size <= 1
    if kind != "function" or goal.property not in ("positive", "invertible", "volume_preserving"):
        return False
    if goal.property == "positive":
        low = values_between(stage.data[0], parameters, Fraction(0), None)[0]
        row = FUNCTIONS[stage.data[0]]
        return low is not None and low >= 0 and row.smoothness != -1 and row.domain == "all"
    least, most = _slopes(stage)
    return (least > 0 or most < 0) if goal.property == "invertible" else least == most and abs(least) == 1


def _commutes(stage: NetStage, action: Any) -> bool:
    if stage.kind == "function":
        row = FUNCTIONS[stage.data[0]]
        is_known = action in ("permutation", "translation") or (action == "sign" and row.parity == "odd")
        return is_known and row.smoothness != -1 and row.domain == "all"
    if action == "sign":
        return stage.kind in ODD or stage.kind == "conv"
    if action == "translation":
        return stage.kind == "lift" or (stage.kind == "conv" and tuple(stage.data[1:]) == ("circular", 1))
    return False
