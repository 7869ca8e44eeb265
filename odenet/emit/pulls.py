"""The gradient of one substep as two methods: `keep` runs it and keeps what `pull` needs, `pull` takes gradients back.

Both are written by the rules of reverse accumulation from the same nodes as the substep itself. What `pull` needs and the
substep computes anyway is kept, not computed again; gradients by parameters are added to running totals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from odenet.emit.arithmetic import split_factor
from odenet.emit.expressions import Writer
from odenet.emit.names import Names
from odenet.emit.parts import Part, Workshop, returned
from odenet.emit.printer import text
from odenet.emit.sizes import Sizes
from odenet.emit.slopes import SLOPES, known_slope
from odenet.emit.tree import (
    Assign,
    Attribute,
    Binary,
    Call,
    Do,
    Expression,
    Function,
    Items,
    Lambda,
    Name,
    Number,
    Return,
    Statement,
    Text,
    call,
    items,
    method,
    targets,
)
from odenet.emit.values import Value
from odenet.emit.writing import LONGEST
from odenet.ir.differentiate import NotSupported, products, reverse
from odenet.ir.model import ConvolutionSpace
from odenet.ir.node import Node, depends_on, is_number, number, variable
from odenet.ir.sizes import MapSpace, Space
from odenet.plan.steps import DURATION

Rows = tuple[tuple[str, Node], ...]

# Derivatives that have a special value where the formula has none, or whose formula is longer than what autograd does.
LEFT_TO_AUTOGRAD = frozenset(("norm", "largest", "smallest"))


@dataclass(frozen=True)
class Pull:
    """The two methods of a substep.

    is_written: `pull` is a formula, not a call of autograd. turns: `keep` with the opposite duration gives the state before
    and keeps the same, so that nothing is computed twice. undo: a method that gives the state before, where the substep has
    one of its own for that.
    """

    keep: str
    pull: str
    functions: tuple[Function, ...]
    is_written: bool
    turns: bool = False
    undo: str = ""


def written_pull(shop: Workshop, part: Part, rows: Rows) -> Pull | None:
    """The pull of a substep whose new blocks are `rows`; None where a derivative has no formula."""
    nodes = tuple(node for _, node in rows)
    if any(n.op in LEFT_TO_AUTOGRAD or not _has_plain_maps(n) for node in nodes for n in node.walk()):
        return None
    seeds = {name: variable(f" g {name}", shop.model.block(name).space) for name in part.blocks}
    try:
        found = _gradients(rows, seeds)
    except NotSupported:
        return None
    forward = frozenset(n for node in nodes for n in node.walk() if _is_kept(n))
    kept, states = _frontier(found.nodes(), forward)
    names = shop.locals.inner()
    keep = _keep(shop, part, rows, kept, states)
    pull = _pull_text(shop, part, found, seeds, (kept, states, forward), names)
    moved = frozenset(part.moved)
    alone = not any(depends_on(n, "state", moved) for n in kept) and not moved & frozenset(states)
    return Pull(keep.name, pull.name, (keep, pull), True, turns=alone and not part.takes_time and _is_shear(rows))


@dataclass(frozen=True)
class _KernelShare:
    """A share of the gradient by a kernel: of <image, K source>, times a Python number."""

    name: str
    source: Node
    image: Node
    factor: Node


@dataclass(frozen=True)
class _Gradients:
    by_block: dict[str, Node]
    by_leaf: dict[Node, Node]
    by_kernel: tuple[_KernelShare, ...]

    def nodes(self) -> tuple[Node, ...]:
        """All that has to be computed."""
        images = (node for share in self.by_kernel for node in (share.source, share.image))
        return (*self.by_block.values(), *self.by_leaf.values(), *images)


def _has_plain_maps(node: Node) -> bool:
    """Whether the convolutions that a node uses are parameters or their adjoints, applied to something."""
    if isinstance(node.space, MapSpace):
        return node.op == "param" or (node.op == "transpose" and node.args[0].op == "param")
    return True


def _gradients(rows: Rows, seeds: dict[str, Node]) -> _Gradients:
    """Gradients of sum <g, new block> by every block and every value that the rows use."""
    leaves = {n for _, node in rows for n in node.walk() if n.op in ("state", "param") or _is_value(n)}
    ordered = tuple(sorted((n for n in leaves if not isinstance(n.space, MapSpace)), key=str))
    shares: dict[Node, list[Node]] = {leaf: [] for leaf in ordered}
    kernels: list[_KernelShare] = []
    for factor, total in _by_factor(rows, seeds).items():
        kernels += [_KernelShare(*share, factor) for share in _kernel_shares(total)]
        for leaf, share in reverse(total, ordered).items():
            if not _is_zero(share):
                shares[leaf].append(products.by_scalar(factor, share))
    states = {n.data[0]: n for n in ordered if n.op == "state"}
    moved = dict(rows)
    by_block = {}
    for name, seed in seeds.items():
        own = [] if name in moved else [seed]
        terms = [*own, *(shares[states[name]] if name in states else [])]
        by_block[name] = products.collect(*terms) if terms else number(0)
    by_leaf = {n: products.collect(*found) for n, found in shares.items() if n.op != "state" and found}
    return _Gradients(by_block, by_leaf, tuple(kernels))


def _kernel_shares(total: Node) -> list[tuple[str, Node, Node]]:
    """For each convolution in `total`: kernel, source v and image g with the derivative <g, dK v>; <g, dK' v> = <v, dK g>."""
    found = []
    for node in total.walk():
        if node.op == "apply" and isinstance(node.args[0].space, MapSpace):
            map, source = node.args
            image = reverse(total, (node,))[node]
            if map.op == "transpose":
                map, source, image = map.args[0], image, source
            found.append((map.data[0], source, image))
    return found


