"""The stages of a Runge-Kutta step as statements."""

from __future__ import annotations

from dataclasses import replace

from odenet.emit.parts import Want, Workshop, unpacked
from odenet.emit.tree import (
    Assign,
    Binary,
    Expression,
    Items,
    Lambda,
    Name,
    Number,
    Statement,
    Subscript,
    Text,
    call,
    items,
)
from odenet.ir.model import Table
from odenet.schemes.numbers import Exact
from odenet.schemes.tables import coefficients, is_explicit


class Stages:
    """The stages of a Runge-Kutta step as statements, and combinations of their slopes.

    Explicit stages are slopes k; implicit ones are increments w = h k, which rounding spoils less when h is small.
    """

    def __init__(self, shop: Workshop, field: str, table: Table, moves_clock: bool) -> None:
        self.locals, self.shop, self.is_explicit = shop.locals, shop, is_explicit(table)
        exacts = coefficients(table)
        self.matrix, self.weights, self.nodes = exacts.matrix, exacts.weights, exacts.nodes
        self.rates = self.shop.rates(field)
        self.names = self.locals.inner()
        self.moves_clock, self.takes_time = moves_clock, self.rates.takes_time
        letter = "k" if self.is_explicit else "w"
        self.slopes = [
            {
                b: self.names.new(f"{letter}{i}" if len(self.rates.moved) == 1 else f"{letter}{i}_{self.locals[b]}")
                for b in self.rates.moved
            }
            for i in range(1, len(self.weights) + 1)
        ]
        self.wants = self._wants()
        self._local = dict(zip(self.wants, shop.local_names(self.wants), strict=True))

    def _wants(self) -> tuple[Want, ...]:
        found: dict[Want, None] = {}
        for want in self.rates.wants:
            for node in self.nodes if want.kind == "scheduled" and self.moves_clock else (Exact(0),):
                found[Want(want.kind, want.name, node)] = None
        return tuple(found)

    def wanted(self, stage: int) -> tuple[Want, ...]:
        """The values that stage number `stage` uses, at its place of the clock."""
        place = self.nodes[stage] if self.moves_clock else Exact(0)
        return tuple(Want(w.kind, w.name, place if w.kind == "scheduled" else Exact(0)) for w in self.rates.wants)

    def _given(self, stage: int) -> tuple[Expression, ...]:
        return tuple(Name(self._local[want]) for want in self.wanted(stage))

    def call(self, stage: int, states: dict[str, Expression], method: str = "") -> Expression:
        """The right-hand side (or another method with its arguments) at a stage."""
        part = replace(self.rates, method=method) if method else self.rates
        return part.call(self.locals, None, self._moment(stage), self._given(stage), states)

    def call_pull(
        self, stage: int, method: str, gradients: tuple[Expression, ...], totals: tuple[Expression, ...]
    ) -> Expression:
        """The pull of the right-hand side at a stage."""
        moment = self._moment(stage)
        clock = () if moment is None else (moment,)
        return call(f"self.{method}", *gradients, *clock, *self._given(stage), *totals)

    def _moment(self, stage: int) -> Expression | None:
        if not self.takes_time:
            return None
        time, node = Name(self.locals.time), self.nodes[stage]
        if not self.moves_clock or not node:
            return time
        return Binary("+", time, times(node, Name(self.locals.duration)))

    def body(self, label: str) -> list[Statement]:
        """The statements that name the stages; `label` names the step where its equation has no solution."""
        return self._explicit() if self.is_explicit else self._implicit(label)

    def _explicit(self) -> list[Statement]:
        body: list[Statement] = []
        for i, row in enumerate(self.matrix):
            states = {b: self.moved(b, row[:i]) for b in self.rates.moved}
            body.append(Assign(tuple(self.slopes[i].values()), self.call(i, states)))
        return body

    def _implicit(self, label: str) -> list[Statement]:
        """The stages solve equations."""
        self.shop.runtime["implicit_stages"] = None
        rates, index, found = self.rates, self.names.new("i"), self.names.new("stages")
        wanted = [self._given(i) for i in range(len(self.nodes))]
        given = tuple(_choice([row[j] for row in wanted], index) for j in range(len(rates.wants)))
        times = [self._moment(i) for i in range(len(self.nodes))]
        moment = _choice([t for t in times if t is not None], index) if self.takes_time else None
        slopes = unpacked(len(rates.moved), rates.call(self.locals, None, moment, given))
        matrix = Items(tuple(Items(tuple(Number(float(a)) for a in row)) for row in self.matrix))
        others = (*(self.locals[b] for b in rates.blocks if b not in rates.moved), *self._local.values())
        solved = call(
            "implicit_stages",
            closed(slopes, (index, *(self.locals[b] for b in rates.moved)), others),
            items(*(Name(self.locals[b]) for b in rates.moved)),
            Name(self.locals.duration),
            matrix,
            items(*map(Name, others)),
            Text(f'"{label}"'),
        )
        body: list[Statement] = [Assign((found,), solved)]
        for i, names in enumerate(self.slopes):
            if self.weights[i]:
                value: Expression = Subscript(Name(found), str(i))
                value = Subscript(value, "0") if len(names) == 1 else value
                body.append(Assign(tuple(names.values()), value))
        return body

    def moved(self, block: str, weights: tuple[Exact, ...]) -> Expression:
        """block + h * (weighted slopes)."""
        base = Name(self.locals[block])
        if not any(weights):
            return base
        factor, total = self._combination(block, weights)
        if not self.is_explicit and factor == 1:
            return Binary("+", base, total)
        return call("torch.add", base, total, alpha=self._scaled(factor))

    def increment(self, block: str) -> Expression:
        """h * (weighted slopes), by which the step moves a block."""
        factor, total = self._combination(block, self.weights)
        return total if not self.is_explicit and factor == 1 else Binary("*", self._scaled(factor), total)

    def _scaled(self, factor: Exact) -> Expression:
        return times(factor, Name(self.locals.duration)) if self.is_explicit else _number(factor)

    def _combination(self, block: str, weights: tuple[Exact, ...]) -> tuple[Exact, Expression]:
        """A common factor and the rest of a weighted sum of slopes: 1/6 and k1 + 2 k2 + 2 k3 + k4."""
        chosen = [(w, Name(self.slopes[i][block])) for i, w in enumerate(weights) if w]
        factor = _common(tuple(w for w, _ in chosen))
        total: Expression | None = None
        for weight, slope in chosen:
            ratio = weight / factor
            term = slope if abs(ratio) == 1 else Binary("*", _number(abs(ratio)), slope)
            if total is None:
                total = term if ratio.sign() > 0 else Binary("*", _number(ratio), slope)
            else:
                total = Binary("+" if ratio.sign() > 0 else "-", total, term)
        assert total is not None
        return factor, total


def closed(body: Expression, arguments: tuple[str, ...], given: tuple[str, ...]) -> Lambda:
    """A function of `arguments` that takes all tensors it reads as arguments too: what is solved is differentiated by them."""
    return Lambda(", ".join((*arguments, *given)), body)


def _common(weights: tuple[Exact, ...]) -> Exact:
    """A weight of which all are whole multiples, or one."""
    smallest = min(weights, key=abs)
    ratios = [(w / smallest).as_fraction() for w in weights]
    if all(r is not None and r.denominator == 1 and abs(r) <= 16 for r in ratios):
        return abs(smallest) if weights[0].sign() > 0 else -abs(smallest)
    return Exact(1)


def times(factor: Exact, value: Expression) -> Expression:
    """An exact number times an expression."""
    if factor == 1:
        return value
    return Binary("*", _number(factor), value)


def _number(value: Exact) -> Expression:
    rational = value.as_fraction()
    if rational is not None and rational.denominator == 1:
        return Number(int(rational))
    return Number(float(value))


def _choice(values: list[Expression], index: str) -> Expression:
    """The value of a stage: the same for all, or picked by its number."""
    if all(value == values[0] for value in values):
        return values[0]
    return Subscript(Items(tuple(values)), index)
