"""The command line. Only this module reads arguments, prints and exits."""
from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from odenet.driver import Loaded, Report
    from odenet.ir.model import Claim

PROVED, NOT_PROVED, WRONG_INPUT, OUR_BUG = 0, 1, 2, 70

_EPILOG = """
\b
First steps:
  odenet new pendulum.ode --from pendulum   start from the gallery
  odenet verify pendulum.ode                prove its claims
  odenet compile pendulum.ode -o pendulum.py
  odenet demo                               train a certified classifier
\b
Exit status: 0 all claims proved; 1 a claim is not proved; 2 the spec has an
error or the call is wrong; 70 a bug of odenet.
"""


def main() -> None:
    """Run the command line; a crash of ours ends with status 70 and what to report."""
    try:
        commands()
    except Exception as error:
        import traceback

        traceback.print_exc()
        click.echo(f"\nerror[ODE901]: this is a bug in odenet ({type(error).__name__}); please report it with the spec", err=True)
        sys.exit(OUR_BUG)


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="odenet-compiler", prog_name="odenet")
def commands() -> None:
    """Compile symbolic ODEs with proved structure to PyTorch.

    A spec (.ode) names the parts of an ODE, a splitting scheme and claims such as `symplectic` or `lipschitz(1)`. odenet proves
    each claim for all parameter values, sizes and times, or refutes it with a witness, and then writes one standalone PyTorch
    module.
    """


def _style(is_colour: bool) -> Callable[[str, str], str]:
    def styled(text: str, colour: str) -> str:
        if not is_colour:
            return text
        return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)

    return styled


def _is_colour(stream: Any) -> bool:
    import os

    return bool(stream.isatty()) and "NO_COLOR" not in os.environ


def _fail(text: str, status: int = WRONG_INPUT) -> None:
    click.echo(text, err=True)
    sys.exit(status)


def _loaded(path: str) -> Loaded:
    """Read and check a spec, or show its faults and exit with status 2."""
    from odenet.diagnostics import Rejected
    from odenet.driver import load

    try:
        return load(path)
    except OSError as error:
        _fail(f"error: cannot read {path}: {error.strerror or error}")
    except Rejected as rejected:
        _show_faults(rejected)
    raise AssertionError


def _show_faults(rejected: Any) -> None:
    from odenet.report import render

    colour = _is_colour(sys.stderr)
    text = "\n\n".join(render(fault, rejected.source, colour) for fault in rejected.faults)
    codes = ", ".join(dict.fromkeys(fault.code for fault in rejected.faults))
    _fail(f"{text}\n\n{len(rejected.faults)} error(s); `odenet explain {codes.split(',')[0]}` says more")


def _verified(loaded: Loaded, seconds: float | None, is_survey: bool = False) -> Report:
    """The report on the claims of a spec, with a line on the terminal while that takes long."""
    from odenet.progress import Progress
    from odenet.proof.prove import DEFAULT_SECONDS
    from odenet.proof.show import claim_text

    with Progress() as progress:
        def watch(claim: Claim, done: int, total: int) -> None:
            progress.show(claim_text(claim), done, total)

        return loaded.survey(seconds, watch, progress.show) if is_survey else loaded.verify(seconds or DEFAULT_SECONDS, watch)


_seconds = click.option("--seconds", type=click.FloatRange(min=0, min_open=True), show_default="10, with --all 1 for what is tried",
                        help="Budget of each claim, in computing time; what it does not suffice for is undecided.")


# --- verify -----------------------------------------------------------------------------------------------------


@commands.command()
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="json: one object a line for each spec.")
@_seconds
@click.option("--all", "is_survey", is_flag=True, help="Also try every property that could apply to any field, flow, net or def.")
def verify(specs: tuple[str, ...], style: str, seconds: float | None, is_survey: bool) -> None:
    """Prove or refute every claim of each SPEC.

    With --all, also say what else each model has: its largest order, its least Lipschitz constants, its first integrals and so on,
    as claims to paste. The exit status speaks of the claims that the spec makes.
    """
    from odenet.proof.show import report_text, survey_text

    statuses = []
    for path in specs:
        report = _verified(_loaded(path), seconds, is_survey)
        if style == "json":
            click.echo(json.dumps(report.as_json()))
        else:
            styled = _style(_is_colour(sys.stdout))
            click.echo(report_text(report.model, report.findings, styled))
            if report.tried is not None:
                click.echo(survey_text(report.tried, styled))
        statuses.append(PROVED if report.is_proved else NOT_PROVED)
    sys.exit(max(statuses))


