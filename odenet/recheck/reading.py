"""What a spec and a certificate say, in the checker's algebra: nodes, sets, Jacobians, traces, scalars written as data."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from odenet.ir.model import ConvolutionSpace, Model, Parameter
from odenet.ir.node import Node, variable
from odenet.ir.sizes import SCALAR, AnySpace, MapSpace, Size, Space, codomain, count, domain, is_map
from odenet.operators.functions import FUNCTIONS
from odenet.recheck.basics import BASICS, of_kink_times_argument
from odenet.recheck.scalars import ONE_AT_ZERO, STEPS, ZERO_AT_ZERO, Monomial, Rejected, Scalar, Symbol, Table, number, of, power
from odenet.recheck.words import (
    Form,
    diag,
    diagonal,
    entrywise,
    factors,
    identity,
    letter_form,
    ones,
    scalar_form,
    size_scalar,
    vector,
)

# What holds for every member of a set: definitions, or one line from them.
FACTS = {
    "skew": "skew", "symmetric": "symmetric", "psd": "symmetric, psd", "stochastic": "rows sum to one, nonnegative",
    "doubly_stochastic": "rows sum to one, columns sum to one, nonnegative", "orthogonal": "orthogonal", "positive": "nonnegative",
    "nonnegative": "nonnegative", "laplacian": "symmetric, psd, rows sum to zero, columns sum to zero, metzler negative",
}
_EXACT: dict[str, Callable[..., Fraction]] = {
    "abs": abs, "relu": lambda z: max(z, Fraction(0)), "leaky_relu": lambda z, a: z if z > 0 else a * z,
    "threshold": lambda z: Fraction(z > 0), "sign": lambda z: Fraction((z > 0) - (z < 0)), "softsign": lambda z: z / (1 + abs(z)),
}


class Reader:
    """One model in the checker's algebra. Everything raises Rejected where it finds no normal form."""

    def __init__(self, model: Model, uses_basics: bool = False) -> None:
        self.model, self.table, self.uses_basics = model, Table(), uses_basics
        self._known: dict[Node, Form] = {}

    # --- spaces and leaves ----------------------------------------------------------------------------------------

    def size(self, size: Size) -> Size:
        """With derived dims replaced by what they stand for."""
        for d in reversed(self.model.dims):
            if not d.is_free:
                size = size.substitute({d.name: d.value})
        return size

    def space(self, space: AnySpace) -> Any:
        if isinstance(space, MapSpace):
            return MapSpace(self.space(space.domain), self.space(space.codomain))
        return Space(tuple(map(self.size, space.sizes)))

    def block(self, name: str) -> Space:
        return Space(tuple(map(self.size, self.model.block(name).space.sizes)))

    def is_nonnegative(self, symbol: Symbol) -> bool:
        """For all members of sets and all states; roots are shared out over such symbols."""
        if symbol.kind == "function":
            low = FUNCTIONS[symbol.data[0]].values(*symbol.data[1]).low
            return low is not None and low >= 0
        if symbol.kind == "param":
            return bool({s.name for s in self.model.parameter(symbol.data[0]).sets} & {"positive", "nonnegative"})
        if symbol.kind == "word" and len(symbol.data[0]) == 3 and symbol.data[0][1].kind == "diag":
            return all(e.denominator == 1 and e % 2 == 0 for _, e in symbol.data[0][1].data[0])
        return symbol.kind in ("dim", "prime")

    def parameter(self, parameter: Parameter, space: AnySpace) -> Form:
        atom = self.table.atom("param", parameter.name)
        if isinstance(space, Space) and space.rank != 2:
            return vector(atom, space)
        if parameter.set_named("diagonal"):
            return letter_form(diag(self.table, ((atom, Fraction(1)),), domain(space)))
        facts = {f for item in parameter.sets for f in FACTS.get(item.name, "").split(", ") if f}
        if any(i.name == "interval" and i.arguments[0].op == "number" and i.arguments[0].data[0] >= 0 for i in parameter.sets):
            facts.add("nonnegative")
        if isinstance(parameter.space, ConvolutionSpace) and (parameter.space.padding, parameter.space.stride) != ("circular", 1):
            facts.discard("orthogonal")  # what is cut off at a border, or left out by a stride, has no length to keep
        if "orthogonal" in facts:  # of a convolution the channels decide: each frequency has a matrix of that shape
            rows, columns = codomain(space).sizes[0], domain(space).sizes[0]
            facts |= {name for name, holds in (("tall", rows.at_least(columns)), ("wide", columns.at_least(rows)),
                                               ("square", rows == columns)) if holds}
        if isinstance(parameter.space, ConvolutionSpace):
            facts |= {"convolution", parameter.space.padding}
            channels = [end(space).sizes[0].constant() for end in (domain, codomain)]
            if (parameter.space.padding, parameter.space.stride) == ("circular", 1) and channels == [1, 1]:
                facts.add("equal sums")  # each row and column has every tap once
        return letter_form(self.table.letter("matrix", (parameter.name,), domain(space), codomain(space), facts))

    # --- nodes ----------------------------------------------------------------------------------------------------

    def form(self, root: Node, bindings: dict[str, Form] | None = None) -> Form:
        known: dict[Node, Form] = {} if bindings else self._known
        for node in root.walk():
            if node not in known:
                known[node] = self._form(node, [known[a] for a in node.args], bindings or {})
        return known[root]

    def scalar(self, node: Node) -> Scalar:
        return self.form(node).scalar()

    def _form(self, node: Node, a: list[Form], bindings: dict[str, Form]) -> Form:
        if node.op == "variable" and node.data[0] in bindings:
            return bindings[node.data[0]]
        if self.uses_basics and node.op == "mul" and (by_relu := of_kink_times_argument(node)):
            return self.form(by_relu, bindings)
        rule = _NODES.get(node.op)
        if rule is None:
            raise Rejected(f"`{node.op}` has no normal form")
        space = self.space(node.space)
        form = rule(self, node, space, a)
        if (form.start, form.end) != ((domain(space), codomain(space)) if is_map(space) else (SCALAR, space)):
            raise Rejected(f"`{node.op}` is not in the space that it says")
        self._check_leaf(node, space)
        return form

    def _check_leaf(self, node: Node, space: AnySpace) -> None:
        """What the spec declares has one space, and functions have the parameters that they admit."""
        if node.op in ("state", "variable") and is_map(space):
            raise Rejected(f"`{node.data[0]}` is a matrix, and points of the state are vectors here")
        if node.op == "state" and space != self.block(node.data[0]):
            raise Rejected(f"`{node.data[0]}` is not in the space that it says")
        if node.op == "param":
            declared = self.model.parameter(node.data[0]).space
            if isinstance(declared, Space) and self.space(declared) != space:
                raise Rejected(f"`{node.data[0]}` is not in the space that it says")
        if node.op == "function":
            _check_parameters(node.data[0], tuple(node.data[1:]))

    def spread(self, space: AnySpace, value: Scalar | None = None) -> Form:
        """The tensor (or matrix) whose entries are all `value`."""
        value = number(1) if value is None else value
        if isinstance(space, Space) and space.rank != 2:
            return scalar_form(self.table, value) if space == SCALAR else letter_form(ones(self.table, space), value)
        return (letter_form(ones(self.table, codomain(space))) @ letter_form(ones(self.table, domain(space))).T).scaled(value)

    def total(self, form: Form) -> Form:
        return self.spread(form.end).T @ form @ self.spread(form.start)

    def power(self, base: Form, e: Fraction) -> Form:
        if base.start != SCALAR:
            raise Rejected("an entrywise power of a matrix")
        if base.end == SCALAR:
            return scalar_form(self.table, power(self.table, base.scalar(), e, self.is_nonnegative))
        if e.denominator == 1 and 0 <= e <= 12:
            total = self.spread(base.end)
            for _ in range(int(e)):
                total = entrywise(total, base)
            return total
        if len(base.terms) == 1 and e.denominator == 1:
            ((word, c),) = base.terms.items()
            entries: Monomial = tuple((s, k * e) for s, k in factors(word))
            return (letter_form(diag(self.table, entries, base.end)) @ self.spread(base.end)).scaled(
                power(self.table, c, e, self.is_nonnegative))
        return letter_form(diag(self.table, ((self.table.atom("vector sum", base), e),), base.end)) @ self.spread(base.end)

    def function(self, name: str, parameters: tuple[Fraction, ...], z: Form) -> Form:
        _check_parameters(name, parameters)
        if z.start != SCALAR:
            low = FUNCTIONS[name].values(*parameters).low
            facts = ("nonnegative",) if low is not None and low >= 0 else ()
            return letter_form(self.table.letter("entries", (name, parameters, z), z.start, z.end, facts))
        if self.uses_basics and name in BASICS:
            return self.form(BASICS[name](variable("z", z.end), *parameters), {"z": z})
        if name in ("square", "sqrt"):
            return self.power(z, Fraction(2) if name == "square" else Fraction(1, 2))
        only = next(iter(z.terms), None)
        if z.end == SCALAR or only is None or (len(z.terms) == 1 and [x.kind for x in only] == ["ones"]):
            constant = number(0) if only is None else next(iter(z.terms.values()))
            return self.spread(z.end, self.constant(name, parameters, constant))
        turned = z.scaled(number(-1))
        if self.uses_basics and name in STEPS | {"relu"} and self._is_other(name, parameters, z, turned):
            first = self.function(name, parameters, turned)  # f(-z) = f(z) - z for relu, 1 - f(z) for its slope
            return first + z if name == "relu" else self.spread(z.end) - first
        sign, z = self._turned(name, parameters, z, turned)
        return vector(self.table.atom("function", name, parameters, z), z.end).scaled(number(sign))

    def constant(self, name: str, parameters: tuple[Fraction, ...], z: Scalar) -> Scalar:
        """A function of a scalar."""
        _check_parameters(name, parameters)
        value = z.value()
        if value == 0 and name in ZERO_AT_ZERO | ONE_AT_ZERO:
            return number(name in ONE_AT_ZERO)
        if value is not None and name in _EXACT:
            return number(_EXACT[name](value, *parameters))
        if name == "exp":  # of a sum: the product over its monomials
            total = number(1)
            for m, c in z.terms.items():
                total = total * of(self.table.atom("function", "exp", (), Scalar({m: Fraction(1)})), c)
            return total
        if self.uses_basics and name in STEPS | {"relu"} and self._is_other(name, parameters, z, -z):
            first = self.constant(name, parameters, -z)  # f(-z) = f(z) - z for relu, 1 - f(z) for its slope
            return first + z if name == "relu" else number(1) - first
        sign, z = self._turned(name, parameters, z, -z)
        return of(self.table.atom("function", name, parameters, z)).times(sign)

    def _turned(self, name: str, parameters: tuple[Fraction, ...], z: Any, turned: Any) -> tuple[int, Any]:
        """f(-z) = -f(z) or f(z): one of z and -z, the first that came, stands for both."""
        parity = FUNCTIONS[name].parity
        if parity and self._is_other(name, parameters, z, turned):
            return (-1 if parity == "odd" else 1), turned
        return 1, z

    def _is_other(self, name: str, parameters: tuple[Fraction, ...], z: Any, turned: Any) -> bool:
        """Whether the function of -z was met before, and that of z was not."""
        met = [("function", (name, parameters, a), None, None) in self.table.known for a in (z, turned)]
        return met == [False, True]

    def extreme(self, node: Node, a: list[Form]) -> Form:
        items = sorted(set(a), key=lambda f: _rank(f, a))
        if len(items) == 1:
            if len(a) > 1 or a[0].end == SCALAR:
                return items[0]
            return scalar_form(self.table, of(self.table.atom(f"{node.op} entry", a[0])))
        return vector(self.extreme_atom(node.op, [f.scalar() if f.end == SCALAR else f for f in items]), a[0].end)

    def extreme_atom(self, kind: str, items: list[Any]) -> Symbol:
        key = (kind, frozenset(items))
        self.table.chosen.setdefault(key, tuple(items))
        return self.table.atom(kind, *self.table.chosen[key])

    def largest(self, *items: Scalar) -> Scalar:
        unique = list(dict.fromkeys(items))
        values = [v for v in (s.value() for s in unique) if v is not None]
        if len(values) == len(unique):
            return number(max(values))
        return unique[0] if len(unique) == 1 else of(self.extreme_atom("largest", unique))

    def unskew(self, m: Form, space: Space) -> Form:
        total = Form(self.table, SCALAR, space, [])  # <s, unskew(u v')> = u' skew(s) v
        for word, c in m.terms.items():
            cut = next((i for i in range(1, len(word)) if word[i - 1].is_ket and word[i].is_bra), None)
            if cut is None:
                raise Rejected("`unskew` of a matrix that is no outer product")
            u, v = (Form(self.table, start, end, [(w, number(1))]) for w, start, end in
                    ((word[:cut], SCALAR, m.end), (word[cut:], m.start, SCALAR)))
            total = total + (self.acting(v.T, space).T @ u).scaled(c)
        return total

    def skew(self, v: Form, space: Space, kind: str = "skew") -> Form:
        """v -> skew(v), linear in v: one letter for each of its words. As `acting`: s -> skew(s) v."""
        total = Form(self.table, space, space if kind == "skew" else v.end, [])
        for word, c in v.terms.items():
            unit = Form(self.table, SCALAR, v.end, [(word, number(1))])
            facts = ("skew",) if kind == "skew" else ()
            total = total + letter_form(self.table.letter(kind, (unit,), total.start, total.end, facts), c)
        return total

    def acting(self, v: Form, start: Space) -> Form:
        return self.skew(v, start, "acting")


