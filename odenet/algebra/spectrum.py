"""Norms of words and intervals that hold the spectrum of symmetric sums of words, for symbolic sizes."""
from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from odenet.algebra.congruences import Square, squared
from odenet.algebra.forms import Form, of_letter, reverse, size_scalar
from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.letters import Letter, Word, entries, is_bra, word_key
from odenet.algebra.scalars import ONE, ZERO, Atom, Scalar, function_atom, of_atom, power, rational
from odenet.algebra.setting import Setting
from odenet.ir.sizes import Space, count


@dataclass(frozen=True)
class Spectrum:
    """All eigenvalues lie in [low, high]; None is unknown."""

    low: Scalar | None
    high: Scalar | None


def absolute(scalar: Scalar, setting: Setting) -> Scalar:
    """|s|, without bars where the sign is known."""
    if is_nonnegative(scalar, setting, 2):
        return scalar
    if is_nonnegative(-scalar, setting, 2):
        return -scalar
    return of_atom(function_atom("abs", (), scalar))


def largest(*items: Scalar) -> Scalar:
    """The maximum of scalars, as an atom unless all are numbers or one."""
    unique = tuple(sorted({s.key: s for s in items}.values(), key=lambda s: s.key))
    values = [s.value() for s in unique]
    if all(v is not None for v in values):
        return rational(max(v for v in values if v is not None))
    if len(unique) == 1:
        return unique[0]
    return of_atom(Atom("largest", unique, f"largest({', '.join(s.key for s in unique)})"))


# --- norms ------------------------------------------------------------------------------------------------------


def norm(form: Form, setting: Setting, order: str = "2") -> Scalar | None:
    """An upper bound of the operator norm (order "1", "2" or "inf"): submultiplicative on words, additive on sums."""
    total = ZERO
    for word, scalar in form.terms:
        bound = word_norm(word, setting, order)
        if bound is None:
            return None
        total = total + absolute(scalar, setting) * bound
    return total


def word_norm(word: Word, setting: Setting, order: str = "2") -> Scalar | None:
    total = ONE
    for letter in word:
        bound = letter_norm(letter, setting, order)
        if bound is None:
            return None
        total = total * bound
    return total


def letter_norm(letter: Letter, setting: Setting, order: str = "2") -> Scalar | None:
    """An upper bound of one letter's norm, or None."""
    if letter.kind == "diag":
        return _diagonal_norm(letter, setting)
    if letter.kind in ("embed", "unit"):
        return ONE
    if letter.kind == "softmax slope":  # each row has the absolute sum 2 s_i (1 - s_i) <= 1/2
        return rational(Fraction(1, 2))
    if letter.kind == "ones":
        return _ones_norm(letter.data[0], order, letter.is_transposed)
    if letter.kind == "matrix":
        return _matrix_norm(letter, setting, order)
    return None


def _diagonal_norm(letter: Letter, setting: Setting) -> Scalar | None:
    box = setting.entries_interval(entries(letter))
    if box.low is None or box.high is None:
        return None
    return rational(max(abs(box.low), abs(box.high)))


def _ones_norm(space: Space, order: str, is_transposed: bool) -> Scalar:
    # |1> : |.| -> |.|_p has norm n^(1/p); <1| the dual one
    n = size_scalar(count(space))
    if order == "2":
        return power(n, Fraction(1, 2), lambda atom: atom.kind in ("dim", "prime"))
    is_long = (order == "1") != is_transposed
    return n if is_long else ONE


def _matrix_norm(letter: Letter, setting: Setting, order: str) -> Scalar | None:
    if order == "2":
        if "orthogonal" in letter.facts or {"rows sum to one", "columns sum to one", "nonnegative"} <= letter.facts:
            return ONE  # doubly stochastic: |P|_2^2 <= |P|_1 |P|_inf = 1 (Riesz-Thorin)
        item = setting.model.parameter(letter.data[0]).set_named("norm")
        return None if item is None else setting.translator.scalar(item.arguments[0])
    wanted = "rows sum to one" if order == "inf" else "columns sum to one"
    return ONE if {wanted, "nonnegative"} <= letter.facts else None


# --- spectra ----------------------------------------------------------------------------------------------------


def spectrum(form: Form, setting: Setting) -> Spectrum:
    """An interval for the spectrum of a symmetric form.

    Words R' M R with the same R are added up in the middle; the others count by their norm. Weyl's inequality: the largest
    eigenvalue of a sum is at most the sum of the largest eigenvalues.
    """
    middles: dict[str, tuple[Word, Spectrum]] = {}
    squares, form = squared(form)
    total = Spectrum(ZERO, ZERO)
    for square in squares:
        total = _sum(total, _of_square(square, setting))
    for word, scalar in form.terms:
        split = _split(word, setting)
        if split is None:
            bound = word_norm(word, setting)
            loose = Spectrum(None, None) if bound is None else Spectrum(-bound, bound)
            total = _sum(total, _scaled(scalar, loose, setting))
            continue
        right, middle = split
        key = word_key(right)
        known = middles.get(key, (right, Spectrum(ZERO, ZERO)))[1]
        middles[key] = (right, _sum(known, _scaled(scalar, middle, setting)))
    for _, (right, middle) in sorted(middles.items()):
        total = _sum(total, _congruence(right, middle, setting))
    return total


def half_sum(form: Form) -> Form:
    """The symmetric part."""
    return (form + form.T).scaled(rational(Fraction(1, 2)))


