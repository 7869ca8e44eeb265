"""Ways of backpropagation against depth: states that are kept, recomputed, or found again by undoing the steps."""
from __future__ import annotations

from functools import partial

from benchmarks.speed.peers import plain, reversible, solvers
from benchmarks.speed.specs import MODES, emitted
from benchmarks.speed.subject import Case, Data, Row, drawn

SIZE, BATCH = 32, 256
DEPTHS = (10, 100, 1000)


def data() -> Data:
    matrix, bias = ((2 * SIZE, SIZE), SIZE**-0.5), ((2 * SIZE,), SIZE**-0.5)
    return drawn(((BATCH, SIZE), (BATCH, SIZE)), M=matrix, c=bias, K=matrix, a=bias)


def case(steps: int) -> Case:
    """One Hamiltonian for all steps, so parameters and their gradients do not grow with depth."""
    ours = [Row("odenet" if mode == "store" else f"odenet, {mode}", "odenet" if mode == "store" else "same",
                partial(emitted, "autonomous", backprop=mode, n=SIZE, L=steps)) for mode in MODES]
    rows = (
        *ours,
        Row("plain loop", "same", partial(plain.autonomous_loop, steps=steps)),
        Row("plain loop, torch.utils.checkpoint", "same", partial(reversible.checkpointed, steps=steps),
            "in about sqrt(steps) segments"),
        Row("memcnn", "same", partial(reversible.memcnn, steps=steps), "undoes its layers in backward"),
        Row("torchdiffeq odeint_adjoint", "other", partial(solvers.hamiltonian_adjoint, steps=steps),
            "explicit Euler on the same field, with as many products; integrates backwards"),
        Row("momentumnet", "other", partial(reversible.momentumnet, steps=steps), "undoes its layers in backward, to the last bit"),
    )
    title = f"Autonomous Hamiltonian flow, q and p in R^{SIZE}, {steps} steps, batch {BATCH}"
    return Case(f"undoing x {steps}", title, data, rows, partial(plain.autonomous_loop, steps=steps))


def cases(quick: bool) -> list[Case]:
    return [case(steps) for steps in (DEPTHS[:2] if quick else DEPTHS)]
