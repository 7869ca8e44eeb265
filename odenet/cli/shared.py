"""What the commands share: colours, faults, the report with its progress, files."""
from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from odenet.driver import Loaded, Report
    from odenet.ir.model import Claim

PROVED, NOT_PROVED, WRONG_INPUT, OUR_BUG = 0, 1, 2, 70

LONGEST = 1_000_000  # seconds, eleven days
LARGEST_DIM = 10**12


class FileName(click.types.StringParamType):
    """The name of a file, which is not empty."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            self.fail("the name of a file is empty", param, ctx)
        return str(value)


FILE = FileName()


class Seconds(click.FloatRange):
    """A positive number of seconds that a timer can hold; `nan` is none."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=LONGEST)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value} is no number of seconds", param, ctx)
        return found


with_seconds = click.option("--seconds", type=Seconds(),
                            show_default="10, with --all 1 for what is tried",
                            help="Budget of each claim, in computing time; what it does not suffice for is undecided.")


def _dims(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for value in values:
        name, equals, number = value.partition("=")
        if not equals or not number.strip().isdecimal():
            raise click.BadParameter(f"`{named(value)}` is not of the form n=128")
        if len(number.strip()) > len(str(LARGEST_DIM)) or int(number) > LARGEST_DIM:
            raise click.BadParameter(f"`{named(name.strip())}` is at most {LARGEST_DIM:,}")
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


def named(what: str | Path) -> str:
    """The name of a file, or another text from outside, as a terminal may be shown it."""
    from odenet.text import escape

    return escape(str(what))


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
        fail(f"error: cannot read {named(path)}: {error.strerror or error}")
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


def source_text(loaded: Loaded, allow_undecided: bool, dims: Mapping[str, int], seconds: float | None) -> str:
    """The module's text; without it the faults or the verdicts are shown, and the program ends."""
    from odenet.proof.prove import DEFAULT_SECONDS

    verified(loaded, seconds)
    with failing():
        return loaded.source(dims, allow_undecided=allow_undecided, seconds=seconds or DEFAULT_SECONDS)


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
    """Weights that cannot be read or used, and files that cannot be written, end the program with the reason."""
    from odenet.certify.files import Unreadable

    try:
        with failing(), writing():
            yield
    except OSError as error:
        fail(f"error: {named(error.filename or path)}: {error.strerror or error}")
    except Unreadable as why:
        fail(f"error: {why}")
    except MemoryError:
        fail(f"error: {named(path)}: there is not enough memory for a network of this size")


@contextmanager
def writing() -> Iterator[None]:
    """A file that cannot be written ends the program with status 2."""
    from odenet.files import CannotWrite

    try:
        yield
    except CannotWrite as error:
        fail(f"error: cannot write {named(error.filename)}: {error.strerror}")


def check_outputs(outputs: list[str | Path], inputs: list[str | None]) -> None:
    """No file that is read may be written, or the program ends with status 2 before it computes anything."""
    from odenet.files import check_outputs

    with writing():
        check_outputs(outputs, [name for name in inputs if name])


def write(target: str | Path, text: str) -> None:
    """Replace a file, or end with status 2."""
    from odenet.files import write

    with writing():
        write(Path(target), text)
