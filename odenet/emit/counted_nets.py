"""The log-determinant of a net whose stages are flows and bijections entry by entry: the sum of those of its stages."""

from __future__ import annotations

from odenet.emit.maps import entered, left, shape_words
from odenet.emit.names import Names, attribute
from odenet.emit.nets import NetText, argument, changes_nothing
from odenet.emit.sizes import Sizes
from odenet.emit.tree import (
    Assign,
    Binary,
    Function,
    Name,
    Return,
    Statement,
    Subscript,
    call,
    items,
    method,
)
from odenet.ir.differentiate import products, slope_range, tangents
from odenet.ir.model import NetStage
from odenet.ir.node import Node, number
from odenet.plan.volumes import total_log


def net_determinants(text: NetText, is_main: bool) -> list[Function]:
    """`log_abs_det_jacobian` and `forward_and_log_det` of a net; none where a stage has no determinant that is known."""
    if not all(_is_bijection(text, stage) for stage in text.net.stages):
        return []
    net, prefix = text.net, "" if is_main else f"{attribute(text.net.name)}_"
    x, words = text.locals.inner().new("x"), shape_words(text.net.domain)
    given, both = ("self", f"{x}: Tensor"), f"{prefix}forward_and_log_det"
    about = f"The value of the net `{net.name}` from x {words}, and the log-determinant [...] of that map."
    alone = f"log abs det of the Jacobian of `{net.name}`, from x {words}, of shape [...]."
    first = Return(Subscript(call(f"self.{both}", Name(x)), "1"))
    return [
        Function(f"{prefix}log_abs_det_jacobian", given, "Tensor", (alone,), (first,)),
        Function(both, given, "tuple[Tensor, Tensor]", (about,), tuple(_body(text, x))),
    ]


def _is_bijection(text: NetText, stage: NetStage) -> bool:
    """Flows, new shapes, the identity, and functions entry by entry whose slope keeps away from 0: these map R onto R."""
    if stage.kind not in ("function", "def") or stage.domain != stage.codomain:
        return stage.kind in ("flow", "flatten") or changes_nothing(stage)
    slopes = _slopes(text, stage)
    found = slope_range(text.expression(stage), argument(stage)) if slopes is not None else None
    return found is not None and bool((found.low is not None and found.low > 0) or (found.high is not None and found.high < 0))


def _slopes(text: NetText, stage: NetStage) -> Node | None:
    """The derivative of an elementwise stage, entry by entry; None for one that is not elementwise."""
    given = stage.data[0] if stage.kind == "def" else ""
    if given and text.model.definition(given).arguments[0][1].rank:
        return None
    one = products.spread(number(1), stage.domain)
    return tangents(text.expression(stage), {argument(stage): one})


def _body(text: NetText, x: str) -> list[Statement]:
    names, sizes, batch = text.locals.inner(), Sizes(text.model), text.locals.batch
    log_det, net = Name(text.locals.log_det), text.net
    body = entered({"x": x}, batch, {"x": sizes.shape(net.domain)}, text.runtime, text.like())
    body += text.parameters(x, names)
    body.append(Assign((log_det.text,), method(Name(x), "new_zeros", Subscript(Name(f"{x}.shape"), "0"))))
    for stage in net.stages:
        body += _stage(text, stage, x, names)
    back = method(log_det, "reshape", Name(batch))
    return [*body, Return(items(left(Name(x), batch, sizes.shape(net.codomain)), back))]


def _stage(text: NetText, stage: NetStage, x: str, names: Names) -> list[Statement]:
    log_det = text.locals.log_det
    if changes_nothing(stage):
        return []
    if stage.kind == "flatten":
        return [Assign((x,), text.plain(stage, Name(x), Sizes(text.model)))]
    if stage.kind == "flow":
        change = names.new("change")
        run = Assign((x, change), call(f"self.{attribute(stage.data[0])}_forward_and_log_det", Name(x)))
        return [run, Assign((log_det,), Binary("+", Name(log_det), Name(change)))]
    slopes = _slopes(text, stage)
    assert slopes is not None
    value, change_of = text.expression(stage), total_log(slopes)
    writer = text.writer(stage, x, names)
    writer.count(value, change_of)
    codes = items(writer.full(value).code, Binary("+", Name(log_det), writer.value(change_of).code))
    return [*writer.body, Assign((x, log_det), codes)]
