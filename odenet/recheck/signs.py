"""What is known of the signs of scalars under the assumptions of a claim: intervals of symbols from the spec, and lemmas."""
from __future__ import annotations

from fractions import Fraction
from typing import Any

from odenet.ir.model import Comparison
from odenet.ir.node import variable
from odenet.ir.sizes import SCALAR
from odenet.operators.between import power_of, values_between
from odenet.operators.functions import FUNCTIONS
from odenet.recheck.intervals import REAL, Interval, add, meet, multiply, raised
from odenet.recheck.reading import Reader
from odenet.recheck.scalars import Monomial, Rejected, Scalar, Symbol, Word, number, of
from odenet.recheck.words import entry, reverse


class Signs:
    """The assumptions `g >= 0` of a claim, its region and the sets of parameters, and the inequalities shown under them.

    `accept` checks one lemma of the certificate and remembers it; `holds` looks it up. The prover asks with a depth, and what it
    found at one depth it may not have found at another, so the depth is part of the question.
    """

    def __init__(self, reader: Reader, region: tuple[Comparison, ...] = (), is_orthant: bool = False) -> None:
        self.reader, self.region, self.is_orthant = reader, region, is_orthant
        self.loose: frozenset[Symbol] = frozenset()  # symbols that move on lines of their own, without what ties others to them
        self.known: set[tuple[Scalar, int]] = set()
        self.strict: set[Scalar] = set()
        self.learned: dict[Symbol, Interval] = {}
        self._enclosed: dict[Symbol, Interval] = {}
        self.assumptions: tuple[Scalar, ...] = ()
        self.strictly: tuple[Scalar, ...] = ()
        for c in region:
            room = entry(reader.form(c.right) - reader.form(c.left))  # of each entry, where vectors are compared
            self.assumptions += (room,)
            self.strictly += (room,) if c.is_strict else ()
        self._learn(self.assumptions * 2)

    def assuming(self, *more: Scalar) -> Signs:
        """The same with more assumptions."""
        child = Signs(self.reader, (), self.is_orthant)
        child.assumptions, child.strictly, child.loose = self.assumptions + more, self.strictly, self.loose
        child.learned = dict(self.learned)
        child._learn(more)
        return child

    def without(self, symbol: Symbol) -> Signs:
        """All that is assumed of other symbols, and the interval of this one: holds on whole lines along which it moves."""
        child = Signs(self.reader, (), self.is_orthant)
        child.assumptions = tuple(g for g in self.assumptions if not occurs(symbol, g))
        child.strictly = tuple(g for g in self.strictly if not occurs(symbol, g))
        child.loose = self.loose | {symbol}
        child.learned = {s: i for s, i in self.learned.items() if s is symbol or not occurs(symbol, s)}
        return child

    # --- lemmas -----------------------------------------------------------------------------------------------------

    def accept(self, scalar: Scalar, depth: int, evidence: Any) -> None:
        """Check the evidence that scalar >= 0 (read by `Data.read`) and remember it. Raises Rejected."""
        self._check(scalar, evidence, False)
        self.known.add((scalar, depth))

    def accept_strict(self, scalar: Scalar, evidence: Any) -> None:
        """The same for scalar > 0."""
        self._check(scalar, evidence, True)
        self.strict.add(scalar)

    def _check(self, scalar: Scalar, evidence: Any, is_strict: bool) -> None:
        from odenet.recheck.evidence import check

        if not check(self, scalar, evidence, is_strict):
            raise Rejected("the evidence of an inequality does not hold")

    def holds(self, scalar: Scalar, depth: int = 6) -> bool:
        """Whether scalar >= 0 is among the lemmas, or plain to see."""
        value = scalar.value()
        return (scalar, depth) in self.known if value is None else value >= 0

    def demand(self, scalar: Scalar, depth: int = 6) -> None:
        if not self.holds(scalar, depth):
            raise Rejected("an inequality that the rule needs is not among the lemmas")

    # --- what assumptions say of single symbols ----------------------------------------------------------------------

    def _bound(self, symbol: Symbol, c: Fraction, top: Fraction) -> None:
        """c symbol + top >= 0"""
        found = (-top / c, None) if c > 0 else (None, -top / c)
        self.learned[symbol] = meet(self.learned.get(symbol, REAL), found)
        self._enclosed.clear()

    def _learn(self, assumptions: tuple[Scalar, ...]) -> None:
        """In c z + rest >= 0 the symbol z is bounded by the end of the rest; likewise z^2 and |z|."""
        for g in assumptions:
            for m, c in g.terms.items():
                top = self.enclosure(Scalar({k: d for k, d in g.terms.items() if k != m}))[1]
                if top is None or len(m) != 1:
                    continue
                (symbol, e), = m
                bars = symbol.kind == "function" and symbol.data[0] == "abs" and isinstance(symbol.data[2], Scalar)
                if e == 1:
                    self._bound(symbol, c, top)
                inner = (single(symbol.data[2]) if bars else None) if e == 1 else symbol if e == 2 else None
                if inner is not None and c < 0:
                    end = -top / c if e == 1 else power_of(max(-top / c, Fraction(0)), Fraction(1, 2))[1]
                    self._bound(inner, Fraction(1), end)
                    self._bound(inner, Fraction(-1), end)

    # --- intervals --------------------------------------------------------------------------------------------------

    def interval(self, symbol: Symbol) -> Interval:
        """An enclosure of all values (of all entries) of a symbol."""
        if symbol not in self._enclosed:
            self._enclosed[symbol] = meet(self._own(symbol), self.learned.get(symbol, REAL))
        return self._enclosed[symbol]

    def _own(self, s: Symbol) -> Interval:
        if s.kind in ("dim", "prime"):
            return Fraction(1), None if s.kind == "dim" else Fraction(s.data[0])
        if s.kind in ("state", "variable"):
            return (Fraction(0), None) if self.is_orthant and self._is_named(s) else REAL
        if s.kind == "param":
            return self._of_parameter(s.data[0])
        if s.kind == "function":
            inside = self.enclosure(s.data[2] if isinstance(s.data[2], Scalar) else entry(s.data[2]))
            return values_between(s.data[0], s.data[1], *inside)
        if s.kind in ("sum", "vector sum"):
            return self._of_sum(s.data[0] if s.kind == "sum" else entry(s.data[0]))
        if s.kind == "word":
            return (Fraction(0), None) if self.is_square(s.data[0]) else (None, self._top_of_sum(s.data[0]))
        if s.kind == "vector":
            return (Fraction(0), None) if all(map(self._keeps_orthant, s.data[0])) else REAL
        if s.kind in ("largest", "smallest") and isinstance(s.data[0], Scalar):
            ends = [self.enclosure(item) for item in s.data]
            pick, sure, other = (max, 0, 1) if s.kind == "largest" else (min, 1, 0)
            known, rest = [i[sure] for i in ends if i[sure] is not None], [i[other] for i in ends]
            found = (pick(known) if known else None, None if None in rest else pick(rest))  # type: ignore[type-var]
            return found if sure == 0 else (found[1], found[0])
        if s.kind == "secant":
            return self._slopes(*s.data[:2])
        return (Fraction(0), Fraction(1)) if s.kind in ("softmax", "chosen") else REAL

    def _slopes(self, name: str, parameters: tuple[Fraction, ...]) -> Interval:
        """What holds all slopes of a function, and so all its difference quotients."""
        row = FUNCTIONS[name]
        node = row.derivative(variable("argument of any size", SCALAR), *parameters)
        return meet(self.enclosure(self.reader.scalar(node)), (Fraction(0), None) if row.increasing(*parameters) else REAL)

    def _of_sum(self, base: Scalar) -> Interval:
        """Term by term; and a multiple of an assumption g >= 0 has the sign of its factor."""
        found = self.enclosure(base)
        for g in self.assumptions:
            m = next((m for m in g.terms if m in base.terms), None)
            if m is not None and base == g.times(base.terms[m] / g.terms[m]):
                found = meet(found, (Fraction(0), None) if base.terms[m] / g.terms[m] > 0 else (None, Fraction(0)))
        return found

    def _top_of_sum(self, word: Word) -> Fraction | None:
        """0 for a sum of entries that are all <= 0."""
        if [x.kind for x in word] != ["ones'", "diag", "ones"]:
            return None
        high = self.entries(word[1].data[0])[1]
        return None if high is None or high > 0 else Fraction(0)

    def _keeps_orthant(self, letter: Symbol) -> bool:
        """A matrix with entries >= 0."""
        if letter.kind == "diag":
            low = self.entries(letter.data[0])[0]
            return low is not None and low >= 0
        return letter.kind.rstrip("'") in ("ones", "unit") or "nonnegative" in letter.facts

    def _is_named(self, s: Symbol) -> bool:
        """Whether it is a block of the state or an argument of a `def`."""
        model = self.reader.model
        if s.kind == "state":
            return any(b.name == s.data[0] for b in model.blocks)
        return any(name == s.data[0] for d in model.definitions for name, _ in d.arguments)

    def _of_parameter(self, name: str) -> Interval:
        found = REAL
        for item in self.reader.model.parameter(name).sets:
            if item.name in ("positive", "nonnegative", "psd"):
                found = meet(found, (Fraction(0), None))
            elif item.name == "interval":
                low, high = (self.enclosure(self.reader.scalar(node)) for node in item.arguments)
                found = meet(found, (low[0], high[1]))
            elif item.name == "binary":
                found = meet(found, (Fraction(-1), Fraction(1)))
        return found

    def is_square(self, word: Word) -> bool:
        """A closed word W'DW with D >= 0, or a sum of entries that are all >= 0."""
        if len(word) == 3 and word[1].kind == "diag" and (self.entries(word[1].data[0])[0] or Fraction(0)) >= 0 \
                and self.entries(word[1].data[0])[0] is not None:
            return True
        sign, flipped = reverse(word)
        half = len(word) // 2
        if flipped != word or sign < 0:
            return False
        if len(word) % 2 == 0:
            return reverse(word[half:]) == (1, word[:half])
        center = word[half]
        low = self.entries(center.data[0])[0] if center.kind == "diag" else None
        return reverse(word[half + 1:]) == (1, word[:half]) and ("psd" in center.facts or (low is not None and low >= 0))

    def entries(self, factors: Monomial) -> Interval:
        """An enclosure of all entries of an entrywise product."""
        total: Interval = (Fraction(1), Fraction(1))
        for s, e in factors:
            total = multiply(total, self._power(s, e))
        return total

    def _power(self, s: Symbol, e: Fraction) -> Interval:
        if s.kind == "prime":
            return power_of(Fraction(s.data[0]), e)
        if e != 1 and s.kind == "function" and s.data[0] == "exp" and isinstance(s.data[2], Scalar):
            return values_between("exp", (), *self.enclosure(s.data[2].times(e)))  # exp(z)^e = exp(e z)
        return raised(self.interval(s), e)

    def enclosure(self, scalar: Scalar) -> Interval:
        total: Interval = (Fraction(0), Fraction(0))
        for m, c in scalar.terms.items():
            total = add(total, multiply((c, c), self.entries(m)))
        return total


