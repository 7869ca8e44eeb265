"""A neural ODE: 100 Euler steps of one field, against solvers."""
from __future__ import annotations

from functools import partial

from benchmarks.speed.peers import plain, solvers
from benchmarks.speed.specs import emitted
from benchmarks.speed.subject import Case, Data, Row, drawn

SIZE, STEPS, BATCH = 64, 100, 256


def data() -> Data:
    return drawn(((BATCH, SIZE),), A=((SIZE, SIZE), SIZE**-0.5), b=((SIZE,), SIZE**-0.5))


def case() -> Case:
    values = "its field holds the orthogonal matrix itself, without a chart"
    backwards = values + "; integrates backwards, so it keeps no states and its gradient is that of another discretisation"
    rows = (
        Row("odenet", "odenet", partial(emitted, "neural", n=SIZE, L=STEPS)),
        Row("odenet, checkpoint", "same", partial(emitted, "neural", backprop="checkpoint", n=SIZE, L=STEPS)),
        Row("odenet, invert", "same", partial(emitted, "neural", backprop="invert", n=SIZE, L=STEPS)),
        Row("plain loop", "same", partial(plain.neural_loop, steps=STEPS)),
        Row("torchdiffeq odeint", "same", partial(solvers.torchdiffeq, steps=STEPS), values),
        Row("torchdiffeq odeint_adjoint", "same", partial(solvers.torchdiffeq, steps=STEPS, is_adjoint=True), backwards),
        Row("torchdyn NeuralODE", "same", partial(solvers.torchdyn, steps=STEPS), values),
        Row("torchdyn NeuralODE, adjoint", "same", partial(solvers.torchdyn, steps=STEPS, sensitivity="adjoint"), backwards),
        Row("torchode", "same", partial(solvers.torchode, steps=STEPS), values),
    )
    return Case("neural", f"Neural ODE, one orthogonal matrix, n = {SIZE}, {STEPS} Euler steps, batch {BATCH}", data, rows,
                partial(plain.neural_loop, steps=STEPS))
