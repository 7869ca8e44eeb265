"""The pages of docs/claims: which rules prove which property, written into each page from the table of rules.

    python -m tests.docs.claim_pages

brings the rules and the outputs of all pages up to date. A test fails where one is not; the verdicts themselves are stated by hand.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from textwrap import fill

from odenet.driver import loads
from odenet.operators.properties import PROPERTIES
from odenet.proof.rules import RULES
from tests.proof.cases import CASES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "claims"
BEGIN, END = "<!-- rules: python -m tests.docs.claim_pages -->", "<!-- end of rules -->"
_SESSION = re.compile(r"```ode (\w+\.ode) \w+\n(.*?)```\n\n```console\n\$ odenet verify \1\n(.*?)```", re.DOTALL)
_WIDTH = 140  # longer lines of output end in an ellipsis
_SECTION = re.compile(f"{re.escape(BEGIN)}\n(.*?){re.escape(END)}", re.DOTALL)


@cache
def rules_of() -> dict[str, tuple[str, ...]]:
    """For each property the rules that occur in proofs of it, in the order of the table; found by proving the rules' own specs."""
    used: dict[str, set[str]] = {name: set() for name in PROPERTIES}
    examples = [spec for name in PROPERTIES for _, spec, _ in _SESSION.findall((FOLDER / f"{name}.md").read_text(encoding="utf-8"))]
    for spec in (*(case.spec for case in CASES), *examples):
        for finding in loads(spec).verify(seconds=5).findings:
            used[finding.claim.property] |= _names(finding.proof) if finding.proof else set()
    return {name: tuple(rule for rule in RULES if rule in found) for name, found in used.items()}


def _names(proof) -> set[str]:
    return {proof.rule}.union(*(_names(premise) for premise in proof.premises))


def section(name: str) -> str:
    """The rules of a property as Markdown: name, theorem, source."""
    lines = []
    for rule in map(RULES.__getitem__, rules_of()[name]):
        source = "" if rule.source == "definition" else f" *{rule.source}.*"
        lines.append(fill(f"- **{rule.name}**: {rule.theorem}{source}", 132, subsequent_indent="  ", break_long_words=False,
                          break_on_hyphens=False))
    return "\n".join(lines) + "\n"


def updated(text: str, name: str) -> str:
    """A page with its rules as they are now."""
    return _SECTION.sub(lambda _: f"{BEGIN}\n{section(name)}{END}", text)


def run_again(text: str) -> str:
    """A page with the outputs that its specs have now."""
    def session(match: re.Match[str]) -> str:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / match[1]).write_text(match[2])
            done = subprocess.run([sys.executable, "-m", "odenet", "verify", match[1]], capture_output=True, text=True, cwd=folder,
                                  env={**os.environ, "NO_COLOR": "1"}, check=False)
        lines = [line if len(line) <= _WIDTH else f"{line[:_WIDTH - 8].rstrip()}..." for line in done.stdout.splitlines()]
        return match[0].replace(match[3], "\n".join(lines) + "\n") if match[3] else match[0][:-3] + "\n".join(lines) + "\n```"

    return _SESSION.sub(session, text)


def main() -> None:
    for name in PROPERTIES:
        page = FOLDER / f"{name}.md"
        page.write_text(updated(run_again(page.read_text(encoding="utf-8")), name), encoding="utf-8")


if __name__ == "__main__":
    main()
