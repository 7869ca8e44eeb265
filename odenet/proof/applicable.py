"""What a model has: every property that could apply to each field, flow, net and def, tried, with its arguments found.

One row for each property says which claims are worth trying. Each is read by the checks that written claims go through, so that
one that means nothing here is left out for the right reason, and is decided by the same prover.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction

from odenet.algebra.scalars import Scalar, TooLarge, Unsupported, of_atom
from odenet.ir.model import Block, Claim, Model
from odenet.ir.node import Node
from odenet.ir.show import node_text
from odenet.ir.sizes import SCALAR, Space
from odenet.operators.properties import ACTIONS, PROPERTIES
from odenet.plan.steps import Plan
from odenet.proof import invariants, thresholds
from odenet.proof.budget import OutOfTime, limit
from odenet.proof.candidates import Candidates
from odenet.proof.finding import Finding, Proof
from odenet.proof.prove import Prover
from odenet.proof.spelling import scalar_text
from odenet.proof.thresholds import spelled

TRIED_SECONDS = 1.0
HIGHEST_ORDER = 8
_SIDE = {"contractive": "least"}  # what a number is, where the search for the sharpest was cut off; else "most"
UNBOUNDED = 1000  # a bound that is tried where none is found, so that its absence has a witness
Notice = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Subject:
    """What claims are tried of. `fields`: of a sum of fields, or of the parts of a flow."""

    words: str
    kind: str
    fields: tuple[str, ...]
    blocks: tuple[Block, ...]
    regions: tuple[str, ...] = ("",)


def subjects(model: Model) -> list[Subject]:
    """Every field, the sum of the fields of each flow (of all fields, without a flow), every flow, net and def."""
    sums = [tuple(part.field for part in flow.parts) for flow in model.flows] or [tuple(f.name for f in model.fields)]
    fields = [*((f.name,) for f in model.fields), *(names for names in sums if len(names) > 1)]
    found = [Subject(" + ".join(names), "field", names, _blocks(model, names)) for names in dict.fromkeys(fields)]
    found += [Subject(flow.name, "flow", tuple(p.field for p in flow.parts), tuple(model.block(b) for b in flow.blocks))
              for flow in model.flows]
    found += [Subject(net.name, "net", (), ()) for net in model.nets]
    found += [Subject(d.name, "def", (), ()) for d in model.definitions if d.body.space == SCALAR]
    return [Subject(s.words, s.kind, s.fields, s.blocks, _regions(model, s)) for s in found]


def _blocks(model: Model, names: tuple[str, ...]) -> tuple[Block, ...]:
    from odenet.ir.node import states

    used = {b for name in names for block, rate in model.field(name).rows for b in (block, *states(rate))}
    return tuple(b for b in model.blocks if b.name in used)


def _regions(model: Model, subject: Subject) -> tuple[str, ...]:
    """Everywhere, and the regions that someone claims something on, of the same subject."""
    stated = [c.region_text for c in model.claims if c.region_text and words(c) == subject.words]
    return ("", *dict.fromkeys(stated))


def words(claim: Claim) -> str:
    return " + ".join(claim.fields) if claim.kind == "field" else claim.subject


class Survey:
    """Tries all that could apply to the subjects of one model."""

    def __init__(self, model: Model, plans: dict[str, Plan], seconds: float = TRIED_SECONDS) -> None:
        self.model, self.seconds = model, seconds
        self.prover = Prover(model, plans)
        self.candidates = Candidates(model)
        self._proofs: dict[str, Proof | None] = {}
        self.cut: set[str] = set()  # claims whose number is not the sharpest, as the search for it ended with its budget
        self._kept: dict[str, list[str]] = {}  # subject -> first integrals that were found
        self.stated = {(words(c), c.text, c.region_text) for c in model.claims}

    def run(self, notice: Notice | None = None) -> tuple[Finding, ...]:
        """The findings, subject by subject, without the claims that the model states itself."""
        rows = [(s, p) for s in subjects(self.model) for p in PROPERTIES.values() if s.kind in p.subjects]
        found: list[Finding] = []
        for done, (subject, row) in enumerate(rows):
            if notice is not None:
                notice(f"{subject.words} : {row.name}", done, len(rows))
            found.extend(self.tried(subject, row.name))
        return tuple(found)

    def tried(self, subject: Subject, prop: str) -> Iterator[Finding]:
        """The findings on one property; on a region only what is not proved everywhere."""
        proved: set[str] = set()
        for region in self._regions(subject, prop):
            at = Place(self, subject, region)
            if not _could_apply(at, prop):
                continue
            for text in dict.fromkeys(ARGUMENTS[prop](at)):
                claim = at.claim(text)
                if claim is None or text in proved:
                    continue
                finding = self.prover.find(claim, self.seconds)
                if finding.verdict == "proved":
                    proved.add(text)
                    if at.statement(text) in self.cut:
                        finding = replace(finding, advice=f"at {_SIDE.get(prop, 'most')}: the search for its number ended with the "
                                          f"budget of {self.seconds:g} s")
                if (subject.words, claim.text, claim.region_text) not in self.stated:
                    yield finding

    def _regions(self, subject: Subject, prop: str) -> tuple[str, ...]:
        if prop in _EVERYWHERE:
            return ("",)
        names = [b.name for b in subject.blocks if b.space == SCALAR]
        if prop != "preserves" or not 1 < len(names) == len(subject.blocks) or not Place(self, subject, "").proves("positive"):
            return subject.regions
        # where the orthant is kept, logarithms of the blocks make first integrals inside it
        return tuple(dict.fromkeys([*subject.regions, " and ".join(f"{name} > 0" for name in names)]))

    def keep(self, subject: Subject, integrals: list[str]) -> None:
        self._kept.setdefault(subject.words, []).extend(integrals)

    def integrals_elsewhere(self, subject: Subject) -> list[str]:
        return [text for words, texts in self._kept.items() if words != subject.words for text in texts]

    def proof(self, claim: Claim, key: str) -> Proof | None:
        if key not in self._proofs:
            outcome = self.prover.reached(claim, self.seconds)
            self._proofs[key] = outcome if isinstance(outcome, Proof) else None
        return self._proofs[key]


@dataclass(frozen=True)
class Place:
    """A subject on a region, of which properties are asked by their texts."""

    survey: Survey
    subject: Subject
    region: str

    def statement(self, text: str) -> str:
        return f"claim {self.subject.words} : {text}{f' on {self.region}' if self.region else ''}"

    def claim(self, text: str) -> Claim | None:
        return self.survey.candidates.read([self.statement(text)])[0]

    def reads(self, text: str) -> bool:
        return self.claim(text) is not None

    def proof(self, text: str) -> Proof | None:
        """What the rules reach; nothing is refuted here."""
        claim = self.claim(text)
        return None if claim is None else self.survey.proof(claim, self.statement(text))

    def proves(self, text: str) -> bool:
        return self.proof(text) is not None

    def least(self, form: str, high: int = thresholds.HIGH, sign: int = 1) -> Fraction | None:
        """The least x such that form.format(sign * x) is proved, as far as the budget reaches."""
        first = self._stated(form) if sign > 0 else []
        return self._found(lambda holds: thresholds.least(holds, high, first), form, sign, min)

    def _stated(self, form: str) -> list[Fraction]:
        """1, and the numbers for which the spec claims this itself."""
        head, tail = form.split("{}")
        texts = [c.text for c in self.survey.model.claims if words(c) == self.subject.words and c.region_text in ("", self.region)]
        inside = [t[len(head):len(t) - len(tail)] for t in texts if t.startswith(head) and t.endswith(tail) and head]
        return [Fraction(1), *(Fraction(t) for t in inside if re.fullmatch(r"\d{1,9}(/[1-9]\d{0,8}|\.\d{1,9})?", t))]

    def greatest(self, form: str) -> Fraction | None:
        return self._found(thresholds.greatest, form, 1, max)

    def _found(self, search: Callable[[Callable[[Fraction], bool]], object], form: str, sign: int,
               best: Callable[[list[Fraction]], Fraction]) -> Fraction | None:
        held: list[Fraction] = []

        def holds(value: Fraction) -> bool:
            is_proved = self.proves(form.format(spelled(sign * value)))
            held.extend([value] * is_proved)
            return is_proved

        is_cut = True
        with suppress(OutOfTime), limit(self.survey.seconds):
            search(holds)
            is_cut = False
        if is_cut and held:
            self.survey.cut.add(self.statement(form.format(spelled(sign * best(held)))))
        return best(held) if held else None

    @property
    def rates(self) -> list[tuple[str, Node]]:
        return [row for name in self.subject.fields for row in self.survey.model.field(name).rows]


# --- arguments: one function for each kind ---------------------------------------------------------------------------


def _plain(name: str) -> Callable[[Place], Iterator[str]]:
    def texts(_place: Place) -> Iterator[str]:
        yield name

    return texts


def _potential(name: str) -> Callable[[Place], Iterator[str]]:
    """`gradient` or `hamiltonian`, and the same with the potential that the proof has built."""
    def texts(at: Place) -> Iterator[str]:
        yield name
        proof = at.proof(name)
        for built in () if proof is None else (value for key, value in proof.data if key == "potential"):
            text = f"{name}({node_text(built).replace('-1 * ', '-')})" if isinstance(built, Node) else ""
            if text and at.proves(text):
                yield text

    return texts


def _constants(name: str) -> Callable[[Place], Iterator[str]]:
    """The least number of `lipschitz` or `smooth`, in each norm; a bound made of parameters where no number does."""
    def texts(at: Place) -> Iterator[str]:
        for norm in ("", ", norm = 1", ", norm = inf"):
            form = f"{name}({{}}{norm})"
            if not at.reads(form.format(1)):
                continue
            number = at.least(form)
            if number is not None:
                yield form.format(spelled(number))
            elif not norm:
                yield from [t for bound in _bounds(at) if at.proves(t := form.format(bound))][:1] or [form.format(UNBOUNDED)]

    return texts


def _bounds(at: Place) -> Iterator[str]:
    """Bounds of the norm of the Jacobian as the prover has them, where parameters occur in them."""
    from odenet.proof.fields.metric import norm_bounds

    if at.subject.kind != "field":
        return
    context = at.survey.prover.context
    with suppress(OutOfTime, Unsupported, TooLarge), limit(at.survey.seconds):
        for bound, _proof in norm_bounds(context, context.rates(at.subject.fields), context.setting()):
            yield from (scalar_text(part) for part in _parts(bound))
            yield scalar_text(bound)


def _parts(bound: Scalar) -> tuple[Scalar, ...]:
    """What a maximum is taken of; one of them may be the largest, whatever the parameters are."""
    atoms = bound.atoms()
    if len(atoms) != 1 or atoms[0].kind != "largest" or bound != of_atom(atoms[0]):
        return ()
    return tuple(item for item in atoms[0].data if isinstance(item, Scalar))


def _rates_of_contraction(at: Place) -> Iterator[str]:
    """The greatest rate in each norm; of a field that is not nonexpansive, the least rate of growth."""
    for norm in ("", ", norm = 1", ", norm = inf"):
        form = f"contractive({{}}{norm})"
        if at.proves(form.format(0)):
            rate = at.greatest(form)
            yield from [form.format(spelled(rate))] if rate else []
        elif not norm:
            growth = at.least(form, sign=-1)
            if growth is not None:
                yield form.format(spelled(-growth))


def _shares(at: Place) -> Iterator[str]:
    share = at.least("averaged({})", high=0)
    if share is not None:
        yield f"averaged({spelled(share)})"


def _orders(at: Place) -> Iterator[str]:
    """The largest order, and the next one, which fails."""
    for order in range(1, HIGHEST_ORDER + 1):
        if not at.proves(f"order({order})"):
            yield from (f"order({p})" for p in (order - 1, order) if p)
            return
    yield f"order({HIGHEST_ORDER})"


def _actions(at: Place) -> Iterator[str]:
    """Words for groups that do something here, and square orthogonal parameters."""
    ranks = {b.space.rank for b in at.subject.blocks} or {at.survey.model.net(at.subject.words).domain.rank}
    for action in ACTIONS:
        if action == "sign" or (ranks - {0} and (action == "translation" or 1 in ranks)):
            yield f"equivariant({action})"
    for parameter in at.survey.model.parameters:
        is_matrix = isinstance(parameter.space, Space)
        if is_matrix and parameter.set_named("orthogonal") is not None and parameter.schedule is None:
            yield f"equivariant({parameter.name})"


def _integrals(at: Place) -> Iterator[str]:
    """First integrals: combinations found by linear algebra, else the plainest candidates, so that they are refuted."""
    found = [text for text in _found_integrals(at) if at.proves(f"preserves({text})")]
    at.survey.keep(at.subject, found)
    for text in dict.fromkeys([*found, *([] if at.region else _plainest(at))]):
        yield f"preserves({text})"


def _found_integrals(at: Place) -> list[str]:
    if at.subject.kind == "net":
        return []
    terms = [t for t in invariants.library(at.survey.model, at.subject.blocks, at.rates, bool(at.region))
             if at.reads(f"preserves({t.text})")]
    groups = [(name,) for name in at.subject.fields] if at.subject.kind == "flow" else [at.subject.fields]
    found: list[str] = []
    with suppress(OutOfTime), limit(at.survey.seconds):
        usable, rates = [], []
        for term in terms:
            claim = at.claim(f"preserves({term.text})")
            assert claim is not None and isinstance(claim.arguments[0], Node)
            with suppress(Unsupported, TooLarge):
                rates.append([_along(at, claim.arguments[0], group) for group in groups])
                usable.append(term)
        found = invariants.combinations(usable, rates)
    stated = [c.text[10:-1] for c in at.survey.model.claims if c.property == "preserves"]
    return [*found, *(text for text in stated if text not in found)]


def _along(at: Place, node: Node, group: tuple[str, ...]) -> Scalar:
    context = at.survey.prover.context
    return context.along(node, context.rates(group))


def _plainest(at: Place) -> list[str]:
    """The sum of all entries, and of their squares."""
    if at.subject.kind == "net":
        blocks: tuple[Block, ...] = at.survey.model.blocks[:1]
    else:
        blocks = at.subject.blocks
    total = [b.name if b.space == SCALAR else f"sum({b.name})" for b in blocks]
    squares = [f"{b.name}^2" if b.space == SCALAR else f"dot({b.name}, {b.name})" for b in blocks]
    return [" + ".join(total), " + ".join(squares)]


def _falling(at: Place) -> Iterator[str]:
    """What falls: squares, `def`s, what other parts keep."""
    squares = _plainest(at)[1]
    defined = [t.text for t in invariants.library(at.survey.model, at.subject.blocks, ()) if "(" in t.text and len(t.key) == 1
               and not t.text.startswith(("sum(", "dot("))]
    elsewhere = list(dict.fromkeys([*at.survey.integrals_elsewhere(at.subject), *_kept_without_one(at)]))
    stated = [c.text[11:-1] for c in at.survey.model.claims if c.property == "dissipates"]
    candidates = dict.fromkeys([*stated, squares, *defined, *elsewhere, *(f"-({text})" for text in elsewhere)])
    falling = [text for text in candidates if at.proves(f"dissipates({text})") and not at.proves(f"preserves({text})")]
    yield from (f"dissipates({text})" for text in falling or [squares])


def _kept_without_one(at: Place) -> list[str]:
    """First integrals of a sum of fields without one of them: what is left over may be friction."""
    fields = at.subject.fields
    if at.subject.kind != "field" or not 2 < len(fields) <= 4:
        return []
    model = at.survey.model
    rests = [tuple(f for f in fields if f != out) for out in fields]
    places = [Place(at.survey, Subject(" + ".join(rest), "field", rest, _blocks(model, rest)), at.region) for rest in rests]
    return [text for place in places for text in _found_integrals(place)]


Arguments = Callable[[Place], Iterator[str]]
ARGUMENTS: dict[str, Arguments] = {
    **{name: _plain(name) for name, row in PROPERTIES.items() if row.least == 0},
    "hamiltonian": _potential("hamiltonian"),
    "gradient": _potential("gradient"),
    "contractive": _rates_of_contraction,
    "lipschitz": _constants("lipschitz"),
    "smooth": _constants("smooth"),
    "averaged": _shares,
    "preserves": _integrals,
    "dissipates": _falling,
    "equivariant": _actions,
    "order": _orders,
}
_EXAMPLES = {"contractive": "contractive(0)", "lipschitz": "lipschitz(1)", "smooth": "smooth(1)", "averaged": "averaged(1)",
             "order": "order(1)", "equivariant": "equivariant(sign)"}
_BETWEEN_SPACES = ("lipschitz", "nonexpansive", "preserves", "dissipates", "positive")  # of a net from one space to another
_EVERYWHERE = ("order", "equivariant", "reversible", "positive")  # not tried on regions


def _could_apply(at: Place, prop: str) -> bool:
    """Whether a claim of the property would be no error of the spec, and would say something."""
    if at.subject.kind == "net":
        net = at.survey.model.net(at.subject.words)
        if prop in ("preserves", "dissipates"):
            return bool(at.survey.model.blocks)
        if net.domain != net.codomain and prop not in _BETWEEN_SPACES:
            return False
    example = f"{prop}({_plainest(at)[0]})" if prop in ("preserves", "dissipates") else _EXAMPLES.get(prop, prop)
    return at.reads(example)
