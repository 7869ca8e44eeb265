"""Certificates forged by hand for claims that are false, and certificates that would keep a checker busy for ever.

Each entry is a spec whose last claim is false, a proof and lemmas; a comment says what the forger hoped for.
"""
from __future__ import annotations

from typing import Any

Data = Any


def scalar(*terms: Data) -> Data:
    return ["scalar", *map(list, terms)]


def of(kind: str, name: str) -> Data:
    return ["atom", kind, ["text", name]]


def many(*items: Data) -> Data:
    return ["tuple", *items]


def evidence(how: str, data: Data, *parts: Data) -> Data:
    return ["evidence", how, data, *parts]


X = of("state", "x")
PLAIN = scalar(["1", [X, "1"]])
ZERO, ENCLOSURE = evidence("zero", many()), evidence("enclosure", many())
LEAKY = ["atom", "function", ["text", "leaky_relu"], many("1"), PLAIN]
CUBE = "state x : R\nfield f { x' = x^3 }\nclaim f : nonexpansive\n"
CHANGE = scalar(["-3", [X, "2"]])  # what must be >= 0 for CUBE to be nonexpansive
FLOW = "state x : R\nfield f { x' = x }\nflow net = lie(f: euler) over [0, 1] steps 2\nclaim net : %s\n"


def cube(why: Data) -> tuple[str, Data, Data]:
    return CUBE, ["spectral bound", {}], [["free", 6, CHANGE, why]]


def lemma(claimed: Data) -> tuple[str, Data, Data]:
    return CUBE, ["spectral bound", {}], [["free", 6, claimed, ZERO]]


def _absolute(factor: str) -> Data:
    return ["atom", "function", ["text", "abs"], many(), scalar([factor, [X, "1"]])]


def _named(inner: Data, power: str) -> Data:
    return scalar(["1", [["atom", "sum", inner], power]])


def _by_signs(then: Data) -> Data:
    """By cases of |2x| and of |x|."""
    return evidence("cases", many(scalar(["1", [_absolute("2"), "1"]]), many(scalar(["2", [X, "1"]]), scalar(["-2", [X, "1"]]))),
                    *[evidence("cases", many(scalar(["1", [_absolute("1"), "1"]]), many(PLAIN, scalar(["-1", [X, "1"]]))),
                               then, then)] * 2)


_NESTED = scalar(["7" * 1400])
for _ in range(6):
    _NESTED = scalar(["1", [["atom", "sum", _NESTED], "100"]])

