"""Changes of a spec that change nothing: what is proved stays proved, what is refuted is never proved."""
from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from odenet.diagnostics import Rejected
from odenet.driver import loads
from odenet.proof.prove import Prover
from tests.attack import generator
from tests.attack.attack import sharpen
from tests.attack.generator import Case
from tests.attack.terms import Term

Change = Callable[[Case], str]


def _verdicts(text: str) -> list[str]:
    loaded = loads(text)
    prover = Prover(loaded.model, loaded.plans)
    return [prover.find(claim, 0.02).verdict for claim in loaded.model.claims]


def _edited(case: Case, edit: Callable[[str, Term], str], chosen: str = "") -> str:
    """The spec with the text of each rate edited (of one field, or of all)."""
    found = copy.copy(case)
    found.fields = {name: {b: replace(term, text=edit(b, term)) if chosen in ("", name) else term for b, term in rows.items()}
                    for name, rows in case.fields.items()}
    return found.text


# --- the changes ------------------------------------------------------------------------------------------------------------


def renamed(case: Case) -> str:
    """All names but those of the language; the order of letters is turned round, so that sorted normal forms are not the same."""
    names = [*case.dims, *case.blocks, *(p.name for p in case.parameters), *case.fields, *case.definitions, *case.flows]
    names += re.findall(r"^(?:scheme|method) (\w+)", case.text, flags=re.M)
    fresh = {name: f"{'zyxwvutsrqponmlkjihgfedcba'[i % 26]}{'' if i < 26 else i}ed" for i, name in enumerate(names)}
    pattern = re.compile(r"\b(" + "|".join(sorted(map(re.escape, names), key=len, reverse=True)) + r")\b")
    lines = []
    for line in case.text.split("\n"):
        head = re.match(r"(scheme|def) (\w+)\((.*?)\) = ", line)
        if line.startswith("scheme") and head is not None:
            line = line.replace(f"scheme {head[2]}(", f"scheme {fresh[head[2]]}(")
        elif head is not None:
            line = f"def {fresh[head[2]]}({pattern.sub(lambda m: fresh[m[1]], head[3])}) = " + \
                pattern.sub(lambda m: fresh[m[1]], line[head.end():])
        elif line.startswith("flow"):
            scheme = re.match(r"flow (\w+) = (\w+)\((.*)\) over (.*)", line)
            assert scheme is not None
            parts = re.sub(r"\b(\w+)\b", lambda m: fresh.get(m[1], m[1]), scheme[3])
            line = f"flow {fresh[scheme[1]]} = {fresh.get(scheme[2], scheme[2])}({parts}) over {scheme[4]}"
        elif not line.startswith("model"):
            line = pattern.sub(lambda m: fresh[m[1]], line)
        lines.append(line)
    return "\n".join(lines)


def reordered(case: Case) -> str:
    """Fields in the other order, parts of a claimed sum too."""
    found = copy.copy(case)
    found.fields = dict(reversed(case.fields.items()))
    return re.sub(r"^claim f \+ g ", "claim g + f ", found.text, flags=re.M)


def with_zero(case: Case) -> str:
    return _edited(case, lambda b, term: f"{term.text} + 0 * {b}")


def with_difference(case: Case) -> str:
    return _edited(case, lambda b, term: f"{b} + {term.text} - {b}" if not term.text.startswith("-") else f"{b} + ({term.text}) - {b}")


def halves(case: Case) -> str:
    return _edited(case, lambda b, term: f"({term.text})/2 + ({term.text})/2")


def twice_transposed(case: Case) -> str:
    matrices = {p.name for p in case.parameters if len(p.shape) == 2}
    return _edited(case, lambda b, term: re.sub(r"\b(\w+)\b(?!\.T|\()", lambda m: f"({m[1]}.T.T)" if m[1] in matrices else m[1],
                                                 term.text))


def scalar_moved(case: Case) -> str:
    return _edited(case, lambda b, term: f"2 * ((1/2) * ({term.text}))")


def split(case: Case) -> str:
    """Field f as the sum of two halves, claimed as a sum (flows of f are left out with their claims)."""
    found = copy.copy(case)
    whole = case.fields["f"]
    half = {b: replace(term, text=f"({term.text})/2") for b, term in whole.items()}
    found.fields = {"f1": half, "f2": half, **{k: v for k, v in case.fields.items() if k != "f"}}
    found.flows, found.extra = {}, []
    return re.sub(r"^claim f\b", "claim f1 + f2", found.text, flags=re.M)


def slower(case: Case) -> str:
    """All fields at half speed for twice the time: every step is the same map."""
    text = _edited(case, lambda b, term: f"(1/2) * ({term.text})")
    ends = {"1/8": "1/4", "1/4": "1/2", "1/2": "1", "1": "2", "2": "4"}
    return re.sub(r"over \[0, ([\d/]+)\]", lambda m: f"over [0, {ends[m[1]]}]", text)


ALWAYS: dict[str, Change] = {
    "renamed": renamed, "reordered": reordered, "with zero": with_zero, "with a difference": with_difference, "halves": halves,
    "twice transposed": twice_transposed, "scalar moved": scalar_moved,
}
LOOSE = ("with zero", "with a difference")  # a rate that names a block it does not depend on is no shear to the eye: may be undecided


def _case(seed: int) -> Case | None:
    """A case with its claims chosen, or None when it is rejected."""
    case = generator.make(seed)
    try:
        sharpen(case, loads(case.without_claims()), np.random.default_rng(seed + 10**6))
        loads(case.text)
    except Rejected:
        return None
    return case if case.claims else None


def _compare(case: Case, before: list[str], text: str, what: str) -> list[str]:
    after = _verdicts(text)
    assert len(before) == len(after)
    return [f"{what}: {claim.text} was {old}, now {new}\n{text}" for claim, old, new in zip(case.claims, before, after, strict=True)
            if (old == "proved" and (new == "refuted" or (new != "proved" and what not in LOOSE)))
            or (old == "refuted" and new == "proved")]


@pytest.mark.parametrize("seed", range(20_000, 20_014))
def test_nothing_changes(seed: int) -> None:
    case = _case(seed)
    if case is None:
        return
    before = _verdicts(case.text)
    wrong = [line for what, change in ALWAYS.items() for line in _compare(case, before, change(case), what)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("seed", range(21_000, 21_020))
def test_sums_and_speeds(seed: int) -> None:
    """Two halves of a field; half the speed for twice the time."""
    case = _case(seed)
    if case is None or "(t)" in case.text:
        return
    fields = copy.copy(case)
    fields.claims = [c for c in case.claims if c.kind == "field"]
    fields.flows, fields.extra = {}, []
    wrong = _compare(fields, _verdicts(fields.text), split(fields), "split")
    flows = copy.copy(case)
    flows.claims = [c for c in case.claims if c.kind == "flow"]
    wrong += _compare(flows, _verdicts(flows.text), slower(flows), "slower")
    assert not wrong, "\n".join(wrong)
