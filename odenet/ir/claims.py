"""`claim` statements: which property of what, with arguments that make sense, where it is defined."""
# mypy: disable-error-code="func-returns-value"
# (a reporter returns None, and None is the value of what had a fault)
from __future__ import annotations

from difflib import get_close_matches
from typing import Union

from odenet.ir.calls import Template
from odenet.ir.claim_arguments import read_arguments, read_keywords
from odenet.ir.domains import Hole, Signs, holes
from odenet.ir.expressions import Reader
from odenet.ir.model import Claim, Comparison, Field, Flow, Model, Net, Parameter
from odenet.ir.node import Node, function, states, variable
from odenet.ir.scope import Entry, Scope
from odenet.ir.sizes import SCALAR
from odenet.operators.properties import PROPERTIES, Property
from odenet.syntax import tree

_SUBJECTS = ("field", "flow", "net", "def")
_WORDS = {"field": "a field", "flow": "a flow", "net": "a net", "def": "a def"}
Subject = Union[Field, Flow, Net, Template]


class ClaimReader:
    """Reads the claims of a spec, when all else of it is read."""

    def __init__(self, scope: Scope, model: Model) -> None:
        self.scope, self.model = scope, model
        self.faults = scope.faults

    def read(self, statement: tree.ClaimStatement) -> list[Claim]:
        """The claims of one statement, one for each property. Errors: ODE401 to ODE409."""
        entries = self._subjects(statement)
        if entries is None:
            return []
        region = self._region(statement, self._arguments(entries[0]))
        if region is None:
            return []
        found = [self._property(statement, entries, p, region) for p in statement.properties]
        return [claim for claim in found if claim is not None]

    def _subjects(self, statement: tree.ClaimStatement) -> list[Entry] | None:
        entries = [self.scope.find(name, _SUBJECTS, "field, flow, net or def") for name in statement.subjects]
        known = [e for e in entries if e is not None]
        if len(known) < len(entries):
            return None
        if len(known) > 1:
            for name, entry in zip(statement.subjects, known, strict=True):
                if entry.kind != "field":
                    self.faults.report("ODE408", f"only fields add up, and `{entry.name}` is {entry.words}",
                                       (name.span, f"{entry.words}"), (entry.span, "declared here"),
                                       help="claim it by itself, in another `claim`")
                    return None
        return known

    # --- the region ---------------------------------------------------------------------------------------------

    def _arguments(self, entry: Entry) -> dict[str, Node] | None:
        """What a region of a `def` speaks of: its arguments; None for all else, whose regions speak of the state."""
        if entry.kind != "def" or not isinstance(entry.value, Template):
            return None
        return {name: variable(name, space) for name, space in entry.value.arguments}

    def _region(self, statement: tree.ClaimStatement, arguments: dict[str, Node] | None) -> tuple[Comparison, ...] | None:
        read = [self._comparison(c, arguments) for c in statement.region]
        known = [c for c in read if c is not None]
        return tuple(known) if len(known) == len(read) else None

    def _comparison(self, comparison: tree.Comparison, arguments: dict[str, Node] | None) -> Comparison | None:
        """`left <= right` or `left < right`. Errors: ODE407."""
        reader = Reader(self.scope, arguments or {})
        sides = [reader.read(side) for side in (comparison.left, comparison.right)]
        if sides[0] is None or sides[1] is None:
            return None
        left, right = sides[0], sides[1]
        for side, node in zip((comparison.left, comparison.right), (left, right), strict=True):
            if why := self._not_fixed(node):
                self.faults.report("ODE407", "a region is said of the state alone", (side.span, why),
                                   help="compare states, constants, dims and parameters that do not depend on t")
                return None
        joined = self._joined(comparison, left, right)
        if joined is None:
            return None
        if (problem := _no_region(left, right, arguments)) is not None:
            self.faults.report("ODE407", problem[0], (comparison.span, problem[1]))
            return None
        if comparison.operator in (">", ">="):
            joined = joined[::-1]
        return Comparison(comparison.operator in ("<", ">"), *joined)

    def _joined(self, comparison: tree.Comparison, left: Node, right: Node) -> tuple[Node, Node] | None:
        from odenet.ir.arithmetic import join

        joined = join(left, right)
        if joined is None:
            self.faults.report("ODE407", "cannot compare these: they are in different spaces",
                               (comparison.span, f"{left.space} {comparison.operator} {right.space}"))
        return joined

    def _not_fixed(self, node: Node) -> str:
        for n in node.walk():
            if n.op == "time":
                return "it uses `t`"
            if n.op == "param" and self.scope.entries[n.data[0]].value.schedule is not None:
                return f"`{n.data[0]}` depends on t"
        return ""

    # --- properties ---------------------------------------------------------------------------------------------

    def _property(self, statement: tree.ClaimStatement, entries: list[Entry], syntax: tree.PropertySyntax,
                  region: tuple[Comparison, ...]) -> Claim | None:
        row = PROPERTIES.get(syntax.name.text)
        if row is None:
            return self._unknown(syntax)
        kind = entries[0].kind
        if kind not in row.subjects:
            return self._wrong_subject(statement, syntax, row, entries[0])
        if not self._has_pairs(statement, syntax, row, entries) or not self._is_scalar_def(statement, syntax, entries[0]):
            return None
        if region and not row.allows_region:
            self.faults.report("ODE407", f"`{row.name}` holds or fails everywhere at once",
                               (statement.region[0].span.to(statement.region[-1].span), "a region means nothing here"),
                               help="leave the region out")
            return None
        arguments = read_arguments(self.scope, syntax, row, self._blocks(entries), kind)
        keywords = read_keywords(self.scope, syntax, row)
        if arguments is None or keywords is None or not self._is_defined(statement, entries, syntax, arguments, region):
            return None
        return self._claim(statement, entries, syntax, arguments, keywords, region)

    def _claim(self, statement: tree.ClaimStatement, entries: list[Entry], syntax: tree.PropertySyntax,
               arguments: tuple[Union[Node, str], ...], keywords: tuple[tuple[str, Union[Node, str]], ...],
               region: tuple[Comparison, ...]) -> Claim:
        names = tuple(e.name for e in entries)
        kind = entries[0].kind
        region_text = ""
        if statement.region:
            region_text = self._written(statement.region[0].span.to(statement.region[-1].span))
        return Claim(" + ".join(names), kind, names if kind == "field" else (), syntax.name.text, arguments, keywords,
                     region, self.scope.faults.source.place(syntax.span.start)[0], self._written(syntax.span), region_text,
                     syntax.span)

    def _written(self, span: object) -> str:
        from odenet.text import Span

        assert isinstance(span, Span)
        lines = self.faults.source.text[span.start:span.end].split("\n")
        return " ".join(" ".join(line.split("#")[0].split()) for line in lines).strip()

    def _unknown(self, syntax: tree.PropertySyntax) -> None:
        near = get_close_matches(syntax.name.text, PROPERTIES, 1, 0.6)
        known = ", ".join(f"`{name}`" for name in PROPERTIES)
        self.faults.report("ODE401", f"unknown property `{syntax.name.text}`", (syntax.name.span, "no claim has this name"),
                           help=f"did you mean `{near[0]}`?" if near else f"known: {known}",
                           edits=[(syntax.name.span, near[0])] if near else [])

    def _wrong_subject(self, statement: tree.ClaimStatement, syntax: tree.PropertySyntax, row: Property,
                       entry: Entry) -> None:
        asked = " or ".join(_WORDS[k] for k in _SUBJECTS if k in row.subjects)
        fitting = [p.name for p in PROPERTIES.values() if entry.kind in p.subjects]
        near = _counterpart(row.name, entry.kind)
        self.faults.report("ODE402", f"`{row.name}` is said of {asked}, and `{entry.name}` is {entry.words}",
                           (syntax.span, f"not of {_WORDS[entry.kind]}"),
                           (entry.span, "declared here"),
                           help=f"of {_WORDS[entry.kind]}: " + (f"`{near}`" if near else ", ".join(f"`{f}`" for f in fitting)),
                           edits=[(syntax.span, near)] if near else [])

    def _has_pairs(self, statement: tree.ClaimStatement, syntax: tree.PropertySyntax, row: Property,
                   entries: list[Entry]) -> bool:
        """Errors: ODE404 a block of the subject is in no pair."""
        if not row.needs_pairs:
            return True
        paired = {name for p in self.model.pairs for name in (p.position, p.momentum)}
        for name in self._blocks(entries):
            if name not in paired:
                block = self.scope.entries[name]
                self.faults.report("ODE404", f"`{row.name}` needs pairs of position and momentum", (syntax.span, "asked here"),
                                   (block.span, f"`{name}` is in no pair"),
                                   help="declare a pair in one statement: `state q, p : R[n]`, or one block `state x : R[2*n]`")
                return False
        return True

    def _blocks(self, entries: list[Entry]) -> tuple[str, ...]:
        """The blocks of the subject, in the order of declaration."""
        used: set[str] = set()
        for entry in entries:
            value: Subject = entry.value
            if isinstance(value, Field):
                for name, rate in value.rows:
                    used |= {name} | states(rate)
            elif isinstance(value, Flow):
                used |= set(value.blocks)
            elif isinstance(value, Template):
                used |= states(value.body)
        return tuple(b.name for b in self.model.blocks if b.name in used)

    def _is_scalar_def(self, statement: tree.ClaimStatement, syntax: tree.PropertySyntax, entry: Entry) -> bool:
        if entry.kind != "def" or entry.value.body.space == SCALAR:
            return True
        self.faults.report("ODE402", f"`{syntax.name.text}` is said of a `def` with a scalar value",
                           (statement.subjects[0].span, f"its value is in {entry.value.body.space}"),
                           (entry.span, "declared here"))
        return False

    # --- domains ------------------------------------------------------------------------------------------------

    def _is_defined(self, statement: tree.ClaimStatement, entries: list[Entry], syntax: tree.PropertySyntax,
                    arguments: tuple[Union[Node, str], ...], region: tuple[Comparison, ...]) -> bool:
        """Errors: ODE405 a field, a def or an invariant that is not defined at all states, and no region."""
        if region or not PROPERTIES[syntax.name.text].allows_region:
            return True  # the prover holds the region against the domain
        signs = Signs(self._parameter)
        for node in (*self._expressions(entries), *(a for a in arguments if isinstance(a, Node))):
            found = holes(node, signs)
            if found:
                self._report_hole(statement, syntax, found[0], node)
                return False
        return True

    def _parameter(self, name: str) -> Parameter | None:
        entry = self.scope.entries.get(name)
        return entry.value if entry is not None and isinstance(entry.value, Parameter) else None

    def _expressions(self, entries: list[Entry]) -> list[Node]:
        found: list[Node] = []
        for entry in entries:
            value: Subject = entry.value
            if isinstance(value, Field):
                found += [rate for _, rate in value.rows]
            elif isinstance(value, Flow):
                found += self._expressions([self.scope.entries[part.field] for part in value.parts])
            elif isinstance(value, Net):
                found += self._stages(value)
            elif isinstance(value, Template):
                found.append(value.body)
        return found

    def _stages(self, net: Net) -> list[Node]:
        """What the stages of a net evaluate."""
        found: list[Node] = []
        for stage in net.stages:
            if stage.kind in ("flow", "def"):
                found += self._expressions([self.scope.entries[stage.data[0]]])
            elif stage.kind == "function":
                inside = variable("input", stage.domain)
                found.append(function(stage.data[0], inside, *stage.data[1:]).at(stage.span))
        return found

    def _report_hole(self, statement: tree.ClaimStatement, syntax: tree.PropertySyntax, hole: Hole, node: Node) -> None:
        place = hole.argument.span or hole.node.span or node.span
        names = sorted(states(hole.argument))
        labels = [] if place is None else [(place, f"this must {hole.asked}")]
        if any(n.op == "variable" for n in hole.argument.walk()) or names:
            help = "say where the claim holds: `on …`, with a region inside the domain"
        else:
            help = "declare the parameter in a set that keeps this in the domain: `param k : R, positive`"
        self.faults.report("ODE405", f"`{syntax.name.text}` is claimed of an expression that is not defined everywhere",
                           (syntax.span, "claimed for all states" if names else "claimed for all values of the parameters"),
                           *labels, help=help)


def _counterpart(name: str, kind: str) -> str:
    """What the same wish is called of another kind of subject."""
    pairs = {("divergence_free", "flow"): "volume_preserving", ("volume_preserving", "field"): "divergence_free",
             ("hamiltonian", "flow"): "symplectic", ("symplectic", "field"): "hamiltonian",
             ("divergence_free", "net"): "volume_preserving", ("hamiltonian", "net"): "symplectic"}
    return pairs.get((name, kind), "")


def _no_region(left: Node, right: Node, arguments: dict[str, Node] | None) -> tuple[str, str] | None:
    """Why a comparison is no region of the state, or of the arguments of a `def`."""
    blocks = states(left) | states(right)
    if arguments is None:
        return None if blocks else ("this region says nothing about the state", "no block in it")
    if blocks:
        return "a region of a `def` is said of its arguments", f"`{min(blocks)}` is none of them"
    used = any(n.op == "variable" for side in (left, right) for n in side.walk())
    return None if used else ("this region says nothing about the arguments", "no argument in it")
