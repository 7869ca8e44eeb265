"""Inequalities: intervals of symbols from the spec, and the evidence of `scalar >= 0`, checked without search."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

from odenet.ir.model import Comparison
from odenet.recheck.reading import Reader
from odenet.recheck.scalars import Monomial, Rejected, Scalar, Symbol

Interval = tuple[Fraction | None, Fraction | None]  # None is an infinite end


class Signs:
    """What is known of the sign of scalars under the assumptions of a claim: its region, and the sets of parameters.

    `accept` checks one lemma of the certificate and remembers it; `holds` looks it up. The prover asks with a depth, and what it
    found at one depth it may not have found at another, so the depth is part of the question.
    """

    def __init__(self, reader: Reader, region: tuple[Comparison, ...] = (), is_orthant: bool = False) -> None:
        self.reader, self.region, self.is_orthant = reader, region, is_orthant
        self.known: set[tuple[Scalar, int]] = set()
        self.strict: set[Scalar] = set()

    def accept(self, scalar: Scalar, depth: int, evidence: Any) -> None:
        """Check the evidence that scalar >= 0 (read by `Reader.read`) and remember it. Raises Rejected."""
        raise NotImplementedError

    def accept_strict(self, scalar: Scalar, evidence: Any) -> None:
        raise NotImplementedError

    def holds(self, scalar: Scalar, depth: int = 6) -> bool:
        """Whether scalar >= 0 is among the lemmas."""
        return (scalar, depth) in self.known

    def demand(self, scalar: Scalar, depth: int = 6) -> None:
        if not self.holds(scalar, depth):
            raise Rejected("an inequality that the rule needs is not among the lemmas")

    def interval(self, symbol: Symbol) -> Interval:
        """An enclosure of all values (of all entries) of a symbol."""
        raise NotImplementedError

    def entries(self, factors: Monomial) -> Interval:
        """An enclosure of all entries of an entrywise product."""
        raise NotImplementedError

    def enclosure(self, scalar: Scalar) -> Interval:
        raise NotImplementedError
