"""Random well-typed specs, as text together with closures that say what they mean."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.attack import members
from tests.attack.members import Random
from tests.attack.terms import (
    FUNCTIONS,
    Array,
    Shape,
    Term,
    World,
    apply,
    call,
    function,
    inside,
    leaf,
    length,
    minus,
    negative,
    number,
    ones,
    plus,
    skew_of,
    softmax,
    times,
    transpose,
)

NUMBERS = {"0": 0.0, "1/2": 0.5, "1": 1.0, "2": 2.0, "3": 3.0, "1/4": 0.25, "3/4": 0.75, "-1": -1.0, "1/8": 0.125}
SCHEMES = {
    "lie": None, "strang": None, "yoshida4": None, "suzuki4": None,
    "ahead": "A(2) B(1) A(-1)", "half": "A(1/2) B(1/2)", "back": "A(-1) B(-1)", "mine": "A(1/3) B(1/2) A(1/3) B(1/2) A(1/3)",
    "twice": "A(1/2) B(1) A(1/4) A(1/4)",
}
SINGLES = {"lie": None, "strang": None, "yoshida4": None, "reverse": "A(-1)", "pair": "A(1/2) A(1/2)", "forth": "A(3/2) A(-1/2)"}
TABLES = {
    "one": "table([0], [[0]], [2])", "minus": "table([0], [[0]], [-1])", "shifted": "table([1], [[0]], [1])",
    "trap": "table([0, 1], [[0, 0], [1/2, 1/2]], [1/2, 1/2])", "odd": "table([0, 0], [[0, 0], [1, 0]], [1/2, 1/2])",
    "late": "table([1], [[1/2]], [1])", "loose": "table([0, 1/2], [[0, 0], [1/2, 0]], [-1, 2])",
    "lobatto": "table([0, 1], [[1/2, -1/2], [1/2, 1/2]], [1/2, 1/2])", "double": "table([1/2], [[1]], [2])",
}
METHODS = ("", "", "", "euler", "euler", "euler", "heun", "midpoint", "rk4", "implicit_midpoint", "implicit_midpoint", "implicit_euler",
           "trapezoidal", "relax(heun)", "gauss4", "discrete_gradient", *TABLES)
TAME = ("", "", "euler", "euler", "euler", "heun", "rk4", "implicit_midpoint", "implicit_euler", "relax(heun)", "one", "minus")


@dataclass
class Parameter:
    name: str
    shape: Shape
    text: str
    draw: Callable[[Random, World], Array]
    schedule: str = ""  # "", "piecewise", "linear"


@dataclass
class Claim:
    """`subject` is a sum of fields, a flow or a def; `argument` an invariant, a number, an action or nothing."""

    subject: str
    kind: str
    name: str
    argument: Term | str | None = None
    order: str = "2"
    region: tuple[str, Callable[[World], bool]] | None = None

    @property
    def text(self) -> str:
        inner = "" if self.argument is None else self.argument.text if isinstance(self.argument, Term) else self.argument
        norm = f", norm = {self.order}" if self.order != "2" else ""
        where = f" on {self.region[0]}" if self.region else ""
        return f"claim {self.subject} : {self.name}{f'({inner}{norm})' if inner else ''}{where}"


@dataclass
class Case:
    """A spec and its meaning."""

    dims: dict[str, int] = field(default_factory=dict)
    state: list[str] = field(default_factory=list)
    blocks: dict[str, Shape] = field(default_factory=dict)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    is_halved: bool = False
    parameters: list[Parameter] = field(default_factory=list)
    fields: dict[str, dict[str, Term]] = field(default_factory=dict)
    definitions: dict[str, Term] = field(default_factory=dict)
    flows: dict[str, str] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)

    @property
    def text(self) -> str:
        lines = ["model Attack"]
        lines += [f"dim {name} = {value}" for name, value in self.dims.items()]
        lines += self.state + [p.text for p in self.parameters]
        lines += [f"def {name}({', '.join(self.blocks)}) = {term.text}" for name, term in self.definitions.items()]
        lines += [f"field {name} {{ {'  '.join(f'{b}_ = {r.text}'.replace('_ =', chr(39) + ' =') for b, r in rows.items())} }}"
                  for name, rows in self.fields.items()]
        lines += self.extra + [f"flow {name} = {text}" for name, text in self.flows.items()]
        return "\n".join(lines + [c.text for c in self.claims]) + "\n"

    def without_claims(self) -> str:
        return "".join(line + "\n" for line in self.text.split("\n") if line and not line.startswith("claim "))

    # --- worlds ---------------------------------------------------------------------------------------------------------

    def world(self, rng: Random, biggest: int = 4) -> World:
        """Dims, parameters inside their sets, a state; extremes are likely."""
        w = World({name: int(rng.integers(1, biggest + 1)) for name in self.dims}, {}, {}, float(rng.uniform(-1, 2)))
        for p in self.parameters:
            w.params[p.name] = np.asarray(p.draw(rng, w), dtype=float)
        w.states = self.draw_states(rng, w)
        return w

    def draw_states(self, rng: Random, w: World) -> dict[str, Array]:
        size = 10.0 ** rng.integers(-2, 2)
        found = {}
        for name, shape in self.blocks.items():
            kind = rng.integers(4)
            x = rng.normal(size=w.shape(shape)) * size
            found[name] = np.asarray(np.round(x) + 1e-3 * rng.normal(size=x.shape) if kind == 0 else x)
        return found

    def pack(self, states: dict[str, Array]) -> Array:
        return np.concatenate([np.ravel(states[name]) for name in self.blocks])

    def unpack(self, x: Array, w: World) -> dict[str, Array]:
        found, place = {}, 0
        for name, shape in self.blocks.items():
            real = w.shape(shape)
            size = int(np.prod(real))
            found[name], place = x[place:place + size].reshape(real), place + size
        return found

    def rate(self, subject: str, w: World) -> Callable[[Array], Array]:
        """The sum of fields as a map of packed states."""
        def f(x: Array) -> Array:
            here = w.at(self.unpack(x, w))
            total = {name: np.zeros(w.shape(shape)) for name, shape in self.blocks.items()}
            for name in subject.split(" + "):
                for block, term in self.fields[name].items():
                    total[block] = total[block] + term.value(here)
            return self.pack(total)

        return f

    def scalar(self, term: Term, w: World) -> Callable[[Array], float]:
        return lambda x: float(term.value(w.at(self.unpack(x, w))))

    def slices(self, w: World) -> list[tuple[slice, slice]]:
        """Positions and momenta in the packed state."""
        place, found = 0, {}
        for name, shape in self.blocks.items():
            size = int(np.prod(w.shape(shape)))
            found[name], place = slice(place, place + size), place + size
        if self.is_halved:
            whole = found[self.pairs[0][0]]
            half = (whole.stop - whole.start) // 2
            return [(slice(whole.start, whole.start + half), slice(whole.start + half, whole.stop))]
        return [(found[q], found[p]) for q, p in self.pairs]


# --- making them ----------------------------------------------------------------------------------------------------------


class Maker:
    """Draws one case."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.case = rng, Case()
        self.is_timed = rng.integers(5) == 0

    def pick(self, items: Any) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def number(self) -> Term:
        text = self.pick(list(NUMBERS))
        return number(NUMBERS[text], text)

    def parameter(self, shape: Shape) -> Term:
        """A new parameter, or one that is there already."""
        known = [p for p in self.case.parameters if p.shape == shape]
        if known and self.rng.integers(3):
            return leaf(self.pick(known).name, shape)
        sets = members.SCALARS if not shape else members.VECTORS if len(shape) == 1 else (
            members.SQUARES if shape[0] == shape[1] else members.MATRICES)
        chosen = self.pick(sets)
        name = f"{'abkAB'[min(len(shape), 2) * 2 - (len(shape) > 1)]}{len(self.case.parameters)}"
        schedule = self.pick(["", "", "piecewise", "linear"]) if self.rng.integers(2) else ""
        if schedule == "linear" and (chosen not in ("", "skew", "symmetric", "diagonal", "in [0, 1]", "in [-1, 1]")):
            schedule = "piecewise"
        self._declare(name, shape, chosen, schedule)
        return leaf(name, shape)

    def _declare(self, name: str, shape: Shape, chosen: str, schedule: str) -> None:
        space = f"R[{', '.join(shape)}]" if shape else "R"
        timed = "(t)" if schedule else ""
        bits = [f"param {name}{timed} : {space}", *([chosen] if chosen else []), *(["linear(2)"] if schedule == "linear" else [])]
        scalars = [p for p in self.case.parameters if not p.shape and p.text.endswith("in [0, 1]") and p.schedule == schedule]
        if not shape and scalars and self.rng.integers(2):  # a bound that hangs on another parameter
            other = self.pick(scalars).name
            bits[1:2] = [f"in [0, 1 - {other}]"]
            text = ", ".join(bits)
            draw = lambda r, w: members.interval(r, (), 0.0, 1.0 - float(w.params[other]))  # noqa: E731
            self.case.parameters.append(Parameter(name, shape, text, draw, schedule))
            return
        inner = members.SETS[chosen]
        self.case.parameters.append(Parameter(name, shape, ", ".join(bits), lambda r, w: inner(r, w.shape(shape)), schedule))

    # --- states -------------------------------------------------------------------------------------------------------

    def layout(self) -> None:
        c, kind = self.case, int(self.rng.integers(8))
        if kind in (0, 1, 2):
            c.dims, c.state, c.blocks = {"n": 3, "m": 2}, ["state x : R[n]"], {"x": ("n",)}
        elif kind in (3, 4):
            c.dims, c.state, c.blocks = {"n": 2, "m": 3}, ["state q, p : R[n]"], {"q": ("n",), "p": ("n",)}
            c.pairs = [("q", "p")]
        elif kind == 5:
            names = ["x", "y", "z"][:int(self.rng.integers(1, 4))]
            c.state, c.blocks = [f"state {', '.join(names)} : R"], {name: () for name in names}
            c.pairs = [("x", "y")] if len(names) == 2 else []
        elif kind == 6:
            c.dims, c.state, c.blocks = {"n": 2, "m": 2}, ["state x : R[2*n]"], {"x": ("2*n",)}
            c.pairs, c.is_halved = [("x", "x")], True
        else:
            c.dims, c.state = {"n": 3, "m": 2}, ["state x : R[n]", "state s : R"]
            c.blocks = {"x": ("n",), "s": ()}

    # --- vector fields ------------------------------------------------------------------------------------------------

    def entrywise(self, argument: Term) -> Term:
        smooth = [name for name in FUNCTIONS if name not in ("sign({})", "threshold({})", "exp({})")]
        return function(self.pick(smooth), argument)

    def vector(self, x: Term) -> Term:
        """A vector of the space of x, from x."""
        size = x.shape[0]
        kind = int(self.rng.integers(16))
        if kind <= 2:  # A' phi(A x + b)
            a = self.parameter(self.pick([("m", size), (size, size), (size, size)]))
            inner = apply(a, x)
            if self.rng.integers(2):
                inner = plus(inner, self.parameter(inner.shape))
            middle = self.entrywise(inner)
            if self.rng.integers(4) == 0:
                middle = times(self.parameter(inner.shape), middle)
            return apply(transpose(a), middle)
        if kind in (3, 4):
            a = self.parameter((size, size))
            return apply(transpose(a) if self.rng.integers(4) == 0 else a, x)
        if kind == 5:
            return self.entrywise(x)
        if kind == 6:
            return times(self.entrywise(x), x) if self.rng.integers(2) else times(x, x)
        if kind == 7:
            return minus(x, call("mean", x, (), np.mean)) if self.rng.integers(2) else call("softmax", x, x.shape, softmax)
        if kind == 8:
            return apply(skew_of(self.parameter((f"{size}*({size}-1)/2",)), size), self.pick([x, ones(size)])) if size == "n" else x
        if kind == 9:
            return call("cumsum", self.pick([x, ones(size)]), x.shape, np.cumsum)
        if kind == 10:
            return times(x, apply(self.parameter((size, size)), x))
        if kind == 11:
            return times(Term(f"dot({x.text}, {x.text})", (), lambda w: float(x.value(w) @ x.value(w))), x)
        if kind == 12:
            a, b = self.parameter((size, size)), self.parameter((size, size))
            return apply(a, self.entrywise(apply(b, x)))
        if kind == 13:
            other = self.entrywise(x) if self.rng.integers(2) else times(self.number(), x)
            return Term(f"{self.pick(['max'])}({x.text}, {other.text})", x.shape, lambda w: np.maximum(x.value(w), other.value(w)))
        if kind == 14:
            a = self.parameter(("m", size))
            return apply(transpose(a), apply(a, x))
        return x

    def scalar(self, names: list[str], depth: int = 0) -> Term:
        """A scalar from scalar blocks."""
        kind = int(self.rng.integers(7)) if depth < 3 else 0
        if kind <= 1:
            return leaf(self.pick(names), ())
        if kind == 2:
            return times(self.scalar(names, depth + 1), self.scalar(names, depth + 1))
        if kind == 3:
            return plus(self.scalar(names, depth + 1), self.scalar(names, depth + 2))
        if kind == 4:
            return self.entrywise(self.scalar(names, depth + 1))
        if kind == 5:
            return times(self.parameter(()) if self.rng.integers(2) else self.number(), self.scalar(names, depth + 1))
        return negative(self.scalar(names, depth + 1))

    def rate(self, block: str) -> Term:
        shape = self.case.blocks[block]
        total: Term | None = None
        for _ in range(int(self.rng.integers(1, 3))):
            term = self.summand(block, shape)
            if self.rng.integers(2):
                term = times(self.parameter(()) if self.rng.integers(3) == 0 else self.number(), term)
            if self.is_timed and self.rng.integers(2):
                wave = Term(self.pick(["cos(t)", "sin(2*t)"]), (), None)  # type: ignore[arg-type]
                beat = (lambda w: np.cos(w.t)) if wave.text == "cos(t)" else (lambda w: np.sin(2 * w.t))
                term = times(Term(wave.text, (), beat), term)
            if self.rng.integers(2):
                term = negative(term)
            total = term if total is None else plus(total, term)
        assert total is not None
        return total

    def summand(self, block: str, shape: Shape) -> Term:
        blocks = self.case.blocks
        if shape:
            source = self.pick([b for b, s in blocks.items() if s == shape])
            x = leaf(source, shape)
            if self.rng.integers(5) == 0 and not self.case.is_halved:
                x = plus(x, self.parameter(shape))
            found = self.vector(x)
            return times(leaf("s", ()), found) if "s" in blocks and self.rng.integers(6) == 0 else found
        scalars = [b for b, s in blocks.items() if not s]
        if "x" in blocks and blocks["x"] and self.rng.integers(2):
            x = leaf("x", blocks["x"])
            return self.pick([call("sum", x, (), np.sum), Term("dot(x, x)", (), lambda w: float(w.states["x"] @ w.states["x"]))])
        return self.scalar(scalars)

    # --- families that have structure: the prover's home ground, with a mutation now and then ---------------------------------

    def structured(self, block: str, other: str) -> Term:
        """A rate of `block` from `other`, of a kind that proofs know."""
        x, size = leaf(other, self.case.blocks[other]), self.case.blocks[other][0]
        kind = int(self.rng.integers(9))
        if kind <= 2:  # a layer -A' phi(A x + b)
            space = self.pick([("m", size), (size, size)])
            bounded = self.pick(["orthogonal", "norm <= 1", "norm <= 3/2", "norm <= 1/2"])
            a = self._of_set(space, bounded) if self.rng.integers(3) else self.parameter(space)
            inner = apply(a, x) if self.rng.integers(2) else plus(apply(a, x), self.parameter(a.shape[:1]))
            steep = self.pick(["tanh({})", "relu({})", "leaky_relu({}, 1/2)", "leaky_relu({}, 2)", "elu({}, 1/2)", "softplus({})",
                               "sin({})", "silu({})", "softsign({})", "atan({})"])
            found = apply(transpose(a), function(steep, inner)) if self.rng.integers(3) else apply(transpose(a), apply(a, x))
        elif kind == 3:
            found = apply(self._of_set((size, size), self.pick(["skew", "psd", "laplacian", "symmetric", "doubly_stochastic",
                                                              "orthogonal", "diagonal", "norm <= 1"])), x)
        elif kind == 4:
            found = self.entrywise(x) if self.rng.integers(2) else x
        elif kind == 5:  # a skew matrix of the state, or one that keeps the sum
            found = apply(self._of_set((size, size), "skew"), self.pick([x, ones(size), self.entrywise(x)]))
        elif kind == 6:  # replicator, Lotka-Volterra
            found = times(x, apply(self._of_set((size, size), self.pick(["skew", "nonnegative", "positive"])), x))
        elif kind == 7:
            found = minus(apply(self._of_set((size, size), self.pick(["stochastic", "doubly_stochastic", "nonnegative"])), x), x)
        else:
            found = minus(x, call("mean", x, (), np.mean))
        if self.rng.integers(2):
            found = times(self._of_set((), self.pick(["positive", "in [0, 1]", "in [1/2, 2]", "in [-1, 1/2]", "nonnegative"])), found)
        return negative(found) if self.rng.integers(4) else found

    def _of_set(self, shape: Shape, chosen: str) -> Term:
        name = f"c{len(self.case.parameters)}"
        self._declare(name, shape, chosen, "piecewise" if self.rng.integers(4) == 0 else "")
        return leaf(name, shape)

    def structure(self, names: list[str]) -> None:
        """Fields of one kind: one block, or a pair of shears."""
        c = self.case
        if c.pairs and not c.is_halved and len(names) == 2:
            c.fields["f"], c.fields["g"] = {"q": self.structured("q", "p")}, {"p": self.structured("p", "q")}
            return
        for name in names:
            moved = self.pick([b for b, s in c.blocks.items() if s])
            total = self.structured(moved, moved)
            if self.rng.integers(3) == 0:
                total = plus(total, self.structured(moved, moved))
            c.fields[name] = {moved: total}

    # --- invariants -----------------------------------------------------------------------------------------------------

    def invariant(self) -> Term:
        name, shape = self.pick(list(self.case.blocks.items()))
        x = leaf(name, shape)
        if not shape:
            choices = [x, times(x, x), function("logcosh({})", x), function("relu({})", x), function("abs({})", x)]
            total = self.pick(choices)
            others = [b for b, s in self.case.blocks.items() if not s and b != name]
            return plus(total, times(leaf(others[0], ()), leaf(others[0], ()))) if others and self.rng.integers(2) else total
        square = Term(f"dot({name}, {name})", (), lambda w: float(w.states[name] @ w.states[name]))
        choices = [call("sum", x, (), np.sum), square, call("norm", x, (), np.linalg.norm),
                   call("sum", self.entrywise(x), (), np.sum), call("max", x, (), np.max)]
        if (name, shape) == ("q", ("n",)) and self.rng.integers(2):
            return plus(square, Term("dot(p, p)", (), lambda w: float(w.states["p"] @ w.states["p"])))
        return self.pick(choices)

    # --- flows ----------------------------------------------------------------------------------------------------------

    def flow(self, parts: list[str]) -> None:
        table = SCHEMES if len(parts) == 2 else SINGLES
        scheme = self.pick(list(table))
        text = table[scheme]
        if text is not None:
            letters = "A, B" if len(parts) == 2 else "A"
            self.case.extra.append(f"scheme {scheme}({letters}) = {text}")
        tame = self.rng.integers(2)
        chosen = [self.pick(TAME if tame else METHODS) for _ in parts]
        for name in dict.fromkeys(chosen):
            if name in TABLES:
                self.case.extra.append(f"method {name} = {TABLES[name]}")
        named = ", ".join(f"{p}: {m}" if m else p for p, m in zip(parts, chosen, strict=True))
        steps = int(self.rng.integers(1, 4))
        end = self.pick(["1/8", "1/4", "1/2", "1", "2"])
        self.case.flows["net"] = f"{scheme}({named}) over [0, {end}] steps {steps}"
        self.case.steps["net"] = steps

    # --- claims ---------------------------------------------------------------------------------------------------------

    def claims(self) -> None:
        c, fields = self.case, list(self.case.fields)
        subjects = [(name, "field") for name in fields] + ([(" + ".join(fields), "field")] if len(fields) > 1 else [])
        subjects += [(name, "flow") for name in c.flows] * 2 + [(name, "def") for name in c.definitions]
        for _ in range(int(self.rng.integers(12, 20))):
            subject, kind = self.pick(subjects)
            claim = self.claim(subject, kind)
            if claim is not None and claim.text not in [k.text for k in c.claims]:
                c.claims.append(claim)

    def claim(self, subject: str, kind: str) -> Claim | None:
        common = ["lipschitz", "nonexpansive", "preserves", "dissipates", "positive", "equivariant", "reversible"]
        found = self._claim(subject, kind, common)
        if found is not None and kind == "field" and self.rng.integers(4) == 0:
            found.region = self.region()
        return found

    def region(self) -> tuple[str, Callable[[World], bool]] | None:
        name, shape = self.pick(list(self.case.blocks.items()))
        if not shape:
            return self.pick([
                (f"{name} >= 0", lambda w: w.states[name] >= 0), (f"{name} <= 1/2", lambda w: w.states[name] <= 0.5),
                (f"{name}^2 <= 1", lambda w: w.states[name] ** 2 <= 1),
                (f"-1 <= {name} and {name} <= 2", lambda w: -1 <= w.states[name] <= 2)])
        return self.pick([
            (f"{name} >= 0", lambda w: bool(np.all(w.states[name] >= 0))),
            (f"dot({name}, {name}) <= 1", lambda w: float(w.states[name] @ w.states[name]) <= 1),
            (f"sum({name}) >= 1", lambda w: float(np.sum(w.states[name])) >= 1)])

    def _claim(self, subject: str, kind: str, common: list[str]) -> Claim | None:
        names = {"field": [*common, "divergence_free", "hamiltonian", "gradient", "contractive", "contractive"],
                 "flow": [*common, "symplectic", "volume_preserving", "averaged", "invertible", "symmetric", "order"],
                 "def": ["convex", "convex", "smooth"]}[kind]
        name = self.pick(names)
        if name in ("hamiltonian", "reversible", "symplectic") and not self.case.pairs:
            return None
        if name in ("preserves", "dissipates"):
            return Claim(subject, kind, name, self.invariant())
        if name == "equivariant":
            return Claim(subject, kind, name, self.pick(["sign", "permutation", "translation"]))
        if name == "order":
            return Claim(subject, kind, name, self.pick(["1", "2", "3", "4"]))
        if name in ("lipschitz", "contractive", "averaged", "smooth"):
            argument = self.number()
            scalars = [p for p in self.case.parameters if not p.shape and not p.schedule]
            if scalars and name in ("lipschitz", "contractive") and self.rng.integers(4) == 0:
                argument = leaf(self.pick(scalars).name, ())
                argument = negative(argument) if self.rng.integers(2) else argument
            if name == "averaged":
                argument = self.pick([number(0.5, "1/2"), number(0.25, "1/4"), number(0.75, "3/4"), number(8 / 9, "8/9")])
            order = self.pick(["2", "2", "1", "inf"]) if name == "contractive" or (name == "lipschitz" and kind == "field") else "2"
            return Claim(subject, kind, name, argument, order)
        return Claim(subject, kind, name)


