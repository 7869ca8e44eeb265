"""`odenet explain`."""
from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from odenet.cli.shared import fail, named, opened, styles, with_seconds

if TYPE_CHECKING:
    from odenet.driver import Loaded


@click.command()
@click.argument("what", metavar="CODE|RULE|SPEC:LINE", required=False)
@click.option("--list", "is_list", is_flag=True, help="Name every rule that proofs rest on, with its source.")
@with_seconds
def explain(what: str | None, is_list: bool, seconds: float | None) -> None:
    """The page of an error code, a rule, or the whole proof (or refutation) of the claims on a line of a spec.

    Of a claim that is not proved it also says which change of the spec, in one place, would make it so.
    """
    import re

    if is_list:
        _list_rules()
    elif what is None:
        fail("error: what shall be explained? A code such as ODE201, a rule (see --list), or SPEC:LINE such as pendulum.ode:12")
    elif re.fullmatch(r"(?i)ode\d{3}", what):
        _explain_code(what.upper())
    else:
        path, colon, line = what.rpartition(":")
        if colon and path and line.isdecimal() and len(line) < 10:
            _explain_claims(path, int(line), seconds)
        else:
            _explain_rule(what)


def _explain_code(code: str) -> None:
    from odenet.codes import page

    text = page(code)
    if text is None:
        fail(f"error: there is no code {code}; codes run from ODE001 to ODE901")
    click.echo(text)


def _explain_rule(name: str) -> None:
    from odenet.proof.rules import RULES

    rule = RULES.get(name)
    if rule is None:
        fail(f"error: `{named(name)}` is no code such as ODE201, no rule (`odenet explain --list` names them), and no SPEC:LINE "
              "such as pendulum.ode:12")
    assert rule is not None
    click.echo(f"{rule.name}\n\n  {rule.theorem}\n\n  source: {rule.source}")


def _list_rules() -> None:
    from odenet.proof.rules import RULES

    styled = styles(sys.stdout)
    for rule in RULES.values():
        click.echo(f"{styled(rule.name, 'bold')}: {rule.theorem} [{rule.source}]")


def _explain_claims(path: str, line: int, seconds: float | None) -> None:
    loaded = opened(path)
    chosen = [i for i, claim in enumerate(loaded.model.claims) if claim.line == line]
    if not chosen:
        lines = sorted({claim.line for claim in loaded.model.claims})
        fail(f"error: no claim on line {line} of {named(path)}; there are claims on lines {', '.join(map(str, lines)) or '(none)'}")
    for place, index in enumerate(chosen):
        click.echo(("\n" if place else "") + _explained(loaded, index, seconds))


def _explained(loaded: Loaded, index: int, seconds: float | None) -> str:
    import shutil

    from odenet.progress import Progress
    from odenet.proof.narrative import narrative
    from odenet.proof.nearest import Nearest
    from odenet.proof.prove import DEFAULT_SECONDS, Prover
    from odenet.proof.show import claim_text

    claim = loaded.model.claims[index]
    with Progress() as progress:
        progress.show(claim_text(claim), 0, 0)
        finding = Prover(loaded.model, loaded.plans).find(claim, seconds or DEFAULT_SECONDS)
        progress.show(f"{claim_text(claim)}: looking for the nearest spec that has it", 0, 0)
        edits = [] if finding.proof else Nearest(loaded.model, claim, seconds or DEFAULT_SECONDS).edits()
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    return narrative(loaded.model, loaded.plans, finding, edits, styles(sys.stdout), max(width, 40))
