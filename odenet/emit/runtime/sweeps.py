"""Running the steps of a flow, and their gradient: states stored, now and then, or found again by the inverse."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from odenet.emit.runtime.batches import is_batched
from odenet.emit.runtime.precision import lowers_types
from odenet.emit.runtime.shapes import sliced


class Steps:
    """The steps of a flow, one at a time. `values` are the tensors that a step uses, those of all steps first.

    count: how many steps. step(k, *state, *values): the state after step k from that before it, a tuple of blocks.
    keep(k, *state, *values): the same, and what `pull` needs, a tuple of tuples of tensors.
    pull(k, kept, gradients, values, totals): the gradients by the blocks before step k from those after it; the
    gradients by the values are added to `totals`. rewind(k, *state, *values): the state before step k from that after
    it, and what `pull` needs; None where the flow has no inverse.
    is_written: whether `pull` is a formula, so that it is faster than autograd. is_even: whether all steps are the same
    but for their values; else the last one differs. is_timed: whether a step depends on its number otherwise.
    """

    def __init__(
        self,
        count: int,
        step: Callable[..., tuple[Tensor, ...]],
        keep: Callable[..., Any],
        pull: Callable[..., tuple[Tensor, ...]],
        rewind: Callable[..., Any] | None,
        *,
        is_written: bool,
        is_even: bool = True,
        is_timed: bool = False,
    ) -> None:
        self.count, self.step, self.keep, self.pull, self.rewind = count, step, keep, pull, rewind
        self.is_written, self.is_even, self.is_timed = is_written, is_even, is_timed


def run_steps(
    steps: Steps,
    backprop: str,
    state: tuple[Tensor, ...],
    constants: tuple[Tensor, ...],
    stacks: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """The state after all steps. `constants` are values of every step, `stacks` [steps, ...] hold one for each."""
    if torch.compiler.is_compiling():
        return traced_steps(steps, state, constants, stacks)
    if (backprop == "store" and not steps.is_written) or not is_swept((*state, *constants, *stacks)):
        return plain_steps(steps, state, constants, stacks)
    tensors = (*state, *constants, *stacks)
    done: tuple[Tensor, ...] = Sweep.apply(steps, backprop, len(state), len(constants), *tensors)  # type: ignore[no-untyped-call]
    return done


def plain_steps(
    steps: Steps, state: tuple[Tensor, ...], constants: tuple[Tensor, ...], stacks: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """All steps, one operation after the other."""
    for k, values in enumerate(sliced(stacks, steps.count)):
        state = steps.step(k, *state, *constants, *values)
    return state


def is_swept(tensors: tuple[Tensor, ...]) -> bool:
    """Whether a gradient is wanted that autograd would record, and no transform of functions is at work."""
    if not torch.is_grad_enabled() or not any(t.requires_grad for t in tensors):
        return False
    if lowers_types(tensors[0].device):
        return False
    return not torch._C._are_functorch_transforms_active() and torch.autograd.forward_ad._current_level < 0


def traced_steps(
    steps: Steps, state: tuple[Tensor, ...], constants: tuple[Tensor, ...], stacks: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """All steps under `torch.compile`: one scan, so that the time to compile does not grow with their number."""
    repeated = steps.count if steps.is_even else steps.count - 1
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    is_short = steps.is_timed or repeated < 2
    if is_short or version < (2, 13) or torch.compiler.is_exporting() or not allow_loops():
        return plain_steps(steps, state, constants, stacks)
    from torch._higher_order_ops.scan import scan

    def advance(state: tuple[Tensor, ...], values: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        moved = steps.step(0, *state, *constants, *values[: len(stacks)])
        # What a scan returns may be neither what it was given nor what it keeps for its gradient.
        return tuple(block.clone() for block in moved), moved[0].new_zeros(0)

    rows = tuple(s[:repeated] for s in stacks) or (state[0].new_zeros(repeated),)
    state, _ = scan(advance, state, rows)
    if not steps.is_even:
        state = steps.step(steps.count - 1, *state, *constants, *(s[-1] for s in stacks))
    return state


def run_while_tracing(function: Callable[[], bool]) -> Callable[[], bool]:
    """What `torch.compiler.assume_constant_result` does, without the import of the compiler."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


