"""`odenet certify`."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from odenet.cli.shared import FILE, NOT_PROVED, PROVED, check_outputs, fail, is_colour, named, opened, verified, with_dims, writing

if TYPE_CHECKING:
    from odenet.certify.analysis import Certificate
    from odenet.certify.report import Findings
    from odenet.driver import Loaded

_NEEDED = {"scipy": "scipy", "safetensors": "safetensors", "threadpoolctl": "threadpoolctl"}
_ATTACKS = ("none", "pgd", "auto")
_RADII = "0.1,0.2,0.3,0.5,1"


def _radii(_context: click.Context, _option: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        found = tuple(sorted({float(part) for part in value.split(",")}))
    except ValueError:
        raise click.BadParameter(f"`{value}` is not a list of numbers such as {_RADII}") from None
    if not found or not all(0 <= r < 1e6 for r in found):
        raise click.BadParameter("radii must be nonnegative numbers")
    return found


@click.command()
@click.argument("spec", type=FILE)
@click.argument("weights", type=FILE)
@with_dims
@click.option(
    "--data", type=FILE, metavar="FILE", help="An .npz or .safetensors file with `x` [count, ...] and the classes `y` [count]."
)
@click.option("--radii", default=_RADII, show_default=True, callback=_radii, help="Sizes of changes of the input, in the 2-norm.")
@click.option("--limit", type=click.IntRange(min=1), help="Use only the first so many inputs.")
@click.option(
    "--attack",
    type=click.Choice(_ATTACKS),
    default="none",
    show_default=True,
    help="Attack the same inputs: projected gradients, or those and AutoAttack's parts.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the attack.")
@click.option(
    "--tight",
    is_flag=True,
    help="Search longer for a small constant: one multiplier for each entry, and with cvxpy a semidefinite program.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Of torch and of linear algebra. Matrices of most layers are too small for more; large convolutions gain.",
)
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--plot", type=FILE, metavar="FILE", help="Draw certified and attacked accuracy there (needs --data).")
def certify(
    spec: str,
    weights: str,
    dims: dict[str, int],
    data: str | None,
    radii: tuple[float, ...],
    limit: int | None,
    attack: str,
    seed: int,
    tight: bool,
    threads: int,
    style: str,
    plot: str | None,
) -> None:
    """Bound the trained network that runs: SPEC with the WEIGHTS of its emitted module.

    WEIGHTS is a state dict, as .safetensors or from torch.save. Gives rigorous bounds, rounding included: how far parameters
    are from their sets, the Lipschitz constant of each layer and of all together, how far outputs are from exact
    arithmetic, and, with --data, which answers no change of a given size can turn.

    Exit status: 0; 1 where a claim is refuted, a parameter is not in its set, a slope is larger than the proved constant, or
    an attack broke a certified answer; 2 where the call is wrong.
    """
    _check_call(data, attack, plot)
    loaded = opened(spec)
    check_outputs([plot] if plot else [], [spec, weights, data])
    from odenet.certify.threads import limited

    with limited(threads):
        module = _filled(loaded, weights, dims)
        found = _found(loaded, module, data, radii, limit, attack, seed, tight)
    if plot is not None and found.data is not None:
        from odenet.certify.report import save_picture

        try:
            with writing():
                save_picture(Path(plot), found)
        except (OSError, ValueError) as error:
            fail(f"error: cannot write {named(plot)}: {getattr(error, 'strerror', None) or error}")
    _print(found, style)
    sys.exit(NOT_PROVED if found.broken or found.exceeds_proof or found.outside or found.is_wrong else PROVED)


def _check_call(data: str | None, attack: str, plot: str | None) -> None:
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        fail(f"error: certify needs {', '.join(missing)}\nhelp: pip install '.[certify]'")
    if attack != "none" and find_spec("art") is None:
        fail("error: --attack needs adversarial-robustness-toolbox\nhelp: pip install '.[certify]'")
    if (attack != "none" or plot) and data is None:
        fail(f"error: {'--attack' if attack != 'none' else '--plot'} needs --data")
    if plot is not None and find_spec("matplotlib") is None:
        fail("error: --plot needs matplotlib\nhelp: pip install '.[certify]'")


def _filled(loaded: Loaded, weights: str, dims: dict[str, int]) -> Any:
    from odenet.certify.files import Unreadable, check_weights, fill, read_weights
    from odenet.cli.shared import show_faults
    from odenet.diagnostics import Rejected
    from odenet.driver import NotProved
    from odenet.proof.show import report_text

    verified(loaded, None)
    try:
        kind, read = loaded.module(dims, allow_undecided=True), read_weights(weights)
        check_weights(kind(device="meta").state_dict(), read)  # before any memory is taken
        return fill(kind(), read)
    except Unreadable as error:
        fail(f"error: {error}")
    except Rejected as rejected:
        show_faults(rejected)
    except NotProved as failure:
        click.echo(report_text(failure.report.model, failure.report.findings), err=True)
        fail("error: a claim is refuted, so there is no module to certify", NOT_PROVED)
    raise AssertionError


def _found(
    loaded: Loaded,
    module: Any,
    data: str | None,
    radii: tuple[float, ...],
    limit: int | None,
    attack: str,
    seed: int,
    tight: bool,
) -> Findings:
    from odenet.certify.accuracy import certify_data, score_count
    from odenet.certify.analysis import certificate, input_shapes
    from odenet.certify.attack import survivors
    from odenet.certify.files import Unreadable, read_data
    from odenet.certify.report import Findings
    from odenet.certify.tape import Unbounded
    from odenet.progress import Progress

    inputs: Any = None
    centre = None
    if data is not None:
        try:
            shapes = input_shapes(loaded, module)
        except Unbounded as gap:
            fail(f"error: {gap}")
        if len(shapes) != 1:
            fail("error: --data needs a model with one input block and one score for each class")
        try:
            inputs = read_data(data, shapes[0], limit)
        except Unreadable as error:
            fail(f"error: {error}")
        assert inputs is not None
        centre = (inputs[0].mean(0, keepdim=True),)
    with Progress() as progress:
        made: Certificate = certificate(loaded, module, centre, progress.show, tight)
        if inputs is None:
            return Findings(made)
        if made.gap:
            return Findings(made, why_no_data="no answer can be certified without a constant")
        x, labels = inputs
        x = x.to(made.dtype)
        assert made.tape is not None
        try:
            classes = score_count(made.tape)
        except Unbounded as gap:
            fail(f"error: --data: {gap}")
        if int(labels.min()) < 0 or int(labels.max()) >= classes or classes < 2:
            fail(
                f"error: the model has {classes} score(s); the classes `y` lie between {int(labels.min())} and {int(labels.max())}"
            )
        progress.show("answers", 0, 0)
        certified = certify_data(made, module, x, labels, radii)
        attacked: Any = None
        if attack != "none":
            done = 0

            def report() -> None:
                nonlocal done
                done += 1
                progress.show(f"attack ({attack})", done, len(radii))

            progress.show(f"attack ({attack})", 0, len(radii))
            attacked = survivors(module, x, labels, radii, seed, report, attack).numpy()
    return Findings(made, certified, attacked, attack if attack != "none" else "")


def _print(found: Findings, style: str) -> None:
    from odenet.certify.report import as_json, show

    if style == "json":
        click.echo(json.dumps(as_json(found)))
        return
    from rich.console import Console

    show(found, Console(highlight=False, no_color=not is_colour(sys.stdout)))
    if found.outside:
        click.echo(f"error: not in the set of the spec, so its claims do not hold here: {', '.join(found.outside)}", err=True)
    elif found.exceeds_proof:
        click.echo(
            "error: a slope with these weights is above the proved constant: please report this with the spec and the weights",
            err=True,
        )
    if found.is_wrong:
        click.echo("error: a slope was measured above the bound: please report this with the spec and the weights", err=True)
    if found.broken:
        click.echo(
            "error: an attack changed a certified answer: please report this with the spec, the weights and the data", err=True
        )
