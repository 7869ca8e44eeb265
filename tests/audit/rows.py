"""For each row of each table a spec that claims all that the row could be good for: what is proved of it must be true of the thing.

A false fact in a row, in the prover's and the checker's copy alike, then proves something that evaluation breaks.
"""
from __future__ import annotations

from collections.abc import Iterator

from odenet.operators.functions import FUNCTIONS, public_names
from odenet.schemes.methods import names
from odenet.sets.table import SETS

ORDERS = ("", ", norm = 1", ", norm = inf")
ARGUMENTS = {"leaky_relu": ("1/4", "0", "2", "-1/2"), "elu": ("1", "1/2", "2"), "celu": ("1", "1/2", "2")}
BOUNDS = ("1/2", "1", "11/10", "2")

Row = tuple[str, str]  # what, and the text of its spec


def rows() -> list[Row]:
    return [*functions(), *stages(), *sets(), *methods(), *operations()]


def spec(head: str, claims: Iterator[str] | list[str]) -> str:
    return f"model Row\n{head}\n" + "".join(f"claim {c}\n" for c in claims)


def functions() -> Iterator[Row]:
    """As a field in both directions, as a step, as a stage, as a potential; on the line and entry by entry."""
    for name in public_names():
        if FUNCTIONS[name].domain != "all":
            continue
        for argument in ARGUMENTS.get(name, ("",)):
            call = f"{name}(x, {argument})" if argument else f"{name}(x)"
            stage = f"{name}({argument})" if argument else name
            head = (f"dim n = 2\nstate x : R[n]\ndef V(x) = sum({call})\nfield f {{ x' = {call} }}\nfield g {{ x' = -{call} }}\n"
                    f"flow step = lie(g: euler) over [0, 1/2] steps 1\nnet one : R[n] -> R[n] = {stage}")
            yield f"function {stage}", spec(head, [*_of_fields(("f", "g")), *_of_maps(("step", "one")), "V : convex", *(
                f"V : smooth({c})" for c in BOUNDS), "f : gradient", "f : dissipates(V(x))", "g : dissipates(V(x))"])


def _of_fields(names_: tuple[str, ...]) -> Iterator[str]:
    for name in names_:
        yield from (f"{name} : {p}" for p in ("positive", "equivariant(sign)", "equivariant(permutation)", "dissipates(sum(x))",
                                              "dissipates(dot(x, x))", "preserves(sum(x))", "divergence_free"))
        for order in ORDERS:
            yield from (f"{name} : contractive({c}{order})" for c in ("0", "1/2", "-1"))
            yield from (f"{name} : lipschitz({c}{order})" for c in BOUNDS)


def _of_maps(names_: tuple[str, ...]) -> Iterator[str]:
    for name in names_:
        yield from (f"{name} : {p}" for p in ("positive", "equivariant(sign)", "equivariant(permutation)", "equivariant(translation)", "invertible",
                                              "volume_preserving", "preserves(sum(x))", "dissipates(dot(x, x))"))
        yield from (f"{name} : averaged({a})" for a in ("1/2", "3/4"))
        for order in ORDERS:
            yield from (f"{name} : lipschitz({c}{order})" for c in BOUNDS)


