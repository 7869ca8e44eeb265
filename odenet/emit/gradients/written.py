"""The gradient of a substep, or of a right-hand side, by formula.

Both methods are written by the rules of reverse accumulation from the same nodes as the substep itself. What `pull` needs and
the substep computes anyway is kept, not computed again; gradients by parameters are added to running totals.
"""

from __future__ import annotations

from odenet.emit.gradients.pull import Arguments, Pull, kept_returns, pulled_returns
from odenet.emit.gradients.shares import Gradients, Rows, frontier, gradients_of, has_plain_maps, is_kept, is_shear
from odenet.emit.gradients.writer import GradientWriter, accumulate, accumulate_kernel
from odenet.emit.parts import Part, Workshop, returned
from odenet.emit.tree import Assign, Expression, Function, Items, Name, Return, items, targets
from odenet.emit.values import Value
from odenet.ir.differentiate import NotSupported, products
from odenet.ir.node import Node, depends_on, number, variable

# Derivatives that have a special value where the formula has none, or whose formula is longer than what autograd does.
LEFT_TO_AUTOGRAD = frozenset(("norm", "largest", "smallest"))


def written_pull(shop: Workshop, part: Part, rows: Rows, is_rates: bool = False) -> Pull | None:
    """The pull of a substep whose new blocks are `rows` (of a right-hand side: whose rates); None where there is no formula."""
    nodes = tuple(node for _, node in rows)
    if any(n.op in LEFT_TO_AUTOGRAD or not has_plain_maps(n) for node in nodes for n in node.walk()):
        return None
    seeds = {b: variable(f" g {b}", shop.model.block(b).space) for b in (part.moved if is_rates else part.blocks)}
    try:
        found = gradients_of(rows, seeds)
    except NotSupported:
        return None
    by_block = _by_block(part, found, seeds, is_rates)
    if is_rates and any(by_block[b] == number(0) and b not in part.moved for b in part.blocks):
        return None
    found = Gradients(by_block, found.by_leaf, found.by_kernel)
    forward = frozenset(n for node in nodes for n in node.walk() if is_kept(n))
    kept = frontier(found.nodes(), forward)
    pull, states = _pull(shop, part, found, kept, forward, is_rates)
    keep = _keep(shop, part, rows, kept, states)
    moved = frozenset(part.moved)
    alone = not any(depends_on(n, "state", moved) for n in kept) and not moved & frozenset(states)
    turns = alone and not part.takes_time and is_shear(rows)
    return Pull(keep.name, pull.name, (keep, pull), True, turns=turns, kept=len(kept) + len(states))


def _by_block(part: Part, found: Gradients, seeds: dict[str, Node], is_rates: bool) -> dict[str, Node]:
    """The gradient by each block; one that a substep reads and does not move has its own beside it."""
    by_block = {}
    for block in part.blocks:
        own = [] if is_rates or block in part.moved else [seeds[block]]
        terms = [*own, *([found.by_block[block]] if block in found.by_block else [])]
        by_block[block] = products.collect(*terms) if terms else number(0)
    return by_block


def _keep(shop: Workshop, part: Part, rows: Rows, kept: tuple[Node, ...], states: tuple[str, ...]) -> Function:
    """The method that runs the substep and gives what its gradient needs."""
    writer = shop.writer(shop.locals.inner(), shop.locals[part.moved[0]])
    writer.count(*(node for _, node in rows))
    writer.name_apart(kept)
    results = [shop.like_block(writer, block, writer.value(node)) for block, node in rows]
    values = [Name(shop.locals[s]) for s in states] + [writer.full(node).code for node in kept]
    arguments = shop.arguments(part.blocks, part.takes_duration, part.takes_time, shop.local_names(part.wants))
    about = f"As `{part.method}`, and what its gradient needs."
    body = (*writer.body, Return(items(*results, Items(tuple(values)))))
    return Function(shop.methods.new(f"{part.method}_keep"), arguments, kept_returns(part), (about,), body)


def _pull(
    shop: Workshop, part: Part, found: Gradients, kept: tuple[Node, ...], forward: frozenset[Node], is_rates: bool
) -> tuple[Function, tuple[str, ...]]:
    """The method that takes gradients back, and the blocks that it reads: they are kept before the nodes `kept`."""
    names = shop.locals.inner()
    arguments = Arguments(shop, part, names, is_rates)
    gradients = arguments.gradients
    extra = {f" g {b}": Value(Name(g), rank=shop.model.block(b).space.rank, lead=True) for b, g in gradients.items()}
    plain = shop.writer(names, shop.locals[part.blocks[0]], extra)
    states: dict[str, None] = {}

    def leaf(node: Node) -> Value:
        if node.op == "state":
            states[node.data[0]] = None
        return plain.leaf(node)

    writer = GradientWriter(shop.model, names, leaf, Name(gradients[part.moved[0]]), shop.runtime)
    writer.forward = forward
    local = [names.new("z") for _ in kept]
    for node, name in zip(kept, local, strict=True):
        writer.know(node, name)
    results = _taken_back(shop, part, found, arguments, writer)
    taken = [*(shop.locals[s] for s in states), *local]
    head = [Assign(targets(taken), Name("kept"))] if taken else []
    body = (*head, *returned(writer.body, results))
    about = f"The gradient before `{part.method}` from that after it; those of parameters are added to the last arguments."
    name = shop.methods.new(f"{part.method}_pull")
    return Function(name, arguments.texts, pulled_returns(part), (about,), body), tuple(states)


def _taken_back(
    shop: Workshop, part: Part, found: Gradients, arguments: Arguments, writer: GradientWriter
) -> list[Expression]:
    """Statements that add to totals, and the gradients by the blocks."""
    writer.count(*found.nodes())
    for share in found.by_kernel:
        accumulate_kernel(writer, arguments.totals[share.name], share)
    for leaf, gradient in found.by_leaf.items():
        accumulate(writer, arguments.totals[leaf.data[0]], gradient)
    gradients = arguments.gradients
    return [
        shop.like_block(writer, b, writer.value(found.by_block[b]), gradients.get(b, gradients[part.moved[0]]))
        for b in part.blocks
    ]
