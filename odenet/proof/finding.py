"""Verdicts and what stands behind them."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from odenet.ir.model import Claim


@dataclass(frozen=True)
class Proof:
    """One application of a rule: its name (a row of `odenet.proof.rules`), what it shows here, what that rests on.

    `data` holds the facts it was instantiated with, exact (scalars, forms, nodes, numbers, texts, tuples of them): what a checker
    cannot find without a search. `statement` is prose for people.
    """

    rule: str
    statement: str
    premises: tuple[Proof, ...] = ()
    conditions: tuple[str, ...] = ()
    data: tuple[tuple[str, Any], ...] = ()

    def all_conditions(self) -> tuple[str, ...]:
        found = list(self.conditions)
        for premise in self.premises:
            found.extend(premise.all_conditions())
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Witness:
    """A violation anyone can recompute. `values` maps dims, parameters, states, times to exact numbers (Fractions in nested
    tuples); `quantity` says what was evaluated, `value` its exact or enclosed value as text, `expected` what the claim asks for."""

    dims: tuple[tuple[str, int], ...]
    values: tuple[tuple[str, Any], ...]
    quantity: str
    value: str
    expected: str

    def as_json(self) -> dict[str, Any]:
        return {"dims": dict(self.dims), "values": {name: _plain(value) for name, value in self.values},
                "quantity": self.quantity, "value": self.value, "expected": self.expected}


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class Finding:
    """The verdict on one claim: `proved` (with `proof`), `refuted` (with `witness`), `undecided` (`reason`: what is missing)."""

    claim: Claim
    verdict: str
    rule: str
    reason: str
    seconds: float
    proof: Proof | None = None
    witness: Witness | None = None
    advice: str = ""  # what to change so that it is proved, where that is known
    lemmas: tuple[Any, ...] = ()  # the inequalities that the proof may rest on: where, depth, scalar, evidence
    certificate: dict[str, Any] | None = None  # of a proof, as the independent checker accepted it

    pairs: tuple[str, ...] = ()  # the conjugate pairs that the claim speaks of, where there are several
    potential: str = ""  # one that was constructed, also where the checker did not accept the proof

    @property
    def conditions(self) -> tuple[str, ...]:
        return self.proof.all_conditions() if self.proof else ()
