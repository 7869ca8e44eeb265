"""One substep together with its log-determinant, as a method of the emitted class.

Such a method takes the sum of the log-determinants so far behind its other arguments and gives it back behind the blocks. A
substep that keeps volume has no such method: it is run as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from odenet.emit.advances import Advances, Inverse, adjoint
from odenet.emit.expressions import Writer
from odenet.emit.parts import Part, Want, Workshop, returned, returns, unpacked
from odenet.emit.sizes import Sizes
from odenet.emit.tree import (
    Assign,
    Binary,
    Do,
    Expression,
    Function,
    If,
    Items,
    Lambda,
    Name,
    Number,
    Return,
    Statement,
    call,
    items,
)
from odenet.ir.differentiate import products
from odenet.ir.node import Node, add, depends_on, number, scale, state, variable
from odenet.ir.sizes import SCALAR, Space
from odenet.plan import volumes
from odenet.plan.steps import DURATION, Advance, Closed, Linear, RungeKutta
from odenet.plan.volumes import Rows, Volume
from odenet.proof.finding import Finding
from odenet.schemes.numbers import Exact, as_node
from odenet.schemes.tables import coefficients, is_explicit


@dataclass(frozen=True)
class Counted(Part):
    """A method that also adds up log-determinants; `takes_probes`: it can estimate its own."""

    takes_probes: bool


def proved_bounds(findings: tuple[Finding, ...]) -> dict[str, Fraction]:
    """Fields with a proved Lipschitz constant that is a number: for all states and parameters, without conditions."""
    found: dict[str, Fraction] = {}
    for finding in findings:
        claim = finding.claim
        is_bound = claim.kind == "field" and claim.property == "lipschitz" and len(claim.fields) == 1
        if finding.verdict != "proved" or not is_bound or claim.region or finding.conditions or not claim.arguments:
            continue
        constant = claim.arguments[0]
        if isinstance(constant, Node) and constant.op == "number":
            found[claim.fields[0]] = min(constant.data[0], found.get(claim.fields[0], constant.data[0]))
    return found


class CountedAdvances:
    """As `Advances`, with methods that add up log-determinants where a substep changes volume.

    bounds: proved Lipschitz constants of fields, for estimates.
    """

    def __init__(self, advances: Advances, bounds: dict[str, Fraction]) -> None:
        self.advances, self.bounds = advances, bounds
        self.kept: set[str] = set()  # methods that keep volume
        self.shop, self.locals, self.model = advances.shop, advances.locals, advances.model

    def part(self, field: str, advance: Advance, moves_clock: bool, label: str) -> Part:
        """The method of an advance; one that keeps volume as it is, any other `Counted`."""
        plain = self.advances.part(field, advance, moves_clock, label)
        key = ("counted", plain.method)
        if key not in self.shop.parts and plain.method not in self.kept:
            made = self._made(plain, field, advance, moves_clock)
            if made is plain:
                self.kept.add(plain.method)
            else:
                self.shop.parts[key] = made
        return self.shop.parts.get(key, plain)

    def inverse(self, field: str, advance: Advance, moves_clock: bool, label: str, contracts: bool) -> Inverse | str:
        """The method that undoes an advance and adds up the log-determinants of the inverse, or why there is none."""
        found = self.advances.inverse(field, advance, moves_clock, label, contracts)
        if isinstance(found, str):
            return found
        forward = self.part(field, advance, moves_clock, label)
        if not found.is_backward:
            return Inverse(self._undone(found.part, forward), False) if isinstance(forward, Counted) else found
        if isinstance(advance, RungeKutta) and not advance.is_explicit:
            table = adjoint(advance.table)
            other = RungeKutta(advance.rates, table, is_explicit(table))
            return Inverse(self.part(field, other, moves_clock, f"{label}_adjoint"), True)
        return Inverse(forward, True)

    # --- what is known of a substep ------------------------------------------------------------------------------

    def _made(self, plain: Part, field: str, advance: Advance, moves_clock: bool) -> Part:
        if isinstance(advance, Closed):
            return self._by_rows(plain, advance.rows, _prepared(self.shop, advance.rows), None)
        if isinstance(advance, Linear):
            volume = volumes.of_linear(self.model, advance)
            return plain if volume.is_kept else self._beside(plain, volume.total)
        if isinstance(advance, RungeKutta):
            return self._runge_kutta(plain, field, advance, moves_clock)
        return self._by_step(plain, "dense_step", None)

    def _runge_kutta(self, plain: Part, field: str, advance: RungeKutta, moves_clock: bool) -> Part:
        if volumes.is_cascade(advance.rates):
            return plain
        table = coefficients(advance.table)
        if not advance.is_explicit and table.stages == 1 and table.weights[0]:
            return self._one_stage(plain, advance, moves_clock)
        reach = self._reach(field, advance)
        if advance.is_explicit and len(advance.table.weights) == 1:
            length = scale(as_node(coefficients(advance.table).weights[0]), variable(DURATION, SCALAR))
            return self._by_rows(plain, _moved(length, advance.rates), _moved(length, self.shop.rows(field)), reach)
        is_entrywise = advance.is_explicit and volumes.is_entrywise(advance.rates)
        return self._by_step(plain, "entrywise_step" if is_entrywise else "dense_step", reach)

    def _by_rows(self, plain: Part, rows: Rows, prepared: Rows, reach: tuple[float, ...] | None) -> Part:
        """`rows` are the new values of the moved blocks, `prepared` the same as the plain method writes them."""
        volume = volumes.of_rows(self.model, rows)
        if volume is None:
            return self._by_step(plain, "dense_step", reach)
        return plain if volume.is_kept else self._written(plain, prepared, volume, reach if volume.matrices else None)

    def _one_stage(self, plain: Part, advance: RungeKutta, moves_clock: bool) -> Part:
        """With Y = x + a h f(Y) and y = Y + (b - a) h f(Y): det Dy = det(I + (b - a) h Df(Y)) / det(I - a h Df(Y))."""
        table = coefficients(advance.table)
        a, b = table.matrix[0][0], table.weights[0]
        lengths = [scale(as_node(c), variable(DURATION, SCALAR)) for c in (b - a, -a)]
        ahead, behind = (volumes.of_rows(self.model, _moved(length, advance.rates)) for length in lengths)
        if ahead is None or behind is None:
            return self._by_step(plain, "dense_step", None)
        return self._at_stage(plain, (ahead, behind), a / b, table.nodes[0] if moves_clock else Exact(0))

    def _reach(self, field: str, advance: RungeKutta) -> tuple[float, ...] | None:
        """A bound of the Lipschitz constant of an explicit step without the identity, where that of its field is proved.

        The coefficients of a polynomial in |h|, from |h|^1 on: k_i = f(x + h sum of a_ij k_j) has the constant
        L_i = L (1 + |h| sum of |a_ij| L_j), the step |h| sum of |b_i| L_i.
        """
        constant = self.bounds.get(field)
        if constant is None or not advance.is_explicit:
            return None
        table = coefficients(advance.table)
        slopes: list[list[Exact]] = []
        for row in table.matrix:
            inner = _weighted(row[: len(slopes)], slopes)
            slopes.append([Exact(constant), *(Exact(constant) * c for c in inner)])
        return tuple(float(c) for c in _weighted(table.weights, slopes))

    # --- methods -------------------------------------------------------------------------------------------------

    def _written(self, plain: Part, rows: Rows, volume: Volume, reach: tuple[float, ...] | None) -> Part:
        """New values and log-determinant side by side: what both need is computed once."""
        nodes = self._nodes(volume)
        writer = self._writer(plain, [*(row for _, row in rows), *nodes])
        self._checked(writer, volume)
        results = [self.shop.like_block(writer, b, writer.value(row)) for b, row in rows]
        total = self._summed(writer, nodes, "+", Name(self.locals.log_det))
        wants = self.shop.wants(*(row for _, row in rows), *nodes)
        timed = plain.takes_time or any(depends_on(node, "time") for node in nodes)
        return self._part(plain, wants, timed, returned(writer.body, [*results, total]), reach)

    def _at_stage(self, plain: Part, volumes: tuple[Volume, Volume], share: Exact, node: Exact) -> Part:
        """The plain step, and its log-determinant at its stage: `share` of the way and `node` of the duration later."""
        ahead, behind = map(self._nodes, volumes)
        writer = self._writer(plain, [*ahead, *behind])
        for volume in volumes:
            self._checked(writer, volume)
        ends = {b: writer.names.new(f"new_{self.locals[b]}") for b in plain.moved}
        writer.body.append(Assign(tuple(ends.values()), self._called(plain)))
        writer.body += [Assign((self.locals[b],), self._between(self.locals[b], end, share)) for b, end in ends.items()]
        if plain.takes_time and node:
            later = Binary("*", Number(float(node)), Name(self.locals.duration))
            writer.body.append(Assign((self.locals.time,), Binary("+", Name(self.locals.time), later)))
        total = self._summed(writer, ahead, "+", Name(self.locals.log_det))
        total = self._summed(writer, behind, "-", total)
        more = [w for w in self.shop.wants(*ahead, *behind) if w.name not in {w.name for w in plain.wants}]
        body = returned(writer.body, [*map(Name, ends.values()), total])
        return self._part(plain, (*plain.wants, *more), plain.takes_time, body, None)

    def _between(self, start: str, end: str, share: Exact) -> Expression:
        return Name(end) if share == 1 else call("torch.lerp", Name(start), Name(end), Number(float(share)))

    def _nodes(self, volume: Volume) -> list[Node]:
        return [self.shop.prepared(node) for node in (volume.total, *volume.matrices)]

    def _writer(self, plain: Part, nodes: list[Node]) -> Writer:
        writer = self.shop.writer(self.locals.inner(), self.locals[plain.moved[0]])
        writer.count(*nodes)
        return writer

    def _checked(self, writer: Writer, volume: Volume) -> None:
        """No determinant of a matrix that is too large is begun."""
        for matrix in volume.matrices:
            self.shop.runtime["small_enough"] = None
            writer.body.append(Do(call("small_enough", Sizes(self.model).size(_space(matrix).sizes[0]))))

    def _summed(self, writer: Writer, nodes: list[Node], sign: str, total: Expression) -> Expression:
        """`total` with a log-determinant added or subtracted: a node, and matrices behind it."""
        if nodes[0] != number(0):
            total = Binary(sign, total, writer.value(nodes[0]).code)
        for matrix in nodes[1:]:
            self.shop.runtime["log_abs_det"] = None
            total = Binary(sign, total, call("log_abs_det", writer.full(matrix).code))
        return total

    def _beside(self, plain: Part, change: Node) -> Part:
        """The plain method, and a log-determinant that does not depend on the state."""
        change = self.shop.prepared(change)
        writer = self._writer(plain, [change])
        more = tuple(w for w in self.shop.wants(change) if w not in plain.wants)
        value = writer.value(change).code
        body = [*self._run(plain), *writer.body]
        body.append(Return(items(*self._moved(plain), Binary("+", Name(self.locals.log_det), value))))
        return self._part(plain, (*plain.wants, *more), plain.takes_time, body, None)

    def _by_step(self, plain: Part, runtime: str, reach: tuple[float, ...] | None) -> Part:
        """A runtime function runs the plain method and finds the log-determinant."""
        body = self._stepped(plain, runtime, ())
        return self._part(plain, plain.wants, plain.takes_time, body, reach if runtime == "dense_step" else None)

    def _stepped(self, plain: Part, runtime: str, more: tuple[Expression, ...]) -> list[Statement]:
        self.shop.runtime[runtime] = None
        change = self.locals.inner().new("change")
        taken = ", ".join(self.locals[b] for b in plain.moved)
        step = Lambda(taken, unpacked(len(plain.moved), self._called(plain)))
        made = call(runtime, step, Items(tuple(self._moved(plain))), *more)
        targets = f"({taken},)" if len(plain.moved) == 1 else f"({taken})"
        total = Binary("+", Name(self.locals.log_det), Name(change))
        return [Assign((targets, change), made), Return(items(*self._moved(plain), total))]

    def _undone(self, back: Part, forward: Counted) -> Part:
        """The inverse by iteration, and the log-determinant of the step at what it gives."""
        key = ("counted", back.method)
        if key not in self.shop.parts:
            found = self.locals.inner().new("change")
            given: list[Expression] = [Name(name) for name in _argument_names(forward)]
            given[-1 - forward.takes_probes] = call("torch.zeros_like", Name(self.locals.log_det))
            made = call(f"self.{forward.method}", *given)
            body = [*self._run(back), Assign((*("_" for _ in forward.moved), found), made)]
            body.append(Return(items(*self._moved(back), Binary("-", Name(self.locals.log_det), Name(found)))))
            self.shop.parts[key] = self._part(back, forward.wants, forward.takes_time, body, None, forward.takes_probes)
        return self.shop.parts[key]

    def _called(self, plain: Part) -> Expression:
        names = tuple(map(Name, self.shop.local_names(plain.wants)))
        return plain.call(self.locals, Name(self.locals.duration), Name(self.locals.time), names)

    def _run(self, plain: Part) -> list[Statement]:
        return [Assign(tuple(self.locals[b] for b in plain.moved), self._called(plain))]

    def _moved(self, plain: Part) -> list[Expression]:
        return [Name(self.locals[b]) for b in plain.moved]

    def _part(
        self,
        plain: Part,
        wants: tuple[Want, ...],
        timed: bool,
        body: list[Statement],
        reach: tuple[float, ...] | None,
        takes_probes: bool = False,
    ) -> Counted:
        locals = self.locals
        takes_probes = takes_probes or reach is not None
        names = self.shop.local_names(wants)
        arguments = (*self.shop.arguments(plain.blocks, True, timed, names), f"{locals.log_det}: Tensor")
        arguments += (f"{locals.probes}: int | None",) if takes_probes else ()
        if reach is not None:
            polynomial = Items(tuple(Number(c) for c in reach))
            estimate = self._stepped(plain, "estimated_step", (Name(locals.probes), Name(locals.duration), polynomial))
            body = [If(f"{locals.probes} is not None", tuple(estimate)), *body]
        name = self.shop.methods.new(f"{plain.method}_and_log_det")
        about = f"`{plain.method}`, and `{locals.log_det}` with the log-determinant of its Jacobian added."
        function = Function(name, arguments, returns(len(plain.moved) + 1), (about,), tuple(body))
        return Counted(name, plain.blocks, plain.moved, wants, True, timed, function, takes_probes)


def _moved(length: Node, rates: Rows) -> Rows:
    """x + length f(x), block by block."""
    return tuple((b, add(state(b, _space(rate)), products.times(length, rate))) for b, rate in rates)


def _prepared(shop: Workshop, rows: Rows) -> Rows:
    return tuple((b, shop.prepared(row)) for b, row in rows)


def _argument_names(part: Part) -> list[str]:
    return [argument.partition(":")[0] for argument in part.function.parameters[1:]]


def _weighted(weights: tuple[Exact, ...], slopes: list[list[Exact]]) -> list[Exact]:
    """The sum of |weight| times polynomial."""
    longest = max((len(slope) for weight, slope in zip(weights, slopes, strict=True) if weight), default=0)
    total = [Exact(0)] * longest
    for weight, slope in zip(weights, slopes, strict=True):
        total = [t + (abs(weight) * slope[k] if k < len(slope) else 0) for k, t in enumerate(total)]
    return total


def _space(node: Node) -> Space:
    assert isinstance(node.space, Space)
    return node.space
