"""From nodes of the typed IR to forms."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from odenet.algebra import letters
from odenet.algebra.basics import times_argument
from odenet.algebra.facts import is_diagonal, matrix_facts, resolved
from odenet.algebra.forms import (
    Form,
    constant_vector,
    dim_atom,
    identity,
    of_letter,
    of_scalar,
    of_vector_atom,
    size_scalar,
    zero,
)
from odenet.algebra.functions import applied, constant_function, entry_power
from odenet.algebra.letters import Word, entries
from odenet.algebra.scalars import (
    ONE,
    Atom,
    Scalar,
    Unsupported,
    of_atom,
    power,
    rational,
)
from odenet.algebra.vectors import acting, diagonal, hadamard
from odenet.ir.model import Model
from odenet.ir.node import Node
from odenet.ir.sizes import SCALAR, AnySpace, MapSpace, Size, Space, codomain, count, domain
from odenet.operators.functions import FUNCTIONS


class Translator:
    """Translates the nodes of one model. Results are remembered by node.

    `bindings` gives forms for `variable` nodes; `is_nonnegative` may split roots over a scalar atom. With `uses_basics`,
    functions are written by a few basic ones (see `odenet.algebra.basics`): better for equalities, worse for bounds.
    """

    def __init__(self, model: Model, bindings: Mapping[str, Form] | None = None, uses_basics: bool = False) -> None:
        self.model = model
        self.uses_basics = uses_basics
        self.bindings = dict(bindings or {})
        self._known: dict[Node, Form] = {}

    def form(self, node: Node) -> Form:
        """The form of a node. Raises Unsupported, TooLarge."""
        for inner in node.walk():  # arguments first: no deep recursion
            if inner not in self._known:
                self._known[inner] = self._translate(inner)
        return self._known[node]

    def scalar(self, node: Node) -> Scalar:
        return self.form(node).scalar()

    def bound(self, bindings: Mapping[str, Form]) -> Translator:
        """A translator of the same kind for nodes with these variables."""
        return Translator(self.model, bindings, self.uses_basics)

    def _translate(self, node: Node) -> Form:
        handler = _HANDLERS.get(node.op)
        if handler is None:
            raise Unsupported(f"`{node.op}`")
        plain = Node(node.op, node.args, node.data, self.space(node.space))
        return handler(self, plain, [self._known[a] for a in node.args])

    def space(self, space: AnySpace) -> AnySpace:
        """A space with derived dims replaced by their definitions, so that equal spaces are equal objects."""
        if isinstance(space, MapSpace):
            return MapSpace(self.plain(space.domain), self.plain(space.codomain))
        return self.plain(space)

    def plain(self, space: Space) -> Space:
        return Space(tuple(resolved(self.model, size) for size in space.sizes))

    def is_nonnegative(self, atom: Atom) -> bool:
        """Facts that hold for all members of sets and all states; used to split roots."""
        if atom.kind in ("dim", "prime"):
            return True
        if atom.kind == "function":
            low = FUNCTIONS[atom.data[0]].values(*atom.data[1]).low
            return low is not None and low >= 0
        if atom.kind == "param":
            names = {s.name for s in self.model.parameter(atom.data[0]).sets}
            return bool(names & {"positive", "nonnegative"})
        return atom.kind == "word" and _is_sum_of_squares(atom.data[0])


def _is_sum_of_squares(word: Word) -> bool:
    """<1|D(v^2)|1>"""
    middle = word[1:-1]
    return len(middle) == 1 and middle[0].kind == "diag" and all(e.denominator == 1 and e % 2 == 0 for _, e in entries(middle[0]))


# --- leaves -----------------------------------------------------------------------------------------------------


def _number(_t: Translator, node: Node, _a: list[Form]) -> Form:
    return of_scalar(rational(node.data[0]))


def _dim(t: Translator, node: Node, _a: list[Form]) -> Form:
    value = next(d for d in t.model.dims if d.name == node.data[0])
    return of_scalar(of_atom(dim_atom(value.name)) if value.is_free else size_scalar(resolved(t.model, Size.dim(value.name))))


def _time(_t: Translator, _n: Node, _a: list[Form]) -> Form:
    return of_scalar(of_atom(Atom("time", (), "t")))


def _state(_t: Translator, node: Node, _a: list[Form]) -> Form:
    assert isinstance(node.space, Space)
    if node.space.rank == 2:  # a word is a map or a vector, and a matrix that is a point of the state would have to be both
        raise Unsupported(f"the matrix-valued state `{node.data[0]}`")
    return of_vector_atom(state_atom(node.data[0]), node.space)


def state_atom(name: str) -> Atom:
    return Atom("state", (name,), f"state {name}")


def _variable(t: Translator, node: Node, _a: list[Form]) -> Form:
    if node.data[0] in t.bindings:
        return t.bindings[node.data[0]]
    if not isinstance(node.space, Space) or node.space.rank == 2:
        raise Unsupported("a matrix as the argument of a def")
    return of_vector_atom(Atom("variable", (node.data[0],), f"variable {node.data[0]}"), node.space)


def _param(t: Translator, node: Node, _a: list[Form]) -> Form:
    parameter = t.model.parameter(node.data[0])
    atom = Atom("param", (parameter.name,), f"param {parameter.name}")
    if isinstance(node.space, MapSpace) or node.space.rank == 2:
        if is_diagonal(parameter):
            return of_letter(letters.diag(((atom, Fraction(1)),), domain(node.space)))
        return of_letter(letters.matrix(parameter.name, node.space, matrix_facts(parameter, node.space)))
    return of_vector_atom(atom, node.space)


def _ones(_t: Translator, node: Node, _a: list[Form]) -> Form:
    assert isinstance(node.space, Space)
    if node.space.rank == 2:
        return of_letter(letters.ones(codomain(node.space))) @ of_letter(letters.ones(domain(node.space))).T
    return constant_vector(node.space)


def _zeros(_t: Translator, node: Node, _a: list[Form]) -> Form:
    if isinstance(node.space, MapSpace) or node.space.rank == 2:
        return zero(domain(node.space), codomain(node.space))
    return zero(SCALAR, node.space)


def _eye(_t: Translator, node: Node, _a: list[Form]) -> Form:
    return identity(domain(node.space))


# --- sums and products ------------------------------------------------------------------------------------------


def _add(_t: Translator, _n: Node, a: list[Form]) -> Form:
    total = a[0]
    for term in a[1:]:
        total = total + term
    return total


def _mul(t: Translator, node: Node, a: list[Form]) -> Form:
    if isinstance(node.space, Space) and node.space.rank == 2:
        key = " o ".join(sorted(f.key for f in a))
        facts = frozenset({"nonnegative"}) if all(has_nonnegative_entries(f) for f in a) or a[0] == a[1] else frozenset()
        return of_letter(letters.entrywise(f"({key})", ("mul", *a), node.space, facts))
    for i, other in ((0, node.args[1]), (1, node.args[0])):
        if other.op == "function" and other.args[0] == node.args[i]:
            found = times_argument(t, other.data[0], tuple(other.data[1:]), a[i])
            if found is not None:
                return found
    return hadamard(a[0], a[1])


def _scale(_t: Translator, _n: Node, a: list[Form]) -> Form:
    return a[1].scaled(a[0].scalar())


def _power(t: Translator, node: Node, a: list[Form]) -> Form:
    return entry_power(t, a[0], node.data[0])


# --- functions --------------------------------------------------------------------------------------------------


def _function(t: Translator, node: Node, a: list[Form]) -> Form:
    name, parameters = node.data[0], tuple(node.data[1:])
    if isinstance(node.space, Space) and node.space.rank == 2:
        low = FUNCTIONS[name].values(*parameters).low
        facts = frozenset({"nonnegative"}) if low is not None and low >= 0 else frozenset()
        key = f"{name}({', '.join([a[0].key, *map(str, parameters)])})"
        return of_letter(letters.entrywise(key, (name, parameters, a[0]), node.space, facts))
    return applied(t, name, parameters, a[0])


def has_nonnegative_entries(form: Form) -> bool:
    """Whether all entries of a matrix are >= 0 by the facts of its letters and nonnegative numbers in front."""
    for word, scalar in form.terms:
        value = scalar.value()
        if value is None or value < 0 or not all("nonnegative" in x.facts or x.kind in ("ones", "unit") for x in word):
            return False
    return True


# --- linear maps and reductions ---------------------------------------------------------------------------------


def _product(_t: Translator, _n: Node, a: list[Form]) -> Form:
    return a[0] @ a[1]


def _transpose(_t: Translator, _n: Node, a: list[Form]) -> Form:
    return a[0].T


def _sum(_t: Translator, node: Node, a: list[Form]) -> Form:
    return _total(a[0])


def _total(form: Form) -> Form:
    left = constant_vector(form.end).T if form.end != SCALAR else identity(SCALAR)
    right = constant_vector(form.start) if form.start != SCALAR else identity(SCALAR)
    return left @ form @ right


def _mean(t: Translator, node: Node, a: list[Form]) -> Form:
    space = a[0].end if a[0].start == SCALAR else Space(a[0].end.sizes + a[0].start.sizes)
    entries_count = size_scalar(count(space))
    return _total(a[0]).scaled(power(entries_count, Fraction(-1), t.is_nonnegative))


def _dot(_t: Translator, node: Node, a: list[Form]) -> Form:
    if a[0].start != SCALAR:
        raise Unsupported("a dot product of matrices")
    return a[0].T @ a[1]


def _norm(t: Translator, node: Node, a: list[Form]) -> Form:
    if a[0].start != SCALAR:
        raise Unsupported("the norm of a matrix")
    if a[0].end == SCALAR:
        return of_scalar(constant_function("abs", (), a[0].scalar()))
    return of_scalar(power((a[0].T @ a[0]).scalar(), Fraction(1, 2), t.is_nonnegative))


def _extreme(t: Translator, node: Node, a: list[Form]) -> Form:
    if len(a) == 1:
        if a[0].end == SCALAR:
            return a[0]
        return of_scalar(of_atom(Atom(f"{node.op} entry", (a[0],), f"{node.op}({a[0].key})")))
    unique = tuple(sorted({f.key: f for f in a}.values(), key=lambda f: f.key))
    if len(unique) == 1:
        return unique[0]
    data = tuple(f.scalar() for f in unique) if a[0].end == SCALAR else unique
    atom = Atom(node.op, data, f"{node.op}({', '.join(f.key for f in data)})")
    return of_vector_atom(atom, a[0].end)


def _cumsum(_t: Translator, _n: Node, a: list[Form]) -> Form:
    return of_letter(letters.cumsum(a[0].end)) @ a[0]


def _softmax(_t: Translator, _n: Node, a: list[Form]) -> Form:
    return of_vector_atom(letters.softmax_atom(a[0]), a[0].end)


def _diag(_t: Translator, _n: Node, a: list[Form]) -> Form:
    return diagonal(a[0])


def _skew(_t: Translator, node: Node, a: list[Form]) -> Form:
    space = domain(node.space)
    total = zero(space, space)
    for word, scalar in a[0].terms:
        unit = Form(SCALAR, a[0].end, ((word, ONE),))
        total = total + of_letter(letters.skew(unit, space.sizes[0]), scalar)
    return total


def _unskew(_t: Translator, node: Node, a: list[Form]) -> Form:
    # the adjoint of skew on u v' is skewact(v)' u, since <s, unskew(u v')> = u' skew(s) v
    assert isinstance(node.space, Space)
    total = zero(SCALAR, node.space)
    for word, scalar in a[0].terms:
        cut = next((i for i in range(len(word) - 1) if letters.is_ket(word[i]) and letters.is_bra(word[i + 1])), None)
        if cut is None:
            raise Unsupported("`unskew` of a matrix that is no outer product")
        u = Form(SCALAR, a[0].end, ((word[:cut + 1], scalar),))
        v = Form(a[0].start, SCALAR, ((word[cut + 1:], ONE),)).T
        total = total + acting(v, node.space).T @ u
    return total


def _sym(_t: Translator, _n: Node, a: list[Form]) -> Form:
    return (a[0] + a[0].T).scaled(rational(Fraction(1, 2)))


def _outer(_t: Translator, _n: Node, a: list[Form]) -> Form:
    return a[0] @ a[1].T


def _stack(_t: Translator, node: Node, a: list[Form]) -> Form:
    assert isinstance(node.space, Space)
    total = zero(SCALAR, node.space)
    for i, item in enumerate(a):
        total = total + of_letter(letters.unit(i, node.space), item.scalar())
    return total


def _index(_t: Translator, node: Node, a: list[Form]) -> Form:
    return of_letter(letters.unit(node.data[0], a[0].end)).T @ a[0]


def _slice(t: Translator, node: Node, a: list[Form]) -> Form:
    start, stop = (resolved(t.model, size) for size in node.data)
    return of_letter(letters.embed(start, stop, a[0].end.sizes[0])).T @ a[0]


def _concat(t: Translator, node: Node, a: list[Form]) -> Form:
    assert isinstance(node.space, Space)
    total, start = zero(SCALAR, node.space), Size()
    for item in a:
        vector = of_letter(letters.ones(Space((Size.number(1),))), item.scalar()) if item.end == SCALAR else item
        stop = start + vector.end.sizes[0]
        total = total + of_letter(letters.embed(start, stop, node.space.sizes[0])) @ vector
        start = stop
    return total


def _spread(_t: Translator, node: Node, a: list[Form]) -> Form:
    assert isinstance(node.space, Space)
    if node.space.rank == 2:
        return (of_letter(letters.ones(codomain(node.space))) @ of_letter(letters.ones(domain(node.space))).T).scaled(a[0].scalar())
    return constant_vector(node.space, a[0].scalar())


def _channels(_t: Translator, node: Node, a: list[Form]) -> Form:
    assert isinstance(node.space, Space)
    return of_letter(letters.channels(node.space)) @ a[0]


def _unchannels(_t: Translator, node: Node, a: list[Form]) -> Form:
    return of_letter(letters.channels(a[0].end)).T @ a[0]


_HANDLERS: dict[str, Callable[[Translator, Node, list[Form]], Form]] = {
    "number": _number, "dim": _dim, "time": _time, "state": _state, "param": _param, "variable": _variable, "ones": _ones,
    "zeros": _zeros, "eye": _eye, "add": _add, "mul": _mul, "scale": _scale, "power": _power, "function": _function,
    "apply": _product, "compose": _product, "transpose": _transpose, "sum": _sum, "mean": _mean, "dot": _dot, "norm": _norm,
    "largest": _extreme, "smallest": _extreme, "cumsum": _cumsum, "softmax": _softmax, "diag": _diag, "skew": _skew,
    "unskew": _unskew, "sym": _sym, "outer": _outer, "stack": _stack, "index": _index, "slice": _slice, "concat": _concat,
    "spread": _spread, "channels": _channels, "unchannels": _unchannels,
}
