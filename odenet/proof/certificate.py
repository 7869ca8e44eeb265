"""Certificates: a proof as plain data (JSON), with the inequalities it rests on, and its digest.

Exact numbers are texts such as "3/4"; everything else is a list whose first entry says what it is.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from odenet.algebra.forms import Form
from odenet.algebra.letters import Letter, Word
from odenet.algebra.scalars import Atom, Scalar
from odenet.ir.model import Model
from odenet.ir.node import Node
from odenet.ir.sizes import MapSpace, Size, Space
from odenet.plan.steps import Plan
from odenet.proof.finding import Finding, Proof
from odenet.proof.sets import Members
from odenet.proof.sets import members as set_members
from odenet.recheck import claim_data, trimmed

Data = Any  # texts and lists


def certificate(model: Model, plans: dict[str, Plan], finding: Finding, members: Members | None = None) -> dict[str, Data]:
    """The certificate of a proved claim: what `odenet.recheck` needs beside the spec, and accepts.

    Raises:
        odenet.recheck.Rejected: the checker does not accept the proof.
    """
    assert finding.proof is not None
    if finding.certificate is not None:
        return finding.certificate
    shown = [[owner, where, depth, as_data(scalar), as_data(evidence)]
             for owner, where, depth, scalar, evidence in (members or set_members(model)).lemmas]
    return trimmed(model, plans, finding.claim, ({"sets": shown} if shown else {}) | {
        "claim": claim_data(finding.claim),
        "lemmas": [[where, depth, as_data(scalar), as_data(evidence)] for where, depth, scalar, evidence in finding.lemmas],
        "proof": proof_data(finding.proof),
    })


def digest(certificates: list[dict[str, Data]]) -> str:
    """SHA-256 of certificates in canonical JSON."""
    text = json.dumps(certificates, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def proof_data(proof: Proof) -> Data:
    return [proof.rule, {name: as_data(value) for name, value in proof.data}, *map(proof_data, proof.premises)]


def as_data(value: Any) -> Data:
    """Scalars, forms, nodes, evidence, numbers, texts and tuples of them as lists."""
    return next(write for kind, write in _WRITERS if isinstance(value, kind))(value)


def _scalar(value: Scalar) -> Data:
    return ["scalar", *([str(c), *([as_data(atom), str(e)] for atom, e in m)] for m, c in value.terms)]


def _letter(letter: Letter) -> Data:
    data = [] if letter.kind in ("ones", "channels") else list(letter.data[:1] if letter.kind == "unit" else letter.data)
    if letter.kind == "diag":
        return ["letter", "diag", "0", as_data(letter.start), as_data(letter.end),
                *([as_data(atom), str(e)] for atom, e in letter.data[0])]
    return ["letter", letter.kind, "1" if letter.is_transposed else "0", as_data(letter.start), as_data(letter.end),
            *map(as_data, data)]


def _form(form: Form) -> Data:
    return ["form", as_data(form.start), as_data(form.end), *([_word(word), as_data(c)] for word, c in form.terms)]


def _word(word: Word) -> Data:
    return ["word", *map(_letter, word)]


def _atom(atom: Atom) -> Data:
    if atom.kind in ("word", "vector", "trace"):
        return ["atom", atom.kind, _word(atom.data[0])]
    return ["atom", atom.kind, *map(as_data, atom.data)]


def _node(node: Node) -> Data:
    return ["node", node.op, as_data(node.space), [as_data(a) for a in node.args], *map(as_data, node.data)]


def _size(size: Size) -> Data:
    return ["size", *([str(c), *([name, str(e)] for name, e in m)] for m, c in size.terms)]


def _evidence(evidence: Any) -> Data:
    return ["evidence", evidence.how, as_data(evidence.data), *map(as_data, evidence.parts)]


_WRITERS: tuple[tuple[type, Callable[[Any], Data]], ...] = (
    (bool, lambda v: ["text", str(v)]),
    (int, str),
    (Fraction, str),
    (str, lambda v: ["text", v]),
    (type(None), lambda v: ["none"]),
    (tuple, lambda v: ["tuple", *map(as_data, v)]),
    (Scalar, _scalar),
    (Atom, _atom),
    (Letter, _letter),
    (Form, _form),
    (Node, _node),
    (Size, _size),
    (Space, lambda v: ["space", *map(_size, v.sizes)]),
    (MapSpace, lambda v: ["maps", as_data(v.domain), as_data(v.codomain)]),
    (object, _evidence),
)
