"""Solutions of equations as differentiable functions of what the equations are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from odenet.emit.runtime.batches import is_stacked, one_by_one
from odenet.emit.runtime.linear_solves import Linearization, resolvent
from odenet.emit.runtime.newton import first_guess, newton
from odenet.emit.runtime.precision import full_precision


def solution(map: Callable[..., Tensor], anchor: Tensor, given: tuple[Tensor, ...], label: str) -> Tensor:
    """z [batch, d] with z = map(z, *given), to the rounding of `anchor` [batch, d], to which it is going to be added.

    `map` holds no tensors: all that z depends on is `given`. Its derivatives are those of the implicit function
    theorem, of any order; kept for them are z and `given`, whatever the number of iterations.
    """

    def precise(z: Tensor, *given: Tensor) -> Tensor:
        with full_precision(z.device):
            return map(z, *given)

    if torch.compiler.is_compiling():  # the solver looks at values, so it is left as it is
        eager: Callable[..., Tensor] = torch.compiler.disable(solved)  # type: ignore[no-untyped-call]
        return eager(precise, equation, label, anchor.detach(), *given)
    if not torch.is_inference_mode_enabled():
        return solved(precise, equation, label, anchor.detach(), *given)
    with torch.inference_mode(False):  # the solver differentiates, which what is made in inference mode refuses
        return solved(precise, equation, label, anchor.clone(), *(g.clone() for g in given))


def solved(map: Any, prepare: Any, label: str, anchor: Tensor, *given: Tensor) -> Tensor:
    """`Solution` of its arguments."""
    found: Tensor = Solution.apply(map, prepare, label, anchor, *given)  # type: ignore[no-untyped-call]
    return found


class Solution(torch.autograd.Function):
    """z with z = map(z, *given). Its derivatives solve linear equations of this kind, so they are differentiable too.

    With g the gradient by z, the gradient by `given` is that of <map(z, *given), u> for u = g + D map(z)' u.
    `prepare(map, anchor, given)` gives what `newton` needs to know.
    Source: Blondel and others (2022), Efficient and modular implicit differentiation.
    """

    @staticmethod
    def forward(map: Any, prepare: Any, label: str, anchor: Tensor, *given: Tensor) -> Tensor:
        return newton(anchor, label, *prepare(map, anchor, tuple(g.detach() for g in given)))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.map, _, ctx.label, _, *given = inputs
        ctx.save_for_backward(output, *given)
        ctx.save_for_forward(output, *given)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (z, *given), label = ctx.saved_tensors, f"the gradient of {ctx.label}"

        def pull(gradient: Tensor) -> tuple[Tensor, ...]:
            u = solved(transposed(ctx.map), adjoint(ctx.map), label, gradient, gradient, z, *given)
            found: tuple[Tensor, ...] = torch.func.vjp(lambda *given: ctx.map(z, *given), *given)[1](u)
            return found

        return None, None, None, None, *(one_by_one(pull, gradient) if is_stacked(gradient) else pull(gradient))

    @staticmethod
    def jvp(ctx: Any, *moves: Any) -> Tensor:
        (z, *given), label = ctx.saved_tensors, f"the tangent of {ctx.label}"
        directions = [torch.zeros_like(g) if m is None else m for g, m in zip(given, moves[4:], strict=True)]
        right = pushforward(lambda *given: ctx.map(z, *given), *given)(*directions)
        return solved(tangent(ctx.map), equation, label, right, right, z, *given)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], map: Any, _: Any, label: str, anchor: Tensor, *given: Tensor) -> Any:
        place = in_dims[3]
        stacked = anchor.expand(info.batch_size, *anchor.shape) if place is None else anchor.movedim(place, 0)
        return solved(torch.func.vmap(map, (0, *in_dims[4:])), equation, label, stacked, *given), 0


def equation(map: Callable[..., Tensor], anchor: Tensor, given: tuple[Tensor, ...]) -> tuple[Any, Any, Tensor, Tensor]:
    """The map z -> map(z, *given), how its derivative at z is inverted, and where to begin."""

    def image(z: Tensor) -> Tensor:
        return map(z, *given)

    return image, lambda z: resolvent(Linearization(image, z)), *first_guess(image, anchor)


def adjoint(map: Callable[..., Tensor]) -> Callable[..., tuple[Any, Any, Tensor, Tensor]]:
    """What `equation` gives for `transposed(map)`, with what is the same for all u done once."""

    def prepare(_: object, anchor: Tensor, given: tuple[Tensor, ...]) -> tuple[Any, Any, Tensor, Tensor]:
        right, z, *rest = given
        line = Linearization(lambda z: map(z, *rest), z)
        return lambda u: right + line.pull(u), lambda _: resolvent(line, is_adjoint=True), torch.zeros_like(z), right

    return prepare


def transposed(map: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The map (u, right, z, *given) -> right + D map(z)' u."""
    return lambda u, right, z, *given: right + torch.func.vjp(lambda z: map(z, *given), z)[1](u)[0]


def tangent(map: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The map (v, right, z, *given) -> right + D map(z) v."""
    return lambda v, right, z, *given: right + pushforward(lambda z: map(z, *given), z)(v)


def pushforward(function: Callable[..., Tensor], *points: Tensor) -> Callable[..., Tensor]:
    """The map from directions to D function(points) directions, by reverse mode twice: forward mode does not nest."""
    value, pull = torch.func.vjp(function, *points)[:2]
    push = torch.func.vjp(pull, torch.zeros_like(value))[1]
    return lambda *directions: push(directions)[0]
