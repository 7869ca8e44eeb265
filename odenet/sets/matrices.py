"""Sets of matrices with a structure; `orthogonal` is one of convolutions too."""
from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

from odenet.sets import exact, kernels
from odenet.sets.exact import Matrix
from odenet.sets.row import Exact, ParameterSetRow, fill, is_square, keeps_lengths, number

Shape = tuple[int, ...]
Arguments = tuple[Fraction, ...]


def _random(random: Random, shape: Shape) -> Matrix:
    return fill(shape, lambda: number(random))  # type: ignore[no-any-return]


def _diagonal(random: Random, n: int) -> Matrix:
    kind = random.randrange(4)
    if kind < 3:
        return exact.scaled(Fraction((0, 1, -1)[kind]), exact.identity(n))
    return exact.diagonal([number(random) for _ in range(n)])


def _sample_orthogonal(random: Random, shape: Shape, _: Arguments) -> Exact:
    return kernels.orthogonal_kernel(random, shape) if len(shape) == 4 else exact.orthogonal(random, *shape)


def _sample_skew(random: Random, shape: Shape, _: Arguments) -> Matrix:
    n = shape[0]
    if random.randrange(6) == 0:
        return exact.zero(n, n)
    return exact.scaled(Fraction(random.choice((1, 1, 2, 5))), exact.skew(random, n))


def _sample_symmetric(random: Random, shape: Shape, _: Arguments) -> Matrix:
    if random.randrange(3) == 0:
        return _diagonal(random, shape[0])
    a = _random(random, shape)
    return exact.scaled(Fraction(1, 2), exact.add(a, exact.transpose(a)))


def _sample_psd(random: Random, shape: Shape, _: Arguments) -> Matrix:
    n = shape[0]
    kind = random.randrange(4)
    if kind == 0:
        return exact.scaled(Fraction(random.choice((0, 1, 3))), exact.identity(n))
    width = 1 if kind == 1 else n
    b = _random(random, (n, width))
    return exact.multiply(b, exact.transpose(b))


def _sample_diagonal(random: Random, shape: Shape, _: Arguments) -> Matrix:
    return _diagonal(random, shape[0])


def _sample_lower(random: Random, shape: Shape, _: Arguments) -> Matrix:
    if random.randrange(4) == 0:
        return _diagonal(random, shape[0])
    a = _random(random, shape)
    return tuple(tuple(x if j <= i else Fraction(0) for j, x in enumerate(row)) for i, row in enumerate(a))


def _sample_upper(random: Random, shape: Shape, _: Arguments) -> Matrix:
    return exact.transpose(_sample_lower(random, shape, _))


# --- how far a float array is outside, the leading axes being a batch -----------------------------------------------


def _mirror(value: Any) -> Any:
    return value.swapaxes(-1, -2)


def _largest(value: Any) -> float:
    return float(abs(value).max())


def _off_orthogonal(value: Any) -> float:
    """Of matrices [m, n] or a stack of them; of kernels where there are four axes or more."""
    import numpy as np

    if value.ndim >= 4:
        return kernels.off_orthogonal(value)
    tall = value.shape[-2] >= value.shape[-1]
    gram = _mirror(value) @ value if tall else value @ _mirror(value)
    return _largest(gram - np.eye(gram.shape[-1]))


def _missed_by_cayley(value: Any) -> str:
    """Cayley's map reaches what has no eigenvalue -1; of a tall (wide) matrix that is said of its upper (left) square block."""
    import numpy as np

    rows, columns = value.shape
    size = min(rows, columns)
    shifted = value[:size, :size] + np.eye(size)
    if np.linalg.cond(shifted) < 1e9:
        half = np.linalg.inv(shifted)
        if np.linalg.norm(half - half.T) < 4000:  # what `orthogonal_raw` of emitted modules accepts
            return ""
    block = "" if rows == columns else f"its {'upper' if rows > columns else 'left'} square block "
    return f"{block}has the eigenvalue -1, or nearly"


def _off_psd(value: Any) -> float:
    import numpy as np

    lowest = np.linalg.eigvalsh((value + _mirror(value)) / 2).min()
    return max(_largest(value - _mirror(value)), float(max(0.0, -lowest)))


def _off_diagonal(value: Any) -> float:
    import numpy as np

    return _largest(value * (1 - np.eye(value.shape[-1])))


def _off_lower(value: Any) -> float:
    import numpy as np

    return _largest(np.triu(value, 1))


_SQUARE = "square matrices R[n, n]"
MATRICES = (
    ParameterSetRow("orthogonal", "matrices R[m, n] and circular convolutions of stride 1", keeps_lengths, _sample_orthogonal,
                    _off_orthogonal, facts=frozenset({"orthogonal"}), is_convex=False,
                    missed=_missed_by_cayley),
    ParameterSetRow("skew", _SQUARE, is_square, _sample_skew, lambda value: _largest(value + _mirror(value)),
                    facts=frozenset({"skew"}), is_linear=True),
    ParameterSetRow("symmetric", _SQUARE, is_square, _sample_symmetric, lambda value: _largest(value - _mirror(value)),
                    facts=frozenset({"symmetric"}), is_linear=True),
    ParameterSetRow("psd", _SQUARE, is_square, _sample_psd, _off_psd, facts=frozenset({"symmetric", "psd"})),
    ParameterSetRow("diagonal", _SQUARE, is_square, _sample_diagonal, _off_diagonal,
                    facts=frozenset({"diagonal", "symmetric", "lower", "upper"}), is_linear=True),
    ParameterSetRow("lower", _SQUARE, is_square, _sample_lower, _off_lower, facts=frozenset({"lower"}), is_linear=True),
    ParameterSetRow("upper", _SQUARE, is_square, _sample_upper, lambda value: _off_lower(_mirror(value)),
                    facts=frozenset({"upper"}), is_linear=True),
)
