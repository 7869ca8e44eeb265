"""The paper, checked: the fields, step bounds and networks of Celledoni, Murari, Owren, Schönlieb, Sherry (2023) as specs.

Each claim of `specs/paper` ends in a comment that begins with its verdict; the prover must agree.
"""
from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest

from odenet.diagnostics import Rejected
from odenet.driver import loads
from odenet.proof.show import claim_text
from odenet.syntax import format_spec, parse
from odenet.text import Source

FOLDER = Path(__file__).parents[1] / "specs" / "paper"
SPECS = sorted(path.stem for path in FOLDER.glob("*.ode"))
VERDICT = re.compile(r"^claim .*#\s*(proved|refuted)\b")
# What is true and not yet decided: (spec, claim).
PENDING: frozenset[tuple[str, str]] = frozenset()  # claims that may be undecided until a rule for them is found


def text(name: str) -> str:
    return (FOLDER / f"{name}.ode").read_text(encoding="utf-8")


def expected(name: str) -> dict[int, str]:
    """The verdict written at each line that holds one."""
    found = {i: VERDICT.match(line) for i, line in enumerate(text(name).splitlines(), 1)}
    return {i: match[1] for i, match in found.items() if match}


@pytest.mark.parametrize("name", SPECS)
def test_verdicts(name: str) -> None:
    findings = loads(text(name), f"{name}.ode").report.findings
    wanted = expected(name)
    lines = {finding.claim.line for finding in findings}
    assert lines == set(wanted), "every claim says its verdict"
    for finding in findings:
        claim = claim_text(finding.claim)
        if (name, claim) in PENDING and finding.verdict == "undecided":
            continue
        assert finding.verdict == wanted[finding.claim.line], f"{claim}: {finding.reason}"


def test_the_pending_claims_are_there() -> None:
    known = {(name, claim_text(claim)) for name in {spec for spec, _ in PENDING} for claim in loads(text(name)).model.claims}
    assert known >= PENDING


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_names_its_source_and_survives_formatting(name: str) -> None:
    assert any(line.startswith("# ") and "Source:" in line for line in text(name).splitlines())
    once = format_spec(parse(Source(name, text(name))))
    assert format_spec(parse(Source(name, once))) == once and "Source:" in once


def test_the_flexible_regime_as_coded_fails_where_the_sign_is_lost() -> None:
    finding = next(f for f in loads(text("flexible_as_coded")).report.findings if f.verdict == "refuted")
    assert finding.witness is not None
    steps = dict(finding.witness.values)["he"]
    assert all(Fraction(-19, 10) <= step <= Fraction(5, 100) for step in steps) and any(step < 0 for step in steps)


def test_a_zero_padded_convolution_is_not_taken_for_orthogonal() -> None:
    spec = "model M\nstate u : R[8, 16, 16]\nparam K : conv(8, 8, size = 3, padding = zero), orthogonal\nfield f { u' = K @ u }\n"
    with pytest.raises(Rejected) as rejected:
        loads(spec)
    loads(spec.replace("zero", "circular"))
    (fault,) = rejected.value.faults
    assert fault.code == "ODE302" and "zero padding" in fault.help
