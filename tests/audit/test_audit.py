"""The audit finds nothing in what is proved, and finds what is false."""
from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from odenet.driver import loads
from odenet.ir.node import number
from odenet.proof.finding import Finding
from tests.audit.audit import Tally, audit, conclusion
from tests.audit.evaluate import Values
from tests.audit.members import Empty, member
from tests.audit.report import examine, page, safely
from tests.audit.specs import files, proved, random_text
from tests.proof.cases import CASES

HEAVY = ("cifar_", "images_", "digits", "orthogonal_conv", "conv_nonexpansive", "pruned", "signs")  # images: for the command
WRITTEN = [(name, text) for name, text in files(()) if not name.startswith(("case ", *HEAVY))]
SEEDS = range(48)
TOGETHER = 8


def broken(name: str, text: str, worlds: int = 2, search: float = 0.0) -> list[str]:
    found = proved(name, text, 3.0)
    return [str(v) for v in audit(found.loaded, found.findings, name, worlds, search).violations]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_rule_cases(number: int) -> None:
    assert not broken(f"case {number}", CASES[number].spec, search=0.05)


@pytest.mark.parametrize(("name", "text"), WRITTEN, ids=[name for name, _ in WRITTEN])
def test_gallery_and_paper(name: str, text: str) -> None:
    assert not broken(name, text)


@pytest.mark.parametrize("first", SEEDS[::TOGETHER])
def test_random_specs(first: int) -> None:
    rows = [safely(f"random {k}", lambda k=k: random_text(k), search=0.02, worlds=2, runs=1) for k in range(first, first + TOGETHER)]
    told = [text for row in rows for text in (*row.get("violations", ()), *row.get("crashes", ()))]
    assert not told, "\n".join(told)


# --- what is false is found: each of these was proved once, or is near to something that was ---------------------------------------

FALSE = {
    "nodes that are no row sums": ("state x, y : R\nmethod m = table([0, 1, 2/3], [[0, 0, 0], [1/3, 0, 0], [0, 2/3, 0]], [1/4, 0, 3/4])\n"
                                   "field f { x' = (1+t)*y  y' = -(1+t)*x }\nflow g = lie(f: relax(m)) over [0, 1] steps 2\nclaim g : order(2)"),
    "a clock that ends early": "state x : R\nscheme half(A) = A(1/2)\nfield f { x' = t }\nflow g = half(f: euler) over [0, 1] steps 1\nclaim g : symmetric",
    "an index that shifts": "dim c = 3\nstate u : R[c, 4, 4]\nstate v : R[c]\nfield f { u' = u + v }\nclaim f : equivariant(translation)",
    "a region that the action leaves": "state x : R\nfield f { x' = (x^(1/2))^2 }\nclaim f : equivariant(sign) on x > 0",
    "an indefinite quadratic": ("state x, y : R\nfield f { x' = y + y^2  y' = x }\nflow g = lie(f: relax(rk4, x^2 - y^2)) over [0, 1] steps 2\n"
                                "claim g : order(3)"),
    "weights of two": ("state x : R\nmethod m = table([0, 1], [[0, 0], [1, 0]], [0, 2])\nscheme q(A) = A(1/4) A(1/4)\nfield f { x' = (1 + t)*x }\n"
                       "flow g = q(f: m) over [0, 1] steps 1\nclaim g : order(2)"),
    "entries that are dropped": "dim n = 3, k = 2\nstate x : R[n]\nnet g : R[n] -> R[n + 1] = embed(n + 1) -> take(k) -> embed(n + 1)\nclaim g : preserves(sum(x))",
    "numbers that turn negative": "state x : R\nfield f { x' = -x }\nflow g = lie(f: euler) over [0, 4] steps 2\nclaim g : positive",
    "a map that grows": ("state x : R\nparam a(t) : R, in [0, 3]\nfield f { x' = -a*x }\nflow g = lie(f: euler) over [0, 1] steps 1\n"
                         "claim g : nonexpansive"),
    "a potential": "state q, p : R\nfield f { q' = p  p' = -sin(q) }\nclaim f : hamiltonian(p^2/2 + cos(q))",
    "a fold": "state x : R\nfield f { x' = -3*x + 4*tanh(x) }\nflow g = lie(f: euler) over [0, 1] steps 1\nclaim g : invertible",
    "volume": "state q, p : R\nfield f { q' = p  p' = -sin(q) }\nflow g = lie(f: implicit_euler) over [0, 1/2] steps 1\nclaim g : volume_preserving",
    "a parameter between knots": ("state x : R\nparam a(t) : R, linear(2), in [0, 3]\nfield f { x' = -a*x }\nflow g = lie(f: euler) over [0, 1] steps 1\n"
                                  "claim g : averaged(1/2)"),
}


@pytest.mark.parametrize("name", FALSE)
def test_what_is_false_is_found(name: str) -> None:
    found = proved(name, f"model Wrong\n{FALSE[name]}\n", 2.0)
    claim = found.loaded.model.claims[-1]
    tally = Tally()
    conclusion(tally, found.loaded, Finding(claim, "proved", "none", "", 0.0), name, 24)
    assert tally.violations


def test_a_bound_that_leaves_no_member_is_found() -> None:
    model = loads("model M\nstate x : R\nparam b : R, in [0, 2]\nfield f { x' = -b*x }\n").model
    b = model.parameter("b")
    upside_down = replace(b, sets=(replace(b.sets[0], arguments=(number(0), number(-1))),))
    with pytest.raises(Empty):
        member(Random(0), upside_down, Values(model, {}))


def test_the_page_counts_what_was_looked_at() -> None:
    spec = next(case.spec for case in CASES if case.rule == "coupled product")
    row = examine("random 1", spec, search=0.0, runs=0)
    told = page([row, {"name": "random 2", "rejected": ["ODE303"]}], "the command")
    assert "**2 random specs** (1 of them rejected with an error)" in told and "0 proofs broken in verdicts, 0 in modules" in told
    assert row["counts"]["points"] > 0 and row["counts"]["lemmas evaluated"] > 0 and row["counts"]["statements evaluated"] > 0