STAGES = {  # as written, with the spaces it joins
    "linear": ("R[n] -> R[n]", "linear(n, norm <= 1/2)"), "linear, wide": ("R[n] -> R[2]", "linear(2, norm <= 1)"),
    "conv": ("R[2, 4, 4] -> R[2, 4, 4]", "conv(2, size = 3, norm <= 1)"), "embed": ("R[n] -> R[n + 1]", "embed(n + 1)"),
    "conv, zeros": ("R[2, 4, 4] -> R[2, 4, 4]", "conv(2, size = 3, padding = zero, norm <= 1)"),
    "conv, stride": ("R[2, 4, 4] -> R[2, 2, 2]", "conv(2, size = 3, stride = 2, norm <= 1)"),
    "embed, same": ("R[n] -> R[n]", "embed(n)"), "fold": ("R[4] -> R[2]", "fold(2)"), "fold, to one": ("R[3] -> R[1]", "fold(1)"),
    "take": ("R[3] -> R[2]", "take(2)"), "take, same": ("R[n] -> R[n]", "take(n)"), "lift": ("R[1, 2, 2] -> R[3, 2, 2]", "lift(3)"),
    "lift, same": ("R[2, 2, 2] -> R[2, 2, 2]", "lift(2)"), "maxpool": ("R[1, 4, 4] -> R[1, 2, 2]", "maxpool(2)"),
    "avgpool": ("R[1, 4, 4] -> R[1, 2, 2]", "avgpool(2)"), "flatten": ("R[1, 2, 2] -> R[4]", "flatten"),
    "flow": ("R[n] -> R[n]", "step"), "def": ("R[n] -> R[n]", "half"), "function": ("R[n] -> R[n]", "tanh"),
}


def stages() -> Iterator[Row]:
    for name, (spaces, stage) in STAGES.items():
        head = ("dim n = 2\nstate x : R[n]\ndef half(x) = tanh(x)/2\nfield f { x' = -x }\nflow step = lie(f: euler) over [0, 1/2] steps 1\n"
                f"net one : {spaces} = {stage}")
        yield f"stage {name}", spec(head, list(_of_maps(("one",))))


def sets() -> Iterator[Row]:
    """Of matrices (tall, wide and square), vectors and numbers, and pairs of sets."""
    written = {"interval": ("in [0, 1]", "in [-1, 1/2]"), "norm": ("norm <= 1", "norm <= 1/2")}
    singles = [text for name in SETS for text in written.get(name, (name,))]
    for text in (*singles, "psd, norm <= 1", "symmetric, norm <= 1", "skew, norm <= 1", "diagonal, norm <= 1", "lower, norm <= 1",
                 "upper, norm <= 1", "symmetric, nonnegative", "diagonal, nonnegative", "lower, nonnegative", "upper, nonnegative"):
        head = (f"dim n = 3\nstate x : R[n]\nparam A : R[n, n], {text}\nfield f {{ x' = A @ x }}\nfield g {{ x' = -A @ x }}\n"
                "field h { x' = A @ x - x }\nfield k { x' = -A.T @ (A @ x) }\nflow step = lie(g: euler) over [0, 1] steps 1")
        claims = [*_of_fields(("f", "g", "h", "k")), "f : gradient", "f : equivariant(translation)", *_of_maps(("step",))]
        yield f"set {text}", spec(head, claims)
        if text in ("orthogonal", "nonnegative", "in [0, 1]", "norm <= 1", "positive", "binary", "in [-1, 1/2]"):
            for name, (rows_, columns) in {"tall": ("n + 1", "n"), "wide": ("n", "n + 1"), "free": ("n", "m")}.items():
                head = (f"dim n = 2, m = 3\nstate x : R[{columns}]\nparam A : R[{rows_}, {columns}], {text}\nfield f {{ x' = A.T @ (A @ x) }}\n"
                        "field g { x' = -A.T @ tanh(A @ x) }")
                yield f"set {text}, {name}", spec(head, [*_of_fields(("f", "g")), "f : contractive(-1)", "g : contractive(1/2)"])
        if text in ("positive", "nonnegative", "in [0, 1]", "in [-1, 1/2]", "binary"):
            head = (f"dim n = 2\nstate x : R[n]\nparam a : R, {text}\nparam v : R[n], {text}\nfield f {{ x' = -a * x }}\n"
                    "field g { x' = v * tanh(x) }\nfield h { x' = v - a * x }")
            yield f"set {text}, of entries", spec(head, list(_of_fields(("f", "g", "h"))))
    for text in ("orthogonal", "norm <= 1"):
        for padding in ("circular", "zero"):
            if (text, padding) != ("orthogonal", "zero"):
                head = (f"state u : R[2, 2, 2]\nparam K : conv(2, 2, size = 3, padding = {padding}), {text}\nfield f {{ u' = -K.T @ (K @ u) }}\n"
                        "field g { u' = K @ u }")
                claims = [c.replace("(x", "(u").replace("x)", "u)").replace("x, x", "u, u") for c in _of_fields(("f", "g")) if "permutation" not in c]
                yield f"set {text}, of kernels, {padding}", spec(head, [*claims, "f : equivariant(translation)", "f : contractive(1)"])


