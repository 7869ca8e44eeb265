"""Blocks `R[m, n]`: every claim about them ends in a verdict, true ones but `order` undecided for a reason that is true."""
from __future__ import annotations

import pytest

from odenet.driver import loads
from odenet.proof.finding import Proof
from odenet.proof.prove import Prover

WIDE = "model M\ndim n = 2, d = 3\nstate X, Y : R[n, d]\nparam W : R[d, d]\nparam P : R[n, n]\nparam B : R[n, d]\n"
SQUARE = "model M\ndim n = 2\nstate X, Y : R[n, n]\nparam W : R[n, n]\nparam P : R[n, n], skew\n"
WIDE_FIELDS = ["X @ W", "P @ X", "-X", "X * Y", "X @ X.T @ X", "X - mean(X) * X", "sum(X) * tanh(X)", "dot(X, X) * Y",
               "norm(X) * X", "B", "relu(P @ X + B)", "diag(X @ ones(d)) @ X", "outer(softmax(X @ ones(d)), ones(d))",
               "max(X, B)", "-grad(sum(X*X), X)", "(1 + t) * X"]
SQUARE_FIELDS = ["X @ Y", "X.T", "X - X.T", "X @ X - X", "sym(X) @ W", "P @ X - X @ P"]
OF_FIELDS = ["divergence_free", "gradient", "hamiltonian", "nonexpansive", "contractive(1)", "lipschitz(1)",
             "lipschitz(1, norm = inf)",
             "preserves(sum(X))", "dissipates(dot(X, X))", "positive", "equivariant(sign)", "equivariant(permutation)",
             "equivariant(translation)", "reversible"]
OF_FLOWS = ["symplectic", "volume_preserving", "invertible", "lipschitz(1)", "nonexpansive", "averaged(1/2)", "preserves(sum(X))",
            "dissipates(dot(X, X))", "positive", "equivariant(sign)", "equivariant(permutation)", "equivariant(translation)",
            "reversible", "symmetric"]
TRUE_WITHOUT_READING = {"B"}  # a shift by a constant: a bijection that keeps volume, whatever the block


def _texts(fields, head):
    for field in fields:
        for method in ("euler", "implicit_midpoint"):
            claims = [f"claim f : {c}\n" for c in OF_FIELDS] * (method == "euler") + [f"claim g : {c}\n" for c in OF_FLOWS]
            yield field, (f"{head}field f {{ X' = {field} }}\nflow g = lie(f: {method}) over [0, 1] steps 2\n" + "".join(claims))


@pytest.mark.parametrize(("field", "text"), [*_texts(WIDE_FIELDS, WIDE), *_texts(SQUARE_FIELDS, SQUARE)])
def test_the_rules_end_in_a_reason(field, text):
    loaded = loads(text)
    prover = Prover(loaded.model, loaded.plans)
    for claim in loaded.model.claims:
        outcome = prover.reached(claim, 4)
        if isinstance(outcome, Proof):
            assert field in TRUE_WITHOUT_READING or claim.property == "symmetric", (claim.text, outcome)
            assert prover.find(claim, 4).verdict == "proved", claim.text
        else:
            assert "bug" not in outcome


@pytest.mark.parametrize(("field", "claim", "verdict"), [
    ("X @ W", "f : lipschitz(1)", "refuted"), ("P @ X", "f : divergence_free", "refuted"), ("-X", "f : nonexpansive", "undecided"),
    ("-X", "f : equivariant(sign)", "undecided"), ("-X", "g : order(1)", "proved"), ("-X * Y", "g : positive", "refuted"),
    ("X @ X.T @ X", "g : invertible", "undecided"), ("-X", "f : equivariant(permutation)", "undecided"),
])
def test_claims_about_matrices_have_verdicts(field, claim, verdict):
    text = f"{WIDE}field f {{ X' = {field} }}\nflow g = lie(f: euler) over [0, 1] steps 2\nclaim {claim}\n"
    finding = loads(text).verify(seconds=3).findings[0]
    assert finding.verdict == verdict, finding.reason
    assert "checker" not in finding.reason


def test_a_matrix_beside_what_is_proved_does_not_disturb():
    text = ("model M\ndim n = 2\nstate X : R[n, n]\nstate x : R[n]\nfield f { x' = -x }\n"
            "flow g = lie(f: euler) over [0, 1] steps 2\nclaim f : gradient, nonexpansive, dissipates(dot(x, x))\n"
            "claim g : nonexpansive\n")
    assert {finding.verdict for finding in loads(text).verify(seconds=3).findings} == {"proved"}


def test_all_is_tried_of_a_matrix_and_it_compiles():
    loaded = loads(f"{WIDE}field f {{ X' = X @ W }}\nflow g = lie(f: euler) over [0, 1] steps 2\nclaim g : invertible\n")
    tried = loaded.survey(seconds=0.2).tried
    assert tried is not None and {finding.claim.property for finding in tried if finding.verdict == "proved"} <= {"order"}
    assert "class M" in loaded.source(allow_undecided=True, seconds=0.2)
