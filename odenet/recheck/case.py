"""One claim under examination: its goal, the lemmas that were accepted, and the walk through its proof."""
from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from odenet.ir.model import Comparison, Model
from odenet.ir.node import Node, add, depends_on, replaced, scale, states
from odenet.ir.node import number as constant
from odenet.ir.sizes import SCALAR, MapSpace, Space, codomain, domain
from odenet.operators.functions import FUNCTIONS
from odenet.plan.steps import Plan
from odenet.recheck.bounds import Bounds
from odenet.recheck.data import Data
from odenet.recheck.entries import Entries
from odenet.recheck.jumps import first_jump
from odenet.recheck.kinks import without_kinks
from odenet.recheck.reading import Reader
from odenet.recheck.scalars import Rejected, Scalar, Symbol, is_zero, number
from odenet.recheck.signs import Signs
from odenet.recheck.slopes import Derivatives
from odenet.recheck.words import Form, entry

Rows = tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Goal:
    """What a step must prove. `kind` is field, move, flow, net or def; `rows` the right-hand side of a field or of a part.

    An argument is a node of the spec, a scalar (a bound that a rule above asks for), or a word such as `permutation`.
    """

    kind: str
    property: str
    arguments: tuple[Any, ...] = ()
    norm: str = "2"
    rows: Rows = ()
    subject: Any = None
    region: tuple[Comparison, ...] = ()

    def of(self, kind: str, property: str, *arguments: Any, **more: Any) -> Goal:
        """A goal below this one."""
        return replace(self, kind=kind, property=property, arguments=arguments, **more)


@dataclass
class Step:
    """One step of a proof as the certificate has it. What no rule looks at is refused at the end."""

    rule: str
    data: dict[str, Any]
    premises: list[Any]
    used: int = 0

    def take(self, name: str) -> Any:
        if name not in self.data:
            raise Rejected(f"rule `{self.rule}` needs the datum `{name}`")
        return self.data.pop(name)


