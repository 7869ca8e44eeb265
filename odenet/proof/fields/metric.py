"""contractive, nonexpansive, lipschitz of fields: bounds of spectra and norms."""
from __future__ import annotations

from fractions import Fraction
from itertools import combinations

from odenet.algebra.congruences import whole
from odenet.algebra.forms import Form
from odenet.algebra.inequalities import is_nonnegative
from odenet.algebra.letters import Word, entries
from odenet.algebra.scalars import ONE, ZERO, Scalar, power
from odenet.algebra.setting import Setting
from odenet.algebra.spectrum import Spectrum, absolute, block_spectrum, half_sum, largest, norm, spectrum, word_norm
from odenet.ir.sizes import SCALAR
from odenet.proof.context import Context, Outcome, Rates
from odenet.proof.fields.structure import shown
from odenet.proof.finding import Proof
from odenet.proof.rules import by

MOST_MINORS = 5


def contractive(context: Context, rates: Rates, rate: Scalar, setting: Setting, order: str = "2") -> Outcome:
    """mu(Df) <= -rate everywhere."""
    idle = [b.name for b in context.model.blocks if b not in context.blocks_of(rates)]
    if idle and not is_nonnegative(-rate, setting):
        return f"block `{idle[0]}` does not move, so nothing contracts it; claim nonexpansive, or declare a model without it"
    if order != "2":
        return _by_measure(context, rates, rate, setting, order)
    blocks = [b.name for b in context.blocks_of(rates)]
    if all(context.space(b) == SCALAR for b in blocks):
        return _by_minors(context, rates, rate, setting, blocks)
    grid = _grid(context, rates)
    outcome: Outcome = "no upper bound is known for the spectrum of the symmetric part of Df"
    for how in ("blocks", "whole"):
        outcome = _by_spectrum(grid, rate, setting, how) or outcome
        if isinstance(outcome, Proof):
            return outcome
    return outcome


def _grid(context: Context, rates: Rates) -> list[list[Form]]:
    names = [b.name for b in context.blocks_of(rates)]
    return [[context.jacobian(rates, i, j) for j in names] for i in names]


def _by_spectrum(grid: list[list[Form]], rate: Scalar, setting: Setting, how: str) -> Outcome | None:
    """By the blocks of Df, or by squares of the whole; None where neither gives a bound."""
    joined = whole(grid) if how == "whole" else None
    if how == "whole" and (joined is None or len(grid) == 1):
        return None
    found = block_spectrum(grid, setting) if joined is None else spectrum(half_sum(joined), setting)
    if found.high is None:
        return None
    if is_nonnegative(-found.high - rate, setting):
        return by("spectral bound", f"the symmetric part of Df is at most {found.high.key} <= -({rate.key})", how=how)
    return f"the symmetric part of Df is bounded by {found.high.key}, not by -({rate.key})"


def symmetric_spectrum(context: Context, rates: Rates, setting: Setting) -> Spectrum | str:
    """An interval for the spectrum of (Df + Df')/2 over all blocks."""
    return block_spectrum(_grid(context, rates), setting)


def _by_minors(context: Context, rates: Rates, rate: Scalar, setting: Setting, blocks: list[str]) -> Outcome:
    """-(Df + Df')/2 - rate I >= 0 for scalar blocks, by its principal minors."""
    entries = [[context.jacobian(rates, i, j).scalar() for j in blocks] for i in blocks]
    half = Fraction(-1, 2)
    matrix = [[(entries[i][j] + entries[j][i]).times(half) - (rate if i == j else ZERO) for j in range(len(blocks))]
              for i in range(len(blocks))]
    return psd_by_minors(matrix, setting, "-(Df + Df')/2 - c I")


def psd_by_minors(matrix: list[list[Scalar]], setting: Setting, name: str) -> Outcome:
    # a row that is zero off the diagonal splits off
    alone = [i for i in range(len(matrix)) if all(matrix[i][j].is_zero() for j in range(len(matrix)) if j != i)]
    rest = [i for i in range(len(matrix)) if i not in alone]
    if len(rest) > MOST_MINORS:
        return f"{name} has {len(rest)} coupled rows; principal minors are tried up to {MOST_MINORS}"
    chosen = [(i,) for i in alone] + [c for k in range(1, len(rest) + 1) for c in combinations(rest, k)]
    for rows in chosen:
        minor = determinant([[matrix[i][j] for j in rows] for i in rows])
        if not is_nonnegative(minor, setting):
            return f"the principal minor {rows} of {name} is {minor.key}, not shown to be >= 0"
    return by("principal minors", f"{name} >= 0")


