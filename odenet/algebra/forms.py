"""Forms: sums of words with scalars in front, in normal form. Maps, vectors and scalars are all forms."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from odenet.algebra import letters
from odenet.algebra.letters import Letter, Word, entries, is_bra, is_ket, word_key
from odenet.algebra.scalars import (
    MOST_TERMS,
    ONE,
    UNIT,
    ZERO,
    Atom,
    Monomial,
    Scalar,
    TooLarge,
    is_identically_zero,
    of_atom,
    rational,
    without_steps,
)
from odenet.ir.sizes import SCALAR, Size, Space, count


@dataclass(frozen=True, eq=False)
class Form:
    """A linear map from `start` to `end` as a sum of words. `terms` is sorted by word and free of zeros.

    A vector of a space has start R; a scalar has start and end R.
    """

    start: Space
    end: Space
    terms: tuple[tuple[Word, Scalar], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", None)

    @property
    def key(self) -> str:
        if self._key is None:  # type: ignore[attr-defined]
            text = " + ".join(f"({c.key}) {word_key(w)}" for w, c in self.terms) or "0"
            object.__setattr__(self, "_key", text)
        return self._key  # type: ignore[attr-defined, no-any-return]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and self.key == other.key and (self.start, self.end) == (other.start, other.end)

    def __hash__(self) -> int:
        return hash(self.key)

    def __add__(self, other: Form) -> Form:
        assert (self.start, self.end) == (other.start, other.end), (self.start, self.end, other.start, other.end)
        total = dict(self.terms)
        for word, scalar in other.terms:
            total[word] = total.get(word, ZERO) + scalar
        return gather(self.start, self.end, total)

    def __neg__(self) -> Form:
        return Form(self.start, self.end, tuple((w, -c) for w, c in self.terms))

    def __sub__(self, other: Form) -> Form:
        return self + -other

    def __matmul__(self, other: Form) -> Form:
        """The product of maps: self after other."""
        assert self.start == other.end, (self.start, other.end)
        if len(self.terms) * len(other.terms) > MOST_TERMS:
            raise TooLarge("a product of sums of words")
        pieces: list[tuple[Word, Scalar]] = []
        for word, scalar in self.terms:
            for tail, factor in other.terms:
                pieces.extend((w, c * scalar * factor) for w, c in normal(word + tail))
        return sum_words(other.start, self.end, pieces)

    def scaled(self, factor: Scalar) -> Form:
        return gather(self.start, self.end, {w: c * factor for w, c in self.terms})

    @property
    def T(self) -> Form:
        """The adjoint."""
        pieces: list[tuple[Word, Scalar]] = []
        for word, scalar in self.terms:
            sign, flipped = reverse(word)
            pieces.extend((w, c * scalar.times(sign)) for w, c in normal(flipped))
        return sum_words(self.end, self.start, pieces)

    def is_zero(self) -> bool:
        """Whether it is zero by its normal form or after denominators are cleared (True is a proof)."""
        return all(is_identically_zero(c) for _, c in self.terms)

    def scalar(self) -> Scalar:
        """The scalar that a form from R to R is."""
        assert self.start == self.end == SCALAR
        return next((c for w, c in self.terms if not w), ZERO)


def gather(start: Space, end: Space, terms: dict[Word, Scalar]) -> Form:
    if len(terms) > MOST_TERMS:
        raise TooLarge("a sum of words")
    kept = sorted(((w, c) for w, c in terms.items() if c.terms), key=lambda term: word_key(term[0]))
    return Form(start, end, tuple(kept))


def sum_words(start: Space, end: Space, pieces: Iterable[tuple[Word, Scalar]]) -> Form:
    total: dict[Word, Scalar] = {}
    for word, scalar in pieces:
        total[word] = total.get(word, ZERO) + scalar
    return gather(start, end, total)


def zero(start: Space, end: Space) -> Form:
    return Form(start, end, ())


def identity(space: Space) -> Form:
    return Form(space, space, (((), ONE),))


def of_letter(letter: Letter, factor: Scalar = ONE) -> Form:
    return sum_words(letter.start, letter.end, ((w, c * factor) for w, c in normal((letter,))))


def of_scalar(value: Scalar) -> Form:
    return gather(SCALAR, SCALAR, {(): value})


def of_vector_atom(atom: Atom, space: Space) -> Form:
    """The vector named by an atom: D(atom)|1>."""
    if space == SCALAR:
        return of_scalar(of_atom(atom))
    return Form(SCALAR, space, (((letters.diag(((atom, Fraction(1)),), space), letters.ones(space)), ONE),))


def constant_vector(space: Space, value: Scalar = ONE) -> Form:
    return of_scalar(value) if space == SCALAR else of_letter(letters.ones(space), value)


def reverse(word: Word) -> tuple[int, Word]:
    """The adjoint of a word: a sign and the letters reversed and transposed."""
    sign, flipped = 1, []
    for letter in reversed(word):
        factor, adjoint = letters.transposed(letter)
        sign *= factor
        flipped.append(adjoint)
    return sign, tuple(flipped)


def size_scalar(size: Size) -> Scalar:
    """A polynomial in the dims as a scalar."""
    total = ZERO
    for factors, coefficient in size.terms:
        product = rational(coefficient)
        for name, exponent in factors:
            product = product * of_atom(dim_atom(name), exponent)
        total = total + product
    return total


def dim_atom(name: str) -> Atom:
    return Atom("dim", (name,), f"dim {name}")


# --- normal form of one word ------------------------------------------------------------------------------------


def normal(word: Word) -> tuple[tuple[Word, Scalar], ...]:
    """A product of letters as a sum of normal words with scalars (one or none)."""
    reduced = _reduce(word)
    if reduced is None:
        return ()
    parts: list[Letter] = []
    product = ONE
    for segment in _segments(reduced):
        if segment and is_bra(segment[0]) and is_ket(segment[-1]):
            product = product * closed(segment)
        else:
            sign, pulled = _pull(segment)
            product = product.times(sign)
            parts.extend(pulled)
    whole = tuple(parts)
    again = _reduce(whole)
    if again is None or product.is_zero():
        return ()
    return ((whole, product),) if again == whole else tuple((w, c * product) for w, c in normal(again))


def _segments(word: Word) -> list[Word]:
    """Cut after each ket that is followed by a bra, so that closed segments stand alone."""
    pieces: list[Word] = []
    start = 0
    for i, letter in enumerate(word):
        if is_ket(letter) and i + 1 < len(word):
            pieces.append(word[start:i + 1])
            start = i + 1
    pieces.append(word[start:])
    return pieces


def _reduce(word: Word) -> Word | None:
    """Apply the laws of neighbours until none applies; None is the zero map."""
    stack: list[Letter] = []
    for letter in word:
        pending = [letter]
        while pending:
            current = pending.pop()
            if _is_trivial(current):
                continue
            if not stack:
                stack.append(current)
                continue
            met = _meet(stack[-1], current)
            if met is None:
                stack.append(current)
            elif isinstance(met, str):
                return None
            else:
                stack.pop()
                pending.extend(reversed(met))
    return tuple(stack)


def _is_trivial(letter: Letter) -> bool:
    return (letter.kind == "diag" and not entries(letter)) or (letter.kind == "ones" and letter.data[0] == SCALAR)


def _meet(left: Letter, right: Letter) -> tuple[Letter, ...] | str | None:
    """What two neighbours become: fewer letters, "zero", or None when no law applies."""
    if left.kind == "diag" and right.kind == "diag":
        return (letters.diag(hadamard_monomial(entries(left), entries(right)), left.end),)
    if letters.annihilates(left, right):
        return "zero"
    if letters.pairs_to_identity(left, right):
        return ()
    if right.kind == "ones" and not right.is_transposed and "rows sum to one" in left.facts:
        return (letters.ones(left.end),)
    if left.kind == "ones" and left.is_transposed and "columns sum to one" in right.facts:
        return (letters.transposed(letters.ones(right.start))[1],)
    if "equal sums" in left.facts and left.is_transposed and right.kind == "ones" and is_ket(right):  # K'|1> = K|1>
        return (letters.transposed(left)[1], right)
    if "equal sums" in right.facts and right.is_transposed and left.kind == "ones" and is_bra(left):
        return (left, letters.transposed(right)[1])
    if left.kind == "embed" or right.kind == "embed":
        return _meet_embedding(left, right)
    if left.kind == "channels" and right.kind == "ones" and not left.is_transposed and not right.is_transposed:
        return (letters.ones(left.end),)
    if left.kind == "ones" and left.is_transposed and right.kind == "channels" and right.is_transposed:
        return (letters.transposed(letters.ones(right.start))[1],)
    return None


def _meet_embedding(left: Letter, right: Letter) -> tuple[Letter, ...] | str | None:
    """An embedding takes one entry to one entry: both ways to say so have the same normal form."""
    if left.kind != "embed":  # the mirror image
        _, (back, front) = reverse((left, right))
        met = _meet_embedding(back, front) if is_bra(left) and back.kind == "embed" else None
        return reverse(met)[1] if isinstance(met, tuple) else met
    start, stop = (size.constant() for size in left.data[:2])
    if not is_ket(right) or start is None or stop is None:
        return None
    if right.kind == "ones":
        return (letters.unit(int(start), left.end),) if stop - start == 1 and not left.is_transposed else None
    index = right.data[0]
    if not left.is_transposed:
        return (letters.unit(index + int(start), left.end),)
    return (letters.unit(index - int(start), left.end),) if start <= index < stop else "zero"


def hadamard_monomial(a: Monomial, b: Monomial) -> Monomial:
    """The entrywise product of two products of vector atoms."""
    powers = dict(a)
    for atom, exponent in b:
        powers[atom] = powers.get(atom, Fraction(0)) + exponent
    return without_steps(tuple(sorted((atom, _idempotent(atom, e)) for atom, e in powers.items() if e)))


def _idempotent(atom: Atom, exponent: Fraction) -> Fraction:
    is_step = atom.kind == "function" and atom.data[0] in ("threshold", "relu_slope") and exponent > 0
    return Fraction(1) if is_step else exponent


def word_atom(word: Word) -> Atom:
    """A vector word L…|1> as one vector atom."""
    return Atom("vector", (word,), f"[{word_key(word)}]")


def _pull(segment: Word) -> tuple[int, Word]:
    """Normal form at the ends of a segment, with a sign: see `_settle`. The left end is the mirror image of the right."""
    if not segment:
        return 1, segment
    if is_ket(segment[-1]) and segment[-1].kind == "ones":
        return 1, _settle(segment)
    if is_bra(segment[0]) and segment[0].kind == "ones":
        sign, flipped = reverse(segment)
        back_sign, back = reverse(_settle(flipped))
        return sign * back_sign, back
    return 1, segment


def _settle(word: Word) -> Word:
    """A vector word with at most one word among its entrywise factors written as letters, more as entries of a diagonal.

    D([L…|1>])|1> becomes L…|1>;  D(u [L…|1>]) M…|1> becomes D(u [L…|1>] [M…|1>])|1>.
    """
    if len(word) < 2:
        return word
    word = (word[0], *_settle(word[1:]))
    if word[0].kind != "diag":
        return word
    factors = list(entries(word[0]))
    space = word[0].end
    if len(word) > 2 and any(atom.kind == "vector" for atom, _ in factors):
        joined = hadamard_monomial(tuple(factors), ((word_atom(word[1:]), Fraction(1)),))
        return (letters.diag(joined, space), letters.ones(space))
    words = [(atom, e) for atom, e in factors if atom.kind == "vector"]
    if len(word) == 2 and len(words) == 1 and words[0][1] == 1:
        rest = tuple(f for f in factors if f[0].kind != "vector")
        inner: Word = words[0][0].data[0]
        return ((letters.diag(rest, space), *inner) if rest else inner)
    return word


def closed(word: Word) -> Scalar:
    """The scalar of a word from a bra to a ket: the lesser of it and its adjoint; zero when they are opposite."""
    if len(word) == 2:
        return _shortest(word)
    if all(letter.kind == "diag" for letter in word[1:-1]) and word[0].kind == word[-1].kind == "ones":
        return _entry_sum(word)
    sign, flipped = reverse(word)
    first, second = _settle_closed(word), _settle_closed(flipped)
    if first == second and sign < 0:
        return ZERO
    if word_key(second) < word_key(first):
        return _closed_atom(second).times(sign)
    return _closed_atom(first)


def _closed_atom(word: Word) -> Scalar:
    if len(word) == 2:
        return _shortest(word)
    if word[0].kind == word[-1].kind == "ones" and all(letter.kind == "diag" for letter in word[1:-1]):
        return _entry_sum(word)
    return of_atom(Atom("word", (word,), word_key(word)))


def _settle_closed(word: Word) -> Word:
    if word[-1].kind == "ones" and len(word) > 3:
        return (word[0], *_settle(word[1:]))
    return word


def _shortest(word: Word) -> Scalar:
    left, right = word
    if left.kind == right.kind == "ones":
        return size_scalar(count(left.data[0]))
    return ONE  # <1|e_i> and <e_i|e_i>; distinct units were sent to zero


def _entry_sum(word: Word) -> Scalar:
    product: Monomial = UNIT
    for letter in word[1:-1]:
        product = hadamard_monomial(product, entries(letter))
    if len(product) == 1 and product[0][0].kind == "softmax" and product[0][1] == 1:
        return ONE  # the entries of a softmax sum to one
    space = word[0].data[0]
    short = (word[0], letters.diag(product, space), word[-1])
    if len(product) == 1 and product[0][0].kind == "vector" and product[0][1] == 1:
        return closed(word[:1] + product[0][0].data[0])
    return of_atom(Atom("word", (short,), word_key(short)))