def single(scalar: Scalar) -> Symbol | None:
    """The symbol that a scalar is, or None."""
    (m, c), *more = scalar.terms.items() if scalar.terms else [((), Fraction(0))]
    return m[0][0] if not more and c == 1 and len(m) == 1 and m[0][1] == 1 else None


def occurs(symbol: Symbol, thing: Any) -> bool:
    """Whether a symbol occurs in scalars, symbols or forms, at any depth."""
    if thing is symbol:
        return True
    if isinstance(thing, Symbol):
        return any(occurs(symbol, d) for d in thing.data)
    if hasattr(thing, "terms"):
        return any(occurs(symbol, m) or occurs(symbol, c) for m, c in thing.terms.items())
    return isinstance(thing, tuple) and any(occurs(symbol, d) for d in thing)


def distances(signs: Signs, scalar: Scalar) -> list[Scalar]:
    """The distances of the parameters in a scalar to the ends of their intervals, all >= 0."""
    found: list[Scalar] = []
    for s in scalar.symbols():
        if s.kind == "param" and signs.reader.model.parameter(s.data[0]).space == SCALAR:
            for item in signs.reader.model.parameter(s.data[0]).sets:
                if item.name == "interval":
                    low, high = (signs.reader.scalar(node) for node in item.arguments)
                    found += [of(s) - low, high - of(s)]
    return [g for g in found if not any(occurs(x, g) for x in signs.loose)]


ZERO = number(0)
