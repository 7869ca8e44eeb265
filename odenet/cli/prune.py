"""`odenet prune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from odenet.cli.shared import FILE, check_outputs, named, opened, source_text, using, with_dims, with_seconds

if TYPE_CHECKING:
    from odenet.trained.pruning import Group, Pruned


@click.command()
@click.argument("spec", type=FILE)
@click.argument("weights", type=FILE)
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="DIR|FILE",
    help="A folder, or the module's file; the weights are written "
    "beside it. Default: the spec's name with _pruned.py, here.",
)
@click.option(
    "--below",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    metavar="SIZE",
    help="Also take out steps whose step size is at most this; what it changes is measured.",
)
@with_dims
@click.option(
    "--allow-undecided", is_flag=True, help="Write the module although a claim is undecided (never if one is refuted)."
)
@with_seconds
def prune(
    spec: str,
    weights: str,
    output: str | None,
    below: float,
    dims: dict[str, int],
    allow_undecided: bool,
    seconds: float | None,
) -> None:
    """Take out of a trained network the steps that do nothing: of its module and of its WEIGHTS (.safetensors or .pt).

    A step does nothing where the step sizes of all its parts are 0, which a `param(t)` that is `clamped` reaches. The
    claims are proved for every number of steps, so also for the smaller one. The dims follow from the shapes of the
    weights.
    """
    from odenet.proof.prove import DEFAULT_SECONDS

    loaded = opened(spec)
    target = _target(spec, output)
    beside = target.with_suffix(Path(weights).suffix)
    check_outputs([target, beside], [spec, weights])
    source_text(loaded, allow_undecided, {}, seconds)  # its claims, before torch is loaded
    with using(weights):
        from odenet.certify.files import read_weights
        from odenet.files import write_all
        from odenet.trained.pruning import prune as pruned
        from odenet.trained.weights import trained, weights_bytes

        proving = {"allow_undecided": allow_undecided, "seconds": seconds or DEFAULT_SECONDS}
        found = pruned(trained(loaded, read_weights(weights), dims, **proving), below, **proving)
        text = source_text(loaded, allow_undecided, found.after.dims, seconds)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_all([(target, text.encode("utf-8")), (beside, weights_bytes(beside, found.after.weights))])
    click.echo(_told(found, below))
    click.echo(f"wrote {named(target)} and {named(beside)}")


def _target(spec: str, output: str | None) -> Path:
    """The file of the module."""
    stem = Path(spec).stem
    if output is None:
        return Path(f"{stem}_pruned.py")
    path = Path(output)
    if path.suffix == ".py" and not path.is_dir():
        return path
    return path / f"{stem}.py"


def _told(found: Pruned, below: float) -> str:
    lines = [_group(group, below) for group in found.groups] + [f"{why}" for why in found.refused]
    before, after = (
        sum(value.numel() for value in network.weights.values()) for network in (found.before, found.after)
    )
    lines.append(f"numbers in the weights: {before} before, {after} after")
    lines.append(
        f"largest change of an output of 256 random inputs: {found.change:.1e}, "
        f"the largest output being {found.size:.1e}"
    )
    return "\n".join(lines)


def _group(group: Group, below: float) -> str:
    who, count = ", ".join(group.flows), len(group.kept) + len(group.removed)
    least = "" if group.smallest is None else f"; the next step size is {group.smallest:.2g}"
    if not group.removed:
        return f"{who}: no step of {count} does nothing{least}"
    steps = f"step{'s' * (len(group.removed) > 1)} {', '.join(map(str, group.removed))}"
    return f"{who}: {group.dim} = {len(group.kept)} of {count}, without {steps} (from 0){least}"