# --- compile ----------------------------------------------------------------------------------------------------


def _dims(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for value in values:
        name, equals, number = value.partition("=")
        if not equals or not number.strip().isdecimal():
            raise click.BadParameter(f"`{value}` is not of the form n=128")
        found[name.strip()] = int(number)
    return found


@commands.command("compile")
@click.argument("spec")
@click.option("-o", "--output", metavar="FILE", help="Where to write; `-` prints. Default: the spec's name with .py, here.")
@click.option("--set", "dims", multiple=True, callback=_dims, metavar="n=128", help="Another default for a dim; may be repeated.")
@click.option("--allow-undecided", is_flag=True, help="Write the module although a claim is undecided (never if one is refuted).")
@_seconds
@click.option("--quiet", "-q", is_flag=True, help="Print nothing when all is well.")
def compile_(spec: str, output: str | None, dims: dict[str, int], allow_undecided: bool, seconds: float | None,
             quiet: bool) -> None:
    """Prove every claim of SPEC and write one standalone PyTorch module. Nothing is written if a claim is not proved."""
    from odenet.driver import write
    from odenet.proof.show import report_text

    loaded = _loaded(spec)
    target = Path(output) if output else Path(Path(spec).stem + ".py")
    text = _source(loaded, allow_undecided, dims, seconds)
    if output == "-":
        click.echo(text, nl=False)
        return
    try:
        write(target, text)
    except OSError as error:
        _fail(f"error: cannot write {target}: {error.strerror or error}")
    if not quiet:
        click.echo(report_text(loaded.model, _verified(loaded, seconds).findings, _style(_is_colour(sys.stdout))))
        click.echo(f"wrote {target}: class {loaded.model.name}")


def _source(loaded: Loaded, allow_undecided: bool, dims: dict[str, int], seconds: float | None) -> str:
    """The module's text; without it the faults or the verdicts are shown, and the program ends."""
    from odenet.diagnostics import Rejected
    from odenet.driver import NotProved
    from odenet.proof.prove import DEFAULT_SECONDS
    from odenet.proof.show import report_text

    _verified(loaded, seconds)
    try:
        return loaded.source(allow_undecided=allow_undecided, seconds=seconds or DEFAULT_SECONDS, **dims)
    except Rejected as rejected:
        _show_faults(rejected)
    except NotProved as failure:
        click.echo(report_text(failure.report.model, failure.report.findings, _style(_is_colour(sys.stdout))), err=True)
        has_undecided_only = failure.report.count("refuted") == 0
        hint = "; `--allow-undecided` writes it all the same" if has_undecided_only else ""
        _fail(f"error: not every claim is proved, so nothing was written{hint}", NOT_PROVED)
    raise AssertionError


# --- explain, fmt, show, new ------------------------------------------------------------------------------------


@commands.command()
@click.argument("what", metavar="CODE|RULE|SPEC:LINE", required=False)
@click.option("--list", "is_list", is_flag=True, help="Name every rule that proofs rest on, with its source.")
@_seconds
def explain(what: str | None, is_list: bool, seconds: float | None) -> None:
    """The page of an error code, a rule, or the whole proof (or refutation) of the claims on a line of a spec.

    Of a claim that is not proved it also says which change of the spec, in one place, would make it so.
    """
    import re

    if is_list:
        _list_rules()
    elif what is None:
        _fail("error: what shall be explained? A code such as ODE201, a rule (see --list), or SPEC:LINE such as pendulum.ode:12")
    elif re.fullmatch(r"(?i)ode\d{3}", what):
        _explain_code(what.upper())
    else:
        path, colon, line = what.rpartition(":")
        if colon and line.isdecimal():
            _explain_claims(path, int(line), seconds)
        else:
            _explain_rule(what)


def _explain_code(code: str) -> None:
    from odenet.codes import page

    text = page(code)
    if text is None:
        _fail(f"error: there is no code {code}; codes run from ODE001 to ODE901")
    click.echo(text)


def _explain_rule(name: str) -> None:
    from odenet.proof.rules import RULES

    rule = RULES.get(name)
    if rule is None:
        _fail(f"error: `{name}` is no code such as ODE201, no rule (`odenet explain --list` names them), and no SPEC:LINE such as "
              "pendulum.ode:12")
    assert rule is not None
    click.echo(f"{rule.name}\n\n  {rule.theorem}\n\n  source: {rule.source}")


def _list_rules() -> None:
    from odenet.proof.rules import RULES

    styled = _style(_is_colour(sys.stdout))
    for rule in RULES.values():
        click.echo(f"{styled(rule.name, 'bold')}: {rule.theorem} [{rule.source}]")


def _explain_claims(path: str, line: int, seconds: float | None) -> None:
    loaded = _loaded(path)
    chosen = [i for i, claim in enumerate(loaded.model.claims) if claim.line == line]
    if not chosen:
        lines = sorted({claim.line for claim in loaded.model.claims})
        _fail(f"error: no claim on line {line} of {path}; there are claims on lines {', '.join(map(str, lines)) or '(none)'}")
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
    return narrative(loaded.model, loaded.plans, finding, edits, _style(_is_colour(sys.stdout)), max(width, 40))


@commands.command()
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a file is not in canonical form.")
def fmt(specs: tuple[str, ...], check: bool) -> None:
    """Rewrite each SPEC in canonical form (`-` reads standard input and prints)."""
    from odenet.diagnostics import Rejected
    from odenet.driver import write
    from odenet.syntax import decode, format_spec, parse

    changed = 0
    for path in specs:
        try:
            data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
            text = format_spec(parse(decode(path, data)))
        except OSError as error:
            _fail(f"error: cannot read {path}: {error.strerror or error}")
        except Rejected as rejected:
            _show_faults(rejected)
        if path == "-":
            click.echo(text, nl=False)
        elif text.encode() != data:
            changed += 1
            click.echo(f"{'would change' if check else 'formatted'} {path}")
            if not check:
                write(Path(path), text)
    sys.exit(NOT_PROVED if check and changed else PROVED)


_STAGES = ("spec", "model", "plan", "findings", "module")


@commands.command()
@click.argument("spec")
@click.option("--stage", type=click.Choice(_STAGES), default="model", show_default=True)
def show(spec: str, stage: str) -> None:
    """Print what one stage of the compiler makes of SPEC."""
    from odenet.proof.show import report_text

    loaded = _loaded(spec)
    if stage == "spec":
        click.echo(loaded.formatted(), nl=False)
    elif stage == "model":
        from odenet.ir.show import model_text

        click.echo(model_text(loaded.model), nl=False)
    elif stage == "plan":
        from odenet.plan.show import plan_text

        click.echo("\n".join(plan_text(plan) for plan in loaded.plans.values()), nl=False)
    elif stage == "findings":
        click.echo(report_text(loaded.model, loaded.report.findings, _style(_is_colour(sys.stdout))))
    else:
        click.echo(_source(loaded, True, {}, None), nl=False)


@commands.command()
@click.argument("name")
@click.option("--from", "origin", metavar="GALLERY", help="Which gallery spec to start from; without it they are listed.")
def new(name: str, origin: str | None) -> None:
    """Start a spec NAME (a file, .ode is added) as a copy of one of the gallery."""
    from odenet.gallery import gallery_names, gallery_text

    names = gallery_names()
    if origin not in names:
        listing = "\n".join(f"  {entry}" for entry in names)
        problem = f"there is no `{origin}` in the gallery" if origin else "choose a start with --from"
        _fail(f"error: {problem}; there are:\n{listing}")
    assert origin is not None
    target = Path(name if name.endswith(".ode") else f"{name}.ode")
    if target.exists():
        _fail(f"error: {target} exists already; nothing was changed")
    from odenet.driver import write

    write(target, gallery_text(origin))
    click.echo(f"wrote {target}; next: odenet verify {target}")


@commands.command()
@click.option("--epochs", type=click.IntRange(min=1), default=None, help="Fewer or more rounds over the data.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("odenet-demo.png"), show_default=True, help="The picture.")
@click.option("--seed", type=int, default=0, show_default=True)
def demo(epochs: int | None, output: Path, seed: int) -> None:
    """Train a certified 1-Lipschitz classifier of handwritten digits beside a plain one, in under two minutes."""
    from odenet.demo import run

    run(epochs, output, seed)


if __name__ == "__main__":
    main()
