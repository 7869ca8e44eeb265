"""`odenet graph`: the graph of a dense network can be run, and gives what the emitted module gives."""

from __future__ import annotations

import json
import math

import networkx as nx
import numpy as np
import pytest
import torch

from odenet.driver import loads
from odenet.gallery import gallery_text
from odenet.operators.functions import FUNCTIONS

COMBINE = {"sum": sum, "product": math.prod, "max": max, "min": min}


def value(node, terms):
    """What a node makes of the weighted values that come in."""
    z = COMBINE[node["combine"]](terms) + node["bias"]
    parameters = [float(p) for p in str(node["parameters"]).split()]
    if node["op"] in ("identity", "power"):
        return z ** parameters[0] if parameters else z
    return float(FUNCTIONS[node["op"]].numpy(z, *parameters))


def run_graph(graph, inputs):
    """The outputs by (block, entry), from inputs by the same."""
    values, outputs = {}, {}
    for name in nx.topological_sort(graph):
        node = graph.nodes[name]
        place = node.get("block"), str(node.get("entry"))
        terms = [values[source] * edge["weight"] for source, _, edge in graph.in_edges(name, data=True)]
        values[name] = inputs[place] if node["kind"] == "input" else value(node, terms)
        if node["kind"] == "output":
            outputs[place] = values[name]
    return outputs


def entries(block, array):
    return {(block, ",".join(map(str, place))): float(array[place]) for place in np.ndindex(array.shape)}


def read(path):
    if path.suffix == ".json":
        return nx.node_link_graph(json.loads(path.read_text()), edges="edges")
    return nx.read_graphml(path)


# Every kind of stage and of operation that a graph of entries has.
MIXED = """model Mixed
dim L = 2
state x : R[4]
param A(t) : R[4, 4], linear(2)
param S(t) : R[6, 4]
param b : R[4]
param w : R, positive
def bend(x) = softmax(x) + |x| * max(x, b) - cumsum(x) / 4
field one { x' = A.T @ (b * leaky_relu(A @ x + b, 1/4)) + dot(x, x) * x / 8 }
field two { x' = skew(tanh(S @ x)) @ x + max(x) * outer(x, b) @ ones(4) - min(x) * t * ones(4) }
field three { x' = -w * x + sym(outer(b, b)) @ x }
flow net = strang(one: heun, two: rk4, three) over [0, 1] steps L
net whole : R[1, 4, 4] -> R[3] =
  maxpool(2) -> flatten -> net -> tanh -> bend -> embed(6) -> fold(5) -> take(4) -> linear -> relu
"""
SPECS = {
    "switching": (gallery_text("switching"), {"n": 5, "L": 3}),
    "density": (gallery_text("density"), {"m": 3, "L": 2}),
    "hamiltonian_net": (gallery_text("hamiltonian_net"), {"m": 4}),
    "mixed": (MIXED, {}),
    "mass_preserving_sir": (gallery_text("mass_preserving_sir"), {"m": 4, "L": 2}),
    "presnov_net": (gallery_text("presnov_net"), {"n": 4, "m": 3, "L": 2}),  # its steps move back along themselves
}
SHAPES = {
    "presnov_net": {"x": 4},
    "switching": {"x": 5},
    "density": {"x": (), "y": ()},
    "hamiltonian_net": {"q": 2, "p": 2},
    "mixed": {"x": (1, 4, 4)},
    "mass_preserving_sir": {"x": 3},
}


@pytest.mark.parametrize("ending", ["graphml", "json"])
@pytest.mark.parametrize("name", SPECS)
def test_the_graph_runs_as_the_module_does(run, tmp_path, name, ending):
    text, dims = SPECS[name]
    torch.manual_seed(1)
    made = loads(text).module(**dims)(dtype=torch.float64)
    torch.save(made.state_dict(), tmp_path / "w.pt")
    sets = [word for key, number in dims.items() for word in ("--set", f"{key}={number}")]
    result = run("graph", "spec.ode", "w.pt", "-o", f"net.{ending}", *sets, spec=text)
    assert result.exit_code == 0 and "(entries)" in result.output, result.output
    graph = read(tmp_path / f"net.{ending}")
    inputs = {block: np.asarray(np.random.default_rng(2).normal(size=shape)) for block, shape in SHAPES[name].items()}
    found = run_graph(graph, {k: v for block, array in inputs.items() for k, v in entries(block, array).items()})
    with torch.no_grad():
        outputs = made(*map(torch.as_tensor, inputs.values()))
    outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    names = ("y",) if name == "mixed" else tuple(inputs)
    wanted = {
        k: v for block, array in zip(names, outputs, strict=True) for k, v in entries(block, array.numpy()).items()
    }
    assert found.keys() == wanted.keys()
    assert max(abs(found[k] - wanted[k]) for k in wanted) < 1e-12


def test_without_weights_operators_are_written(run, tmp_path):
    result = run("graph", "switching.ode", "--set", "L=2", "-o", "net.graphml", switching=gallery_text("switching"))
    assert result.exit_code == 0 and "10 nodes and 13 edges (operators)" in result.output, result.output
    graph = nx.read_graphml(tmp_path / "net.graphml")
    maps = {edge["map"] for _, _, edge in graph.edges(data=True)}
    assert maps == {"1", "A", "-hc * A.T", "he * A.T"} and graph.graph["dims"] == "n=64 L=2"


def test_convolutions_are_aggregated_with_their_norms(run, tmp_path):
    text = gallery_text("conv_nonexpansive")
    torch.save(loads(text).module(c=3)().state_dict(), tmp_path / "w.pt")
    result = run("graph", "c.ode", "w.pt", "--set", "c=3", "-o", "net.json", c=text)
    assert result.exit_code == 0 and "operators instead of entries: convolutions" in result.output, result.output
    edges = [edge for _, _, edge in read(tmp_path / "net.json").edges(data=True) if edge["map"] == "K"]
    assert len(edges) == 8 and all(0 < edge["norm_at_most"] <= 1 + 1e-9 and edge["rows"] == 3072 for edge in edges)


def test_a_limit_and_a_wrong_call(run, tmp_path):
    text = gallery_text("switching")
    torch.save(loads(text).module(n=5, L=3)().state_dict(), tmp_path / "w.pt")
    assert "more than 50 edges" in run("graph", "s.ode", "w.pt", "--limit", "50", s=text).output
    assert run("graph", "s.ode", "w.pt", "--limit", "50", "--level", "entries").exit_code == 2
    assert run("graph", "s.ode", "--level", "entries").exit_code == 2
    assert run("graph", "s.ode", "w.pt", "-o", "net.txt").exit_code == 2
    assert run("graph", "s.ode", "nowhere.pt").exit_code == 2
    assert run("graph", "s.ode", "-o", "nowhere/net.json").exit_code == 2


def test_steps_that_solve_an_equation_are_one_node(run, tmp_path):
    text = (
        "model M\nstate x : R\nparam a : R, positive\nfield f { x' = -a * x^3 }\n"
        "flow net = lie(f: implicit_euler) over [0, 1] steps 2\n"
    )
    torch.save(loads(text).module()().state_dict(), tmp_path / "w.pt")
    assert run("graph", "m.ode", "w.pt", m=text).exit_code == 0
    assert [d["op"] for _, d in nx.read_graphml(tmp_path / "m.graphml").nodes(data=True)].count("implicit step") == 2
