"""lipschitz, nonexpansive and preserves of nets: each stage has its constant and its theorem."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from odenet.algebra.facts import resolved
from odenet.algebra.forms import size_scalar
from odenet.algebra.inequalities import at_most
from odenet.algebra.scalars import ONE, Scalar, power, rational
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import largest
from odenet.ir.model import Net, NetStage
from odenet.ir.sizes import count
from odenet.operators.functions import FUNCTIONS
from odenet.proof.context import Context, Outcome
from odenet.proof.finding import Proof
from odenet.proof.rules import by

FlowProver = Callable[[str, Scalar], Outcome]  # (flow, bound) -> lipschitz(bound) of that flow


def lipschitz(context: Context, net: Net, bound: Scalar, setting: Setting, flow: FlowProver) -> Outcome:
    """The constants of the stages multiply."""
    total, premises = ONE, []
    for stage in net.stages:
        found = _constant(context, stage, setting, flow)
        if isinstance(found, str):
            return found
        total = total * found[0]
        premises.append(found[1])
    if at_most(total, bound, setting):
        return by("stage constants", f"the product of the stages' constants is {total.key} <= {bound.key}", *premises)
    return f"the product of the stages' constants is {total.key}, which is not shown to be at most {bound.key}"


def _constant(context: Context, stage: NetStage, setting: Setting, flow: FlowProver) -> tuple[Scalar, Proof] | str:
    if stage.kind == "flow":
        outcome = flow(stage.data[0], ONE)
        return outcome if isinstance(outcome, str) else (ONE, outcome)
    if stage.kind in ("linear", "conv"):
        if stage.norm is None:
            return f"stage `{stage.kind}` has no bound; write `{stage.kind}(norm <= 1)`"
        value = context.translator.scalar(stage.norm)
        return value, by("stage constants", f"`{stage.kind}` has the norm {value.key} at most")
    if stage.kind == "function":
        return _function(stage)
    if stage.kind in _UNITS:
        return ONE, by("stage constants", f"`{stage.kind}` has the constant 1: {_UNITS[stage.kind]}")
    if stage.kind == "avgpool":
        value = power(size_scalar(stage.data[0]), Fraction(-1), lambda _: True)
        return value, by("stage constants", f"the mean over k x k entries has the norm 1/k = {value.key}")
    if stage.kind == "fold":
        n, k = (size_scalar(resolved(context.model, count(space))) for space in (stage.domain, stage.codomain))
        value = power(n * power(k, Fraction(-1), lambda _: True), Fraction(1, 2), lambda atom: atom.kind in ("dim", "prime"))
        return value, by("stage constants", "fold M = [I, 11'/k] has M M' = I + (n - k) 11'/k^2, so its norm is sqrt(n/k)")
    return f"no constant is on record for stage `{stage.kind}`"


_UNITS = {
    "embed": "zeros are appended", "take": "entries are dropped", "lift": "channels of zeros are appended",
    "flatten": "entries are put in a row", "maxpool": "|max u - max v| <= max |u - v| <= |u - v| on windows that do not overlap",
}


def _function(stage: NetStage) -> tuple[Scalar, Proof] | str:
    """The slope range of an elementwise function."""
    from odenet.ir.node import number
    from odenet.operators.functions import values_of

    name, parameters = stage.data[0], tuple(stage.data[1:])
    slope = FUNCTIONS[name].derivative(number(0), *parameters)
    if FUNCTIONS[name].smoothness == -1:
        return f"`{name}` is not continuous"
    sign = 1
    while slope.op in ("scale", "mul") and slope.args[0].op == "number":
        sign, slope = sign * slope.args[0].data[0], slope.args[1]
    if slope.op != "function":
        return f"the slope of `{name}` has no known range"
    box = values_of(slope)
    if box.low is None or box.high is None:
        return f"the slope of `{name}` is not bounded"
    value = largest(rational(abs(sign) * abs(box.low)), rational(abs(sign) * abs(box.high)))
    return value, by("stage constants", f"`{name}` has slopes in [{box.low}, {box.high}]")


_KEEPS_SUM = {"embed", "fold", "flatten", "lift"}


def preserves_sum(net: Net, flow: Callable[[str], Outcome]) -> Outcome:
    """sum(out) = sum(in)"""
    premises = []
    for stage in net.stages:
        if stage.kind == "flow":
            outcome = flow(stage.data[0])
            if isinstance(outcome, str):
                return outcome
            premises.append(outcome)
        elif stage.kind not in _KEEPS_SUM and not (stage.kind == "take" and stage.domain == stage.codomain):
            return f"stage `{stage.kind}` is not shown to keep the sum"
    return by("composition", "every stage keeps the sum", *premises)
