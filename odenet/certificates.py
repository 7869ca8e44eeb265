"""Certificates of a whole spec: written beside it, read again, and checked without the prover."""
from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from odenet.ir.model import Claim, Model
from odenet.plan.steps import Plan
from odenet.proof.budget import OutOfTime, limit
from odenet.proof.finding import Finding
from odenet.recheck import Rejected, claim_data, recheck
from odenet.recheck.witness import recheck_witness
from odenet.text import escape

FORMAT = 1
LARGEST = 50_000_000  # bytes of a file of certificates
_MODULE_DIGESTS = re.compile(r"^(Spec|Certificates) digest \(SHA-256\): ([0-9a-f]{64})$", re.MULTILINE)


class NotReadable(Exception):
    """A file does not hold certificates; the message says why."""


@dataclass(frozen=True)
class Certificates:
    """What backs the verdicts on one spec, as plain data.

    spec: SHA-256 of the spec's text. proofs: one certificate for each proved claim, as `odenet.recheck` takes them. witnesses: the
    claim and the witness of each refuted one.
    """

    model: str
    spec: str
    proofs: tuple[dict[str, Any], ...]
    witnesses: tuple[dict[str, Any], ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the certificates of the proofs."""
        from odenet.proof.certificate import digest

        return digest(list(self.proofs))

    def text(self) -> str:
        """The file: JSON, one certificate a line."""
        return "\n".join([
            "{", f'"odenet certificates": {FORMAT},', f'"model": {json.dumps(self.model)},', f'"spec": "{self.spec}",',
            f'"digest": "{self.digest}",', f'"proofs": {_lines(self.proofs)},', f'"witnesses": {_lines(self.witnesses)}', "}", ""])


def _lines(items: tuple[dict[str, Any], ...]) -> str:
    return "[" + ",".join("\n" + json.dumps(item, sort_keys=True, ensure_ascii=False) for item in items) + "]"


def certificates(model: Model, findings: tuple[Finding, ...], spec: str) -> Certificates:
    """The certificates of a report's findings. `spec`: the digest of the spec's text."""
    proofs = tuple(f.certificate for f in findings if f.certificate is not None)
    witnesses = tuple({"claim": claim_data(f.claim), "witness": f.witness.as_json()} for f in findings if f.witness is not None)
    return Certificates(model.name, spec, proofs, witnesses)


def read(data: bytes) -> Certificates:
    """Certificates from a file's bytes; what is in them is judged by `check` alone.

    Raises:
        NotReadable: the bytes are not what `Certificates.text` writes.
    """
    if len(data) > LARGEST:
        raise NotReadable(f"it has more than {LARGEST:,} bytes")
    try:
        found = json.loads(data.decode("utf-8"))
        if found["odenet certificates"] != FORMAT:
            raise NotReadable(f"it is of format {found['odenet certificates']}; this version of odenet reads {FORMAT}")
        read = Certificates(str(found["model"]), str(found["spec"]), tuple(map(dict, found["proofs"])),
                            tuple(map(dict, found["witnesses"])))
    except (ValueError, TypeError, LookupError, RecursionError):
        raise NotReadable("it is not what `odenet verify --certificates` writes") from None
    return read


@dataclass(frozen=True)
class Check:
    """What the checker says of one claim: `accepted`, `rejected` or `open`. `verdict` is what was accepted: proved or refuted."""

    claim: Claim | None
    outcome: str
    verdict: str
    note: str
    conditions: tuple[str, ...] = ()


def check(model: Model, plans: dict[str, Plan], given: Certificates, seconds: float) -> list[Check]:
    """Every claim of the spec against what is given for it, and a rejection for all that is about no claim of the spec.

    What takes longer than `seconds` of computing is rejected: an accepted certificate is checked without search.
    """
    names = [claim_data(claim) for claim in model.claims]
    found = [_check_within(seconds, model, plans, claim, given) for claim in model.claims]
    strangers = [item for item in (*given.proofs, *given.witnesses) if item.get("claim") not in names]
    return found + [Check(None, "rejected", "", "it is about no claim of this spec") for _ in strangers]


def _check_within(seconds: float, model: Model, plans: dict[str, Plan], claim: Claim, given: Certificates) -> Check:
    try:
        with limit(seconds):
            return _check(model, plans, claim, given)
    except OutOfTime:
        return Check(claim, "rejected", "", f"it was not checked within {seconds:g} s; `--seconds` allows more")


def _check(model: Model, plans: dict[str, Plan], claim: Claim, given: Certificates) -> Check:
    """One claim; where several certificates are about it, all of them have to be accepted."""
    name = claim_data(claim)
    proofs = [item for item in given.proofs if item.get("claim") == name]
    witnesses = [item for item in given.witnesses if item.get("claim") == name]
    if not proofs and not witnesses:
        return Check(claim, "open", "", "there is no certificate and no witness for it")
    try:
        conditions = [recheck(model, plans, claim, item) for item in proofs]
        values = [recheck_witness(model, plans, claim, item["witness"]) for item in witnesses]
    except Rejected as rejection:
        return Check(claim, "rejected", "proved" if proofs else "refuted", _said(rejection))
    except (LookupError, TypeError, AttributeError):
        return Check(claim, "rejected", "refuted", "the witness is not well formed")
    if proofs and witnesses:
        return Check(claim, "rejected", "", "there is a certificate for it and a witness against it")
    return Check(claim, "accepted", "proved" if proofs else "refuted", "".join(values[:1]),
                 tuple(c for found in conditions for c in found))


def _said(rejection: Rejected) -> str:
    """The reason for people: what breaks the reading of malformed data is of no use to them."""
    return "its data is not well formed" if re.search(r"\b[A-Z]\w*(Error|Iteration)\b", str(rejection)) else str(rejection)


def module_faults(text: str, given: Certificates, spec: str) -> list[str]:
    """What in the head of an emitted module does not agree with the spec (its digest) and the certificates."""
    stated = dict(_MODULE_DIGESTS.findall(text))
    faults = []
    if stated.get("Spec") != spec:
        faults.append("it was compiled from another text of the spec" if "Spec" in stated else "its head names no spec")
    if stated.get("Certificates") != given.digest:
        faults.append("its head names other certificates" if "Certificates" in stated else "its head names no certificates")
    return faults


def difference(text: str, emitted: str | None) -> str:
    """Where a module is not what was emitted anew (None: nothing can be); empty where it is.

    The name of the spec's file may be another, and so may the reasons of what is undecided: they speak of the budget.
    """
    if emitted is None:
        return "no module can be written for this spec"
    one, other = _compared(text), _compared(emitted)
    for number, (line, wanted) in enumerate(zip_longest(one, other), 1):
        if line != wanted:
            return (f"it is not what odenet writes for this spec, from its line `{escape((line or '(none)').strip()[:80])}` on; "
                    f"`{escape((wanted or '(none)').strip()[:80])}` is written there ({number:,} lines in)")
    return ""


def _compared(text: str) -> list[str]:
    head, end, body = text.partition('\n"""\n')
    first, _, rest = head.partition("\n")
    rest = re.sub(r"(?m)^(- .*): undecided(: .*(\n  .*)*)?$", r"\1: undecided", re.sub(r"\n  +(?!if )", " ", rest))
    return [re.sub(r" from .*", "", first), *rest.split("\n"), *(end + body).split("\n")]