def _of_square(square: Square, setting: Setting) -> Spectrum:
    """c R' M R, with |R|^2 <= |R R'|"""
    middle = Spectrum(ONE, ONE) if square.middle is None else _center(square.middle, setting)
    most = norm(square.right @ square.right.T, setting)
    low = _end(middle.low, ZERO, most, setting, is_low=True)
    return _scaled(square.coefficient, Spectrum(low, _end(middle.high, ZERO, most, setting, is_low=False)), setting)


def block_spectrum(grid: list[list[Form]], setting: Setting) -> Spectrum:
    """An interval for the spectrum of the symmetric part of a matrix of blocks.

    Off-diagonal blocks add at most their norm to each of the two diagonal blocks that they join (Gershgorin for blocks).
    """
    lows: list[Scalar | None] = []
    highs: list[Scalar | None] = []
    for i, row in enumerate(grid):
        own = spectrum(half_sum(row[i]), setting)
        reach: Scalar | None = ZERO
        for j in range(len(grid)):
            if j != i:
                size = norm((row[j] + grid[j][i].T).scaled(rational(Fraction(1, 2))), setting)
                reach = None if reach is None or size is None else reach + size
        lows.append(None if own.low is None or reach is None else own.low - reach)
        highs.append(None if own.high is None or reach is None else own.high + reach)
    low = None if None in lows else -largest(*(-x for x in lows if x is not None))
    high = None if None in highs else largest(*(x for x in highs if x is not None))
    return Spectrum(low, high)


def _sum(one: Spectrum, other: Spectrum) -> Spectrum:
    low = None if one.low is None or other.low is None else one.low + other.low
    high = None if one.high is None or other.high is None else one.high + other.high
    return Spectrum(low, high)


def _scaled(scalar: Scalar, one: Spectrum, setting: Setting) -> Spectrum:
    def times(end: Scalar | None) -> Scalar | None:
        return None if end is None else scalar * end

    if is_nonnegative(scalar, setting, 3):
        return Spectrum(times(one.low), times(one.high))
    if is_nonnegative(-scalar, setting, 3):
        return Spectrum(times(one.high), times(one.low))
    if one.low is not None and one.low == one.high:
        return Spectrum(times(one.low), times(one.high))
    if one.low is None or one.high is None:
        return Spectrum(None, None)
    ends = (scalar * one.low, scalar * one.high)
    return Spectrum(-largest(*(-end for end in ends)), largest(*ends))


def _split(word: Word, setting: Setting) -> tuple[Word, Spectrum] | None:
    """A symmetric word as R' M R: R and the spectrum of M. None when it is not symmetric."""
    sign, flipped = reverse(word)
    if flipped != word or sign < 0:
        return None
    half = len(word) // 2
    right = word[half:] if len(word) % 2 == 0 else word[half + 1:]
    outer, left = reverse(right)
    if left != word[:half]:
        return None
    middle = Spectrum(ONE, ONE) if len(word) % 2 == 0 else _center(word[half], setting)
    if outer > 0:
        return right, middle
    return right, Spectrum(None if middle.high is None else -middle.high, None if middle.low is None else -middle.low)


def _congruence(right: Word, middle: Spectrum, setting: Setting) -> Spectrum:
    """The spectrum of R' M R from that of M and the extreme singular values of R."""
    if not right:
        return middle
    squared, least = squared_norm(right, setting), squared_least(right)
    low = _end(middle.low, least, squared, setting, is_low=True)
    return Spectrum(low, _end(middle.high, least, squared, setting, is_low=False))


def _end(end: Scalar | None, least: Scalar, squared: Scalar | None, setting: Setting, is_low: bool) -> Scalar | None:
    """One end of the spectrum of R' M R.

    high R'R <= high s_min^2 where high <= 0, and <= high s_max^2 where high >= 0; the larger of both where the sign is not
    known. The same for the low end, turned round.
    """
    if end is None:
        return None
    if is_nonnegative(end if is_low else -end, setting, 2):
        return end * least
    if squared is None:
        return None
    if is_nonnegative(-end if is_low else end, setting, 2):
        return end * squared
    ends = (end * least, end * squared)
    return -largest(*(-x for x in ends)) if is_low else largest(*ends)


def _center(letter: Letter, setting: Setting) -> Spectrum:
    if letter.kind == "diag":
        box = setting.entries_interval(entries(letter))
        return Spectrum(None if box.low is None else rational(box.low), None if box.high is None else rational(box.high))
    bound = letter_norm(letter, setting)
    low = ZERO if "psd" in letter.facts else None if bound is None else -bound
    return Spectrum(low, bound)


def squared_norm(word: Word, setting: Setting) -> Scalar | None:
    """An upper bound of |R|^2; exact for R = <1|…, whose R R' is a scalar."""
    if not word:
        return ONE
    if is_bra(word[0]):
        sign, flipped = reverse(word)
        total = of_letter(word[0])
        for letter in (*word[1:], *flipped):
            total = total @ of_letter(letter)
        return total.scalar().times(sign)
    bound = word_norm(word, setting)
    return None if bound is None else bound * bound


def squared_least(word: Word) -> Scalar:
    """A lower bound of the least squared singular value of R: 1 for products of isometries (A'A = I), else 0."""
    return ONE if all(_is_isometry(letter) for letter in word) else ZERO


def _is_isometry(letter: Letter) -> bool:
    if letter.kind == "embed" and not letter.is_transposed:
        return True
    return letter.kind == "matrix" and "orthogonal" in letter.facts and bool(letter.facts & {"tall", "square"})