def determinant(matrix: list[list[Scalar]]) -> Scalar:
    if len(matrix) == 1:
        return matrix[0][0]
    total = ZERO
    for j, entry in enumerate(matrix[0]):
        if not entry.is_zero():
            minor = determinant([[row[k] for k in range(len(row)) if k != j] for row in matrix[1:]])
            total = total + (entry * minor).times((-1) ** j)
    return total


def _by_measure(context: Context, rates: Rates, rate: Scalar, setting: Setting, order: str) -> Outcome:
    """The matrix measure in the norm 1 or inf: diagonal words by their upper end, others by their norm.

    With several blocks, rows (inf) or columns (1) of blocks are added up.
    """
    names = [b.name for b in context.blocks_of(rates)]
    for i in names:
        total = ZERO
        for j in names:
            piece = context.jacobian(rates, i, j) if order == "inf" else context.jacobian(rates, j, i)
            bound = _measure(piece, setting, order) if i == j else norm(piece, setting, order)
            if bound is None:
                return f"no bound is known for the block ({i}, {j}) of Df in this norm: {shown(piece)}"
            total = total + bound
        if not is_nonnegative(-total - rate, setting):
            return f"the matrix measure is bounded by {total.key}, not by -({rate.key})"
    return by("logarithmic norm", f"mu_{order}(Df) <= -({rate.key})")


def _measure(form: Form, setting: Setting, order: str) -> Scalar | None:
    total = ZERO
    for word, scalar in form.terms:
        if len(word) == 0:
            total = total + scalar
            continue
        if len(word) == 1 and word[0].kind == "diag":
            end = spectrum(Form(form.start, form.end, ((word, scalar),)), setting).high
            if end is None:
                return None
            total = total + end
            continue
        if _is_laplacian(word, scalar, setting, order):
            continue
        bound = word_norm(word, setting, order)
        if bound is None:
            return None
        total = total + absolute(scalar, setting) * bound
    return total


def _is_laplacian(word: Word, scalar: Scalar, setting: Setting, order: str) -> bool:
    """Whether the measure is 0: -c L with L a Laplacian, c >= 0, or -c L D for its columns, -c D L for its rows, D >= 0.

    -L has entries >= 0 off its diagonal and rows and columns that sum to 0, and a factor D scales them one by one.
    """
    laplacian, rest = (word[-1], word[:-1]) if order == "inf" else (word[0], word[1:])
    if "metzler negative" not in laplacian.facts or not is_nonnegative(-scalar, setting, 3):
        return False
    wanted = "rows sum to zero" if order == "inf" else "columns sum to zero"
    return wanted in laplacian.facts and all(
        letter.kind == "diag" and setting.entries_interval(entries(letter)).is_nonnegative() for letter in rest)


def lipschitz(context: Context, rates: Rates, bound: Scalar, setting: Setting, order: str = "2") -> Outcome:
    """|Df| <= bound everywhere."""
    found = norm_bounds(context, rates, setting, order)
    for value, proof in found:
        if is_nonnegative(bound - value, setting):
            return proof
    names = [b.name for b in context.blocks_of(rates)]
    if order == "2" and all(context.space(b) == SCALAR for b in names):
        return _gram_minors(context, rates, bound, setting, names)
    if not found:
        return "no bound is known for the norm of Df"
    return f"|Df| is bounded by {found[0][0].key}, not by {bound.key}"


def jacobian_norm(context: Context, rates: Rates, setting: Setting, order: str = "2") -> tuple[Scalar, Proof] | str:
    """An upper bound of |Df|, with its proof."""
    found = norm_bounds(context, rates, setting, order)
    if not found:
        return "no bound is known for the norm of Df"
    numbers = [(value, proof) for value, proof in found if value.value() is not None]
    return min(numbers, key=lambda one: one[0].value() or 0) if numbers else found[0]


def norm_bounds(context: Context, rates: Rates, setting: Setting, order: str = "2") -> list[tuple[Scalar, Proof]]:
    """All upper bounds of |Df| that are known."""
    rules = (_symmetric_norm, _block_norm, _grid_norm, _mixed_norm) if order == "2" else (_block_norm,)
    return [found for rule in rules if (found := rule(context, rates, setting, order)) is not None]


