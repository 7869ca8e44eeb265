"""`odenet fmt`, `odenet show`, `odenet new` and `odenet demo`."""
from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from odenet.cli.shared import FILE, NOT_PROVED, PROVED, fail, named, opened, show_faults, source_text, styles, write


@click.command()
@click.argument("specs", nargs=-1, required=True, type=FILE, metavar="SPEC...")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a file is not in canonical form.")
def fmt(specs: tuple[str, ...], check: bool) -> None:
    """Rewrite each SPEC in canonical form (`-` reads standard input and prints)."""
    from odenet.diagnostics import Rejected
    from odenet.files import read_bytes
    from odenet.syntax import MAX_BYTES, decode, format_spec, parse

    changed = 0
    for path in specs:
        try:
            data = sys.stdin.buffer.read(MAX_BYTES + 1) if path == "-" else read_bytes(path, MAX_BYTES)
            text = format_spec(parse(decode(path, data)))
        except OSError as error:
            fail(f"error: cannot read {named(path)}: {error.strerror or error}")
        except Rejected as rejected:
            show_faults(rejected)
        if path == "-":
            click.echo(text, nl=False)
        elif text.encode() != data:
            changed += 1
            if not check:
                write(path, text)
            click.echo(f"{'would change' if check else 'formatted'} {named(path)}")
    sys.exit(NOT_PROVED if check and changed else PROVED)


_STAGES = ("spec", "model", "plan", "findings", "module")


@click.command()
@click.argument("spec", type=FILE)
@click.option("--stage", type=click.Choice(_STAGES), default="model", show_default=True)
def show(spec: str, stage: str) -> None:
    """Print what one stage of the compiler makes of SPEC."""
    from odenet.proof.show import report_text

    loaded = opened(spec)
    if stage == "spec":
        click.echo(loaded.formatted(), nl=False)
    elif stage == "model":
        from odenet.ir.show import model_text

        click.echo(model_text(loaded.model), nl=False)
    elif stage == "plan":
        from odenet.plan.show import plan_text

        click.echo("\n".join(plan_text(plan) for plan in loaded.plans.values()), nl=False)
    elif stage == "findings":
        click.echo(report_text(loaded.model, loaded.report.findings, styles(sys.stdout)))
    else:
        click.echo(source_text(loaded, True, {}, None), nl=False)


@click.command()
@click.argument("name", type=FILE)
@click.option("--from", "origin", metavar="GALLERY", help="Which gallery spec to start from; without it they are listed.")
def new(name: str, origin: str | None) -> None:
    """Start a spec NAME (a file, .ode is added) as a copy of one of the gallery."""
    from odenet.gallery import gallery_names, gallery_text

    names = gallery_names()
    if origin not in names:
        listing = "\n".join(f"  {entry}" for entry in names)
        problem = f"there is no `{named(origin)}` in the gallery" if origin else "choose a start with --from"
        fail(f"error: {problem}; there are:\n{listing}")
    assert origin is not None
    target = Path(name if name.endswith(".ode") else f"{name}.ode")
    if name.endswith(("/", os.sep)) or target.name == ".ode":
        fail(f"error: {named(name)} names a folder, not a spec; write {named(os.path.join(name.removesuffix('.ode'), origin))}.ode")
    if os.path.lexists(target):
        fail(f"error: {named(target)} exists already; nothing was changed")
    write(target, gallery_text(origin))
    click.echo(f"wrote {named(target)}; next: odenet verify {named(target)}")


@click.command()
@click.option("--epochs", type=click.IntRange(min=1), default=None, help="Fewer or more rounds over the data.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("odenet-demo.png"), show_default=True, help="The picture.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
def demo(epochs: int | None, output: Path, seed: int) -> None:
    """Train a certified 1-Lipschitz classifier of handwritten digits beside a plain one, in under two minutes."""
    from odenet.demo import run

    run(epochs, output, seed)
