"""Exact real numbers: rationals and real radicals, closed under + - * / and roots, with a zero test that decides.

A number is a sum of rational multiples of monomials, products of atoms with exponents in (0, 1). An atom is a prime or,
for nested roots, another positive number. Monomials in primes alone are linearly independent over the rationals, so
there the normal form is zero only when it is empty. With nested atoms the zero test is by separation: the number is a
root of the characteristic polynomial of its own multiplication, and a nonzero root of that is not small.

Source: A. S. Besicovitch, On the linear independence of fractional powers of integers, J. London Math. Soc. 15 (1940)
3-6, for the normal form; Cauchy's bound on the nonzero roots of a polynomial, for the separation.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Union

from flint import arb, ctx, fmpq, fmpq_mat, fmpq_poly, fmpz

Atom = Union[int, "Exact"]
Monomial = tuple[tuple[Atom, Fraction], ...]
Rational = Union[int, Fraction]

MAX_DIMENSION = 240  # of the algebra in which one division or one zero test is done
MAX_PRODUCTS = 12_000  # of monomials in one multiplication
MAX_BITS = 20_000  # of one coefficient
MAX_RADICAND_BITS = 128  # of a rational whose root is taken by factoring it
_ONE: Monomial = ()


class ExactError(ValueError):
    """A number that is not real, not defined, or beyond the bounds of exact work. The text is for people."""


class Exact:
    """An exact real number. Equal values compare equal and hash equally, whatever their spelling.

    Rationals are accepted wherever another `Exact` is. Instances are immutable.
    """

    __slots__ = ("_hash", "_terms")

    def __init__(self, value: Rational | Exact = 0) -> None:
        self._hash: int | None = None
        self._terms: dict[Monomial, fmpq]
        if isinstance(value, Exact):
            self._terms = value._terms
        else:
            self._terms = {_ONE: fmpq(value.numerator, value.denominator)} if value else {}

    @staticmethod
    def _of(terms: dict[Monomial, fmpq]) -> Exact:
        number = Exact()
        number._terms = {monomial: c for monomial, c in terms.items() if c}
        return number

    # --- arithmetic ------------------------------------------------------------------------------------------

    def __add__(self, other: Exact | Rational) -> Exact:
        terms = dict(self._terms)
        for monomial, c in Exact(other)._terms.items():
            terms[monomial] = terms[monomial] + c if monomial in terms else c
        return Exact._of(terms)

    __radd__ = __add__

    def __neg__(self) -> Exact:
        return Exact._of({monomial: -c for monomial, c in self._terms.items()})

    def __sub__(self, other: Exact | Rational) -> Exact:
        return self + -Exact(other)

    def __rsub__(self, other: Rational) -> Exact:
        return -self + other

    def __mul__(self, other: Exact | Rational) -> Exact:
        right = Exact(other)._terms
        if len(self._terms) * len(right) > MAX_PRODUCTS:
            raise ExactError("too many different roots in one exact number")
        total: dict[Monomial, fmpq] = {}
        for m, c in self._terms.items():
            for n, d in right.items():
                for monomial, e in _product(m, n).items():
                    value = c * d * e
                    total[monomial] = total[monomial] + value if monomial in total else value
        for c in total.values():
            if c.p.bit_length() + c.q.bit_length() > MAX_BITS:
                raise ExactError("the exact number grows beyond what is worked with")
        return Exact._of(total)

    __rmul__ = __mul__

    def __truediv__(self, other: Exact | Rational) -> Exact:
        return self * Exact(other).inverse()

    def __rtruediv__(self, other: Rational) -> Exact:
        return self.inverse() * other

    def __pow__(self, exponent: Rational) -> Exact:
        """A power with an exact exponent; the base of a root must be positive (or zero)."""
        exponent = Fraction(exponent)
        if max(abs(exponent.numerator), exponent.denominator) > 1000:
            raise ExactError(f"the exponent {exponent} is too large to work with exactly")
        base = self.root(exponent.denominator)
        if exponent < 0:
            base = base.inverse()
        result = Exact(1)
        for bit in bin(abs(exponent.numerator))[2:]:
            result = result * result * (base if bit == "1" else 1)
        return result

    def inverse(self) -> Exact:
        """1 / self, by linear algebra in the finite-dimensional algebra that multiplication by self spans."""
        if self.is_zero():
            raise ExactError("division by zero")
        if len(self._terms) == 1:
            ((monomial, c),) = self._terms.items()
            if all(isinstance(atom, int) for atom, _ in monomial):
                return _inverse_monomial(monomial) * Fraction(int(c.q), int(c.p))
        basis, matrix = self._multiplication()
        try:
            column = matrix.solve(fmpq_mat([[1 if i == 0 else 0] for i in range(len(basis))]))
        except ZeroDivisionError:
            return self._inverse_from(matrix.charpoly())
        return Exact._of({monomial: column[i, 0] for i, monomial in enumerate(basis)})

    def _inverse_from(self, polynomial: fmpq_poly) -> Exact:
        # p(x) = 0 with p = T^m q, q(0) != 0 and x != 0, so q(x) = 0 and x (q_1 + q_2 x + ...) = -q_0.
        coefficients = _without_zero_roots(polynomial)
        total = Exact()
        for c in reversed(coefficients[1:]):
            total = total * self + _fraction(c)
        return total * (-1 / _fraction(coefficients[0]))

    def root(self, degree: int) -> Exact:
        """The nonnegative real root of a nonnegative number."""
        if degree == 1:
            return self
        sign = self.sign()
        if sign < 0:
            raise ExactError(f"no real root of degree {degree} of the negative number {self}")
        if sign == 0:
            return Exact()
        if len(self._terms) > 1:
            return Exact._of({((self, Fraction(1, degree)),): fmpq(1)})
        ((monomial, c),) = self._terms.items()
        result = _root_of_rational(_fraction(c), degree)
        for atom, exponent in monomial:
            result = result * Exact._of({((atom, exponent / degree),): fmpq(1)})
        return result

    # --- deciding --------------------------------------------------------------------------------------------

    def is_zero(self) -> bool:
        """Whether the number is zero. Always decided."""
        if not self._terms:
            return True
        if self._is_canonical() or len(self._terms) == 1:
            return False  # Besicovitch; a single monomial is a product of positive numbers
        if not self.ball(128).contains(0):
            return False
        coefficients = _without_zero_roots(self._multiplication()[1].charpoly())
        smallest = abs(coefficients[0])
        bound = smallest / (smallest + max([abs(c) for c in coefficients[1:]], default=fmpq(0)))
        precision = 256
        while True:  # Cauchy: a nonzero root is larger than the bound
            ball = self.ball(precision)
            if not ball.contains(0):
                return False
            if bool(abs(ball) < arb(bound)):
                return True
            precision *= 2

    def sign(self) -> int:
        """-1, 0 or 1."""
        if self._terms.keys() <= {_ONE}:
            value = self._terms.get(_ONE, fmpq(0))
            return int(value > 0) - int(value < 0)
        if self.is_zero():
            return 0
        precision = 64
        while True:
            ball = self.ball(precision)
            if not ball.contains(0):
                return 1 if ball > 0 else -1
            precision *= 2

    def ball(self, precision: int) -> arb:
        """An enclosure, computed at `precision` bits."""
        with ctx.workprec(precision):
            total = arb(0)
            for monomial, c in self._terms.items():
                product = arb(c)
                for atom, exponent in monomial:
                    base = arb(atom) if isinstance(atom, int) else atom.ball(precision)
                    product *= base.root(exponent.denominator) ** exponent.numerator
                total += product
            return total

    def as_fraction(self) -> Fraction | None:
        """Its value when it is rational, else None."""
        if self._is_canonical():
            return _fraction(self._terms.get(_ONE, fmpq(0))) if self._terms.keys() <= {_ONE} else None
        for factor, _ in self._multiplication()[1].charpoly().factor()[1]:
            if factor.degree() == 1:
                candidate = _fraction(fmpq(-factor[0]) / factor[1])
                if (self - candidate).is_zero():
                    return candidate
        return None

    def _is_canonical(self) -> bool:
        return all(isinstance(atom, int) for monomial in self._terms for atom, _ in monomial)

    def _multiplication(self) -> tuple[list[Monomial], fmpq_mat]:
        """Monomials (1 first) whose span multiplication by self maps into itself, and the matrix of it."""
        basis: dict[Monomial, int] = {_ONE: 0}
        columns: list[dict[Monomial, fmpq]] = []
        while len(columns) < len(basis):
            monomial = list(basis)[len(columns)]
            columns.append((Exact._of({monomial: fmpq(1)}) * self)._terms)
            for new in columns[-1]:
                basis.setdefault(new, len(basis))
            if len(basis) > MAX_DIMENSION:
                raise ExactError("too many different roots in one exact number")
        rows = [[column.get(monomial, fmpq(0)) for column in columns] for monomial in basis]
        return list(basis), fmpq_mat(rows)

    # --- comparing and showing -------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Exact, int, Fraction)):
            return NotImplemented
        other = Exact(other)
        return self._terms == other._terms or (self - other).is_zero()

    def __hash__(self) -> int:
        if self._hash is None:
            value = self.as_fraction()
            self._hash = hash(value) if value is not None else hash(("Exact", (self * 2**20).floor()))
        return self._hash

    def __lt__(self, other: Exact | Rational) -> bool:
        return (self - other).sign() < 0

    def __le__(self, other: Exact | Rational) -> bool:
        return (self - other).sign() <= 0

    def __gt__(self, other: Exact | Rational) -> bool:
        return (self - other).sign() > 0

    def __ge__(self, other: Exact | Rational) -> bool:
        return (self - other).sign() >= 0

    def __abs__(self) -> Exact:
        return -self if self.sign() < 0 else self

    def __bool__(self) -> bool:
        return not self.is_zero()

    def floor(self) -> int:
        """The largest whole number that is not above it."""
        guess = round(Fraction(*map(int, _fraction_of_middle(self.ball(256)))))
        while self < guess:
            guess -= 1
        while self >= guess + 1:
            guess += 1
        return guess

    def __float__(self) -> float:
        value = self._terms.get(_ONE, fmpq(0)) if self._terms.keys() <= {_ONE} else None
        return float(_fraction(value)) if value is not None else float(self.ball(256))

    def unordered(self) -> Iterable[tuple[Monomial, fmpq]]:
        """Monomials with their coefficients, in no order that means anything."""
        return self._terms.items()

    def terms(self) -> tuple[tuple[Monomial, Fraction], ...]:
        """Monomials with their coefficients, in the order in which they are shown."""
        ordered = sorted(self._terms.items(), key=lambda term: _order(term[0]))
        return tuple((monomial, _fraction(c)) for monomial, c in ordered)

    def __str__(self) -> str:
        """A spelling in the language: `1/2`, `2/3 + 1/3*2^(1/3)`."""
        pieces: list[str] = []
        for monomial, c in self.terms():
            factors = [_show_power(atom, exponent) for atom, exponent in monomial]
            if abs(c) != 1 or not factors:
                factors.insert(0, str(abs(c)))
            sign = ("-" if c < 0 else "") if not pieces else (" - " if c < 0 else " + ")
            pieces.append(sign + "*".join(factors))
        return "".join(pieces) or "0"

    def __repr__(self) -> str:
        return f"Exact({self})"


def _fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _fraction_of_middle(ball: arb) -> tuple[int, int]:
    mantissa, exponent = ball.mid().man_exp()
    value = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return value.numerator, value.denominator


def _without_zero_roots(polynomial: fmpq_poly) -> list[fmpq]:
    coefficients = polynomial.coeffs()
    return coefficients[next(i for i, c in enumerate(coefficients) if c):]


def _order(monomial: Monomial) -> tuple[Any, ...]:
    return tuple((isinstance(atom, Exact), str(atom).rjust(40), exponent) for atom, exponent in monomial)


class _Hashed(tuple[tuple[Atom, Fraction], ...]):
    """A monomial that remembers its hash: the hash of a fraction is a power modulo a prime, and products look monomials up."""

    _hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = super().__hash__()
        return self._hash


_MONOMIALS: dict[Monomial, Monomial] = {}


def _kept(monomial: Monomial) -> Monomial:
    """The one object that stands for a monomial, so that looking it up compares nothing."""
    if len(_MONOMIALS) > 100_000:
        _MONOMIALS.clear()
    return _MONOMIALS.setdefault(monomial, _Hashed(monomial))


def _collect(powers: Mapping[Atom, Fraction]) -> Monomial:
    return _kept(tuple(sorted(((a, e) for a, e in powers.items() if e), key=lambda term: _order((term,)))))


_PRODUCTS: dict[tuple[Monomial, Monomial], dict[Monomial, fmpq]] = {}


def _product(m: Monomial, n: Monomial) -> dict[Monomial, fmpq]:
    """The product of two monomials: exponents add, whole powers of an atom are multiplied out."""
    if not m or not n:
        return {m or n: fmpq(1)}
    found = _PRODUCTS.get((m, n))
    if found is None:
        if len(_PRODUCTS) > 100_000:
            _PRODUCTS.clear()
        powers, whole = dict(m), Exact(1)
        for atom, exponent in n:
            total = powers.get(atom, Fraction(0)) + exponent
            if total >= 1:
                whole, total = whole * atom, total - 1
            powers[atom] = total
        reduced = Exact._of({_collect(powers): fmpq(1)})
        found = _PRODUCTS[m, n] = (reduced * whole)._terms if not whole._terms.keys() <= {_ONE} else {
            next(iter(reduced._terms)): whole._terms[_ONE]}
    return found


def _inverse_monomial(monomial: Monomial) -> Exact:
    # 1 / p^e = p^(1 - e) / p
    result = Exact(1)
    for atom, exponent in monomial:
        result = result * Exact._of({_kept(((atom, 1 - exponent),)): fmpq(1, int(atom))})  # type: ignore[arg-type]
    return result


def _root_of_rational(value: Fraction, degree: int) -> Exact:
    # (a / b)^(1/k) = (a b^(k-1))^(1/k) / b
    result = Exact(Fraction(1, 1))
    for whole, sign in ((value.numerator, 1), (value.denominator, -1)):
        for base, power in _factors(whole):
            exponent = Fraction(sign * power, degree)
            result = result * _power_of_atom(base, exponent)
    return result


def _power_of_atom(base: Atom, exponent: Fraction) -> Exact:
    whole = exponent.numerator // exponent.denominator
    rest = exponent - whole
    monomial: Monomial = _kept(((base, rest),)) if rest else _ONE
    power = Exact(base if isinstance(base, Exact) else Fraction(base)) ** whole
    return power * Exact._of({monomial: fmpq(1)})


def _factors(whole: int) -> Iterable[tuple[Atom, int]]:
    """Prime factors with their powers; what is left of a huge number stays one atom, compared by separation."""
    if whole.bit_length() <= MAX_RADICAND_BITS:
        return [(int(p), int(e)) for p, e in fmpz(whole).factor()]
    return [(Exact(whole), 1)]


def _show_power(atom: Atom, exponent: Fraction) -> str:
    whole = isinstance(atom, int) or atom._terms.keys() <= {_ONE}
    if exponent == Fraction(1, 2):
        return f"sqrt({atom})"
    return f"{atom}^({exponent})" if whole else f"({atom})^({exponent})"
