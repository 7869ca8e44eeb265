"""The dense orthogonal flow, and the same with free matrices."""
from __future__ import annotations

from functools import partial

from benchmarks.speed.peers import lipschitz_layers, plain
from benchmarks.speed.peers.products import products
from benchmarks.speed.peers.torch_parametrizations import orthogonal_layers
from benchmarks.speed.specs import emitted
from benchmarks.speed.subject import Case, Data, Row, drawn

BATCH = 256
PLACES = ((8, 32), (8, 100), (64, 32), (64, 100), (256, 32), (256, 100))


def data(n: int, steps: int, batch: int = BATCH) -> Data:
    return drawn(((batch, n),), A=((steps, n, n), n**-0.5), b=((steps, n), n**-0.5))


def orthogonal(n: int, steps: int) -> Case:
    """x - A' relu(A x + b) / 2, each step with an orthogonal matrix of its own."""
    other = "the same step, another chart and other initial values"
    householder = Row("parametrizations.orthogonal (householder)", "same", partial(orthogonal_layers, chart="householder"))
    rows = (
        Row("odenet", "odenet", partial(emitted, "orthogonal", n=n, L=steps)),
        Row("plain loop, one batched chart", "same", plain.orthogonal_loop),
        Row("parametrizations.orthogonal", "same", orthogonal_layers, "one layer a step; by default matrix_exp"),
        Row("parametrizations.orthogonal (cayley)", "same", partial(orthogonal_layers, chart="cayley")),
        *([householder] if n < 256 else []),  # seconds for each run, and no faster anywhere
        Row("deel-torchlip SpectralLinear", "other", lipschitz_layers.deel_dense, other + "; near to orthogonal by iteration"),
        Row("orthogonium OrthoLinear", "other", lipschitz_layers.orthogonium_dense, other + "; near to orthogonal by iteration"),
    )
    title = f"Dense orthogonal flow, n = {n}, {steps} steps, batch {BATCH}"
    return Case(f"orthogonal {n} x {steps}", title, partial(data, n, steps), rows, plain.orthogonal_loop)


def free(n: int, steps: int) -> Case:
    """The same with free matrices: what is left is the loop and its products."""
    rows = (
        Row("odenet", "odenet", partial(emitted, "free", n=n, L=steps)),
        Row("plain loop", "same", plain.free_loop, "indexes stacked parameters, written as in the formula"),
        Row("plain loop, addmm", "same", partial(plain.free_loop, is_fused=True), "indexes stacked parameters"),
        Row("matrix products alone", "part", products, "as many mm and addmm of the same shapes, forward and backward"),
    )
    title = f"Dense flow with free matrices, n = {n}, {steps} steps, batch {BATCH}"
    return Case(f"free {n} x {steps}", title, partial(data, n, steps), rows, plain.free_loop)


def cases(quick: bool) -> list[Case]:
    places = ((64, 32),) if quick else PLACES
    return [*(orthogonal(n, steps) for n, steps in places), *(free(64, steps) for steps in ((32,) if quick else (32, 100)))]
