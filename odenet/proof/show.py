"""Findings as text and as JSON."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from odenet.ir.model import Claim, Model
from odenet.proof.finding import Finding, Proof, Witness
from odenet.proof.rules import RULES
from odenet.text import escape

Style = Callable[[str, str], str]  # (text, colour) -> text
MOST_EQUAL = 8
_COLOURS = {"proved": "green", "refuted": "red", "undecided": "yellow"}


def plain(text: str, _colour: str) -> str:
    return text


def subject(claim: Claim) -> str:
    return " + ".join(claim.fields) if claim.kind == "field" else claim.subject


def claim_text(claim: Claim) -> str:
    """The claim as a person writes it: `net : order(2)`."""
    region = f" on {claim.region_text}" if claim.region_text else ""
    return f"{subject(claim)} : {claim.text}{region}"


def report_text(model: Model, findings: tuple[Finding, ...], style: Style = plain) -> str:
    """All findings of a model, a line or a short paragraph each, and the count."""
    lines = [f"{style(model.name, 'bold')}  {escape(model.source.name)}"]
    for finding in findings:
        lines.extend(finding_lines(finding, style))
    counts = [f"{sum(f.verdict == v for f in findings)} {v}" for v in ("proved", "refuted", "undecided")]
    lines.append(f"  {', '.join(counts)}" if findings else "  no claims: nothing to prove")
    return "\n".join(lines)


def finding_lines(finding: Finding, style: Style = plain) -> list[str]:
    head = f"  {style(f'{finding.verdict:<10}', _COLOURS[finding.verdict])} {claim_text(finding.claim)}"
    pairs = [f"{'':13}pairs: {', '.join(finding.pairs)}"] if finding.pairs else []
    if finding.verdict == "proved":
        lines = [f"{head}   [{finding.rule}]", *pairs]
        if finding.proof is not None and any(name == "potential" for name, _ in finding.proof.data):
            lines.append(f"{'':13}{finding.proof.statement}")
        return lines + [f"{'':13}if {condition}" for condition in finding.conditions]
    help = [f"{'':13}help: {finding.advice}"] if finding.advice else []
    if finding.witness is None:
        return [head, *pairs, f"{'':13}missing: {finding.reason}", *help]
    return [head, *pairs, *(f"{'':13}{line}" for line in witness_lines(finding.witness)), *help]


def witness_lines(witness: Witness) -> list[str]:
    lines = [f"{witness.quantity} = {witness.value}, expected {witness.expected}"]
    where = [f"{name} = {value}" for name, value in witness.dims]
    where += [f"{name} = {_shortened(value)}" for name, value in witness.values]
    if where:
        lines.append(f"at {', '.join(where)}")
    return [line if len(line) <= 600 else _cut(line, 600) + " (whole with --format json)" for line in lines]


def _shortened(value: Any) -> str:
    """One value in each of many steps is written once."""
    is_long = isinstance(value, tuple) and len(value) > MOST_EQUAL and len(set(value)) == 1
    return f"[{value_text(value[0])}, … {len(value)} times]" if is_long else value_text(value)


def value_text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(value_text, value))}]"
    return str(value)


def survey_text(findings: tuple[Finding, ...], style: Style = plain) -> str:
    """What a model has beside what it claims, subject by subject: claims to paste, what is false, what is open."""
    lines: list[str] = []
    for name in dict.fromkeys(subject(f.claim) for f in findings):
        own = [f for f in findings if subject(f.claim) == name]
        lines += ["", f"{style(name, 'bold')}  ({own[0].claim.kind if ' + ' not in name else 'sum of fields'})"]
        lines += [line for f in own if f.verdict == "proved" for line in _pasted(f, style)]
        for verdict in ("refuted", "undecided"):
            lines += [line for f in own if f.verdict == verdict for line in _brief(f, style)]
    counts = [f"{sum(f.verdict == v for f in findings)} {v}" for v in ("proved", "refuted", "undecided")]
    return "\n".join([*lines, "", f"  tried beside the claims: {', '.join(counts)}"])


def _pasted(finding: Finding, style: Style) -> list[str]:
    """A proved claim as a line of a spec; what is behind the # is a comment there."""
    line = f"  {style('claim', 'green')} {claim_text(finding.claim)}"
    rule = f"{finding.rule}; {finding.advice}" if finding.advice else finding.rule
    return [f"{line}  # {rule}", *(f"{'':8}# if {condition}" for condition in finding.conditions)]