FORGED: dict[str, tuple[str, Data, Data]] = {
    # rules of fields, of which a flow has none, so that all of them vanish
    "minors of a flow": (FLOW % "nonexpansive", ["principal minors", {}], []),
    "minors of a flow, lipschitz": (FLOW % "lipschitz(1/2)", ["principal minors", {}], []),
    "an integral of a flow": (FLOW % "preserves(x)", ["first integral", {}], []),
    "descent of a flow": (FLOW % "dissipates(x^2)", ["gradient descent", {}], []),
    "the orthant of a flow": (FLOW.replace("x' = x ", "x' = x - 5 ") % "positive", ["quasi-positive", {}], []),
    "a symmetry of a flow": (
        "state x : R[3]\nparam a : R[3]\nfield f { x' = a }\nflow net = lie(f: euler) over [0, 1] steps 2\n"
        "claim net : equivariant(permutation)\n", ["commuting letters", {}], []),
    # orders that are no numbers, methods of order 0
    "an order that is a size": (
        "dim n = 2\nstate x : R[n]\nfield f { x' = -x }\nflow net = lie(f: heun) over [0, 1] steps 4\nclaim net : order(n)\n",
        ["order conditions", {}], []),
    "an inconsistent method": (
        "state x : R\nmethod bad = table([0], [[0]], [2])\nfield f { x' = -x }\nflow net = lie(f: bad) over [0, 1] steps 4\n"
        "claim net : order(1)\n", ["order conditions", {}], []),
    "a function of c e_i": (
        "state x : R[2]\nstate y : R\nfield f { x' = sin([y, 0]) }\nclaim f : preserves(x[0] - x[1])\n",
        ["first integral", {}], []),
    # the square of a root of something negative
    "a root of what is negative": cube(evidence("combination", many(many("1", many(many(_named(CHANGE, "1/2"), "2")))))),
    "a divisor that is a root of what is negative": cube(evidence("denominators", many(CHANGE, "1/2", "1"), ENCLOSURE)),
    # |2x| - 2|x| is 0, but not in normal form
    "a divisor that is zero": cube(evidence(
        "denominators", many(scalar(["1", [_absolute("2"), "1"]], ["-2", [_absolute("1"), "1"]]), "2", "1"), _by_signs(ZERO))),
    # a line without an end has no point to start from
    "a slope from nowhere": (
        "state x : R\nfield f { x' = -x^2 }\nclaim f : nonexpansive\n", ["spectral bound", {}],
        [["free", 6, scalar(["2", [X, "1"]]), evidence(
            "slope", many(PLAIN, scalar(["1", [["atom", "function", ["text", "exp"], many(), PLAIN], "1"]]), "1"),
            ENCLOSURE, ENCLOSURE)]]),
    # a - b >= 0 holds at the end of the way, not along it
    "a slope that leaves the set": (
        "param b : R, in [0, 1]\nparam a : R, in [b, 1]\nstate x : R\nfield f { x' = -(a^2/2 - a*b)*x }\nclaim f : nonexpansive\n",
        ["spectral bound", {}],
        [["free", 6, scalar(["1/2", [of("param", "a"), "2"]], ["-1", [of("param", "a"), "1"], [of("param", "b"), "1"]]),
          evidence("slope", many(scalar(["1", [of("param", "a"), "1"]]), scalar(), "1"), evidence("assumption", many()), ZERO)]]),
    # both pieces of leaky_relu(x, 1) are x: two cases all the same
    "one case for two": (
        "state x, y : R\nfield f { y' = leaky_relu(x, 1)*y }\nclaim f : dissipates(y^2/2)\n", ["dissipation", {}],
        [["free", 6, scalar(["-1", [LEAKY, "1"], [of("state", "y"), "2"]]), evidence(
            "cases", many(scalar(["1", [LEAKY, "1"]]), many(PLAIN)), evidence("combination", many(many("1", many(
                many(scalar(["-1", [X, "1"]]), "1"), many(scalar(["1", [of("state", "y"), "1"]]), "2")))),
                evidence("assumption", many())))]]),
    # the second substep starts outside of the region
    "a region that a flow leaves": (
        "state x : R\nfield f { x' = -5 }\nfield g { x' = relu(-x) }\nflow net = lie(f: euler, g: euler) over [0, 1] steps 1\n"
        "claim net : dissipates(x) on x > 0\n", ["composition", {}, ["first integral", {}]], []),
    # an elementwise function commutes with permutations, not with rotations
    "a stage and a rotation": (
        "param Q : R[4, 4], orthogonal\nstate x : R[4]\nnet big : R[4] -> R[4] = tanh\nclaim big : equivariant(Q)\n",
        ["composition", {}], []),
    # work without end
    "a number with a large exponent": lemma(scalar(["1e999999999"])),
    "a large power": lemma(scalar(["1", [X, "1000000000"]])),
    "towers of numbers": lemma(_NESTED),
    "nested powers": lemma(_named(_named(scalar(["1", [X, "1"]], ["1"]), "90"), "90")),
    "a long line": cube(evidence("line", many(PLAIN, many(*[scalar(["1", [X, "60"]], ["1"])] * 400)), *[ZERO] * 400)),
    "many boxes": cube(evidence("boxes", many(many(many(PLAIN, ["none"], ["none"])), ["text", "/-" * 200_000]))),
}
