"""A set has members for all members of what its bounds use, and for all sizes; otherwise an edit gives it some."""
from __future__ import annotations

import json

import pytest

from odenet.diagnostics import Rejected
from odenet.driver import loads
from odenet.ir import build
from odenet.plan import plan_flow
from odenet.proof.certificate import as_data, certificate
from odenet.proof.finding import Finding
from odenet.proof.prove import Prover, verify
from odenet.proof.sets import members
from odenet.recheck import Rejected as Refused
from odenet.recheck import recheck
from odenet.recheck.sets import have_members, needed_for_sets
from odenet.recheck.witness import recheck_witness
from odenet.syntax import decode, parse

HEAD = "model M\ndim n = 2, m = 3\ndim k = n + 1\nstate x : R\nparam W : R[n, n]\n"
TAIL = "\nfield f { x' = -x }\n"


def written(model):
    """The inequalities about the sets of a model, as a certificate has them."""
    return [[owner, where, depth, as_data(scalar), as_data(evidence)]
            for owner, where, depth, scalar, evidence in members(model).lemmas]


def read(text):
    """A model that the driver would not let through."""
    model = build(parse(decode("test.ode", text.encode())))
    return model, {flow.name: plan_flow(model, flow) for flow in model.flows}


FULL = [
    "param h : R, in [0.11, 1.89]\nparam b : R, in [0, 1/max(1 - h/2, h - 1) - 1]",
    "param h : R, in [0, 1]\nparam b : R, in [0, 1/sqrt(1 - h + h^2) - 1]",
    "param a : R, in [0, 1]\nparam b : R, in [a, 1]\nparam c : R, in [a, b]",
    "param a : R, in [0, 1]\nparam b : R, in [a^2, a]",
    "param a : R\nparam b : R, in [-abs(a), exp(a)]",
    "param a : R, positive\nparam A : R[n, n], skew, norm <= 1/a",
    "param b : R, in [-norm(W), norm(W)]",
    "param b : R, in [0, n - 1]\nparam A : R[n, m], norm <= sqrt(n)",
    "param b : R, in [1/k, 1]",
    "param a(t) : R, in [-1, 1]\nparam b(t) : R, in [0, 1 - a^2], clamped",
    "param v : R[m], positive\nparam b : R, in [0, sum(v)]",
]


@pytest.mark.parametrize("parameters", FULL)
def test_sets_with_members_pass_and_the_checker_agrees(parameters):
    model = loads(HEAD + parameters + TAIL).model
    have_members(model, needed_for_sets(model, json.loads(json.dumps(written(model)))))


EMPTY = [
    "param a : R, in [0, 2]\nparam b : R, in [0, 1 - a]",
    "param a : R, in [0, 3 - n]",
    "param c : R, in [-2, 1]\nparam A : R[n, n], norm <= c",
    "param c : R, in [-2, 1]\nparam A : R[n, n], psd, norm <= 2*c - 1",
    "param c : R\nparam K : conv(2, 2, size = 3), norm <= c",
    "param c : R\nparam b : R[n, m], in [0, c]",
    "param h : R, in [0, 1]\nparam b : R, in [1, h - 1]",
    "param a : R, in [0, 1]\nparam b : R, in [a, 1]\nparam c : R, in [b, a]",
    "param a : R, binary\nparam b : R, in [0, a]",
    "param b : R, in [0, norm(W) - 1]",
    "param b : R, in [norm(W), 1]",
    "param b : R, in [n, m]",
    "param b : R, in [0, 3*n - n^2 - 2]",
    "param w : R[3], in [-1, 1]\nparam b : R, in [0, max(w)]",
    "param a : R, in [0, 2]\nparam b : R, in [0, # a comment\n  1 - a]",
    "const c = 1\nparam a : R, in [0, 2]\ndef room(z) = c - z\nparam b : R, in [0, room(a)]",
    "param a(t) : R, in [0, 2]\nparam b(t) : R, in [0, (1 - a)*(1 + a)]",
    "param a : R, in [0, 2]\nparam b : R, in [0, 1 - a]\nparam c : R, in [b, 1 - b]",
    "param A : R[n, n], norm <= -1/2",
]


