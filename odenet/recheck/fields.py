"""Rules about fields and defs: one function each, which checks that the step proves its goal."""
from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from odenet.ir.node import Node, apply, depends_on, replaced
from odenet.ir.sizes import SCALAR, Size, codomain, domain
from odenet.recheck import extremes, integrals
from odenet.recheck.actions import commuting_letters
from odenet.recheck.bounds import HALF, ONE, ZERO, Bound, known
from odenet.recheck.case import Case, Goal, Rows, Step, flipped, with_zero
from odenet.recheck.grids import grid_norm, grid_spectrum
from odenet.recheck.kinks import without_kinks
from odenet.recheck.positivity import is_nonnegative_sum
from odenet.recheck.reading import embed
from odenet.recheck.scalars import Scalar, number
from odenet.recheck.words import Form, identity


def _is(case: Case, goal: Goal, *properties: str) -> None:
    case.demand(goal.property in properties, f"the rule does not prove `{goal.property}`")


# --- equalities of normal forms -----------------------------------------------------------------------------------


def zero_trace(case: Case, goal: Goal, step: Step) -> None:
    _is(case, goal, "divergence_free")
    total = ZERO
    for block, _ in goal.rows:
        jacobian = case.jacobian(goal.rows, block, block)
        total = total + (jacobian.scalar() if jacobian.end == SCALAR else case.derivatives.trace(jacobian))
    case.demand(case.is_zero(total), "tr Df is not zero")


def symmetric_jacobian(case: Case, goal: Goal, step: Step) -> None:
    _is(case, goal, "gradient")
    case.demand(not goal.arguments, "the potential is given")
    names = case.blocks(goal.rows)
    for i in names:
        for j in names:
            case.vanishes(lambda c, i=i, j=j: c.jacobian(goal.rows, i, j) - c.jacobian(goal.rows, j, i).T,  # type: ignore[misc]
                          "Df is not symmetric")
    _convex_region(case, goal)


def _convex_region(case: Case, goal: Goal) -> None:
    for c in goal.region:
        case.demand(_is_affine(c.left) and _is_affine(c.right), "the region is not shown to be convex")


def _is_affine(node: Node) -> bool:
    if not depends_on(node, "state") or node.op == "state":
        return True
    if node.op in ("scale", "mul", "apply", "dot"):
        return sum(depends_on(a, "state") for a in node.args) == 1 and all(map(_is_affine, node.args))
    return node.op in ("add", "sum", "mean", "index", "spread", "stack") and all(map(_is_affine, node.args))


def given_potential(case: Case, goal: Goal, step: Step) -> None:
    """f = grad V or f = J grad H, with the potential of the claim or of the certificate."""
    _is(case, goal, "gradient", "hamiltonian")
    potential = goal.arguments[0] if goal.arguments else step.take("potential")
    if not goal.arguments:
        case.well_formed(potential)
    case.defined((potential,), case.signs(goal), is_constant_too=not goal.arguments)
    if goal.property == "gradient":
        for block in case.model.blocks:
            case.vanishes(lambda c, b=block.name: c.rate(goal.rows, b) - c.gradient(potential, b), "f is not grad V")  # type: ignore[misc]
        return
    for i in range(len(_halves(case, goal))):
        case.vanishes(lambda c, i=i: _turned(c, goal, potential, i, 0), "q' is not dH/dp")  # type: ignore[misc]
        case.vanishes(lambda c, i=i: _turned(c, goal, potential, i, 1), "p' is not -dH/dq")  # type: ignore[misc]


def _turned(case: Case, goal: Goal, potential: Node, i: int, k: int) -> Form:
    """One half of f - J grad H, for the pair i."""
    halves = _halves(case, goal)[i]
    (own, to_own), (other, to_other) = halves[k], halves[1 - k]
    slope = to_other @ case.gradient(potential, other)
    return to_own @ case.rate(goal.rows, own) + slope.scaled(number(1 if k else -1))


Half = tuple[str, Form]


def _halves(case: Case, goal: Goal) -> list[tuple[Half, Half]]:
    """Positions and momenta of all pairs, as a block and the map onto the half. Every block used belongs to one."""
    paired = {name for pair in case.model.pairs for name in (pair.position, pair.momentum)}
    case.demand(set(case.blocks(goal.rows)) <= paired, "a block belongs to no conjugate pair")
    found = []
    for pair in case.model.pairs:
        space = case.reader.block(pair.position)
        if pair.is_halved:
            n = space.sizes[0]
            half = n.scaled(HALF)
            first, second = embed(case.reader, Size(), half, n).T, embed(case.reader, half, n, n).T
            found.append(((pair.position, first), (pair.position, second)))
        else:
            one = identity(case.reader.table, space)
            found.append(((pair.position, one), (pair.momentum, one)))
    return found


