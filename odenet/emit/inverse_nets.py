"""The inverse of a net whose stages all have one, and its log-determinant."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from odenet.emit.maps import entered, left, shape_words
from odenet.emit.names import attribute
from odenet.emit.nets import NetText, changes_nothing
from odenet.emit.sizes import Sizes
from odenet.emit.tree import (
    Assign,
    Expression,
    Function,
    Name,
    Negative,
    Number,
    Return,
    Statement,
    call,
    items,
    method,
)
from odenet.ir.model import NetStage


def net_inverse(text: NetText, is_main: bool, undone: frozenset[str], is_counted: bool) -> list[Function]:
    """`inverse`, and `inverse_and_log_det` where the net `is_counted`; none where a stage has no inverse.

    undone: the flows that have an inverse.
    """
    net, prefix = text.net, "" if is_main else f"{attribute(text.net.name)}_"
    if not all(_is_undone(stage, undone) for stage in net.stages):
        return []
    x, batch, sizes = text.locals.inner().new("x"), text.locals.batch, Sizes(text.model)
    body = entered({"x": x}, batch, {"x": sizes.shape(net.codomain)}, text.runtime, text.like())
    for stage in reversed(net.stages):
        body += _stage_undone(text, stage, x, sizes)
    body.append(Return(left(Name(x), batch, sizes.shape(net.domain))))
    about = f"The net `{net.name}` undone: {shape_words(net.codomain)} to {shape_words(net.domain)}."
    given = ("self", f"{x}: Tensor")
    made = [Function(f"{prefix}inverse", given, "Tensor", (about,), tuple(body))]
    if is_counted:
        log_det = Negative(call(f"self.{prefix}log_abs_det_jacobian", Name(x)))
        both: list[Statement] = [Assign((x,), call(f"self.{prefix}inverse", Name(x))), Return(items(Name(x), log_det))]
        about = f"The net `{net.name}` undone, and the log-determinant [...] of its inverse."
        made.append(Function(f"{prefix}inverse_and_log_det", given, "tuple[Tensor, Tensor]", (about,), tuple(both)))
    return made


def _is_undone(stage: NetStage, undone: frozenset[str]) -> bool:
    """Whether a stage has an inverse: flows that have one, new shapes, what changes nothing, `_INVERSES`."""
    if stage.kind == "flow":
        return stage.data[0] in undone
    if stage.kind == "function":
        return stage.data[0] in _INVERSES and _INVERSES[stage.data[0]](tuple(stage.data[1:]), Name("x")) is not None
    return stage.kind == "flatten" or changes_nothing(stage)


def _stage_undone(text: NetText, stage: NetStage, x: str, sizes: Sizes) -> list[Statement]:
    if stage.kind == "flow":
        return [Assign((x,), call(f"self.{attribute(stage.data[0])}_inverse", Name(x)))]
    if stage.kind == "flatten":
        return [Assign((x,), method(Name(x), "reshape", Number(-1), *sizes.shape(stage.domain)))]
    if stage.kind == "function":
        value = _INVERSES[stage.data[0]](tuple(stage.data[1:]), Name(x))
        assert value is not None
        return [Assign((x,), value)]
    return []  # the identity


def _leaky_relu(parameters: tuple[Fraction, ...], x: Expression) -> Expression | None:
    """z for z > 0 and a z elsewhere, undone by the same with 1/a; for a <= 0 it is not one to one."""
    (slope,) = parameters
    return call("F.leaky_relu", x, Number(float(1 / slope))) if slope > 0 else None


_INVERSES: dict[str, Callable[[tuple[Fraction, ...], Expression], Expression | None]] = {"leaky_relu": _leaky_relu}
