"""Exact scalars: sums of monomials in named atoms with rational coefficients and rational exponents.

A transcendental or otherwise opaque quantity is named once, as an atom; two scalars whose normal forms agree are equal wherever
both are defined. The converse is not claimed: a nonzero normal form proves nothing.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

MOST_TERMS = 3000
MOST_FACTORED_BITS = 128  # of a whole number that is factored into primes whatever they are
MOST_ROOT_BITS = 2000  # of one whose root is taken
SMALL_PRIMES = 1000


class TooLarge(Exception):
    """A normal form grew past its bound; the claim is then undecided."""


class Unsupported(Exception):
    """An operation has no normal form; the message names it for a person."""


@dataclass(frozen=True, eq=False)
class Atom:
    """A named quantity. Equal keys mean equal quantities; keys order atoms, so that output never depends on hashing.

    kind: dim, param, state, time, prime, function, sum, word, component, trace, largest, smallest, softmax, vector, step.
    """

    kind: str
    data: tuple[Any, ...]
    key: str

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Atom) and self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)

    def __lt__(self, other: Atom) -> bool:
        return self.key < other.key

    def __str__(self) -> str:
        return self.key


Monomial = tuple[tuple[Atom, Fraction], ...]
UNIT: Monomial = ()


def merged(a: Monomial, b: Monomial) -> Monomial:
    """The product of two monomials, before the laws of single atoms are applied."""
    if not a:
        return b
    if not b:
        return a
    powers = dict(a)
    for atom, exponent in b:
        powers[atom] = powers.get(atom, Fraction(0)) + exponent
    return tuple(sorted((atom, e) for atom, e in powers.items() if e))


@dataclass(frozen=True, eq=False)
class Scalar:
    """A sum of monomials; `terms` is sorted and free of zeros."""

    terms: tuple[tuple[Monomial, Fraction], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", None)

    @property
    def key(self) -> str:
        """A canonical text; the identity of the scalar."""
        if self._key is None:  # type: ignore[attr-defined]
            text = " + ".join(f"{c}*{monomial_key(m)}" if m else str(c) for m, c in self.terms) or "0"
            object.__setattr__(self, "_key", text)
        return self._key  # type: ignore[attr-defined, no-any-return]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scalar) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __add__(self, other: Scalar) -> Scalar:
        total = dict(self.terms)
        for monomial, coefficient in other.terms:
            total[monomial] = total.get(monomial, Fraction(0)) + coefficient
        return collect(total)

    def __neg__(self) -> Scalar:
        return Scalar(tuple((m, -c) for m, c in self.terms))

    def __sub__(self, other: Scalar) -> Scalar:
        return self + -other

    def __mul__(self, other: Scalar) -> Scalar:
        if self.value() == 1:
            return other
        if other.value() == 1:
            return self
        if len(self.terms) * len(other.terms) > MOST_TERMS:
            raise TooLarge("an expanded product")
        total: dict[Monomial, Fraction] = {}
        for m, c in self.terms:
            for k, d in other.terms:
                for monomial, factor in reduce_monomial(merged(m, k)).terms:
                    total[monomial] = total.get(monomial, Fraction(0)) + c * d * factor
        return collect(total)

    def times(self, factor: Fraction | int) -> Scalar:
        return Scalar(tuple((m, c * factor) for m, c in self.terms)) if factor else ZERO

    def value(self) -> Fraction | None:
        """The rational it is, or None when an atom occurs in it."""
        if not self.terms:
            return Fraction(0)
        if len(self.terms) == 1 and not self.terms[0][0]:
            return self.terms[0][1]
        return None

    def is_zero(self) -> bool:
        return not self.terms

    def atoms(self) -> tuple[Atom, ...]:
        """Its atoms, at the top only, in order."""
        return tuple(sorted({atom for monomial, _ in self.terms for atom, _ in monomial}))

    def power(self, exponent: int) -> Scalar:
        result, base = ONE, self
        while exponent:
            if exponent & 1:
                result = result * base
            base = base * base if exponent > 1 else base
            exponent >>= 1
        return result


def monomial_key(monomial: Monomial) -> str:
    return "*".join(atom.key if e == 1 else f"{atom.key}^{e}" if e.denominator == 1 and e > 0 else f"{atom.key}^({e})"
                    for atom, e in monomial)


def collect(terms: dict[Monomial, Fraction]) -> Scalar:
    if len(terms) > MOST_TERMS:
        raise TooLarge("a sum")
    return Scalar(tuple(sorted(((m, c) for m, c in terms.items() if c), key=lambda term: monomial_key(term[0]))))


def rational(value: Fraction | int) -> Scalar:
    return Scalar(((UNIT, Fraction(value)),)) if value else ZERO


def monomial(*factors: tuple[Atom, Fraction]) -> Scalar:
    return reduce_monomial(merged(tuple(sorted(factors)), UNIT))


def of_atom(atom: Atom, exponent: Fraction | int = 1) -> Scalar:
    return reduce_monomial(((atom, Fraction(exponent)),))


ZERO = Scalar(())
ONE = Scalar(((UNIT, Fraction(1)),))


# --- laws of single atoms ---------------------------------------------------------------------------------------


def _reduce_prime(atom: Atom, exponent: Fraction) -> Scalar | None:
    # p^(k + r) = p^k p^r with 0 <= r < 1; the powers p^r are linearly independent over Q (Besicovitch 1940)
    whole = exponent.numerator // exponent.denominator
    if not whole:
        return None
    rest = exponent - whole
    front = Fraction(atom.data[0]) ** whole
    return Scalar(((((atom, rest),) if rest else UNIT, front),))


def _reduce_sum(atom: Atom, exponent: Fraction) -> Scalar | None:
    if exponent.denominator != 1 or exponent < 0:
        return None
    base: Scalar = atom.data[0]
    return base.power(int(exponent))


def _reduce_function(atom: Atom, exponent: Fraction) -> Scalar | None:
    name = atom.data[0]
    if exponent.denominator != 1 or exponent < 2:
        return None
    if name == "sin":  # sin^2 = 1 - cos^2
        cosine = function_atom("cos", atom.data[1], atom.data[2])
        rest = int(exponent) - 2
        return (ONE - of_atom(cosine, 2)) * (of_atom(atom, rest) if rest else ONE)
    if name == "abs" and isinstance(atom.data[2], Scalar):  # |z|^2 = z^2
        half, odd = divmod(int(exponent), 2)
        square = atom.data[2] * atom.data[2]
        return square.power(half) * (of_atom(atom) if odd else ONE)
    if name in ("threshold", "relu_slope"):  # values 0 and 1
        return of_atom(atom)
    return None


_LAWS: dict[str, Callable[[Atom, Fraction], Scalar | None]] = {
    "prime": _reduce_prime, "sum": _reduce_sum, "function": _reduce_function,
}


def without_steps(factors: Monomial) -> Monomial:
    """threshold(z) relu(z)^k = relu(z)^k for k > 0, also entry by entry."""
    steps = {atom.data[2].key: atom for atom, e in factors if e > 0 and atom.kind == "function" and atom.data[0] == "threshold"}
    if not steps:
        return factors
    absorbed = {steps.get(atom.data[2].key) for atom, e in factors
                if e > 0 and atom.kind == "function" and atom.data[0] == "relu"}
    return tuple(f for f in factors if f[0] not in absorbed)


def reduce_monomial(factors: Monomial) -> Scalar:
    """A monomial as a scalar, with the laws of its atoms applied."""
    kept: list[tuple[Atom, Fraction]] = []
    product = ONE
    for atom, exponent in without_steps(factors):
        law = _LAWS.get(atom.kind)
        reduced = law(atom, exponent) if law else None
        if reduced is None:
            kept.append((atom, exponent))
        else:
            product = product * reduced
    plain = Scalar(((tuple(kept), Fraction(1)),))
    return plain if product is ONE else plain * product if kept else product


def function_atom(name: str, parameters: tuple[Fraction, ...], argument: Any) -> Atom:
    """`name(argument)`; the argument is a Scalar, or a Form for an entrywise vector function."""
    inside = ", ".join([argument.key, *map(str, parameters)])
    return Atom("function", (name, parameters, argument), f"{name}({inside})")


def sum_atom(base: Scalar) -> Atom:
    return Atom("sum", (base,), f"({base.key})")


def prime_atom(prime: int) -> Atom:
    return Atom("prime", (prime,), str(prime))


def ratio(one: Scalar, other: Scalar) -> Fraction | None:
    """c with one = c other, where there is one; of zero there is none."""
    if not one.terms or len(one.terms) != len(other.terms) or one.terms[0][0] != other.terms[0][0]:
        return None
    share = one.terms[0][1] / other.terms[0][1]
    return share if one == other.times(share) else None


def leading(scalar: Scalar) -> Fraction:
    """The coefficient of its first monomial; fixes a sign and a scale."""
    return scalar.terms[0][1]


def root(value: Fraction, exponent: Fraction) -> Scalar:
    """value^exponent for a positive rational, over primes (of a large number over its small ones and what is left)."""
    if value <= 0:
        raise Unsupported("a root of a number that is not positive")
    total = ONE
    for whole, sign in ((value.numerator, 1), (value.denominator, -1)):
        if whole.bit_length() > MOST_ROOT_BITS:
            raise TooLarge("a root of a large number")
        for base, count in _bases(whole):
            total = total * of_atom(prime_atom(base), exponent * sign * count)
    return total


def _bases(whole: int) -> Iterator[tuple[int, int]]:
    """Whole numbers whose powers multiply to this one: primes, unless more than MOST_FACTORED_BITS are left without small ones.

    A base that is no prime is as good for equalities that are shown; only some that hold are then not seen.
    """
    from flint import fmpz

    if whole.bit_length() > MOST_FACTORED_BITS:
        for small in range(2, SMALL_PRIMES):
            count = 0
            while whole % small == 0:
                whole, count = whole // small, count + 1
            if count:
                yield small, count
    if whole.bit_length() > MOST_FACTORED_BITS:
        times = next((k for k in range(whole.bit_length(), 1, -1) if int(fmpz(whole).root(k)) ** k == whole), 1)
        yield int(fmpz(whole).root(times)), times
    else:
        yield from ((int(prime), int(count)) for prime, count in fmpz(whole).factor())


def power(base: Scalar, exponent: Fraction, is_nonnegative: Callable[[Atom], bool]) -> Scalar:
    """base^exponent where it is defined.

    A fractional power is shared out over factors only where they are known to be nonnegative; what remains is named as one atom.
    """
    if exponent.denominator == 1 and exponent >= 0:
        if len(base.terms) ** min(int(exponent), 40) > MOST_TERMS and len(base.terms) > 1:
            return of_atom(sum_atom(base), 1) if exponent == 1 else _opaque_power(base, exponent)
        return base.power(int(exponent))
    if not base.terms:
        raise Unsupported("a negative power of zero")
    if len(base.terms) > 1:
        return _opaque_power(base, exponent)
    factors, coefficient = base.terms[0]
    if exponent.denominator == 1:
        inverse = tuple((atom, e * exponent) for atom, e in factors)
        return reduce_monomial(inverse).times(coefficient ** int(exponent))
    total, rest = ONE, []
    for atom, e in factors:
        if is_nonnegative(atom):
            total = total * of_atom(atom, e * exponent)
        else:
            rest.append((atom, e))
    if not rest:
        return total * root(coefficient, exponent)
    if coefficient > 0:
        return total * root(coefficient, exponent) * _named(Scalar(((tuple(rest), Fraction(1)),)), exponent)
    return total * _named(Scalar(((tuple(rest), coefficient),)), exponent)


def _named(base: Scalar, exponent: Fraction) -> Scalar:
    return Scalar(((((sum_atom(base), exponent),), Fraction(1)),))


def _opaque_power(base: Scalar, exponent: Fraction) -> Scalar:
    scale = abs(leading(base))
    monic = base.times(1 / scale)
    if exponent.denominator == 1 and leading(monic) < 0:
        monic, scale = -monic, -scale
    if exponent.denominator == 1:
        return _named(monic, exponent).times(scale ** int(exponent))
    return _named(monic, exponent) * root(scale, exponent)


def exponential(argument: Scalar) -> Scalar:
    """exp of a sum is the product of the exps of its monomials."""
    total = ONE
    for factors, coefficient in argument.terms:
        inner = Scalar(((factors, Fraction(1)),))
        total = total * of_atom(function_atom("exp", (), inner), coefficient)
    return total


# --- zero test --------------------------------------------------------------------------------------------------


def cleared(scalar: Scalar) -> Scalar:
    """The scalar times positive or nonzero powers of its denominators, expanded: zero exactly when the scalar is."""
    for _ in range(8):
        least: dict[Atom, Fraction] = {}
        for factors, _c in scalar.terms:
            present = dict(factors)
            for atom in present:
                if atom.kind == "sum":
                    least.setdefault(atom, Fraction(0))
        for atom in least:
            least[atom] = min((dict(m).get(atom, Fraction(0)) for m, _ in scalar.terms), default=Fraction(0))
        shift = [(atom, -e) for atom, e in sorted(least.items()) if e]
        if not shift:
            return scalar
        scalar = shifted(scalar, shift)
    return scalar


def shifted(scalar: Scalar, shift: Iterable[tuple[Atom, Fraction]]) -> Scalar:
    """The scalar times powers of atoms, merged into each monomial before its laws are applied."""
    total = ZERO
    step = tuple(shift)
    for factors, coefficient in scalar.terms:
        total = total + reduce_monomial(merged(factors, step)).times(coefficient)
    return total


def is_identically_zero(scalar: Scalar) -> bool:
    """Whether it is zero wherever it is defined (True is a proof; False says nothing)."""
    return scalar.is_zero() or cleared(scalar).is_zero()