class Case:
    """Everything that rules may ask for about one claim of one model."""

    def __init__(self, model: Model, plans: dict[str, Plan], region: tuple[Comparison, ...], rules: dict[str, Any]) -> None:
        self.model, self.plans, self.rules = model, plans, rules
        self.reader = Reader(model)
        self.derivatives = Derivatives(self.reader)
        self.data = Data(self.derivatives)
        self.settings = {(bool(on), orthant): Signs(self.reader, on, orthant)
                         for on in {region, ()} for orthant in (False, True)}
        self.is_region = bool(region)
        self.conditions: list[str] = []
        self.walk: Callable[[Goal, Any], None] = self.check  # what is done with each step
        self._jacobians: dict[tuple[Rows, str, str], Form] = {}

    @property
    def basic(self) -> Case:
        """The same in an algebra of its own where functions are written by a few basic ones: for equalities."""
        other = copy(self)
        other.reader = Reader(self.model, uses_basics=True)
        other.derivatives = Derivatives(other.reader)
        other._jacobians = {}
        return other

    def vanishes(self, difference: Callable[[Case], Form], what: str) -> None:
        """A form is zero, with functions as they are or by basic ones."""
        basic = self.basic
        if not self.is_zero_form(difference(self)) and not basic.is_zero_form(without_kinks(difference(basic))):
            raise Rejected(what)

    # --- entry by entry, where sizes are numbers --------------------------------------------------------------------

    def is_zero_form(self, form: Form) -> bool:
        return form.is_zero() or (self.has_entries and Entries(self.reader).are_zero(form))

    def is_zero(self, scalar: Scalar) -> bool:
        return is_zero(scalar) or (self.has_entries and is_zero(self.spelled(scalar)))

    def spelled(self, scalar: Scalar) -> Scalar:
        """A scalar in the entries of vectors and matrices, as far as their sizes are numbers."""
        return Entries(self.reader).scalar(scalar) if self.has_entries else scalar

    @property
    def has_entries(self) -> bool:
        """Whether a block or parameter has a size that is a number."""
        spaces = [*(b.space for b in self.model.blocks), *(p.space for p in self.model.parameters if isinstance(p.space, Space))]
        return any(self.reader.size(size).constant() is not None for space in spaces for size in space.sizes)

    # --- the walk ---------------------------------------------------------------------------------------------------

    def prove(self, goal: Goal, data: Any) -> None:
        """Check that a proof, as the certificate has it, proves the goal. Raises Rejected."""
        self.walk(goal, data)

    def check(self, goal: Goal, data: Any) -> None:
        """The same, whatever is known of it from before."""
        if not isinstance(data, list) or len(data) < 2 or data[0] not in self.rules or not isinstance(data[1], dict):
            raise Rejected(f"no such step: {str(data)[:80]}")
        rule: Callable[[Case, Goal, Step], None] = self.rules[data[0]]
        step = Step(data[0], {name: self.data.read(value) for name, value in data[1].items()}, data[2:])
        rule(self, goal, step)
        if step.data or step.used < len(step.premises):
            raise Rejected(f"a step by `{step.rule}` has data or premises that prove nothing")

    def premise(self, step: Step, goal: Goal) -> None:
        """The next premise of a step proves `goal`."""
        if step.used >= len(step.premises):
            raise Rejected(f"a premise of `{step.rule}` is missing")
        step.used += 1
        self.prove(goal, step.premises[step.used - 1])

    def demand(self, holds: bool, what: str) -> None:
        if not holds:
            raise Rejected(what)

    # --- assumptions ------------------------------------------------------------------------------------------------

    def signs(self, goal: Goal, is_orthant: bool = False) -> Signs:
        return self.settings[bool(goal.region), is_orthant]

    def bounds(self, goal: Goal) -> Bounds:
        return Bounds(self.reader, self.signs(goal))

    def value(self, argument: Any) -> Scalar:
        return argument if isinstance(argument, Scalar) else self.reader.scalar(argument)

    # --- right-hand sides -------------------------------------------------------------------------------------------

    def rows(self, fields: tuple[str, ...]) -> Rows:
        """The sum of the named fields, in the order of the state."""
        found = {b.name: [n for f in fields for name, n in self.model.field(f).rows if name == b.name] for b in self.model.blocks}
        return tuple((name, add(*terms)) for name, terms in found.items() if terms)

    def blocks(self, rows: Rows) -> list[str]:
        """What a right-hand side reads or moves."""
        used = {name for name, _ in rows} | {s for _, node in rows for s in states(node)}
        return [b.name for b in self.model.blocks if b.name in used]

    def rate(self, rows: Rows, block: str) -> Form:
        node = dict(rows).get(block)
        return Form(self.reader.table, SCALAR, self.reader.block(block), []) if node is None else self.reader.form(node)

    def jacobian(self, rows: Rows, row: str, column: str) -> Form:
        key = (rows, row, column)
        if key not in self._jacobians:
            self._jacobians[key] = self.slope(self.rate(rows, row), column)
        return self._jacobians[key]

    def slope(self, form: Form, block: str) -> Form:
        return self.derivatives.jacobian(form, self.reader.table.atom("state", block), self.reader.block(block))

    def gradient(self, node: Node, block: str) -> Form:
        return self.slope(self.reader.form(node), block).T

    def along(self, invariant: Node, rows: Rows) -> Scalar:
        """grad I . f"""
        total = number(0)
        for block, _ in rows:
            total = total + (self.slope(self.reader.form(invariant), block) @ self.rate(rows, block)).scalar()
        return total

    # --- domains ----------------------------------------------------------------------------------------------------

    def defined(self, nodes: tuple[Node, ...], signs: Signs, is_constant_too: bool = False) -> None:
        """Expressions are defined and continuous, roots away from zero, wherever the claim speaks of them.

        What parameters alone make up is the user's to define, but in an expression that the certificate brought along.
        """
        for root in nodes:
            name = first_jump(root)
            self.demand(not name, f"`{name}` is not continuous")
        for node in dict.fromkeys(n for root in nodes for n in root.walk()):
            if not is_constant_too and not depends_on(node, "state") and not depends_on(node, "variable"):
                continue
            is_root = node.op == "power" and (node.data[0] < 0 or node.data[0].denominator != 1)
            if node.op == "function":
                row = FUNCTIONS[node.data[0]]
                self.demand(row.domain in ("all", "positive", "nonnegative"), f"`{node.data[0]}` is not defined everywhere")
                is_root = row.domain != "all"
            if is_root and not self._is_positive(_under_powers(node.args[0]), signs):
                raise Rejected("an argument is not shown to be positive")

    def _is_positive(self, root: Node, signs: Signs) -> bool:
        """By a lemma, or as it is written: 1 + dot(u, u) > 0 whatever u is."""
        if entry(self.reader.form(root)) in signs.strict:
            return True
        return sign_of(self.model, root) == 2

    def well_formed(self, root: Node) -> None:
        """Every node of an expression that the certificate brought along is in the space that it says."""
        for node in root.walk():
            form, space = self.reader.form(node), self.reader.space(node.space)
            is_map = isinstance(space, MapSpace) or space.rank == 2
            ends = (domain(space), codomain(space)) if is_map else (SCALAR, space)
            self.demand((form.start, form.end) == ends, "a node is in another space")

    def smooth(self, nodes: tuple[Node, ...]) -> None:
        """First derivatives are continuous, so that second ones almost everywhere tell the whole truth."""
        for node in (n for root in nodes for n in root.walk()):
            kinks = node.op in ("norm", "largest", "smallest")
            if node.op == "function":
                kinks = FUNCTIONS[node.data[0]].smoothness in (-1, 0)
            self.demand(not kinks, f"`{node.op}` has kinks")

    def without_jumps(self, root: Node, gradients: list[Form]) -> None:
        """The gradients of a node are continuous: relu has a jump in its slope, relu^2 has none."""
        for node in root.walk():
            self.demand(node.op not in ("norm", "largest", "smallest"), f"`{node.op}` has kinks")
        self.demand(not any(map(_jumps, gradients)), "the gradient jumps")


