"""Letters: the linear maps that words are made of, and the laws of neighbouring letters.

Vectors are maps from R. A vector v is the word D(v)|1>, with |1> the map that sends 1 to the vector of ones; its adjoint <1| sums
entries. So vectors, matrices and scalars are words of one kind, and a dot product is the closed word <1|D(u v)|1>.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from odenet.algebra.scalars import Atom, Monomial, monomial_key
from odenet.ir.sizes import SCALAR, AnySpace, Size, Space, codomain, domain


@dataclass(frozen=True, eq=False)
class Letter:
    """A linear map from `start` to `end`.

    kind: matrix, entrywise, diag, ones, unit, skew, skewact, softmax slope, cumsum, embed, channels.
    """

    kind: str
    data: tuple[Any, ...]
    start: Space
    end: Space
    key: str
    is_transposed: bool = False
    facts: frozenset[str] = frozenset()

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Letter) and self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.key


Word = tuple[Letter, ...]


def word_key(word: Word) -> str:
    return " ".join(letter.key for letter in word) or "1"


def matrix(name: str, space: AnySpace, facts: frozenset[str]) -> Letter:
    """A parameter matrix or convolution; `facts` are those of its sets.

    One kernel convolves images of several sizes: those are several maps.
    """
    key = name if isinstance(space, Space) else f"{name}:{','.join(map(str, domain(space).sizes[1:]))}"
    return Letter("matrix", (name,), domain(space), codomain(space), key, facts=facts)


def entrywise(key: str, data: tuple[Any, ...], space: Space, facts: frozenset[str]) -> Letter:
    """A matrix built entry by entry from others, opaque but for its facts."""
    return Letter("entrywise", data, domain(space), codomain(space), key, facts=facts)


def diag(entries: Monomial, space: Space) -> Letter:
    """diag(v), v a product of vector atoms."""
    return Letter("diag", (entries,), space, space, f"D({monomial_key(entries)})")


def ones(space: Space) -> Letter:
    return Letter("ones", (space,), SCALAR, space, f"|1:{space}>")


def unit(index: int, space: Space) -> Letter:
    return Letter("unit", (index, space), SCALAR, space, f"|e{index}:{space}>")


def skew(vector: Any, size: Size) -> Letter:
    space = Space((size,))
    return Letter("skew", (vector,), space, space, f"skew({vector.key})", facts=frozenset({"skew"}))


def skewact(vector: Any, start: Space, end: Space) -> Letter:
    """s -> skew(s) y for the fixed vector y."""
    return Letter("skewact", (vector,), start, end, f"skewact({vector.key})")


def softmax_atom(argument: Any) -> Atom:
    """softmax(argument) as a vector atom."""
    return Atom("softmax", (argument,), f"softmax({argument.key})")


def cumsum(space: Space) -> Letter:
    return Letter("cumsum", (), space, space, f"cumsum:{space}", facts=frozenset({"nonnegative"}))


def softmax_slope(argument: Any, space: Space) -> Letter:
    """D(s) - s s' for s = softmax(argument): positive semidefinite, sends |1> to zero."""
    facts = frozenset({"symmetric", "psd", "rows sum to zero", "columns sum to zero"})
    return Letter("softmax slope", (argument,), space, space, f"softmax'({argument.key})", facts=facts)


def embed(start: Size, stop: Size, total: Size) -> Letter:
    """R[stop - start] -> R[total], into the entries start <= i < stop."""
    return Letter("embed", (start, stop, total), Space((stop - start,)), Space((total,)), f"embed[{start}:{stop}:{total}]",
                  facts=frozenset({"nonnegative"}))


def channels(space: Space) -> Letter:
    return Letter("channels", (space,), Space(space.sizes[:1]), space, f"channels:{space}", facts=frozenset({"nonnegative"}))


_SWAPPED = {"rows sum to one": "columns sum to one", "rows sum to zero": "columns sum to zero", "tall": "wide"}
_SWAPPED.update({value: key for key, value in _SWAPPED.items()})


def transposed(letter: Letter) -> tuple[int, Letter]:
    """The adjoint as a sign and a letter."""
    if letter.kind == "diag" or "symmetric" in letter.facts:
        return 1, letter
    if "skew" in letter.facts:
        return -1, letter
    key = letter.key[:-1] if letter.is_transposed else letter.key + "'"
    facts = frozenset(_SWAPPED.get(fact, fact) for fact in letter.facts)
    return 1, Letter(letter.kind, letter.data, letter.end, letter.start, key, not letter.is_transposed, facts)


def is_bra(letter: Letter) -> bool:
    """Whether it maps into R: <1| or <e_i|."""
    return letter.is_transposed and letter.kind in ("ones", "unit")


def is_ket(letter: Letter) -> bool:
    """Whether it maps from R: |1> or |e_i>."""
    return not letter.is_transposed and letter.kind in ("ones", "unit")


def entries(letter: Letter) -> Monomial:
    """The product of vector atoms on a diagonal letter."""
    return letter.data[0]  # type: ignore[no-any-return]


def pairs_to_identity(left: Letter, right: Letter) -> bool:
    """left right = I, by the letters' facts."""
    if left.kind == right.kind == "matrix" and left.data == right.data and "orthogonal" in left.facts:
        both = left.is_transposed != right.is_transposed or "symmetric" in left.facts
        # tall: A'A = I, where A' has facts of its own swapped; square: both
        return both and ("square" in left.facts or "tall" in right.facts)
    if left.kind == right.kind == "embed" and left.data == right.data:
        return left.is_transposed and not right.is_transposed
    return False


def annihilates(left: Letter, right: Letter) -> bool:
    """left right = 0, by the letters' facts."""
    if right.kind == "ones" and not right.is_transposed and "rows sum to zero" in left.facts:
        return True
    if left.kind == "ones" and left.is_transposed and "columns sum to zero" in right.facts:
        return True
    if left.kind == right.kind == "embed" and left.is_transposed and not right.is_transposed:
        (a, b, n), (c, d, m) = left.data, right.data
        return bool(n == m and (c.at_least(b) or a.at_least(d)))
    if left.kind == right.kind == "unit" and left.is_transposed and not right.is_transposed:
        return bool(left.data[0] != right.data[0])
    return False


def vector_atom(kind: str, data: tuple[Any, ...], key: str) -> Atom:
    return Atom(kind, data, key)


