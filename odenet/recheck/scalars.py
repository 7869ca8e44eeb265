"""The checker's exact scalars: sums of monomials in symbols with rational exponents. They share no code with the prover.

Symbols are made once each (equal symbols are one object) and numbered as they come; representatives are chosen by number.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

ZERO_AT_ZERO = frozenset(("sin", "tan", "tanh", "relu", "leaky_relu", "elu", "celu", "atan", "softsign", "logcosh", "abs", "sign",
                          "silu", "gelu"))
ONE_AT_ZERO = frozenset(("cos", "exp", "sinc"))
STEPS = frozenset(("threshold", "relu_slope"))  # functions with the values 0 and 1
MOST = 4000
MOST_WORK = 1_000_000  # products of monomials, symbols asked for, boxes and roots with what they weigh
MOST_BITS = 20_000  # of a coefficient
MOST_EXPONENT = 1000


class Rejected(Exception):
    """A certificate, or a step of one, that does not hold; the message says why."""


class Symbol:
    """An atom of scalars or a letter of words (then with `start`, `end`, `facts`). Equal means the same object."""

    __slots__ = ("data", "end", "facts", "kind", "number", "start", "table")

    def __init__(self, table: Table, kind: str, data: tuple[Any, ...], start: Any, end: Any, facts: frozenset[str]) -> None:
        self.table, self.kind, self.data, self.start, self.end, self.facts = table, kind, data, start, end, facts
        self.number = len(table.known)

    def __lt__(self, other: Symbol) -> bool:
        return self.number < other.number

    @property
    def is_bra(self) -> bool:
        return self.kind in ("ones'", "unit'")

    @property
    def is_ket(self) -> bool:
        return self.kind in ("ones", "unit")


class Table:
    """The symbols of one check, and which of several equal words stands for all of them."""

    def __init__(self) -> None:
        self.known: dict[Any, Symbol] = {}
        self.chosen: dict[Any, Any] = {}
        self.work = MOST_WORK

    def spend(self, work: int) -> None:
        """Count work, so that no certificate keeps the checker busy for long. Raises Rejected."""
        self.work -= work
        if self.work < 0:
            raise Rejected("the certificate takes too much work")

    def atom(self, kind: str, *data: Any) -> Symbol:
        return self.letter(kind, data, None, None)

    def letter(self, kind: str, data: tuple[Any, ...], start: Any, end: Any, facts: Iterable[str] = ()) -> Symbol:
        self.spend(1)
        key = (kind, data, start, end)
        if key not in self.known:
            self.known[key] = Symbol(self, kind, data, start, end, frozenset(facts))
        return self.known[key]


Monomial = tuple[tuple[Symbol, Fraction], ...]
Word = tuple[Symbol, ...]


class Scalar:
    """A sum of monomials. Equal normal forms are equal scalars wherever both are defined."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: dict[Monomial, Fraction]) -> None:
        self.terms = {m: c for m, c in terms.items() if c}
        self._hash: int | None = None
        if len(self.terms) > MOST:
            raise Rejected("a sum grew too large")
        for c in self.terms.values():
            if c.numerator.bit_length() > MOST_BITS or c.denominator.bit_length() > MOST_BITS:
                raise Rejected("a sum grew too large")

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Scalar) and self.terms == other.terms)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __add__(self, other: Scalar) -> Scalar:
        if not other.terms or not self.terms:
            return self if self.terms else other
        total = dict(self.terms)
        for m, c in other.terms.items():
            total[m] = total.get(m, Fraction(0)) + c
        return Scalar(total)

    def __sub__(self, other: Scalar) -> Scalar:
        return self + other.times(-1)

    def __neg__(self) -> Scalar:
        return self.times(-1)

    def times(self, factor: Fraction | int) -> Scalar:
        return Scalar({m: c * factor for m, c in self.terms.items()})

    def __mul__(self, other: Scalar) -> Scalar:
        if len(self.terms) * len(other.terms) > MOST:
            raise Rejected("a product grew too large")
        if _UNIT in (self.terms, other.terms):
            return other if self.terms == _UNIT else self
        total: dict[Monomial, Fraction] = {}
        for m, c in self.terms.items():
            for k, d in other.terms.items():
                for product, factor in merged(m, k).terms.items():
                    total[product] = total.get(product, Fraction(0)) + c * d * factor
        return Scalar(total)

    def __pow__(self, exponent: int) -> Scalar:
        if exponent > MOST_EXPONENT:
            raise Rejected("a power is too high")
        total = number(1)
        for _ in range(exponent):
            total = total * self
        return total

    def value(self) -> Fraction | None:
        """The rational it is, or None."""
        return Fraction(0) if not self.terms else self.terms.get(()) if len(self.terms) == 1 else None

    def symbols(self) -> list[Symbol]:
        return sorted({s for m in self.terms for s, _ in m})

    def leading(self) -> Fraction:
        return self.terms[min(self.terms, key=lambda m: [(s.number, e) for s, e in m])]


_UNIT: dict[Monomial, Fraction] = {(): Fraction(1)}


def number(value: Fraction | int) -> Scalar:
    return Scalar({(): value if isinstance(value, Fraction) else Fraction(value)})


def of(symbol: Symbol, exponent: Fraction | int = 1) -> Scalar:
    return merged(((symbol, Fraction(exponent)),), ())


