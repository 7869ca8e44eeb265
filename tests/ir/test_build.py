"""From text to the model: what is built, and that whatever is written is built or rejected with a place."""
from __future__ import annotations

import random
import re
from fractions import Fraction
from pathlib import Path

import pytest

from odenet.diagnostics import Rejected
from odenet.ir import build
from odenet.ir import node as nodes
from odenet.ir.model import Pair, Schedule
from odenet.ir.sizes import SCALAR, Size, Space
from odenet.syntax import parse
from odenet.text import Source

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "specs" / "gallery").glob("*.ode"), *(ROOT.parent / "shared" / "corpus" / "public").glob("*.ode")])
n, m = Size.dim("n"), Size.dim("m")


def model(*lines):
    return build(parse(Source("test.ode", "model Test\n" + "\n".join(lines) + "\n")))


def codes(*lines):
    with pytest.raises(Rejected) as caught:
        model(*lines)
    return [fault.code for fault in caught.value.faults]


def rate(expression, *lines):
    """The node of an expression in a spec with some blocks and parameters."""
    head = ["dim n = 4, m = 3", "state x : R[n]", "param A : R[m, n]", "param b : R[m]", "param d : R[m]", "param k : R",
            "const g = 3/2", *lines]
    built = model(*head, "field f { x' = " + expression + " }")
    return built.field("f").rate("x")


X, A = nodes.state("x", Space((n,))), nodes.param("A", Space((m, n)))
B, D = nodes.param("b", Space((m,))), nodes.param("d", Space((m,)))
K = nodes.param("k", SCALAR)


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_specs_build(path):
    built = build(parse(Source(path.name, path.read_text())))
    assert built.name and (built.fields or built.nets)


@pytest.mark.parametrize("text, expected", [
    ("-A.T @ tanh(A @ x + b)",
     nodes.negate(nodes.apply(nodes.transpose(A), nodes.function("tanh", nodes.add(nodes.apply(A, X), B))))),
    ("-k * A.T @ b", nodes.scale(nodes.mul(nodes.number(-1), K), nodes.apply(nodes.transpose(A), B))),
    ("A.T @ (d * b)", nodes.apply(nodes.transpose(A), nodes.mul(D, B))),
    ("x - mean(x)", nodes.add(X, nodes.scale(nodes.number(-1), nodes.spread(nodes.scalar("mean", X), X.space)))),
    ("mean(x) * ones(n)", nodes.spread(nodes.scalar("mean", X), X.space)),
    ("x / 2", nodes.scale(nodes.number(Fraction(1, 2)), X)),
    ("x / |x|^3", nodes.scale(nodes.power(nodes.scalar("norm", X), -3), X)),
    ("0.1 * x", nodes.scale(nodes.number(Fraction(1, 10)), X)),
    ("g * x", nodes.scale(nodes.number(Fraction(3, 2)), X)),
    ("x^2 * x", nodes.power(X, 3)),
    ("eye(n) @ x", X),
    ("diag(x) @ x", nodes.power(X, 2)),
    ("cos(t) * x", nodes.scale(nodes.function("cos", nodes.time()), X)),
    ("leaky_relu(x, 1/2)", nodes.function("leaky_relu", X, Fraction(1, 2))),
    ("elu(x)", nodes.function("elu", X, Fraction(1))),
    ("n * x", nodes.scale(nodes.dim("n"), X)),
    ("x[0] * x", nodes.scale(nodes.Node("index", (X,), (0,), SCALAR), X)),
    ("max(x, 0)", nodes.same("largest", X, nodes.zeros(X.space))),
])
def test_expressions(text, expected):
    assert rate(text) == expected


@pytest.mark.parametrize("definition, call, expected", [
    ("def half(z) = leaky_relu(z, 1/2)", "A.T @ half(A @ x)", "A.T @ leaky_relu(A @ x, 1/2)"),
    ("def swish(z) = z * sigmoid(z)", "swish(x)", "x * sigmoid(x)"),
    ("def shift(z) = k * z + 1", "shift(x)", "k * x + ones(n)"),
    ("def blend(z, w) = z * w + z", "blend(k, x)", "k * x + k"),
    ("def V(x) = sum(logcosh(A @ x + b))", "grad(V(x), x)", "A.T @ tanh(A @ x + b)"),
    ("def V(y : R[m]) = dot(y, y)", "V(A @ x) * x", "dot(A @ x, A @ x) * x"),
    ("def force(x) = -grad(sum(cos(x)), x)", "force(2*x)", "sin(2*x)"),
])
def test_defs_are_written_out(definition, call, expected):
    assert rate(call, definition) == rate(expected, definition)


