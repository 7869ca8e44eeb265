"""Butcher tables and compositions as published, with their orders, for the tests beside this file."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction as F

from odenet.ir.model import Table
from odenet.schemes.lifting import merge
from odenet.schemes.methods import table
from odenet.schemes.numbers import Exact

Stages = list[tuple[int, Exact]]


@dataclass(frozen=True)
class Published:
    """`order` of a table, whether it is symplectic and whether symmetric, and where it is printed."""

    table: Table
    order: int
    source: str
    is_symplectic: bool = False
    is_symmetric: bool = False


def row(text: str) -> list[F]:
    return [F(word) for word in text.split()]


def root(whole: int) -> Exact:
    return Exact(whole).root(2)


S3, S5, S6, S15, S21, S30 = map(root, (3, 5, 6, 15, 21, 30))
HNW = "Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I (1993), "
HW = "Hairer, Wanner, Solving Ordinary Differential Equations II (1996), "
_DP = "35/384 0 500/1113 125/192 -2187/6784 11/84"


def _gauss8() -> Table:
    """Four stages, nodes with nested roots. Butcher, Math. Comp. 18 (1964) 50-64."""
    a, b = F(1, 8) - S30 / 144, F(1, 8) + S30 / 144
    c, d = ((15 + 2 * S30) / 35).root(2) / 2, ((15 - 2 * S30) / 35).root(2) / 2
    c3, d3 = c * (F(1, 6) + S30 / 24), d * (F(1, 6) - S30 / 24)
    c4, d4 = c * (F(1, 21) + 5 * S30 / 168), d * (F(1, 21) - 5 * S30 / 168)
    c5, d5 = c - 2 * c3, d - 2 * d3
    return table([[a, b - c3 + d4, b - c3 - d4, a - c5], [a - d3 + c4, b, b - d5, a - d3 - c4],
                  [a + d3 + c4, b + d5, b, a + d3 - c4], [a + c5, b + c3 + d4, b + c3 - d4, a]],
                 [2 * a, 2 * b, 2 * b, 2 * a])


def _cooper_verner8() -> Table:
    """Eleven stages, order 8. Cooper, Verner, SIAM J. Numer. Anal. 9 (1972) 389-405."""
    s = S21
    return table([
        [], [F(1, 2)], [F(1, 4), F(1, 4)], [F(1, 7), (-7 - 3 * s) / 98, (21 + 5 * s) / 49],
        [(11 + s) / 84, 0, (18 + 4 * s) / 63, (21 - s) / 252],
        [(5 + s) / 48, 0, (9 + s) / 36, (-231 + 14 * s) / 360, (63 - 7 * s) / 80],
        [(10 - s) / 42, 0, (-432 + 92 * s) / 315, (633 - 145 * s) / 90, (-504 + 115 * s) / 70, (63 - 13 * s) / 35],
        [F(1, 14), 0, 0, 0, (14 - 3 * s) / 126, (13 - 3 * s) / 63, F(1, 9)],
        [F(1, 32), 0, 0, 0, (91 - 21 * s) / 576, F(11, 72), (-385 - 75 * s) / 1152, (63 + 13 * s) / 128],
        [F(1, 14), 0, 0, 0, F(1, 9), (-733 - 147 * s) / 2205, (515 + 111 * s) / 504, (-51 - 11 * s) / 56, (132 + 28 * s) / 245],
        [0, 0, 0, 0, (-42 + 7 * s) / 18, (-18 + 28 * s) / 45, (-273 - 53 * s) / 72, (301 + 53 * s) / 72, (28 - 28 * s) / 45,
         (49 - 7 * s) / 18],
    ], [F(1, 20), 0, 0, 0, 0, 0, 0, F(49, 180), F(16, 45), F(49, 180), F(1, 20)])


def _composed() -> Table:
    """The triple jump of the implicit midpoint rule as a diagonally implicit table, with cube roots of 2.

    Sanz-Serna, Abia, SIAM J. Numer. Anal. 28 (1991) 1081-1096."""
    a = (2 - Exact(2) ** F(1, 3)).inverse()
    return table([[a / 2], [a, F(1, 2) - a], [a, 1 - 2 * a, a / 2]], [a, 1 - 2 * a, a])


TABLES = {
    "kutta 5": Published(table([[], row("1/5"), row("0 2/5"), row("9/4 -5 15/4"), row("-63/100 9/5 -13/20 2/25"),
                                row("-6/25 4/5 2/15 8/75 0")], row("17/144 0 100/144 2/144 -50/144 75/144")), 5,
                         HNW + "II.5, Kutta (1901) as corrected by Nystrom (1925)"),
    "butcher 5": Published(table([[], row("1/4"), row("1/8 1/8"), row("0 0 1/2"), row("3/16 -3/8 3/8 9/16"),
                                  row("-3/7 8/7 6/7 -12/7 8/7")], row("7/90 0 32/90 12/90 32/90 7/90")), 5,
                           "Butcher, Numerical Methods for Ordinary Differential Equations (2016), section 325"),
    "fehlberg 5": Published(table([[], row("1/4"), row("3/32 9/32"), row("1932/2197 -7200/2197 7296/2197"),
                                   row("439/216 -8 3680/513 -845/4104"), row("-8/27 2 -3544/2565 1859/4104 -11/40")],
                                  row("16/135 0 6656/12825 28561/56430 -9/50 2/55")), 5, HNW + "II.4, table 4.6"),
    "fehlberg 4": Published(table([[], row("1/4"), row("3/32 9/32"), row("1932/2197 -7200/2197 7296/2197"),
                                   row("439/216 -8 3680/513 -845/4104")], row("25/216 0 1408/2565 2197/4104 -1/5")), 4,
                            HNW + "II.4, table 4.6"),
    "dormand prince 5": Published(table([[], row("1/5"), row("3/40 9/40"), row("44/45 -56/15 32/9"),
                                         row("19372/6561 -25360/2187 64448/6561 -212/729"),
                                         row("9017/3168 -355/33 46732/5247 49/176 -5103/18656"), row(_DP)], row(_DP + " 0")),
                                  5, HNW + "II.5, table 5.2"),
    "dormand prince 4": Published(table([[], row("1/5"), row("3/40 9/40"), row("44/45 -56/15 32/9"),
                                         row("19372/6561 -25360/2187 64448/6561 -212/729"),
                                         row("9017/3168 -355/33 46732/5247 49/176 -5103/18656"), row(_DP)],
                                        row("5179/57600 0 7571/16695 393/640 -92097/339200 187/2100 1/40")), 4,
                                  HNW + "II.5, table 5.2, the embedded weights"),
    "butcher 6": Published(table([[], row("1/3"), row("0 2/3"), row("1/12 1/3 -1/12"), row("-1/16 9/8 -3/16 -3/8"),
                                  row("0 9/8 -3/8 -3/4 1/2"), row("9/44 -9/11 63/44 18/11 0 -16/11")],
                                 row("11/120 0 27/40 27/40 -4/15 -4/15 11/120")), 6, HNW + "II.5, (5.5'), Butcher (1964)"),
    "cooper verner 8": Published(_cooper_verner8(), 8, "Cooper, Verner (1972)"),
    "gauss 8": Published(_gauss8(), 8, "Butcher (1964)", True, True),
    "radau IA 3": Published(table([row("1/4 -1/4"), row("1/4 5/12")], row("1/4 3/4")), 3, HW + "IV.5, table 5.3"),
    "radau IIA 5": Published(table([
        [(88 - 7 * S6) / 360, (296 - 169 * S6) / 1800, (-2 + 3 * S6) / 225],
        [(296 + 169 * S6) / 1800, (88 + 7 * S6) / 360, (-2 - 3 * S6) / 225], [(16 - S6) / 36, (16 + S6) / 36, F(1, 9)]],
        [(16 - S6) / 36, (16 + S6) / 36, F(1, 9)]), 5, HW + "IV.5, table 5.6"),
    "lobatto IIIA 4": Published(table([row("0 0 0"), row("5/24 1/3 -1/24"), row("1/6 2/3 1/6")], row("1/6 2/3 1/6")), 4,
                                HW + "IV.5, table 5.7", is_symmetric=True),
    "lobatto IIIB 4": Published(table([row("1/6 -1/6 0"), row("1/6 1/3 0"), row("1/6 5/6 0")], row("1/6 2/3 1/6")), 4,
                                HW + "IV.5, table 5.9", is_symmetric=True),
    "lobatto IIIC 2": Published(table([row("1/2 -1/2"), row("1/2 1/2")], row("1/2 1/2")), 2, HW + "IV.5, table 5.11"),
    "lobatto IIIC 4": Published(table([row("1/6 -1/3 1/6"), row("1/6 5/12 -1/12"), row("1/6 2/3 1/6")], row("1/6 2/3 1/6")), 4,
                                HW + "IV.5, table 5.11"),
    "lobatto IIIA 6": Published(table([
        [0, 0, 0, 0], [(11 + S5) / 120, (25 - S5) / 120, (25 - 13 * S5) / 120, (-1 + S5) / 120],
        [(11 - S5) / 120, (25 + 13 * S5) / 120, (25 + S5) / 120, (-1 - S5) / 120], row("1/12 5/12 5/12 1/12")],
        row("1/12 5/12 5/12 1/12")), 6, HW + "IV.5, table 5.8", is_symmetric=True),
    "lobatto IIIC 6": Published(table([
        [F(1, 12), -S5 / 12, S5 / 12, F(-1, 12)], [F(1, 12), F(1, 4), (10 - 7 * S5) / 60, S5 / 60],
        [F(1, 12), (10 + 7 * S5) / 60, F(1, 4), -S5 / 60], row("1/12 5/12 5/12 1/12")], row("1/12 5/12 5/12 1/12")), 6,
        HW + "IV.5, table 5.12"),
    "sdirk 2, stiffly accurate": Published(table([[1 - root(2) / 2], [root(2) / 2, 1 - root(2) / 2]],
                                                 [root(2) / 2, 1 - root(2) / 2]), 2, "Alexander, SIAM J. Numer. Anal. 14 (1977)"),
    "midpoint rules, three": Published(_composed(), 4, "Sanz-Serna, Abia (1991)", True, True),
}


# --- compositions ---------------------------------------------------------------------------------------------------------


def strangs(*lengths: Exact | F) -> Stages:
    """Strang steps of these lengths one after the other."""
    return merge(((part, Exact(c)) for w in lengths for part, c in ((0, Exact(w) / 2), (1, w), (0, Exact(w) / 2))), {0, 1})


def mirrored(*outer: F) -> list[F]:
    """Lengths with the one in the middle that makes their sum one."""
    return [*outer, 1 - 2 * sum(outer), *reversed(outer)]


def fractal(stages: Stages, order: int) -> Stages:
    """Suzuki's five copies: from an even order to the next. Suzuki, Phys. Lett. A 146 (1990) 319-323."""
    long = (4 - Exact(4) ** F(1, order + 1)).inverse()
    return merge(((part, c * by) for by in (long, long, 1 - 4 * long, long, long) for part, c in stages), {0, 1})


# Printed as decimals only: of their order up to rounding, exactly of order 2. (lengths, order meant, source)
ROUNDED = {
    "yoshida 6, A": (mirrored(F("0.784513610477560"), F("0.235573213359357"), F("-1.17767998417887")), 6,
                     "Yoshida, Phys. Lett. A 150 (1990) 262-268, table 1"),
    "yoshida 8, D": (mirrored(F("0.914844246229740"), F("0.253693336566229"), F("-1.44485223686048"), F("-0.158240635368243"),
                              F("1.93813913762276"), F("-1.96061023297549"), F("0.102799849391985")), 8,
                     "Yoshida, Phys. Lett. A 150 (1990) 262-268, table 2"),
}
