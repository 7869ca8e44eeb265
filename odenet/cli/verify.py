"""`odenet verify` and `odenet recheck`."""
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from odenet.cli.shared import NOT_PROVED, PROVED, fail, opened, styles, verified, with_seconds, write

if TYPE_CHECKING:
    from odenet.certificates import Certificates


@click.command()
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="json: one object a line for each spec.")
@with_seconds
@click.option("--all", "is_survey", is_flag=True, help="Also try every property that could apply to any field, flow, net or def.")
@click.option("--certificates", "target", metavar="FILE", help="Write what backs the verdicts there, for `odenet recheck`.")
def verify(specs: tuple[str, ...], style: str, seconds: float | None, is_survey: bool, target: str | None) -> None:
    """Prove or refute every claim of each SPEC.

    With --all, also say what else each model has: its largest order, its least Lipschitz constants, its first integrals and so on,
    as claims to paste. The exit status speaks of the claims that the spec makes.
    """
    from odenet.proof.show import report_text, survey_text

    if target and len(specs) > 1:
        fail("error: --certificates takes one SPEC")
    statuses = []
    for path in specs:
        loaded = opened(path)
        report = verified(loaded, seconds, is_survey)
        if target:
            write(target, loaded.certificates(report).text())
        if style == "json":
            click.echo(json.dumps(report.as_json()))
        else:
            styled = styles(sys.stdout)
            click.echo(report_text(report.model, report.findings, styled))
            if report.tried is not None:
                click.echo(survey_text(report.tried, styled))
        statuses.append(PROVED if report.is_proved else NOT_PROVED)
    sys.exit(max(statuses))


@click.command()
@click.argument("spec")
@click.option("--certificates", "source", metavar="FILE", help="Check these, written by `verify --certificates`; without it the "
              "claims are proved first.")
@click.option("--module", "module", metavar="FILE", help="Also check that the head of this emitted module names the same spec and "
              "certificates.")
@with_seconds
def recheck(spec: str, source: str | None, module: str | None, seconds: float | None) -> None:
    """Check every verdict on SPEC with an independent checker, which shares no code with the prover and never searches.

    A proof is accepted by its certificate, a refutation by evaluating its witness. Exit status: 0 every claim has an accepted
    verdict; 1 something is rejected, or a claim has none; 2 the call is wrong.
    """
    from odenet.certificates import check
    from odenet.proof.prove import DEFAULT_SECONDS
    from odenet.proof.show import checks_text

    loaded = opened(spec)
    given = _certificates(source) if source else loaded.certificates(verified(loaded, seconds))
    found = check(loaded.model, loaded.plans, given, seconds or DEFAULT_SECONDS)
    faults = _module_faults(module, given, loaded.digest) if module else []
    note = "" if given.spec == loaded.digest else "they were written for another text of this spec"
    click.echo(checks_text(loaded.model, found, [*faults], note, styles(sys.stdout)))
    sys.exit(PROVED if all(c.outcome == "accepted" for c in found) and not faults else NOT_PROVED)


def _certificates(path: str) -> Certificates:
    from odenet.certificates import NotReadable, read

    try:
        return read(Path(path).read_bytes())
    except OSError as error:
        fail(f"error: cannot read {path}: {error.strerror or error}")
    except NotReadable as why:
        fail(f"error: cannot use {path}: {why}")
    raise AssertionError


def _module_faults(path: str, given: Certificates, digest: str) -> list[str]:
    from odenet.certificates import module_faults

    try:
        return [f"{path}: {fault}" for fault in module_faults(Path(path).read_text(encoding="utf-8"), given, digest)]
    except (OSError, UnicodeDecodeError) as error:
        fail(f"error: cannot read {path}: {getattr(error, 'strerror', None) or 'it is no text'}")
    raise AssertionError
