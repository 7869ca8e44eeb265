"""How a substep changes volume: log |det| of its Jacobian as a node, where structure gives it.

A substep leaves the blocks it does not move as they are, so only the derivative of the moved blocks by themselves counts.
Among the moved blocks those that do not depend on each other round about are triangular, and each counts alone.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from odenet.algebra.facts import resolved
from odenet.ir.differentiate import NotSupported, jacobian, products, tangents
from odenet.ir.differentiate.forward import trace
from odenet.ir.differentiate.reverse import active, diagonal
from odenet.ir.model import Model
from odenet.ir.node import Node, add, eye, function, is_number, number, state, states, zeros
from odenet.ir.sizes import SCALAR, Space
from odenet.plan.integrals import duration
from odenet.plan.steps import Linear

Rows = tuple[tuple[str, Node], ...]
MOST_SCALARS = 3  # coupled scalar blocks whose determinant is written out
_ENTRYWISE = frozenset(("add", "mul", "scale", "power", "function", "largest", "smallest"))


@dataclass(frozen=True)
class Volume:
    """log |det| = total + the sum of log |det(matrix)| over `matrices`; total is a scalar node."""

    total: Node
    matrices: tuple[Node, ...] = ()

    @property
    def is_kept(self) -> bool:
        return is_number(self.total, 0) and not self.matrices


def of_linear(model: Model, advance: Linear) -> Volume:
    """h tr(M). Source: Jacobi's formula, det exp(hM) = exp(h tr M)."""
    entries = [row[place] for place, row in enumerate(advance.matrix)]
    traces = [entry if entry.space == SCALAR else _trace(model, entry) for entry in entries if entry is not None]
    return Volume(products.times(duration(), products.collect(*traces)) if traces else number(0))


def of_rows(model: Model, rows: Rows) -> Volume | None:
    """The change of volume of a map given by the new value of each moved block; None where no structure is seen."""
    news = dict(rows)
    found = [_of_group(model, {name: news[name] for name in group}) for group in _groups(news)]
    known = [volume for volume in found if volume is not None]
    if len(known) < len(found):
        return None
    total = products.collect(*(volume.total for volume in known))
    return Volume(total, tuple(matrix for volume in known for matrix in volume.matrices))


def is_cascade(rows: Rows) -> bool:
    """Whether no moved block enters its own rate, nor round about: then every Runge-Kutta step keeps volume."""
    rates = dict(rows)
    alone = [group[0] for group in _groups(rates) if len(group) == 1]
    return len(alone) == len(rates) and not any(name in states(rates[name]) for name in alone)


def is_entrywise(rows: Rows) -> bool:
    """Whether each rate depends on no moved block but its own, and on that entry by entry (or the block is a scalar)."""
    moved = frozenset(name for name, _ in rows)
    return all(
        not states(rate) & (moved - {name}) and (rate.space == SCALAR or _is_entrywise(rate, _block(name, rate)))
        for name, rate in rows)


def _groups(rows: Mapping[str, Node]) -> list[list[str]]:
    """The moved blocks in groups that depend on each other round about."""
    reach = {name: states(row) & rows.keys() for name, row in rows.items()}
    for middle in rows:
        reach = {name: found | (reach[middle] if middle in found else frozenset()) for name, found in reach.items()}
    groups: list[list[str]] = []
    for name in rows:
        home = next((g for g in groups if g[0] in reach[name] and name in reach[g[0]]), None)
        if home is None:
            groups.append([name])
        else:
            home.append(name)
    return groups


def _block(name: str, row: Node) -> Node:
    assert isinstance(row.space, Space)
    return state(name, row.space)


def _of_group(model: Model, rows: Mapping[str, Node]) -> Volume | None:
    if len(rows) == 1:
        (name, row), = rows.items()
        return _of_block(model, row, _block(name, row))
    if len(rows) > MOST_SCALARS or any(row.space != SCALAR for row in rows.values()):
        return None
    blocks = [_block(name, row) for name, row in rows.items()]
    matrix = [[tangents(row, {block: number(1)}) or number(0) for block in blocks] for row in rows.values()]
    return Volume(log_abs(_determinant(matrix)))


def _determinant(matrix: list[list[Node]]) -> Node:
    """By its first row."""
    if len(matrix) == 1:
        return matrix[0][0]
    terms = []
    for place, entry in enumerate(matrix[0]):
        minor = _determinant([row[:place] + row[place + 1:] for row in matrix[1:]])
        terms.append(products.times(number((-1) ** place), products.times(entry, minor)))
    return products.collect(*terms)


