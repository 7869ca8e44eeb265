"""Functions of scalars as multiples of their arguments: f(z) = s z with s between the least and the largest slope."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from odenet.algebra.evidence import Evidence
from odenet.algebra.functions import vanishes_at_zero
from odenet.algebra.intervals import REAL, Interval
from odenet.algebra.scalars import Atom, Scalar, of_atom
from odenet.algebra.substitution import replace
from odenet.algebra.translate import Translator
from odenet.ir.node import variable
from odenet.ir.sizes import SCALAR
from odenet.operators.functions import FUNCTIONS

Prove = Callable[[Scalar], Evidence | None]
MOST_SECANTS = 3


def by_secants(scalar: Scalar, prove: Prove) -> Evidence | None:
    """scalar >= 0 with each f(z), f(0) = 0, written as s z, or with one difference f(z) - f(w) as s (z - w); s is any slope of f.

    Source: the mean value theorem (for Lipschitz functions: the fundamental theorem of calculus).
    """
    for chosen in _choices(scalar):
        value, steps = scalar, []
        for i, (atom, other) in enumerate(chosen):
            secant = fresh(atom, i)
            value = replace(value, atom, _written(atom, other, secant))
            steps.append((atom, other, secant))
        found = prove(value)
        if found:
            for step in reversed(steps):
                found = Evidence("secant", step, (found,))
            return found
    return None


Choice = list[tuple[Atom, Atom | None]]


def _choices(scalar: Scalar) -> Iterator[Choice]:
    atoms = [a for a in scalar.atoms() if a.kind == "function" and isinstance(a.data[2], Scalar) and _is_continuous(a)]
    if any(a.kind == "secant" for a in scalar.atoms()) or not 0 < len(atoms) <= 2 * MOST_SECANTS:
        return
    centred = [a for a in atoms if vanishes_at_zero(a.data[0]) and FUNCTIONS[a.data[0]].domain == "all"]
    if centred and len(centred) <= MOST_SECANTS:
        yield [(a, None) for a in centred]
    for a in atoms:
        for b in atoms:
            if a < b and a.data[:2] == b.data[:2]:
                yield [(a, b)]


def _is_continuous(atom: Atom) -> bool:
    """A Lipschitz function (on each bounded interval of its domain, which has no gaps)."""
    row = FUNCTIONS[atom.data[0]]
    return row.smoothness != -1 and row.domain in ("all", "positive")


def fresh(atom: Atom, i: int) -> Atom:
    """The name of a slope of the atom's function."""
    name, parameters, _ = atom.data
    return Atom("secant", (name, parameters, i), f"secant {i} of {', '.join([name, *map(str, parameters)])}")


def _written(atom: Atom, other: Atom | None, secant: Atom) -> Scalar:
    argument: Scalar = atom.data[2]
    if other is None:
        return of_atom(secant) * argument
    start: Scalar = other.data[2]
    return of_atom(other) + of_atom(secant) * (argument - start)


def slopes(translator: Translator, name: str, parameters: tuple[Fraction, ...],
           enclosure: Callable[[Scalar], Interval]) -> Interval:
    """An interval that holds all slopes of a function, hence all its difference quotients."""
    row = FUNCTIONS[name]
    rising = Interval(Fraction(0), None) if row.increasing(*parameters) else REAL
    return enclosure(translator.bound({}).scalar(row.derivative(variable("any argument", SCALAR), *parameters))).meet(rising)