def _symmetric_norm(context: Context, rates: Rates, setting: Setting, order: str) -> tuple[Scalar, Proof] | None:
    """A symmetric Df: its norm is its spectral radius."""
    names = [b.name for b in context.blocks_of(rates)]
    if len(names) != 1:
        return None
    jacobian = context.jacobian(rates, names[0], names[0])
    if not (jacobian - jacobian.T).is_zero():
        return None
    own = spectrum(jacobian, setting)
    if own.low is None or own.high is None:
        return None
    value = largest(own.high, -own.low)
    return value, by("norm of the jacobian", f"Df is symmetric with spectrum in [{own.low.key}, {own.high.key}]", how="symmetric")


def _block_norm(context: Context, rates: Rates, setting: Setting, order: str) -> tuple[Scalar, Proof] | None:
    """Norms of words, block by block: |Df|_2^2 <= the sum of squares; |Df|_1 and |Df|_inf by columns and rows of blocks."""
    names = [b.name for b in context.blocks_of(rates)]
    rows: list[Scalar] = []
    for i in names:
        row = ZERO
        for j in names:
            size = norm(context.jacobian(rates, *((j, i) if order == "1" else (i, j))), setting, order)
            if size is None:
                return None
            row = row + (size * size if order == "2" and len(names) > 1 else size)
        rows.append(row)
    if order != "2" or len(names) == 1:
        value = largest(*rows)
    else:
        total = ZERO
        for row in rows:
            total = total + row
        value = _root(total)
    return value, by("norm of the jacobian", f"|Df| <= {value.key} by the norms of its words", how="words")


def _grid_norm(context: Context, rates: Rates, setting: Setting, order: str) -> tuple[Scalar, Proof] | None:
    """|Df|_2 is at most the norm of the matrix N of the norms of its blocks, and |N|_2^2 <= |N|_1 |N|_inf."""
    grid = _grid(context, rates)
    if len(grid) == 1:
        return None
    sizes = [[_sharp_norm(form, setting) for form in row] for row in grid]
    if any(size is None for row in sizes for size in row):
        return None
    rows = largest(*(_added(row) for row in sizes))
    columns = largest(*(_added([row[j] for row in sizes]) for j in range(len(grid))))
    value = rows if rows == columns else _root(rows * columns)
    return value, by("norm of the jacobian", f"|Df|_2^2 <= {rows.key} * {columns.key} by the norms of its blocks", how="grid")


def _sharp_norm(form: Form, setting: Setting) -> Scalar | None:
    """The norm of a block: by its spectrum where it is symmetric, else by its words."""
    if form.start == form.end and (form - form.T).is_zero():
        own = spectrum(form, setting)
        if own.low is not None and own.high is not None:
            return largest(own.high, -own.low)
    return norm(form, setting)


def _added(items: list[Scalar | None]) -> Scalar:
    total = ZERO
    for item in items:
        assert item is not None
        total = total + item
    return total


def _mixed_norm(context: Context, rates: Rates, setting: Setting, order: str) -> tuple[Scalar, Proof] | None:
    """|Df|_2^2 <= |Df|_1 |Df|_inf."""
    one, other = (_block_norm(context, rates, setting, order) for order in ("1", "inf"))
    if one is None or other is None:
        return None
    value = one[0] if one[0] == other[0] else _root(one[0] * other[0])
    return value, by("norm of the jacobian", f"|Df|_2^2 <= |Df|_1 |Df|_inf <= {one[0].key} * {other[0].key}", how="mixed")


def _gram_minors(context: Context, rates: Rates, bound: Scalar, setting: Setting, names: list[str]) -> Outcome:
    """L^2 I - Df' Df >= 0 for scalar blocks, by its principal minors."""
    if not is_nonnegative(bound, setting):
        return "the bound is not shown to be >= 0"
    entries = [[context.jacobian(rates, i, j).scalar() for j in names] for i in names]
    size = range(len(names))
    matrix = [[bound * bound if i == j else ZERO for j in size] for i in size]
    for i in size:
        for j in size:
            for k in size:
                matrix[i][j] = matrix[i][j] - entries[k][i] * entries[k][j]
    return psd_by_minors(matrix, setting, "L^2 I - Df' Df")


def _root(square: Scalar) -> Scalar:
    return ONE if square.value() == 1 else power(square, Fraction(1, 2), lambda _: False)
