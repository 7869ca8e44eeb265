"""What is proved of one spec, audited: conclusions at random worlds, and the search for witnesses turned on it."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from odenet.driver import Loaded
from odenet.proof.finding import Finding
from tests.audit import orders, steps
from tests.audit.arithmetic import Unsure, precision
from tests.audit.flows import Misfit
from tests.audit.members import Empty, Members, draw_dims
from tests.audit.properties import RULES
from tests.audit.subject import MOST, Excess, Subject


@dataclass(frozen=True)
class Violation:
    """Something that was proved and is not so. `what` is audited (`conclusion`, `refuter`, `lemma`, …)."""

    what: str
    claim: str
    message: str
    seed: str

    def __str__(self) -> str:
        return f"[{self.what}] {self.claim}: {self.message} (seed {self.seed})"


@dataclass
class Tally:
    """What was looked at, and what was found."""

    counts: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    unsure: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number


def audit(loaded: Loaded, findings: list[Finding], seed: str, tries: int = 6, search: float = 0.0, runs: int = 0) -> Tally:
    """Every proved claim of a spec; `search`: seconds in which a witness against each is looked for; `runs` of its module."""
    tally = Tally()
    for what, told, found in steps.rewritings(loaded, seed):
        _note(tally, what, told, "", found, seed)
    for number, finding in enumerate(findings):
        if finding.verdict != "proved":
            continue
        tally.count("proved claims")
        here = f"{seed}/{number}"
        conclusion(tally, loaded, finding, here, tries)
        for told, found in steps.lemmas(loaded, finding, here, 2):
            _note(tally, "lemma", told, _said(finding), found, here)
        if finding.certificate is not None:
            for rule, told, found in steps.statements(loaded, finding, here, 2):
                _note(tally, f"statement of `{rule}`", told, _said(finding), found, here)
        if search:
            tally.count("searches for a witness")
            told = steps.witness(loaded, finding, search)
            if told:
                tally.violations.append(Violation("refuter", _said(finding), told, here))
    if runs:
        _modules(tally, loaded, findings, seed, runs)
    return tally


def _modules(tally: Tally, loaded: Loaded, findings: list[Finding], seed: str, runs: int) -> None:
    from tests.audit import modules

    for finding, told, found in modules.attacks(loaded, findings, seed, runs):
        tally.count("runs of modules" if found is not None else "runs of modules that raised or overflowed")
        if found is not None and found > 0:
            tally.violations.append(Violation("module", _said(finding), f"{told}: off by {found:.3g}", seed))


def _note(tally: Tally, what: str, told: str, claim: str, found: Excess, seed: str) -> None:
    tally.count(what.partition(" (")[0].partition(" of ")[0] + "s evaluated")
    if found.is_violation:
        tally.violations.append(Violation(what, claim, f"{told}: off by {found.value.str(5, radius=False)}", seed))


def conclusion(tally: Tally, loaded: Loaded, finding: Finding, seed: str, tries: int) -> None:
    """The claim at random points of random worlds."""
    claim, seen = finding.claim, 0
    for attempt, subject in enumerate(worlds(loaded, finding, seed, tries)):
        try:
            found = evaluated(subject)
        except Unsure as why:
            tally.unsure[str(why)] = tally.unsure.get(str(why), 0) + 1
            continue
        except Misfit as why:
            if any("for the stage" in condition for condition in finding.conditions):
                continue
            tally.violations.append(Violation("conclusion", _said(finding), f"sizes that make no sense: {why}", f"{seed}/{attempt}"))
            return
        except Empty as why:
            tally.violations.append(Violation("conclusion", _said(finding), f"a parameter has no member: {why}", f"{seed}/{attempt}"))
            return
        seen += 1
        tally.count("points")
        if found.is_violation:
            told = f"broken by {found.value.str(5, radius=False)} at dims {subject.members.dims}"
            tally.violations.append(Violation("conclusion", _said(finding), told, f"{seed}/{attempt}"))
            return
    tally.count("claims evaluated" if seen else f"claims not evaluated: {claim.kind}")


def _said(finding: Finding) -> str:
    claim = finding.claim
    where = f" on {claim.region_text}" if claim.region_text else ""
    return f"{' + '.join(claim.fields) or claim.subject} : {claim.text}{where} [{finding.rule}]"


def worlds(loaded: Loaded, finding: Finding, seed: str, tries: int, most: int = MOST) -> Iterator[Subject]:
    for attempt in range(tries):
        chance = Random(f"{seed}/{attempt}")
        try:
            dims = draw_dims(loaded.model, chance)
        except Unsure:
            continue
        subject = Subject(loaded.model, finding.claim, loaded.plans, Members(loaded.model, dims, chance), chance, finding.conditions)
        if subject.size <= most:
            yield subject


def evaluated(subject: Subject) -> Excess:
    """The excess of a claim at one point. Raises Unsure, Empty."""
    claim = subject.claim
    with precision():
        try:
            if claim.property == "order":
                if any("assumes" in text for text in subject.conditions):
                    raise Unsure("a condition on digits")
                return orders.excess(subject, claim)
            return RULES[claim.property](subject)
        except (ZeroDivisionError, OverflowError):
            raise Unsure("a number that is not finite") from None


