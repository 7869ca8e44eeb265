"""Elementwise functions and powers of forms."""
from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

from odenet.algebra import letters
from odenet.algebra.forms import Form, constant_vector, of_letter, of_scalar, of_vector_atom
from odenet.algebra.scalars import (
    Atom,
    Scalar,
    Unsupported,
    exponential,
    function_atom,
    leading,
    of_atom,
    power,
    rational,
)
from odenet.algebra.vectors import hadamard, word_factors
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS


class Signs(Protocol):
    """What splits a root over factors, and whether functions are written by a few basic ones."""

    uses_basics: bool

    def is_nonnegative(self, atom: Atom) -> bool: ...


def entry_power(t: Signs, base: Form, exponent: Fraction) -> Form:
    """The entrywise power of a scalar or vector."""
    if base.start != SCALAR:
        raise Unsupported("an entrywise power of a matrix")
    if base.end == SCALAR:
        return of_scalar(power(base.scalar(), exponent, t.is_nonnegative))
    if exponent.denominator == 1 and 0 <= exponent <= 12:
        total = constant_vector(base.end)
        for _ in range(int(exponent)):
            total = hadamard(total, base)
        return total
    if len(base.terms) == 1 and exponent.denominator == 1:
        word, scalar = base.terms[0]
        factors = tuple((atom, e * exponent) for atom, e in word_factors(word))
        vector = of_letter(letters.diag(factors, base.end)) @ constant_vector(base.end)
        return vector.scaled(power(scalar, exponent, t.is_nonnegative))
    atom = Atom("vector sum", (base,), f"({base.key})")
    return of_letter(letters.diag(((atom, exponent),), base.end)) @ constant_vector(base.end)


def applied(t: Signs, name: str, parameters: tuple[Fraction, ...], argument: Form) -> Form:
    """An elementwise function of a scalar or vector form."""
    if name == "square":
        return entry_power(t, argument, Fraction(2))
    if name == "sqrt":
        return entry_power(t, argument, Fraction(1, 2))
    if t.uses_basics and argument.terms:
        from odenet.algebra.basics import by_basics

        return by_basics(t, name, parameters, argument)
    return plainly(name, parameters, argument)


def plainly(name: str, parameters: tuple[Fraction, ...], argument: Form) -> Form:
    """The function as one atom."""
    if argument.end == SCALAR:
        return of_scalar(constant_function(name, parameters, argument.scalar()))
    if len(argument.terms) == 1 and [x.kind for x in argument.terms[0][0]] == ["ones"]:  # a constant vector s|1>
        return constant_vector(argument.end, constant_function(name, parameters, argument.terms[0][1]))
    if not argument.terms:
        return constant_vector(argument.end, constant_function(name, parameters, rational(0)))
    sign, inner = _with_parity(name, argument, lambda f: f.terms[0][1])
    return of_vector_atom(function_atom(name, parameters, inner), argument.end).scaled(rational(sign))


def _with_parity(name: str, argument: Form, first: Callable[[Form], Scalar]) -> tuple[int, Form]:
    parity = FUNCTIONS[name].parity
    if parity and leading(first(argument)) < 0:
        return (-1 if parity == "odd" else 1), -argument
    return 1, argument


def constant_function(name: str, parameters: tuple[Fraction, ...], argument: Scalar) -> Scalar:
    row = FUNCTIONS[name]
    if argument.is_zero():
        at_zero = _AT_ZERO.get(name)
        if at_zero is not None:
            return rational(at_zero)
    if name == "exp":
        return exponential(argument)
    value = argument.value()
    if value is not None and name in _ON_RATIONALS:
        return rational(_ON_RATIONALS[name](value, *parameters))
    sign = 1
    if row.parity and argument.terms and leading(argument) < 0:
        sign, argument = (-1 if row.parity == "odd" else 1), -argument
    return of_atom(function_atom(name, parameters, argument)).times(sign)


_AT_ZERO = {"sin": 0, "tan": 0, "tanh": 0, "relu": 0, "leaky_relu": 0, "elu": 0, "celu": 0, "atan": 0, "softsign": 0, "logcosh": 0,
            "abs": 0, "sign": 0, "cos": 1, "exp": 1, "silu": 0, "gelu": 0, "sinc": 1}


def vanishes_at_zero(name: str) -> bool:
    """Whether f(0) = 0, whatever the parameters of the function are."""
    return _AT_ZERO.get(name) == 0


_ON_RATIONALS: dict[str, Callable[..., Fraction]] = {
    "abs": abs,
    "relu": lambda z: max(z, Fraction(0)),
    "leaky_relu": lambda z, a: z if z > 0 else a * z,
    "threshold": lambda z: Fraction(z > 0),
    "sign": lambda z: Fraction((z > 0) - (z < 0)),
    "softsign": lambda z: z / (1 + abs(z)),
}