def test_sizes_are_compared_as_polynomials():
    built = model("dim n = 3, m = 2*n", "state x : R[n + n]", "param A : R[m, 2*n]", "field f { x' = A @ x }")
    assert built.block("x").space == Space((n.scaled(Fraction(2)),))
    assert built.parameter("A").space == Space((n.scaled(Fraction(2)), n.scaled(Fraction(2))))
    assert built.dim_values({"n": 5}) == {"n": 5, "m": 10}


def test_a_derived_dim_is_its_definition():
    built = model("dim m = 4, k = 3, n = m + k", "state x : R[n]", "param A : R[m, n], orthogonal",
                  "field f { x' = A.T @ (A @ x) }")
    rows, columns = built.parameter("A").space.sizes
    assert columns.at_least(rows) and not rows.at_least(columns)
    assert [d.is_free for d in built.dims] == [True, True, False]


@pytest.mark.parametrize("lines, pairs", [
    (("state q, p : R",), (Pair("q", "p"),)),
    (("state x, u : R", "state y, v : R"), (Pair("x", "u"), Pair("y", "v"))),
    (("dim n = 2", "state x : R[2*n]"), (Pair("x", "x"),)),
    (("state x : R[3]",), ()), (("state x, y, z : R",), ()), (("state q : R", "state p : R"), ()),
    (("dim n = 4", "state x : R[n]"), ()),
])
def test_pairs(lines, pairs):
    name = re.search(r"state (\w+)", " ".join(lines)).group(1)
    assert model(*lines, f"field f {{ {name}' = {name} }}").pairs == pairs


def test_parameters():
    built = model("dim n = 3", "state x : R[n]", "param a(t) : R, in [0, 2], linear(4) = 1",
                  "param d : R, in [0, 2]", "param b(t) : R, in [0, d]",
                  "param S(t) : R[n, n], skew", "param F : R[n, n], frozen, symmetric = eye(n)", "param c(t) : R[n], fourier(3)",
                  "field f { x' = a * b * S @ (F @ x) + c }")
    a, _, b, s, frozen, c = built.parameters
    assert (a.schedule, b.schedule, s.schedule, frozen.schedule) == (Schedule("linear", 4), Schedule("piecewise"),
                                                                     Schedule("piecewise"), None)
    assert c.schedule == Schedule("fourier", 3)
    assert a.initial == nodes.number(1) and b.set_named("interval").arguments == (nodes.number(0), nodes.param("d", SCALAR))
    assert frozen.is_frozen and frozen.initial == nodes.eye(n) and s.set_named("skew") is not None


@pytest.mark.parametrize("over, steps, step", [("[0, 10]", "100", Fraction(1, 10)), ("[0, 2*n]", "n", Fraction(2)),
                                               ("[0, 21/10*n]", "n", Fraction(21, 10)), ("[1, 2]", "8", Fraction(1, 8))])
def test_steps_have_an_exact_length(over, steps, step):
    built = model("dim n = 4", "state x : R", "field f { x' = -x }", f"flow net = lie(f: euler) over {over} steps {steps}")
    assert built.flow("net").step == nodes.number(step)


def test_a_step_that_depends_on_a_dim():
    built = model("dim n = 4", "state x : R", "field f { x' = -x }", "flow net = lie(f: euler) over [0, 1] steps n")
    assert built.flow("net").step == nodes.power(nodes.dim("n"), -1)


def test_flows():
    built = model("state q, p : R", "state r : R", "field a { q' = p }", "field b { p' = -q }",
                  "scheme tri(A, B, C) = A(1/2) B(1/2) C(1) B(1/2) A(1/2)",
                  "method own = table([0, 2/3], [[0, 0], [2/3, 0]], [1/4, 3/4])",
                  "field c { p' = -p }", "flow net = tri(a, b: own, c: relax(heun, p^2)) over [0, 1] steps 2",
                  "flow yo = yoshida4(a, b) over [0, 1] steps 2")
    net = built.flow("net")
    assert [i for i, _ in net.scheme.stages] == [0, 1, 2, 1, 0] and net.blocks == ("q", "p")
    assert [p.method.kind for p in net.parts] == ["exact", "runge_kutta", "relax"]
    assert net.parts[1].method.table.weights == (nodes.number(Fraction(1, 4)), nodes.number(Fraction(3, 4)))
    assert net.parts[2].method.inner.name == "heun" and net.parts[2].method.invariant == nodes.power(nodes.state("p", SCALAR), 2)
    assert len(built.flow("yo").scheme.stages) == 9


