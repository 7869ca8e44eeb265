"""Plans: substeps, clocks, merging, faults."""
from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from odenet.diagnostics import Rejected
from odenet.plan import plan_flow
from odenet.plan.show import plan_text
from odenet.plan.steps import DiscreteGradient, Substep
from odenet.schemes.numbers import Exact

from .models import distance, model, plan, runner

HEAD = "state q, p : R\nfield drift { q' = p }\nfield kick { p' = -sin(q) + cos(t) }\n"
RNG = np.random.default_rng(3)


def shown(substeps: tuple[Substep, ...]) -> str:
    return " ".join(f"{'ABC'[s.part]}({s.coefficient})@{s.clock}" for s in substeps)


def test_strang() -> None:
    _, found = plan(HEAD + "flow net = strang(drift, kick) over [0, 1] steps 4")
    assert shown(found.step) == "A(1/2)@0 B(1)@1/2 A(1/2)@1/2"
    assert shown(found.opening) == "A(1/2)@0 B(1)@1/2"
    assert shown(found.repeated) == "A(1)@1/2 B(1)@3/2"
    assert shown(found.closing) == "A(1/2)@1/2"


def test_the_clock_runs_in_the_part_named_first() -> None:
    _, found = plan(HEAD + "scheme late(A, B) = B(1/2) A(1) B(1/2)\nflow net = late(drift, kick) over [0, 1] steps 4")
    assert shown(found.step) == "B(1/2)@0 A(1)@0 B(1/2)@1"
    assert found.merged and shown(found.repeated) == "B(1)@1 A(1)@1"  # t is the same in both halves


def test_neighbours_are_merged_within_a_step_only_when_exact() -> None:
    _, found = plan(HEAD + "flow net = yoshida4(drift, kick) over [0, 1] steps 4")
    assert len(found.step) == 7
    _, found = plan(HEAD + "flow net = yoshida4(drift: heun, kick) over [0, 1] steps 4")
    assert len(found.step) == 9 and not found.merged


def test_zero_substeps_are_dropped() -> None:
    _, found = plan(HEAD + "scheme idle(A, B) = A(1/2) B(1/3) A(0) B(2/3) A(1/2)\n"
                    "flow net = idle(drift, kick) over [0, 1] steps 4")
    assert shown(found.step) == "A(1/2)@0 B(1)@1/2 A(1/2)@1/2"


@pytest.mark.parametrize(("head", "merges"), [
    (HEAD, True),
    ("state q, p : R\nparam a(t) : R\nfield drift { q' = a*p }\nfield kick { p' = -q }\n", False),
    ("state q, p : R\nparam a(t) : R\nfield drift { q' = p }\nfield kick { p' = -a*q }\n", True),
    ("state q, p : R\nfield drift { q' = p + sin(t) }\nfield kick { p' = -q }\n", True),
])
def test_what_is_joined_across_steps(head: str, merges: bool) -> None:
    _, found = plan(head + "flow net = strang(drift, kick) over [0, 1] steps 4")
    assert found.merged == merges


def test_a_clock_that_does_not_reach_the_end_of_the_step() -> None:
    head = "state q, p : R\nfield drift { q' = p + sin(t) }\nfield kick { p' = -q }\n"
    _, found = plan(head + "scheme short(A, B) = A(1/2) B(1) A(2/5)\nflow net = short(drift, kick) over [0, 1] steps 4")
    assert not found.merged


@pytest.mark.parametrize("scheme", ["strang", "yoshida4", "mclachlan4", "ruth3"])
@pytest.mark.parametrize("head", [
    HEAD, "state q, p : R\nparam a(t) : R\nfield drift { q' = p + t }\nfield kick { p' = -a*sin(q) + t^2 }\n",
    "state q, p : R\nfield drift { q' = p + q }\nfield kick { p' = exp(q)*sin(t)*p }\n"])
def test_merged_runs_are_the_same_and_inverses_return(scheme: str, head: str) -> None:
    made = runner(head + f"flow net = {scheme}(drift, kick) over [1, 2] steps 5", {"a": RNG.standard_normal(5)})
    start = {"q": 0.3, "p": -0.4}
    end = made.run(start)
    assert distance(made.merged(start), end) < 1e-13
    assert distance(made.inverse(end), start) < 1e-12


def test_clocks_sum_to_the_whole_step() -> None:
    _, found = plan(HEAD + "flow net = triple_jump6(drift, kick) over [0, 1] steps 4")
    assert sum((s.coefficient for s in found.step if s.part == 0), Exact(0)) == 1
    assert sum((s.coefficient for s in found.step if s.part == 1), Exact(0)) == 1


@pytest.mark.parametrize(("flow", "code"), [
    ("lie(whole)", "ODE510"), ("lie(whole: exact)", "ODE510"), ("lie(whole: discrete_gradient)", "ODE511"),
    ("lie(whole: relax(heun, q^4))", "ODE512"), ("lie(drift: relax(heun, p^2))", "ODE512"),
    ("lie(whole: relax(euler))", "ODE513"), ("lie(whole: relax(implicit_euler))", "ODE513"),
])
def test_faults(flow: str, code: str) -> None:
    built = model(HEAD + "field whole { q' = p  p' = -sin(q) }\nclaim whole : gradient(q*p)\n"
                  f"flow net = {flow} over [0, 1] steps 4\n")
    with pytest.raises(Rejected) as caught:
        plan_flow(built, built.flow("net"))
    assert [fault.code for fault in caught.value.faults] == [code]


def test_all_parts_at_fault_are_reported() -> None:
    built = model("state q, p : R\nfield f { q' = q^2 }\nfield g { p' = p^2 }\nflow net = lie(f, g) over [0, 1] steps 1\n")
    with pytest.raises(Rejected) as caught:
        plan_flow(built, built.flow("net"))
    assert len(caught.value.faults) == 2


def test_a_claimed_potential_is_checked() -> None:
    head = "state q, p : R\nfield f { p' = -sin(q)  q' = p }\n"
    made = runner(head + "flow net = lie(f: discrete_gradient) over [0, 2] steps 8\n"
                  "claim f : hamiltonian(p^2/2 + cos(q)), hamiltonian(p^2/2 - cos(q))\n")
    found = made.plan.advances[0]
    assert isinstance(found, DiscreteGradient) and found.is_hamiltonian and [b for b, _ in found.rates] == ["q", "p"]
    path = made.trajectory({"q": 1.0, "p": 0.5})
    energies = [x["p"] ** 2 / 2 - np.cos(x["q"]) for x in path]
    assert max(energies) - min(energies) < 1e-12


def test_a_gradient_potential_never_grows() -> None:
    made = runner("state q, p : R\nfield f { q' = p - q^3  p' = q - p }\nclaim f : gradient(q*p - q^4/4 - p^2/2)\n"
                  "flow net = lie(f: discrete_gradient) over [0, 20] steps 10\n")
    values = [x["q"] * x["p"] - x["q"] ** 4 / 4 - x["p"] ** 2 / 2 for x in made.trajectory({"q": 0.6, "p": -1.3})]
    assert all(later > earlier for earlier, later in pairwise(values))


def test_text_is_stable() -> None:
    _, found = plan(HEAD + "flow net = yoshida4(drift, kick) over [0, 1] steps 4")
    assert plan_text(found) == plan_text(found)
    assert "drift for (1/3 + 1/6*2^(1/3) + 1/12*2^(2/3))*h, clock at 0" in plan_text(found)
