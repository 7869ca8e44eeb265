"""What every rule works with: the model's forms, Jacobians and settings, computed once."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from odenet.algebra.entries import Speller
from odenet.algebra.evidence import Evidence
from odenet.algebra.forms import Form, zero
from odenet.algebra.jacobian import Differentiator
from odenet.algebra.scalars import Scalar, Unsupported, is_identically_zero
from odenet.algebra.setting import Setting
from odenet.algebra.translate import Translator
from odenet.ir.model import Block, Comparison, Model
from odenet.ir.node import Node, add, number, replaced, scale, states
from odenet.ir.sizes import SCALAR, Space
from odenet.proof.finding import Proof

Outcome = Proof | str  # a proof, or what is missing for one
Lemma = tuple[str, int, Scalar, Evidence]


@dataclass(frozen=True)
class Rates:
    """A right-hand side: one node for each moved block, in the order of the state."""

    rows: tuple[tuple[str, Node], ...]

    def node(self, block: str) -> Node | None:
        return next((node for name, node in self.rows if name == block), None)


class Context:
    """Forms and derivatives of one model, remembered."""

    def __init__(self, model: Model, uses_basics: bool = False) -> None:
        self.model = model
        self.settings: list[tuple[str, Setting]] = []  # those asked for since `lemmas` was last called
        self.translator = Translator(model, uses_basics=uses_basics)
        self._basic = self if uses_basics else None
        self._jacobians: dict[tuple[Rates, str, str], Form] = {}
        self.potentials: dict[tuple[tuple[str, str], ...], Node | None] = {}  # by the slopes that were asked for

    @property
    def basic(self) -> Context:
        """The same with functions written by a few basic ones: sees more equalities."""
        if self._basic is None:
            self._basic = Context(self.model, uses_basics=True)
        return self._basic

    def space(self, block: str) -> Space:
        return self.translator.plain(self.model.block(block).space)

    def rates(self, fields: tuple[str, ...]) -> Rates:
        """The sum of the named fields."""
        rows: dict[str, list[Node]] = {}
        for name in fields:
            for block, node in self.model.field(name).rows:
                rows.setdefault(block, []).append(node)
        return Rates(tuple((b.name, add(*rows[b.name])) for b in self.model.blocks if b.name in rows))

    def blocks_of(self, rates: Rates) -> tuple[Block, ...]:
        """The blocks that a right-hand side reads or moves, in order."""
        used = {name for name, _ in rates.rows}
        for _, node in rates.rows:
            used |= states(node)
        return tuple(b for b in self.model.blocks if b.name in used)

    def form(self, node: Node) -> Form:
        return self.translator.form(node)

    def rate(self, rates: Rates, block: str) -> Form:
        node = rates.node(block)
        if node is not None and self.model.block(block).space.rank == 2:  # a field `X' = W` moves a matrix and reads none
            raise Unsupported(f"the matrix-valued state `{block}`")
        return zero(SCALAR, self.space(block)) if node is None else self.form(node)

    def jacobian(self, rates: Rates, row: str, column: str) -> Form:
        """The block (row, column) of the Jacobian."""
        key = (rates, row, column)
        if key not in self._jacobians:
            self._jacobians[key] = self.differentiator(column).of(self.rate(rates, row))
        return self._jacobians[key]

    def differentiator(self, block: str) -> Differentiator:
        return Differentiator(self.translator, block, self.space(block))

    def gradient(self, invariant: Node, block: str) -> Form:
        """The gradient of a scalar node with respect to one block, a vector."""
        return self.differentiator(block).scalar(self.form(invariant).scalar()).T

    def along(self, invariant: Node, rates: Rates) -> Scalar:
        """grad I . f"""
        total = zero(SCALAR, SCALAR)
        for block, _ in rates.rows:
            row = self.differentiator(block).scalar(self.form(invariant).scalar())
            total = total + row @ self.rate(rates, block)
        return total.scalar()

    # --- entry by entry, where sizes are numbers ------------------------------------------------------------------

    def is_zero(self, scalar: Scalar) -> bool:
        """Whether a scalar is zero, in its normal form or written in entries (True is a proof)."""
        return is_identically_zero(scalar) or (self.has_entries and is_identically_zero(self.spelled(scalar)))

    def vanishes(self, form: Form) -> bool:
        """The same of a form."""
        return form.is_zero() or (self.has_entries and Speller(self.translator.is_nonnegative).vanishes(form))

    def spelled(self, scalar: Scalar) -> Scalar:
        """A scalar in the entries of vectors and matrices, as far as their sizes are numbers."""
        return Speller(self.translator.is_nonnegative).scalar(scalar) if self.has_entries else scalar

    @cached_property
    def has_entries(self) -> bool:
        """Whether a block or parameter has a size that is a number."""
        spaces = [*(b.space for b in self.model.blocks), *(p.space for p in self.model.parameters if isinstance(p.space, Space))]
        return any(size.constant() is not None for space in spaces for size in self.translator.plain(space).sizes)

    def setting(self, region: tuple[Comparison, ...] = (), *more: Scalar) -> Setting:
        found = Setting(self.translator, region, more)
        if not more:
            self.settings.append(("region" if region else "free", found))
        return found

    def lemmas(self) -> tuple[Lemma, ...]:
        """The inequalities shown since the last call: where they hold, how deep was looked, the scalar, the evidence."""
        found: dict[tuple[str, str, int], Lemma] = {}
        for where, setting in self.settings:
            for place, one in ((where, setting), (f"{where} orthant", setting.orthant)):
                if one is not None:
                    found |= {(place, *key): (place, key[1], *lemma) for key, lemma in one.lemmas.items()}
                    found |= {(f"{place} strict", *key): (f"{place} strict", key[1], *lemma)
                              for key, lemma in one.strict_lemmas.items()}
        self.settings.clear()
        return tuple(found.values())


def negated(node: Node) -> Node:
    return scale(number(-1), node)


def substituted(node: Node, values: dict[str, Node]) -> Node:
    """The node with blocks of the state replaced."""
    return replaced(node, lambda inner: values.get(inner.data[0]) if inner.op == "state" else None)