@run_while_tracing
def allow_loops() -> bool:
    """Let the graph that is traced now ask a loop for its index, as `fullgraph=True` does; whether that was possible.

    Inductor makes such a loop of a scan, and refuses it in a graph that may not look at numbers. Everything else in
    the graph is traced as before.
    """
    context = torch._guards.TracingContext.try_get()
    shapes = context.fake_mode.shape_env if context is not None and context.fake_mode is not None else None
    if shapes is None:
        return False
    shapes.settings = dataclasses.replace(shapes.settings, allow_scalar_outputs=True)
    return True


class Sweep(torch.autograd.Function):
    """All steps as one function, with its gradient by a sweep backwards over the steps."""

    @staticmethod
    def forward(ctx: Any, steps: Steps, backprop: str, blocks: int, fixed: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The state after all steps, from (state, constants, stacks)."""
        state, constants, stacks = split_tensors(tensors, blocks, fixed)
        ctx.steps, ctx.backprop, ctx.counts, ctx.lengths = steps, backprop, (blocks, fixed), ()
        ctx.stride = max(1, round(steps.count**0.5))
        slices = sliced(stacks, steps.count)
        saved: list[Tensor] = []
        for k, values in enumerate(slices):
            if backprop == "store":
                state, kept = steps.keep(k, *state, *constants, *values)
                ctx.lengths = tuple(map(len, kept))
                saved.extend(t for part in kept for t in part)
            else:
                if backprop == "checkpoint" and k % ctx.stride == 0:
                    saved.extend(state)
                state = steps.step(k, *state, *constants, *values)
        if backprop == "invert":
            saved.extend(state)
        ctx.save_for_backward(*tensors, *saved)
        return state

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients by state, constants and stacks."""
        found, count = ctx.saved_tensors, len(ctx.needs_input_grad) - 4  # read once: checkpointing gives them once
        tensors, saved = found[:count], found[count:]
        if torch.is_grad_enabled() or is_batched(gradients):
            shares = recorded_gradient(ctx.steps, ctx.counts, tensors, ctx.needs_input_grad[4:], gradients)
            return (None, None, None, None, *shares)
        state, constants, stacks = split_tensors(tensors, *ctx.counts)
        totals = [torch.zeros_like(t) for t in (*constants, *stacks)]
        rows = sliced(tuple(totals[len(constants) :]), ctx.steps.count)
        slices = sliced(stacks, ctx.steps.count)
        for k, kept in kept_backwards(ctx, state, constants, slices, saved):
            values, sums = (*constants, *slices[k]), (*totals[: len(constants)], *rows[k])
            gradients = ctx.steps.pull(k, kept, gradients, values, sums)
        pairs = zip((*gradients, *totals), ctx.needs_input_grad[4:], strict=True)
        return (None, None, None, None, *(gradient if is_needed else None for gradient, is_needed in pairs))


def split_tensors(
    tensors: tuple[Tensor, ...], blocks: int, fixed: int
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]:
    """State, constants and stacks from one tuple."""
    return tensors[:blocks], tensors[blocks : blocks + fixed], tensors[blocks + fixed :]


def kept_backwards(
    ctx: Any,
    start: tuple[Tensor, ...],
    constants: tuple[Tensor, ...],
    slices: list[tuple[Tensor, ...]],
    saved: tuple[Tensor, ...],
) -> Iterator[tuple[int, Any]]:
    """The steps from the last to the first, each with what its gradient needs."""
    steps, blocks = ctx.steps, len(start)
    if ctx.backprop == "store":
        size = len(saved) // steps.count
        for k in reversed(range(steps.count)):
            row = iter(saved[k * size : (k + 1) * size])
            yield k, tuple(tuple(next(row) for _ in range(length)) for length in ctx.lengths)
    elif ctx.backprop == "checkpoint":
        stride = ctx.stride
        for place in reversed(range(len(saved) // blocks)):
            state, found = saved[place * blocks : (place + 1) * blocks], []
            for k in range(place * stride, min((place + 1) * stride, steps.count)):
                state, kept = steps.keep(k, *state, *constants, *slices[k])
                found.append((k, kept))
            while found:
                yield found.pop()
    else:
        state = saved
        for k in reversed(range(steps.count)):
            state, kept = steps.rewind(k, *state, *constants, *slices[k])
            yield k, kept
        check_return(start, state)


def check_return(start: tuple[Tensor, ...], found: tuple[Tensor, ...]) -> None:
    """Compare the state that the inverse arrived at with the one that the flow began at.

    Raises:
        RuntimeError: when they differ by more than one in a hundred; a warning is given from the root of the rounding
            unit on.
    """
    if any(t.is_meta or not t.numel() for t in start):
        return
    gap = max(float((a - b).abs().max()) / (float(a.abs().max()) or 1.0) for a, b in zip(start, found, strict=True))
    if not gap <= 1e-2:
        raise RuntimeError(
            f"backprop='invert' came back to another state (relative distance {gap:.1e}), so its gradient is wrong: "
            "the flow contracts too strongly to be inverted in this precision; use backprop='checkpoint' or float64"
        )
    if gap > torch.finfo(start[0].dtype).eps ** 0.5:
        warnings.warn(
            f"backprop='invert' came back to the start with a relative error of {gap:.1e}; the gradient is as inexact. "
            "backprop='checkpoint' has no such error.",
            stacklevel=2,
        )


def recorded_gradient(
    steps: Steps,
    counts: tuple[int, int],
    tensors: tuple[Tensor, ...],
    needed: tuple[bool, ...],
    gradients: tuple[Tensor, ...],
) -> tuple[Tensor | None, ...]:
    """The gradient by autograd over all steps again, for gradients of gradients.

    The steps begin at aliases. One of `tensors` may be made of another (h A of A), and a gradient by the tensors
    themselves would count the path between the two, which is not part of the steps and is walked later.
    """
    with torch.enable_grad():
        aliases = tuple(t.view_as(t) for t in tensors)
        done = plain_steps(steps, *split_tensors(aliases, *counts))
    wanted = [t for t, is_needed in zip(aliases, needed, strict=True) if is_needed]
    given = [(y, g) for y, g in zip(done, gradients, strict=True) if y.requires_grad]
    found = iter(
        torch.autograd.grad(
            [y for y, _ in given],
            wanted,
            [g for _, g in given],
            create_graph=torch.is_grad_enabled(),
            allow_unused=True,
        )
    )
    return tuple(next(found) if is_needed else None for is_needed in needed)


def part_gradient(
    part: Callable[..., Any],
    blocks: tuple[Tensor, ...],
    values: tuple[Tensor, ...],
    gradients: tuple[Tensor, ...],
    totals: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """The gradients by `blocks` of part(*blocks, *values) -> moved blocks; those by `values` are added to `totals`."""
    with torch.enable_grad():
        given = [t.detach().requires_grad_() for t in (*blocks, *values)]
        moved = part(*given)
        moved = moved if isinstance(moved, tuple) else (moved,)
    pairs = [(y, g) for y, g in zip(moved, gradients, strict=True) if y.requires_grad]
    found = torch.autograd.grad([y for y, _ in pairs], given, [g for _, g in pairs], allow_unused=True)
    for total, gradient in zip(totals, found[len(blocks) :], strict=True):
        if gradient is not None:
            total.add_(gradient)
    return tuple(torch.zeros_like(b) if g is None else g for b, g in zip(blocks, found, strict=False))


def choose_backprop(way: str, refused: dict[str, str]) -> str:
    """`way`, when it is one of the three, and no flow refuses to be inverted (`refused`: why, by flow).

    Raises:
        ValueError: for another word, or for "invert" where a flow has no inverse.
    """
    if way not in ("store", "checkpoint", "invert"):
        raise ValueError(f"backprop must be 'store', 'checkpoint' or 'invert', got {way!r}")
    if way == "invert" and refused:
        reasons = "; ".join(f"{flow}: {reason}" for flow, reason in refused.items())
        raise ValueError(f"backprop='invert' needs an inverse ({reasons}); use 'checkpoint'")
    return way
