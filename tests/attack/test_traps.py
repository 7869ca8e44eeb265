"""Every trap: what is false must not be proved, what is true must not be refuted."""
from __future__ import annotations

import re

import pytest

from odenet.driver import loads
from tests.attack.traps import TRAPS


def _marks(text: str) -> list[str]:
    return re.findall(r"#! (\w+)", text)


@pytest.mark.parametrize("name", TRAPS)
def test_trap(name: str) -> None:
    text = TRAPS[name]
    findings = loads(f"model Trap{text}").verify(seconds=0.2).findings
    marks = _marks(text)
    assert len(findings) == len(marks)
    wrong = []
    for finding, mark in zip(findings, marks, strict=True):
        is_proved = finding.verdict == "proved" and (mark == "false" or (mark == "never" and not finding.conditions))
        if is_proved or (finding.verdict == "refuted" and mark == "true"):
            wrong.append(f"{finding.claim.text} of {finding.claim.subject}: {finding.verdict}, {mark} in truth: {finding.reason[:200]}")
    assert not wrong, "\n".join(wrong)
