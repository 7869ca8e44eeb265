"""Whether a parameter value certainly lies in its set. Only such values may stand in a witness."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from odenet.ir.model import ConvolutionSpace, Parameter
from odenet.proof.refute.scalars import (
    ONE,
    ZERO,
    Scalar,
    Undefined,
    approximate,
    exact,
    is_nonnegative,
    is_positive,
    is_zero,
    total,
)
from odenet.proof.refute.spectra import norm_near
from odenet.proof.refute.tensors import Tensor

Rows = list[list[Scalar]]


def is_member(parameter: Parameter, value: Tensor, bounds: Sequence[Sequence[Scalar]]) -> bool:
    """Whether `value` certainly lies in every set of the parameter; `bounds` are the values of the sets' arguments."""
    return all(_is_in(parameter, s.name, value, arguments) for s, arguments in zip(parameter.sets, bounds, strict=True))


def _is_in(parameter: Parameter, name: str, value: Tensor, arguments: Sequence[Scalar]) -> bool:
    if name == "norm":
        bound = arguments[0]
        if isinstance(parameter.space, ConvolutionSpace):
            return _is_short_kernel(value, bound)
        return is_short(value, bound)
    if name == "interval":
        return _is_between(value, *arguments)
    if name not in TESTS:
        raise Undefined(f"the set {name}")
    return TESTS[name](value)


def _is_between(value: Tensor, low: Scalar, high: Scalar) -> bool:
    return all(is_nonnegative(v - low) and is_nonnegative(high - v) for v in value.items)


def is_semidefinite(rows: Rows) -> bool:
    """Whether a symmetric matrix is certainly positive semidefinite: elimination with nonnegative pivots."""
    rest = [list(row) for row in rows]
    while rest:
        size = len(rest)
        pivot = next((i for i in range(size) if is_positive(rest[i][i])), None)
        if pivot is None:  # no positive pivot left: the rest has to vanish
            return all(is_zero(entry) for row in rest for entry in row)
        head = rest[pivot]
        kept = [i for i in range(size) if i != pivot]
        rest = [[rest[i][j] - rest[i][pivot] * head[j] / head[pivot] for j in kept] for i in kept]
    return True


def is_short(value: Tensor, bound: Scalar) -> bool:
    """Whether the operator norm of a matrix (the 2-norm of anything else) is certainly at most `bound`."""
    if not is_nonnegative(bound):
        return False
    if len(value.shape) != 2:
        return is_nonnegative(bound * bound - total(item * item for item in value.items))
    small = value if value.shape[0] <= value.shape[1] else value.transposed()
    square = small.compose(small.transposed())
    n = square.shape[0]
    return is_semidefinite([[(bound * bound if i == j else ZERO) - square.items[i * n + j] for j in range(n)]
                            for i in range(n)])


def _is_short_kernel(kernel: Tensor, bound: Scalar) -> bool:
    """Whether a convolution certainly has a norm of at most `bound`: the sum of the norms of its taps, or
    |K|^2 <= |K|_1 |K|_inf, the largest sum of weights into one output times the largest out of one input."""
    outputs, inputs, size, _ = kernel.shape
    area = size * size
    taps = [Tensor((outputs, inputs), kernel.items[place::area]) for place in range(area)]
    if is_nonnegative(bound - total(_norm_bound(tap) for tap in taps)):
        return True
    sums = [total(abs(w) for w in kernel.items[place * area:(place + 1) * area]) for place in range(outputs * inputs)]
    into = [total(sums[k * inputs:(k + 1) * inputs]) for k in range(outputs)]
    out = [total(sums[c::inputs]) for c in range(inputs)]
    return is_nonnegative(bound) and all(is_nonnegative(bound * bound - a * b) for a in into for b in out)