def test_nets():
    built = model("dim c = 8", "state u : R[c, 16, 16]", "state v : R[2*c, 8, 8]", "param K : conv(c, c), norm <= 1",
                  "field f { u' = -K.T @ relu(K @ u) }", "field g { v' = -v }", "flow fine = lie(f: euler) over [0, 1] steps 1",
                  "flow coarse = lie(g: euler) over [0, 1] steps 1", "def soft(z) = z / (1 + abs(z))",
                  "net all : R[3, 16, 16] -> R[10] = conv(c, size = 5, norm <= 1) -> fine -> soft -> avgpool(2) -> "
                  "conv(norm <= 1) -> coarse -> flatten -> leaky_relu(1/2) -> linear(norm <= 1)")
    stages = built.net("all").stages
    assert [s.kind for s in stages] == ["conv", "flow", "def", "avgpool", "conv", "flow", "flatten", "function", "linear"]
    assert stages[4].codomain == built.block("v").space and stages[0].data == (5, "circular", 1)
    assert stages[7].data == ("leaky_relu", Fraction(1, 2)) and stages[8].norm == nodes.number(1)


def test_convolutions_with_a_stride():
    built = model("state u : R[3, 8, 8]", "param K : conv(3, 4, stride = 2, padding = zero)", "field f { u' = -K.T @ tanh(K @ u) }")
    inner = next(node for node in built.field("f").rate("u").walk() if node.op == "function")
    assert inner.space == Space(tuple(map(Size.number, (4, 4, 4)))) and built.field("f").rate("u").space == built.block("u").space


def test_channels_and_composed_convolutions():
    built = model("dim c = 4", "state u : R[c, 8, 8]", "param K : conv(c, c)", "param b : R[c]",
                  "field f { u' = -(K.T @ K - 2*K) @ u + b }")
    ops = [node.op for node in built.field("f").rate("u").walk()]
    assert "channels" in ops and "compose" in ops


def test_claims():
    built = model("state q, p : R", "param k : R, positive", "field a { q' = p }", "field b { p' = -k/q }",
                  "claim a + b : hamiltonian(p^2/2 +   k*log(q)), contractive(1, norm = inf) on q >= 1 and p < 2  # why",
                  "claim a : equivariant(sign)")
    first, second, third = built.claims
    assert (first.subject, first.fields, first.kind, first.line) == ("a + b", ("a", "b"), "field", 6)
    assert first.text == "hamiltonian(p^2/2 + k*log(q))" and first.region_text == "q >= 1 and p < 2"
    assert [c.is_strict for c in first.region] == [False, True]
    assert second.keywords == (("norm", "inf"),) and third.arguments == ("sign",)


@pytest.mark.parametrize("rate_text, has_fault", [
    ("1/(1 + x^2)", False), ("1/(2 + sin(x))", False), ("log(1 + exp(x))", False), ("x/k", False), ("1/max(1 - w/2, w - 1)", False),
    ("sqrt(abs(x))", False), ("1/(3 - w)", False), ("1/x", True), ("log(x)", True), ("sqrt(x)", True), ("x/(x + 1)", True),
    ("x^(1/3)", True), ("tan(x)", True), ("1/(2 - w)", True), ("x/free", True), ("1/cos(x)", True)])
def test_domains(rate_text, has_fault):
    lines = ["state x : R", "param k : R, positive", "param w : R, in [0, 2]", "param free : R", f"field f {{ x' = {rate_text} }}",
             "claim f : gradient"]
    if has_fault:
        assert codes(*lines) == ["ODE405"]
        assert model(*lines[:-1]).fields
        assert model(*lines[:-1], lines[-1] + " on x >= 1").claims
    else:
        assert model(*lines).claims


def test_every_fault_is_reported_once():
    found = codes("dim n = 4, m = 3", "state x : R[n]", "param A : R[n, m]", "param b : R[m], skew", "param c : R, in [2, 1]",
                  "field f { x' = A @ x + nothing * nothing }", "field g { x' = 2 * missing }", "field h { x' = f + g }",
                  "claim f : gradient", "claim h : nothing_at_all")
    assert found == ["ODE302", "ODE303", "ODE205", "ODE105", "ODE105"]  # `f`, `g`, `h` are silent: their faults are known


