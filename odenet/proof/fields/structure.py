"""divergence_free, gradient, hamiltonian, reversible, equivariant: equalities between normal forms."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from odenet.algebra.forms import Form, identity, of_letter
from odenet.algebra.kinks import folded
from odenet.algebra.letters import embed
from odenet.algebra.scalars import ZERO, Scalar, rational
from odenet.algebra.setting import Setting
from odenet.algebra.trace import trace
from odenet.ir.model import Comparison, Pair
from odenet.ir.node import Node, apply, depends_on
from odenet.ir.sizes import SCALAR, MapSpace, Size, Space, codomain, domain
from odenet.proof import domains
from odenet.proof.context import Context, Outcome, Rates, negated, substituted
from odenet.proof.finding import Proof
from odenet.proof.potentials import constructed, spelled
from odenet.proof.rules import by
from odenet.proof.spelling import shortened


def divergence_free(context: Context, rates: Rates) -> Outcome:
    total = divergence(context, rates)
    if context.is_zero(total):
        return by("zero trace", "tr Df = 0")
    return f"tr Df has the normal form {total.key}, which is not shown to be zero"


def divergence(context: Context, rates: Rates) -> Scalar:
    total = ZERO
    for block, _ in rates.rows:
        jacobian = context.jacobian(rates, block, block)
        total = total + (jacobian.scalar() if jacobian.end == SCALAR else trace(jacobian))
    return total


# --- gradients --------------------------------------------------------------------------------------------------


def gradient(context: Context, rates: Rates, region: tuple[Comparison, ...]) -> Outcome:
    """A potential constructed and differentiated back, or a symmetric Jacobian on a convex region."""
    found = constructed(context, lambda c: {b.name: c.rate(rates, b.name) for b in c.blocks_of(rates)}, region)
    if found is not None and isinstance(gradient_of(context, rates, found), Proof):
        return by("constructed potential", f"f = grad V with V = {spelled(found)}", potential=found)
    return _symmetric(context, rates, region)


def _symmetric(context: Context, rates: Rates, region: tuple[Comparison, ...]) -> Outcome:
    names = [b.name for b in context.blocks_of(rates)]
    for i, row in enumerate(names):
        for column in names[i:]:
            difference = _unmatched(context, lambda c, i=row, j=column: c.jacobian(rates, i, j) - c.jacobian(rates, j, i).T)  # type: ignore[misc]
            if difference is not None:
                return f"Df - Df' does not vanish in its block ({row}, {column}): {shown(difference)}"
    if not is_convex_region(region):
        return "Df is symmetric, but the region is not shown to be convex; give the potential: gradient(V)"
    return by("symmetric jacobian", "Df - Df' = 0 in normal form")


def gradient_of(context: Context, rates: Rates, potential: Node) -> Outcome:
    for block in context.model.blocks:
        difference = _unmatched(context, lambda c, b=block.name: c.rate(rates, b) - c.gradient(potential, b))  # type: ignore[misc]
        if difference is not None:
            return f"f - grad V does not vanish in block {block.name}: {shown(difference)}"
    return by("given potential", "f - grad V = 0 in normal form")


def _unmatched(context: Context, difference: Callable[[Context], Form]) -> Form | None:
    """What is left of a difference that does not vanish, with functions as they are or by basics; None where it vanishes."""
    form = difference(context)
    if context.vanishes(form) or context.basic.vanishes(folded(difference(context.basic))):
        return None
    return form


# --- Hamiltonian fields -----------------------------------------------------------------------------------------

Half = tuple[str, Form]  # a block and the map from it onto one half of a conjugate pair


def halves(context: Context, pair: Pair) -> tuple[Half, Half]:
    """Positions and momenta of a pair as (block, projection)."""
    space = context.space(pair.position)
    if not pair.is_halved:
        return (pair.position, identity(space)), (pair.momentum, identity(space))
    total = space.sizes[0]
    half = total.scaled(Fraction(1, 2))
    return ((pair.position, of_letter(embed(Size(), half, total)).T), (pair.position, of_letter(embed(half, total, total)).T))


def _part(context: Context, rates: Rates, row: Half, column: Half) -> Form:
    """One block of Df between halves of pairs."""
    return row[1] @ context.jacobian(rates, row[0], column[0]) @ column[1].T


def hamiltonian(context: Context, rates: Rates, region: tuple[Comparison, ...]) -> Outcome:
    """An energy constructed and differentiated back, or J^-1 Df symmetric on a convex region."""
    problem = unpaired(context, rates)
    if problem:
        return problem
    found = constructed(context, lambda c: _turned(c, rates), region)
    if found is not None and isinstance(hamiltonian_of(context, rates, found), Proof):
        return by("constructed potential", f"f = J grad H with H = {spelled(found)}", potential=found)
    return _turned_symmetric(context, rates, region)


def _turned(context: Context, rates: Rates) -> dict[str, Form]:
    """J^-1 f, block by block: what the gradient of an energy must be."""
    slopes: dict[str, Form] = {}
    for pair in context.model.pairs:
        q, p = halves(context, pair)
        for half, other, sign in ((q, p, -1), (p, q, 1)):
            piece = (half[1].T @ other[1] @ context.rate(rates, other[0])).scaled(rational(sign))
            slopes[half[0]] = slopes[half[0]] + piece if half[0] in slopes else piece
    return slopes


def _turned_symmetric(context: Context, rates: Rates, region: tuple[Comparison, ...]) -> Outcome:
    """J^-1 Df = [[-Dp_q, -Dp_p], [Dq_q, Dq_p]] is symmetric, for f = (q', p')."""
    pairs = [halves(context, pair) for pair in context.model.pairs]
    for i, (q, p) in enumerate(pairs):
        for r, s in pairs[i:]:
            for text, difference in _symmetry(context, rates, q, p, r, s):
                if not context.vanishes(difference) and not context.basic.vanishes(
                        folded(dict(_symmetry(context.basic, rates, q, p, r, s))[text])):
                    return f"J^-1 Df is not symmetric: {text} leaves {shown(difference)}"
    if not is_convex_region(region):
        return "J^-1 Df is symmetric, but the region is not shown to be convex; give the energy: hamiltonian(H)"
    return by("hamiltonian jacobian", "J^-1 Df - (J^-1 Df)' = 0 in normal form")


def _symmetry(context: Context, rates: Rates, q: Half, p: Half, r: Half, s: Half) -> Iterator[tuple[str, Form]]:
    def d(row: Half, column: Half) -> Form:
        return _part(context, rates, row, column)

    yield f"d{q[0]}'/d{s[0]} - (d{r[0]}'/d{p[0]})'", d(q, s) - d(r, p).T
    yield f"d{p[0]}'/d{r[0]} - (d{s[0]}'/d{q[0]})'", d(p, r) - d(s, q).T
    yield f"d{q[0]}'/d{r[0]} + (d{s[0]}'/d{p[0]})'", d(q, r) + d(s, p).T
    yield f"d{p[0]}'/d{s[0]} + (d{r[0]}'/d{q[0]})'", d(p, s) + d(r, q).T


def unpaired(context: Context, rates: Rates) -> str | None:
    """A block that the field reads or moves and that belongs to no pair."""
    paired = {name for pair in context.model.pairs for name in (pair.position, pair.momentum)}
    loose = [b.name for b in context.blocks_of(rates) if b.name not in paired]
    return f"block {loose[0]} belongs to no conjugate pair" if loose else None


def hamiltonian_of(context: Context, rates: Rates, energy: Node) -> Outcome:
    problem = unpaired(context, rates)
    if problem:
        return problem
    for pair in context.model.pairs:
        q, p = halves(context, pair)
        for half, other, sign in ((q, p, 1), (p, q, -1)):
            difference = _unmatched(context, lambda c: _against(c, rates, energy, half, other, sign))  # noqa: B023
            if difference is not None:
                return f"f - J grad H does not vanish in block {half[0]}: {shown(difference)}"
    return by("given potential", "f - J grad H = 0 in normal form")


def _against(context: Context, rates: Rates, energy: Node, half: Half, other: Half, sign: int) -> Form:
    """One half of f - J grad H."""
    slope = other[1] @ context.gradient(energy, other[0])
    return half[1] @ context.rate(rates, half[0]) - slope.scaled(rational(sign))


# --- symmetries -------------------------------------------------------------------------------------------------


def reversible(context: Context, rates: Rates, region: Setting | None = None) -> Outcome:
    """f(Rx) + R f(x) = 0, R the flip of momenta. `region`: the setting of a claim that speaks of a region, which R x may leave."""
    problem = unpaired(context, rates)
    if problem:
        return problem
    if any(pair.is_halved for pair in context.model.pairs):
        return "reversibility of a halved block is not handled; declare the pair as two blocks `state q, p : …`"
    momenta = {pair.momentum for pair in context.model.pairs}
    return _substitution(context, rates, momenta, lambda block: -1 if block not in momenta else 1, "f(Rx) + R f(x) = 0",
                         region)


def sign_equivariant(context: Context, rates: Rates, region: Setting | None = None) -> Outcome:
    every = {b.name for b in context.model.blocks}
    return _substitution(context, rates, every, lambda _: -1, "f(-x) + f(x) = 0", region)


def _off_domain(context: Context, node: Node, region: Setting | None) -> str | None:
    """Why f(g x) may not be there for an x of the region. Without a region f is known to be defined everywhere."""
    problem = None if region is None else domains.obstacle(context, (node,), region)
    return problem and f"the action may leave the region, and there {problem}"


def matrix_equivariant(context: Context, rates: Rates, matrix: Node, region: Setting | None = None) -> Outcome:
    """f(Qx) = Q f(x) for an orthogonal Q that acts on every block."""
    fits = {context.translator.plain(end(matrix.space)) for end in (domain, codomain)}
    strange = [b.name for b in context.blocks_of(rates) if fits != {context.space(b.name)}]
    if strange:
        return f"the matrix does not act on block `{strange[0]}`"
    values = {b.name: apply(matrix, Node("state", (), (b.name,), b.space)) for b in context.blocks_of(rates)}
    for block, node in rates.rows:
        moved = substituted(node, values)
        if problem := _off_domain(context, moved, region):
            return problem
        difference = _unmatched(context, lambda c, a=moved, b=node: c.form(a) - c.form(matrix) @ c.form(b))  # type: ignore[misc]
        if difference is not None:
            return f"f(Qx) - Q f(x) = 0 fails in block {block}: {shown(difference)}"
    return by("substitution", "f(Qx) - Q f(x) = 0 in normal form")


def _substitution(context: Context, rates: Rates, flipped: set[str], sign: Callable[[str], int],
                  statement: str, region: Setting | None) -> Outcome:
    values = {name: negated(Node("state", (), (name,), context.model.block(name).space)) for name in sorted(flipped)}
    for block, node in rates.rows:
        turn = rational(-sign(block))
        moved = substituted(node, values)
        if problem := _off_domain(context, moved, region):
            return problem
        difference = _unmatched(context, lambda c, a=moved, b=node, k=turn: c.form(a) + c.form(b).scaled(k))  # type: ignore[misc]
        if difference is not None:
            return f"{statement} fails in block {block}: {shown(difference)}"
    return by("substitution", statement + " in normal form")


ACTIONS = ("permutation", "translation", "sign")
_BOTH = frozenset({
    "number", "dim", "time", "state", "ones", "zeros", "add", "mul", "scale", "power", "function", "sum", "mean", "dot", "norm",
    "largest", "smallest", "softmax", "spread", "apply", "compose", "transpose",
})
_COMMUTE = {"permutation": _BOTH | {"eye", "diag", "outer", "sym"}, "translation": _BOTH}


def commuting(context: Context, rates: Rates, action: str) -> Outcome:
    """permutation and translation: every operation of the field commutes with the action.

    Entrywise operations, sums and spreads commute with every permutation of entries; circular convolutions commute with circular
    shifts; scalars are left alone by both. What is spread over channels has to be left alone: it may hold scalars and sums over
    channels, but no vector of the state, whose own index moves.
    """
    for block, node in rates.rows:
        if context.model.block(block).space.rank == 2:
            return f"how a {action} acts on the matrix `{block}` is not said"
        moved = _Moved(context, action)
        moved.read(node)
        if node not in moved.along:
            return moved.reason(node)
    return by("commuting letters", f"every operation of the field commutes with every {action}")


class _Moved:
    """What becomes of the values of nodes when the state is moved by g: `along` holds those with a(g x) = g a(x), `still` those
    with a(g x) = a(x)."""

    def __init__(self, context: Context, action: str) -> None:
        self.context, self.action = context, action
        self.along: set[Node] = set()
        self.still: set[Node] = set()

    def read(self, root: Node) -> None:
        for node in root.walk():  # arguments first
            is_still = node.op != "state" and all(a in self.still for a in node.args)
            if is_still or (node.op == "unchannels" and node.args[0] in self.along):  # a circular shift keeps the sum of a channel
                self.still.add(node)
            if self._goes_along(node):
                self.along.add(node)
                self.still |= {node} if node.space == SCALAR else set()

    def _goes_along(self, node: Node) -> bool:
        if node.space == SCALAR and node in self.still:
            return True
        if node.op == "channels":
            return node.args[0] in self.still
        if node.op == "param":
            return _is_fixed(self.context, node, self.action)
        if node.op == "state" and not isinstance(node.space, MapSpace) and node.space.rank == 2:
            return False
        return node.op in _COMMUTE[self.action] and all(a in self.along for a in node.args)

    def reason(self, node: Node) -> str:
        """Why a node that does not go along does not."""
        if node.op == "param":
            return f"parameter {node.data[0]} is not shown to commute with every {self.action}"
        if node.op == "channels":
            return f"what is spread over channels depends on blocks whose own index a {self.action} moves"
        if node.op == "state":
            return f"how a {self.action} acts on the matrix `{node.data[0]}` is not said"
        inner = next((a for a in node.args if a not in self.along), None)
        if inner is None or node.op not in _COMMUTE[self.action]:
            return f"`{node.op}` is not shown to commute with every {self.action}"
        return self.reason(inner)


def _is_fixed(context: Context, node: Node, action: str) -> bool:
    """Whether a linear map commutes with every member of the group."""
    if node.space == SCALAR:
        return True
    space = context.model.parameter(node.data[0]).space
    return action == "translation" and not isinstance(space, Space) and space.padding == "circular" and space.stride == 1


# --- regions and texts ------------------------------------------------------------------------------------------


def is_convex_region(region: tuple[Comparison, ...]) -> bool:
    """Whether each comparison is affine in the state, so that the region is an intersection of half-spaces."""
    return all(_is_affine(c.left) and _is_affine(c.right) for c in region)


def _is_affine(node: Node) -> bool:
    if not depends_on(node, "state"):
        return True
    if node.op in ("state",):
        return True
    if node.op in ("add", "sum", "mean", "index", "spread", "stack"):
        return all(_is_affine(a) for a in node.args)
    if node.op in ("scale", "mul", "apply", "dot"):
        return not (depends_on(node.args[0], "state") and depends_on(node.args[1], "state")) and all(map(_is_affine, node.args))
    return False


def shown(form: Form, most: int = 160) -> str:
    """A short text of what is left over."""
    return shortened(form.key.replace("state ", "").replace("param ", "").replace("dim ", ""), most)