def hamiltonian_jacobian(case: Case, goal: Goal, step: Step) -> None:
    """J^-1 Df is symmetric."""
    _is(case, goal, "hamiltonian")
    case.demand(not goal.arguments, "the energy is given")

    def zeros(c: Case) -> list[bool]:
        def d(row: Half, column: Half) -> Form:
            return row[1] @ c.jacobian(goal.rows, row[0], column[0]) @ column[1].T

        pairs = _halves(c, goal)
        return [c.is_zero_form(form if c is case else without_kinks(form)) for q, p in pairs for r, s in pairs
                for form in (d(q, s) - d(r, p).T, d(p, r) - d(s, q).T, d(q, r) + d(s, p).T, d(p, s) + d(r, q).T)]

    case.demand(all(zeros(case)) or all(map(max, zeros(case), zeros(case.basic))), "J^-1 Df is not symmetric")
    _convex_region(case, goal)


def substitution(case: Case, goal: Goal, step: Step) -> None:
    """f(Rx) = -R f(x) with R the flip of momenta, f(-x) = -f(x), or f(Qx) = Q f(x) for an orthogonal matrix."""
    _is(case, goal, "reversible", "equivariant")
    if goal.property == "equivariant" and isinstance(goal.arguments[0], Node):
        return _turned_by(case, goal, goal.arguments[0])
    if goal.property == "reversible":
        _halves(case, goal)
        case.demand(not any(pair.is_halved for pair in case.model.pairs), "a halved block")
        turned = {pair.momentum for pair in case.model.pairs}
    else:
        case.demand(goal.arguments == ("sign",), "the rule knows the flip of all signs only")
        turned = {b.name for b in case.model.blocks}
    if goal.region:  # R x may lie outside of it
        case.defined(tuple(flipped(node, turned) for _, node in goal.rows), case.signs(goal))
    for block, node in goal.rows:
        sign = -1 if goal.property == "reversible" and block in turned else 1
        case.vanishes(lambda c, n=node, sign=sign: c.reader.form(flipped(n, turned))  # type: ignore[misc]
                      + c.reader.form(n).scaled(number(sign)), "the symmetry fails")


def _turned_by(case: Case, goal: Goal, matrix: Node) -> None:
    names = case.blocks(goal.rows)
    ends = [case.reader.space(end(matrix.space)) for end in (domain, codomain)]
    case.demand(all([case.reader.block(b)] * 2 == ends for b in names), "it does not fit")
    for _, node in goal.rows:
        moved = replaced(node, lambda leaf: apply(matrix, leaf) if leaf.op == "state" and leaf.data[0] in names else None)
        if goal.region:
            case.defined((moved,), case.signs(goal))
        case.vanishes(lambda c, n=node, moved=moved: c.reader.form(moved) - c.reader.form(matrix) @ c.reader.form(n),  # type: ignore[misc]
                      "the symmetry fails")


# --- bounds of spectra and norms ------------------------------------------------------------------------------------


def _rate_wanted(case: Case, goal: Goal) -> Scalar:
    """c of contractive(c); what does not move is not contracted."""
    _is(case, goal, "contractive", "nonexpansive")
    rate = ZERO if goal.property == "nonexpansive" else case.value(goal.arguments[0])
    if len(case.blocks(goal.rows)) < len(case.model.blocks):
        case.signs(goal).demand(-rate)
    return rate


def symmetric_part(case: Case, goal: Goal, rows: Rows, how: str = "blocks") -> tuple[Bound, Bound]:
    """The spectrum of (Df + Df')/2."""
    names = case.blocks(rows)
    return grid_spectrum(case, goal, [[case.jacobian(rows, i, j) for j in names] for i in names], how)


def spectral_bound(case: Case, goal: Goal, step: Step) -> None:
    rate = _rate_wanted(case, goal)
    case.demand(goal.norm == "2", "spectra speak of the 2-norm")
    high = known(symmetric_part(case, goal, goal.rows, step.take("how"))[1], "the symmetric part of Df")
    case.signs(goal).demand(-high - rate)