def _check_parameters(name: str, parameters: tuple[Fraction, ...]) -> None:
    row = FUNCTIONS[name]
    if len(parameters) != len(row.defaults) or (row.admits is not None and not row.admits[0](*parameters)):
        raise Rejected(f"`{name}` does not take these parameters")


def _rank(form: Form, order: list[Form]) -> int:
    return order.index(form)


def unit(r: Reader, i: int, space: Space) -> Form:
    return letter_form(r.table.letter("unit", (i,), SCALAR, space))


def embed(r: Reader, start: Size, stop: Size, total: Size) -> Form:
    facts = ("nonnegative",)
    return letter_form(r.table.letter("embed", (start, stop, total), Space((stop - start,)), Space((total,)), facts))


def _concat(r: Reader, space: Space, a: list[Form]) -> Form:
    total, start = Form(r.table, SCALAR, space, []), Size()
    for item in a:
        v = letter_form(ones(r.table, Space((Size.number(1),))), item.scalar()) if item.end == SCALAR else item
        stop = start + v.end.sizes[0]
        total, start = total + embed(r, start, stop, space.sizes[0]) @ v, stop
    return total


def _sum(forms: list[Form]) -> Form:
    total = forms[0]
    for form in forms[1:]:
        total = total + form
    return total


def channels(r: Reader, space: Space) -> Form:
    return letter_form(r.table.letter("channels", (), Space(space.sizes[:1]), space, ("nonnegative",)))


