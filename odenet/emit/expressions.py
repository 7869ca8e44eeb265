"""From nodes to expressions of the tree: one method for each operation of the IR.

A `Writer` writes the body of one function. Nodes that are used twice, and long ones, become named temporaries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from odenet.emit import elementwise
from odenet.emit.faults import refuse
from odenet.emit.names import Names
from odenet.emit.printer import text
from odenet.emit.sizes import Sizes
from odenet.emit.tree import (
    Assign,
    Attribute,
    Binary,
    Expression,
    Items,
    Name,
    Negative,
    Number,
    Statement,
    Subscript,
    call,
    is_simple,
    items,
    method,
)
from odenet.emit.values import Value, aligned
from odenet.ir.model import ConvolutionSpace, Model
from odenet.ir.node import OPERATIONS, Node, mul
from odenet.ir.sizes import SCALAR, MapSpace, Size, Space, codomain, domain
from odenet.plan.steps import DURATION

LONGEST = 76  # columns of an expression before it gets a name of its own
_LEAVES = frozenset(("number", "dim", "time", "state", "param", "variable", "ones", "zeros"))


class Writer:
    """Writes nodes as expressions into a body of statements.

    leaf: the value of a `state`, `param`, `variable` or `time` node.
    like: a tensor whose type and device new tensors take; `used_like` tells whether any did.
    time_is_tensor: t is a tensor, not a Python number.
    runtime: names of runtime functions that the text calls (filled here).
    """

    def __init__(
        self,
        model: Model,
        names: Names,
        leaf: Callable[[Node], Value],
        like: Expression,
        runtime: dict[str, None],
        time_is_tensor: bool = False,
    ) -> None:
        self.model, self.names, self.leaf, self._like, self.runtime = model, names, leaf, like, runtime
        self.sizes = Sizes(model)
        self.body: list[Statement] = []
        self.used_like = False
        self.time_is_tensor = time_is_tensor
        self._known: dict[Node, Value] = {}
        self._uses: dict[Node, int] = {}

    # --- entry --------------------------------------------------------------------------------------------------

    def count(self, *roots: Node) -> None:
        """Note how often each node below is used, so that what is used twice gets a name."""
        seen: set[Node] = set()
        for root in roots:
            self._uses[root] = self._uses.get(root, 0) + 1
            for node in root.walk():
                if node not in seen:
                    seen.add(node)
                    for argument in node.args:
                        self._uses[argument] = self._uses.get(argument, 0) + 1

    def value(self, node: Node) -> Value:
        """The value of a tensor or matrix node."""
        found = self._known.get(node)
        if found is None:
            found = self._leaf(node) if node.op in _LEAVES else getattr(self, f"_{node.op}")(node)
            if node.op not in _LEAVES and not is_simple(found.code) and self._deserves_name(node, found):
                found = self.named(found, "z")
            self._known[node] = found
        return found

    def _deserves_name(self, node: Node, value: Value) -> bool:
        return self._uses.get(node, 0) > 1 or len(text(value.code)) > LONGEST

    def named(self, value: Value, hint: str) -> Value:
        """The value under a name of its own."""
        name = self.names.new(hint)
        self.body.append(Assign((name,), value.code))
        return value.with_code(Name(name))

    def full(self, node: Node) -> Value:
        """The value with every entry of its space."""
        return self.filled(self.value(node), node.space)

    def filled(self, value: Value, space: object) -> Value:
        """A value that was left to broadcast, written out."""
        assert isinstance(space, Space)
        shape = self.sizes.shape(space)
        if value.is_full and not value.is_number:
            return value
        if value.is_number:
            code = method(self.like, "new_full", Items(shape), value.code)
            return Value(code, rank=len(shape))
        start = aligned(value, len(shape))
        lead = (Number(-1),) if value.lead else ()
        return Value(method(start, "expand", *lead, *shape), rank=len(shape), lead=value.lead)

    @property
    def like(self) -> Expression:
        self.used_like = True
        return self._like

    # --- leaves -------------------------------------------------------------------------------------------------

    def _leaf(self, node: Node) -> Value:
        if node.op == "number":
            return Value(self.number(node.data[0]), is_number=True)
        if node.op == "dim":
            return Value(self.sizes.dim(node.data[0]), is_number=True)
        if node.op in ("ones", "zeros"):
            return Value(Number(int(node.op == "ones")), is_number=True, is_full=False)
        return self.leaf(node)

    def number(self, value: Fraction) -> Expression:
        """The nearest Python number. Errors: ODE602."""
        if value.denominator == 1 and abs(value) < 2**53:
            return Number(int(value))
        try:
            return Number(float(value))
        except OverflowError:
            raise refuse(
                self.model.source,
                "ODE602",
                "a number is too large for floating point",
                None,
                f"about 10^{_digits(value)}",
            ) from None

    def _eye(self, node: Node) -> Value:
        size = self.sizes.shape(_space(node))[0]
        like = self.like
        code = call("torch.eye", size, dtype=Attribute(like, "dtype"), device=Attribute(like, "device"))
        return Value(code, rank=2)

    # --- sums and products --------------------------------------------------------------------------------------

    def _add(self, node: Node) -> Value:
        return self._fused(node) or self._plain_sum([self._term(t) for t in node.args], _space(node).rank)

    def _fused(self, node: Node) -> Value | None:
        """`A @ z + b` and `x + c * (A @ z)` as one call."""
        for place, term in enumerate(node.args):
            factor, inner = split_factor(term, self.time_is_tensor)
            found = self._matrix_product(inner) if self._uses.get(term, 0) <= 1 >= self._uses.get(inner, 0) else None
            if found is None:
                continue
            vector, matrix, transposed = found
            others = [t for i, t in enumerate(node.args) if i != place]
            if factor is None and not transposed:
                bias = next((t for t in others if self._is_bias(t)), None)
                if bias is not None:
                    code = call("F.linear", vector.code, matrix.code, self.value(bias).code)
                    rest = [self._term(t) for t in others if t is not bias]
                    return self._plain_sum([(None, Value(code, rank=1, lead=True)), *rest], 1)
            return self._product_added(factor, vector, matrix if transposed else _flipped(matrix), others)
        return None

    def _product_added(self, factor: Node | None, vector: Value, matrix: Value, others: list[Node]) -> Value | None:
        base = self._plain_sum([self._term(t) for t in others], 1)
        if base.is_number or base.rank != 1:
            return None
        keywords = {} if factor is None else {"alpha": self.value(factor).code}
        return Value(call("torch.addmm", base.code, vector.code, matrix.code, **keywords), rank=1, lead=True)

    def _matrix_product(self, node: Node) -> tuple[Value, Value, bool] | None:
        """Vector, matrix and whether it is transposed, when the node is one matrix times one vector for each sample."""
        if node.op != "apply" or isinstance(node.args[0].space, MapSpace) or node in self._known:
            return None
        map, transposed = node.args[0], False
        if map.op == "transpose":
            map, transposed = map.args[0], True
        if map.op in _STRUCTURED or node.args[1].op == "ones":
            return None
        matrix, vector = self.value(map), self.value(node.args[1])
        if matrix.lead or not matrix.is_full or not vector.lead or not vector.is_full or vector.rank != 1:
            return None
        return vector, matrix, transposed

    def _is_bias(self, node: Node) -> bool:
        value = self.value(node)
        return not value.lead and not value.is_number and value.rank == 1 and value.is_full

    def _term(self, node: Node) -> tuple[Value | None, Value]:
        """A term of a sum: its Python factor (None: one) and the rest."""
        factor, inner = split_factor(node, self.time_is_tensor)
        if factor is None or self._uses.get(node, 0) > 1:
            return None, self.value(node)
        rest = self.value(inner)
        return (None, self.value(node)) if rest.is_number else (self.value(factor), rest)

    def _plain_sum(self, terms: Sequence[tuple[Value | None, Value]], rank: int) -> Value:
        ordered = sorted(terms, key=lambda term: _is_negative(term[0]) or _is_negative_number(term))
        factor, value = ordered[0]
        total = value if factor is None else self._times(factor, value)
        for factor, value in ordered[1:]:
            total = self._plus(total, factor, value, rank)
        return total

    def _plus(self, total: Value, factor: Value | None, value: Value, rank: int) -> Value:
        left, right = aligned(total, rank), aligned(value, rank)
        made = _joined(total, value)
        if factor is None and value.is_number and _is_negative(value):
            return made.with_code(Binary("-", left, _opposite(right)))
        if factor is None:
            return made.with_code(Binary("+", left, right))
        if factor.code == Number(-1):
            return made.with_code(Binary("-", left, right))
        if not total.is_number and not value.is_number:
            return made.with_code(call("torch.add", left, right, alpha=factor.code))
        operator = "-" if _is_negative(factor) else "+"
        positive = _opposite(factor.code) if operator == "-" else factor.code
        return made.with_code(Binary(operator, left, Binary("*", positive, right)))

    def _times(self, left: Value, right: Value) -> Value:
        made = _joined(left, right)
        if left.code == Number(-1):
            return made.with_code(Negative(right.code))
        rank = made.rank
        return made.with_code(Binary("*", aligned(left, rank), aligned(right, rank)))

    def _mul(self, node: Node) -> Value:
        left, right = node.args
        if right.op == "power" and right.data[0] == -1:
            return self._over(self.value(left), self.value(right.args[0]))
        if left.op == "power" and left.data[0] == -1:
            return self._over(self.value(right), self.value(left.args[0]))
        return self._times(self.value(left), self.value(right))

    _scale = _mul

    def _over(self, top: Value, bottom: Value) -> Value:
        made = _joined(top, bottom)
        return made.with_code(Binary("/", aligned(top, made.rank), aligned(bottom, made.rank)))

    def _power(self, node: Node) -> Value:
        value, exponent = self.value(node.args[0]), node.data[0]
        if exponent == -1:
            return value.with_code(Binary("/", Number(1), value.code))
        if not value.is_number and exponent == 2:
            return value.with_code(method(value.code, "square"))
        if not value.is_number and exponent == Fraction(1, 2):
            return value.with_code(method(value.code, "sqrt"))
        return value.with_code(Binary("**", value.code, self.number(exponent)))

    def _function(self, node: Node) -> Value:
        name, *parameters = node.data
        value = self.value(node.args[0])
        if value.is_number and name in elementwise.PYTHON:
            return value.with_code(elementwise.framed(elementwise.PYTHON[name].replace("{0}", text(value.code))))
        if value.is_number:
            value = Value(method(self.like, "new_full", items(), value.code), is_full=value.is_full)
        if elementwise.times_used(name) > 1 and not is_simple(value.code):
            value = self.named(value, "z")
        if name in elementwise.RUNTIME:
            self.runtime[elementwise.RUNTIME[name]] = None
        return value.with_code(elementwise.tensor_text(name, value.code, text(value.code), parameters))

    # --- linear maps --------------------------------------------------------------------------------------------

    def _apply(self, node: Node) -> Value:
        return self._applied(node.args[0], node.args[1])

    def _applied(self, map: Node, tensor: Node, transposed: bool = False) -> Value:
        if map.op == "transpose":
            return self._applied(map.args[0], tensor, not transposed)
        if map in self._known and not isinstance(map.space, MapSpace):
            return self._matrix_applied(map, tensor, transposed)
        if map.op == "scale":
            return self._times(self.value(map.args[0]), self._applied(map.args[1], tensor, transposed))
        if map.op == "compose":
            outer, inner = (map.args[1], map.args[0]) if transposed else map.args
            between = self._applied(inner, tensor, transposed)
            return self._applied(outer, self._as_node(between, inner, transposed), transposed)
        if map.op == "add" and isinstance(map.space, MapSpace):
            terms: list[tuple[Value | None, Value]] = [(None, self._applied(t, tensor, transposed)) for t in map.args]
            return self._plain_sum(terms, 3)
        if map.op in _STRUCTURED:
            return self._structured(map, tensor, transposed)
        if isinstance(map.space, MapSpace):
            return self._convolved(map, tensor, transposed)
        return self._matrix_applied(map, tensor, transposed)

    def _as_node(self, value: Value, map: Node, transposed: bool) -> Node:
        """A value that was computed, as a node that stands for it."""
        space = domain(map.space) if transposed else codomain(map.space)
        node = Node("variable", (), (f" between {len(self._known)}",), space)  # no name of a spec holds a blank
        self._known[node] = value
        return node

    def _structured(self, map: Node, tensor: Node, transposed: bool) -> Value:
        if map.op == "zeros":
            return Value(Number(0), is_number=True, is_full=False)
        if map.op == "eye":
            return self.value(tensor)
        if map.op == "diag":
            return self._times(self.value(map.args[0]), self.value(tensor))
        left, right = (map.args[1], map.args[0]) if transposed else map.args  # outer(u, v) x = u (v . x)
        return self._times(self._dotted(right, tensor), self.value(left))

    def _convolved(self, map: Node, tensor: Node, transposed: bool) -> Value:
        assert map.op == "param"
        space = self.model.parameter(map.data[0]).space
        assert isinstance(space, ConvolutionSpace)
        image, kernel = self.full(tensor), self.leaf(map)
        name = "convolve_adjoint" if transposed else "convolve"
        self.runtime[name] = None
        code = image.code if image.lead else Subscript(image.code, "None")
        keywords: dict[str, Expression] = {"circular": Name(str(space.padding == "circular"))}
        if space.stride != 1:
            keywords["stride"] = Number(space.stride)
        result: Expression = call(name, code, kernel.code, **keywords)
        return Value(result if image.lead else Subscript(result, "0"), rank=3, lead=image.lead)

    def _matrix_applied(self, map: Node, tensor: Node, transposed: bool) -> Value:
        matrix = self.full(map)
        if tensor.op == "ones":
            return Value(method(matrix.code, "sum", Number(-2 if transposed else -1)), rank=1, lead=matrix.lead)
        vector = self.full(tensor)
        if not matrix.lead and vector.lead:
            if transposed:
                return Value(Binary("@", vector.code, matrix.code), rank=1, lead=True)
            return Value(call("F.linear", vector.code, matrix.code), rank=1, lead=True)
        turned = _flipped(matrix) if transposed else matrix
        if not vector.lead:
            return Value(Binary("@", turned.code, vector.code), rank=1, lead=matrix.lead)
        column = Binary("@", turned.code, method(vector.code, "unsqueeze", Number(-1)))
        return Value(method(column, "squeeze", Number(-1)), rank=1, lead=True)

    def _compose(self, node: Node) -> Value:
        left, right = node.args
        if left.op == "diag":
            rows, matrix = self.full(left.args[0]), self.full(right)
            made = Value(matrix.code, rank=2, lead=rows.lead or matrix.lead)
            return made.with_code(Binary("*", method(rows.code, "unsqueeze", Number(-1)), aligned(matrix, 2)))
        if right.op == "diag":
            columns, matrix = self.full(right.args[0]), self.full(left)
            made = Value(matrix.code, rank=2, lead=columns.lead or matrix.lead)
            return made.with_code(Binary("*", matrix.code, method(columns.code, "unsqueeze", Number(-2))))
        first, second = self.full(left), self.full(right)
        return Value(Binary("@", first.code, second.code), rank=2, lead=first.lead or second.lead)

    def _transpose(self, node: Node) -> Value:
        return _flipped(self.full(node.args[0]))

    # --- reductions ---------------------------------------------------------------------------------------------

    def _sum(self, node: Node) -> Value:
        return self._reduced(node.args[0], "sum")

    def _mean(self, node: Node) -> Value:
        return self._reduced(node.args[0], "mean")

    def _reduced(self, node: Node, name: str) -> Value:
        if _space(node).rank == 0:
            return self.value(node)
        value = self.full(node)
        return Value(method(value.code, name, _axes(value.rank)), lead=value.lead)

    def _dot(self, node: Node) -> Value:
        return self._dotted(*node.args)

    def _dotted(self, left: Node, right: Node) -> Value:
        if _space(left).rank == 0:
            return self._times(self.value(left), self.value(right))
        if left == right:
            value = self.full(left)
            product = value.with_code(method(value.code, "square"))
        else:
            first, second = self.value(left), self.value(right)
            if not (first.is_full or second.is_full):
                first = self.full(left)
            product = self._times(first, second)
        return Value(method(product.code, "sum", _axes(_space(left).rank)), lead=product.lead)

    def _norm(self, node: Node) -> Value:
        if _space(node.args[0]).rank == 0:
            value = self.value(node.args[0])
            return value.with_code(call("abs" if value.is_number else "torch.abs", value.code))
        value = self.full(node.args[0])
        return Value(call("torch.linalg.vector_norm", value.code, dim=_axes(value.rank)), lead=value.lead)

    def _largest(self, node: Node) -> Value:
        return self._extreme(node, "max", "maximum", "amax", "min")

    def _smallest(self, node: Node) -> Value:
        return self._extreme(node, "min", "minimum", "amin", "max")

    def _extreme(self, node: Node, python: str, pairwise: str, reduce: str, clamp: str) -> Value:
        if len(node.args) == 1:
            value = self.full(node.args[0]) if _space(node.args[0]).rank else self.value(node.args[0])
            return value if value.rank == 0 else Value(method(value.code, reduce, _axes(value.rank)), lead=value.lead)
        values = [self.value(argument) for argument in node.args]
        total = values[0]
        for value in values[1:]:
            made = _joined(total, value)
            if total.is_number and value.is_number:
                total = made.with_code(call(python, total.code, value.code))
            elif total.is_number or value.is_number:
                tensor, number = (value, total) if total.is_number else (total, value)
                total = made.with_code(method(tensor.code, "clamp", **{clamp: number.code}))
            else:
                rank = made.rank
                total = made.with_code(call(f"torch.{pairwise}", aligned(total, rank), aligned(value, rank)))
        return total

    # --- vectors and matrices -----------------------------------------------------------------------------------

    def _cumsum(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return value.with_code(call("torch.cumsum", value.code, dim=Number(-1)))

    def _softmax(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return value.with_code(call("torch.softmax", value.code, dim=Number(-1)))

    def _diag(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return Value(call("torch.diag_embed", value.code), rank=2, lead=value.lead)

    def _skew(self, node: Node) -> Value:
        self.runtime["skew"] = None
        value = self.full(node.args[0])
        return Value(call("skew", value.code, self.sizes.shape(_space(node))[0]), rank=2, lead=value.lead)

    def _unskew(self, node: Node) -> Value:
        self.runtime["unskew"] = None
        value = self.full(node.args[0])
        return Value(call("unskew", value.code), rank=1, lead=value.lead)

    def _sym(self, node: Node) -> Value:
        value = self.full(node.args[0])
        if not is_simple(value.code):
            value = self.named(value, "z")
        total = Binary("+", value.code, Attribute(value.code, "mT"))
        return value.with_code(Binary("/", total, Number(2)))

    def _outer(self, node: Node) -> Value:
        left, right = self.full(node.args[0]), self.full(node.args[1])
        code = Binary("*", method(left.code, "unsqueeze", Number(-1)), method(right.code, "unsqueeze", Number(-2)))
        return Value(code, rank=2, lead=left.lead or right.lead)

    def _concat(self, node: Node) -> Value:
        parts = []
        for argument in node.args:
            value = self.filled(self.value(argument), argument.space)
            parts.append(
                value if value.rank else Value(method(value.code, "unsqueeze", Number(-1)), rank=1, lead=value.lead)
            )
        return self._gathered("torch.cat", parts)

    def _stack(self, node: Node) -> Value:
        return self._gathered("torch.stack", [self.filled(self.value(a), SCALAR) for a in node.args])

    def _gathered(self, function: str, parts: list[Value]) -> Value:
        """Parts joined along their last axis; those that are the same for all samples are repeated."""
        lead = next((part for part in parts if part.lead), None)
        if lead is not None and not all(part.lead for part in parts):
            if not is_simple(lead.code):
                named = self.named(lead, "z")
                parts = [named if part is lead else part for part in parts]
                lead = named
            count = Subscript(Attribute(lead.code, "shape"), "0")
            parts = [part if part.lead else self._repeated(part, count) for part in parts]
        return Value(call(function, Items(tuple(p.code for p in parts)), dim=Number(-1)), rank=1, lead=lead is not None)

    def _repeated(self, part: Value, count: Expression) -> Value:
        axes = (Number(-1),) * part.rank
        return Value(method(part.code, "expand", count, *axes), rank=part.rank, lead=True)

    def _index(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return Value(Subscript(value.code, f"..., {node.data[0]}"), lead=value.lead)

    def _slice(self, node: Node) -> Value:
        start, stop = node.data
        assert isinstance(start, Size) and isinstance(stop, Size)
        value = self.full(node.args[0])
        length = self.sizes.size(stop - start)
        return Value(method(value.code, "narrow", Number(-1), self.sizes.size(start), length), rank=1, lead=value.lead)

    def _spread(self, node: Node) -> Value:
        value, rank = self.value(node.args[0]), _space(node).rank
        if value.is_number:
            return Value(value.code, is_number=True, is_full=False)
        return Value(aligned(value, rank), rank=rank if value.lead else 0, lead=value.lead, is_full=False)

    def _channels(self, node: Node) -> Value:
        value = self.value(node.args[0])
        if value.is_number or value.rank == 0:
            return Value(value.code, value.is_number, value.rank, value.lead, is_full=False)
        index = ":, :, None, None" if value.lead else ":, None, None"
        return Value(Subscript(value.code, index), rank=3, lead=value.lead, is_full=False)

    def _unchannels(self, node: Node) -> Value:
        value = self.full(node.args[0])
        return Value(method(value.code, "sum", items(Number(-2), Number(-1))), rank=1, lead=value.lead)


_STRUCTURED = frozenset(("zeros", "eye", "diag", "outer"))
WRITTEN = frozenset(name for name in OPERATIONS if name in _LEAVES or hasattr(Writer, f"_{name}"))


def split_factor(node: Node, time_is_tensor: bool = False) -> tuple[Node | None, Node]:
    """A term as a Python number (numbers, dims, h, t) times the rest; None is one."""
    factors: list[Node] = []
    while node.op in ("scale", "mul"):
        left, right = node.args
        if is_python(left, time_is_tensor):
            factors.append(left)
            node = right
        elif left.op == "mul" and is_python(left.args[0], time_is_tensor):  # (-1 c) x
            factors.append(left.args[0])
            node = Node(node.op, (left.args[1], right), (), node.space)
        else:
            break
    if not factors:
        return None, node
    product = factors[0]
    for factor in factors[1:]:
        product = mul(product, factor)
    return product, node


def is_python(node: Node, time_is_tensor: bool = False) -> bool:
    """Whether a scalar node is known before any tensor: made of numbers, dims, the clock and the duration."""
    return node.space == SCALAR and not any(
        n.op in ("state", "param")
        or (n.op == "variable" and n.data[0] != DURATION)
        or (n.op == "time" and time_is_tensor)
        or n.space != SCALAR
        for n in node.walk()
    )


def _space(node: Node) -> Space:
    assert isinstance(node.space, Space)
    return node.space


def _flipped(value: Value) -> Value:
    if isinstance(value.code, Attribute) and value.code.name == "mT":
        return value.with_code(value.code.value)
    return value.with_code(Attribute(value.code, "mT"))


def _joined(left: Value, right: Value) -> Value:
    """What is known of an elementwise result of two values."""
    rank = max(left.rank, right.rank)
    is_full = any(v.is_full and v.rank == rank and not v.is_number for v in (left, right)) or (
        rank == 0 and left.is_full and right.is_full
    )
    return Value(left.code, left.is_number and right.is_number, rank, left.lead or right.lead, is_full)


def _axes(rank: int) -> Expression:
    return Number(-1) if rank == 1 else items(*(Number(-k) for k in range(rank, 0, -1)))


def _is_negative(value: Value | None) -> bool:
    if value is None:
        return False
    code = value.code
    while isinstance(code, Binary) and code.operator in "*/":
        code = code.left
    return isinstance(code, Negative) or (isinstance(code, Number) and code.value < 0)


def _is_negative_number(term: tuple[Value | None, Value]) -> bool:
    return term[0] is None and term[1].is_number and _is_negative(term[1])


def _opposite(code: Expression) -> Expression:
    if isinstance(code, Negative):
        return code.operand
    if isinstance(code, Number):
        return Number(-code.value)
    if isinstance(code, Binary) and code.operator in "*/":
        left = _opposite(code.left)
        return code.right if left == Number(1) and code.operator == "*" else Binary(code.operator, left, code.right)
    return Negative(code)


def _digits(value: Fraction) -> int:
    return len(str(abs(value.numerator))) - len(str(value.denominator))
