"""A stable printout of the typed model: every name resolved, every `def` expanded, every space written out."""
from __future__ import annotations

from fractions import Fraction

from odenet.ir.model import Flow, Method, Model, Net, Parameter
from odenet.ir.node import Node

_INFIX = {"apply": "@", "compose": "@", "mul": "*", "scale": "*"}


def node_text(node: Node, most: int = 4000) -> str:
    """A node in the language's spelling; parentheses round every sum inside a product."""
    known: dict[Node, str] = {}
    for inner in node.walk():
        text = _text(inner, [known[a] for a in inner.args])
        known[inner] = text if len(text) <= most else text[:most] + " …"
    return known[node]


def _text(node: Node, a: list[str]) -> str:
    if node.op == "number":
        return _number(node.data[0])
    if node.op in ("dim", "state", "param", "variable"):
        return str(node.data[0])
    if node.op == "time":
        return "t"
    if node.op == "add":
        return " + ".join(a).replace("+ -", "- ")
    if node.op in _INFIX:
        return f" {_INFIX[node.op]} ".join(_wrapped(x, t) for x, t in zip(node.args, a, strict=True))
    if node.op == "power":
        return f"{_wrapped(node.args[0], a[0], tight=True)}^{_number(node.data[0], is_tight=True)}"
    if node.op == "transpose":
        return f"{_wrapped(node.args[0], a[0], tight=True)}.T"
    name = node.data[0] if node.op == "function" else node.op
    extras = [_number(x) for x in node.data[1:]] if node.op == "function" else [str(x) for x in node.data]
    if node.op in ("ones", "zeros", "eye", "spread", "channels"):
        extras = [str(node.space)]
    return f"{name}({', '.join([*a, *extras])})"


def _number(value: Fraction, is_tight: bool = False) -> str:
    return f"({value})" if is_tight and (value < 0 or value.denominator != 1) else str(value)


def _wrapped(node: Node, text: str, tight: bool = False) -> str:
    loose = {"add"} | ({"mul", "scale", "apply", "compose", "number"} if tight else set())
    return f"({text})" if node.op in loose and not text.isalnum() else text


def model_text(model: Model) -> str:
    """The whole model, one line for each thing it holds."""
    lines = [f"model {model.name}"]
    lines += [f"dim {d.name} = {d.value}{'' if d.is_free else '  (derived)'}" for d in model.dims]
    lines += [f"state {b.name} : {b.space}" for b in model.blocks]
    lines += [f"pair ({p.position}, {p.momentum})" for p in model.pairs]
    lines += [_parameter(p) for p in model.parameters]
    lines += [f"const {name} = {node_text(node)}" for name, node in model.constants]
    lines += [f"def {d.name}({', '.join(f'{n} : {s}' for n, s in d.arguments)}) = {node_text(d.body)}" for d in model.definitions]
    for f in model.fields:
        lines += [f"field {f.name}", *(f"  {block}' = {node_text(node)}" for block, node in f.rows)]
    for flow in model.flows:
        lines += _flow(flow)
    for net in model.nets:
        lines += _net(net)
    lines += [f"claim {' + '.join(c.fields) if c.fields else c.subject} : {c.text}" for c in model.claims]
    return "\n".join(lines) + "\n"


def _parameter(p: Parameter) -> str:
    timing = f"({p.schedule.kind}{'' if p.schedule.knots is None else f' {p.schedule.knots}'})" if p.schedule else ""
    sets = [f"{s.name}({', '.join(map(node_text, s.arguments))})" if s.arguments else s.name for s in p.sets]
    marks = sets + (["frozen"] * p.is_frozen + ["clamped"] * p.is_clamped)
    initial = f" = {node_text(p.initial)}" if p.initial else ""
    return f"param {p.name}{timing} : {p.space}{''.join(f', {m}' for m in marks)}{initial}"


def _method(method: Method) -> str:
    return method.name if method.inner is None else f"{method.name}({method.inner.name})"


def _flow(flow: Flow) -> list[str]:
    head = f"flow {flow.name} on {', '.join(flow.blocks)}: {flow.steps} steps of {node_text(flow.step)}"
    parts = [f"  part {p.field}: {_method(p.method)}" for p in flow.parts]
    stages = " ".join(f"{flow.parts[i].field}({node_text(c)})" for i, c in flow.scheme.stages)
    return [head, *parts, f"  {flow.scheme.name}: {stages}"]


def _net(net: Net) -> list[str]:
    lines = [f"net {net.name} : {net.domain} -> {net.codomain}"]
    for stage in net.stages:
        data = " ".join(map(str, stage.data))
        bound = f" norm <= {node_text(stage.norm)}" if stage.norm else ""
        lines.append(f"  {stage.kind} {data}{bound} : {stage.domain} -> {stage.codomain}".replace("  :", " :"))
    return lines
