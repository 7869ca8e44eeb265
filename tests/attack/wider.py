"""Random specs of what `generator` never draws, as text: their meaning is evaluated by `tests.audit`.

Explicit time, tables whose nodes are no row sums, schemes whose coefficients do not add up to 1, `relax` of definite and indefinite
quadratics, bounds made of other parameters and of dims (sometimes empty: then an error is right), every schedule, matrix states,
products of sets, regions under an action, blocks of several ranks, idle states, nets with dims for sizes, coefficients with digits.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random

Shape = tuple[str, ...]

SMOOTH = ("tanh", "sin", "cos", "softplus", "sigmoid", "logcosh", "atan", "silu", "gelu", "sinc", "square", "exp")
KINKED = ("relu", "abs", "softsign", "elu", "max", "leaky", "threshold", "sign", "min", "celu")
NUMBERS = ("1/2", "1", "2", "3", "1/4", "3/4", "1/8", "1/10", "3/2")
TABLES = (
    "table([0, 1, 2/3], [[0, 0, 0], [1/3, 0, 0], [0, 2/3, 0]], [1/4, 0, 3/4])", "table([1/2], [[0]], [1])", "table([1], [[0]], [1])",
    "table([0, 1], [[0, 0], [1/2, 0]], [0, 1])", "table([0, 1/2], [[0, 0], [1, 0]], [1/2, 1/2])", "table([0, 1], [[0, 0], [1, 0]], [0, 2])",
    "table([0, 1], [[0, 0], [1/2, 1/2]], [1/2, 1/2])", "table([1/3], [[1/2]], [1])", "table([1/2], [[1/2]], [1])",
    "table([0, 2/3], [[0, 0], [2/3, 0]], [1/4, 3/4])", "table([0, 0], [[0, 0], [1, 0]], [1/2, 1/2])",
    "table([1/2, 1/2], [[1/4, 0], [1/2, 1/4]], [1/2, 1/2])", "table([0, 1/3], [[0, 0], [1/3, 0]], [1/2, 1/2])",
    "table([0, 1/2, 1], [[0, 0, 0], [1/2, 0, 0], [-1, 2, 0]], [1/6, 2/3, 1/6])", "table([1/4, 3/4], [[1/4, 0], [1/2, 1/4]], [1/2, 1/2])",
)
NAMED = ("euler", "euler", "euler", "heun", "midpoint", "rk4", "implicit_midpoint", "implicit_euler", "trapezoidal", "gauss4", "")
COEFFICIENTS = ("1", "1/2", "1/2", "1", "-1", "1/4", "2", "1/3", "3/2", "-1/2", "0.3", "sqrt(2)/2", "1 - sqrt(2)/2", "0.6756", "1/(2 - 2^(1/3))")
SCALAR_SETS = ("", "positive", "nonnegative", "in [0, 1]", "in [-1, 1]", "in [1/2, 2]", "in [-2, -1/2]", "binary")
SQUARE_SETS = ("", "orthogonal", "skew", "symmetric", "psd", "diagonal", "lower", "upper", "norm <= 1", "norm <= 1/2", "stochastic",
               "doubly_stochastic", "laplacian", "psd, norm <= 1", "symmetric, norm <= 1", "skew, norm <= 2", "diagonal, norm <= 1",
               "symmetric, nonnegative", "diagonal, nonnegative", "lower, norm <= 1", "nonnegative", "in [0, 1]", "positive")
MATRIX_SETS = ("", "orthogonal", "norm <= 1", "norm <= 3/2", "nonnegative", "in [-1, 1]", "binary")
BOUNDS = ("in [0, 1 - {a}]", "in [0, max(1 - {a}, 0)]", "in [-{a}, {a}]", "in [0, 2 - {a}]", "in [0, {a}]", "in [{a}, 2]", "in [0, 1/(1 + {a}^2)]",
          "in [0, {a}^2]", "in [min({a}, 0), 1]", "in [0, abs({a})]", "in [0, 1/2 + {a}]")
SIZED = ("in [0, n]", "in [0, 1/n]", "in [0, 3 - n]", "in [1, n]", "in [0, n - 1]", "in [-1/n, 1/n]")


@dataclass
class Wide:
    """One spec as it is written."""

    rng: Random
    dims: dict[str, str] = field(default_factory=dict)
    states: list[tuple[tuple[str, ...], Shape]] = field(default_factory=list)
    parameters: dict[str, tuple[Shape, str, str]] = field(default_factory=dict)  # shape, sets, schedule
    statements: list[str] = field(default_factory=list)
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    flows: dict[str, str] = field(default_factory=dict)
    nets: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    claims: list[str] = field(default_factory=list)
    is_timed: bool = False
    is_smooth: bool = True
    idle: tuple[str, ...] = ()

    @property
    def blocks(self) -> dict[str, Shape]:
        return {name: shape for names, shape in self.states for name in names}

    @property
    def has_pairs(self) -> bool:
        return any(len(names) == 2 for names, _ in self.states)

    def head(self) -> str:
        lines = ["model Wide", *(f"dim {name} = {value}" for name, value in self.dims.items())]
        lines += [f"state {', '.join(names)} : {space(shape)}" for names, shape in self.states]
        for name, (shape, sets, schedule) in self.parameters.items():
            timed = "" if not schedule else "(t)"
            bits = [space(shape) if shape[:1] != ("conv",) else shape[1], *filter(None, (sets, "" if schedule == "piecewise" else schedule))]
            lines.append(f"param {name}{timed} : {', '.join(bits)}")
        lines += self.statements
        lines += [f"def {name}{rest}" for name, rest in self.definitions.items()]
        lines += [f"field {name} {{ " + "  ".join(f"{b}' = {r}" for b, r in rows.items()) + " }" for name, rows in self.fields.items()]
        lines += [f"flow {name} = {text}" for name, text in self.flows.items()]
        return "\n".join(lines + [f"net {name} : {text}" for name, text in self.nets.items()]) + "\n"

    def text(self, claims: list[str] | None = None) -> str:
        return self.head() + "".join(f"claim {c}\n" for c in (self.claims if claims is None else claims))

    # --- leaves ------------------------------------------------------------------------------------------------------------

    def pick(self, items: tuple[str, ...] | list[str]) -> str:
        return self.rng.choice(items)

    def chance(self, one_in: int) -> bool:
        return self.rng.randrange(one_in) == 0

    def parameter(self, shape: Shape, sets: str | None = None) -> str:
        """A parameter of the shape: one that is there, or a new one."""
        known = [name for name, (s, given, _) in self.parameters.items() if s == shape and (sets is None or given == sets)]
        if known and not self.chance(3):
            return self.pick(known)
        if sets is None:
            sets = self._sets(shape)
        schedule = self._schedule(sets)
        name = f"{'abA'[min(len(shape), 2)]}{len(self.parameters)}"
        self.parameters[name] = (shape, sets, schedule)
        return name

    def _sets(self, shape: Shape) -> str:
        if len(shape) == 2:
            if self.chance(5):
                bound = self._bounding()
                if bound:
                    return f"norm <= {bound}"
            return self.pick(SQUARE_SETS if shape[0] == shape[1] else MATRIX_SETS)
        if self.chance(3):
            other = self._bounding()
            if other:
                return self.pick(BOUNDS).format(a=other)
        if "n" in self.dims and self.chance(6):
            return self.pick(SIZED)
        return self.pick(SCALAR_SETS)

    def _bounding(self) -> str:
        known = [name for name, (s, sets, _) in self.parameters.items() if not s and sets != "binary"]
        return self.pick(known) if known else ""

    def _schedule(self, sets: str) -> str:
        if not self.chance(3):
            return ""
        is_simple = sets in ("", "skew", "symmetric", "diagonal", "lower", "upper")
        kinds = ["piecewise", "piecewise", *(["linear(2)", "linear(3)", "poly(2)", "fourier(3)"] if is_simple else ["linear(2)"])]
        return self.pick(kinds)

    def number(self) -> str:
        return self.pick(NUMBERS)

    def bend(self, inner: str) -> str:
        """An elementwise function of a text."""
        name = self.pick(SMOOTH if self.is_smooth else (*SMOOTH, *KINKED, *KINKED))
        if name == "max":
            return f"max({inner}, {self.pick(('0', '1/2', '-1'))})"
        if name == "min":
            return f"min({inner}, {self.pick(('0', '1/2', '1'))})"
        if name == "leaky":
            return f"leaky_relu({inner}, {self.pick(('1/2', '2', '0', '-1/2'))})"
        if name in ("elu", "celu"):
            return f"{name}({inner}, {self.pick(('1', '2', '1/2'))})"
        return f"{name}({inner})"

    def clock(self) -> str:
        return self.pick(("t", "cos(t)", "sin(2*t)", "(1 + t)", "(1 + t^2)", "exp(-t)", "(2 + cos(t))"))

    # --- expressions -------------------------------------------------------------------------------------------------------

    def scalar(self, depth: int = 0) -> str:
        """A scalar of scalar blocks, sums of others, parameters."""
        blocks = self.blocks
        kind = self.rng.randrange(9) if depth < 3 else 0
        if kind <= 1:
            name = self.pick([b for b in blocks if b not in self.idle] or list(blocks))
            shape = blocks[name]
            if not shape:
                return name
            return self.pick([f"sum({name})", f"dot({name}, {name})", f"mean({name})"] + ([f"{name}[0]"] if len(shape) == 1 else []))
        if kind == 2:
            return f"({self.scalar(depth + 1)}) * ({self.scalar(depth + 1)})"
        if kind == 3:
            return f"{self.scalar(depth + 1)} {self.pick(('+', '-'))} ({self.scalar(depth + 1)})"
        if kind == 4:
            return self.bend(self.scalar(depth + 1))
        if kind in (5, 6):
            return f"{self.parameter(()) if self.chance(2) else self.number()} * ({self.scalar(depth + 1)})"
        if kind == 7:
            return f"-({self.scalar(depth + 1)})"
        return f"({self.scalar(depth + 1)})^{self.pick(('2', '3'))}"

    def tensor(self, block: str) -> str:
        """Something of the space of a block."""
        shape = self.blocks[block]
        if not shape:
            return self.scalar(1)
        if len(shape) == 1:
            return self.vector(shape)
        return self.matrix(shape) if len(shape) == 2 else self.image(block)

    def source(self, shape: Shape) -> str:
        return self.pick([b for b, s in self.blocks.items() if s == shape and (b not in self.idle)] or [b for b, s in self.blocks.items() if s == shape])

    def vector(self, shape: Shape) -> str:
        x, n = self.source(shape), shape[0]
        kind = self.rng.randrange(14)
        if kind <= 2:
            inner = self.pick(list(self.dims)) if self.dims else n
            a = self.parameter((inner, n), None)
            argument = f"{a} @ {x}" + (f" + {self.parameter((inner,), '')}" if self.chance(2) else "")
            return f"{a}.T @ {self.bend(argument)}"
        if kind == 3:
            return f"{self.parameter((n, n))} @ {x}"
        if kind == 4:
            return self.bend(x)
        if kind == 5:
            return f"{x} - mean({x})"
        if kind == 6:
            return f"({self.scalar(2)}) * {x}"
        if kind == 7:
            others = [b for b, s in self.blocks.items() if len(s) == 1 and s != shape]
            if others:
                y = self.pick(others)
                return f"{self.parameter((n, self.blocks[y][0]))} @ {y}"
            return f"cumsum({x})"
        if kind == 8:
            return f"{x} * ({self.parameter((n, n), 'skew')} @ {x})"
        if kind == 9:
            return f"{self.parameter((n, n), self.pick(('skew', 'psd', 'orthogonal')))} @ {self.bend(x)}"
        if kind == 10:
            return f"softmax({x})"
        if kind == 11:
            a = self.parameter((n, n), None)
            return f"{a}.T @ ({a} @ {x})"
        if kind == 12 and not self.is_smooth:
            return f"max({x}, {self.bend(x)})"
        return f"{self.parameter(shape)} * {x}"

    def matrix(self, shape: Shape) -> str:
        x = self.source(shape)
        kind = self.rng.randrange(6)
        if kind <= 1:
            return f"{self.parameter((shape[0], shape[0]))} @ {x}"
        if kind == 2:
            return self.bend(x)
        if kind == 3:
            return f"{self.parameter(shape)} * {x}"
        if kind == 4:
            return f"({self.scalar(2)}) * {x}"
        return x

    def image(self, block: str) -> str:
        c = self.blocks[block][0]
        kind = self.rng.randrange(6)
        if kind <= 2:
            padding = self.pick(("circular", "circular", "zero"))
            sets = self.pick(("", "norm <= 1", "orthogonal" if padding == "circular" else "norm <= 1", "norm <= 1/2"))
            key: Shape = ("conv", f"conv({c}, {c}, size = 3, padding = {padding})")
            k = self.parameter(key, sets)
            bias = f" + {self.parameter((c,), '')}" if self.chance(3) else ""
            return f"{k}.T @ {self.bend(f'{k} @ {block}{bias}')}"
        if kind == 3:
            vectors = [b for b, s in self.blocks.items() if s == (c,)]
            return f"{block} + {self.pick(vectors)}" if vectors else block
        return self.bend(block) if kind == 4 else block

    def rate(self, block: str) -> str:
        terms = []
        for _ in range(1 if self.chance(2) else 2):
            term = self.tensor(block)
            if self.chance(2):
                term = f"{self.parameter(()) if self.chance(2) else self.number()} * ({term})"
            if self.is_timed and self.chance(2):
                term = f"{self.clock()} * ({term})"
            terms.append(f"-({term})" if self.chance(2) else f"({term})")
        return " + ".join(terms)


def space(shape: Shape) -> str:
    return f"R[{', '.join(shape)}]" if shape else "R"


# --- making them ---------------------------------------------------------------------------------------------------------------


def _layout(w: Wide) -> None:
    n, m = str(w.rng.choice((2, 3))), str(w.rng.choice((1, 2, 3)))
    scalars: Callable[[], list[tuple[tuple[str, ...], Shape]]] = lambda: [(tuple("xyz"[:w.rng.randint(1, 3)]), ())]  # noqa: E731
    layouts: tuple[tuple[dict[str, str], Callable[[], list[tuple[tuple[str, ...], Shape]]]], ...] = (
        ({}, scalars), ({}, lambda: [(("q", "p"), ())]), ({"n": n, "m": m}, lambda: [(("q", "p"), ("n",))]),
        ({"n": n, "m": m}, lambda: [(("x",), ("n",))]), ({"n": n, "m": m}, lambda: [(("x",), ("n",)), (("y",), ("m",))]),
        ({"n": n}, lambda: [(("x",), ("n",)), (("s",), ())]), ({"n": n, "c": m}, lambda: [(("X",), ("n", "c"))]),
        ({"c": "2"}, lambda: [(("u",), ("c", "2", "2")), (("v",), ("c",))]), ({"c": "2"}, lambda: [(("u",), ("c", "3", "3"))]),
        ({}, lambda: [(("q", "p"), ()), (("r", "s"), ())]), ({"n": n}, lambda: [(("x",), ("2*n",))]),
        ({"n": n}, lambda: [(("q", "p"), ("n",)), (("s",), ())]), ({}, lambda: [(("x",), ("3",))]),
    )
    dims, states = w.rng.choice(layouts)
    w.dims, w.states = dict(dims), states()
    if w.chance(6):
        w.states.append((("idle",), w.rng.choice(((), ("2",)))))
        w.idle = ("idle",)
    if w.chance(8):
        w.dims["L"] = str(w.rng.choice((1, 2, 3)))


def _potential(w: Wide, names: tuple[str, ...]) -> str:
    """A scalar of some blocks of one shape."""
    terms = []
    for name in names:
        shape = w.blocks[name]
        inner = w.pick((f"{name}^2", f"{name}^4", f"logcosh({name})", f"cos({name})", f"{w.parameter(())} * {name}^2", f"{name}"))
        if len(shape) == 1 and w.chance(2):
            inner = f"logcosh({w.parameter((w.pick(list(w.dims) or ['2']), shape[0]))} @ {name})"
        terms.append(f"{w.pick(('1/2', '1', '2', '1/4'))} * {f'sum({inner})' if shape else inner}")
    if len(names) == 2 and w.chance(2):
        terms.append(f"dot({names[0]}, {names[1]})" if w.blocks[names[0]] else f"{names[0]} * {names[1]}")
    return " + ".join(terms)


def _conservative(w: Wide) -> None:
    """One field with a potential, advanced by a discrete gradient or by something else."""
    pairs = [(names, shape) for names, shape in w.states if len(names) == 2 and len(shape) < 2]
    singles = [b for b, shape in w.blocks.items() if len(shape) < 2 and b not in w.idle and shape != ("2*n",)]
    if pairs and (w.chance(2) or not singles):
        names, _ = pairs[0]
        q, p = names
        w.definitions["V"] = f"({q}, {p}) = {_potential(w, names)}"
        w.fields["f"] = {q: f"grad(V({q}, {p}), {p})", p: f"-grad(V({q}, {p}), {q})"}
        w.claims.append(f"f : hamiltonian(V({q}, {p}))")
        w.claims.append(f"net : preserves(V({q}, {p}))")
    elif singles:
        x = w.pick(singles)
        w.definitions["V"] = f"({x}) = {_potential(w, (x,))}"
        w.fields["f"] = {x: f"-grad(V({x}), {x})"}
        w.claims += [f"f : gradient(-V({x}))", f"net : dissipates(V({x}))", "V : convex", "V : smooth(@)"]
    if w.fields:
        method = "discrete_gradient" if w.chance(2) else w.pick(("euler", "implicit_euler", "implicit_midpoint", "heun"))
        w.flows["net"] = f"lie(f: {method}) over [0, {w.pick(('1/8', '1/4', '1/2', '1'))}] steps {w.pick(('1', '2'))}"


def _fields(w: Wide) -> None:
    names = ["f", "g"][:w.rng.randint(1, 2)]
    moving = [b for b in w.blocks if b not in w.idle]
    shears = w.has_pairs and len(names) == 2 and w.chance(2)
    for i, name in enumerate(names):
        if shears:
            rows = {}
            for pair, shape in w.states:
                if len(pair) == 2:
                    rows[pair[i]] = _shear(w, pair[1 - i], shape)
            w.fields[name] = rows
            continue
        moved = [b for b in moving if w.chance(2)] or [w.pick(moving)]
        w.fields[name] = {b: w.rate(b) for b in moved}


def _shear(w: Wide, other: str, shape: Shape) -> str:
    inner = other if w.chance(2) else w.bend(other)
    if shape and w.chance(2):
        a = w.parameter((shape[0], shape[0]))
        inner = f"{a}.T @ {w.bend(f'{a} @ {other}')}" if w.chance(2) else f"{a} @ {other}"
    text = f"{w.pick(('-', '', '2 * ', '-1/2 * '))}({inner})"
    return f"{w.clock()} * ({text})" if w.is_timed and w.chance(2) else text


def _quadratic(w: Wide, blocks: list[str]) -> str:
    """Definite, indefinite or neither."""
    terms = []
    for b in blocks:
        square = f"dot({b}, {b})" if w.blocks[b] else f"{b}^2"
        terms.append(w.pick(("", "", "2 * ", "1/2 * ", "-1 * ", "0 * ")) + square)
    if len(blocks) > 1 and w.chance(2):
        a, b = blocks[0], blocks[1]
        if w.blocks[a] == w.blocks[b]:
            terms.append(w.pick(("", "-1 * ", "3 * ")) + (f"dot({a}, {b})" if w.blocks[a] else f"{a} * {b}"))
    return " + ".join(terms)


def _method(w: Wide, name: str) -> str:
    moved = list(w.fields[name])
    kind = w.rng.randrange(8)
    if kind == 0:
        inner = w.pick(("euler", "heun", "rk4", "midpoint"))
        return f"relax({inner})" if w.chance(3) else f"relax({inner}, {_quadratic(w, moved)})"
    if kind <= 2:
        label = f"m{len(w.statements)}"
        w.statements.append(f"method {label} = {w.pick(TABLES)}")
        return label
    return w.pick(NAMED)


def _flow(w: Wide) -> None:
    parts, letters = list(w.fields), "AB"[:len(w.fields)]
    methods = [_method(w, name) for name in parts]
    scheme = w.pick(("lie", "lie", "strang") if len(parts) == 2 else ("lie", "lie", "mine"))
    if w.chance(2) or scheme == "mine":
        scheme = "mine"
        stages = [f"{letter}({w.pick(COEFFICIENTS)})" for letter in letters]
        for _ in range(w.rng.randrange(3)):
            stages.append(f"{w.rng.choice(letters)}({w.pick(COEFFICIENTS)})")
        if w.chance(3):
            stages = stages + stages[-2::-1]
        elif w.chance(3):
            stages = ["A(1/2)", "B(1)", "A(1/2)"] if len(parts) == 2 else ["A(1/2)", "A(1/2)"]
        w.statements.append(f"scheme mine({', '.join(letters)}) = {' '.join(stages)}")
    named = ", ".join(f"{p}: {m}" if m else p for p, m in zip(parts, methods, strict=True))
    steps = "L" if "L" in w.dims else str(w.rng.choice((1, 1, 2, 3)))
    start = w.pick(("0", "0", "0", "-1", "1/2"))
    end = str(Fraction(start) + Fraction(w.pick(("1/8", "1/4", "1/2", "1", "2"))))
    w.flows["net"] = f"{scheme}({named}) over [{start}, {end}] steps {steps}"


def _net(w: Wide) -> None:
    """A net over vectors with dims for sizes."""
    w.dims.setdefault("n", "2")
    w.dims.setdefault("k", w.pick(("2*n", "n + 1", "3", "4", "n")))
    here, stages = "n", []
    for _ in range(w.rng.randint(1, 3)):
        kind = w.rng.randrange(6)
        if kind == 0:
            there = w.pick(("k", "n", "2*n", "3", "n + 1"))
            stages.append(f"embed({there})")
            here = there
        elif kind == 1:
            there = w.pick(("n", "1", "2", "k"))
            stages.append(f"{w.pick(('take', 'fold'))}({there})")
            here = there
        elif kind == 2:
            there = w.pick((here, "n", "k"))
            stages.append(f"linear({there}, norm <= {w.number()})")
            here = there
        else:
            stages.append(w.pick(("tanh", "relu", "sin", "abs", "leaky_relu(1/2)", "softplus", "square", "elu")))
    w.nets["big"] = f"R[n] -> R[{here}] = {' -> '.join(stages)}"


COMMON = ("lipschitz", "nonexpansive", "preserves", "dissipates", "positive", "equivariant")
OF_FIELDS = (*COMMON, "divergence_free", "gradient", "contractive", "contractive")
OF_FLOWS = (*COMMON, "volume_preserving", "averaged", "invertible", "symmetric", "symmetric", "order", "order", "order")
PAIRED = {"field": ("hamiltonian", "reversible"), "flow": ("symplectic", "reversible"), "net": ()}


def _quantity(w: Wide) -> str:
    moving = [b for b in w.blocks if b not in w.idle]
    name = w.pick(moving)
    shape = w.blocks[name]
    if w.chance(2):
        return _quadratic(w, moving)
    if not shape:
        return w.pick((name, f"{name}^2", f"cos({name})", f"{name}^4", f"logcosh({name})"))
    return w.pick((f"sum({name})", f"dot({name}, {name})", f"norm({name})", f"sum(logcosh({name}))"))


def _region(w: Wide) -> str:
    name = w.pick([b for b in w.blocks if b not in w.idle])
    shape = w.blocks[name]
    if not shape:
        return w.pick((f"{name} > 0", f"{name} >= 1", f"{name}^2 <= 1", f"-1 <= {name} and {name} <= 1", f"abs({name}) <= 2"))
    return w.pick((f"{name} > 0", f"{name} >= 0", f"dot({name}, {name}) <= 1", f"sum({name}) >= 1", f"sum({name}) <= 1"))


def _claim(w: Wide, subject: str, kind: str) -> str:
    pool = OF_FIELDS if kind == "field" else OF_FLOWS if kind == "flow" else tuple(c for c in OF_FLOWS if c not in ("symmetric", "order"))
    name = w.pick((*pool, *PAIRED[kind] * 2) if w.has_pairs or any(s == ("2*n",) for s in w.blocks.values()) else pool)
    inner = ""
    if name in ("preserves", "dissipates"):
        inner = _quantity(w) if kind != "net" else w.pick(("sum(x)", "dot(x, x)"))
    elif name == "equivariant":
        squares = [p for p, (s, sets, timed) in w.parameters.items() if len(s) == 2 and sets == "orthogonal" and s[0] == s[1] and not timed]
        inner = w.pick(("sign", "permutation", "translation", *squares[:1]))
    elif name == "order":
        if not w.is_smooth:
            return ""
        inner = w.pick(("1", "2", "2", "3", "4"))
    elif name in ("lipschitz", "contractive", "averaged"):
        inner = "@"  # put by what is measured
        if name == "lipschitz" and kind == "field" and w.chance(3):
            inner += f", norm = {w.pick(('1', 'inf'))}"
        if name == "contractive" and w.chance(3):
            inner += f", norm = {w.pick(('1', 'inf'))}"
    where = f" on {_region(w)}" if kind == "field" and w.chance(4) else ""
    return f"{subject} : {name}{f'({inner})' if inner else ''}{where}"


def make(seed: int) -> Wide:
    """The spec of a seed; claims with `@` for a constant that is to be measured."""
    w = Wide(Random(f"wide {seed}"))
    w.is_timed, w.is_smooth = w.chance(3), w.chance(2)
    _layout(w)
    if w.chance(8) and "n" in w.dims and ("x",) in [names for names, _ in w.states]:
        _net(w)
    if w.chance(7):
        _conservative(w)
    if not w.fields:
        _fields(w)
        if not w.chance(4):
            _flow(w)
    fields = list(w.fields)
    subjects = [(f, "field") for f in fields] + ([(" + ".join(fields), "field")] if len(fields) > 1 else [])
    subjects += [(name, "flow") for name in w.flows] * 4 + [(name, "net") for name in w.nets] * 3
    for _ in range(16):
        subject, kind = w.rng.choice(subjects)
        claim = _claim(w, subject, kind)
        if claim and claim not in w.claims and len(w.claims) < 14:
            w.claims.append(claim)
    return w