def methods() -> Iterator[Row]:
    """On a rotation, a decay, a nonlinear field with a potential, and a shear; with the clock running."""
    for name in (*names(), "relax(heun)", "discrete_gradient", ""):
        method = f": {name}" if name else ""
        head = (f"state q, p : R\nfield f {{ q' = p  p' = -q }}\nclaim f : hamiltonian(q^2/2 + p^2/2)\nflow net = lie(f{method}) over [0, 1/2] steps 1")
        yield f"method {name or 'exact'}, rotation", spec(head, [
            *(f"net : {p}" for p in ("symplectic", "volume_preserving", "invertible", "symmetric", "reversible", "nonexpansive", "averaged(1/2)",
                                     "preserves(q^2 + p^2)", "dissipates(q^2 + p^2)", "preserves(q^2)", "equivariant(sign)", "positive")),
            *(f"net : order({k})" for k in range(1, 8)), *(f"net : lipschitz({c})" for c in ("11/10", "5/4"))])
        head = (f"state x : R\nfield f {{ x' = -x }}\nclaim f : gradient(-x^2/2)\nflow net = lie(f{method}) over [0, 2] steps 2")
        yield f"method {name or 'exact'}, decay", spec(head, [
            *(f"net : {p}" for p in ("nonexpansive", "averaged(1/2)", "averaged(3/4)", "invertible", "symmetric", "positive", "dissipates(x^2)",
                                     "equivariant(sign)", "lipschitz(1/2)", "lipschitz(1/4)", "lipschitz(1/8)")),
            *(f"net : order({k})" for k in range(1, 8))])
        if name not in ("discrete_gradient", ""):
            head = ("state q, p : R\nfield f { q' = (1 + t) * sin(p)  p' = -(2 + cos(t)) * tanh(q) }\n"
                    f"flow net = lie(f{method}) over [0, 1/4] steps 1")
            yield f"method {name}, with a clock", spec(head, [
                *(f"net : {p}" for p in ("symplectic", "symmetric", "reversible", "equivariant(sign)", "volume_preserving", "invertible")),
                *(f"net : order({k})" for k in range(1, 6))])


EXPRESSIONS = ("sum(x) * ones(n)", "mean(x) * ones(n)", "x - mean(x)", "dot(x, x) * x", "norm(x) * ones(n)", "max(x, 0)", "min(x, 1)",
               "max(x) * ones(n)", "min(x) * ones(n)", "cumsum(x)", "softmax(x)", "diag(v) @ x", "skew(w) @ x", "sym(A) @ x", "outer(v, v) @ x",
               "concat(x, x)[0] * x", "[x[0], x[0]][1] * v", "A @ x", "A.T @ x", "(A @ A.T) @ x", "x * x", "x^3", "(1 + x^2)^(1/2)", "eye(n) @ x",
               "x / (1 + dot(x, x))", "zeros(n)", "|x| * x")


def operations() -> Iterator[Row]:
    for text in EXPRESSIONS:
        head = (f"dim n = 3\nstate x : R[n]\nparam A : R[n, n]\nparam v : R[n], in [0, 1]\nparam w : R[n*(n-1)/2]\nfield f {{ x' = {text} }}\n"
                f"field g {{ x' = -({text}) }}")
        yield f"operation {text}", spec(head, [*_of_fields(("f", "g")), "f : gradient", "f : equivariant(translation)", "f : dissipates(sum(cumsum(x)))"])
