"""A finding as a person would write it: what is given, the steps of the proof, or the computation that breaks the claim."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, Union

from odenet.algebra.scalars import TooLarge, Unsupported
from odenet.ir.model import Claim, Definition, Field, Flow, Model, Net, Parameter
from odenet.ir.node import Node, parameters, states
from odenet.ir.show import node_text
from odenet.ir.sizes import SCALAR
from odenet.operators.properties import EACH_STEP, PROPERTIES
from odenet.plan.steps import Plan
from odenet.proof.context import Context
from odenet.proof.finding import Finding, Proof, Witness
from odenet.proof.nearest import plain_text, subject_nodes
from odenet.proof.rules import RULES, readable
from odenet.proof.show import Style, claim_text, plain, value_text
from odenet.text import escape

MOST_LEMMAS, MOST_BLOCKS, LONGEST_VALUE = 12, 9, 400
_OF_MAPS = {"nonexpansive": "|Φ(x) - Φ(y)| <= |x - y|", "lipschitz": "|Φ(x) - Φ(y)| <= L |x - y|", "preserves": "I(Φ(x)) = I(x)",
            "dissipates": "I(Φ(x)) <= I(x)", "positive": "x >= 0 implies Φ(x) >= 0", "equivariant": "Φ(g x) = g Φ(x)",
            "reversible": "R Φ R = Φ^-1, R turning the momenta round"}
_OF_FIELDS = {"nonexpansive": "<f(x) - f(y), x - y> <= 0", "preserves": "grad I . f = 0", "dissipates": "grad I . f <= 0",
              "positive": "x >= 0 and x_i = 0 imply f_i(x) >= 0", "reversible": "f(R x) = -R f(x), R turning the momenta round"}
_LETTERS = {"lipschitz": "L", "contractive": "c", "averaged": "a", "smooth": "L", "preserves": "I", "dissipates": "I",
            "hamiltonian": "H", "gradient": "V", "equivariant": "g"}
_BY_JACOBIAN = ("divergence_free", "hamiltonian", "gradient", "contractive", "nonexpansive", "lipschitz")


@dataclass
class Page:
    """Lines of text no wider than `width`."""

    width: int
    style: Style
    lines: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        self.lines += ["", self.style(text, "bold")]

    def text(self, text: str, first: str = "  ", later: str | None = None) -> None:
        """A paragraph; `first` and `later` stand before its lines."""
        rest = " " * len(first) if later is None else later
        self.lines += wrap(text, self.width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False,
                           break_long_words=False) or [first.rstrip()]


def narrative(model: Model, plans: dict[str, Plan], finding: Finding, edits: Sequence[str] = (), style: Style = plain,
              width: int = 100) -> str:
    """The whole page on one claim. `edits`: statements each of which would make the claim proved."""
    page = Page(width, style)
    claim = finding.claim
    colour = {"proved": "green", "refuted": "red"}.get(finding.verdict, "yellow")
    page.lines.append(f"{style(f'claim {claim_text(claim)}', 'bold')}   {escape(model.source.name)}:{claim.line}")
    page.text(f"{finding.verdict.capitalize()}. The claim says: {_meaning(claim)}.", style(finding.verdict, colour)[:0] + "  ")
    _given(page, model, plans, claim)
    if finding.proof is not None:
        _proof(page, finding)
    elif finding.witness is not None:
        _refutation(page, model, finding.witness)
    else:
        page.heading("Not decided")
        page.text(f"No rule reaches it, and no witness against it was found. The nearest missing fact: {finding.reason}.")
    if edits:
        page.heading("It would be proved with one of these in place of what stands there")
        for edit in edits:
            page.text(edit, "    ")
    return "\n".join(page.lines)


def _meaning(claim: Claim) -> str:
    """What the property says here."""
    words = (_OF_FIELDS if claim.kind == "field" else _OF_MAPS).get(claim.property, PROPERTIES[claim.property].meaning)
    if claim.kind == "flow" and claim.property in EACH_STEP:
        words += " for every step Φ"
    if claim.arguments and claim.property in _LETTERS:
        argument = claim.arguments[0]
        words += f", {_LETTERS[claim.property]} = {argument if isinstance(argument, str) else node_text(argument)}"
    norm = dict(claim.keywords).get("norm", "2")
    if norm != "2":
        words += f", in the norm {norm}"
    if claim.property == "order":
        return f"local error O(h^(p+1)) with p = {claim.text[6:-1]}, for every smooth choice of the parts"
    if claim.property in ("symmetric", "reversible") and claim.kind == "flow":
        return f"{words}, of one step, with its parameters as they are in that step"
    where = f"all states with {claim.region_text}" if claim.region_text else "all states"
    return f"{words}, for all values of the parameters in their sets, all sizes, all times and {where}"


# --- what is given ----------------------------------------------------------------------------------------------------


def _given(page: Page, model: Model, plans: dict[str, Plan], claim: Claim) -> None:
    """The statements of the spec that the claim speaks of, and what is worked out from them before any proof."""
    page.heading("Given")
    for text in _statements(model, claim):
        page.text(text, "    ", "        ")
    plan = plans.get(claim.subject) if claim.kind == "flow" else None
    if plan is not None:
        parts = [f"`{plan.flow.parts[s.part].field}` for {_times_h(str(s.coefficient))}" for s in plan.step]
        page.text(f"One step is {', then '.join(parts)}, with h = {node_text(plan.flow.step)}.")
    if claim.kind == "field" and claim.property in _BY_JACOBIAN:
        _jacobian(page, model, claim)


def _times_h(coefficient: str) -> str:
    return "h" if coefficient == "1" else f"({coefficient}) h" if " " in coefficient else f"{coefficient} h"


Declared = Union[Parameter, Field, Definition, Flow, Net]


def _statements(model: Model, claim: Claim) -> list[str]:
    fields = claim.fields
    if claim.kind == "flow":
        fields = tuple(part.field for part in model.flow(claim.subject).parts)
    own: list[Declared] = [f for f in model.fields if f.name in fields]
    subjects: list[Declared] = [*model.definitions, *model.flows, *model.nets]
    own += [x for x in subjects if x.name == claim.subject and claim.kind != "field"]
    texts = [plain_text(model, item.span) for item in own]
    called: list[Declared] = [d for d in model.definitions if d not in own and any(f"{d.name}(" in text for text in texts)]
    used = {name for node in subject_nodes(model, claim) for name in states(node) | parameters(node)}
    used |= {name for f in model.fields if f.name in fields for name in f.moves}
    given: list[Declared] = [p for p in model.parameters if p.name in used]
    return [*(f"state {b.name} : {b.space}" for b in model.blocks if b.name in used),
            *(plain_text(model, item.span) for item in [*given, *called]), *texts]


def _jacobian(page: Page, model: Model, claim: Claim) -> None:
    """Its blocks in normal form, where they are few: D(…) is a diagonal matrix, a prime the transpose."""
    context = Context(model)
    rates = context.rates(claim.fields)
    names = [b.name for b in context.blocks_of(rates)]
    if len(names) ** 2 > MOST_BLOCKS:
        return
    try:
        blocks = [(i, j, context.jacobian(rates, i, j)) for i in names for j in names]
    except (Unsupported, TooLarge):
        return
    page.text("Its Jacobian, block by block (what is not named is zero; D(...) is a diagonal matrix, ' the transpose):")
    for i, j, form in blocks:
        if not form.is_zero():
            text = form.scalar().key if context.space(i) == context.space(j) == SCALAR else form.key
            page.text(f"Df[{i}, {j}] = {_cut(readable(text))}", "    ", "        ")


# --- proofs ----------------------------------------------------------------------------------------------------------


def _proof(page: Page, finding: Finding) -> None:
    assert finding.proof is not None
    page.heading("Proof")
    steps = numbered(finding.proof)
    for number, (step, premises) in enumerate(steps, 1):
        lead = f"  {number}. "
        page.text(_sentence(step.statement), lead)
        page.text(_reason(step, premises), " " * len(lead))
        for name, value in step.data:
            page.text(f"Here {name} = {fact_text(value)}.", " " * len(lead))
        for condition in step.conditions:
            page.text(f"Provided that {condition}.", " " * len(lead))
    page.text("This is what was claimed.")
    if finding.conditions:
        page.heading("The proof rests on")
        for condition in finding.conditions:
            page.text(condition, "    ")
    _checked(page, finding)


def numbered(proof: Proof) -> list[tuple[Proof, tuple[int, ...]]]:
    """The steps, premises first, each once, with the numbers of the steps that they rest on (from 1)."""
    known: dict[int, int] = {}  # by identity: equal words about two fields are two facts
    steps: list[tuple[Proof, tuple[int, ...]]] = []

    def visit(step: Proof) -> int:
        if id(step) not in known:
            premises = tuple(dict.fromkeys(visit(premise) for premise in step.premises))
            steps.append((step, premises))
            known[id(step)] = len(steps)
        return known[id(step)]

    visit(proof)
    return steps


def _sentence(text: str) -> str:
    first = text.split(" ", maxsplit=1)[0]
    is_word = first.isalpha() and (len(first) > 2 or first in ("a", "an"))  # and no formula, such as `h Df`
    return (text[:1].upper() + text[1:] if is_word else text) + ("" if text.endswith(".") else ".")


def _reason(step: Proof, premises: tuple[int, ...]) -> str:
    rule = RULES[step.rule]
    rest = "" if not premises else f", with step{'s' if len(premises) > 1 else ''} {_listed(premises)}"
    source = "" if rule.source == "definition" else f" [{rule.source}]"
    return f"By \"{rule.name}\"{rest}: {rule.theorem}{source}"


def _listed(numbers: tuple[int, ...]) -> str:
    texts = list(map(str, numbers))
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def fact_text(value: Any) -> str:
    """An instantiated fact, as text."""
    if isinstance(value, tuple):
        return ", ".join(map(fact_text, value))
    if isinstance(value, Node):
        return node_text(value)
    return _cut(readable(str(getattr(value, "key", value))))


def _checked(page: Page, finding: Finding) -> None:
    """The inequalities that the proof needs, as its accepted certificate has them."""
    from odenet.proof.certificate import as_data

    if finding.certificate is None:
        return
    needed = [lemma[2] for lemma in finding.certificate["lemmas"]]
    shown = [readable(scalar.key) for _, _, scalar, _ in finding.lemmas if as_data(scalar) in needed and scalar.atoms()]
    if shown:
        page.heading("Inequalities used, each with exact evidence in the certificate")
        for text in list(dict.fromkeys(shown))[:MOST_LEMMAS]:
            page.text(f"{_cut(text)} >= 0", "    ")
    page.lines.append("")
    page.text("An independent checker accepts the certificate of this proof.")


# --- refutations ------------------------------------------------------------------------------------------------------


def _refutation(page: Page, model: Model, witness: Witness) -> None:
    page.heading("Refutation")
    where: list[tuple[str, Any]] = [*witness.dims, *witness.values]
    if where:
        page.text("Take the sizes, parameters and states" if witness.dims else "Take the values")
        for name, value in where:
            _value(page, name, value)
    page.text(f"{'There' if where else 'Here'} {witness.quantity} = {witness.value},")
    page.text(f"and the claim asks for {witness.expected}.")
    if where:
        page.text("All these numbers are exact and lie in their sets; the value is exact, or enclosed so that it cannot be what is "
                  "claimed. Anyone can compute it again.")


def _value(page: Page, name: str, value: Any) -> None:
    """A matrix row by row, everything else on one line."""
    lead = f"    {name} = "
    is_matrix = isinstance(value, tuple) and value and isinstance(value[0], tuple) and not isinstance(value[0][0], tuple)
    if is_matrix and len(value_text(value)) > 60:
        for row in value[:8]:
            page.text(_cut(value_text(row)), lead)
            lead = " " * len(lead)
        if len(value) > 8:
            page.text(f"… ({len(value)} rows; whole with `verify --format json`)", lead)
        return
    page.text(_cut(value_text(value)), lead)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} … (whole with `verify --format json`)"


