"""The network that keeps the sum of its compartments."""
from __future__ import annotations

from functools import partial

from benchmarks.speed.peers import plain
from benchmarks.speed.specs import emitted
from benchmarks.speed.subject import Case, Data, Row, drawn

SIZE, HIDDEN, STEPS, BATCH = 10, 50, 32, 256


def data() -> Data:
    pairs = SIZE * (SIZE - 1) // 2
    return drawn(((BATCH, SIZE),), A=((STEPS, HIDDEN, SIZE), SIZE**-0.5), a=((STEPS, HIDDEN), SIZE**-0.5),
                 B=((STEPS, pairs, HIDDEN), HIDDEN**-0.5), c=((STEPS, pairs), HIDDEN**-0.5))


def case() -> Case:
    rows = (
        Row("odenet", "odenet", partial(emitted, "mass", n=SIZE, m=HIDDEN, L=STEPS)),
        Row("plain loop", "same", plain.mass_loop, "fills a skew matrix for each sample, as the code of the paper does"),
    )
    title = f"Mass-preserving net, {SIZE} compartments, {HIDDEN} hidden, {STEPS} steps, batch {BATCH}"
    return Case("mass", title, data, rows, plain.mass_loop)