def _brief(finding: Finding, style: Style) -> list[str]:
    region = f" on {finding.claim.region_text}" if finding.claim.region_text else ""
    head = f"  {style(f'{finding.verdict:<10}', _COLOURS[finding.verdict])} {finding.claim.text}{region}"
    if finding.witness is None:
        return [f"{head}: {_cut(finding.reason, 150)}"]
    return [f"{head}: {_cut(', '.join(witness_lines(finding.witness)), 150)}"]


def _cut(text: str, most: int) -> str:
    """Without its end, between two words."""
    return text if len(text) <= most else f"{text[:most - 1].rpartition(' ')[0] or text[:most - 2]} …"


def as_json(finding: Finding) -> dict[str, Any]:
    """One element of `claims`."""
    claim = finding.claim
    return {
        "line": claim.line, "subject": subject(claim), "property": claim.property, "args": _arguments(claim),
        "region": claim.region_text or None, "verdict": finding.verdict, "rule": finding.rule or None,
        "reason": f"{finding.reason}; {finding.advice}" if finding.advice else finding.reason,
        "conditions": list(finding.conditions), "witness": finding.witness.as_json() if finding.witness else None,
        "pairs": list(finding.pairs) or None, "potential": finding.potential or None, "seconds": round(finding.seconds, 4),
    }


def _arguments(claim: Claim) -> list[str]:
    """The text between the property's parentheses, split at its own commas."""
    inside = claim.text[claim.text.index("(") + 1:-1] if "(" in claim.text else ""
    pieces, depth, start = [], 0, 0
    for i, character in enumerate(inside):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            pieces.append(inside[start:i].strip())
            start = i + 1
    return [*pieces, inside[start:].strip()] if inside else []


def proof_lines(proof: Proof, depth: int = 0) -> list[str]:
    """A proof as a person would write it: what is shown, by which theorem, from what."""
    rule = RULES[proof.rule]
    pad = "   " * depth
    lines = [f"{pad}{proof.statement}", f"{pad}   by \"{rule.name}\": {rule.theorem}", f"{pad}   source: {rule.source}"]
    lines += [f"{pad}   provided that {condition}" for condition in proof.conditions]
    for premise in proof.premises:
        lines += [f"{pad}   since:", *proof_lines(premise, depth + 1)]
    return lines




_OUTCOMES = {"accepted": "green", "rejected": "red", "open": "yellow"}


def checks_text(model: Model, checks: Sequence[Any], faults: Sequence[str], note: str, style: Style = plain) -> str:
    """What the independent checker says of each claim (`odenet.certificates.Check`), then what else does not agree."""
    lines = [f"{style(model.name, 'bold')}  {escape(model.source.name)}"]
    lines += [f"  note: {note}"] if note else []
    for one in checks:
        what = claim_text(one.claim) if one.claim is not None else "a certificate"
        verdict = f"   [{one.verdict}]" if one.outcome == "accepted" else f": {_cut(one.note, 300)}"
        lines.append(f"  {style(f'{one.outcome:<10}', _OUTCOMES[one.outcome])} {what}{verdict}")
        lines += [f"{'':13}if {condition}" for condition in one.conditions]
    lines += [f"  {style('rejected  ', 'red')} {fault}" for fault in faults]
    counts = [f"{sum(one.outcome == outcome for one in checks)} {outcome}" for outcome in _OUTCOMES]
    return "\n".join([*lines, f"  {', '.join(counts)}" if checks else "  no claims: nothing to check"])
