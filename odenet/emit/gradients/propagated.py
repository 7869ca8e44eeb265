"""The gradient of the exact flow of a linear part, x -> P x + s."""

from __future__ import annotations

from odenet.emit.gradients.pull import Pull, kept_returns, pulled_returns
from odenet.emit.parts import Part, Workshop
from odenet.emit.sizes import Sizes
from odenet.emit.tree import (
    Assign,
    Attribute,
    Binary,
    Do,
    Expression,
    Function,
    Items,
    Name,
    Number,
    Return,
    Statement,
    call,
    items,
    method,
    targets,
)


def propagated_pull(shop: Workshop, part: Part) -> Pull:
    """The pull of x -> P x + s; its state before is found by a solve with P."""
    keep, pull, undo = _propagated_keep(shop, part), _propagated_gradient(shop, part), _propagated_undo(shop, part)
    return Pull(keep.name, pull.name, (keep, pull, undo), True, undo=undo.name)


def _joined(shop: Workshop, part: Part, names: list[str]) -> Expression:
    """The moved blocks, under local names, as one tensor [batch, d]."""
    if len(names) == 1 and shop.model.block(part.moved[0]).space.rank:
        return Name(names[0])
    is_scalar = shop.model.block(part.moved[0]).space.rank == 0
    return call("torch.stack" if is_scalar else "torch.cat", items(*map(Name, names)), dim=Number(-1))


def _parted(shop: Workshop, part: Part, value: Expression, names: list[str]) -> list[Statement]:
    """Statements that part a tensor [batch, d] into blocks under local names."""
    spaces = [shop.model.block(b).space for b in part.moved]
    if spaces[0].rank == 0:
        return [Assign(targets(names), method(value, "unbind", Number(-1)))]
    if len(names) == 1:
        return [Assign((names[0],), value)]
    sizes = Items(tuple(Sizes(shop.model).size(space.sizes[0]) for space in spaces), is_list=True)
    return [Assign(tuple(names), call("torch.split", value, sizes, dim=Number(-1)))]


def _propagated_keep(shop: Workshop, part: Part) -> Function:
    names = shop.locals.inner()
    matrix, shift, z = names.new("propagator"), names.new("shift"), names.new("z")
    blocks = [shop.locals[b] for b in part.moved]
    body: list[Statement] = [Assign((z,), _joined(shop, part, blocks))]
    body += _parted(shop, part, call("F.linear", Name(z), Name(matrix), Name(shift)), blocks)
    arguments = shop.arguments(part.moved, False, False, (matrix, shift))
    about = f"As `{part.method}`, and the state that its gradient needs."
    result = Return(items(*map(Name, blocks), items(Name(z))))
    return Function(shop.methods.new(f"{part.method}_keep"), arguments, kept_returns(part), (about,), (*body, result))


def _propagated_gradient(shop: Workshop, part: Part) -> Function:
    names = shop.locals.inner()
    matrix, shift, z, joined = names.new("propagator"), names.new("shift"), names.new("z"), names.new("g")
    gradients = [names.new(f"g_{shop.locals[b]}") for b in part.moved]
    totals = (names.new(f"g_{matrix}"), names.new(f"g_{shift}"))
    body: list[Statement] = [Assign((f"({z},)",), Name("kept"))]
    body.append(Assign((joined,), _joined(shop, part, gradients)))
    body.append(Do(call(f"{totals[0]}.addmm_", Attribute(Name(joined), "mT"), Name(z))))
    body.append(Do(call(f"{totals[1]}.add_", method(Name(joined), "sum", Number(0)))))
    body += _parted(shop, part, Binary("@", Name(joined), Name(matrix)), gradients)
    tensors = [f"{name}: Tensor" for name in (*gradients, matrix, shift, *totals)]
    about = f"The gradient before `{part.method}` from that after it; those of its matrix and shift are added."
    result = Return(Name(gradients[0]) if len(gradients) == 1 else items(*map(Name, gradients)))
    arguments = ("self", "kept: tuple[Tensor, ...]", *tensors)
    return Function(shop.methods.new(f"{part.method}_pull"), arguments, pulled_returns(part), (about,), (*body, result))


def _propagated_undo(shop: Workshop, part: Part) -> Function:
    names = shop.locals.inner()
    matrix, shift, z = names.new("propagator"), names.new("shift"), names.new("z")
    blocks = [shop.locals[b] for b in part.moved]
    body: list[Statement] = [Assign((z,), Binary("-", _joined(shop, part, blocks), Name(shift)))]
    body.append(Assign((z,), Attribute(call("torch.linalg.solve", Name(matrix), Attribute(Name(z), "mT")), "mT")))
    body += _parted(shop, part, Name(z), blocks)
    about = f"The state before `{part.method}`."
    result = Return(Name(blocks[0]) if len(blocks) == 1 else items(*map(Name, blocks)))
    arguments = shop.arguments(part.moved, False, False, (matrix, shift))
    return Function(shop.methods.new(f"{part.method}_undo"), arguments, pulled_returns(part), (about,), (*body, result))
