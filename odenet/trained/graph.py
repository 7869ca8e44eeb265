"""A compiled network as a graph in a file: GraphML, or JSON as networkx reads it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import networkx as nx

from odenet.certify.files import Unreadable
from odenet.files import write_bytes
from odenet.trained.entries import NotEntrywise, entry_graph
from odenet.trained.forms import TooLarge
from odenet.trained.network import Network
from odenet.trained.operators import operator_graph

LIMIT = 200_000
LEVELS = ("entries", "operators")


def network_graph(network: Network, level: str | None = None, limit: int = LIMIT) -> tuple[Any, str]:
    """The graph of a network, and why it is not one of entries (nothing, where it is or was not wanted).

    level: "entries" (one node for each number, with weights), "operators" (one for each tensor), or None: the former
    where there are weights and it has at most `limit` edges.

    Raises:
        Unreadable: "entries" is asked for and not possible.
    """
    if not (network.model.nets or network.model.flows):
        raise Unreadable(f"{network.model.name} has no flow and no net, so it is no network")
    if level == "operators" or (level is None and network.values is None):
        return _marked(operator_graph(network), network, "operators"), ""
    try:
        if network.values is None:
            raise NotEntrywise("no weights, so no numbers")
        return _marked(entry_graph(network, limit), network, "entries"), ""
    except (NotEntrywise, TooLarge) as why:
        if level == "entries":
            raise Unreadable(f"the network cannot be written entry by entry: {why}; use --level operators") from None
        return _marked(operator_graph(network), network, "operators"), str(why)


def _marked(graph: Any, network: Network, level: str) -> Any:
    """The graph with what it is of."""
    graph.graph |= {
        "model": network.model.name,
        "digest": network.loaded.digest,
        "level": level,
        "dims": " ".join(f"{name}={value}" for name, value in network.dims.items()),
    }
    return graph


def write_graph(path: Path, graph: Any) -> None:
    """Replace a file: `.graphml`, or `.json` in networkx' node-link form.

    Raises:
        OSError: it cannot be written.
        Unreadable: for another ending.
    """
    if path.suffix == ".graphml":
        target = io.BytesIO()
        nx.write_graphml(graph, target)
        write_bytes(path, target.getvalue())
    elif path.suffix == ".json":
        write_bytes(path, (json.dumps(nx.node_link_data(graph, edges="edges"), indent=1) + "\n").encode())
    else:
        raise Unreadable(f"{path}: the name of the file has to end in .graphml or .json")
