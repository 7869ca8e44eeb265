"""The gradient of one substep as nodes, and what of it the step forward has computed already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from odenet.emit.arithmetic import split_factor
from odenet.emit.gradients.slopes import known_slope
from odenet.ir.differentiate import products
from odenet.ir.differentiate.reverse import reverse
from odenet.ir.node import Node, depends_on, is_number, number
from odenet.ir.sizes import MapSpace
from odenet.plan.steps import DURATION

Rows = tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class KernelShare:
    """A share of the gradient by a kernel: of <image, K source>, times a Python number."""

    name: str
    source: Node
    image: Node
    factor: Node


@dataclass(frozen=True)
class Gradients:
    by_block: dict[str, Node]
    by_leaf: dict[Node, Node]
    by_kernel: tuple[KernelShare, ...]

    def nodes(self) -> tuple[Node, ...]:
        """All that has to be computed."""
        images = (node for share in self.by_kernel for node in (share.source, share.image))
        return (*self.by_block.values(), *self.by_leaf.values(), *images)


def has_plain_maps(node: Node) -> bool:
    """Whether the convolutions that a node uses are parameters or their adjoints, applied to something."""
    if isinstance(node.space, MapSpace):
        return node.op == "param" or (node.op == "transpose" and node.args[0].op == "param")
    return True


def gradients_of(rows: Rows, seeds: dict[str, Node]) -> Gradients:
    """Gradients of sum <seed, row> by every block and every value that the rows use. Raises NotSupported."""
    leaves = {n for _, node in rows for n in node.walk() if n.op in ("state", "param") or _is_value(n)}
    ordered = tuple(sorted((n for n in leaves if not isinstance(n.space, MapSpace)), key=str))
    shares: dict[Node, list[Node]] = {leaf: [] for leaf in ordered}
    kernels: list[KernelShare] = []
    for factor, total in _by_factor(rows, seeds).items():
        kernels += [KernelShare(*share, factor) for share in _kernel_shares(total)]
        for leaf, share in reverse(total, ordered).items():
            if not _is_zero(share):
                shares[leaf].append(products.by_scalar(factor, share))
    by_block = {n.data[0]: products.collect(*found) for n, found in shares.items() if n.op == "state" and found}
    by_leaf = {n: products.collect(*found) for n, found in shares.items() if n.op != "state" and found}
    return Gradients(by_block, by_leaf, tuple(kernels))


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


def is_kept(node: Node) -> bool:
    """Whether a node of the step forward can be kept: it depends on the state and not on the duration."""
    if not node.args or isinstance(node.space, MapSpace):
        return False
    return depends_on(node, "state") and not depends_on(node, "variable", frozenset((DURATION,)))


def is_shear(rows: Rows) -> bool:
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


def frontier(roots: Iterable[Node], forward: frozenset[Node]) -> tuple[Node, ...]:
    """The largest parts of the gradient that the step forward has computed, but for numbers in front of them."""
    kept: dict[Node, None] = {}
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
        elif node in forward and split_factor(node)[0] is None:
            kept[node] = None
        else:
            stack.extend(reversed(node.args))
    return tuple(kept)
