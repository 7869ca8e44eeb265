"""The docstring at the head of an emitted module: where it comes from, and what was proved."""

from __future__ import annotations

import re
from textwrap import wrap

from odenet.ir.model import Model
from odenet.proof.finding import Finding

WIDTH = 116


def header(model: Model, findings: tuple[Finding, ...], digests: tuple[str, str], version: str) -> tuple[str, ...]:
    """The lines of the docstring. Nothing in it is copied from the spec but names, and claims as they were understood.

    digests: of the spec, and of the certificates ("" where there are none).
    """
    name = clean(re.split(r"[/\\]", model.source.name)[-1], 80) or "a spec"
    lines = [f"{model.name}: compiled by odenet {clean(version, 40)} from {name}.", ""]
    lines.append(f"Spec digest (SHA-256): {clean(digests[0], 128)}")
    if digests[1]:
        lines.append(f"Certificates digest (SHA-256): {clean(digests[1], 128)}")
    lines.append("")
    lines += [
        "Each statement holds for all parameter values in their sets, all sizes, times and states, in exact arithmetic:"
    ]
    lines.append("")
    if not findings:
        return (*lines[:-2], "The spec makes no claims.")
    for finding in findings:
        lines += _claim(finding)
    return tuple(lines)


def _claim(finding: Finding) -> list[str]:
    claim = finding.claim
    subject = " + ".join(claim.fields) if claim.kind == "field" else claim.subject
    region = f" on {claim.region_text}" if claim.region_text else ""
    first = f"- {subject} : {claim.text}{region}: {finding.verdict}"
    if finding.verdict == "proved":
        first += f" by {finding.rule}" if finding.rule else ""
    elif finding.reason:
        first += f": {finding.reason}"
    lines = _wrapped(first, "", "  ")
    for condition in finding.conditions:
        lines += _wrapped(f"if {condition}", "  ", "    ")
    return lines


def _wrapped(text: str, first: str, later: str) -> list[str]:
    return wrap(clean(text, 2000), WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=True)


def clean(text: str, longest: int) -> str:
    """Printable ASCII without quotes and backslashes: it cannot end the docstring or mean anything in it."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\`' else "'" if c in '"`' else "?" for c in text)
    return re.sub(r"\s+", " ", plain).strip()[:longest]
