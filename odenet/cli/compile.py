"""`odenet compile`."""
from __future__ import annotations

import sys
from pathlib import Path

import click

from odenet.cli.shared import FILE, check_outputs, named, opened, source_text, styles, verified, with_dims, with_seconds, write


@click.command("compile")
@click.argument("spec", type=FILE)
@click.option("-o", "--output", type=FILE, metavar="FILE",
              help="Where to write; `-` prints. Default: the spec's name with .py, here.")
@with_dims
@click.option("--allow-undecided", is_flag=True, help="Write the module although a claim is undecided (never if one is refuted).")
@with_seconds
@click.option("--quiet", "-q", is_flag=True, help="Print nothing when all is well.")
def compile_(spec: str, output: str | None, dims: dict[str, int], allow_undecided: bool, seconds: float | None,
             quiet: bool) -> None:
    """Prove every claim of SPEC and write one standalone PyTorch module. Nothing is written if a claim is not proved."""
    from odenet.proof.show import report_text

    loaded = opened(spec)
    target = Path(output) if output else Path(Path(spec).stem + ".py")
    if output != "-":
        check_outputs([target], [spec])
    text = source_text(loaded, allow_undecided, dims, seconds)
    if output == "-":
        click.echo(text, nl=False)
        return
    write(target, text)
    if not quiet:
        click.echo(report_text(loaded.model, verified(loaded, seconds).findings, styles(sys.stdout)))
        click.echo(f"wrote {named(target)}: class {loaded.model.name}")
