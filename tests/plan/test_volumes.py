"""How substeps change volume: the node that is found, against central differences of the NumPy oracle."""
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from odenet.ir.interpret import evaluate
from odenet.ir.node import add, number, state
from odenet.plan import volumes
from odenet.plan.integrals import duration
from odenet.plan.steps import Closed, Linear
from odenet.schemes.numbers import as_node
from odenet.schemes.tables import coefficients

from .models import runner

HEAD = """dim n = 3, m = 2
state x, y, z : R[n]
state w : R[2 * n]
state u : R[2, 2, 2]
state a, b, c : R
param A : R[m, n]
param B : R[n, m]
param O : R[n, n], orthogonal
param P : R[m, n], orthogonal
param W : R[n, 2 * n], orthogonal
param E : R[n, n], lower
param U : R[n, n], upper
param S : R[n, n], skew
param M : R[n, n]
param v : R[n]
param e : R[n*(n-1)/2]
param k : R, positive
"""
# exact flows: a closed form
EXACT = [
    "x' = sin(y) * z", "x' = y * x", "x' = -k * x + y", "a' = sin(b) * a", "a' = -a * b  x' = b * v * x", "u' = mean(x) * u",
    "x' = M @ x + v", "x' = S @ x", "x' = E @ y  y' = S @ x + U @ y", "a' = k*b - a  b' = a + b", "x' = sum(x) * v",
    "x' = (A.T @ A - 2 * B @ A) @ x",
]
# Euler steps with a closed form: cascades, entry by entry, triangular, coupled scalars, of rank one, turned
WRITTEN = [
    "x' = tanh(y)", "x' = sin(y)  y' = z", "x' = sin(x) * y + max(x, v)", "u' = tanh(u) * a + u^3 - abs(u)",
    "a' = dot(v, sin(a * v))", "x' = tanh(x) + y  y' = sin(y) * z", "a' = sin(a * b)  b' = a - b^2",
    "a' = b * c  b' = c * a  c' = a * b", "x' = E @ tanh(E @ x + v)", "x' = -U @ (v * sin(U @ x)) - x", "x' = U.T @ sin(E @ x)",
    "x' = tanh(dot(v, x) + a) * y", "x' = y * sin(sum(x))", "x' = E @ (tanh(dot(v, x)) * y)", "x' = -O.T @ sin(O @ x)",
    "x' = k * O @ (v * tanh(O.T @ x + v))", "w' = -W.T @ tanh(W @ w)",
]
# Euler steps whose determinant is that of matrices of these sizes; P P' = I only when m <= n, which is not known
MATRICES = [
    ("x' = -2 * W @ tanh(W.T @ x)", (3,)),
    ("x' = P.T @ tanh(P @ x)", (2,)),
    ("x' = B @ tanh(A @ x + A @ y)", (2,)),
    ("x' = -A.T @ (sin(A @ x) * (A @ v))", (2,)),
    ("x' = M @ sin(M @ x)", (3,)),
    ("x' = tanh(A.T @ (A @ x)) + E @ x", (3,)),
    ("x' = softmax(x) + y", (3,)),
    ("x' = M @ sin(x)  z' = B @ tanh(A @ z + A @ x)", (3, 2)),
    ("x' = dot(x, y) * (skew(e) @ x)", (3,)),
]
# no structure is seen
UNSEEN = [
    "x' = skew(e * dot(x, y)) @ x", "x' = cumsum(tanh(x))", "x' = |x| * y + cumsum(x)", "x' = M @ sin(y)  y' = tanh(x)",
    "u' = u * sum(u)",
]
CASES = [*((rows, "", ()) for rows in EXACT), *((rows, "euler", ()) for rows in WRITTEN),
         *((rows, "euler", sizes) for rows, sizes in MATRICES), *((rows, "euler", None) for rows in UNSEEN)]


