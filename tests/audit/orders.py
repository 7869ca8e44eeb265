"""The order of a flow by power series in the step length: one step against the exact flow of the sum of its parts."""
from __future__ import annotations

from fractions import Fraction

from flint import arb, arb_series, ctx

from odenet.ir.model import Claim
from odenet.ir.node import Node
from tests.audit.arithmetic import Number, Unsure, precision, real
from tests.audit.evaluate import number
from tests.audit.flows import Runner, States, gauss, packed, unpacked
from tests.audit.members import Members
from tests.audit.subject import Excess, Subject, Vector, biggest

MOST = 8  # of an order that is looked at


def excess(subject: Subject, claim: Claim) -> Excess:
    """The terms of the error up to h^p, which an order p has not. Raises Unsure at kinks and where too much would be computed."""
    node = claim.arguments[0]
    wanted = int(float(number(node, subject.values).mid())) if isinstance(node, Node) else int(node)
    if wanted > MOST:
        raise Unsure("an order that is too high")
    x = [item / (1 + biggest(subject.draw())) for item in subject.draw()]
    if any(part.method.kind in ("relax", "discrete_gradient") for part in subject.runner.flow.parts):
        return _by_small_steps(subject, x, wanted)
    with precision(ctx.prec, wanted + 2):
        h = arb_series([0, 1])
        found, exact = _step(subject, x, h), _exact(subject, x, h)
        gaps = [a - b for a, b in zip(found, exact, strict=True)]
        terms = [gap[k] if isinstance(gap, arb_series) else arb(0) for gap in gaps for k in range(wanted + 1)]
        sizes = [item[k] for item in (*found, *exact) if isinstance(item, arb_series) for k in range(wanted + 1)]
        return Excess(biggest(terms), biggest(sizes))


def _start(subject: Subject) -> Number:
    """A time within the interval at which no clock meets a knot."""
    values = subject.values
    start, end = number(subject.runner.flow.start, values), number(subject.runner.flow.end, values)
    return start + (end - start) * real(Fraction(subject.chance.randint(1, 996), 997))


def _step(subject: Subject, x: Vector, h: Number, start: Number | None = None) -> Vector:
    runner: Runner = subject.runner
    begin = _fixed(subject) if start is None else start
    return packed(runner.step(unpacked(x, subject.like), 0, h, begin))


def _fixed(subject: Subject) -> Number:
    if "start" not in subject.log:
        subject.log["start"] = _start(subject)
    return subject.log["start"]  # type: ignore[no-any-return]


def _exact(subject: Subject, x: Vector, h: Number) -> Vector:
    runner, start = subject.runner, _fixed(subject)
    like: States = subject.like
    fields = dict.fromkeys(part.field for part in runner.flow.parts)

    def rate(items: Vector, c: Number) -> Vector:
        states, total = unpacked(items, like), list(packed(like))
        total = [item * 0 for item in total]
        for name in fields:
            at, moved = runner.rate(name, states, 0)
            new = unpacked(at(packed(moved), start + c * h), moved)
            sums = unpacked(total, like)
            for block, tensor in new.items():
                sums[block] = type(tensor)(tensor.shape, [a + b for a, b in zip(sums[block].items, tensor.items, strict=True)])
            total = packed(sums)
        return total

    return gauss(rate, x, h)


def _by_small_steps(subject: Subject, x: Vector, wanted: int) -> Excess:
    """Where a step divides by powers of h: error / h^(p + 1) stays bounded, from h = 2^-24 to 2^-30."""
    rates = []
    for bits in (24, 30):
        with precision(700):
            h = arb(2) ** -bits
            gaps = [a - b for a, b in zip(_step(subject, x, h), _exact_small(subject, x, h), strict=True)]
            rates.append(biggest(gaps) / h ** (wanted + 1))
    growth = rates[1] / (rates[0] + arb(2) ** -60)
    return Excess(growth - 16, arb(0))  # of a lower order it is 64 at least


def _exact_small(subject: Subject, x: Vector, h: Number) -> Vector:
    return _exact(subject, x, h)


__all__ = ["Members", "excess"]