def merged(a: Monomial, b: Monomial) -> Scalar:
    """The product of two monomials, with the laws of single symbols applied."""
    if a or b:
        (a or b)[0][0].table.spend(1)
    powers = dict(a)
    for s, e in b:
        powers[s] = powers.get(s, Fraction(0)) + e
    kept, product = [], None
    for s, e in without_steps(sorted(powers.items(), key=lambda item: item[0].number)):
        reduced = _law(s, e) if e else None
        if reduced is not None:
            product = reduced if product is None else product * reduced
        elif e:
            kept.append((s, e))
    plain = Scalar({tuple(kept): Fraction(1)})
    return plain if product is None else product * plain if kept else product


def without_steps(powers: list[tuple[Symbol, Fraction]]) -> list[tuple[Symbol, Fraction]]:
    """threshold(z) relu(z)^k = relu(z)^k for k > 0"""
    over = {s.data[2] for s, e in powers if s.kind == "function" and s.data[0] == "relu" and e > 0}
    return [(s, e) for s, e in powers if not (s.kind == "function" and s.data[0] == "threshold" and e > 0 and s.data[2] in over)]


def _law(s: Symbol, e: Fraction) -> Scalar | None:
    """A power of one symbol that has a simpler form, or None."""
    whole = e.numerator // e.denominator
    if s.kind == "prime" and whole:  # p^(k + r) = p^k p^r; the p^r with 0 <= r < 1 are independent over Q (Besicovitch 1940)
        return Scalar({((s, e - whole),) if e != whole else (): Fraction(s.data[0]) ** whole})
    if e != whole or e < 0:
        return None
    if s.kind == "sum":
        base: Scalar = s.data[0]
        return base ** whole
    if s.kind != "function" or not isinstance(s.data[2], Scalar):
        return None
    name, parameters, z = s.data[0], s.data[1], s.data[2]
    if name == "sin" and e >= 2:
        return (number(1) - of(s.table.atom("function", "cos", parameters, z), 2)) * (of(s, e - 2) if e > 2 else number(1))
    if name == "abs" and e >= 2:
        return (z * z) ** (whole // 2) * (of(s) if whole % 2 else number(1))
    return of(s) if name in STEPS and e >= 2 else None


def power(table: Table, base: Scalar, e: Fraction, is_nonnegative: Callable[[Symbol], bool]) -> Scalar:
    """base^e where it is defined; a root is shared out over the factors that are known to be nonnegative."""
    if abs(e) > MOST_EXPONENT or e.denominator > MOST_EXPONENT:
        raise Rejected("a power is too high")
    if e.denominator == 1 and e >= 0 and (len(base.terms) <= 1 or len(base.terms) ** min(int(e), 40) <= 3000):
        return base ** int(e)
    if not base.terms:
        raise Rejected("a negative power of zero")
    if len(base.terms) > 1:
        scale = abs(base.leading()) * (-1 if e.denominator == 1 and base.leading() < 0 else 1)
        return of(table.atom("sum", base.times(1 / scale)), e) * root(table, scale, e)
    ((factors, c),) = base.terms.items()
    if e.denominator == 1:
        return merged(tuple((s, k * e) for s, k in factors), ()).times(c ** int(e))
    split = [(s, k * e) for s, k in factors if is_nonnegative(s)]
    rest = tuple((s, k) for s, k in factors if not is_nonnegative(s))
    front = merged(tuple(split), ())
    if not rest:
        return front * root(table, c, e)
    if c < 0:
        return front * of(table.atom("sum", Scalar({rest: c})), e)
    return front * root(table, c, e) * of(table.atom("sum", Scalar({rest: Fraction(1)})), e)


def root(table: Table, value: Fraction, e: Fraction) -> Scalar:
    if e.denominator == 1:
        return number(value ** int(e))
    table.spend(100)
    if value <= 0 or max(value.numerator, value.denominator).bit_length() > 2000:
        raise Rejected("a root of a number that is not positive, or too large")
    total = number(1)
    for whole, sign in ((value.numerator, 1), (value.denominator, -1)):
        for base, times in _split(whole):
            total = total * of(table.atom("prime", base), e * sign * times)
    return total


def _split(whole: int) -> list[tuple[int, int]]:
    """Bases and exponents of a whole number: its primes; of a large one those below 1000, and what is left (as a power)."""
    from flint import fmpz

    found = []
    for p in range(2, 1000) if whole.bit_length() > 128 else ():
        times = 0
        while not whole % p:
            whole, times = whole // p, times + 1
        found += [(p, times)] if times else []
    if whole.bit_length() <= 128:
        return found + [(int(p), int(times)) for p, times in fmpz(whole).factor()]
    for k in range(whole.bit_length() // 9, 1, -1):  # no prime below 1000 is left
        base = int(fmpz(whole).root(k))
        if base ** k == whole:
            return [*found, (base, k)]
    return [*found, (whole, 1)]


def is_zero(scalar: Scalar) -> bool:
    """Whether it is zero wherever it is defined: by its normal form, after powers of named sums are cleared."""
    for _ in range(8):
        sums = [s for s in scalar.symbols() if s.kind == "sum"]
        least = {s: min(dict(m).get(s, Fraction(0)) for m in scalar.terms) for s in sums}
        shift = tuple((s, -e) for s, e in least.items() if e)
        if not shift:
            break
        scalar = shifted(scalar, shift)
    return not scalar.terms


def shifted(scalar: Scalar, shift: Monomial) -> Scalar:
    """The scalar times a monomial, merged into each term before laws apply."""
    total = number(0)
    for m, c in scalar.terms.items():
        total = total + merged(m, shift).times(c)
    return total