def test_deep_and_large_expressions():
    assert codes("state x : R", "def a(z) = z*sin(z)", "def b(z) = a(a(a(a(z))))", "def c(z) = b(b(b(b(z))))",
                 "field f { x' = c(c(x)) }") == ["ODE109"]
    assert codes("state x : R", "field f { x' = 9^9^9^9 * x }") == ["ODE213"]
    assert codes("dim n = 9", "state x : R[(n + 1)^99]", "field f { x' = x }") == ["ODE201"]


KEYWORDS = {"model", "dim", "state", "param", "const", "def", "field", "scheme", "method", "flow", "net", "claim", "over",
            "steps", "on", "in", "and", "conv", "R", "T"}


def mutants(count):
    """Specs with one token replaced by another of its kind."""
    rng = random.Random(11)
    token = re.compile(r"[A-Za-z_]\w*'?|\d+(?:\.\d+)?|<=|>=|->|[^\s\w]")

    def kind(word):
        return word if word in KEYWORDS or not word[0].isalnum() else "name" if word[0].isalpha() else "number"

    texts = [re.sub(r"#[^\n]*", "", path.read_text()) for path in SPECS]
    texts += [path.read_text() for path in sorted((ROOT / "specs" / "reject").glob("ODE[2-5]*.ode"))]
    for _ in range(count):
        words = token.findall(rng.choice(texts))
        place = rng.randrange(len(words))
        like = [w for w in words if kind(w) == kind(words[place]) and w.endswith("'") == words[place].endswith("'")]
        words[place] = rng.choice(like)
        yield " ".join(words)


def test_mutants_build_or_are_rejected():
    outcomes = {"built": 0, "rejected": 0}
    for text in mutants(400):
        try:
            build(parse(Source("mutant.ode", text)))
            outcomes["built"] += 1
        except Rejected as rejected:
            assert all(fault.labels for fault in rejected.faults)
            outcomes["rejected"] += 1
    assert min(outcomes.values()) > 20


def test_stages_of_a_net_have_domains_too():
    net = "net all : R[3] -> R[3] = relu -> log"
    assert codes(net, "claim all : lipschitz(1)") == ["ODE405"]
    assert model(net).nets


def test_nests_are_bounded():
    lines = ["def f0(z) = sin(z)", *(f"def f{i + 1}(z) = f{i}(f{i}(z))" for i in range(9))]
    assert codes("state x : R", *lines, "field f { x' = f9(x) }") == ["ODE109"]


H = "def H(q, p) = p^2/2 + q^4/4"


@pytest.mark.parametrize("short, long", [
    ("grad(H, q)", "grad(H(q, p), q)"), ("-grad(H, p) + 1", "-grad(H(q, p), p) + 1"), ("laplacian(H, q)", "laplacian(H(q, p), q)"),
    ("grad(H, [q, p])[1]", "grad(H(q, p), [q, p])[1]"), ("grad(W, q)", "grad(W(q), q)"),
])
def test_a_def_of_blocks_is_differentiated_by_its_name(short, long):
    lines = ["state q, p : R", H, "def W(q) = q^3"]
    one, other = (model(*lines, f"field f {{ q' = {text} }}").field("f").rate("q") for text in (short, long))
    assert one == other


def test_inside_a_def_its_own_arguments_are_meant():
    lines = ["state q : R", "def V(q) = q^4", "def W(q) = grad(V, q)", "field f { q' = W(2*q) }"]
    written = [line.replace("grad(V, q)", "grad(V(q), q)") for line in lines]
    assert model(*lines).field("f").rate("q") == model(*written).field("f").rate("q")


def test_a_def_of_other_names_has_to_be_called():
    assert codes("state q : R", "def V(z) = z^4", "field f { q' = grad(V, q) }") == ["ODE106"]
    assert codes("state q, p : R", "def V(q, z) = z^4*q", "field f { q' = grad(V, q) }") == ["ODE106"]


@pytest.mark.parametrize("rate", ["-U", "grad(U, q)", "grad(U(q), q)"])
def test_a_def_that_stands_below_is_a_fault_and_no_row_is_lost(rate):
    assert codes("state q : R", f"field f {{ q' = {rate} }}", "def U(q) = q^2") == ["ODE107"]
