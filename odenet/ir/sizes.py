"""Symbolic sizes: polynomials in the dims with rational coefficients, and the spaces made of them."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Union

# A monomial is a sorted tuple of (dim, exponent); a size is a sorted tuple of (monomial, coefficient).
Monomial = tuple[tuple[str, int], ...]


def _multiply_monomials(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for name, exponent in b:
        powers[name] = powers.get(name, 0) + exponent
    return tuple(sorted((name, exponent) for name, exponent in powers.items() if exponent))


@dataclass(frozen=True, slots=True)
class Size:
    """A polynomial in dims. Equal sizes are equal objects: `2*n == n + n`."""

    terms: tuple[tuple[Monomial, Fraction], ...] = ()

    @staticmethod
    def collect(terms: Mapping[Monomial, Fraction]) -> Size:
        return Size(tuple(sorted((m, Fraction(c)) for m, c in terms.items() if c)))

    @staticmethod
    def number(value: int | Fraction) -> Size:
        return Size.collect({(): Fraction(value)})

    @staticmethod
    def dim(name: str) -> Size:
        return Size((((((name, 1),)), Fraction(1)),))

    def __add__(self, other: Size) -> Size:
        total = dict(self.terms)
        for monomial, coefficient in other.terms:
            total[monomial] = total.get(monomial, Fraction(0)) + coefficient
        return Size.collect(total)

    def __neg__(self) -> Size:
        return Size(tuple((m, -c) for m, c in self.terms))

    def __sub__(self, other: Size) -> Size:
        return self + -other

    def __mul__(self, other: Size) -> Size:
        total: dict[Monomial, Fraction] = {}
        for m, c in self.terms:
            for k, d in other.terms:
                key = _multiply_monomials(m, k)
                total[key] = total.get(key, Fraction(0)) + c * d
        return Size.collect(total)

    def scaled(self, factor: Fraction) -> Size:
        return Size.collect({m: c * factor for m, c in self.terms})

    def constant(self) -> Fraction | None:
        """Its value when no dim occurs in it, else None."""
        if not self.terms:
            return Fraction(0)
        if len(self.terms) == 1 and self.terms[0][0] == ():
            return self.terms[0][1]
        return None

    def dims(self) -> frozenset[str]:
        return frozenset(name for monomial, _ in self.terms for name, _ in monomial)

    def evaluate(self, values: Mapping[str, int]) -> Fraction:
        """Its value at given dims. Raises KeyError for a dim without one."""
        total = Fraction(0)
        for monomial, coefficient in self.terms:
            product = coefficient
            for name, exponent in monomial:
                product *= Fraction(values[name]) ** exponent
            total += product
        return total

    def substitute(self, values: Mapping[str, Size]) -> Size:
        total = Size()
        for monomial, coefficient in self.terms:
            product = Size.number(coefficient)
            for name, exponent in monomial:
                for _ in range(exponent):
                    product = product * values.get(name, Size.dim(name))
            total = total + product
        return total

    def at_least(self, other: Size) -> bool:
        """Whether self >= other for all dims >= 1, shown by nonnegative coefficients after n = 1 + n'."""
        shifted = (self - other).substitute({d: Size.number(1) + Size.dim(d) for d in (self - other).dims()})
        return all(coefficient >= 0 for _, coefficient in shifted.terms)

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        pieces: list[str] = []
        ordered = sorted(self.terms, key=lambda term: (-sum(e for _, e in term[0]), term[0]))
        for monomial, coefficient in ordered:
            factors = [name if e == 1 else f"{name}^{e}" for name, e in monomial]
            magnitude = abs(coefficient)
            if magnitude != 1 or not factors:
                if magnitude.denominator == 1 or not factors:
                    factors.insert(0, str(magnitude))
                else:
                    if magnitude.numerator != 1:
                        factors.insert(0, str(magnitude.numerator))
                    factors[-1] += f"/{magnitude.denominator}"
            text = "*".join(factors)
            sign = "-" if coefficient < 0 else "+"
            pieces.append(f"{'-' if sign == '-' else ''}{text}" if not pieces else f" {sign} {text}")
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Space:
    """R (rank 0), R[n] (rank 1), R[m, n] (rank 2, also a linear map from R[n] to R[m]), R[c, h, w] (rank 3)."""

    sizes: tuple[Size, ...] = ()

    @property
    def rank(self) -> int:
        return len(self.sizes)

    def __str__(self) -> str:
        return "R" if not self.sizes else f"R[{', '.join(map(str, self.sizes))}]"


@dataclass(frozen=True, slots=True)
class MapSpace:
    """Linear maps between spaces that are not written as a matrix: a convolution seen at one use of it."""

    domain: Space
    codomain: Space

    def __str__(self) -> str:
        return f"maps {self.domain} -> {self.codomain}"


AnySpace = Union[Space, MapSpace]
SCALAR = Space()


def count(space: Space) -> Size:
    """The number of entries of a tensor of this space."""
    total = Size.number(1)
    for size in space.sizes:
        total = total * size
    return total


def domain(space: AnySpace) -> Space:
    """Where a linear map starts. A matrix R[m, n] starts at R[n]."""
    return space.domain if isinstance(space, MapSpace) else Space(space.sizes[1:])


def codomain(space: AnySpace) -> Space:
    """Where a linear map ends. A matrix R[m, n] ends in R[m]."""
    return space.codomain if isinstance(space, MapSpace) else Space(space.sizes[:1])


def is_map(space: AnySpace) -> bool:
    return isinstance(space, MapSpace) or space.rank == 2


def transposed(space: AnySpace) -> AnySpace:
    if isinstance(space, MapSpace):
        return MapSpace(space.codomain, space.domain)
    return Space((space.sizes[1], space.sizes[0]))
