"""The gradient of a substep without a formula, by autograd over this substep alone."""

from __future__ import annotations

from odenet.emit.gradients.pull import Arguments, Pull, kept_returns, pulled_returns
from odenet.emit.names import Names
from odenet.emit.parts import Part, Workshop
from odenet.emit.tree import (
    Assign,
    Call,
    Expression,
    Function,
    Lambda,
    Name,
    Return,
    Statement,
    Text,
    call,
    items,
    targets,
)


def recorded_pull(shop: Workshop, part: Part) -> Pull:
    """The pull of any substep, by autograd over this substep alone."""
    shop.runtime["part_gradient"] = None
    names = shop.locals.inner()
    blocks = [shop.locals[b] for b in part.blocks]
    values = shop.local_names(part.wants)
    given = shop.arguments(part.blocks, part.takes_duration, part.takes_time, values)
    clock = [shop.locals.duration] * part.takes_duration + [shop.locals.time] * part.takes_time
    made = call(f"self.{part.method}", *(Name(n) for n in (*blocks, *clock, *values)))
    moved = [shop.locals[b] for b in part.moved]
    body = (Assign(("kept",), items(*map(Name, blocks))), Assign(tuple(moved), made))
    result = Return(items(*map(Name, moved), Name("kept")))
    about = f"As `{part.method}`, and the state that its gradient needs."
    keep = Function(
        shop.methods.new(f"{part.method}_keep"), given, kept_returns(part), (about,), (*body, result)
    )
    return Pull(keep.name, *_recorded(shop, part, names, made, (*blocks, *values), keep), is_written=False)


def _recorded(
    shop: Workshop, part: Part, names: Names, made: Call, taken: tuple[str, ...], keep: Function
) -> tuple[str, tuple[Function, ...]]:
    arguments = Arguments(shop, part, names)
    gradients = items(*(Name(arguments.gradients[b]) for b in part.moved))
    totals = items(*map(Name, arguments.total_names))
    values = items(*map(Name, shop.local_names(part.wants)))
    function = Lambda(", ".join(taken), made)
    found = call("part_gradient", function, Name("kept"), values, gradients, totals)
    found_names = [names.new(f"new_{arguments.gradients[b]}") for b in part.blocks]
    body: list[Statement] = [Assign(targets(found_names), found)]
    results: list[Expression] = []
    for block, target in zip(part.blocks, found_names, strict=True):
        own = Name(arguments.gradients[block])
        results.append(Name(target) if block in part.moved else Text(f"{own.text} + {target}", 10))
    body.append(Return(results[0] if len(results) == 1 else items(*results)))
    about = f"The gradient before `{part.method}` from that after it, by autograd; those of parameters are added."
    pull = Function(
        shop.methods.new(f"{part.method}_pull"), arguments.texts, pulled_returns(part), (about,), tuple(body)
    )
    return pull.name, (keep, pull)
