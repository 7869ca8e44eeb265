"""Which words are vectors with nonnegative entries on the orthant x >= 0, and which vanish with an entry."""
from __future__ import annotations

from odenet.operators.functions import FUNCTIONS
from odenet.recheck.scalars import Scalar, Symbol, Word, number
from odenet.recheck.signs import Signs
from odenet.recheck.words import Form


def vanishes_with(symbol: Symbol, block: str) -> bool:
    """Whether entry i of a vector symbol is x_i, or f(c x_i) with f odd or a relu: it is 0 where x_i is."""
    if symbol.kind == "state":
        return bool(symbol.data[0] == block)
    if symbol.kind != "function" or not isinstance(symbol.data[2], Form) or len(symbol.data[2].terms) != 1:
        return False
    (word, name) = next(iter(symbol.data[2].terms)), symbol.data[0]
    if len(word) != 2 or word[0].kind != "diag" or [(s.kind, s.data[0], e) for s, e in word[0].data[0]] != [("state", block, 1)]:
        return False
    return FUNCTIONS[name].parity == "odd" or name in ("relu", "leaky_relu")


def vanishes(word: Word, block: str) -> bool:
    """Whether entry i of a vector word has a factor that is 0 where x_i is."""
    return bool(word) and word[0].kind == "diag" and any(e >= 1 and vanishes_with(s, block) for s, e in word[0].data[0])


def is_nonnegative(word: Word, c: Scalar, signs: Signs) -> bool:
    """Whether c * word has nonnegative entries, by the signs of its letters."""
    return signs.holds(c, 3) and all(_letter(x, signs) for x in word)


def _letter(x: Symbol, signs: Signs) -> bool:
    if x.kind == "diag":
        return all(_entry(s, signs) for s, e in x.data[0] if e % 2)
    return x.kind.rstrip("'") in ("ones", "unit") or "nonnegative" in x.facts


def _entry(symbol: Symbol, signs: Signs) -> bool:
    if symbol.kind == "vector":
        return is_nonnegative(symbol.data[0], number(1), signs)
    low, _ = signs.interval(symbol)
    return low is not None and low >= 0


def is_metzler(word: Word, c: Scalar, block: str, signs: Signs) -> bool:
    """-c L f(x), L a graph Laplacian, f(0) = 0 <= f(z) for z >= 0: off its diagonal -L is >= 0."""
    if len(word) != 3 or "metzler negative" not in word[0].facts or word[1].kind != "diag" or not signs.holds(-c, 3):
        return False
    entries = word[1].data[0]
    if len(entries) != 1 or entries[0][1] != 1 or not vanishes_with(entries[0][0], block):
        return False
    symbol = entries[0][0]
    if symbol.kind == "state":
        return True
    is_rising = FUNCTIONS[symbol.data[0]].increasing(*symbol.data[1]) or symbol.data[0] == "relu"
    return is_rising and signs.holds(next(iter(symbol.data[2].terms.values())), 2)


