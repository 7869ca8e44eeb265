"""The one node of the typed IR, its operations, and their constructors.

A node is immutable; equal nodes compare equal whatever their place in the text. Every node knows its space, and no
operation broadcasts: a scalar that joins a vector goes through `spread`, a channel vector through `channels`.

| op          | arguments        | data              | meaning                                                    |
| ----------- | ---------------- | ----------------- | ---------------------------------------------------------- |
| number      |                  | Fraction          | an exact scalar                                            |
| dim         |                  | name              | the value of a dim, a scalar                               |
| time        |                  |                   | t                                                          |
| state       |                  | block name        | a block of the state                                       |
| param       |                  | parameter name    | a parameter (of `param(t)`: its value now)                 |
| variable    |                  | name              | an argument of a `def`, free in its body                   |
| ones, zeros |                  |                   | constant tensors of the node's space                       |
| eye         |                  |                   | the identity of R[n, n]                                    |
| add         | two or more      |                   | sum; all of the node's space (tensors or maps)             |
| mul         | two              |                   | entrywise product of tensors of one space (or two scalars) |
| scale       | scalar, any      |                   | scalar times a tensor or a map                             |
| power       | tensor           | Fraction          | entrywise power with an exact exponent                     |
| function    | tensor           | name, Fraction... | an elementwise function of `odenet.operators`              |
| apply       | map, tensor      |                   | linear map times tensor                                    |
| compose     | map, map         |                   | product of linear maps (of matrices: a matrix)             |
| transpose   | map              |                   | the adjoint                                                |
| sum, mean   | tensor           |                   | of all entries, a scalar                                   |
| dot         | tensor, tensor   |                   | Euclidean inner product over all entries, a scalar         |
| norm        | tensor           |                   | Euclidean norm over all entries, a scalar                  |
| largest     | one or more      |                   | one argument: its largest entry; more: entrywise maximum   |
| smallest    | one or more      |                   | the same with the minimum                                  |
| cumsum      | vector           |                   | running sums                                               |
| softmax     | vector           |                   | exp(x_i) / sum exp(x_j)                                    |
| diag        | vector           |                   | diagonal matrix                                            |
| skew        | vector           |                   | skew matrix; entry k of the vector is S[i, j] = -S[j, i],  |
|             |                  |                   | i < j, row by row (as numpy.triu_indices(n, 1) orders it)  |
| unskew      | matrix           |                   | the adjoint of `skew`: entries M[i, j] - M[j, i], i < j    |
| sym         | matrix           |                   | (M + M.T) / 2                                              |
| outer       | vector, vector   |                   | u v^T, a matrix                                            |
| concat      | vectors, scalars |                   | one vector                                                 |
| stack       | scalars          |                   | `[a, b, c]`, a vector                                      |
| index       | vector           | int               | one entry, a scalar                                        |
| slice       | vector           | Size, Size        | entries start <= i < stop, a vector                        |
| spread      | scalar           |                   | a tensor with all entries equal                            |
| channels    | vector R[c]      |                   | a tensor R[c, h, w] constant over each channel             |
| unchannels  | tensor R[c,h,w]  |                   | the adjoint of `channels`: the sum of each channel, R[c]   |
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from odenet.ir.sizes import SCALAR, AnySpace, MapSpace, Size, Space, codomain, domain, transposed
from odenet.text import Span

OPERATIONS = frozenset((
    "number", "dim", "time", "state", "param", "variable", "ones", "zeros", "eye", "add", "mul", "scale", "power",
    "function", "apply", "compose", "transpose", "sum", "mean", "dot", "norm", "largest", "smallest", "cumsum", "softmax",
    "diag", "skew", "unskew", "sym", "outer", "concat", "stack", "index", "slice", "spread", "channels", "unchannels",
))


@dataclass(frozen=True, eq=False)
class Node:
    op: str
    args: tuple[Node, ...]
    data: tuple[Any, ...]
    space: AnySpace
    span: Span | None = None

    def __post_init__(self) -> None:
        assert self.op in OPERATIONS, self.op
        object.__setattr__(self, "_hash", hash((self.op, self.args, self.data, self.space)))

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined, no-any-return]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Node) or hash(self) != hash(other):
            return False
        return (self.op, self.data, self.space, self.args) == (other.op, other.data, other.space, other.args)

    def at(self, span: Span | None) -> Node:
        """The same node with another place."""
        return Node(self.op, self.args, self.data, self.space, span)

    def walk(self) -> Iterator[Node]:
        """Every distinct node below this one and itself, arguments first."""
        seen: set[Node] = set()
        stack: list[tuple[Node, bool]] = [(self, False)]
        while stack:
            node, done = stack.pop()
            if node in seen:
                continue
            if done:
                seen.add(node)
                yield node
            else:
                stack.append((node, True))
                stack.extend((argument, False) for argument in reversed(node.args))

    def __str__(self) -> str:
        head = " ".join([self.op, *map(str, self.data)])
        return f"{head}({', '.join(map(str, self.args))})" if self.args else head


# --- constructors; spaces are the caller's duty, `odenet.ir.build` checks what users write ----------------------


def number(value: int | Fraction) -> Node:
    return Node("number", (), (Fraction(value),), SCALAR)


def dim(name: str) -> Node:
    return Node("dim", (), (name,), SCALAR)


def time() -> Node:
    return Node("time", (), (), SCALAR)


def state(name: str, space: Space) -> Node:
    return Node("state", (), (name,), space)


def param(name: str, space: AnySpace) -> Node:
    return Node("param", (), (name,), space)


def variable(name: str, space: AnySpace) -> Node:
    return Node("variable", (), (name,), space)


def ones(space: Space) -> Node:
    return Node("ones", (), (), space)


def zeros(space: AnySpace) -> Node:
    return Node("zeros", (), (), space)


def eye(size: Size) -> Node:
    return Node("eye", (), (), Space((size, size)))


def add(*terms: Node) -> Node:
    """A sum; nested sums are flattened, zeros dropped, a single term returned as it is."""
    flat: list[Node] = []
    for term in terms:
        flat.extend(term.args if term.op == "add" else (term,))
    kept = [term for term in flat if term.op != "zeros" and not is_number(term, 0)]
    if not kept:
        return number(0) if terms[0].space == SCALAR else zeros(terms[0].space)
    return kept[0] if len(kept) == 1 else Node("add", tuple(kept), (), kept[0].space)


def is_number(node: Node, value: int | Fraction | None = None) -> bool:
    return node.op == "number" and (value is None or node.data[0] == value)


def scale(factor: Node, value: Node) -> Node:
    """A scalar times a tensor or map; numbers in front are folded."""
    if value.space == SCALAR:
        return mul(factor, value)
    if is_number(factor, 1) or value.op == "zeros":
        return value
    if is_number(factor, 0):
        return zeros(value.space)
    if value.op == "scale" and is_number(factor) and is_number(value.args[0]):
        return scale(number(factor.data[0] * value.args[0].data[0]), value.args[1])
    return Node("scale", (factor, value), (), value.space)


def negate(value: Node) -> Node:
    return scale(number(-1), value)


def subtract(left: Node, right: Node) -> Node:
    return add(left, negate(right))


def mul(left: Node, right: Node) -> Node:
    """Entrywise product of one space; numbers are folded."""
    if left.op == "number" and right.op == "number":
        return number(left.data[0] * right.data[0])
    for one, other in ((left, right), (right, left)):
        if one.op == "zeros" or is_number(one, 0):
            return one
        if one.op == "ones" or is_number(one, 1):
            return other
    if right.op == "number":  # numbers stand in front
        left, right = right, left
    if left.op == "number" and right.op == "mul" and right.args[0].op == "number":
        return mul(number(left.data[0] * right.args[0].data[0]), right.args[1])
    return Node("mul", (left, right), (), left.space)


def power(base: Node, exponent: int | Fraction) -> Node:
    exponent = Fraction(exponent)
    if exponent == 1:
        return base
    if base.op == "number" and exponent.denominator == 1 and (base.data[0] != 0 or exponent > 0):
        return number(base.data[0] ** int(exponent))
    return Node("power", (base,), (exponent,), base.space)


def function(name: str, argument: Node, *parameters: Fraction) -> Node:
    return Node("function", (argument,), (name, *parameters), argument.space)


def apply(matrix: Node, tensor: Node) -> Node:
    return Node("apply", (matrix, tensor), (), codomain(matrix.space))


def compose(left: Node, right: Node) -> Node:
    if isinstance(left.space, MapSpace) or isinstance(right.space, MapSpace):
        space: AnySpace = MapSpace(domain(right.space), codomain(left.space))
    else:
        space = Space((left.space.sizes[0], right.space.sizes[1]))
    return Node("compose", (left, right), (), space)


def transpose(matrix: Node) -> Node:
    return matrix.args[0] if matrix.op == "transpose" else Node("transpose", (matrix,), (), transposed(matrix.space))


def scalar(op: str, *arguments: Node) -> Node:
    """`sum`, `mean`, `dot`, `norm`."""
    return Node(op, arguments, (), SCALAR)


def same(op: str, *arguments: Node) -> Node:
    """An operation whose result has the space of its first argument: `softmax`, `cumsum`, `sym`, …"""
    return Node(op, arguments, (), arguments[0].space)


def spread(value: Node, space: AnySpace) -> Node:
    return value if space == SCALAR else Node("spread", (value,), (), space)


def depends_on(node: Node, op: str, names: frozenset[str] | None = None) -> bool:
    """Whether a leaf of the given op (and one of `names`, when given) occurs in the node."""
    return any(n.op == op and (names is None or n.data[0] in names) for n in node.walk())


def states(node: Node) -> frozenset[str]:
    return frozenset(n.data[0] for n in node.walk() if n.op == "state")


def parameters(node: Node) -> frozenset[str]:
    return frozenset(n.data[0] for n in node.walk() if n.op == "param")


def replaced(node: Node, new: Callable[[Node], Node | None]) -> Node:
    """The node with what is inside replaced where `new` gives something else; it is asked of the nodes as they were."""
    known: dict[Node, Node] = {}
    for inner in node.walk():
        given = new(inner)
        if given is None:
            given = Node(inner.op, tuple(known[a] for a in inner.args), inner.data, inner.space) if inner.args else inner
        known[inner] = given
    return known[node]
