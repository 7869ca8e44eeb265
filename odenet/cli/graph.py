"""`odenet graph`."""

from __future__ import annotations

from pathlib import Path

import click

from odenet.cli.shared import FILE, check_outputs, fail, named, opened, source_text, using, with_dims, with_seconds


@click.command()
@click.argument("spec", type=FILE)
@click.argument("weights", type=FILE, required=False)
@click.option(
    "-o", "--output", type=FILE, metavar="FILE", help="A .graphml or .json file. Default: the spec's name with .graphml, here."
)
@click.option(
    "--level",
    type=click.Choice(["entries", "operators"]),
    help="One node for each number, or one for each tensor. Default: entries, "
    "where there are weights and it is not too large.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=200_000,
    show_default=True,
    help="The most edges of a graph of entries.",
)
@with_dims
@click.option("--allow-undecided", is_flag=True, help="Although a claim is undecided (never if one is refuted).")
@with_seconds
def graph(
    spec: str,
    weights: str | None,
    output: str | None,
    level: str | None,
    limit: int,
    dims: dict[str, int],
    allow_undecided: bool,
    seconds: float | None,
) -> None:
    """Write the network of SPEC as a graph, with the numbers of WEIGHTS (.safetensors or .pt) where they are given.

    The dims follow from the shapes of the weights. It needs networkx (pip install '.[graph]').
    """
    from odenet.proof.prove import DEFAULT_SECONDS

    loaded = opened(spec)
    target = Path(output) if output else Path(Path(spec).stem + ".graphml")
    if target.suffix not in (".graphml", ".json"):
        fail(f"error: {named(target)}: the name of the file has to end in .graphml or .json")
    check_outputs([target], [spec, weights])
    source_text(loaded, allow_undecided, dims if weights is None else {}, seconds)
    with using(weights or str(target)):
        try:
            from odenet.trained.graph import network_graph, write_graph
        except ModuleNotFoundError as error:
            fail(f"error: `odenet graph` needs {error.name}: pip install '.[graph]'")
        from odenet.certify.files import read_weights
        from odenet.trained.network import with_weights, without_weights
        from odenet.trained.weights import trained

        proving = {"allow_undecided": allow_undecided, "seconds": seconds or DEFAULT_SECONDS}
        network = (
            without_weights(loaded, dims)
            if weights is None
            else with_weights(trained(loaded, read_weights(weights), dims, **proving))
        )
        found, why = network_graph(network, level, limit)
        if why:
            click.echo(f"operators instead of entries: {why}")
        write_graph(target, found)
    click.echo(
        f"wrote {named(target)}: {found.number_of_nodes()} nodes and {found.number_of_edges()} edges ({found.graph['level']})"
    )