def _of_block(model: Model, row: Node, block: Node) -> Volume | None:
    assert isinstance(block.space, Space)
    if block.space == SCALAR or _is_entrywise(row, block):
        slopes = tangents(row, {block: products.spread(number(1), block.space)})
        return None if slopes is None else Volume(total_log(slopes))
    return _of_vector(model, row, block) if block.space.rank == 1 else None


def _is_entrywise(row: Node, block: Node) -> bool:
    live = active(row, frozenset((block,)))
    return all(n == block or (n.op in _ENTRYWISE and n.space == block.space and not (n.op == "scale" and n.args[0] in live))
               for n in live)


def log_abs(node: Node) -> Node:
    """log |node| entry by entry; of products, powers and exponentials without the product, power or exponential."""
    assert isinstance(node.space, Space)
    if node.op == "number":
        return number(0) if abs(node.data[0]) == 1 else function("log", number(abs(node.data[0])))
    if node.op == "ones":
        return zeros(node.space)
    if node.op == "spread":
        return products.spread(log_abs(node.args[0]), node.space)
    if node.op in ("mul", "scale"):
        return products.collect(*(products.spread(log_abs(a), node.space) if a.space == SCALAR else log_abs(a)
                                  for a in node.args))
    if node.op == "power":
        return products.scaled(node.data[0], log_abs(node.args[0]))
    if node.op == "function" and node.data[0] == "exp":
        return node.args[0]
    return function("log", function("abs", node))


def total_log(node: Node) -> Node:
    """The sum of log |node| over all entries."""
    logs = log_abs(node)
    return products.collect(*map(_total, _terms(logs)))


def _total(node: Node) -> Node:
    if node.op == "scale":
        return products.times(node.args[0], products.collect(*map(_total, _terms(node.args[1]))))
    if node.op == "spread":
        return products.times(products.size_node(products.nodes_count(node.space)), node.args[0])
    return products.total(node)


def _terms(node: Node) -> tuple[Node, ...]:
    return node.args if node.op == "add" else (node,)


# --- vectors: Jacobians that are matrices --------------------------------------------------------------------------


def _of_vector(model: Model, row: Node, block: Node) -> Volume | None:
    """By the diagonal of a triangular Jacobian; by a smaller determinant; else by that of the Jacobian."""
    try:
        slopes = jacobian(row, block)
        own = row.op == "add" and row.args.count(block) == 1
        change = jacobian(add(*(term for term in row.args if term != block)), block) if own else None
    except NotSupported:
        return None
    if slopes is None:
        return None
    entries = triangular(model, slopes)
    if entries is not None:
        return Volume(total_log(entries[1]))
    smaller = _smaller(model, change) if change is not None else None
    return smaller or Volume(number(0), (_tidy(slopes),))


def triangular(model: Model, matrix: Node) -> tuple[str, Node] | None:
    """`lower`, `upper` or `diagonal` and the diagonal, where a matrix is triangular by its structure."""
    if matrix.op in ("eye", "diag"):
        return "diagonal", diagonal(matrix)
    if matrix.op == "param":
        kind = next((s.name for s in model.parameter(matrix.data[0]).sets if s.name in ("lower", "upper", "diagonal")), None)
        return None if kind is None else (kind, diagonal(matrix))
    if matrix.op == "transpose":
        inner = triangular(model, matrix.args[0])
        return None if inner is None else ({"lower": "upper", "upper": "lower"}.get(inner[0], inner[0]), inner[1])
    if matrix.op == "scale":
        inner = triangular(model, matrix.args[1])
        return None if inner is None else (inner[0], products.times(matrix.args[0], inner[1]))
    if matrix.op in ("add", "compose"):
        return _joined(matrix.op, [triangular(model, a) for a in matrix.args])
    return None


def _joined(op: str, parts: list[tuple[str, Node] | None]) -> tuple[str, Node] | None:
    """Sums and products of matrices that are triangular the same way; the diagonal of a product is that of its factors."""
    known = [part for part in parts if part is not None]
    kinds = {kind for kind, _ in known} - {"diagonal"}
    if len(known) < len(parts) or len(kinds) > 1:
        return None
    entries = [entry for _, entry in known]
    joined = products.collect(*entries) if op == "add" else products.times(*entries)
    return (kinds.pop() if kinds else "diagonal"), joined


