"""Norms and spectra of words, for symbolic sizes. Signs are looked up among the lemmas of the certificate."""
from __future__ import annotations

from fractions import Fraction
from functools import reduce

from odenet.ir.sizes import SCALAR, count
from odenet.recheck.congruences import squared
from odenet.recheck.reading import Reader
from odenet.recheck.scalars import Rejected, Scalar, Symbol, Word, number, power
from odenet.recheck.signs import Signs
from odenet.recheck.words import Form, reverse, size_scalar

Bound = Scalar | None
ZERO, ONE, HALF = number(0), number(1), Fraction(1, 2)


class Bounds:
    """Bounds under the assumptions of one claim; None is unknown."""

    def __init__(self, reader: Reader, signs: Signs) -> None:
        self.reader, self.signs = reader, signs

    def absolute(self, s: Scalar) -> Scalar:
        if self.signs.holds(s, 2):
            return s
        return -s if self.signs.holds(-s, 2) else self.reader.constant("abs", (), s)

    def root(self, square: Scalar) -> Scalar:
        return ONE if square.value() == 1 else power(self.reader.table, square, HALF, lambda _: False)

    # --- norms ----------------------------------------------------------------------------------------------------

    def norm(self, form: Form, order: str = "2") -> Bound:
        """|sum of c_k W_k| <= sum of |c_k| |W_k|"""
        total = ZERO
        for word, c in form.terms.items():
            bound = self.word(word, order)
            if bound is None:
                return None
            total = total + self.absolute(c) * bound
        return total

    def word(self, word: Word, order: str = "2") -> Bound:
        """Norms are submultiplicative."""
        total = ONE
        for letter in word:
            bound = self.letter(letter, order)
            if bound is None:
                return None
            total = total * bound
        return total

    def letter(self, x: Symbol, order: str = "2") -> Bound:
        kind = x.kind.rstrip("'")
        if kind == "diag":
            low, high = self.signs.entries(x.data[0])
            return None if low is None or high is None else number(max(abs(low), abs(high)))
        if kind in ("embed", "unit"):
            return ONE
        if kind == "softmax slope":  # D(s) - s s': each row has the absolute sum 2 s_i (1 - s_i) <= 1/2
            return number(HALF)
        if kind == "ones":
            n = size_scalar(self.reader.table, count(x.start if x.is_bra else x.end))
            if order == "2":
                return power(self.reader.table, n, HALF, lambda s: s.kind in ("dim", "prime"))
            return n if (order == "1") != x.is_bra else ONE
        return self._matrix(x, order) if kind == "matrix" else None

    def _matrix(self, x: Symbol, order: str) -> Bound:
        if order != "2":
            return ONE if {"rows sum to one" if order == "inf" else "columns sum to one", "nonnegative"} <= x.facts else None
        if "orthogonal" in x.facts or {"rows sum to one", "columns sum to one", "nonnegative"} <= x.facts:
            return ONE  # doubly stochastic: |P|_2^2 <= |P|_1 |P|_inf = 1
        item = self.reader.model.parameter(x.data[0]).set_named("norm")
        return None if item is None else self.reader.scalar(item.arguments[0])

    def is_balanced(self, word: Word, order: str) -> bool:
        """Whether -L (a Laplacian) beside diagonals D >= 0 has rows (D … L, norm inf) or columns (L … D, norm 1) of measure 0.

        Each row of -L has the sum 0 and its only negative entry on the diagonal: -L_ii + sum of |L_ij| = 0; columns likewise.
        """
        last, others = (word[-1], word[:-1]) if order == "inf" else (word[0], word[1:])
        if not {"metzler negative", "rows sum to zero" if order == "inf" else "columns sum to zero"} <= last.facts:
            return False
        lows = [self.signs.entries(x.data[0])[0] if x.kind == "diag" else None for x in others]
        return all(low is not None and low >= 0 for low in lows)

    # --- spectra of symmetric forms ---------------------------------------------------------------------------------

    def spectrum(self, form: Form) -> tuple[Bound, Bound]:
        """Both ends of the spectrum: words R'MR with one R are added in the middle, others count by their norm (Weyl)."""
        middles: dict[Word, tuple[Bound, Bound]] = {}
        total: tuple[Bound, Bound] = (ZERO, ZERO)
        squares, form = squared(form)
        for c, middle_of, right_of in squares:
            low, high = (ONE, ONE) if middle_of is None else self._center(middle_of)
            total = _plus(total, self._scaled(c, self._between(low, high, ZERO, self.norm(right_of @ right_of.T))))
        for word, c in form.terms.items():
            split = self._split(word)
            if split is None:
                bound = self.word(word)
                total = _plus(total, self._scaled(c, (None if bound is None else -bound, bound)))
            else:
                right, middle = split
                middles[right] = _plus(middles.get(right, (ZERO, ZERO)), self._scaled(c, middle))
        return reduce(_plus, [self._congruence(right, middle) for right, middle in middles.items()], total)

    def _scaled(self, c: Scalar, ends: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
        low, high = ends
        one, other = (None if end is None else c * end for end in ends)
        if self.signs.holds(c, 3):
            return one, other
        if self.signs.holds(-c, 3):
            return other, one
        if one is None or other is None or low == high:
            return (one, other) if low is not None and low == high else (None, None)
        return -self.reader.largest(-one, -other), self.reader.largest(one, other)

    def _split(self, word: Word) -> tuple[Word, tuple[Bound, Bound]] | None:
        """A symmetric word as R' M R: R and the spectrum of M."""
        sign, flipped = reverse(word)
        if flipped != word or sign < 0:
            return None
        half, odd = divmod(len(word), 2)
        right = word[half + odd:]
        outer, left = reverse(right)
        if left != word[:half]:
            return None
        low, high = self._center(word[half]) if odd else (ONE, ONE)
        return right, (low, high) if outer > 0 else (None if high is None else -high, None if low is None else -low)

    def _center(self, x: Symbol) -> tuple[Bound, Bound]:
        if x.kind == "diag":
            low, high = self.signs.entries(x.data[0])
            return None if low is None else number(low), None if high is None else number(high)
        bound = self.letter(x)
        return ZERO if "psd" in x.facts else None if bound is None else -bound, bound

    def _congruence(self, right: Word, middle: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
        """R'MR: each end times the least or the largest squared singular value of R, whichever is the worse."""
        if not right:
            return middle
        isometry = all((x.kind == "embed") or (x.kind.rstrip("'") == "matrix" and "orthogonal" in x.facts
                                               and bool(x.facts & {"tall", "square"})) for x in right)
        return self._between(*middle, ONE if isometry else ZERO, self._squared(right))

    def _between(self, low: Bound, high: Bound, least: Scalar, most: Bound) -> tuple[Bound, Bound]:
        end = self._end(None if low is None else -low, least, most)
        return None if end is None else -end, self._end(high, least, most)

    def _end(self, high: Bound, least: Scalar, most: Bound) -> Bound:
        if high is None:
            return None
        if self.signs.holds(-high, 2):
            return high * least
        if most is None:
            return None
        return high * most if self.signs.holds(high, 2) else self.reader.largest(high * least, high * most)

    def _squared(self, word: Word) -> Bound:
        if word[0].is_bra:  # R R' is a scalar
            sign, flipped = reverse(word)
            return Form(self.reader.table, SCALAR, SCALAR, [(word + flipped, number(sign))]).scalar()
        bound = self.word(word)
        return None if bound is None else bound * bound


def _plus(a: tuple[Bound, Bound], b: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
    return (None if a[0] is None or b[0] is None else a[0] + b[0], None if a[1] is None or b[1] is None else a[1] + b[1])


def known(bound: Bound, what: str) -> Scalar:
    if bound is None:
        raise Rejected(f"no bound is known for {what}")
    return bound