@pytest.mark.parametrize("parameters", EMPTY)
def test_a_set_that_may_be_empty_is_an_error_that_its_edits_mend(parameters):
    text = HEAD + parameters + TAIL
    for _ in range(4):
        with pytest.raises(Rejected) as caught:
            loads(text)
        fault = caught.value.faults[0]
        assert fault.code == "ODE303" and fault.edits
        for edit in sorted(fault.edits, key=lambda e: -e.span.start):
            text = text[:edit.span.start] + edit.text + text[edit.span.end:]
        try:
            mended = loads(text).model
        except Rejected:
            continue
        return have_members(mended, needed_for_sets(mended, written(mended)))
    raise AssertionError(text)


@pytest.mark.parametrize("parameters", EMPTY[:-1])
def test_the_checker_refuses_a_set_that_may_be_empty(parameters):
    model, _ = read(HEAD + parameters + TAIL)
    with pytest.raises(Refused):
        needed_for_sets(model, written(model))


@pytest.mark.parametrize("bound", ["1/a", "1/a^2", "sqrt(a)", "log(a)", "a^(1/3)", "1/(1 + a)", "1/norm(W)", "1/mean(v)"])
def test_a_bound_that_may_have_no_value_is_an_error_that_its_edit_mends(bound):
    text = f"{HEAD}param a : R, in [-1, 1]\nparam v : R[n]\nparam b : R, in [-5, {bound}]{TAIL}"
    with pytest.raises(Rejected) as caught:
        loads(text)
    fault = caught.value.faults[0]
    (edit,) = fault.edits
    assert fault.code == "ODE303" and "no value" in fault.message
    with pytest.raises(Refused, match="no value"):
        needed_for_sets(*((model := read(text)[0]), written(model)))
    try:
        loads(text[:edit.span.start] + edit.text + text[edit.span.end:])
    except Rejected as later:
        assert "no value" not in later.faults[0].message


def test_a_bound_above_without_a_value_is_one_fault_and_no_crash():
    with pytest.raises(Rejected) as caught:
        loads(f"{HEAD}param a : R, in [0, n/(n - n)]\nparam b : R, in [1, a * max(a, m)]{TAIL}")
    assert {fault.code for fault in caught.value.faults} == {"ODE303"}


@pytest.mark.parametrize("stage", ["linear(norm <= 3 - n)", "linear(norm <= 1/(n - 1))", "linear(5, norm <= n - 2) -> tanh"])
def test_stages_of_nets_too(stage):
    text = f"model M\ndim n = 3\nnet q : R[5] -> R[5] = {stage}\nclaim q : lipschitz(2)\n"
    with pytest.raises(Rejected) as caught:
        loads(text)
    assert [fault.code for fault in caught.value.faults] == ["ODE303"]
    edit, = caught.value.faults[0].edits
    loads(text[:edit.span.start] + edit.text + text[edit.span.end:])


VACUOUS = ("model M\nstate x : R\nparam a : R, in [0, 2]\nparam b : R, in [0, 1 - a]\nfield f { x' = -b*x }\n"
           "claim f : nonexpansive\n")


def test_a_proof_about_no_members_is_none():
    """b >= 0 follows from its set; but for a = 2 there is no b, and the chart of the set gives -1."""
    model, plans = read(VACUOUS)
    prover = Prover(model, plans)
    outcome = prover.reached(model.claims[0], 5)
    found = Finding(model.claims[0], "proved", outcome.rule, outcome.statement, 0.0, proof=outcome, lemmas=prover.context.lemmas())
    with pytest.raises(Refused, match="the set of `b` may be empty"):
        certificate(model, plans, found)
    (finding,) = verify(model, plans)
    assert finding.verdict == "undecided" and "may be empty" in finding.reason