def _by_factor(rows: Rows, seeds: dict[str, Node]) -> dict[Node, Node]:
    """sum <g, new block> as sums with a Python number, such as the duration, in front: that number is multiplied last."""
    groups: dict[Node, list[Node]] = {}
    for name, node in rows:
        for term in node.args if node.op == "add" else (node,):
            factor, inner = split_factor(term)
            groups.setdefault(factor or number(1), []).append(products.dot(seeds[name], inner))
    return {factor: products.collect(*terms) for factor, terms in groups.items()}


def _is_value(node: Node) -> bool:
    return node.op == "variable" and node.data[0] != DURATION


def _is_zero(node: Node) -> bool:
    return node.op == "zeros" or is_number(node, 0)


def _is_kept(node: Node) -> bool:
    """Whether a node of the step forward can be kept: it depends on the state and not on the duration."""
    if not node.args or isinstance(node.space, MapSpace):
        return False
    return depends_on(node, "state") and not depends_on(node, "variable", frozenset((DURATION,)))


def _is_shear(rows: Rows) -> bool:
    """Whether the rates do not depend on what moves: new = old + h rates."""
    moved = frozenset(name for name, _ in rows)
    for name, node in rows:
        terms = node.args if node.op == "add" else (node,)
        others = [t for t in terms if not (t.op == "state" and t.data[0] == name)]
        if len(others) != len(terms) - 1 or any(depends_on(t, "state", moved) for t in others):
            return False
        if not all(_is_odd(t) for t in others):
            return False
    return True


def _is_odd(term: Node) -> bool:
    """Whether a term is the duration times something without it."""
    factor, inner = split_factor(term)
    if factor is None or depends_on(inner, "variable", frozenset((DURATION,))):
        return False
    powers = [n for n in _factors(factor) if depends_on(n, "variable", frozenset((DURATION,)))]
    return len(powers) == 1 and powers[0].op == "variable"


def _factors(node: Node) -> list[Node]:
    return [f for a in node.args for f in _factors(a)] if node.op == "mul" else [node]


