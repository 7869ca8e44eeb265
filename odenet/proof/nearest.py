"""The nearest spec in which a claim holds: one number or one word of the text changed, and the claim proved again."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from odenet.diagnostics import Rejected
from odenet.ir import build
from odenet.ir.model import Claim, ConvolutionSpace, Flow, Model, Parameter, ParameterSet
from odenet.ir.node import Node, parameters
from odenet.plan import plan_flow
from odenet.proof import thresholds
from odenet.proof.budget import OutOfTime, limit
from odenet.proof.prove import Prover
from odenet.proof.thresholds import spelled
from odenet.syntax import parse
from odenet.text import Source, Span

MOST_STEPS = 12  # powers of two by which the steps are multiplied at most
_NUMBERED = {"lipschitz": 1, "smooth": 1, "averaged": 1, "contractive": -1}  # whether larger numbers are easier
_WORDS = ("nonnegative", "symmetric", "psd", "skew", "orthogonal", "diagonal")


@dataclass(frozen=True)
class Change:
    """A piece of the spec and what to write in its place. `statement` is the line as it would read."""

    span: Span
    text: str

    def statement(self, model: Model, whole: Span) -> str:
        return plain_text(model, Span(whole.start, self.span.start)) + self.text + plain_text(model, Span(self.span.end, whole.end))


def plain_text(model: Model, span: Span) -> str:
    """A piece of the spec on one line, without its comments."""
    lines = model.source.text[span.start:span.end].split("\n")
    return re.sub(r"\s*\n\s*", " ", "\n".join(line.split("#")[0] for line in lines))


class Nearest:
    """Looks for the changes of a model that make one of its claims proved."""

    def __init__(self, model: Model, claim: Claim, seconds: float) -> None:
        self.model, self.claim, self.seconds = model, claim, seconds
        self.index = model.claims.index(claim)

    def edits(self) -> list[str]:
        """Statements that would stand in the spec instead of its own, each of which makes the claim proved by itself."""
        found: list[str] = []
        with suppress(OutOfTime), limit(self.seconds):
            for edit in self._edits():
                found.append(edit)
        return found

    def _edits(self) -> Iterator[str]:
        yield from self._number()
        if self.claim.kind == "flow":
            yield from self._steps(self.model.flow(self.claim.subject))
        for parameter in self._parameters():
            yield from self._sets(parameter)

    def holds(self, change: Change) -> bool:
        """Whether the claim is proved in the changed spec."""
        text = self.model.source.text
        changed = text[:change.span.start] + change.text + text[change.span.end:]
        try:
            model = build(parse(Source(self.model.source.name, changed)))
            plans = {flow.name: plan_flow(model, flow) for flow in model.flows}
        except Rejected:
            return False
        return Prover(model, plans).proves(model.claims[self.index], self.seconds)

    # --- the number of the claim, the steps of its flow -------------------------------------------------------------

    def _number(self) -> Iterator[str]:
        sign = _NUMBERED.get(self.claim.property)
        if sign is None:
            return
        name, rest = self.claim.property, "".join(f", {key} = {word}" for key, word in self.claim.keywords)
        def change(value: Fraction) -> Change:
            return Change(self.claim.span, f"{name}({spelled(value)}{rest})")

        if sign > 0:
            found = thresholds.least(lambda x: self.holds(change(x)), 0 if name == "averaged" else thresholds.HIGH)
        elif self.holds(change(Fraction(0))):
            found = thresholds.greatest(lambda x: self.holds(change(x))) or Fraction(0)
        else:
            growth = thresholds.least(lambda x: self.holds(change(-x)))
            found = None if growth is None else -growth
        if found is not None:
            region = f" on {self.claim.region_text}" if self.claim.region_text else ""
            subject = " + ".join(self.claim.fields) or self.claim.subject
            yield f"claim {subject} : {change(found).text}{region}"

    def _steps(self, flow: Flow) -> Iterator[str]:
        count = flow.steps.constant()
        place = re.search(r"\bsteps\s+(\S+)\s*$", plain_text(self.model, flow.span))
        if count is None or place is None or not place[1].isdecimal():
            return
        start = self.model.source.text.rindex(place[1], flow.span.start, flow.span.end)
        least = _least_whole(lambda n: self.holds(Change(Span(start, start + len(place[1])), str(n))), int(count))
        if least is not None:
            yield Change(Span(start, start + len(place[1])), str(least)).statement(self.model, flow.span)

    # --- the sets of its parameters -----------------------------------------------------------------------------------

    def _parameters(self) -> list[Parameter]:
        """Those that the subject uses, in order."""
        used = {name for node in subject_nodes(self.model, self.claim) for name in parameters(node)}
        return [p for p in self.model.parameters if p.name in used and not p.is_frozen]

    def _sets(self, parameter: Parameter) -> Iterator[str]:
        """A smaller set of the parameter: a word, or the widest interval or norm."""
        interval = parameter.set_named("interval")
        if interval is not None:
            yield from self._narrower(parameter, interval)
            return
        own = next((s for s in parameter.sets if s.name in ("positive", "nonnegative")), None)
        if own is not None:
            yield from self._up_to(parameter, own.span, "in [0, {}]")
            return
        place = self._behind(parameter)
        if place is None or parameter.sets:
            return
        for word in _WORDS:
            if self.holds(change := Change(place, f", {word}")):
                yield change.statement(self.model, parameter.span)
        is_map = isinstance(parameter.space, ConvolutionSpace) or parameter.space.rank == 2
        yield from self._up_to(parameter, place, ", norm <= {}" if is_map else ", in [-{0}, {0}]")

    def _up_to(self, parameter: Parameter, place: Span, form: str) -> Iterator[str]:
        found = thresholds.greatest(lambda x: self.holds(Change(place, form.format(spelled(x)))))
        if found is not None:
            yield Change(place, form.format(spelled(found))).statement(self.model, parameter.span)

    def _narrower(self, parameter: Parameter, interval: ParameterSet) -> Iterator[str]:
        """The largest share of the interval at either of its ends."""
        ends = [_number(node) for node in interval.arguments]
        if ends[0] is None or ends[1] is None or ends[0] == ends[1]:
            return
        low, high = ends[0], ends[1]

        def lower(share: Fraction) -> Change:
            return Change(interval.span, f"in [{spelled(low)}, {spelled(low + share * (high - low))}]")

        def upper(share: Fraction) -> Change:
            return Change(interval.span, f"in [{spelled(high - share * (high - low))}, {spelled(high)}]")

        for change in (lower, upper):
            share = thresholds.greatest(lambda x, change=change: x <= 1 and self.holds(change(x)))  # type: ignore[misc]
            if share is not None:
                yield change(share).statement(self.model, parameter.span)

    def _behind(self, parameter: Parameter) -> Span | None:
        """Where another set of the parameter would be written."""
        text = self.model.source.text[parameter.span.start:parameter.span.end]
        if parameter.initial is None:
            end = parameter.span.start + len(text.rstrip())
        elif " = " in text:
            end = parameter.span.start + text.rindex(" = ")
        else:
            return None
        return None if "#" in text else Span(end, end)


def subject_nodes(model: Model, claim: Claim) -> list[Node]:
    """The expressions that a claim speaks of."""
    if claim.kind == "def":
        return [model.definition(claim.subject).body]
    names = claim.fields
    if claim.kind == "flow":
        names = tuple(part.field for part in model.flow(claim.subject).parts)
    if claim.kind == "net":
        flows = [model.flow(s.data[0]) for s in model.net(claim.subject).stages if s.kind == "flow"]
        names = tuple(part.field for flow in flows for part in flow.parts)
    rates = [rate for name in names for _, rate in model.field(name).rows]
    return rates + [a for a in claim.arguments if isinstance(a, Node)]


def _least_whole(holds: Callable[[int], bool], start: int) -> int | None:
    """The least whole number above `start` at which a property that rises holds; None: not up to start * 2^12."""
    if not holds(start << MOST_STEPS):
        return None
    no, yes = start, start << MOST_STEPS
    while yes - no > 1 and yes * 1000 > no * 1001:
        middle = int((no * yes) ** 0.5) if yes > 4 * no else (no + yes) // 2
        no, yes = (no, middle) if holds(middle) else (middle, yes)
    return yes


def _number(node: Node) -> Fraction | None:
    from odenet.ir.values import constant_value

    return constant_value(node, {})
