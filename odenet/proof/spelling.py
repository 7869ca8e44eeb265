"""Scalars of the algebra in the language's spelling."""
from __future__ import annotations

from odenet.algebra.scalars import Atom, Scalar


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
