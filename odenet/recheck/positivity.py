"""Which words are vectors with nonnegative entries on the orthant x >= 0, and which vanish with an entry."""
from __future__ import annotations

from odenet.recheck.scalars import ZERO_AT_ZERO, Scalar, Symbol, Word, merged, number
from odenet.recheck.signs import Signs
from odenet.recheck.words import Form


def vanishes_with(symbol: Symbol, block: str) -> bool:
    """Whether entry i of a vector symbol is x_i, or f(z_i) with f(0) = 0 and all terms of z_i like that: it is 0 where x_i is."""
    if symbol.kind == "state":
        return bool(symbol.data[0] == block)
    if symbol.kind != "function" or not isinstance(symbol.data[2], Form):
        return False
    if symbol.data[0] not in ZERO_AT_ZERO:
        return False
    return all(vanishes(word, block) for word in symbol.data[2].terms)


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


def is_nonnegative_sum(terms: list[tuple[Word, Scalar]], block: str, signs: Signs) -> bool:
    """Whether a sum of vector words has entries >= 0 where an entry of the block is 0: each part L v of it by itself.

    L has entries >= 0 and so has v; or L is minus a graph Laplacian, which is so off its diagonal, and v_i >= 0 is 0 where x_i is.
    """
    parts: dict[Word, list[tuple[Word, Scalar]]] = {}
    for word, c in terms:
        if vanishes(word, block):
            continue
        is_plain = word[-1].kind == "ones"
        cut = -2 if is_plain and len(word) > 1 and word[-2].kind == "diag" else -1 if is_plain else len(word)
        parts.setdefault(word[:cut], []).append((word[cut:] if is_plain else (), c))
    return all(_is_nonnegative_part(head, tails, block, signs) for head, tails in parts.items())


def _is_nonnegative_part(head: Word, tails: list[tuple[Word, Scalar]], block: str, signs: Signs) -> bool:
    if all(is_nonnegative((*head, *tail), c, signs) for tail, c in tails):
        return True
    if any(not tail for tail, _ in tails):  # it ends in a unit vector
        return False
    total = number(0)
    for tail, c in tails:
        total = total + merged(tail[0].data[0] if len(tail) == 2 else (), ()) * c
    if all(_letter(x, signs) for x in head):
        return signs.holds(total)
    is_laplacian = len(head) == 1 and "metzler negative" in head[0].facts
    return is_laplacian and all(vanishes(tail, block) for tail, _ in tails) and signs.holds(-total)
