"""Specs to audit: files, rule cases, random ones; of a random one the claims that a quick look does not break."""
from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from odenet.diagnostics import Rejected
from odenet.driver import Loaded, loads
from odenet.ir.model import Claim
from odenet.proof.context import Context
from odenet.proof.finding import Finding, Witness
from odenet.proof.prove import Prover
from tests.attack import generator, wider
from tests.audit.arithmetic import Unsure, precision
from tests.audit.audit import evaluated, worlds
from tests.audit.flows import Misfit
from tests.audit.members import Empty
from tests.audit.subject import jacobian, logarithmic, norm, restricted, steepest, times

ROOT = Path(__file__).parents[2]
MOST = 6  # claims of a random spec


class Proving(Prover):
    """A prover that looks for no witness: only what is proved is audited."""

    def _attack(self, claim: Claim, seconds: float) -> Witness | None:
        return None

    def _advice(self, claim: Claim, left: float, seconds: float) -> str:
        return ""


@dataclass(frozen=True)
class Proved:
    """A spec and what is said of its claims."""

    name: str
    text: str
    loaded: Loaded
    findings: list[Finding]


def proved(name: str, text: str, seconds: float) -> Proved:
    """Raises Rejected."""
    loaded = loads(text, name)
    prover = Proving(loaded.model, loaded.plans)
    return Proved(name, text, loaded, [_found(prover, claim, seconds) for claim in loaded.model.claims])


def _found(prover: Proving, claim: Claim, seconds: float) -> Finding:
    """The finding; a crash of the prover is one of its own."""
    try:
        return prover.find(claim, seconds)
    except Exception as error:
        prover.context = Context(prover.model)  # what was half done is thrown away
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Finding(claim, "crash", "", f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}: {error}"[:300], 0.0)


def files(corpora: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    """The gallery, the specs of the paper, the rule cases, and given folders."""
    from tests.proof.cases import CASES

    for folder in (ROOT / "specs" / "gallery", ROOT / "specs" / "paper", *corpora):
        for path in sorted(folder.rglob("*.ode")):
            yield path.stem, path.read_text(encoding="utf-8")
    for number, case in enumerate(CASES):
        yield f"case {number}: {case.rule}", case.spec


def random_text(seed: int) -> str:
    """Of four seeds one is drawn by the older generator. Raises Rejected."""
    if seed % 4 == 3:
        return _sharpened(generator.make(seed).without_claims(), [c.text.removeprefix("claim ") for c in generator.make(seed).claims], seed)
    wide = wider.make(seed)
    return _sharpened(wide.text([]), wide.claims, seed)


def _sharpened(head: str, claims: list[str], seed: int) -> str:
    """The claims that survive a quick look and a few that do not, with constants just below or above what was seen."""
    chance = Random(f"sharpen {seed}")
    loaded, claims = _accepted(head, claims)
    kept: list[str] = []
    for text, claim in zip(claims, loaded.model.claims, strict=True):
        if len(kept) == MOST:
            break
        if "@" in text:
            text = text.replace("@", _constant(loaded, claim, chance))
            kept.append(text)
        elif claim.property == "order" or _survives(loaded, claim, seed) or chance.randrange(8) == 0:
            kept.append(text)
    return head + "".join(f"claim {text}\n" for text in dict.fromkeys(kept))


def _accepted(head: str, claims: list[str]) -> tuple[Loaded, list[str]]:
    """The claims that the compiler takes. Raises Rejected where the spec itself has a fault."""
    start = head.count("\n") + 1
    for _ in range(4):
        text = head + "".join(f"claim {c.replace('@', '1/2')}\n" for c in claims)
        try:
            return loads(text), claims
        except Rejected as rejected:
            lines = {text[:label.span.start].count("\n") + 1 for fault in rejected.faults for label in fault.labels}
            if min(lines, default=0) < start and not any(line >= start for line in lines):
                raise
            claims = [c for i, c in enumerate(claims) if start + i not in lines]
    return loads(head), []


def _survives(loaded: Loaded, claim: Claim, seed: int) -> bool:
    finding = Finding(claim, "undecided", "", "", 0.0)
    for subject in worlds(loaded, finding, f"look {seed}", 3, 12):
        try:
            if evaluated(subject).is_violation:
                return False
        except Unsure:
            continue
        except (Empty, Misfit):
            return True
    return True


def _constant(loaded: Loaded, claim: Claim, chance: Random) -> str:
    """Near the worst constant that is seen."""
    if claim.property == "averaged":
        return chance.choice(("1/2", "1/4", "3/4", "8/9", "1/3"))
    seen = []
    for subject in worlds(loaded, Finding(claim, "undecided", "", "", 0.0), "measure", 4, 12):
        try:
            with precision():
                seen.append(_seen(subject))
        except (Unsure, Empty, Misfit, ZeroDivisionError, OverflowError, ValueError):
            continue
    worst = max(seen, default=1.0)
    if not abs(worst) < 1000:
        worst = 1.0
    value = Fraction(round(worst * 16), 16) + chance.choice((0, 0, Fraction(1, 16), Fraction(-1, 16), Fraction(1, 2)))
    if claim.property == "contractive":
        return str(-value)
    return str(max(value, Fraction(0)))


def _seen(subject: Any) -> float:
    if subject.claim.property == "smooth":
        subject = replace(subject)
        return 2.0
    j = jacobian(subject.map, subject.draw())
    if subject.claim.kind == "flow":
        j = restricted(j, subject.active())
    if subject.claim.property == "contractive":
        return float(logarithmic(j, subject.norm).mid())
    v = steepest(j, subject.norm)
    return float((norm(times(j, v), subject.norm) / norm(v, subject.norm)).mid())
