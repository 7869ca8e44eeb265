"""The separable Hamiltonian flow: symplectic Euler with both potentials learned."""
from __future__ import annotations

from functools import partial

from benchmarks.speed.peers import plain, reversible
from benchmarks.speed.peers.strupnet_layers import gradient_modules
from benchmarks.speed.specs import emitted
from benchmarks.speed.subject import Case, Data, Row, drawn

SIZE, BATCH = 32, 256


def data(steps: int) -> Data:
    matrix, bias = ((steps, 2 * SIZE, SIZE), SIZE**-0.5), ((steps, 2 * SIZE), SIZE**-0.5)
    return drawn(((BATCH, SIZE), (BATCH, SIZE)), M=matrix, c=bias, K=matrix, a=bias)


def case(steps: int) -> Case:
    rows = (
        Row("odenet", "odenet", partial(emitted, "hamiltonian", n=SIZE, L=steps)),
        Row("odenet, invert", "same", partial(emitted, "hamiltonian", backprop="invert", n=SIZE, L=steps)),
        Row("plain loop", "same", plain.hamiltonian_loop, "indexes stacked parameters"),
        Row("memcnn", "same", partial(reversible.memcnn, steps=steps),
            "additive couplings, which are our shears; undoes its layers in backward"),
        Row("momentumnet", "other", partial(reversible.momentumnet, steps=steps),
            "a network of second order with as many products; undoes its layers in backward, to the last bit"),
        Row("strupnet", "other", partial(gradient_modules, steps=steps),
            "gradient modules with one more vector each, other initial values"),
    )
    return Case(f"hamiltonian x {steps}", f"Separable Hamiltonian flow, q and p in R^{SIZE}, {steps} steps, batch {BATCH}",
                partial(data, steps), rows, plain.hamiltonian_loop)


def cases(quick: bool) -> list[Case]:
    return [case(32)] if quick else [case(32), case(100)]