def _smaller(model: Model, change: Node) -> Volume | None:
    """det(I + c U V) = det(I + c V U), when V U is smaller. Source: Sylvester's determinant theorem."""
    coefficient, factors = _factors(change)
    place = next((i for i, factor in enumerate(factors) if factor.op == "outer"), None)
    if place is not None:
        return Volume(log_abs(products.collect(number(1), products.times(coefficient, _closed(factors, place)))))
    turned = _turned(model, factors)
    if turned is None:
        return None
    product = _product(turned)
    assert isinstance(product.space, Space)
    matrix = add(eye(product.space.sizes[0]), products.by_scalar(coefficient, product))
    entries = triangular(model, matrix)
    return Volume(number(0), (matrix,)) if entries is None else Volume(total_log(entries[1]))


def _turned(model: Model, factors: list[Node]) -> list[Node] | None:
    """The factors in another order round, so that a pair A A' = I falls away, else so that their product is smaller."""
    count = len(factors)
    for place in range(count if count > 2 else 0):
        if _is_unit(model, factors[place], factors[(place + 1) % count]):
            return [factors[(place + 2 + i) % count] for i in range(count - 2)]
    sizes = [_columns(model, factor) for factor in factors]
    least = min(sizes)
    cut = sizes.index(least) + 1
    return factors[cut:] + factors[:cut] if least < sizes[-1] else None


def _is_unit(model: Model, left: Node, right: Node) -> bool:
    """Whether left right = I: an orthogonal parameter and its transpose, in the order in which they cancel for all sizes."""
    own = right if left.op == "transpose" else left
    if own.op != "param" or products.transpose(left) != right:
        return False
    assert isinstance(left.space, Space)
    few, many = (resolved(model, size) for size in left.space.sizes)
    return model.parameter(own.data[0]).set_named("orthogonal") is not None and all(c >= 0 for _, c in (many - few).terms)


def _factors(matrix: Node) -> tuple[Node, list[Node]]:
    """A scalar, and the factors of the product that it stands before."""
    if matrix.op == "scale":
        coefficient, factors = _factors(matrix.args[1])
        return products.times(matrix.args[0], coefficient), factors
    if matrix.op == "compose":
        (a, left), (b, right) = map(_factors, matrix.args)
        if left[-1].op == right[0].op == "diag":
            joined = products.times(left[-1].args[0], right[0].args[0])
            return products.times(a, b), [*left[:-1], Node("diag", (joined,), (), left[-1].space), *right[1:]]
        return products.times(a, b), left + right
    return number(1), [matrix]


def _closed(factors: list[Node], place: int) -> Node:
    """v' F_(k+1) … F_m F_1 … F_(k-1) u for the factor u v' at `place`."""
    left, right = factors[place].args
    moved = left
    for factor in reversed(factors[place + 1:] + factors[:place]):
        moved = products.apply(factor, moved)
    return products.dot(right, moved)


def _columns(model: Model, matrix: Node) -> int:
    """Columns at the default sizes: what is cheaper there is chosen, for every size."""
    assert isinstance(matrix.space, Space)
    return int(matrix.space.sizes[1].evaluate(model.dim_values({})))


def _tidy(matrix: Node) -> Node:
    """The same sum of products, each multiplied in a cheap order."""
    if matrix.op == "add":
        return add(*map(_tidy, matrix.args))
    coefficient, factors = _factors(matrix)
    return products.by_scalar(coefficient, _product(factors))


def _product(factors: list[Node]) -> Node:
    """The product, with diagonals joined and neighbours that are the same for all samples multiplied first."""
    runs: list[list[Node]] = []
    for factor in factors:
        fixed = not any(n.op in ("state", "time", "variable") for n in factor.walk())
        if runs and fixed and not any(n.op in ("state", "time", "variable") for n in runs[-1][0].walk()):
            runs[-1].append(factor)
        else:
            runs.append([factor])
    made = [_composed(run) for run in runs]
    return _composed(made)


def _composed(factors: list[Node]) -> Node:
    product = factors[-1]
    for factor in reversed(factors[:-1]):
        product = products.compose(factor, product)
    return product


def _trace(model: Model, matrix: Node) -> Node:
    """The trace; that of a skew parameter is 0."""
    if matrix.op in ("add", "scale", "transpose"):
        inner = [_trace(model, a) for a in matrix.args[matrix.op == "scale":]]
        total = products.collect(*inner)
        return products.times(matrix.args[0], total) if matrix.op == "scale" else total
    if matrix.op == "param" and model.parameter(matrix.data[0]).set_named("skew") is not None:
        return number(0)
    return trace(matrix)
