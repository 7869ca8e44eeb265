"""Calls that show, move, repeat or sum entries."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from odenet.certify.enclosures import up
from odenet.certify.linear_maps import LinearMap, Written, numbers
from odenet.certify.steps import Affine, Row, Step, View, arguments, call_of, length, only
from odenet.certify.tape import Node, Tape, Unbounded, Use, _with


def view(node: Node, tape: Tape) -> Step:
    source = only(node)
    if tape.nodes[source].count != node.count:
        raise Unbounded(f"{node.name} changes the number of entries")
    return View(source)


def written(norm: float | None = None, units: int = 0) -> Row:
    """A linear call with numbers that move entries about (`norm` 1 if none is used twice), or sum them."""

    def row(node: Node, tape: Tape) -> Step:
        source = only(node)
        if _uses((node.args, tuple(node.kwargs.values()))) != 1:
            raise Unbounded(f"{node.name.removeprefix('torch.')} of a value and itself")
        linear = Written(call_of(node, source), tape.nodes[source].shape, node.count, units=units, norm=norm)
        return Affine(((source, linear),), roundings=0 if not units else 2)

    return row


def merged(node: Node, tape: Tape) -> Step:
    """Entries of several values, and of constants, at places that do not depend on the state."""

    def call(values: dict[int, Tensor]) -> Tensor:
        look = lambda use: values.get(use.index, torch.zeros(tape.nodes[use.index].shape, dtype=torch.float64))  # noqa: E731
        assert node.function is not None
        result: Tensor = node.function(
            *(_with(v, look, torch.float64) for v in node.args),
            **{k: _with(v, look, torch.float64) for k, v in node.kwargs.items()},
        )
        return result

    if node.name.endswith("where"):
        fixed = [arguments(node, ("condition", "input", "other"))["condition"]]
    else:
        fixed = [v for k, v in arguments(node, ("input", "dim", "index", "source")).items() if k in ("dim", "index")]
    if any(isinstance(v, Use) for v in fixed):
        raise Unbounded("which entries are taken depends on the state")
    rest = call({})
    terms = []
    for k in node.inputs:
        shape = tape.nodes[k].shape
        is_once = not node.name.endswith("where") or math.prod(shape) == node.count
        is_once = is_once and _uses((node.args, tuple(node.kwargs.values()))) == len(node.inputs)
        part = Written(lambda x, k=k: call({k: x}) - rest, shape, node.count, norm=1.0 if is_once else None)  # type: ignore[misc]
        terms.append((k, part))
    return Affine(tuple(terms), length(rest, node), roundings=0)


def _uses(value: Any) -> int:
    """How often values of the tape occur in arguments."""
    if isinstance(value, tuple | list):
        return sum(map(_uses, value))
    return int(isinstance(value, Use))


def getitem(node: Node, tape: Tape) -> Step:
    index = node.args[1]
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Use) for part in parts):
        raise Unbounded("which entries are taken depends on the state")
    is_plain = all(isinstance(part, int | slice) or part is None or part is Ellipsis for part in parts)
    return written(norm=1.0 if is_plain else None)(node, tape)


def pad(node: Node, tape: Tape) -> Step:
    """Zeros about the entries, or what lies at the other border; that of a convolution is read together with it."""
    given = arguments(node, ("input", "pad", "mode", "value"))
    if given.get("mode", "constant") not in ("constant", "circular") or given.get("value") not in (None, 0, 0.0):
        raise Unbounded("padding with numbers other than zeros")
    return written(norm=1.0 if given.get("mode", "constant") == "constant" else None)(node, tape)


def total(node: Node, tape: Tape) -> Step:
    return written(units=1)(node, tape)


def joined(node: Node, tape: Tape) -> Step:
    parts = arguments(node, ("tensors", "dim"))["tensors"]
    axis = arguments(node, ("tensors", "dim")).get("dim", 0)
    terms: list[tuple[int, LinearMap]] = []
    constant = 0.0
    for place, part in enumerate(parts):
        if not isinstance(part, Use):
            constant += float(numbers(part).__abs__().sum())
            continue

        def placed(x: Tensor, place: int = place) -> Tensor:
            row = [
                x if k == place else torch.zeros(tape.nodes[p.index].shape if isinstance(p, Use) else p.shape, dtype=x.dtype)
                for k, p in enumerate(parts)
            ]
            return torch.cat(row, axis) if node.name.endswith("cat") else torch.stack(row, axis)

        terms.append((part.index, Written(placed, tape.nodes[part.index].shape, node.count, norm=1.0)))
    return Affine(tuple(terms), float(up(constant)), roundings=0)
