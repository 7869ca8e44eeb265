"""What the commands share: colours, faults, the report with its progress, files."""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from odenet.driver import Loaded, Report
    from odenet.ir.model import Claim

PROVED, NOT_PROVED, WRONG_INPUT, OUR_BUG = 0, 1, 2, 70

with_seconds = click.option("--seconds", type=click.FloatRange(min=0, min_open=True),
                            show_default="10, with --all 1 for what is tried",
                            help="Budget of each claim, in computing time; what it does not suffice for is undecided.")


def _dims(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for value in values:
        name, equals, number = value.partition("=")
        if not equals or not number.strip().isdecimal():
            raise click.BadParameter(f"`{value}` is not of the form n=128")
        found[name.strip()] = int(number)
    return found


with_dims = click.option("--set", "dims", multiple=True, callback=_dims, metavar="n=128",
                         help="Another default for a dim; may be repeated.")


def styles(stream: Any) -> Callable[[str, str], str]:
    """How text is coloured on a stream: not at all where it is no terminal."""
    has_colour = is_colour(stream)

    def styled(text: str, colour: str) -> str:
        if not has_colour:
            return text
        return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)

    return styled


def is_colour(stream: Any) -> bool:
    import os

    return bool(stream.isatty()) and "NO_COLOR" not in os.environ


def fail(text: str, status: int = WRONG_INPUT) -> None:
    click.echo(text, err=True)
    sys.exit(status)


def opened(path: str) -> Loaded:
    """Read and check a spec, or show its faults and exit with status 2."""
    from odenet.diagnostics import Rejected
    from odenet.driver import load

    try:
        return load(path)
    except OSError as error:
        fail(f"error: cannot read {path}: {error.strerror or error}")
    except Rejected as rejected:
        show_faults(rejected)
    raise AssertionError


def show_faults(rejected: Any) -> None:
    from odenet.report import render

    colour = is_colour(sys.stderr)
    text = "\n\n".join(render(fault, rejected.source, colour) for fault in rejected.faults)
    codes = ", ".join(dict.fromkeys(fault.code for fault in rejected.faults))
    fail(f"{text}\n\n{len(rejected.faults)} error(s); `odenet explain {codes.split(',')[0]}` says more")


def verified(loaded: Loaded, seconds: float | None, is_survey: bool = False) -> Report:
    """The report on the claims of a spec, with a line on the terminal while that takes long."""
    from odenet.progress import Progress
    from odenet.proof.prove import DEFAULT_SECONDS
    from odenet.proof.show import claim_text

    with Progress() as progress:
        def watch(claim: Claim, done: int, total: int) -> None:
            progress.show(claim_text(claim), done, total)

        return loaded.survey(seconds, watch, progress.show) if is_survey else loaded.verify(seconds or DEFAULT_SECONDS, watch)


def source_text(loaded: Loaded, allow_undecided: bool, dims: dict[str, int], seconds: float | None) -> str:
    """The module's text; without it the faults or the verdicts are shown, and the program ends."""
    from odenet.proof.prove import DEFAULT_SECONDS

    verified(loaded, seconds)
    with failing():
        return loaded.source(allow_undecided=allow_undecided, seconds=seconds or DEFAULT_SECONDS, **dims)


@contextmanager
def failing() -> Iterator[None]:
    """Faults and verdicts that keep a module from being written are shown, and end the program."""
    from odenet.diagnostics import Rejected
    from odenet.driver import NotProved
    from odenet.proof.show import report_text

    try:
        yield
    except Rejected as rejected:
        show_faults(rejected)
    except NotProved as failure:
        click.echo(report_text(failure.report.model, failure.report.findings, styles(sys.stdout)), err=True)
        has_undecided_only = failure.report.count("refuted") == 0
        hint = "; `--allow-undecided` writes it all the same" if has_undecided_only else ""
        fail(f"error: not every claim is proved, so nothing was written{hint}", NOT_PROVED)


@contextmanager
def using(path: str) -> Iterator[None]:
    """Weights that cannot be read or used end the program, with the reason."""
    from odenet.certify.files import Unreadable

    try:
        with failing():
            yield
    except OSError as error:
        fail(f"error: {path}: {error.strerror or error}")
    except Unreadable as why:
        fail(f"error: {why}")


def write(target: str, text: str) -> None:
    """Replace a file, or end with status 2."""
    from odenet.driver import write

    try:
        write(Path(target), text)
    except OSError as error:
        fail(f"error: cannot write {target}: {error.strerror or error}")