def principal_minors(case: Case, goal: Goal, step: Step) -> None:
    """A matrix of scalars is positive semidefinite: -(Df + Df')/2 - c, L^2 - Df'Df, a Hessian, L -+ Hessian."""
    if goal.kind == "def":
        hessian = [[h.scalar() for h in row] for row in _hessian(case, goal)]
        size = range(len(hessian))
        if goal.property == "convex":
            return _minors(case, goal, hessian)
        case.demand(goal.norm in ("+", "-"), "one side of the Hessian is asked for")
        bound, sign = case.value(goal.arguments[0]), 1 if goal.norm == "+" else -1
        return _minors(case, goal, [[(bound if i == j else ZERO) - hessian[i][j].times(sign) for j in size] for i in size])
    case.demand(goal.norm == "2", "minors speak of the 2-norm")
    names = case.blocks(goal.rows)
    df = [[case.jacobian(goal.rows, i, j).scalar() for j in names] for i in names]
    size = range(len(names))
    if goal.property == "lipschitz":
        bound = case.value(goal.arguments[0])
        case.signs(goal).demand(bound)
        return _minors(case, goal, [[_gram(df, i, j, bound) for j in size] for i in size])
    rate = _rate_wanted(case, goal)
    return _minors(case, goal, [[(df[i][j] + df[j][i]).times(-HALF) - (rate if i == j else ZERO) for j in size] for i in size])


def _gram(df: list[list[Scalar]], i: int, j: int, bound: Scalar) -> Scalar:
    total = bound * bound if i == j else ZERO
    for row in df:
        total = total - row[i] * row[j]
    return total


def _minors(case: Case, goal: Goal, matrix: list[list[Scalar]]) -> None:
    size = range(len(matrix))
    for i in size:
        for j in size:
            case.demand(matrix[i][j] == matrix[j][i], "the matrix is not symmetric")
    alone = [i for i in size if all(not matrix[i][j].terms for j in size if j != i)]
    rest = [i for i in size if i not in alone]
    for rows in [(i,) for i in alone] + [c for k in range(1, len(rest) + 1) for c in combinations(rest, k)]:
        case.signs(goal).demand(determinant([[matrix[i][j] for j in rows] for i in rows]))


def determinant(matrix: list[list[Scalar]]) -> Scalar:
    if not matrix:
        return ONE
    total = ZERO
    for j, entry in enumerate(matrix[0]):
        if entry.terms:
            minor = determinant([[row[k] for k in range(len(row)) if k != j] for row in matrix[1:]])
            total = total + (entry * minor).times((-1) ** j)
    return total


def logarithmic_norm(case: Case, goal: Goal, step: Step) -> None:
    """mu_p(Df) <= -c for p = 1, inf: diagonal words by their upper end, others by their norm, added along rows or columns."""
    rate = _rate_wanted(case, goal)
    case.demand(goal.norm in ("1", "inf"), "the rule is about the norms 1 and inf")
    names, bounds = case.blocks(goal.rows), case.bounds(goal)
    for i in names:
        total = ZERO
        for j in names:
            piece = case.jacobian(goal.rows, *((i, j) if goal.norm == "inf" else (j, i)))
            total = total + known(bounds.norm(piece, goal.norm) if i != j else _measure(case, goal, piece), "a block of Df")
        case.signs(goal).demand(-total - rate)


def _measure(case: Case, goal: Goal, form: Form) -> Bound:
    bounds, total = case.bounds(goal), ZERO
    for word, c in form.terms.items():
        piece = Form(form.table, form.start, form.end, [(word, c)])
        is_diagonal = len(word) == 1 and word[0].kind == "diag"
        if word and bounds.is_balanced(word, goal.norm) and case.signs(goal).holds(-c, 3):
            continue
        bound = c if not word else bounds.spectrum(piece)[1] if is_diagonal else bounds.norm(piece, goal.norm)
        if bound is None:
            return None
        total = total + bound
    return total


