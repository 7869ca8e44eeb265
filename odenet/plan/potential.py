"""The potential of a field that is advanced by a discrete gradient: the one a claim names, checked by differentiation."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from odenet.ir.model import Field, Model
from odenet.ir.node import Node, negate, states, subtract


@dataclass(frozen=True)
class Potential:
    """V with f = grad V, or f = J grad V when `is_hamiltonian`."""

    node: Node
    is_hamiltonian: bool


def potential_of(model: Model, field: Field) -> Potential | None:
    """The first potential that a claim on this field alone gives and that is one, exactly; else None."""
    return next((found for found in _claimed(model, field) if _is_potential(model, field, found)), None)


def _claimed(model: Model, field: Field) -> Iterator[Potential]:
    for claim in model.claims:
        if claim.fields == (field.name,) and claim.property in ("gradient", "hamiltonian") and claim.arguments:
            node = claim.arguments[0]
            if isinstance(node, Node):
                yield Potential(node, claim.property == "hamiltonian")


def _is_potential(model: Model, field: Field, found: Potential) -> bool:
    from odenet.algebra.translate import Translator
    from odenet.ir.differentiate import gradient

    pairs = [pair for pair in model.pairs if not pair.is_halved]
    if found.is_hamiltonian and len(pairs) < len(model.pairs):
        return False
    sources = {b: (b, 1) for b in field.moves}
    if found.is_hamiltonian:
        sources = {p.position: (p.momentum, 1) for p in pairs} | {p.momentum: (p.position, -1) for p in pairs}
        if set(field.moves) != set(sources) or states(found.node) - set(field.moves):
            return False
    if any(block not in sources for block in field.moves):
        return False
    translator = Translator(model)
    slopes = gradient(found.node, {block.name: block.space for block in model.blocks})
    for name, rate in field.rows:
        source, sign = sources[name]
        slope = slopes[source] if sign > 0 else negate(slopes[source])
        if not translator.form(subtract(rate, slope)).is_zero():
            return False
    return True
