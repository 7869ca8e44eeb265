"""Scalars of the algebra in the language's spelling."""
from __future__ import annotations

import re
from decimal import Decimal

from odenet.algebra.scalars import Atom, Scalar

_DEEP, _DIGITS = {"(": 1, "[": 1, "<": 1, ")": -1, "]": -1, ">": -1}, 40


def scalar_text(scalar: Scalar) -> str:
    """A scalar of parameters, dims and numbers in the language's spelling; other atoms come out as they are and are not read."""
    def atom(item: Atom) -> str:
        if item.kind in ("param", "dim", "prime"):
            return str(item.data[0])
        if item.kind == "sum":
            return f"({scalar_text(item.data[0])})"
        if item.kind in ("largest", "smallest"):
            return f"{'max' if item.kind == 'largest' else 'min'}({', '.join(scalar_text(s) for s in item.data)})"
        if item.kind == "function" and isinstance(item.data[2], Scalar):
            return f"{item.data[0]}({scalar_text(item.data[2])})"
        return item.key

    pieces = []
    for factors, coefficient in scalar.terms:
        texts = [atom(a) if e == 1 else f"{atom(a)}^({e})" for a, e in factors]
        sign, size = "-" if coefficient < 0 else "+", abs(coefficient)
        pieces.append(f"{sign} " + " * ".join(texts if size == 1 and texts else [str(size), *texts]))
    text = " ".join(pieces) or "+ 0"
    return text[2:] if text.startswith("+") else f"-{text[2:]}"


def shortened(text: str, most: int = 160) -> str:
    """The first terms of a long sum, and how many more there are; a term is never cut."""
    if len(text) <= most:
        return text
    ends, depth = [], 0
    for place, character in enumerate(text):
        depth += _DEEP.get(character, 0)
        if depth == 0 and text[place:place + 3] in (" + ", " - "):
            ends.append(place)
    if not ends:
        return f"a term of {len(text):,} letters"
    kept = max((end for end in ends if end <= most), default=0)
    more = sum(end >= kept for end in ends) + (not kept)
    return f"{text[:kept]} + … ({more} more)" if kept else f"a sum of {more} terms"


def plain_numbers(text: str) -> str:
    """Fractions and whole numbers of more digits than anyone reads as decimals, powers of e as exponentials."""
    text = re.sub(r"\bexp\(1\)\^\((-?[\d/]+)\)", r"exp(\1)", text)
    text = re.sub(r"\bexp\(1\)\^(\d+)\b", r"exp(\1)", text)
    return re.sub(r"(?<![\w.])(\d+)/(\d+)(?![\w.])|(?<![\w./])(\d+)(?![\w./])", _rounded, text)


def _rounded(found: re.Match[str]) -> str:
    if len(found[0]) <= _DIGITS:
        return found[0]
    value = Decimal(found[3]) if found[3] else Decimal(found[1]) / Decimal(found[2])
    return f"(about {value:.6g})"
