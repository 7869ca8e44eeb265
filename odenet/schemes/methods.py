"""Runge-Kutta methods by name, as Butcher tables. What is true of a table is computed in `odenet.schemes.tables`."""
from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from odenet.ir.model import Table
from odenet.schemes.numbers import Exact, as_node

Entry = int | Fraction | Exact


def _f(text: str) -> list[Fraction]:
    return [Fraction(word) for word in text.split()]


def table(matrix: Sequence[Sequence[Entry]], weights: Sequence[Entry]) -> Table:
    """The table with this matrix and these weights; its nodes are the sums of the rows."""
    size = len(weights)
    rows = [[Exact(entry) for entry in row] + [Exact(0)] * (size - len(row)) for row in matrix]
    nodes = [sum(row, Exact(0)) for row in rows]
    return Table(tuple(map(as_node, nodes)), tuple(tuple(map(as_node, row)) for row in rows),
                 tuple(as_node(weight) for weight in weights))


def _gauss4() -> Table:
    # Hairer, Lubich, Wanner (2006), II.1.3, table 1.1
    s, q = Exact(3).root(2) / 6, Exact(Fraction(1, 4))
    return table([[q, q - s], [q + s, q]], _f("1/2 1/2"))


def _gauss6() -> Table:
    # the same place
    s = Exact(15).root(2)
    a, b, c = Exact(Fraction(5, 36)), Exact(Fraction(2, 9)), Exact(Fraction(5, 36))
    return table([[a, b - s / 15, c - s / 30], [a + s / 24, b, c - s / 24], [a + s / 30, b + s / 15, c]],
                 _f("5/18 4/9 5/18"))


def _sdirk3() -> Table:
    # Norsett (1974); Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I (1993), II.7, table 7.2
    g = (3 + Exact(3).root(2)) / 6
    return table([[g], [1 - 2 * g, g]], _f("1/2 1/2"))


TABLES: dict[str, Table] = {
    "euler": table([[]], [1]),
    # Hairer, Norsett, Wanner (1993), II.1 for the explicit ones
    "heun": table([[], [1]], _f("1/2 1/2")),
    "midpoint": table([[], _f("1/2")], [0, 1]),
    "heun3": table([[], _f("1/3"), _f("0 2/3")], _f("1/4 0 3/4")),
    "kutta3": table([[], _f("1/2"), _f("-1 2")], _f("1/6 2/3 1/6")),
    # Shu, Osher (1988), J. Comput. Phys. 77, 439-471
    "ssp3": table([[], [1], _f("1/4 1/4")], _f("1/6 1/6 2/3")),
    "rk4": table([[], _f("1/2"), _f("0 1/2"), [0, 0, 1]], _f("1/6 1/3 1/3 1/6")),
    "kutta38": table([[], _f("1/3"), _f("-1/3 1"), [1, -1, 1]], _f("1/8 3/8 3/8 1/8")),
    "implicit_euler": table([[1]], [1]),
    "implicit_midpoint": table([_f("1/2")], [1]),
    "trapezoidal": table([[], _f("1/2 1/2")], _f("1/2 1/2")),
    "sdirk3": _sdirk3(),
    # Hairer, Wanner, Solving Ordinary Differential Equations II (1996), IV.5, table 5.5
    "radau3": table([_f("5/12 -1/12"), _f("3/4 1/4")], _f("3/4 1/4")),
    "gauss4": _gauss4(),
    "gauss6": _gauss6(),
}


def named(name: str) -> Table | None:
    """The table of a method that ships with odenet, or None."""
    return TABLES.get(name)


def names() -> tuple[str, ...]:
    """The Runge-Kutta methods that ship with odenet, in the order in which they are listed to people."""
    return tuple(TABLES)