def make(seed: int) -> Case:
    """The case of a seed."""
    maker = Maker(np.random.default_rng(seed))
    maker.layout()
    case, rng = maker.case, maker.rng
    names = ["f", "g"][:int(rng.integers(1, 3))]
    is_structured = "x" not in case.blocks or bool(case.blocks["x"])
    if is_structured and rng.integers(3):
        maker.structure(names)
    for name in names if not case.fields else []:
        moved = [b for b in case.blocks if rng.integers(3)] or [maker.pick(list(case.blocks))]
        case.fields[name] = {b: maker.rate(b) for b in moved}
    if not case.pairs and rng.integers(3) == 0:
        case.definitions["V"] = potential(maker)
    if rng.integers(5) < 3:
        maker.flow(names)
    maker.claims()
    return case


def potential(maker: Maker) -> Term:
    """A scalar of all blocks: a sum of one term for each."""
    total: Term | None = None
    for name, shape in maker.case.blocks.items():
        x = leaf(name, shape)
        inner = maker.entrywise(x) if not shape or maker.rng.integers(2) else maker.entrywise(apply(maker.parameter(("m", "n")), x)) \
            if shape == ("n",) else maker.entrywise(x)
        term = inner if not shape else call("sum", inner, (), np.sum)
        if maker.rng.integers(2):
            term = times(maker.number(), term)
        if maker.rng.integers(3) == 0 and shape:
            term = plus(term, call("norm", x, (), np.linalg.norm))
        total = term if total is None else plus(total, term)
    assert total is not None
    return total


__all__ = ["Case", "Claim", "inside", "length", "make"]