def multiplied(r: Reader, space: Any, a: list[Form]) -> Form:
    if a[0].start == SCALAR:
        return entrywise(a[0], a[1])
    good = a[0] == a[1] or all(_has_nonnegative_entries(f) for f in a)
    return letter_form(r.table.letter("entries", ("mul", frozenset(a)), domain(space), codomain(space),
                                      ("nonnegative",) if good else ()))


def _has_nonnegative_entries(form: Form) -> bool:
    return all((c.value() or -1) >= 0 and all("nonnegative" in x.facts or x.kind.rstrip("'") in ("ones", "unit") for x in w)
               for w, c in form.terms.items())


def _dim(r: Reader, name: str) -> Form:
    return scalar_form(r.table, size_scalar(r.table, r.size(Size.dim(name))))


Rule = Callable[[Reader, Node, Any, list[Form]], Form]
_NODES: dict[str, Rule] = {
    "number": lambda r, n, s, a: scalar_form(r.table, number(n.data[0])),
    "dim": lambda r, n, s, a: _dim(r, n.data[0]),
    "time": lambda r, n, s, a: scalar_form(r.table, of(r.table.atom("time"))),
    "state": lambda r, n, s, a: vector(r.table.atom("state", n.data[0]), s),
    "variable": lambda r, n, s, a: vector(r.table.atom("variable", n.data[0]), s),
    "param": lambda r, n, s, a: r.parameter(r.model.parameter(n.data[0]), s),
    "ones": lambda r, n, s, a: r.spread(s),
    "zeros": lambda r, n, s, a: r.spread(s, number(0)),
    "eye": lambda r, n, s, a: identity(r.table, domain(s)),
    "add": lambda r, n, s, a: _sum(a),
    "mul": lambda r, n, s, a: multiplied(r, s, a),
    "scale": lambda r, n, s, a: a[1].scaled(a[0].scalar()),
    "power": lambda r, n, s, a: r.power(a[0], n.data[0]),
    "function": lambda r, n, s, a: r.function(n.data[0], tuple(n.data[1:]), a[0]),
    "apply": lambda r, n, s, a: a[0] @ a[1],
    "compose": lambda r, n, s, a: a[0] @ a[1],
    "transpose": lambda r, n, s, a: a[0].T,
    "sum": lambda r, n, s, a: r.total(a[0]),
    "mean": lambda r, n, s, a: r.total(a[0]) @ r.power(
        scalar_form(r.table, size_scalar(r.table, count(r.space(n.args[0].space)))), Fraction(-1)),
    "dot": lambda r, n, s, a: a[0].T @ a[1],
    "norm": lambda r, n, s, a: r.function("abs", (), a[0]) if a[0].end == SCALAR else r.power(a[0].T @ a[0], Fraction(1, 2)),
    "largest": lambda r, n, s, a: r.extreme(n, a),
    "smallest": lambda r, n, s, a: r.extreme(n, a),
    "cumsum": lambda r, n, s, a: letter_form(r.table.letter("cumsum", (), s, s, ("nonnegative",))) @ a[0],
    "softmax": lambda r, n, s, a: vector(r.table.atom("softmax", a[0]), s),
    "diag": lambda r, n, s, a: diagonal(a[0]),
    "skew": lambda r, n, s, a: r.skew(a[0], domain(s)),
    "unskew": lambda r, n, s, a: r.unskew(a[0], s),
    "sym": lambda r, n, s, a: (a[0] + a[0].T).scaled(number(Fraction(1, 2))),
    "outer": lambda r, n, s, a: a[0] @ a[1].T,
    "stack": lambda r, n, s, a: _sum([unit(r, i, s).scaled(x.scalar()) for i, x in enumerate(a)]),
    "index": lambda r, n, s, a: unit(r, n.data[0], a[0].end).T @ a[0],
    "slice": lambda r, n, s, a: embed(r, r.size(n.data[0]), r.size(n.data[1]), a[0].end.sizes[0]).T @ a[0],
    "concat": lambda r, n, s, a: _concat(r, s, a),
    "spread": lambda r, n, s, a: r.spread(s, a[0].scalar()),
    "channels": lambda r, n, s, a: channels(r, s) @ a[0],
    "unchannels": lambda r, n, s, a: channels(r, a[0].end).T @ a[0],
}