def sign_of(model: Model, root: Node) -> int:
    """2: positive, 1: nonnegative, 0: unknown, of all entries that an expression has as it is written."""
    known: dict[Node, int] = {}
    for node in root.walk():
        known[node] = _sign_of(model, node, [known[a] for a in node.args])
    return known[root]


def _low_end(node: Node) -> Fraction:
    """An end that is a number, or -1 where it is none."""
    return node.data[0] if node.op == "number" else Fraction(-1)


def _sign_of(model: Model, node: Node, a: list[int]) -> int:
    if node.op in ("number", "dim", "ones"):
        return 2 if node.op != "number" or node.data[0] > 0 else int(node.data[0] == 0)
    if node.op == "param" and not isinstance(node.space, MapSpace) and node.space.rank < 2:
        sets = model.parameter(node.data[0]).sets
        names, lows = {s.name for s in sets}, [_low_end(s.arguments[0]) for s in sets if s.name == "interval"]
        low = max(lows, default=Fraction(-1))
        return 2 if "positive" in names or low > 0 else int("nonnegative" in names or low == 0)
    if node.op in ("mul", "scale", "dot"):
        return max(min(a), int(node.args[0] == node.args[1]))
    if node.op == "add":
        return max(a) if min(a) else 0
    if node.op in ("largest", "smallest"):
        return max(a) if node.op == "largest" else min(a)
    if node.op == "function":
        values = FUNCTIONS[node.data[0]].values(*node.data[1:])
        reached = values.low is not None and (values.low < 0 or (values.low == 0 and values.low_reached))
        return 0 if values.low is None or values.low < 0 else 1 if reached else 2
    if node.op == "power":
        return max(a[0], int(node.data[0] > 0 and node.data[0] % 2 == 0))
    return a[0] if node.op in ("sum", "mean", "spread") else int(node.op == "norm")


def _jumps(thing: Any) -> bool:
    """Whether a function with a jump occurs in a form, scalar or symbol, at any depth."""
    if isinstance(thing, Symbol):
        is_jump = thing.kind == "chosen" or (thing.kind == "function" and FUNCTIONS[thing.data[0]].smoothness == -1)
        return is_jump or any(map(_jumps, thing.data))
    if isinstance(thing, Scalar | Form):
        return any(_jumps(key) or _jumps(c) for key, c in thing.terms.items())
    return isinstance(thing, tuple) and any(map(_jumps, thing))


def _under_powers(node: Node) -> Node:
    """What is positive exactly where a power of it is."""
    while node.op == "power" or (node.op == "function" and node.data[0] == "sqrt"):
        node = node.args[0]
    return node


def flipped(node: Node, blocks: set[str]) -> Node:
    """The node with the named blocks of the state negated."""
    return replaced(node, lambda leaf: scale(constant(-1), leaf) if leaf.op == "state" and leaf.data[0] in blocks else None)


def with_zero(node: Node, block: str) -> Node:
    """The node where a scalar block is 0."""
    return replaced(node, lambda leaf: constant(0) if leaf.op == "state" and leaf.data[0] == block else None)
