"""`odenet verify` and `odenet recheck`."""
from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from odenet.cli.shared import FILE, NOT_PROVED, PROVED, check_outputs, fail, named, opened, styles, verified, with_seconds, write

if TYPE_CHECKING:
    from odenet.certificates import Certificates
    from odenet.driver import Loaded


@click.command()
@click.argument("specs", nargs=-1, required=True, type=FILE, metavar="SPEC...")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="json: one object a line for each spec.")
@with_seconds
@click.option("--all", "is_survey", is_flag=True, help="Also try every property that could apply to any field, flow, net or def.")
@click.option("--certificates", "target", type=FILE, metavar="FILE",
              help="Write what backs the verdicts there, for `odenet recheck`.")
def verify(specs: tuple[str, ...], style: str, seconds: float | None, is_survey: bool, target: str | None) -> None:
    """Prove or refute every claim of each SPEC.

    With --all, also say what else each model has: its largest order, its least Lipschitz constants, its first integrals and so on,
    as claims to paste. The exit status speaks of the claims that the spec makes.
    """
    from odenet.proof.show import report_text, survey_text

    if target and len(specs) > 1:
        fail("error: --certificates takes one SPEC")
    if target:
        check_outputs([target], list(specs))
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
@click.argument("spec", type=FILE)
@click.option("--certificates", "source", type=FILE, metavar="FILE",
              help="Check these, written by `verify --certificates`; without it the claims are proved first.")
@click.option("--module", "module", type=FILE, metavar="FILE",
              help="Also check that this emitted module names the same spec and certificates, and is what odenet writes for them, "
              "word for word.")
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
    faults = _module_faults(module, given, loaded, seconds) if module else []
    note = "" if given.spec == loaded.digest else "they were written for another text of this spec"
    click.echo(checks_text(loaded.model, found, [*faults], note, styles(sys.stdout)))
    sys.exit(PROVED if all(c.outcome == "accepted" for c in found) and not faults else NOT_PROVED)


def _certificates(path: str) -> Certificates:
    from odenet.certificates import LARGEST, NotReadable, read
    from odenet.files import read_bytes

    try:
        return read(read_bytes(path, LARGEST))
    except OSError as error:
        fail(f"error: cannot read {named(path)}: {error.strerror or error}")
    except NotReadable as why:
        fail(f"error: cannot use {named(path)}: {why}")
    raise AssertionError


def _module_faults(path: str, given: Certificates, loaded: Loaded, seconds: float | None) -> list[str]:
    """What in an emitted module is not as odenet writes it: its head, then everything."""
    from odenet.certificates import LARGEST, difference, module_faults
    from odenet.files import read_bytes

    try:
        data = read_bytes(path, LARGEST)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"error: cannot read {named(path)}: {getattr(error, 'strerror', None) or 'it is no text'}")
    if len(data) > LARGEST:
        fail(f"error: cannot use {named(path)}: it has more than {LARGEST:,} bytes")
    faults = module_faults(text, given, loaded.digest)
    if not faults:
        found = difference(text, loaded.emitted(verified(loaded, seconds), text, given.digest))
        faults = [found] if found else []
    return [f"{named(path)}: {fault}" for fault in faults]