def test_what_shows_that_a_set_has_members_does_not_lean_on_that_set():
    """1 - a = (1 - a - b) + b, both terms >= 0 for the members b; there is none to say so for a = 2."""
    model, _ = read(VACUOUS)
    a, b = (["atom", "param", ["text", name]] for name in "ab")
    room, rest = ["scalar", ["1"], ["-1", [a, "1"]], ["-1", [b, "1"]]], ["scalar", ["1", [b, "1"]]]
    one = ["tuple", ["tuple", "1", ["tuple", room, "1"]], ["tuple", "1", ["tuple", rest, "1"]]]
    forged = [["b", "free", 6, ["scalar", ["1"], ["-1", [a, "1"]]],
               ["evidence", "combination", one, ["evidence", "assumption", ["tuple"]], ["evidence", "enclosure", ["tuple"]]]]]
    with pytest.raises((Refused, StopIteration)):
        needed_for_sets(model, forged)


def test_the_certificate_of_a_claim_shows_that_the_sets_have_members():
    text = ("model M\nstate x : R\nparam a : R, in [0, 1]\nparam b : R, in [a^2, a]\nfield f { x' = -b*x }\n"
            "claim f : nonexpansive\n")
    loaded = loads(text)
    (finding,) = loaded.verify().findings
    claim = loaded.model.claims[0]
    assert finding.certificate is not None and [item[0] for item in finding.certificate["sets"]] == ["b"]
    recheck(loaded.model, loaded.plans, claim, finding.certificate)
    without = {name: value for name, value in finding.certificate.items() if name != "sets"}
    twice = finding.certificate | {"sets": finding.certificate["sets"] * 2}
    of_a = finding.certificate | {"sets": [["a", *item[1:]] for item in finding.certificate["sets"]]}
    for spoiled in (without, twice, of_a, finding.certificate | {"sets": None}, finding.certificate | {"sets": [["b"]]}):
        with pytest.raises(Refused):
            recheck(loaded.model, loaded.plans, claim, spoiled)


@pytest.mark.parametrize(("more", "is_witness"), [
    ("", True), ("param k : R, in [0, c]", False), ("param d : R, in [0, 1]\nparam k : R, in [d, d + c + 2]", True),
    ("param d : R, in [0, 1]\nparam k : R, in [d + 3, d - c]", False), ("param A : R[2, 2], norm <= c", False),
    ("param Q : R[2, 2], orthogonal\nparam k : R, in [0, sum(Q*Q)]", True), ("param k : R, in [0, c^2]", True),
])
def test_a_witness_leaves_members_of_every_parameter(more, is_witness):
    """c = -1 breaks the claim on x' = -c x; where another parameter then has no member, it is no value that c can take."""
    model, plans = read(f"model M\nstate x : R\nparam c : R\n{more}\nfield f {{ x' = -c * x }}\nclaim f : nonexpansive\n")
    witness = {"dims": {}, "values": {"c": "-1", "x": "1", "v.x": "1"}}
    if is_witness:
        recheck_witness(model, plans, model.claims[0], witness)
    else:
        with pytest.raises(Refused, match="may be empty"):
            recheck_witness(model, plans, model.claims[0], witness)


MOVES = ["param b(t) : R, in [0, a]", "param b(t) : R, in [0, a^2]", "param B(t) : R[2, 2], norm <= 2*a + 1",
         "param c(t) : R, in [0, 1]\nparam b(t) : R, in [0, c*a]", "def twice(z) = z + a\nparam b(t) : R[3], in [0, twice(a)]",
         "param b(t) : R, in [0, max(a, 0)], clamped", "param B(t) : R[2, 2], symmetric, norm <= a"]


@pytest.mark.parametrize("schedule", ["linear(2)", "fourier(3)", "poly(2)"])
@pytest.mark.parametrize("parameters", MOVES)
def test_nothing_is_bounded_by_what_moves_within_the_step(parameters, schedule):
    a = "param a(t) : R, linear(2), in [0, 1]" if schedule == "linear(2)" else f"param a(t) : R, {schedule}"
    text = f"model M\nstate x : R\n{a}\n{parameters}\nfield f {{ x' = -x }}\n"
    with pytest.raises(Rejected) as caught:
        loads(text)
    fault = caught.value.faults[0]
    assert fault.code == "ODE308"
    (edit,) = fault.edits
    try:
        loads(text[:edit.span.start] + edit.text + text[edit.span.end:])
    except Rejected as later:  # a free `a` may be negative
        assert later.faults[0].code == "ODE303"
