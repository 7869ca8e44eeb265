"""Nets: what each kind of stage is known to do, in one row, and what follows for the whole."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from odenet.algebra.facts import resolved
from odenet.algebra.forms import size_scalar
from odenet.algebra.inequalities import at_most
from odenet.algebra.jacobian import Differentiator
from odenet.algebra.scalars import ONE, Scalar, power, rational
from odenet.algebra.setting import Setting
from odenet.ir.model import Net, NetStage
from odenet.ir.node import Node, scalar, variable
from odenet.ir.node import power as node_power
from odenet.ir.sizes import SCALAR, count
from odenet.operators.between import values_between
from odenet.operators.functions import FUNCTIONS, values_of
from odenet.proof import domains
from odenet.proof.context import Context, Outcome
from odenet.proof.finding import Proof
from odenet.proof.maps import definitions
from odenet.proof.maps.diagonals import split_norm
from odenet.proof.maps.substeps import settled
from odenet.proof.rules import by

ALL, IMAGES = frozenset({"permutation", "translation", "sign"}), frozenset({"translation", "sign"})
NORMS = ("1", "2", "inf")


@dataclass(frozen=True)
class Facts:
    """Of one stage: Lipschitz constants in the norms 1, 2, inf (None: unknown); whether it maps the orthant into the orthant,
    keeps the sum of all entries, maps 0 to 0, is a bijection with volume factor 1; which actions it commutes with; and
    a/(1-a) when it maps a space to itself and is a-averaged."""

    norms: tuple[Scalar | None, Scalar | None, Scalar | None]
    is_positive: bool = False
    keeps_sum: bool = False
    fixes_zero: bool = False
    is_bijective: bool = False
    keeps_volume: bool = False
    commutes: frozenset[str] = frozenset()
    share: Fraction | None = None

    def norm(self, order: str) -> Scalar | None:
        return self.norms[NORMS.index(order)]


UNIT = (ONE, ONE, ONE)
_UNKNOWN = Facts((None, None, None))


def facts(context: Context, stage: NetStage, setting: Setting) -> Facts:
    """The row of a stage that is no flow."""
    return _ROWS[stage.kind](context, stage, setting)


def _affine(context: Context, stage: NetStage, setting: Setting) -> Facts:
    """`linear` has a bias, `conv` none; |W|_2 <= c is kept by construction."""
    if stage.norm is None:
        return _UNKNOWN
    bound = context.translator.scalar(stage.norm)
    is_circular = stage.kind == "conv" and stage.data[1:] == ("circular", 1)
    value, share = bound.value(), None
    if value is not None and value < 1 and stage.domain == stage.codomain:
        share = (1 + value) / (1 - value)  # |W - (1-a) I| <= a for a = (1 + c)/2
    commutes = frozenset({"sign", *(["translation"] if is_circular else [])}) if stage.kind == "conv" else frozenset()
    return Facts((None, bound, None), fixes_zero=stage.kind == "conv", commutes=commutes, share=share)


def _take(context: Context, stage: NetStage, setting: Setting) -> Facts:
    if stage.domain == stage.codomain:
        return Facts(UNIT, True, True, True, True, True, ALL, Fraction(0))
    return Facts(UNIT, True, False, True, commutes=frozenset({"sign"}))


def _embed(context: Context, stage: NetStage, setting: Setting) -> Facts:
    is_same = stage.domain == stage.codomain
    return Facts(UNIT, True, True, True, is_same, is_same, frozenset({"sign"}) if not is_same else ALL,
                 Fraction(0) if is_same else None)


def _lift(context: Context, stage: NetStage, setting: Setting) -> Facts:
    is_same = stage.domain == stage.codomain
    return Facts(UNIT, True, True, True, is_same, is_same, IMAGES, Fraction(0) if is_same else None)


def _flatten(context: Context, stage: NetStage, setting: Setting) -> Facts:
    return Facts(UNIT, True, True, True, True, True, frozenset({"sign"}))


def _maxpool(context: Context, stage: NetStage, setting: Setting) -> Facts:
    """|max u - max v| <= max |u - v|, on windows that do not overlap."""
    return Facts(UNIT, True, fixes_zero=True)


def _avgpool(context: Context, stage: NetStage, setting: Setting) -> Facts:
    """The mean over k x k entries: rows sum to 1, columns to 1/k^2, so |.|_2 = 1/k."""
    inverse = power(size_scalar(stage.data[0]), Fraction(-1), lambda _: True)
    return Facts((inverse * inverse, inverse, ONE), True, fixes_zero=True, commutes=frozenset({"sign"}))


def _fold(context: Context, stage: NetStage, setting: Setting) -> Facts:
    """M = [I, 11'/k]: M M' = I + (n - k) 11'/k^2, so |M|_2 = sqrt(n/k); rows sum to n/k, columns to 1."""
    n, k = (size_scalar(resolved(context.model, count(space))) for space in (stage.domain, stage.codomain))
    ratio = n * power(k, Fraction(-1), lambda _: True)
    norm = power(ratio, Fraction(1, 2), lambda atom: atom.kind in ("dim", "prime"))
    return Facts((ONE, norm, ratio), True, True, True, commutes=frozenset({"sign"}))


def _function(context: Context, stage: NetStage, setting: Setting) -> Facts:
    """By the slope range, the parity and the values on record."""
    name, parameters = stage.data[0], tuple(stage.data[1:])
    row = FUNCTIONS[name]
    if row.smoothness == -1 or row.domain != "all":
        return _UNKNOWN
    commutes = ALL if row.parity == "odd" else ALL - {"sign"}
    low, _ = values_between(name, parameters, Fraction(0), None)
    is_positive, fixes_zero = low is not None and low >= 0, values_between(name, parameters, Fraction(0), Fraction(0)) == (
        Fraction(0), Fraction(0))
    slopes = slope_range(name, parameters)
    if slopes is None:
        return Facts((None, None, None), is_positive, fixes_zero=fixes_zero, commutes=commutes)
    least, most = slopes
    size = rational(max(abs(least), abs(most)))
    share = None if not -1 < least <= most <= 1 else (1 - least) / (1 + least)  # slopes in [1 - 2a, 1]
    return Facts((size, size, size), is_positive, False, fixes_zero, least > 0 or most < 0, least == most and abs(least) == 1,
                 commutes, share)


def slope_range(name: str, parameters: tuple[Fraction, ...]) -> tuple[Fraction, Fraction] | None:
    slope = FUNCTIONS[name].derivative(variable("z", SCALAR), *parameters)  # a number would be folded away
    factor = Fraction(1)
    while slope.op in ("scale", "mul") and slope.args[0].op == "number":
        factor, slope = factor * slope.args[0].data[0], slope.args[1]
    if slope.op == "number":
        return factor * slope.data[0], factor * slope.data[0]
    if slope.op != "function":
        return None
    box = values_of(slope)
    if box.low is None or box.high is None:
        return None
    ends = (factor * box.low, factor * box.high)
    return min(ends), max(ends)


def _definition(context: Context, stage: NetStage, setting: Setting) -> Facts:
    """The norm of the Jacobian, word by word."""
    definition = context.model.definition(stage.data[0])
    (name, space), = definition.arguments
    if domains.obstacle(context, (definition.body,), setting):
        return _UNKNOWN
    slopes = Differentiator(context.translator, name, context.translator.plain(space), "variable").of(context.form(definition.body))
    one, two, most = (None if (size := split_norm(slopes, setting, order)) is None else settled(size, setting) for order in NORMS)
    whole = definitions.norm(slopes, setting)
    bound = None if whole is None else settled(whole, setting)
    return Facts((one, two if bound is None or (two is not None and at_most(two, bound, setting)) else bound, most))


_ROWS: dict[str, Callable[[Context, NetStage, Setting], Facts]] = {
    "linear": _affine, "conv": _affine, "embed": _embed, "fold": _fold, "take": _take, "lift": _lift, "maxpool": _maxpool,
    "avgpool": _avgpool, "flatten": _flatten, "function": _function, "def": _definition,
}


def room(context: Context, net: Net) -> tuple[str, ...]:
    """What the sizes have to be for the stages that append or leave out entries, where it is not so for all of them."""
    found = []
    for stage in net.stages:
        if stage.room is not None:
            more, less = (resolved(context.model, size) for size in stage.room)
            if not more.at_least(less):
                found.append(f"{stage.room[0]} >= {stage.room[1]}, for the stage `{stage.kind}`")
    return tuple(dict.fromkeys(found))


# --- what follows for nets --------------------------------------------------------------------------------------


Flows = Callable[[str], Outcome]  # the same property of a flow that is a stage


def lipschitz(context: Context, net: Net, bound: Scalar, setting: Setting, order: str,
              flow: Callable[[str], tuple[Scalar, Proof] | str]) -> Outcome:
    """The constants of the stages multiply; `flow` gives one for each flow, with its proof."""
    total, premises, constants = ONE, [], []
    for stage in net.stages:
        if stage.kind == "flow":
            found = flow(stage.data[0])
            if isinstance(found, str):
                return f"stage `{stage.data[0]}`: {found}"
            total = total * found[0]
            constants.append(found[0])
            premises.append(found[1])
            continue
        value = facts(context, stage, setting).norm(order)
        if value is None:
            return _unbounded(stage, order)
        total = total * value
        constants += [value] if stage.kind == "def" else []
    if at_most(total, bound, setting):
        return by("stage constants", f"the product of the stages' constants is {total.key} <= {bound.key}", *premises,
                  constants=tuple(constants))
    return f"the product of the stages' constants is {total.key}, which is not shown to be at most {bound.key}"


def _unbounded(stage: NetStage, order: str) -> str:
    if stage.kind in ("linear", "conv"):
        return (f"stage `{stage.kind}` has no bound; write `{stage.kind}(norm <= 1)`" if stage.norm is None else
                f"the norm {order} of stage `{stage.kind}` is not bounded: `norm <= c` bounds the 2-norm")
    return f"no constant is known for stage `{stage.data[0] if stage.data else stage.kind}` in the norm {order}"


def averaged(context: Context, net: Net, share: Scalar, setting: Setting,
             flow: Callable[[str], tuple[Fraction, Proof] | str]) -> Outcome:
    """a/(1-a) adds up over stages that map a space to itself."""
    wanted = share.value()
    if wanted is None:
        return "the constant of `averaged` is not a number"
    total, premises, shares = Fraction(0), [], []
    for stage in net.stages:
        if stage.kind == "flow":
            found = flow(stage.data[0])
            if isinstance(found, str):
                return f"stage `{stage.data[0]}`: {found}"
            total += found[0]
            shares.append(rational(found[0]))
            premises.append(found[1])
            continue
        own = facts(context, stage, setting).share
        if own is None:
            return f"stage `{stage.data[0] if stage.data else stage.kind}` is not shown to be averaged"
        total += own
    value = total / (1 + total)
    if value > wanted:
        return f"the net is shown to be averaged({value}), not averaged({wanted})"
    return by("averaged composition", f"a/(1-a) adds up to {total}: averaged({value})", *premises, shares=tuple(shares))


def composed(context: Context, net: Net, setting: Setting, has: Callable[[Facts], bool], what: str, flow: Flows,
             own: Callable[[NetStage], bool] | None = None, stages: tuple[NetStage, ...] | None = None) -> Outcome:
    """Every stage has a property that is closed under composition. `own`: the property of a `def`; `stages`: those that count."""
    premises = []
    for stage in without_detours(net.stages if stages is None else stages):
        if stage.kind == "flow":
            outcome = flow(stage.data[0])
            if isinstance(outcome, str):
                return f"stage `{stage.data[0]}`: {outcome}"
            premises.append(outcome)
        elif not (own(stage) if own is not None and stage.kind == "def" else has(facts(context, stage, setting))):
            return f"stage `{stage.data[0] if stage.kind in ('function', 'def') else stage.kind}` is not shown to {what}"
    return by("composition", f"every stage is shown to {what}", *premises)


def without_detours(stages: tuple[NetStage, ...]) -> list[NetStage]:
    """Stages without those that undo each other: `embed` and `take` back, of which the first puts zeros behind and the second cuts
    them off."""
    kept: list[NetStage] = []
    for stage in stages:
        if stage.kind == "take" and kept and kept[-1].kind == "embed" and kept[-1].domain == stage.codomain:
            kept.pop()
        else:
            kept.append(stage)
    return kept


def from_last_range(net: Net) -> tuple[NetStage, ...]:
    """The stages behind the last function whose values are all >= 0: what comes before has no say in signs."""
    for place in reversed(range(len(net.stages))):
        stage = net.stages[place]
        if stage.kind == "function" and FUNCTIONS[stage.data[0]].domain == "all" and FUNCTIONS[stage.data[0]].smoothness != -1:
            low = FUNCTIONS[stage.data[0]].values(*stage.data[1:]).low
            if low is not None and low >= 0:
                return net.stages[place + 1:]
    return net.stages


PROPERTIES: dict[str, tuple[Callable[[Facts], bool], str]] = {
    "positive": (lambda f: f.is_positive, "keep the orthant"),
    "invertible": (lambda f: f.is_bijective, "be a bijection"),
    "volume_preserving": (lambda f: f.keeps_volume, "keep volume"),
    "symplectic": (lambda f: False, "be symplectic"),
    "preserves": (lambda f: f.keeps_sum, "keep the sum"),
    "dissipates": (lambda f: f.fixes_zero and f.norm("2") is not None and at_most_one(f.norm("2")), "keep 0 and not to expand"),
}


def quantity(node: Node) -> str:
    """`sum` for the sum of all entries, `length` for |x| and dot(x, x), else nothing."""
    inner = node.args[0] if node.args else node
    if inner.op not in ("state", "variable"):
        return ""
    if node.op == "norm" or (node.op == "dot" and node.args[1] == inner):
        return "length"
    return "sum" if node.op == "sum" else ""


def on_block(kind: str, node: Node, block: Node) -> Node:
    """The same quantity of the block that a flow moves."""
    if kind == "sum":
        return block if block.space == SCALAR else scalar("sum", block)
    return (node_power(block, 2) if block.space == SCALAR else scalar("dot", block, block)) if kind == "length" else node


def at_most_one(value: Scalar | None) -> bool:
    number = None if value is None else value.value()
    return number is not None and number <= 1
