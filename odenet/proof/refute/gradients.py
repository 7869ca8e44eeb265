"""Steps of the midpoint discrete gradient, in balls and jets."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, arb_mat, ctx

from odenet.plan.steps import DiscreteGradient
from odenet.proof.refute.evaluate import Evaluator
from odenet.proof.refute.scalars import ONE, ZERO, Jet, Scalar, Undefined, approximate, ball, core, exact, inner, power
from odenet.proof.refute.stages import States, size_of
from odenet.proof.refute.tensors import Tensor

ROUNDS = 120


@dataclass(frozen=True)
class Step:
    """y = x + h S g(x, y), S = I or J, g the midpoint discrete gradient of the potential V."""

    advance: DiscreteGradient
    evaluator: Evaluator
    states: States
    time: Scalar
    duration: Scalar

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.advance.rates)

    def moved(self) -> dict[str, Tensor]:
        """The new values of the moved blocks, with the tangents of the old ones.

        Raises:
            Undefined: the fixed-point iteration from Euler's step does not converge, or is not enclosed.
        """
        old = self.flat(self.states)
        still = [ball(core(item)) for item in old]
        found = self.solved(still)
        widths = [len(item.tangents) for item in old if isinstance(item, Jet)]
        if widths:
            found = self.with_tangents(old, still, found, widths[0])
        return self.split(found)

    def flat(self, blocks: Mapping[str, Tensor]) -> list[Scalar]:
        return [item for name in self.names for item in blocks[name].items]

    def split(self, items: list[Scalar]) -> dict[str, Tensor]:
        entries = iter(items)
        return {name: self.states[name].with_items([next(entries) for _ in self.states[name].items]) for name in self.names}

    def turned(self, items: list[Scalar]) -> list[Scalar]:
        """S applied: positions and momenta stand by turns."""
        if not self.advance.is_hamiltonian:
            return items
        parts, result = self.split(items), dict[str, Tensor]()
        for q, p in zip(self.names[::2], self.names[1::2], strict=True):
            result[q], result[p] = parts[p], parts[q].map(lambda a: -a)
        return self.flat(result)

    def image(self, old: list[Scalar], new: list[Scalar]) -> list[Scalar]:
        """x + h S g(x, y)"""
        half, step = exact(Fraction(1, 2)), [b - a for a, b in zip(old, new, strict=True)]
        middle = {**self.states, **self.split([(a + b) * half for a, b in zip(old, new, strict=True)])}
        rate = self.flat({name: self.evaluator.tensor(node, middle, self.time) for name, node in self.advance.rates})
        slope = [-a for a in self.turned(rate)] if self.advance.is_hamiltonian else rate
        rise = self.potential(new) - self.potential(old) - inner(slope, step)
        gap = rise * power(inner(step, step), Fraction(-1))
        return [a + self.duration * (r + gap * d) for a, r, d in zip(old, rate, self.turned(step), strict=True)]

    def potential(self, items: list[Scalar]) -> Scalar:
        assert self.advance.potential is not None
        return self.evaluator.scalar(self.advance.potential, {**self.states, **self.split(items)}, self.time)

    def solved(self, old: list[Scalar]) -> list[Scalar]:
        rate = self.flat({name: self.evaluator.tensor(node, {**self.states, **self.split(old)}, self.time)
                          for name, node in self.advance.rates})
        point = [ball(a + self.duration * r).mid() for a, r in zip(old, rate, strict=True)]
        for _ in range(ROUNDS):
            after = [ball(item).mid() for item in self.image(old, point)]
            change = max(abs(approximate(a - b)) for a, b in zip(after, point, strict=True))
            point = after
            if change <= 2.0 ** (6 - ctx.prec):
                break
        first = size_of([a - b for a, b in zip(self.image(old, point), point, strict=True)])
        radius = arb((4 * first + arb(2) ** (-ctx.prec // 2)).upper())
        box = [item + arb(0, radius) for item in point]
        share = size_of([sum((abs(entry) for entry in line), arb(0)) for line in self.slopes(old, box)])
        if not (share < 1 and (1 - share) * radius >= first):
            raise Undefined("a discrete gradient whose equation is no contraction")
        error = arb((first / (1 - share)).upper())
        return [item + arb(0, error) for item in point]

    def slopes(self, old: list[Scalar], new: list[Scalar]) -> list[list[arb]]:
        """The derivative of `image` in the new state."""
        width = len(new)
        return _tangents(self.image(old, [Jet(item, [ONE if i == k else ZERO for k in range(width)])
                                          for i, item in enumerate(new)]), width)

    def with_tangents(self, old: list[Scalar], still: list[Scalar], new: list[Scalar], width: int) -> list[Scalar]:
        """y' from y' = T_y y' + T_x x'."""
        lifted = [Jet(item, list(x.tangents) if isinstance(x, Jet) else [ZERO] * width) for item, x in zip(still, old, strict=True)]
        right = _tangents(self.image(lifted, new), width)
        slopes = self.slopes(still, new)
        matrix = arb_mat([[(1 if i == j else 0) - entry for j, entry in enumerate(line)] for i, line in enumerate(slopes)])
        try:
            solved = matrix.solve(arb_mat(right)).tolist()
        except ZeroDivisionError as fault:
            raise Undefined("a discrete gradient whose slope may be singular") from fault
        return [Jet(item, list(row)) for item, row in zip(new, solved, strict=True)]


def _tangents(items: list[Scalar], width: int) -> list[list[arb]]:
    return [[ball(t) for t in item.tangents] if isinstance(item, Jet) else [arb(0)] * width for item in items]