def _norm_bound(matrix: Tensor) -> Scalar:
    """A number that the norm of a matrix certainly does not exceed; the norm itself where it is a short rational."""
    if all(is_zero(item) for item in matrix.items):
        return ZERO
    near = Fraction(norm_near([[approximate(item) for item in row] for row in matrix.rows()]))
    for candidate in (near.limit_denominator(10**4), near * Fraction(1_000_001, 1_000_000)):
        if is_short(matrix, exact(candidate)):
            return exact(candidate)
    return total(abs(item) for item in matrix.items)


def _equal(left: Rows, right: Rows) -> bool:
    return all(is_zero(a - b) for x, y in zip(left, right, strict=True) for a, b in zip(x, y, strict=True))


def _is_orthogonal(value: Tensor) -> bool:
    if len(value.shape) == 4:
        return _keeps_images(value)
    small = value if value.shape[0] <= value.shape[1] else value.transposed()
    rows = small.compose(small.transposed()).rows()
    return all(is_zero(entry - (ONE if i == j else ZERO)) for i, row in enumerate(rows) for j, entry in enumerate(row))


def _keeps_images(kernel: Tensor) -> bool:
    """Whether a circular convolution certainly keeps lengths, on images of every size: the sum over taps of K_a' K_(a + d)
    is I for d = 0 and 0 for every other shift d."""
    outputs, inputs, size, _ = kernel.shape
    area = size * size
    taps = {divmod(place, size): Tensor((outputs, inputs), kernel.items[place::area]) for place in range(area)}
    taps = {place: tap if outputs >= inputs else tap.transposed() for place, tap in taps.items()
            if not all(is_zero(item) for item in tap.items)}
    shifts = {(c - a, d - b) for a, b in taps for c, d in taps}
    return (0, 0) in shifts and all(_meets_itself(taps, shift) for shift in shifts if shift >= (0, 0))


def _meets_itself(taps: Mapping[tuple[int, int], Tensor], shift: tuple[int, int]) -> bool:
    pairs = [(tap, taps[a + shift[0], b + shift[1]]) for (a, b), tap in taps.items() if (a + shift[0], b + shift[1]) in taps]
    products = [one.transposed().compose(other) for one, other in pairs]
    n = products[0].shape[0]
    return all(is_zero(total(p.items[i] for p in products) - (ONE if shift == (0, 0) and i % (n + 1) == 0 else ZERO))
               for i in range(n * n))


def _is_zero_where(test: Callable[[int, int], bool]) -> Callable[[Tensor], bool]:
    return lambda value: all(is_zero(entry) for i, row in enumerate(value.rows()) for j, entry in enumerate(row) if test(i, j))


def _is_symmetric(value: Tensor) -> bool:
    return _equal(value.rows(), value.transposed().rows())


def _is_stochastic(value: Tensor) -> bool:
    return all(is_nonnegative(item) for item in value.items) and all(is_zero(total(row) - ONE) for row in value.rows())


def _is_laplacian(value: Tensor) -> bool:
    rows = value.rows()
    off = [row[j] for i, row in enumerate(rows) for j in range(len(row)) if i != j]
    return (_is_symmetric(value) and all(is_zero(total(row)) for row in rows)
            and all(is_nonnegative(-entry) for entry in off))


TESTS: dict[str, Callable[[Tensor], bool]] = {
    "positive": lambda value: all(is_positive(item) for item in value.items),
    "nonnegative": lambda value: all(is_nonnegative(item) for item in value.items),
    "orthogonal": _is_orthogonal,
    "skew": lambda value: _equal(value.rows(), value.transposed().map(lambda a: -a).rows()),
    "symmetric": _is_symmetric,
    "psd": lambda value: _is_symmetric(value) and is_semidefinite(value.rows()),
    "diagonal": _is_zero_where(lambda i, j: i != j),
    "lower": _is_zero_where(lambda i, j: i < j),
    "upper": _is_zero_where(lambda i, j: i > j),
    "stochastic": _is_stochastic,
    "doubly_stochastic": lambda value: _is_stochastic(value) and _is_stochastic(value.transposed()),
    "laplacian": _is_laplacian,
    "binary": lambda value: all(is_zero(item * item - ONE) for item in value.items),
    "frozen": lambda value: True,
}