def _frontier(roots: Iterable[Node], forward: frozenset[Node]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """The largest parts of the gradient that the step forward has computed, and the blocks that it reads beside them."""
    kept: dict[Node, None] = {}
    states: dict[str, None] = {}
    seen: set[Node] = set()
    stack = list(reversed(list(roots)))
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        known = known_slope(node, forward)
        if known is not None:
            stack.append(known)
        elif node in forward:
            kept[node] = None
        elif node.op == "state":
            states[node.data[0]] = None
        else:
            stack.extend(reversed(node.args))
    return tuple(kept), tuple(states)


# --- writing ------------------------------------------------------------------------------------------------------------


class GradientWriter(Writer):
    """A writer that knows slopes by values of the step forward."""

    forward: frozenset[Node] = frozenset()

    def _mul(self, node: Node) -> Value:
        for slope, other in (node.args, node.args[::-1]):
            known = known_slope(slope, self.forward)
            if known is not None and not (factor := self.value(other)).is_number and factor.is_full and factor.lead:
                return self._slope_product(slope, known, factor)
        return super()._mul(node)

    def _slope_product(self, slope: Node, known: Node, factor: Value) -> Value:
        value = self.full(known)
        factor = factor if len(text(factor.code)) <= LONGEST // 2 else self.named(factor, "z")
        shown = SLOPES[slope.data[0]].product.replace("{g}", text(factor.code)).replace("{f}", text(value.code))
        for place, parameter in enumerate(slope.data[1:], 1):
            shown = shown.replace("{" + str(place) + "}", text(self.number(parameter)))
        return value.with_code(Text(shown))

    def _function(self, node: Node) -> Value:
        known = known_slope(node, self.forward)
        if known is None:
            return super()._function(node)
        value = self.full(known)
        return self._slope_product(node, known, value.with_code(call("torch.ones_like", value.code)))

    def know(self, node: Node, name: str) -> None:
        """A node that is kept under a name."""
        space = node.space
        assert not isinstance(space, MapSpace)
        self._known[node] = Value(Name(name), rank=space.rank, lead=True)

    def _deserves_name(self, node: Node, value: Value) -> bool:
        return not value.is_number and super()._deserves_name(node, value)


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


def kept_returns(part: Part) -> str:
    return f"tuple[{', '.join(['Tensor'] * len(part.moved))}, tuple[Tensor, ...]]"


def _pull_text(
    shop: Workshop,
    part: Part,
    found: _Gradients,
    seeds: dict[str, Node],
    memory: tuple[tuple[Node, ...], tuple[str, ...], frozenset[Node]],
    names: Names,
) -> Function:
    kept, states, forward = memory
    arguments = Arguments(shop, part, names)
    extra = {f" g {b}": Value(Name(arguments.gradients[b]), rank=_rank(seeds[b]), lead=True) for b in part.blocks}
    plain = shop.writer(names, shop.locals[part.blocks[0]], extra)
    writer = GradientWriter(shop.model, names, plain.leaf, Name(arguments.gradients[part.blocks[0]]), shop.runtime)
    writer.forward = forward
    local = [shop.locals[s] for s in states]
    for node in kept:
        local.append(names.new("z"))
        writer.know(node, local[-1])
    if local:
        writer.body.append(Assign(targets(local), Name("kept")))
    writer.count(*found.nodes())
    for share in found.by_kernel:
        _accumulate_kernel(writer, arguments.totals[share.name], share)
    for leaf, gradient in found.by_leaf.items():
        _accumulate(writer, arguments.totals[leaf.data[0]], gradient)
    results = [
        shop.like_block(writer, b, writer.value(found.by_block[b]), arguments.gradients[b]) for b in part.blocks
    ]
    body = returned(writer.body, results)
    about = f"The gradient before `{part.method}` from that after it; those of parameters are added to the last arguments."
    return Function(
        shop.methods.new(f"{part.method}_pull"), arguments.texts, pulled_returns(part), (about,), tuple(body)
    )


def pulled_returns(part: Part) -> str:
    return "Tensor" if len(part.blocks) == 1 else f"tuple[{', '.join(['Tensor'] * len(part.blocks))}]"


class Arguments:
    """The names of the arguments of a pull: kept, gradients by blocks, duration, clock, values, totals."""

    def __init__(self, shop: Workshop, part: Part, names: Names) -> None:
        self.gradients = {b: names.new(f"g_{shop.locals[b]}") for b in part.blocks}
        values = shop.local_names(part.wants)
        self.total_names = tuple(names.new(f"g_{name}") for name in values)
        self.totals = {w.name: t for w, t in zip(part.wants, self.total_names, strict=True)}
        inner = shop.arguments((), part.takes_duration, part.takes_time, values)[1:]
        given = [f"{name}: Tensor" for name in (*self.gradients.values(),)]
        totals = [f"{name}: Tensor" for name in self.total_names]
        self.texts = ("self", "kept: tuple[Tensor, ...]", *given, *inner, *totals)


def _rank(node: Node) -> int:
    assert not isinstance(node.space, MapSpace)
    return node.space.rank


def _accumulate(writer: GradientWriter, total: str, gradient: Node, outside: Node | None = None) -> None:
    """Statements that add a gradient, summed over the batch and times a Python number `outside`, to its total."""
    factor, inner = split_factor(gradient)
    if outside is not None:
        factor = outside if factor is None else products.times(outside, factor)
    if inner.op == "add":
        for term in inner.args:
            _accumulate(writer, total, term, factor)
        return
    keywords = {} if factor is None else {"alpha": writer.value(factor).code}
    pair = _outer_pair(writer, inner)
    if pair is not None:
        left, right = pair
        arguments: tuple[Expression, ...] = (Attribute(left.code, "mT"), right.code)
        writer.body.append(Do(Call(Name(f"{total}.addmm_"), arguments, tuple(keywords.items()))))
        return
    value = writer.full(inner)
    summed: Expression = method(value.code, "sum", Number(0)) if value.lead else value.code
    writer.body.append(Do(Call(Name(f"{total}.add_"), (summed,), tuple(keywords.items()))))


def _accumulate_kernel(writer: GradientWriter, total: str, share: _KernelShare) -> None:
    """The statement that adds a share of the gradient by a kernel."""
    parameter = writer.model.parameter(share.name)
    space = parameter.space
    assert isinstance(space, ConvolutionSpace)
    writer.runtime["kernel_gradient"] = None
    kernel = writer.leaf(Node("param", (), (share.name,), Space(())))
    source, image = writer.full(share.source), writer.full(share.image)
    keywords: dict[str, Expression] = {"circular": Name(str(space.padding == "circular"))}
    if space.stride != 1:
        keywords["stride"] = Number(space.stride)
    made = call("kernel_gradient", source.code, image.code, kernel.code, **keywords)
    added = {} if share.factor == number(1) else {"alpha": writer.value(share.factor).code}
    writer.body.append(Do(Call(Name(f"{total}.add_"), (made,), tuple(added.items()))))


def _outer_pair(writer: GradientWriter, node: Node) -> tuple[Value, Value] | None:
    """The two vectors of an outer product, each with a batch."""
    if node.op == "scale" and node.args[1].op == "outer":
        left, right = node.args[1].args
        node = Node("outer", (products.by_scalar(node.args[0], left), right), (), node.space)
    if node.op != "outer":
        return None
    left_value, right_value = writer.full(node.args[0]), writer.full(node.args[1])
    return (left_value, right_value) if left_value.lead and right_value.lead else None


# --- substeps without a formula -----------------------------------------------------------------------------------------


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


# --- exact flows of linear parts ----------------------------------------------------------------------------------------


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