def members(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(3, 3))
    orthogonal = [np.linalg.qr(random.normal(size=(n, m)))[0] for n, m in ((3, 3), (3, 2), (6, 3))]
    return {"A": random.normal(size=(2, 3)), "B": random.normal(size=(3, 2)), "O": orthogonal[0], "P": orthogonal[1].T,
            "W": orthogonal[2].T, "E": np.tril(matrix), "U": np.triu(random.normal(size=(3, 3))), "S": matrix - matrix.T,
            "M": random.normal(size=(3, 3)), "v": random.normal(size=3), "e": random.normal(size=3), "k": np.array(0.7)}


def volume_of(made) -> volumes.Volume | None:
    advance = made.plan.advances[0]
    if isinstance(advance, Linear):
        return volumes.of_linear(made.model, advance)
    if isinstance(advance, Closed):
        return volumes.of_rows(made.model, advance.rows)
    length = volumes.products.times(as_node(coefficients(advance.table).weights[0]), duration())
    return volumes.of_rows(made.model, tuple(
        (name, add(state(name, rate.space), volumes.products.times(length, rate))) for name, rate in advance.rates))


def difference(made, states: dict[str, np.ndarray]) -> float:
    """log |det| of the Jacobian of one step, by central differences."""
    sizes = {name: value.shape for name, value in states.items()}

    def flat(blocks):
        return np.concatenate([np.ravel(blocks[name]) for name in sizes])

    def moved(z):
        pieces = np.split(z, np.cumsum([int(np.prod(s)) for s in sizes.values()])[:-1])
        return flat(made.run({name: p.reshape(s) for (name, s), p in zip(sizes.items(), pieces, strict=True)}))

    start, step = flat(states), 1e-5
    columns = [(moved(start + step * e) - moved(start - step * e)) / (2 * step) for e in np.eye(len(start))]
    return float(np.linalg.slogdet(np.array(columns))[1])


@pytest.mark.parametrize(("rows", "method", "sizes"), CASES, ids=[f"{rows} {method}" for rows, method, _ in CASES])
def test_the_change_of_volume(rows, method, sizes):
    part = f"f: {method}" if method else "f"
    made = runner(f"{HEAD}field f {{ {rows} }}\nflow net = lie({part}) over [0, 1/2] steps 1\n", members(3))
    volume = volume_of(made)
    if sizes is None:
        assert volume is None
        return
    assert volume is not None
    random = np.random.default_rng(4)
    shapes = {"u": (2, 2, 2), "w": (6,), **dict.fromkeys("xyz", (3,)), **dict.fromkeys("abc", ())}
    for _ in range(3):
        states = {name: random.normal(size=shapes[name]) for name in made.plan.flow.blocks}
        env = made.environment(states, 0, 0.0, 0.5)
        matrices = [evaluate(matrix, env) for matrix in volume.matrices]
        assert tuple(len(m) for m in matrices) == sizes
        total = float(evaluate(volume.total, env)) + sum(np.linalg.slogdet(m)[1] for m in matrices)
        assert total == pytest.approx(difference(made, states), abs=1e-7)


@pytest.mark.parametrize("rows", ["x' = sin(y)", "x' = sin(y)  y' = z", "x' = S @ x", "x' = skew(e) @ x", "a' = b  b' = -a"])
def test_kept_volume_costs_nothing(rows):
    made = runner(f"{HEAD}field f {{ {rows} }}\nflow net = lie(f{': euler' if 'z' in rows else ''}) over [0, 1/2] steps 1\n")
    volume = volume_of(made)
    assert volume is not None and volume.is_kept


def test_logarithms_of_products_powers_and_exponentials():
    a, b = state("a", number(1).space), state("b", number(1).space)
    grown = volumes.function("exp", a)
    assert volumes.log_abs(grown) == a
    product = volumes.products.times(volumes.products.times(number(Fraction(-1)), grown), volumes.products.powered(b, Fraction(-2)))
    found = volumes.log_abs(product)
    assert str(found) == str(volumes.products.collect(
        a, volumes.products.scaled(Fraction(-2), volumes.function("log", volumes.function("abs", b)))))