def jacobian_norm(case: Case, goal: Goal, rows: Rows, how: str) -> Scalar:
    """An upper bound of |Df|: by its spectrum when symmetric, by its words, or |Df|_2^2 <= |Df|_1 |Df|_inf."""
    names, bounds = case.blocks(rows), case.bounds(goal)
    if how == "symmetric":
        case.demand(len(names) == 1 and goal.norm == "2", "one block and the 2-norm")
        jacobian = case.jacobian(rows, names[0], names[0])
        case.demand((jacobian - jacobian.T).is_zero(), "Df is not symmetric")
        low, high = bounds.spectrum(jacobian)
        return case.reader.largest(known(high, "Df"), -known(low, "Df"))
    if how == "mixed":
        case.demand(goal.norm == "2", "the 2-norm")
        one, other = (_words_norm(case, goal, rows, order) for order in ("1", "inf"))
        return one if one == other else bounds.root(one * other)
    if how == "grid":  # |Df| <= |N|, N the norms of the blocks, and |N|_2^2 <= |N|_1 |N|_inf
        case.demand(goal.norm == "2", "the 2-norm")
        return grid_norm(case, goal, [[case.jacobian(rows, i, j) for j in names] for i in names])
    case.demand(how == "words", "no such bound")
    return _words_norm(case, goal, rows, goal.norm)


def _words_norm(case: Case, goal: Goal, rows: Rows, order: str) -> Scalar:
    names, bounds = case.blocks(rows), case.bounds(goal)
    sums = []
    for i in names:
        sizes = [known(bounds.norm(case.jacobian(rows, *((j, i) if order == "1" else (i, j))), order), "Df") for j in names]
        squares = [s * s for s in sizes] if order == "2" and len(names) > 1 else sizes
        sums.append(_total(squares))
    return bounds.root(_total(sums)) if order == "2" and len(names) > 1 else case.reader.largest(*sums)


def _total(items: list[Scalar]) -> Scalar:
    total = ZERO
    for item in items:
        total = total + item
    return total


def norm_of_the_jacobian(case: Case, goal: Goal, step: Step) -> None:
    _is(case, goal, "lipschitz")
    case.signs(goal).demand(case.value(goal.arguments[0]) - jacobian_norm(case, goal, goal.rows, step.take("how")))


# --- the positive orthant -------------------------------------------------------------------------------------------


def quasi_positive(case: Case, goal: Goal, step: Step) -> None:
    """x >= 0 and x_i = 0 imply f_i >= 0: what does not vanish with x_i is nonnegative."""
    _is(case, goal, "positive")
    signs = case.signs(goal, is_orthant=True)
    for block, node in goal.rows:
        if case.reader.block(block) == SCALAR:
            signs.demand(case.reader.form(with_zero(node, block)).scalar())
            continue
        terms = list(case.reader.form(node).terms.items())
        case.demand(is_nonnegative_sum(terms, block, signs), "a term may be negative where an entry is 0")


# --- defs -----------------------------------------------------------------------------------------------------------


def _hessian(case: Case, goal: Goal) -> list[list[Form]]:
    definition = case.model.definition(goal.subject)
    form = case.reader.form(definition.body)
    targets = [(case.reader.table.atom("variable", name), case.reader.space(space)) for name, space in definition.arguments]
    gradients = [case.derivatives.jacobian(form, *target).T for target in targets]
    case.without_jumps(definition.body, gradients)
    return [[case.derivatives.jacobian(g, *target) for target in targets] for g in gradients]


def hessian(case: Case, goal: Goal, step: Step) -> None:
    """The Hessian's spectrum lies above 0, or within [-L, L]."""
    case.demand(goal.kind == "def", "Hessians are of defs")
    if step.premises:
        for side in ("+", "-"):
            case.premise(step, goal.of("def", "smooth", *goal.arguments, norm=side))
        return
    low, high = grid_spectrum(case, goal, _hessian(case, goal), step.take("how"))
    if goal.property == "convex":
        return case.signs(goal).demand(known(low, "the Hessian"))
    bound = case.value(goal.arguments[0])
    case.signs(goal).demand(bound - known(high, "the Hessian"))
    case.signs(goal).demand(bound + known(low, "the Hessian"))
    return None


Rule = Callable[[Case, Goal, Step], None]
FIELD_RULES: dict[str, Rule] = {
    "zero trace": zero_trace, "symmetric jacobian": symmetric_jacobian, "given potential": given_potential,
    "constructed potential": given_potential,
    "hamiltonian jacobian": hamiltonian_jacobian, "first integral": integrals.first_integral,
    "dissipation": integrals.dissipation, "gradient descent": integrals.gradient_descent,
    "named gradient": integrals.named_gradient, "largest entry": extremes.largest_entry,
    "substitution": substitution, "commuting letters": commuting_letters,
    "spectral bound": spectral_bound, "principal minors": principal_minors, "logarithmic norm": logarithmic_norm,
    "norm of the jacobian": norm_of_the_jacobian, "quasi-positive": quasi_positive, "hessian": hessian,
}
